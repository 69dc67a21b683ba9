//! What is owed and does not begin at once: it waits for how a run before it comes out, for its time, or for
//! somebody's approval; and it can be called off as long as it has not begun.
//!
//! Layer: core

use super::{OpenRun, Outbox, RunState};
use crate::agent::Out;
use crate::journal::{By, Decision, Entry, RunId};
use crate::rule::Came;
use crate::time::Timestamp;
use std::sync::Arc;

impl OpenRun {
    /// Nothing but time keeps it from its first attempt.
    pub(super) fn approved(&self, now: Timestamp) -> RunState {
        RunState::Owed { attempt: 1, not_before: self.terms().not_before.map_or(now, |at| at.max(now)) }
    }
}

impl Outbox {
    /// A decision owes these runs.
    pub(in crate::agent) fn owe(&mut self, decision: &Arc<Decision>, now: Timestamp, out: &mut Out) {
        let owed: Vec<(RunId, usize)> = decision.runs().map(|(run, index, _)| (run, index)).collect();
        for (_, index) in &owed {
            self.insert(decision, *index, now);
        }
        for (id, _) in owed {
            self.begin(id, now, out);
        }
    }

    /// A run before it that is not open any more came out as it must: else this one had been skipped in the
    /// same batch.
    pub(super) fn insert(&mut self, decision: &Arc<Decision>, index: usize, now: Timestamp) {
        let Some(action) = decision.actions.get(index) else { return };
        let depends = action.terms().depends.filter(|depends| self.runs.get(depends.run).is_some());
        let owed = RunState::Owed { attempt: 1, not_before: now };
        let state = depends.map_or(owed, RunState::Waiting);
        self.runs.insert(action.run(), OpenRun::new(decision, index, state, now));
    }

    /// A run that waits for no other is asked for, or gets its time.
    pub(super) fn begin(&mut self, id: RunId, now: Timestamp, out: &mut Out) {
        if let Some(RunState::Owed { .. }) = self.runs.get(id).map(OpenRun::state) {
            self.ask_or_owe(id, now, out);
        }
    }

    fn ask_or_owe(&mut self, id: RunId, now: Timestamp, out: &mut Out) {
        let Some(run) = self.runs.get(id) else { return };
        let state = match run.terms().ask {
            None => run.approved(now),
            Some(ask) => {
                let until = now.after(ask.within);
                out.entries.push(Entry::Asked { run: id, at: now, until });
                let then = if ask.acts_unanswered { "takes place" } else { "does not take place" };
                let text = format!(
                    "Run {id} {} waits for approval until {until}Z; without an answer it {then}.",
                    run.clause()
                );
                out.say("WTR330W", now, text, run.about(id));
                RunState::Asked { until }
            }
        };
        self.runs.set(id, state);
    }

    /// A run is over, and others may have waited for it.
    pub(super) fn came_out(&mut self, id: RunId, came: Came, now: Timestamp, out: &mut Out) {
        for (other, wanted) in self.dependents(id) {
            if wanted == came {
                self.ask_or_owe(other, now, out);
            } else {
                self.skip(other, format!("run {id} {}", came.clause()), None, now, out);
            }
        }
    }

    fn dependents(&self, id: RunId) -> Vec<(RunId, Came)> {
        let depends = |other: RunId| match self.runs.get(other)?.state() {
            RunState::Waiting(depends) => Some((other, depends.came)),
            _ => None,
        };
        self.runs.behind(id).into_iter().filter_map(depends).collect()
    }

    /// A run does not take place, nor does what waits for how it comes out.
    fn skip(&mut self, id: RunId, reason: String, by: Option<By>, now: Timestamp, out: &mut Out) {
        if self.runs.remove(id).is_none() {
            return;
        }
        self.closed.skipped += 1;
        out.entries.push(Entry::Skipped { run: id, at: now, reason, by });
        for (other, _) in self.dependents(id) {
            self.skip(other, format!("run {id} did not take place"), None, now, out);
        }
    }

    /// The same, of which people are told.
    fn call_off(&mut self, id: RunId, reason: String, by: Option<By>, now: Timestamp, out: &mut Out) {
        let Some(run) = self.runs.get(id) else { return };
        let text = format!("Run {id} {} does not take place: {reason}.", run.clause());
        out.say("WTR332W", now, text, run.about(id));
        self.skip(id, reason, by, now, out);
    }

    /// What needs no process takes place.
    pub(super) fn do_now(&mut self, id: RunId, now: Timestamp, out: &mut Out) {
        let Some(run) = self.runs.remove(id) else { return };
        self.closed.good += 1;
        let reason = "it was done".into();
        out.entries.push(Entry::Closed { run: id, at: now, good: true, reason });
        out.deeds.push((run.decision, run.index));
    }

    /// Somebody has answered whether a run may take place. Any other run stays as it is.
    pub(in crate::agent) fn answered(&mut self, id: RunId, approved: bool, by: By, now: Timestamp, out: &mut Out) {
        let asked = |run: &&OpenRun| matches!(run.state(), RunState::Asked { .. });
        let Some(run) = self.runs.get(id).filter(asked) else { return };
        if !approved {
            return self.call_off(id, format!("denied by {by}"), Some(by), now, out);
        }
        let text = format!("Run {id} {} was approved by {by}.", run.clause());
        out.say("WTR331I", now, text, run.about(id));
        self.runs.set(id, run.approved(now));
        out.entries.push(Entry::Approved { run: id, at: now, by: Some(by) });
    }

    /// Questions that nobody has answered in time are answered as their rules say.
    pub(super) fn unanswered(&mut self, now: Timestamp, out: &mut Out) {
        for id in self.runs.over(now) {
            let asked = |run: &&OpenRun| matches!(run.state(), RunState::Asked { .. });
            let Some(run) = self.runs.get(id).filter(asked) else { continue };
            if !run.terms().ask.is_some_and(|ask| ask.acts_unanswered) {
                self.call_off(id, "nobody has approved of it in time".into(), None, now, out);
                continue;
            }
            let text = format!("Run {id} {} takes place, since nobody has denied it in time.", run.clause());
            out.say("WTR331I", now, text, run.about(id));
            self.runs.set(id, run.approved(now));
            out.entries.push(Entry::Approved { run: id, at: now, by: None });
        }
    }

    /// A person wants a run not to take place, or its processes ended; how they end comes as any end does.
    /// What waits for its next attempt has failed.
    pub(in crate::agent) fn cancelled(&mut self, id: RunId, by: By, now: Timestamp, out: &mut Out) {
        let Some(run) = self.runs.get(id) else { return };
        match run.state() {
            RunState::Running { .. } => out.effects.push(crate::agent::Effect::Cancel { run: id }),
            RunState::Owed { attempt: 2.., .. } | RunState::Ready { attempt: 2.. } => {
                self.close(id, false, format!("cancelled by {by} before its next attempt"), now, out);
            }
            _ if run.is_waiting() => self.call_off(id, format!("cancelled by {by}"), Some(by), now, out),
            _ => {}
        }
    }

    /// Calls off what has not begun, of the decisions of this rule that `which` finds.
    pub(in crate::agent) fn call_off_all(
        &mut self,
        (rule, which): (&Arc<str>, impl Fn(&Decision) -> bool),
        reason: &str,
        now: Timestamp,
        out: &mut Out,
    ) {
        let waits = |run: &OpenRun| !run.terms().is_plain() && run.is_waiting() && which(&run.decision);
        for id in self.runs.of_rule(rule) {
            if self.runs.get(id).is_some_and(waits) {
                self.call_off(id, reason.to_owned(), None, now, out);
            }
        }
    }
}
