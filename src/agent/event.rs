//! Everything that can happen to the agent, in the past tense.
//!
//! Layer: core

use crate::engine::Matched;
use crate::job::Outcome;
use crate::journal::{By, Checkpoint, FileKey, Release, RunId, Subject};
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
    /// A person decided about a run in doubt.
    Released {
        /// The run.
        run: RunId,
        /// What becomes of it.
        how: Release,
        /// Who, and why.
        by: By,
    },
    /// A person wants a run's processes ended, or the run not to take place.
    Cancelled {
        /// The run.
        run: RunId,
        /// Who.
        by: By,
    },
    /// A person has answered whether a run may take place.
    Answered {
        /// The run.
        run: RunId,
        /// Whether it may.
        approved: bool,
        /// Who, and why.
        by: By,
    },
    /// A person has disabled a rule or a group.
    Disabled {
        /// Which.
        subject: Subject,
        /// Until then; none means until it is enabled.
        until: Option<Timestamp>,
        /// Who, and why.
        by: By,
    },
    /// A person has enabled it again.
    Enabled {
        /// Which.
        subject: Subject,
        /// Who, and why.
        by: By,
    },
    /// A person wants situations forgotten: of a rule, or named ones.
    SituationsClosed {
        /// The rule, or the name.
        name: Arc<str>,
        /// One of them, as its key is shown; none means all.
        key: Option<String>,
        /// Who, and why.
        by: By,
    },
    /// Start nothing more; stop when all that runs has ended.
    Shutdown,
}
