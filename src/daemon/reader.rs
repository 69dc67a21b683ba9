//! One source, live: takes its bytes, reads records, matches them, and tells the agent. This is the
//! same recognition and the same matcher as in a replay; only the source of bytes and the clock
//! differ.
//!
//! Layer: shell

use super::clock;
use super::drive::Heard;
use crate::agent::Event;
use crate::engine::Matched;
use crate::input::{Arrival, Problem};
use crate::journal::{Checkpoint, FileKey, Origin};
use crate::policy::{Matcher, Target};
use crate::probe;
use crate::record::{Flush, Options, Position, Record, Stream};
use crate::rule::{Captures, Seen};
use crate::time::Stamp;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::Sender;

/// The matcher of the policy in force, replaced as a whole.
pub(super) type Current = Arc<RwLock<Arc<Matcher>>>;

/// What a source's thread tells the main loop.
#[derive(Debug)]
pub(super) enum Told {
    /// For the agent.
    Event(Event),
    /// For people.
    Problem(Problem),
    /// This source has given everything that it has for now; nothing is held back.
    Quiet(Arc<str>),
    /// This source will give nothing more.
    Finished(Arc<str>),
}

/// How one source is read.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    /// Name of the source.
    pub source: Arc<str>,
    /// Layout and character set.
    pub options: Options,
    /// Pause after which a record that could still be continued is taken as complete.
    pub settle: Duration,
    /// Older records are reported only.
    pub age_max: Option<Duration>,
    /// Zone of stamps that have none.
    pub zone: jiff::tz::TimeZone,
    /// Liberty server, if the configuration names it.
    pub server: Option<String>,
}

/// A silence after which multi-line messages without an end line are completed as they are.
const END_LINE_WAIT: Duration = Duration::from_secs(5);
/// How often a position without a decision is told to the agent.
const POSITION_EVERY: Duration = Duration::from_secs(1);

/// A position that was never told.
const NEVER: Position = Position { offset: u64::MAX, line: 0 };

/// A source being read.
pub(super) struct Reader {
    reading: Reading,
    current: Current,
    tell: Sender<Heard>,
    streams: BTreeMap<u64, Live>,
    looked_at: Instant,
    /// People know that the source may have records of one length.
    is_hinted: bool,
}

/// One stream of the source.
struct Live {
    stream: Stream,
    path: Arc<str>,
    file: FileKey,
    head: String,
    server: Option<String>,
    told: Position,
    fed_at: Instant,
    /// Since when there is nothing more to read.
    paused: Option<Instant>,
}

impl Reader {
    pub(super) fn new(reading: Reading, current: Current, tell: Sender<Heard>) -> Reader {
        Reader { reading, current, tell, streams: BTreeMap::new(), looked_at: Instant::now(), is_hinted: false }
    }

    /// Reads until the source is finished, or nobody listens any more.
    pub(super) fn read(mut self, arrivals: &Receiver<Arrival>) {
        loop {
            let wait = self.wait();
            let open = match arrivals.recv_timeout(wait) {
                Ok(arrival) => self.take(arrival),
                Err(RecvTimeoutError::Timeout) => self.rest(wait),
                Err(RecvTimeoutError::Disconnected) => None,
            };
            // What is due on one stream is due however busy the others are.
            if open.and_then(|()| self.settle()).and_then(|()| self.look_after()).is_none() {
                let _ = self.end();
                return;
            }
        }
    }

    /// How long to wait for the next arrival before something held back is due.
    fn wait(&self) -> Duration {
        let pending = self.streams.values().filter(|live| live.stream.has_pending());
        let left = pending.filter_map(|live| Some(self.reading.settle.saturating_sub(live.paused?.elapsed())));
        left.min().unwrap_or(POSITION_EVERY).min(POSITION_EVERY)
    }

    /// Nothing came. After so long a stream that has given nothing since it began has nothing to give: a
    /// file that was read to its end in an earlier life.
    fn rest(&mut self, waited: Duration) -> Option<()> {
        if waited == POSITION_EVERY {
            for live in self.streams.values_mut() {
                live.paused.get_or_insert_with(Instant::now);
            }
        }
        self.quiet()
    }

    fn take(&mut self, arrival: Arrival) -> Option<()> {
        match arrival {
            Arrival::Begun { stream, path, file, at, head } => self.begin(stream, path, file, at, head),
            Arrival::Bytes { stream, bytes } => {
                self.step(stream, |s, sink| s.feed(&bytes, sink))?;
                if self.is_hinted { Some(()) } else { self.hint(stream) }
            }
            Arrival::Paused { stream } => {
                if let Some(live) = self.streams.get_mut(&stream) {
                    live.paused = Some(Instant::now());
                }
                self.quiet()
            }
            Arrival::Ended { stream } => {
                self.step(stream, |s, sink| s.flush(Flush::Everything, sink))?;
                self.tell_position(stream)?;
                let file = self.streams.remove(&stream)?.file;
                self.say(Told::Event(Event::Gone(file)))
            }
            Arrival::Head { stream, head } => {
                let live = self.streams.get_mut(&stream)?;
                live.head = head;
                live.told = NEVER;
                self.tell_position(stream)
            }
            Arrival::Looked => self.say(Told::Event(Event::Read(Checkpoint::looked(&self.reading.source)))),
            Arrival::Gone { file } => self.say(Told::Event(Event::Gone(file))),
            Arrival::Problem(problem) => self.say(Told::Problem(problem)),
            Arrival::Finished => None,
        }
    }

    fn begin(&mut self, stream: u64, path: Arc<str>, file: FileKey, at: Position, head: String) -> Option<()> {
        let server = self.reading.server.clone().or_else(|| crate::input::server_of(&path));
        let live = Live {
            stream: Stream::new(&self.reading.options_now(), at),
            path,
            file,
            head,
            server,
            told: NEVER,
            fed_at: Instant::now(),
            paused: None,
        };
        self.streams.insert(stream, live);
        // The journal knows the file before any decision about it.
        self.tell_position(stream)
    }

    /// Lets a stream read on, and tells the agent every match and how far it has come.
    fn step(&mut self, number: u64, read: impl FnOnce(&mut Stream, &mut dyn FnMut(&Record<'_>))) -> Option<()> {
        let matcher = self.current.read().ok()?.clone();
        let live = self.streams.get_mut(&number)?;
        let before = live.checkpoint(&self.reading.source, live.stream.resume_position());
        let (path, file, server) = (&live.path, &live.file, live.server.as_deref());
        let reading = &self.reading;
        let mut found = Vec::new();
        read(&mut live.stream, &mut |record| {
            let seen = Seen { record, source: &reading.source, server };
            let origin = |at: Position| Origin {
                source: reading.source.clone(),
                path: path.clone(),
                file: file.clone(),
                offset: at.offset,
                line: at.line,
            };
            matcher.hits(seen, &mut |hit| {
                let captures = hit.condition.captures(seen);
                found.push(reading.matched(hit.target(), captures, record.time, origin(record.position), &before));
            });
        });
        live.fed_at = Instant::now();
        live.paused = None;
        let any = !found.is_empty();
        if any {
            probe::reach(|| "read".into());
        }
        for matched in found {
            self.say(Told::Event(Event::Matched(Box::new(matched))))?;
        }
        if any { self.tell_position(number) } else { Some(()) }
    }

    /// Once for the source: what it may have been set up without.
    fn hint(&mut self, number: u64) -> Option<()> {
        let live = self.streams.get(&number)?;
        let Some(lacks) = live.stream.lacks_record_length() else { return Some(()) };
        let text = format!("{lacks}; say `record_length` for the source `{}`.", self.reading.source);
        let hint = Problem { id: "WTR140W", path: live.path.clone(), text };
        self.is_hinted = true;
        self.say(Told::Problem(hint))
    }

    /// What waited long enough for a continuation has none.
    fn settle(&mut self) -> Option<()> {
        let settle = self.reading.settle;
        let due = |live: &Live| live.paused.is_some_and(|at| at.elapsed() >= settle) && live.stream.has_pending();
        let settled: Vec<u64> = self.streams.iter().filter(|(_, live)| due(live)).map(|(n, _)| *n).collect();
        for number in &settled {
            self.step(*number, |s, sink| s.flush(Flush::Settled, sink))?;
            if let Some(live) = self.streams.get_mut(number) {
                live.paused = Some(Instant::now());
            }
        }
        if settled.is_empty() { Some(()) } else { self.quiet() }
    }

    /// Now and then: multi-line messages whose end does not come are completed as they are, and the
    /// agent is told how far every stream is read.
    fn look_after(&mut self) -> Option<()> {
        if self.looked_at.elapsed() < POSITION_EVERY {
            return Some(());
        }
        self.looked_at = Instant::now();
        for number in self.streams.keys().copied().collect::<Vec<_>>() {
            let silent = |l: &Live| l.holds_messages() && l.fed_at.elapsed() >= END_LINE_WAIT;
            if self.streams.get(&number).is_some_and(silent) {
                self.step(number, |s, sink| s.release_open(sink))?;
            }
            self.tell_position(number)?;
        }
        Some(())
    }

    fn quiet(&mut self) -> Option<()> {
        let quiet = self.streams.values().all(|live| live.paused.is_some() && !live.stream.has_pending());
        if quiet { self.say(Told::Quiet(self.reading.source.clone())) } else { Some(()) }
    }

    fn end(&mut self) -> Option<()> {
        for number in self.streams.keys().copied().collect::<Vec<_>>() {
            self.tell_position(number)?;
        }
        self.say(Told::Finished(self.reading.source.clone()))
    }

    fn tell_position(&mut self, number: u64) -> Option<()> {
        let live = self.streams.get_mut(&number)?;
        let at = live.stream.resume_position();
        if at == live.told {
            return Some(());
        }
        live.told = at;
        let checkpoint = live.checkpoint(&self.reading.source, at);
        self.say(Told::Event(Event::Read(checkpoint)))
    }

    fn say(&self, told: Told) -> Option<()> {
        self.tell.blocking_send(Heard::Told(told)).ok()
    }
}

impl Live {
    fn checkpoint(&self, source: &Arc<str>, at: Position) -> Checkpoint {
        Checkpoint {
            source: source.clone(),
            path: self.path.clone(),
            file: self.file.clone(),
            offset: at.offset,
            line: at.line,
            head: self.head.clone(),
            done: false,
        }
    }

    fn holds_messages(&self) -> bool {
        self.stream.resume_position() != self.stream.position()
    }
}

impl Reading {
    /// A UNIX syslog has no year, but today has.
    pub(super) fn options_now(&self) -> Options {
        Options { written: clock::date_of(std::time::SystemTime::now()), ..self.options.clone() }
    }

    fn matched(
        &self,
        target: Target,
        captures: Captures,
        time: Option<Stamp>,
        origin: Origin,
        read: &Checkpoint,
    ) -> Matched {
        let at = clock::now();
        let age = time.and_then(|stamp| clock::instant_of(stamp, &self.zone)).map(|then| at.since(then));
        Matched { target, origin, at, age, age_max: self.age_max, captures, read: read.clone() }
    }
}
