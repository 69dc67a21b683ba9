//! The requests and answers. A client may be older or newer than the agent: unknown keys are passed
//! over, an unknown request is answered as an error.
//!
//! Layer: core

use crate::agent::{Release, View};
use crate::journal::RunId;
use serde::{Deserialize, Serialize};

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "request")]
pub enum Request {
    /// What the agent is doing.
    Status,
    /// Read rules and jobs again: all or nothing.
    Reload,
    /// Decide what becomes of a run in doubt.
    Release {
        /// The run.
        run: RunId,
        /// What becomes of it.
        how: Release,
    },
    /// End the processes of a run that is running, or let one that has not begun not take place.
    Cancel {
        /// The run.
        run: RunId,
        /// In the client's words.
        #[serde(default)]
        why: Option<String>,
    },
    /// Let a run take place that waits for approval.
    Approve {
        /// The run.
        run: RunId,
        /// In the client's words.
        #[serde(default)]
        why: Option<String>,
    },
    /// Let it not take place.
    Deny {
        /// The run.
        run: RunId,
        /// In the client's words.
        #[serde(default)]
        why: Option<String>,
    },
}

/// What the agent answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "answer")]
pub enum Answer {
    /// The agent at this moment.
    Status {
        /// Process id.
        pid: u32,
        /// Program version.
        version: String,
        /// Everything a person may look at.
        view: Box<View>,
        /// Problems of sources that have not gone away, one sentence each.
        problems: Vec<String>,
        /// Why the journal cannot be written, if it cannot: then nothing is started.
        stalled: Option<String>,
    },
    /// The policy was replaced.
    Reloaded {
        /// Hash of the policy now in force.
        policy: String,
        /// Rules in it.
        rules: usize,
        /// Jobs in it.
        jobs: usize,
        /// Warnings, as they are printed by `wtor check`.
        warnings: String,
    },
    /// It was done.
    Done,
    /// It was not done.
    Refused {
        /// Why, as it is to be printed.
        reason: String,
    },
}
