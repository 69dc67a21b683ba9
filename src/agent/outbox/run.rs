//! One thing that a decision owes: where it stands, and what it is.
//!
//! Layer: core

use crate::engine;
use crate::job::Plan;
use crate::journal::{Action, Decision, Depends, RunId, Terms};
use crate::policy::Policy;
use crate::rule::{Action as RuleAction, Expect};
use crate::time::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Where a run stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunState {
    /// It takes place only if a run before it comes out as it must.
    Waiting(Depends),
    /// Somebody must approve of it.
    Asked {
        /// Until then; after it the rule says what happens.
        until: Timestamp,
    },
    /// It will start as soon as it may: not before this time, and when a place is free.
    Owed {
        /// Number of the attempt that is owed, from 1.
        attempt: u32,
        /// Not before.
        not_before: Timestamp,
    },
    /// Its announcement is on the way to disk in this batch.
    Announced {
        /// From 1.
        attempt: u32,
        /// The batch.
        batch: u64,
    },
    /// Its processes run.
    Running {
        /// From 1.
        attempt: u32,
    },
    /// Its steps were good; it waits for messages that prove its effect.
    Verifying {
        /// From 1.
        attempt: u32,
        /// Until then.
        deadline: Timestamp,
    },
    /// It was running when an agent died. A person decides.
    InDoubt {
        /// From 1.
        attempt: u32,
    },
}

/// A run that is not over, or another action that waits.
#[derive(Clone, Debug)]
pub struct OpenRun {
    /// The decision that owes it.
    pub decision: Arc<Decision>,
    /// Name of the job; of another action a word in parentheses.
    pub job: Arc<str>,
    /// Where it stands.
    pub state: RunState,
    /// Which of the decision's actions it is.
    pub(super) index: usize,
    /// When the current attempt was announced.
    pub(super) since: Timestamp,
    /// Conditions of `expect` that have been met since the run began, over all its attempts: what an
    /// attempt in doubt or a late message has proved needs no second proof.
    pub(super) met: BTreeSet<usize>,
}

impl OpenRun {
    /// Number of the current attempt, or of the next one if it is owed.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        match self.state {
            RunState::Waiting(_) | RunState::Asked { .. } => 1,
            RunState::Owed { attempt, .. }
            | RunState::Announced { attempt, .. }
            | RunState::Running { attempt }
            | RunState::Verifying { attempt, .. }
            | RunState::InDoubt { attempt } => attempt,
        }
    }

    /// What it is.
    pub(in crate::agent) fn what(&self) -> &Action {
        &self.decision.actions[self.index]
    }

    /// What it waits for, or waited for.
    pub(super) fn terms(&self) -> Terms {
        self.what().terms()
    }

    /// The job's plan. It is made anew whenever it is needed: it is a pure function of the same decision,
    /// and keeping none saves memory while the journal is slow.
    pub(super) fn plan(&self, policy: &Policy) -> Result<Plan, String> {
        match self.what() {
            Action::Run { job, with, .. } => engine::plan(policy, job, with, &self.decision.captures),
            _ => Err("it is no run".into()),
        }
    }

    /// The messages that prove its effect, as the policy in force asks for them.
    pub(super) fn expect<'p>(&self, policy: &'p Policy) -> Option<&'p Expect> {
        match policy.rule(&self.decision.rule)?.then.get(self.action()?)? {
            RuleAction::Run(job) => job.expect.as_ref(),
            _ => None,
        }
    }

    /// Position of the run in the rule's list of actions.
    pub(super) fn action(&self) -> Option<usize> {
        match self.what() {
            Action::Run { action, .. } => Some(*action),
            _ => None,
        }
    }

    /// The details of a notice about it.
    pub(super) fn about(&self, id: RunId) -> Vec<(&'static str, String)> {
        let mut fields = crate::agent::about(&self.decision);
        fields.insert(0, ("run", id.to_string()));
        fields
    }
}
