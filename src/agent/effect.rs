//! Everything the agent may ask of the world, in the imperative.
//!
//! Layer: core

use crate::job::Plan;
use crate::journal::{Entry, RunId};
use crate::time::Timestamp;

/// Something to be done. The order within one batch of effects matters.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Write these entries, in one transaction, and say `Durable(batch)` when they are on disk.
    Append {
        /// Number of the batch, ascending.
        batch: u64,
        /// In order.
        entries: Vec<Entry>,
    },
    /// Start an attempt.
    Start {
        /// The run.
        run: RunId,
        /// From 1.
        attempt: u32,
        /// What to execute.
        plan: Plan,
    },
    /// End an attempt's processes.
    Cancel {
        /// The run.
        run: RunId,
    },
    /// Say it to the people who watch.
    Publish(Notice),
}

/// One of our own messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Message id, documented in docs/messages.md.
    pub id: &'static str,
    /// Engine time.
    pub at: Timestamp,
    /// A sentence with a period.
    pub text: String,
    /// `key=value` details: rule, run, record.
    pub fields: Vec<(&'static str, String)>,
}
