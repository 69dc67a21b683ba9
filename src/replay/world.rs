//! A world without actions: the journal is on disk at once, and every run is over at once, good or, for
//! the jobs that are told so, failed or never.
//!
//! Layer: shell

use super::story::End;
use crate::agent::{Agent, Effect, Event, Memory};
use crate::engine::Matched;
use crate::job::{Outcome, Plan, StepEnd};
use crate::journal::{Checkpoint, Entry, FileKey, Origin};
use crate::limits::SCHEDULE_LEAP_MAX;
use crate::policy::{Matcher, Policy, Target};
use crate::record::{Position, Record};
use crate::rule::{Brakes, Captures, Seen};
use crate::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An agent in such a world.
#[derive(Debug)]
pub(super) struct World {
    agent: Agent,
    brakes: Brakes,
    /// How the runs of jobs end that are not good.
    pub(super) ends: BTreeMap<String, End>,
}

impl World {
    /// A world whose agent remembers nothing. `brakes` say how many runs are too many.
    pub(super) fn new(policy: &Arc<Policy>, brakes: Brakes) -> World {
        let (mut agent, _) = Agent::recover(policy.clone(), Memory::default(), Timestamp::default(), usize::MAX);
        agent.brake_by(brakes);
        World { agent, brakes, ends: BTreeMap::new() }
    }

    /// The agent dies, and another one takes over with what the journal holds.
    pub(super) fn restart(
        &mut self,
        policy: &Arc<Policy>,
        memory: Memory,
        now: Timestamp,
        told: &mut dyn FnMut(Entry),
    ) {
        let (agent, effects) = Agent::recover(policy.clone(), memory, now, usize::MAX);
        self.agent = agent;
        self.agent.brake_by(self.brakes);
        self.carry_out(effects, told);
    }

    pub(super) fn agent(&self) -> &Agent {
        &self.agent
    }

    /// Time passes: what is due on the way happens when it is due, so that a run which begins then has its
    /// time to end.
    pub(super) fn pass_time(&mut self, at: Timestamp, told: &mut dyn FnMut(Entry)) {
        // A broken stamp may lie thousands of years ahead: over such a leap the agent knows what to pass over.
        let leaps = self.agent.now() != Timestamp::default() && at.since(self.agent.now()) > SCHEDULE_LEAP_MAX;
        let mut last = None;
        while let Some(due) = self.agent.next_due().filter(|due| !leaps && *due <= at && last != Some(*due)) {
            self.give(Event::Tick(due), told);
            last = Some(due);
        }
        self.give(Event::Tick(at), told);
    }

    /// Something happens; every entry that it leads to is told, in order.
    pub(super) fn give(&mut self, event: Event, told: &mut dyn FnMut(Entry)) {
        let effects = self.agent.handle(event);
        self.carry_out(effects, told);
    }

    fn carry_out(&mut self, effects: Vec<Effect>, told: &mut dyn FnMut(Entry)) {
        for effect in effects {
            let next = match effect {
                Effect::Append { batch, entries } => {
                    entries.into_iter().for_each(&mut *told);
                    Event::Durable(batch)
                }
                Effect::Start { run, attempt, plan } => {
                    let end = self.ends.get(&*plan.job);
                    if end == Some(&End::Never) {
                        continue;
                    }
                    Event::Ended { run, attempt, outcomes: outcomes(&plan, end.is_none()) }
                }
                Effect::Cancel { .. } | Effect::Publish(_) => continue,
            };
            self.give(next, told);
        }
    }
}

/// What the steps of a run did: all of them well, or none.
fn outcomes(plan: &Plan, good: bool) -> Vec<Outcome> {
    let outcome = |step: &crate::job::PlannedStep| {
        let end = StepEnd::Exited(if good { 0 } else { 1 });
        Outcome {
            step: step.name.clone(),
            cond_code: end.cond_code(step.bpxbatch),
            end,
            good,
            millis: 0,
            stdout: String::new(),
            stderr: String::new(),
        }
    };
    plan.steps.iter().map(outcome).collect()
}

/// What an input is called.
#[derive(Clone, Copy, Debug)]
pub struct Named<'n> {
    /// Its path.
    pub path: &'n str,
    /// What rules see as `source`; none means the path.
    pub source: Option<&'n str>,
    /// The Liberty server that it belongs to; none means to take it from the path.
    pub server: Option<&'n str>,
}

impl<'n> From<&'n str> for Named<'n> {
    fn from(path: &'n str) -> Named<'n> {
        Named { path, source: None, server: None }
    }
}

/// Where the records of one input come from.
#[derive(Debug)]
pub(super) struct Place {
    /// What rules see as `source`.
    source: Arc<str>,
    path: Arc<str>,
    server: Option<String>,
    file: FileKey,
    /// Where a reader would have to start again, as of the last bytes.
    pub(super) read: Position,
}

impl Place {
    pub(super) fn new(named: Named<'_>) -> Place {
        let path: Arc<str> = named.path.into();
        Place {
            source: named.source.map_or_else(|| path.clone(), Arc::from),
            server: named.server.map_or_else(|| crate::input::server_of(&path), |server| Some(server.to_owned())),
            // No name of a file is that of what was handed over, or of a schedule.
            file: FileKey(format!("file {path}").into()),
            read: Position::default(),
            path,
        }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// A record as rules see it.
    pub(super) fn seen<'r, 'a>(&'r self, record: &'r Record<'a>) -> Seen<'r, 'a> {
        Seen { record, source: &self.source, server: self.server.as_deref() }
    }

    /// What a record matches, with its captures, in the order of the rules.
    pub(super) fn hits(&self, matcher: &Matcher, record: &Record<'_>) -> Vec<(Target, Captures)> {
        let seen = self.seen(record);
        let mut hits = Vec::new();
        matcher.hits(seen, &mut |hit| hits.push((hit.target(), hit.condition.captures(seen))));
        hits
    }

    /// The event that a record at this position has matched.
    pub(super) fn matched(&self, (target, captures): (Target, Captures), record: Position, at: Timestamp) -> Event {
        let origin = self.origin(record);
        let read = self.checkpoint();
        Event::Matched(Box::new(Matched { target, origin, at, age: None, age_max: None, captures, read }))
    }

    /// Where a record at this position stands.
    pub(super) fn origin(&self, record: Position) -> Origin {
        Origin {
            source: self.source.clone(),
            path: self.path.clone(),
            file: self.file.clone(),
            offset: record.offset,
            line: record.line,
        }
    }

    /// How far it is read.
    pub(super) fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            source: self.source.clone(),
            path: self.path.clone(),
            file: self.file.clone(),
            offset: self.read.offset,
            line: self.read.line,
            head: String::new(),
            done: false,
        }
    }
}
