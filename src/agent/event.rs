//! Everything that can happen to the agent, in the past tense.
//!
//! Layer: core

use crate::job::Outcome;
use crate::journal::{Checkpoint, FileKey, Origin, RunId};
use crate::rule::Captures;
use crate::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A record matched a rule, or a condition that some run may be waiting for.
    Matched(Box<Matched>),
    /// A source was read this far; every match before it has been given as an event.
    Read(Checkpoint),
    /// A file is not there any more and will not be read again.
    Gone(FileKey),
    /// Time has come this far.
    Tick(Timestamp),
    /// The journal has this batch on disk, and all before it.
    Durable(u64),
    /// An attempt has ended, or could not be started.
    Ended {
        /// The run.
        run: RunId,
        /// From 1.
        attempt: u32,
        /// What each step did.
        outcomes: Vec<Outcome>,
    },
    /// Another policy is in force from here on.
    PolicyReplaced(Arc<crate::policy::Policy>),
    /// Start nothing more; stop when all that runs has ended.
    Shutdown,
}

/// A match, with all that a decision needs of its record.
#[derive(Clone, Debug)]
pub struct Matched {
    /// What matched.
    pub target: Target,
    /// Where the record stands.
    pub origin: Origin,
    /// Engine time of the match: when it arrived, or in a replay the record's own time.
    pub at: Timestamp,
    /// How old the record was when it was read, if its time is known.
    pub age: Option<Duration>,
    /// Records older than this are reported and not acted upon.
    pub age_max: Option<Duration>,
    /// Captures and fields.
    pub captures: Captures,
    /// How far the source is read, this record included.
    pub read: Checkpoint,
}

/// What matched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// The rule's `when`.
    Rule(Arc<str>),
    /// A condition that a run of this rule may be waiting for.
    Expected {
        /// The rule.
        rule: Arc<str>,
        /// Position of the action in `then`, from 0.
        action: usize,
        /// Position of the condition in `expect.all`, from 0.
        condition: usize,
    },
}
