//! Everything that can happen to the agent, in the past tense.
//!
//! Layer: core

use crate::engine::Matched;
use crate::job::Outcome;
use crate::journal::{Checkpoint, FileKey, RunId};
use crate::policy::Policy;
use crate::time::Timestamp;
use std::sync::Arc;

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
    PolicyReplaced(Arc<Policy>),
    /// Start nothing more; stop when all that runs has ended.
    Shutdown,
}
