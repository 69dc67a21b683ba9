//! What the command line and the console show of a live agent.
//!
//! Layer: core

use super::outbox::RunState;
use super::{Agent, Counts};
use crate::engine::Situation;
use crate::journal::{Action, Checkpoint, Key, RunId, Standing};
use crate::limits::SITUATIONS_SHOWN;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

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
    /// Situations alive.
    #[serde(default)]
    pub situations_alive: usize,
    /// Those of them that change first by time alone, at most 100.
    #[serde(default)]
    pub situations: Vec<SituationView>,
    /// Rules and groups that are disabled by command.
    #[serde(default)]
    pub disabled: Vec<OrderView>,
    /// Named situations that are set, at most 100.
    #[serde(default)]
    pub set: Vec<OrderView>,
    /// Rules that the loop guard holds, and until when at the soonest.
    #[serde(default)]
    pub guarded: Vec<(String, Timestamp)>,
    /// Rules on a schedule, the next one first.
    #[serde(default)]
    pub schedules: Vec<DueView>,
    /// How far each file is read.
    pub files: Vec<Checkpoint>,
}

/// A rule that is due by time alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DueView {
    /// The rule.
    pub rule: String,
    /// When it is next due, in engine time.
    pub at: Timestamp,
}

/// Something that stands until it is changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderView {
    /// What: a rule, `group:NAME`, a situation.
    pub what: String,
    /// `system=SYS1`; empty where there is one for all.
    pub key: String,
    /// Engine time.
    pub since: Timestamp,
    /// Until then; none means until it is changed.
    pub until: Option<Timestamp>,
    /// Who, and why.
    pub by: String,
}

impl OrderView {
    fn new(what: &dyn fmt::Display, key: &Key, standing: &Standing) -> OrderView {
        OrderView {
            what: what.to_string(),
            key: key.to_string(),
            since: standing.at,
            until: standing.until,
            by: standing.by.to_string(),
        }
    }

    /// `maintenance system=SYS1  since …, until …, by rule window`.
    #[must_use]
    pub fn line(&self) -> String {
        let key = if self.key.is_empty() { String::new() } else { format!(" {}", self.key) };
        let until = self.until.map(|until| format!(", until {until}Z")).unwrap_or_default();
        format!("{}{key}  since {}Z{until}, by {}", self.what, self.since, self.by)
    }
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
    /// `owed`, `announced`, `running`, `verifying`, `in doubt`, `asked`, `waits for run 7`.
    pub state: String,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// When time alone will change its state, in engine time.
    #[serde(default)]
    pub due: Option<Timestamp>,
    /// The values that it was given.
    #[serde(default)]
    pub with: Vec<(String, String)>,
}

/// A situation that is alive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SituationView {
    /// The rule.
    pub rule: String,
    /// `system=SYS1`; empty where there is one key for all.
    pub key: String,
    /// What is known: `2 counted`, `3 noted, waits until …`, `held until …`.
    pub state: String,
    /// When it began, in engine time.
    pub since: Timestamp,
}

impl SituationView {
    fn new(((rule, key), known): (&(Arc<str>, Key), &Situation)) -> SituationView {
        let counted = (!known.counted.is_empty()).then(|| format!("{} counted", known.counted.len()));
        let held = known.pause.map(|(_, until)| format!("held until {until}"));
        let awaited = known.wait.as_ref().map(|wait| {
            let noted = if wait.records > 1 { format!("{} noted, ", wait.records) } else { String::new() };
            format!("{noted}waits until {}", wait.until)
        });
        let state: Vec<String> = counted.into_iter().chain(awaited).chain(held).collect();
        SituationView { rule: rule.to_string(), key: key.to_string(), state: state.join(", "), since: known.since }
    }
}

impl Agent {
    /// All situations that are alive, those that end first before all.
    pub fn situations(&self) -> impl Iterator<Item = SituationView> {
        self.situations.iter().map(SituationView::new)
    }

    /// All named situations that are set.
    pub fn set(&self) -> impl Iterator<Item = OrderView> {
        self.standing.all_set().map(|(name, key, standing)| OrderView::new(name, key, standing))
    }
}

impl View {
    pub(super) fn new(agent: &Agent) -> View {
        let run = |(run, open): (RunId, &super::OpenRun)| {
            let (state, due) = match open.state() {
                RunState::Waiting(depends) => (format!("waits for run {}", depends.run), None),
                RunState::Asked { until } => ("asked".into(), Some(*until)),
                RunState::Owed { not_before, .. } => ("owed".into(), Some(*not_before).filter(|at| *at > agent.now)),
                RunState::Ready { .. } => ("owed".into(), None),
                RunState::Announced { .. } => ("announced".into(), None),
                RunState::Running { .. } => ("running".into(), None),
                RunState::Verifying { deadline, .. } => ("verifying".into(), Some(*deadline)),
                RunState::InDoubt { .. } => ("in doubt".into(), None),
            };
            let with: &[_] = match open.what() {
                Action::Run { with, .. } => with,
                _ => &[],
            };
            RunView {
                run,
                job: open.job.to_string(),
                rule: open.decision.rule.to_string(),
                state,
                attempt: open.attempt(),
                due,
                with: with.iter().map(|(name, value)| (name.to_string(), value.clone())).collect(),
            }
        };
        View {
            at: agent.now,
            policy: agent.policy.hash.clone(),
            rules: agent.policy.rules.len(),
            jobs: agent.policy.jobs.len(),
            counts: agent.counts,
            runs: agent.outbox.runs().map(run).collect(),
            situations_alive: agent.situations.len(),
            situations: agent.situations.iter().take(SITUATIONS_SHOWN).map(SituationView::new).collect(),
            disabled: agent
                .standing
                .all_disabled()
                .map(|(subject, standing)| OrderView::new(subject, &Key::default(), standing))
                .collect(),
            set: agent.set().take(SITUATIONS_SHOWN).collect(),
            guarded: agent.guard.guarded(agent.now).map(|(rule, until)| (rule.to_string(), until)).collect(),
            schedules: agent.schedules.iter().map(|(at, rule)| DueView { rule: rule.to_string(), at }).collect(),
            files: agent.seen.checkpoints().filter(|read| read.is_of_file() && !read.done).cloned().collect(),
        }
    }
}
