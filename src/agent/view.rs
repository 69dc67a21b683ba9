//! What the command line and the console show of a live agent.
//!
//! Layer: core

use super::Counts;
use super::outbox::{Outbox, RunState};
use super::seen::SeenPositions;
use crate::journal::{Checkpoint, RunId};
use crate::policy::Policy;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The agent at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Engine time.
    pub at: Timestamp,
    /// Hash of the policy in force.
    pub policy: String,
    /// Rules and jobs in it.
    pub rules: usize,
    /// Jobs in it.
    pub jobs: usize,
    /// Counts since the agent started.
    pub counts: Counts,
    /// Runs that are not over.
    pub runs: Vec<RunView>,
    /// How far each file is read.
    pub files: Vec<Checkpoint>,
}

/// A run that is not over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunView {
    /// Its number.
    pub run: RunId,
    /// Its job.
    pub job: String,
    /// The rule that owes it.
    pub rule: String,
    /// `owed`, `announced`, `running`, `verifying`, `in doubt`.
    pub state: String,
    /// Number of the attempt, from 1.
    pub attempt: u32,
}

impl View {
    pub(super) fn new(at: Timestamp, policy: &Policy, counts: Counts, outbox: &Outbox, seen: &SeenPositions) -> View {
        let run = |(run, open): (RunId, &super::OpenRun)| {
            let (state, attempt) = match open.state {
                RunState::Owed { attempt, .. } => ("owed", attempt),
                RunState::Announced { attempt, .. } => ("announced", attempt),
                RunState::Running { attempt } => ("running", attempt),
                RunState::Verifying { attempt, .. } => ("verifying", attempt),
                RunState::InDoubt { attempt } => ("in doubt", attempt),
            };
            RunView {
                run,
                job: open.job.to_string(),
                rule: open.decision.rule.to_string(),
                state: state.into(),
                attempt,
            }
        };
        View {
            at,
            policy: policy.hash.clone(),
            rules: policy.rules.len(),
            jobs: policy.jobs.len(),
            counts,
            runs: outbox.runs().map(run).collect(),
            files: seen.checkpoints().filter(|checkpoint| checkpoint.is_of_file()).cloned().collect(),
        }
    }
}
