//! One attempt of a run: its steps in order, each under its condition.
//!
//! Layer: shell

use super::{Pace, Site, child};
use crate::job::{Outcome, Plan, PlannedStep, StepEnd};
use crate::journal::RunId;
use std::io::PipeReader;

/// What is to be carried out, and how it is called off.
pub(super) struct Attempt<'a> {
    pub run: RunId,
    pub attempt: u32,
    pub plan: Plan,
    /// At its end of file the attempt is to stop.
    pub cancel: PipeReader,
    pub site: &'a Site,
    pub pace: Pace,
}

/// Runs the steps. A cancelled attempt runs no further step, whatever the conditions say, as JES2's
/// CANCEL flushes even the steps with COND=EVEN.
pub(super) fn carry_out(attempt: &Attempt<'_>) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(attempt.plan.steps.len());
    let mut cancelled = false;
    for step in &attempt.plan.steps {
        let due = !cancelled && is_due(step, &outcomes);
        let outcome = if !due {
            outcome(step, StepEnd::Bypassed)
        } else if child::is_cancelled(&attempt.cancel) {
            outcome(step, StepEnd::Cancelled)
        } else {
            child::run(attempt, step)
        };
        cancelled |= outcome.end == StepEnd::Cancelled;
        outcomes.push(outcome);
    }
    outcomes
}

/// Whether the step runs: by its condition, or if all steps before it were good.
fn is_due(step: &PlannedStep, before: &[Outcome]) -> bool {
    match &step.condition {
        Some(condition) => condition.holds(before),
        None => before.iter().all(|outcome| outcome.good),
    }
}

/// The outcomes of an attempt of which no step could be started.
pub(super) fn not_started(plan: &Plan, why: &str) -> Vec<Outcome> {
    let ends = std::iter::once(StepEnd::NotStarted(why.to_owned())).chain(std::iter::repeat(StepEnd::Bypassed));
    plan.steps.iter().zip(ends).map(|(step, end)| outcome(step, end)).collect()
}

/// An outcome without time or output.
pub(super) fn outcome(step: &PlannedStep, end: StepEnd) -> Outcome {
    Outcome {
        step: step.name.clone(),
        cond_code: end.cond_code(step.bpxbatch),
        good: end.is_good(step.bpxbatch, step.max_cc),
        end,
        millis: 0,
        stdout: String::new(),
        stderr: String::new(),
    }
}
