//! The dry run: the same recognition, matcher and agent as the daemon, driven by saved logs. Time
//! comes from the records; the world that carries out the effects does nothing. There is no code
//! path from here to an action.
//!
//! Layer: shell

mod report;

pub use report::{Summary, decision_json, decision_line};

use crate::agent::{Agent, Effect, Event, Memory};
use crate::engine::Matched;
use crate::job::{Outcome, Plan, StepEnd};
use crate::journal::{Checkpoint, Decision, Entry, FileKey, Origin};
use crate::policy::{Matcher, Policy};
use crate::record::{Flush, Options, Position, Record, Stream};
use crate::rule::Seen;
use crate::time::Timestamp;
use std::io::{self, Read};
use std::sync::Arc;

/// Bytes read at a time: large enough to cost few calls, small enough to stay in the cache.
const CHUNK: usize = 256 * 1024;

/// A replay in progress: one policy, any number of files.
#[derive(Debug)]
pub struct Replay {
    matcher: Matcher,
    agent: Agent,
    now: Timestamp,
    summary: Summary,
}

impl Replay {
    /// A replay of this policy with an empty memory.
    #[must_use]
    pub fn new(policy: Arc<Policy>) -> Replay {
        let summary = Summary::new(&policy);
        Replay { agent: fresh(&policy), matcher: Matcher::new(policy), now: Timestamp::default(), summary }
    }

    /// Replays one input; every decision goes to `sink`, in order. `progress` is told how many bytes
    /// were read.
    ///
    /// # Errors
    /// If the input cannot be read.
    pub fn file(
        &mut self,
        name: &str,
        input: &mut dyn Read,
        options: &Options,
        progress: &mut dyn FnMut(u64),
        sink: &mut dyn FnMut(&Decision),
    ) -> io::Result<()> {
        let mut stream = Stream::new(options, Position { offset: 0, line: 1 });
        let mut place = Place::new(name);
        let mut buffer = vec![0; CHUNK];
        loop {
            let length = input.read(&mut buffer)?;
            if length == 0 {
                stream.flush(Flush::Everything, &mut |record| self.record(record, &mut place, sink));
                self.summary.lines += stream.position().line - 1;
                return Ok(());
            }
            progress(length as u64);
            place.read = stream.resume_position();
            stream.feed(&buffer[..length], &mut |record| self.record(record, &mut place, sink));
        }
    }

    /// What was counted, over all inputs so far.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    fn record(&mut self, record: &Record<'_>, place: &mut Place, sink: &mut dyn FnMut(&Decision)) {
        let seen = Seen { record, source: &place.name, server: place.server.as_deref() };
        let mut hits = Vec::new();
        self.matcher.hits(seen, &mut |hit| hits.push((hit.target(), hit.condition.captures(seen))));
        self.summary.count(record, !hits.is_empty());
        if hits.is_empty() {
            return;
        }
        if let Some(time) = record.time {
            self.pass_time(time.timestamp(), place);
        }
        for (target, captures) in hits {
            let matched = Matched {
                target,
                origin: place.origin(record.position),
                at: self.now,
                age: None,
                age_max: None,
                captures,
                read: place.checkpoint(),
            };
            let effects = self.agent.handle(Event::Matched(Box::new(matched)));
            self.carry_out(effects, sink);
        }
    }

    /// Time comes from the records and never goes back within a file. A file that begins before the last
    /// one ended is another story: it gets an agent that remembers nothing.
    fn pass_time(&mut self, at: Timestamp, place: &mut Place) {
        if !place.is_timed && at < self.now {
            self.agent = fresh(self.matcher.policy());
            self.now = at;
        }
        place.is_timed = true;
        self.now = self.now.max(at);
    }

    /// A world in which the journal is at once on disk and every run is at once good.
    fn carry_out(&mut self, effects: Vec<Effect>, sink: &mut dyn FnMut(&Decision)) {
        for effect in effects {
            let next = match effect {
                Effect::Append { batch, entries } => {
                    for entry in entries {
                        if let Entry::Decided(decision) = entry {
                            self.summary.decided(&decision);
                            sink(&decision);
                        }
                    }
                    Event::Durable(batch)
                }
                Effect::Start { run, attempt, plan } => Event::Ended { run, attempt, outcomes: good(&plan) },
                Effect::Cancel { .. } | Effect::Publish(_) => continue,
            };
            let more = self.agent.handle(next);
            self.carry_out(more, sink);
        }
    }
}

/// An agent that remembers nothing.
fn fresh(policy: &Arc<Policy>) -> Agent {
    Agent::recover(policy.clone(), Memory::default(), Timestamp::default(), usize::MAX).0
}

fn good(plan: &Plan) -> Vec<Outcome> {
    let end = StepEnd::Exited(0);
    let outcome = |step: &crate::job::PlannedStep| Outcome {
        step: step.name.clone(),
        cond_code: end.cond_code(step.bpxbatch),
        end: end.clone(),
        good: true,
        millis: 0,
        stdout: String::new(),
        stderr: String::new(),
    };
    plan.steps.iter().map(outcome).collect()
}

/// Where the records of one input come from.
#[derive(Debug)]
struct Place {
    name: Arc<str>,
    server: Option<String>,
    file: FileKey,
    /// Where a reader would have to start again, as of the last chunk.
    read: Position,
    /// A record with a time has been met.
    is_timed: bool,
}

impl Place {
    fn new(name: &str) -> Place {
        let name: Arc<str> = name.into();
        Place {
            server: crate::input::server_of(&name),
            file: FileKey(name.clone()),
            read: Position::default(),
            is_timed: false,
            name,
        }
    }

    fn origin(&self, at: Position) -> Origin {
        Origin {
            source: self.name.clone(),
            path: self.name.clone(),
            file: self.file.clone(),
            offset: at.offset,
            line: at.line,
        }
    }

    fn checkpoint(&self) -> Checkpoint {
        let at = self.read;
        Checkpoint {
            source: self.name.clone(),
            path: self.name.clone(),
            file: self.file.clone(),
            offset: at.offset,
            line: at.line,
            head: String::new(),
        }
    }
}
