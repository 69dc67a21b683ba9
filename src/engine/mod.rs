//! Matches -> decisions: what a rule does about a record, and why. The engine knows one time,
//! because it is told.
//!
//! Layer: core

mod matched;
mod situation;

pub use matched::Matched;
pub use situation::{Situation, Situations, Step};

use crate::job::{Plan, PlanError};
use crate::journal::{Action as Planned, Concluded, Decision, Note, Origin, RunId, Verdict};
use crate::policy::Policy;
use crate::rule::{Action, Captures, Mode, Rule, RunJob};
use crate::time::Timestamp;
use std::sync::Arc;

/// Stands for a run that does not take place.
const NO_RUN: RunId = RunId(0);

/// What a decision is based on beyond the record.
#[derive(Clone, Debug, Default)]
pub struct Basis {
    /// Why the rule fires, as a clause; none means that every condition holds.
    pub why: Option<String>,
    /// Why the rule is held, as a clause.
    pub held: Option<String>,
    /// The situation that comes to its end.
    pub concluded: Option<Concluded>,
}

/// Decides about one match of a rule. Runs are numbered from `next_run` on.
#[must_use]
pub fn decide(policy: &Policy, rule: &Rule, matched: &Matched, next_run: RunId, basis: Basis) -> Decision {
    let judged = match too_old(matched) {
        Some(why) => (Verdict::TooOld, why),
        None => judge(policy, rule, &matched.captures, &basis),
    };
    let record = (&matched.origin, &matched.captures, matched.at);
    decision(policy, rule, record, next_run, (judged, basis.concluded))
}

/// Decides about a match after which something should have followed and did not.
#[must_use]
pub fn decide_late(policy: &Policy, note: &Note, at: Timestamp, next_run: RunId, basis: Basis) -> Option<Decision> {
    let rule = policy.rule(&note.rule)?;
    let judged = judge(policy, rule, &note.captures, &basis);
    Some(decision(policy, rule, (&note.origin, &note.captures, at), next_run, (judged, basis.concluded)))
}

fn decision(
    policy: &Policy,
    rule: &Rule,
    (origin, captures, at): (&Origin, &Captures, Timestamp),
    next_run: RunId,
    ((verdict, reason), concluded): ((Verdict, String), Option<Concluded>),
) -> Decision {
    // Only what was done, or would have been, begins a pause.
    let paused = matches!(verdict, Verdict::Fired | Verdict::Shadow);
    let concluded = concluded.map(|c| Concluded { pause: c.pause.filter(|_| paused), ..c });
    // What is not done gets no number: a person who looks for run 7 shall find it.
    let (mut run, step) = if verdict == Verdict::Fired { (next_run, 1) } else { (NO_RUN, 0) };
    let actions = rule.then.iter().enumerate().map(|(i, action)| {
        let planned = plan_action(action, i, run, captures);
        run.0 += if matches!(planned, Planned::Run { .. }) { step } else { 0 };
        planned
    });
    Decision {
        rule: rule.name.clone(),
        verdict,
        reason,
        at,
        origin: origin.clone(),
        actions: actions.collect(),
        captures: captures.clone(),
        policy: policy.hash.clone(),
        concluded,
    }
}

/// Why the record is too old to be acted upon, if it is.
#[must_use]
pub fn too_old(matched: &Matched) -> Option<String> {
    let (age, max) = matched.age.zip(matched.age_max).filter(|(age, max)| age > max)?;
    Some(format!("the record is {} old, and its source acts only up to {}", seconds(age), seconds(max)))
}

fn judge(policy: &Policy, rule: &Rule, captures: &Captures, basis: &Basis) -> (Verdict, String) {
    if let Some(why) = &basis.held {
        return (Verdict::Held, why.clone());
    }
    for action in &rule.then {
        if let Action::Run(run) = action
            && let Err(why) = plan(policy, &run.job, &arguments(run, captures), captures)
        {
            return (Verdict::Impossible, why);
        }
    }
    let why = basis.why.as_deref().unwrap_or("every condition holds");
    match rule.mode {
        Mode::Act => (Verdict::Fired, why.into()),
        Mode::Shadow => (Verdict::Shadow, format!("{why}; the rule is in shadow mode")),
    }
}

fn plan_action(action: &Action, number: usize, run: RunId, captures: &Captures) -> Planned {
    match action {
        Action::Run(job) => Planned::Run { run, action: number, job: job.job.clone(), with: arguments(job, captures) },
        Action::Report(template) => Planned::Report { text: template.fill(captures) },
    }
}

/// The values that a rule gives to a job. One that comes out empty is not given, so that the job's
/// default holds.
fn arguments(run: &RunJob, captures: &Captures) -> Vec<(Arc<str>, String)> {
    let filled = run.with.iter().map(|(name, template)| (name.clone(), template.fill(captures)));
    filled.filter(|(_, value)| !value.is_empty()).collect()
}

/// Plans a job of the policy, or says why it cannot be.
///
/// # Errors
/// A clause without a period.
pub fn plan(policy: &Policy, job: &str, with: &[(Arc<str>, String)], captures: &Captures) -> Result<Plan, String> {
    let job = policy.jobs.get(job).ok_or_else(|| format!("the policy has no job `{job}`"))?;
    Plan::new(job, with, captures).map_err(|PlanError::Missing(name)| {
        format!("parameter `{name}` of job `{}` has no value in this record and no default", job.name)
    })
}

/// A span as people say it.
fn seconds(span: std::time::Duration) -> String {
    match span.as_secs() {
        s @ 0..600 => format!("{s} s"),
        s @ 600..36_000 => format!("{} min", s / 60),
        s @ 36_000..259_200 => format!("{} h", s / 3600),
        s => format!("{} days", s / 86_400),
    }
}
