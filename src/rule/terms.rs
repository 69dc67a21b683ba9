//! On what terms an action takes place: how the run before it came out, when, and whether somebody must
//! approve of it.
//!
//! Layer: core

use crate::limits::{BRAKE_OF_ALL, BRAKE_OF_RULE};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What an action asks for before it takes place. By default nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// How the run before it in the list must have come out.
    pub came: Option<Came>,
    /// How long after the decision, at the soonest.
    pub after: Option<Duration>,
    /// Whether somebody must approve of it.
    pub approval: Approval,
}

/// How a run came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Came {
    /// It was good.
    Good,
    /// It failed.
    Failed,
}

impl Came {
    /// The word in rules, and the end of a clause: `run 7 is good`, `run 7 has failed`.
    #[must_use]
    pub fn clause(self) -> &'static str {
        match self {
            Came::Good => "is good",
            Came::Failed => "has failed",
        }
    }
}

/// Whether somebody must approve of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Approval {
    /// As the rule has it.
    #[default]
    AsRule,
    /// Nobody need.
    NotNeeded,
    /// Somebody must.
    Needed(Ask),
}

/// How long to wait for an approval, and what then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// From when it is asked for.
    pub within: Duration,
    /// True: without an answer the run takes place; false: it does not.
    pub acts_unanswered: bool,
}

impl Ask {
    /// What happens without an answer, in the word of rules.
    #[must_use]
    pub fn otherwise(&self) -> &'static str {
        if self.acts_unanswered { "act" } else { "deny" }
    }
}

/// So many runs in a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AtMost {
    /// From 1.
    pub runs: usize,
    /// Any such span.
    pub per: Duration,
}

/// How many runs are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Brakes {
    /// Of one rule that says nothing else.
    pub rule: AtMost,
    /// Of all rules together.
    pub all: AtMost,
}

impl Default for Brakes {
    fn default() -> Brakes {
        let per = Duration::from_secs(60);
        Brakes { rule: AtMost { runs: BRAKE_OF_RULE, per }, all: AtMost { runs: BRAKE_OF_ALL, per } }
    }
}
