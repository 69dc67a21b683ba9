//! One thing that a decision owes: where it stands, and what it is; and all that is owed, in the order in which
//! something becomes of it. However much is owed, an event looks only at what it concerns.
//!
//! Layer: core

use crate::engine;
use crate::job::Plan;
use crate::journal::{Action, Decision, Depends, RunId, Terms};
use crate::policy::Policy;
use crate::rule::{Action as RuleAction, Expect};
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
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
    /// It will start, but not before this time.
    Owed {
        /// Number of the attempt that is owed, from 1.
        attempt: u32,
        /// Not before.
        not_before: Timestamp,
    },
    /// Its time has come: it starts when a place is free.
    Ready {
        /// Number of the attempt that is owed, from 1.
        attempt: u32,
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
    /// Where it stands. Only [`Runs`] changes it.
    state: RunState,
    /// Which of the decision's actions it is.
    pub(super) index: usize,
    /// When the current attempt was announced.
    pub(super) since: Timestamp,
    /// Conditions of `expect` that have been met since the run began, over all its attempts: what an
    /// attempt in doubt or a late message has proved needs no second proof.
    pub(super) met: BTreeSet<Arc<str>>,
}

impl OpenRun {
    /// The action at this index of the decision, which must have it.
    pub(super) fn new(decision: &Arc<Decision>, index: usize, state: RunState, now: Timestamp) -> OpenRun {
        let (decision, job) = (decision.clone(), decision.actions[index].job());
        OpenRun { decision, job, state, index, since: now, met: BTreeSet::new() }
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> &RunState {
        &self.state
    }

    /// Number of the current attempt, or of the next one if it is owed.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        match self.state {
            RunState::Waiting(_) | RunState::Asked { .. } => 1,
            RunState::Owed { attempt, .. }
            | RunState::Ready { attempt }
            | RunState::Announced { attempt, .. }
            | RunState::Running { attempt }
            | RunState::Verifying { attempt, .. }
            | RunState::InDoubt { attempt } => attempt,
        }
    }

    /// Whose run it is, as people are told: `of job alert`, `to hand over to rule escalate`.
    pub(super) fn clause(&self) -> String {
        match self.what() {
            Action::HandOver { rule, .. } => format!("to hand over to rule {rule}"),
            _ => format!("of job {}", self.job),
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
        let Action::Run { action, job, .. } = self.what() else { return None };
        let runs =
            policy.rule(&self.decision.rule)?.then.iter().enumerate().filter_map(|(place, action)| match action {
                RuleAction::Run(run) if run.job == *job => Some((place, run)),
                _ => None,
            });
        // The rule may have been changed while its run is under way, and the run stand elsewhere in it.
        let (_, run) = runs.min_by_key(|(place, _)| place.abs_diff(*action))?;
        run.expect.as_ref()
    }

    /// The details of a notice about it.
    pub(super) fn about(&self, id: RunId) -> Vec<(&'static str, String)> {
        let mut fields = crate::agent::about(&self.decision);
        fields.insert(0, ("run", id.to_string()));
        fields
    }

    pub(super) fn kind(&self) -> Kind {
        if self.what().is_run() { Kind::Run } else { Kind::Deed }
    }

    /// No attempt of it has been announced: it may still not take place at all.
    pub(super) fn is_waiting(&self) -> bool {
        use RunState::{Asked, Owed, Ready, Waiting};
        matches!(self.state, Waiting(_) | Asked { .. } | Owed { attempt: 1, .. } | Ready { attempt: 1 })
    }

    /// Every place in the index at which it is found.
    fn places(&self, id: RunId) -> impl Iterator<Item = Place> + use<> {
        let by_state = match self.state {
            RunState::Ready { .. } => Some(Place::Ready(self.kind(), id)),
            RunState::Owed { not_before, .. } => Some(Place::Owed(self.kind(), not_before, id)),
            RunState::Announced { .. } | RunState::Running { .. } => Some(Place::UnderWay(id)),
            RunState::Asked { until: end } | RunState::Verifying { deadline: end, .. } => Some(Place::Ends(end, id)),
            RunState::Waiting(depends) => Some(Place::Behind(depends.run, id)),
            RunState::InDoubt { .. } => None,
        };
        let only_queues = self.is_waiting() && self.terms().is_plain();
        let by_rule = (!only_queues).then(|| Place::OfRule(self.decision.rule.clone(), id));
        by_state.into_iter().chain(by_rule)
    }
}

/// What is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// It is done by the agent itself, and needs no process.
    Deed,
    /// It needs a place among the runs.
    Run,
}

/// A place in the index. It follows from the run alone, so that it is the same live and at recovery; of each kind
/// the first in line is the first in order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// Its time has come.
    Ready(Kind, RunId),
    /// Owed, and not before this time.
    Owed(Kind, Timestamp, RunId),
    /// Announced or running.
    UnderWay(RunId),
    /// Verifying or asked until then.
    Ends(Timestamp, RunId),
    /// It waits for how the first of the two comes out.
    Behind(RunId, RunId),
    /// A record may prove it, or call it off, by this rule: all but what only waits for its turn.
    OfRule(Arc<str>, RunId),
}

impl Place {
    fn run(&self) -> RunId {
        match self {
            Place::Ready(_, id)
            | Place::Owed(_, _, id)
            | Place::UnderWay(id)
            | Place::Ends(_, id)
            | Place::Behind(_, id)
            | Place::OfRule(_, id) => *id,
        }
    }
}

/// Everything that is open, by number, and the index of it.
#[derive(Debug, Default)]
pub(super) struct Runs {
    all: BTreeMap<RunId, OpenRun>,
    places: BTreeSet<Place>,
}

/// No run's number is lower, or higher.
const LOW: RunId = RunId(0);
const HIGH: RunId = RunId(u64::MAX);
const BEGINNING: Timestamp = Timestamp(i64::MIN);
const END: Timestamp = Timestamp(i64::MAX);

impl Runs {
    pub(super) fn iter(&self) -> impl Iterator<Item = (RunId, &OpenRun)> {
        self.all.iter().map(|(id, run)| (*id, run))
    }

    pub(super) fn get(&self, id: RunId) -> Option<&OpenRun> {
        self.all.get(&id)
    }

    pub(super) fn insert(&mut self, id: RunId, run: OpenRun) {
        self.remove(id);
        self.places.extend(run.places(id));
        self.all.insert(id, run);
    }

    pub(super) fn remove(&mut self, id: RunId) -> Option<OpenRun> {
        let run = self.all.remove(&id)?;
        for place in run.places(id) {
            self.places.remove(&place);
        }
        Some(run)
    }

    /// A run has come to another state; nothing happens to one that is not open.
    pub(super) fn set(&mut self, id: RunId, state: RunState) {
        if let Some(run) = self.remove(id) {
            self.insert(id, OpenRun { state, ..run });
        }
    }

    /// An attempt is announced in this batch.
    pub(super) fn announce(&mut self, id: RunId, (attempt, batch): (u32, u64), now: Timestamp) {
        if let Some(run) = self.remove(id) {
            self.insert(id, OpenRun { state: RunState::Announced { attempt, batch }, since: now, ..run });
        }
    }

    /// These conditions of `expect` have been met.
    pub(super) fn prove(&mut self, id: RunId, conditions: impl IntoIterator<Item = Arc<str>>) {
        if let Some(run) = self.all.get_mut(&id) {
            run.met.extend(conditions);
        }
    }

    /// What is owed, and may start by now, is ready.
    pub(super) fn make_ready(&mut self, now: Timestamp) {
        for kind in [Kind::Deed, Kind::Run] {
            for id in self.at(Place::Owed(kind, BEGINNING, LOW)..=Place::Owed(kind, now, HIGH)) {
                if let Some(attempt) = self.get(id).map(OpenRun::attempt) {
                    self.set(id, RunState::Ready { attempt });
                }
            }
        }
    }

    /// The oldest of this kind that is ready.
    pub(super) fn next_ready(&self, kind: Kind) -> Option<RunId> {
        self.places.range(Place::Ready(kind, LOW)..=Place::Ready(kind, HIGH)).next().map(Place::run)
    }

    /// When the next of this kind that is owed will be ready.
    pub(super) fn next_owed(&self, kind: Kind) -> Option<Timestamp> {
        self.next_time(Place::Owed(kind, BEGINNING, LOW)..=Place::Owed(kind, END, HIGH))
    }

    /// When the next verification or question is over.
    pub(super) fn next_end(&self) -> Option<Timestamp> {
        self.next_time(Place::Ends(BEGINNING, LOW)..=Place::Ends(END, HIGH))
    }

    /// Verifications and questions that are over by now, by number.
    pub(super) fn over(&self, now: Timestamp) -> Vec<RunId> {
        let mut over = self.at(Place::Ends(BEGINNING, LOW)..=Place::Ends(now, HIGH));
        over.sort_unstable();
        over
    }

    /// Announced or running, by number.
    pub(super) fn under_way(&self) -> Vec<RunId> {
        self.at(Place::UnderWay(LOW)..=Place::UnderWay(HIGH))
    }

    /// Those that wait for how this one comes out, by number.
    pub(super) fn behind(&self, id: RunId) -> Vec<RunId> {
        self.at(Place::Behind(id, LOW)..=Place::Behind(id, HIGH))
    }

    /// Those that a record may concern by this rule, by number.
    pub(super) fn of_rule(&self, rule: &Arc<str>) -> Vec<RunId> {
        self.at(Place::OfRule(rule.clone(), LOW)..=Place::OfRule(rule.clone(), HIGH))
    }

    fn next_time(&self, places: RangeInclusive<Place>) -> Option<Timestamp> {
        match self.places.range(places).next()? {
            Place::Owed(_, at, _) | Place::Ends(at, _) => Some(*at),
            _ => None,
        }
    }

    fn at(&self, places: RangeInclusive<Place>) -> Vec<RunId> {
        self.places.range(places).map(Place::run).collect()
    }
}
