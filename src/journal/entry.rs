//! The entries of the journal: everything that has been decided and done, in order. The journal is
//! the only memory that outlives the process; the ledger is the fold of its entries.
//!
//! Layer: core

use crate::job::Outcome;
use crate::rule::Captures;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Number of a run, from 1, in the order of decisions; what people type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub u64);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What makes a byte offset mean the same thing for ever: which file, not which name. For a file it
/// is device, inode and a generation that grows when the file is truncated; for a stream that cannot
/// be read again, a number that no other stream of the journal has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FileKey(pub Arc<str>);

/// Where a matched record came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Name of the source in `wtor.toml`.
    pub source: Arc<str>,
    /// Path of the file, or address of the peer, when it was read.
    pub path: Arc<str>,
    /// The file itself.
    pub file: FileKey,
    /// Byte offset of the record's first line.
    pub offset: u64,
    /// Its line number, from 1.
    pub line: u64,
}

/// How far a source has been read: everything before `position` is decided and recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Name of the source.
    pub source: Arc<str>,
    /// Path under which the file was last seen.
    pub path: Arc<str>,
    /// The file itself.
    pub file: FileKey,
    /// First byte that must be read again after a restart.
    pub offset: u64,
    /// Its line number, from 1.
    pub line: u64,
    /// The first bytes of the file (at most 256, in hex), by which a new file in a reused inode is
    /// told from the old one; empty where there is no file.
    pub head: String,
}

impl Checkpoint {
    /// A source has looked at its files for the first time. Without it, an agent that died before there
    /// was any file would come back as if it had never watched, and pass over what it has missed.
    #[must_use]
    pub fn looked(source: &Arc<str>) -> Checkpoint {
        let file = FileKey(format!("looked {source}").into());
        Checkpoint { source: source.clone(), path: "".into(), file, offset: 0, line: 0, head: String::new() }
    }

    /// True if it says how far a file or stream was read.
    #[must_use]
    pub fn is_of_file(&self) -> bool {
        !self.path.is_empty()
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
            Verdict::Impossible => "impossible",
        }
    }
}

/// One thing that a decision does (or would have done).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Action {
    /// A run of a job.
    Run {
        /// Its number.
        run: RunId,
        /// Position of the action in the rule's `then`, from 0.
        action: usize,
        /// The job.
        job: Arc<str>,
        /// The values that the rule gives to its parameters.
        with: Vec<(Arc<str>, String)>,
    },
    /// A line said.
    Report {
        /// The line.
        text: String,
    },
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
        /// Position of the condition in the rule's `expect.all`, from 0.
        condition: usize,
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
    /// The agent found this attempt begun and not ended when it started.
    InDoubt {
        /// The run.
        run: RunId,
        /// From 1.
        attempt: u32,
        /// Engine time.
        at: Timestamp,
    },
    /// A source has been read this far without a decision.
    Position(Checkpoint),
}
