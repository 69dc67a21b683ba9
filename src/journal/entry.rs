//! The entries of the journal: everything that has been decided and done, in order. The journal is
//! the only memory that outlives the process; the ledger is the fold of its entries.
//!
//! Layer: core

use super::{Action, By, Checkpoint, Concluded, Key, Note, Origin, Release, Subject};
use crate::job::Outcome;
use crate::rule::Captures;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Number of a run, from 1, in the order of decisions; what people type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub u64);

impl RunId {
    /// Stands for a run that does not take place.
    pub const NONE: RunId = RunId(0);

    /// True for [`RunId::NONE`].
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == RunId::NONE
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What became of a match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The rule acted.
    Fired,
    /// The rule is in shadow mode: this is what it would have done.
    Shadow,
    /// The record was older than the source's catch-up policy allows; reported only.
    TooOld,
    /// The rule or its group is disabled by command.
    Disabled,
    /// The rule fired a short while ago, and is to fire once per span only.
    Held,
    /// The action could not be planned (a parameter without a value): why is in the reason.
    Impossible,
}

impl Verdict {
    /// The word in JSON and tables.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Verdict::Fired => "fired",
            Verdict::Shadow => "shadow",
            Verdict::TooOld => "too_old",
            Verdict::Disabled => "disabled",
            Verdict::Held => "held",
            Verdict::Impossible => "impossible",
        }
    }

    /// True if the rule was kept from doing anything: its actions are not even what it would have done.
    #[must_use]
    pub fn is_kept_back(&self) -> bool {
        matches!(self, Verdict::Held | Verdict::Disabled)
    }
}

/// What keeps a rule from doing too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Brake {
    /// The loop guard: it seems to answer what it has caused itself.
    Loop,
    /// The storm brake: it starts too many runs.
    Storm,
    /// The storm brake: all rules together do.
    StormOfAll,
}

/// What the engine decided about one match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The rule.
    pub rule: Arc<str>,
    /// What became of it.
    pub verdict: Verdict,
    /// Why, as a sentence without a period.
    pub reason: String,
    /// Engine time.
    pub at: Timestamp,
    /// The record's position. With the rule it names the decision: the same record read again
    /// decides nothing new.
    pub origin: Origin,
    /// The captures of the match, fields of the record included.
    pub captures: Captures,
    /// What it does.
    pub actions: Vec<Action>,
    /// Hash of the policy that decided.
    pub policy: String,
    /// What held the rule, if it was none of its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brake: Option<Brake>,
    /// The situation that it concludes, of a rule that asks for more than one record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concluded: Option<Concluded>,
}

impl Decision {
    /// True if the rule was not in force for this record: disabled by command, or held by `during`, `if_set` or
    /// `if_not_set`. A rule that is held by a brake or by what it did before is in force.
    #[must_use]
    pub fn is_out_of_force(&self) -> bool {
        let by_orders = self.brake.is_none() && self.concluded.is_none();
        self.verdict == Verdict::Disabled || self.verdict == Verdict::Held && by_orders
    }

    /// What names it, with its position; and a second name by which is known that the rule was not in force.
    pub fn labels(&self) -> impl Iterator<Item = Arc<str>> {
        [self.rule.clone()].into_iter().chain(self.is_out_of_force().then(|| Decision::out_of_force(&self.rule)))
    }

    /// The second name of such a decision. Rules have no names with blanks.
    #[must_use]
    pub fn out_of_force(rule: &str) -> Arc<str> {
        format!("{rule} out of force").into()
    }
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "entry")]
pub enum Entry {
    /// A match was decided. Its runs are now owed.
    Decided(Decision),
    /// An attempt is about to start. From here to its end the run is in doubt if the agent dies.
    Starting {
        /// The run.
        run: RunId,
        /// From 1.
        attempt: u32,
        /// Engine time.
        at: Timestamp,
    },
    /// An attempt has ended.
    Ended {
        /// The run.
        run: RunId,
        /// From 1.
        attempt: u32,
        /// Engine time.
        at: Timestamp,
        /// What each step did.
        outcomes: Vec<Outcome>,
        /// All steps were good.
        good: bool,
    },
    /// One of the messages that a run must be followed by has come.
    Proved {
        /// The run.
        run: RunId,
        /// Attempt under way when it came, from 1.
        attempt: u32,
        /// Engine time.
        at: Timestamp,
        /// Position of the condition in the rule's `expect.all`, from 0, as the rule was then.
        condition: usize,
        /// The condition in words, by which it is known when it stands elsewhere; empty in older journals.
        #[serde(default, skip_serializing_if = "str::is_empty")]
        what: Arc<str>,
    },
    /// A run whose steps were good waited for messages that prove its effect: they came, or not.
    Verified {
        /// The run.
        run: RunId,
        /// From 1.
        attempt: u32,
        /// Engine time.
        at: Timestamp,
        /// The ids that were expected and did not come; empty if all came.
        missing: Vec<String>,
    },
    /// No attempt is left, or one was good: the run is over.
    Closed {
        /// The run.
        run: RunId,
        /// Engine time.
        at: Timestamp,
        /// Whether it came out well.
        good: bool,
        /// Why, as a sentence without a period.
        reason: String,
    },
    /// The run does not take place, and is over: what it waited for came out otherwise, or somebody said so.
    Skipped {
        /// The run.
        run: RunId,
        /// Engine time.
        at: Timestamp,
        /// Why, as a sentence without a period.
        reason: String,
        /// Who said so, if anybody did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<By>,
    },
    /// The run waits for somebody's approval.
    Asked {
        /// The run.
        run: RunId,
        /// Engine time.
        at: Timestamp,
        /// How long it waits.
        until: Timestamp,
    },
    /// The run was approved of.
    Approved {
        /// The run.
        run: RunId,
        /// Engine time.
        at: Timestamp,
        /// By whom; none if the time was over and the rule says to act then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<By>,
    },
    /// The agent found this attempt begun and not ended when it started.
    InDoubt {
        /// The run.
        run: RunId,
        /// From 1.
        attempt: u32,
        /// Engine time.
        at: Timestamp,
    },
    /// Somebody has decided what becomes of the run in doubt; `Starting` or `Closed` follows.
    Released {
        /// The run.
        run: RunId,
        /// The attempt that is in doubt, from 1.
        attempt: u32,
        /// Engine time.
        at: Timestamp,
        /// What becomes of it.
        how: Release,
        /// Who, and why.
        by: By,
    },
    /// A match belongs to a situation, which is not yet decided.
    Noted(Note),
    /// What was noted is forgotten without a decision.
    Forgotten {
        /// The rule.
        rule: Arc<str>,
        /// The situation; none means all of the rule.
        key: Option<Key>,
        /// Engine time.
        at: Timestamp,
        /// Why, as a sentence without a period.
        reason: String,
    },
    /// A rule or a group does nothing from now on, because somebody said so.
    Disabled {
        /// Which.
        subject: Subject,
        /// Engine time.
        at: Timestamp,
        /// Until then; none means until it is enabled.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
        /// Who, and why.
        by: By,
    },
    /// It does again.
    Enabled {
        /// Which.
        subject: Subject,
        /// Engine time.
        at: Timestamp,
        /// Who, and why.
        by: By,
    },
    /// A named situation begins, or begins anew.
    Set {
        /// Its name.
        name: Arc<str>,
        /// For which records.
        key: Key,
        /// Engine time.
        at: Timestamp,
        /// Until then; none means until it is closed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
        /// The rule.
        by: By,
    },
    /// It is over.
    Unset {
        /// Its name.
        name: Arc<str>,
        /// For which records.
        key: Key,
        /// Engine time.
        at: Timestamp,
        /// The rule, or the user.
        by: By,
    },
    /// A source has been read this far without a decision.
    Position(Checkpoint),
}

impl Entry {
    /// The run that it tells about.
    #[must_use]
    pub fn run(&self) -> Option<RunId> {
        match self {
            Entry::Starting { run, .. }
            | Entry::Ended { run, .. }
            | Entry::Proved { run, .. }
            | Entry::Verified { run, .. }
            | Entry::Closed { run, .. }
            | Entry::Skipped { run, .. }
            | Entry::Asked { run, .. }
            | Entry::Approved { run, .. }
            | Entry::InDoubt { run, .. }
            | Entry::Released { run, .. } => Some(*run),
            Entry::Decided(_)
            | Entry::Noted(_)
            | Entry::Forgotten { .. }
            | Entry::Disabled { .. }
            | Entry::Enabled { .. }
            | Entry::Set { .. }
            | Entry::Unset { .. }
            | Entry::Position(_) => None,
        }
    }
}
