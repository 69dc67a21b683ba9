//! The requests and answers. A client may be older or newer than the agent: unknown keys are passed
//! over, an unknown request is answered as an error.
//!
//! Layer: core

use crate::agent::{OrderView, SituationView, View};
use crate::journal::{Release, RunId, Subject};
use crate::policy::Difference;
use crate::time::Timestamp;
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
        /// In the client's words.
        #[serde(default)]
        why: Option<String>,
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
    /// Let a rule or a group do nothing.
    Disable {
        /// Which.
        subject: Subject,
        /// Until then, in engine time.
        #[serde(default)]
        until: Option<Timestamp>,
        /// In the client's words.
        why: String,
    },
    /// Let it do again what it did.
    Enable {
        /// Which.
        subject: Subject,
        /// In the client's words.
        why: String,
    },
    /// All situations that are alive, and those that are set.
    Situations,
    /// Forget situations of a rule, or let named ones be over.
    Close {
        /// The rule, or the name.
        name: String,
        /// One of them, as its key is shown; none means all.
        #[serde(default)]
        key: Option<String>,
        /// In the client's words.
        #[serde(default)]
        why: Option<String>,
    },
    /// Take these lines as if a source had read them.
    Inject {
        /// The lines.
        text: String,
        /// The source; none means the first one.
        #[serde(default)]
        source: Option<String>,
    },
    /// Start nothing more, and end when what runs has ended.
    Drain,
    /// End what runs, and then end.
    Stop,
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
        /// It starts nothing more, and ends when what runs has ended.
        #[serde(default)]
        stopping: bool,
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
        /// What it has otherwise than the one before it.
        #[serde(default)]
        difference: Difference,
    },
    /// Situations.
    Situations {
        /// What rules know of their keys, those that end first before all.
        alive: Vec<SituationView>,
        /// Named ones.
        set: Vec<OrderView>,
    },
    /// Lines were taken as if a source had read them.
    Injected {
        /// How many records they are.
        records: usize,
        /// What was decided, a line each.
        decisions: Vec<String>,
    },
    /// It was done.
    Done {
        /// What is in force now, where that was asked to change.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        in_force: Option<String>,
    },
    /// It was not done.
    Refused {
        /// Why, as it is to be printed.
        reason: String,
    },
}
