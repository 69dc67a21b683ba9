//! Matches -> decisions: what a rule does about a record, and why. The engine knows one time,
//! because it is told.
//!
//! Layer: core

mod correlate;
mod guard;
mod matched;
mod situation;
mod values;

pub use correlate::{Late, Step};
pub use guard::Guard;
pub use matched::Matched;
pub use situation::{Situation, Situations};

use crate::job::{Plan, PlanError};
use crate::journal::{Action as Planned, Terms as PlannedTerms};
use crate::journal::{Brake, Concluded, Decision, Depends, Key, Origin, RunId, Verdict};
use crate::policy::Policy;
use crate::rule::{Action, Approval, Captures, List, Mode, Rule, RunJob, Terms};
use crate::time::Timestamp;
use std::sync::Arc;

/// What a decision is based on beyond the record.
#[derive(Clone, Debug, Default)]
pub struct Basis {
    /// Why the rule fires, as a clause; none means that every condition holds.
    pub why: Option<String>,
    /// Why the rule is disabled, as a clause.
    pub disabled: Option<String>,
    /// Why the rule is held, as a clause.
    pub held: Option<String>,
    /// What holds it, if it is none of its own words.
    pub brake: Option<Brake>,
    /// The situation that comes to its end.
    pub concluded: Option<Concluded>,
    /// Which of the rule's actions are meant.
    pub list: List,
    /// What templates may use; none means what the record gives.
    pub captures: Option<Captures>,
}

/// Decides about one match of a rule, or about a record that completes what the rule waits for. Runs are
/// numbered from `next_run` on.
#[must_use]
pub fn decide(policy: &Policy, rule: &Rule, matched: &Matched, next_run: RunId, basis: Basis) -> Decision {
    let captures = basis.captures.clone().unwrap_or_else(|| matched.captures.clone());
    let judged = match too_old(matched) {
        Some(why) => (Verdict::TooOld, why),
        None => judge(policy, rule, &captures, &basis),
    };
    decision((policy, rule), (&matched.origin, captures, matched.at), next_run, judged, basis)
}

/// Decides about a record for a rule that is not in force: the policy was replaced in between, or another rule
/// has handed the record over to one that is not enabled.
#[must_use]
pub fn without_rule(policy: &Policy, rule: &Arc<str>, matched: &Matched) -> Decision {
    let (verdict, reason) = match policy.rule(rule) {
        Some(_) => (Verdict::Disabled, "the rule is not enabled in the policy"),
        None => (
            Verdict::Impossible,
            "the policy was replaced before it could be decided, and the rule is not in force any more",
        ),
    };
    Decision {
        rule: rule.clone(),
        verdict,
        reason: reason.into(),
        at: matched.at,
        origin: matched.origin.clone(),
        captures: matched.captures.clone(),
        actions: Vec::new(),
        policy: policy.hash.clone(),
        brake: None,
        concluded: None,
    }
}

/// Decides by time alone: about a wait that is over, with the record that began it, or about what is due.
#[must_use]
pub fn decide_by_time(
    policy: &Policy,
    rule: &Rule,
    (origin, captures, at): (&Origin, &Captures, Timestamp),
    next_run: RunId,
    basis: Basis,
) -> Decision {
    let captures = basis.captures.clone().unwrap_or_else(|| captures.clone());
    let judged = judge(policy, rule, &captures, &basis);
    decision((policy, rule), (origin, captures, at), next_run, judged, basis)
}

fn decision(
    (policy, rule): (&Policy, &Rule),
    (origin, captures, at): (&Origin, Captures, Timestamp),
    next_run: RunId,
    (verdict, reason): (Verdict, String),
    basis: Basis,
) -> Decision {
    // Only what was done, or would have been, begins a pause.
    let paused = matches!(verdict, Verdict::Fired | Verdict::Shadow);
    let concluded = basis.concluded.map(|c| Concluded { pause: c.pause.filter(|_| paused), ..c });
    // What is not done gets no number: a person who looks for run 7 shall find it.
    let first = if verdict == Verdict::Fired { next_run } else { RunId::NONE };
    let actions = plan_actions(rule, basis.list, (&captures, at), first);
    Decision {
        rule: rule.name.clone(),
        verdict,
        reason,
        at,
        origin: origin.clone(),
        actions,
        captures,
        policy: policy.hash.clone(),
        brake: basis.brake,
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
    if let Some(why) = &basis.disabled {
        return (Verdict::Disabled, why.clone());
    }
    if let Some(why) = &basis.held {
        return (Verdict::Held, why.clone());
    }
    for (_, action) in rule.actions(basis.list) {
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

/// The actions of a list with all their values, numbered from `next` on where they take place and are not over at
/// once.
fn plan_actions(rule: &Rule, list: List, (captures, at): (&Captures, Timestamp), mut next: RunId) -> Vec<Planned> {
    let mut run_before = RunId::NONE;
    let mut number = || {
        let number = next;
        next.0 += u64::from(!next.is_none());
        number
    };
    let plan = |(i, action): (usize, &Action)| {
        let terms = planned_terms(rule, action.terms(), at, run_before);
        // What other rules and people only hear of needs no approval.
        let terms = if action.may_ask() { terms } else { PlannedTerms { ask: None, ..terms } };
        let mut number_if_later = || if terms.is_plain() { RunId::NONE } else { number() };
        match action {
            Action::Run(job) => {
                run_before = number();
                Planned::Run { run: run_before, action: i, job: job.job.clone(), with: arguments(job, captures), terms }
            }
            Action::Report(report) => {
                Planned::Report { run: number_if_later(), text: report.text.fill(captures), terms }
            }
            Action::Set(set) => {
                let key = rule.correlation.as_ref().map(|asks| Key::of(&asks.by, captures)).unwrap_or_default();
                Planned::Set { run: number_if_later(), name: set.name.clone(), key, lasts: set.lasts, terms }
            }
            Action::Close(close) => Planned::Close { run: number_if_later(), name: close.name.clone(), terms },
            Action::HandOver(to) => Planned::HandOver { run: number_if_later(), rule: to.rule.clone(), terms },
        }
    };
    rule.actions(list).map(plan).collect()
}

fn planned_terms(rule: &Rule, terms: &Terms, at: Timestamp, run: RunId) -> PlannedTerms {
    let ask = match terms.approval {
        Approval::AsRule => rule.asks,
        Approval::NotNeeded => None,
        Approval::Needed(ask) => Some(ask),
    };
    PlannedTerms {
        depends: terms.came.map(|came| Depends { run, came }),
        not_before: terms.after.map(|after| at.after(after)),
        ask,
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
