//! The dry run: the same recognition, matcher and agent as the daemon, driven by saved logs. Time
//! comes from the records; the world that carries out the effects does nothing. There is no code
//! path from here to an action.
//!
//! Layer: shell

mod compare;
mod page;
mod proof;
mod report;
mod story;
mod world;

pub use compare::{Comparison, Difference, Watched, compare};
pub use page::{comparison_page, decisions_page};
pub use proof::{Proof, prove};
pub use report::{Summary, decision_json, decision_line};

use crate::agent::Event;
use crate::journal::Entry;
use crate::policy::{Matcher, Policy};
use crate::record::{Flush, Options, Position, Record, Stream};
use crate::rule::{Brakes, Zone};
use crate::time::{Stamp, Timestamp};
use std::io::{self, Read};
use std::sync::Arc;
pub use story::Story;
pub use world::Named;
use world::{Place, World};

/// Bytes read at a time: large enough to cost few calls, small enough to stay in the cache.
const CHUNK: usize = 256 * 1024;

/// A replay in progress: one policy, any number of files.
#[derive(Debug)]
pub struct Replay {
    matcher: Matcher,
    world: World,
    now: Timestamp,
    /// Time of the latest record, whether it matched or not.
    last: Timestamp,
    /// Zone of the stamps that have none; without it they are taken as they are.
    zone: Option<Zone>,
    /// Some rule is due by time alone, so that the time of every record counts.
    scheduled: bool,
    watched: Watched,
    summary: Summary,
    brakes: Brakes,
}

impl Replay {
    /// A replay of this policy with an empty memory.
    #[must_use]
    pub fn new(policy: Arc<Policy>) -> Replay {
        let summary = Summary::new(&policy);
        let (now, last) = (Timestamp::default(), Timestamp::default());
        let scheduled = policy.rules.iter().any(|rule| rule.enabled && rule.schedule.is_some());
        let brakes = Brakes::default();
        let world = World::new(&policy, brakes);
        Replay {
            world,
            matcher: Matcher::new(policy),
            now,
            last,
            zone: None,
            scheduled,
            watched: Watched::default(),
            summary,
            brakes,
        }
    }

    /// The same, with stamps that have no zone taken as of this one: schedules and `during` are right then.
    #[must_use]
    pub fn in_zone(self, zone: Zone) -> Replay {
        Replay { zone: Some(zone), ..self }
    }

    /// From here on records are looked for among these.
    pub fn watch(&mut self, watched: Watched) {
        self.watched = watched;
    }

    /// The records that were looked for.
    #[must_use]
    pub fn watched(&self) -> &Watched {
        &self.watched
    }

    fn instant(&self, stamp: Stamp) -> Timestamp {
        match (&self.zone, stamp.offset) {
            (Some(zone), None) => zone.instant_of(stamp.timestamp()).unwrap_or(stamp.timestamp()),
            _ => stamp.timestamp(),
        }
    }

    /// Sets how many runs are too many, as the live agent's configuration does.
    #[must_use]
    pub fn braked_by(self, brakes: Brakes) -> Replay {
        Replay { world: World::new(self.matcher.policy(), brakes), brakes, ..self }
    }

    /// Replays one input; every entry that the agent writes into its journal goes to `sink`, in order.
    /// `progress` is told how many bytes were read.
    ///
    /// # Errors
    /// If the input cannot be read.
    pub fn file<'n>(
        &mut self,
        name: impl Into<Named<'n>>,
        input: &mut dyn Read,
        options: &Options,
        progress: &mut dyn FnMut(u64),
        sink: &mut dyn FnMut(&Entry),
    ) -> io::Result<()> {
        let mut stream = Stream::new(options, Position { offset: 0, line: 1 });
        let mut from = Input { place: Place::new(name.into()), is_timed: false };
        let mut last = None;
        let mut buffer = vec![0; CHUNK];
        loop {
            let length = input.read(&mut buffer)?;
            if length == 0 {
                stream.flush(Flush::Everything, &mut |record| self.record(record, &mut from, &mut last, sink));
                self.last = last.map_or(self.last, |time: Stamp| self.last.max(self.instant(time)));
                self.summary.lines += stream.position().line - 1;
                return Ok(());
            }
            progress(length as u64);
            from.place.read = stream.resume_position();
            stream.feed(&buffer[..length], &mut |record| self.record(record, &mut from, &mut last, sink));
        }
    }

    /// The end of the last input: time has come as far as the latest record. What waits for longer than
    /// that stays open.
    pub fn finish(&mut self, sink: &mut dyn FnMut(&Entry)) {
        self.end_story(sink);
        let view = self.world.agent().view();
        self.summary.open = view.situations.into_iter().map(|s| format!("{} {} {}", s.rule, s.key, s.state)).collect();
        self.summary.open_in_all = view.situations_alive;
    }

    /// Time has come as far as the latest record.
    fn end_story(&mut self, sink: &mut dyn FnMut(&Entry)) {
        self.now = self.now.max(self.last);
        self.due(sink);
    }

    /// What was counted, over all inputs so far.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    fn record(
        &mut self,
        record: &Record<'_>,
        input: &mut Input,
        last: &mut Option<Stamp>,
        sink: &mut dyn FnMut(&Entry),
    ) {
        *last = record.time.or(*last);
        self.watched.saw(record, input.place.path());
        let hits = input.place.hits(&self.matcher, record);
        self.summary.count(record, !hits.is_empty());
        if let Some(time) = record.time.filter(|_| self.scheduled || !hits.is_empty()) {
            self.pass_time(self.instant(time), input, sink);
        }
        for hit in hits {
            self.give(input.place.matched(hit, record.position, self.now), sink);
        }
    }

    /// Time comes from the records and never goes back within a file. A file that begins before the last
    /// one ended is another story: it gets an agent that remembers nothing.
    fn pass_time(&mut self, at: Timestamp, input: &mut Input, sink: &mut dyn FnMut(&Entry)) {
        if !input.is_timed && at < self.now {
            self.end_story(sink);
            self.last = at;
            self.world = World::new(self.matcher.policy(), self.brakes);
            self.now = at;
        }
        input.is_timed = true;
        self.now = self.now.max(at);
        self.due(sink);
    }

    /// What is due by now happens.
    fn due(&mut self, sink: &mut dyn FnMut(&Entry)) {
        let summary = &mut self.summary;
        self.world.pass_time(self.now, &mut |entry| summary.entry(&entry, sink));
    }

    fn give(&mut self, event: Event, sink: &mut dyn FnMut(&Entry)) {
        let summary = &mut self.summary;
        self.world.give(event, &mut |entry| summary.entry(&entry, sink));
    }
}

/// One input.
#[derive(Debug)]
struct Input {
    place: Place,
    /// A record with a time has been met.
    is_timed: bool,
}
