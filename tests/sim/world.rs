//! The world and its wiring: what the daemon does with sockets, threads and clocks, done here by acts of
//! a history. The reader is `daemon/reader.rs` without its clock: position before the chunk, matches, position
//! behind it. The loop is `daemon/drive.rs`: a tick, some events, then their effects in order.

use crate::bug::Bug;
use crate::check::Checker;
use crate::disk::{Disk, Failure, Luck};
use crate::log::{LogFile, SOURCE, line, midnight, options};
use crate::policy::{DISABLED, Variant, reckless, tireless, variants};
use fastrand::Rng;
use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::time::Duration;
use wtor::agent::{Agent, Effect, Event};
use wtor::engine::Matched;
use wtor::job::{Outcome, Plan, StepEnd};
use wtor::journal::{By, Checkpoint, Origin, Phase, Release, RunId, Subject};
use wtor::policy::Target;
use wtor::record::{Flush, Position, Record, Stream};
use wtor::rule::Seen;
use wtor::time::Timestamp;

/// Runs at a time.
const RUNS_AT_ONCE: usize = 3;
/// Rounds in which the world must come to rest.
const ROUNDS_MAX: usize = 3_000;
/// Acts between two looks at what people are shown; each costs as much as many acts.
const LOOK_EVERY: u32 = 4;
/// Events that wait for the loop before the reader does.
const HEARD_WAITING: usize = 40;

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A block of this kind is written (see `LogFile::block`), for this job.
    Write(u32, u32),
    Rotate,
    /// A file that nothing is owed about is deleted.
    Delete,
    /// The reader gives up a rotated file that it has read to its end.
    Retire,
    /// A person decides about some run that is in doubt.
    Release(Release),
    /// A person wants some run's processes ended.
    Cancel,
    /// A person approves of some run, or does not.
    Answer(bool),
    /// A person wants some run that has not begun not to take place.
    CallOff,
    /// A person disables a rule, for so many seconds or until it is enabled.
    Disable(usize, Option<i64>),
    /// A person enables it.
    Enable(usize),
    /// The reader reads up to so many bytes of one file.
    Feed(usize),
    /// The input has been quiet: what waited for a continuation has none; positions are told.
    Settle,
    /// The loop hears up to so many events.
    Hear(usize),
    /// The disk commits up to so many batches.
    Commit(usize),
    /// A process comes to its end.
    Finish {
        good: bool,
        proves: bool,
    },
    /// Milliseconds pass.
    Pass(i64),
    /// The clock is set, by so many seconds.
    Jump(i64),
    /// Other rules are read.
    Reload(usize),
    /// The operator stops the agent, which starts again.
    Stop,
    Fail(Failure, Luck),
}

/// What happened in a history, or in many.
#[derive(Clone, Debug, Default)]
pub struct Told {
    pub effects: u64,
    lines: u64,
    decisions: u64,
    repeated: u64,
    starts: u64,
    reruns: u64,
    doubts: u64,
    orphans: u64,
    failures: u64,
    batches_lost: u64,
    stops: u64,
    reloads: u64,
    jumps: u64,
    retired: u64,
    released: u64,
    cancelled: u64,
    answered: u64,
    called_off: u64,
    disabled: u64,
    handed: u64,
}

impl Told {
    fn fields(&self) -> [(&'static str, u64); 20] {
        [
            ("lines and blocks written", self.lines),
            ("effects", self.effects),
            ("decisions", self.decisions),
            ("matches read again", self.repeated),
            ("attempts started", self.starts),
            ("of them not the first", self.reruns),
            ("attempts found in doubt", self.doubts),
            ("processes that outlived their agent", self.orphans),
            ("power failures and kills", self.failures),
            ("batches lost by them", self.batches_lost),
            ("orderly restarts", self.stops),
            ("policies replaced", self.reloads),
            ("clocks set", self.jumps),
            ("files given up", self.retired),
            ("runs released by a person", self.released),
            ("runs cancelled by a person", self.cancelled),
            ("runs approved or denied by a person", self.answered),
            ("runs called off by a person", self.called_off),
            ("rules disabled by a person", self.disabled),
            ("records handed over", self.handed),
        ]
    }

    pub fn add(&mut self, other: &Told) {
        self.effects += other.effects;
        self.lines += other.lines;
        self.decisions += other.decisions;
        self.repeated += other.repeated;
        self.starts += other.starts;
        self.reruns += other.reruns;
        self.doubts += other.doubts;
        self.orphans += other.orphans;
        self.failures += other.failures;
        self.batches_lost += other.batches_lost;
        self.stops += other.stops;
        self.reloads += other.reloads;
        self.jumps += other.jumps;
        self.retired += other.retired;
        self.released += other.released;
        self.cancelled += other.cancelled;
        self.answered += other.answered;
        self.called_off += other.called_off;
        self.disabled += other.disabled;
        self.handed += other.handed;
    }

    /// In so many histories each of these things has happened often.
    pub fn assert_rich(&self, histories: u64) {
        for (name, count) in self.fields() {
            assert!(count * 10 > histories, "{name}: only {count} in {histories} histories\n{self}");
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fields().iter().try_for_each(|(name, count)| writeln!(f, "{count:>12}  {name}"))
    }
}

/// A file that is being read.
#[derive(Debug)]
struct Reading {
    file: usize,
    stream: Stream,
    /// Bytes given to the stream, from the beginning of the file.
    fed: usize,
    told: Option<Position>,
    /// It has been given up.
    is_over: bool,
}

/// One life of the agent.
#[derive(Debug)]
struct Life {
    agent: Agent,
    /// The policy that it began with.
    began_with: Variant,
    /// The policy in force, as the readers see it.
    current: Variant,
    readings: Vec<Reading>,
    /// From the readers.
    heard: VecDeque<Event>,
    /// From the journal and the runner.
    hands: VecDeque<Event>,
    /// How far the files had been read when it began.
    known: Vec<Checkpoint>,
    from_start: bool,
    stopping: bool,
    at: Timestamp,
}

/// An attempt's processes.
#[derive(Debug)]
struct Process {
    run: RunId,
    attempt: u32,
    plan: Plan,
    /// Its agent died: nobody hears of its end.
    orphan: bool,
}

/// See the module text.
#[derive(Debug)]
pub struct World {
    random: Rng,
    bug: Option<Bug>,
    pub files: Vec<LogFile>,
    disk: Disk,
    life: Option<Life>,
    processes: Vec<Process>,
    checker: Checker,
    wall: i64,
    serial: u64,
    /// What the rule files say now.
    written: usize,
    age_max: Option<Duration>,
    /// Fails before these effects, as the script says.
    pub ruin: Option<(Failure, Luck)>,
    pub fail_before: BTreeSet<u64>,
    /// How many effects there were when the world had come to rest.
    pub rested_after: u64,
    /// Fails before any effect, once in so many.
    fails_once_in: Option<u32>,
    pub told: Told,
    /// What happened, if somebody wants to know.
    trace: Option<Vec<String>>,
    acts: u32,
    cancelling: Option<RunId>,
}

impl World {
    pub fn new(seed: u64, bug: Option<Bug>) -> World {
        let mut random = Rng::with_seed(seed);
        let age_max = random.u8(..4) == 0;
        let fails_once_in = [None, Some(40), Some(150), Some(400)][random.usize(..4)];
        World {
            bug,
            files: vec![LogFile::new(0)],
            disk: Disk::default(),
            life: None,
            processes: Vec::new(),
            checker: Checker::default(),
            wall: midnight(),
            serial: 0,
            written: 0,
            age_max: age_max.then_some(Duration::from_secs(600)),
            ruin: None,
            fail_before: BTreeSet::new(),
            rested_after: 0,
            fails_once_in,
            told: Told::default(),
            trace: None,
            acts: 0,
            cancelling: None,
            random,
        }
    }

    /// A world in which only what is written in a script happens.
    pub fn scripted() -> World {
        World { age_max: None, fails_once_in: None, ..World::new(1, None) }
    }

    /// The same world, which tells what happens.
    #[must_use]
    pub fn told_in_full(self) -> World {
        World { trace: Some(Vec::new()), ..self }
    }

    pub fn story(&self) -> String {
        self.trace.as_deref().unwrap_or_default().join("\n")
    }

    fn tell_story(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(line());
        }
    }

    /// A history: random acts, then rest, then everything read once more.
    pub fn live(&mut self, acts: u32) -> Result<(), String> {
        for _ in 0..acts {
            let act = self.choose();
            self.act(act)?;
        }
        self.fails_once_in = None;
        self.conclude()
    }

    /// Comes to rest, and shows that nothing more happens, whatever is read again by the same rules. (Rules
    /// that are new may decide about what was read before them and not yet synced when the power failed.)
    pub fn conclude(&mut self) -> Result<(), String> {
        self.ruin = None;
        self.rest()?;
        self.checker.at_rest(&self.files)?;
        self.fail_before.clear();
        self.rested_after = self.told.effects;
        let (decided, starts) = (self.checker.durable.decided_of_files(), self.told.starts);
        let held = self.checker.durable.ledger.open().count();
        for from_start in [false, true] {
            self.fail(Failure::Power, Luck::None)?;
            self.begin(from_start)?;
            self.rest()?;
            self.checker.at_rest(&self.files)?;
        }
        if self.checker.durable.decided_of_files() != decided {
            return Err("a line that was read again decided something".into());
        }
        let rerun = held - self.checker.durable.ledger.open().count();
        if self.told.starts > starts + 2 * rerun as u64 {
            return Err("a line that was read again started something".into());
        }
        Ok(())
    }

    fn choose(&mut self) -> Act {
        let random = &mut self.random;
        match random.u32(..100) {
            0..=21 => Act::Write(random.u32(..32), random.u32(..3)),
            22 | 23 => Act::Rotate,
            24 => Act::Delete,
            25 => Act::Retire,
            26 => Act::Release([Release::Rerun, Release::Good, Release::Failed][random.usize(..3)]),
            27 if random.bool() => Act::Cancel,
            27..=29 => Act::Answer(random.bool()),
            30 if random.bool() => Act::CallOff,
            30..=41 => Act::Feed(random.usize(1..600)),
            42..=45 => Act::Settle,
            46..=64 => Act::Hear(if random.bool() { 1 } else { random.usize(1..30) }),
            65..=78 => Act::Commit(random.usize(1..6)),
            79..=87 => Act::Finish { good: random.u8(..3) > 0, proves: random.u8(..4) > 0 },
            88..=93 => Act::Pass(random.i64(1..5_000)),
            94 => Act::Jump([-3600, -60, 60, 3600][random.usize(..4)]),
            95 => Act::Reload(random.usize(..variants().len())),
            96 if random.bool() => Act::Enable(random.usize(..DISABLED.len())),
            96 => Act::Disable(random.usize(..DISABLED.len()), random.bool().then(|| random.i64(1..30))),
            97 => Act::Stop,
            _ => {
                let failure = if random.bool() { Failure::Power } else { Failure::Kill };
                Act::Fail(failure, Self::luck(random))
            }
        }
    }

    fn luck(random: &mut Rng) -> Luck {
        match random.u8(..4) {
            0 => Luck::None,
            1 => Luck::All,
            _ => Luck::Some(random.usize(..5)),
        }
    }

    pub fn act(&mut self, act: Act) -> Result<(), String> {
        self.tell_story(|| format!("{act:?}"));
        if self.life.is_none() {
            self.begin(false)?;
        }
        match act {
            Act::Write(kind, job) => self.write(kind, job),
            Act::Rotate => self.rotate(),
            Act::Delete => self.delete(),
            Act::Retire => self.retire(),
            Act::Release(how) => self.release(how)?,
            Act::Cancel => self.cancel()?,
            Act::Answer(approved) => self.answer(approved)?,
            Act::CallOff => self.call_off()?,
            Act::Disable(rule, seconds) => self.disable(rule, seconds)?,
            Act::Enable(rule) => self.enable(rule)?,
            Act::Feed(bytes) => self.feed(bytes),
            Act::Settle => self.settle(),
            Act::Hear(count) => self.hear(count)?,
            Act::Commit(count) => self.commit(count)?,
            Act::Finish { good, proves } => self.finish(good, proves),
            Act::Pass(millis) => self.wall += millis * 1000,
            Act::Jump(seconds) => {
                self.told.jumps += 1;
                self.wall += seconds * 1_000_000;
            }
            Act::Reload(variant) => self.reload(variant)?,
            Act::Stop => self.stop()?,
            Act::Fail(failure, luck) => {
                self.fail(failure, luck)?;
                self.change_rules();
            }
        }
        self.acts += 1;
        if self.acts.is_multiple_of(LOOK_EVERY) { self.look() } else { Ok(()) }
    }

    // The log.

    fn write(&mut self, kind: u32, job: u32) {
        let second = (self.wall - midnight()) / 1_000_000;
        self.serial += 1;
        self.told.lines += 1;
        if let Some(file) = self.files.last_mut() {
            file.block(kind, second.rem_euclid(86_400), job, self.serial);
        }
    }

    fn rotate(&mut self) {
        let number = self.files.len();
        if let Some(file) = self.files.last_mut() {
            file.end_messages();
            file.rotated = true;
        }
        self.files.push(LogFile::new(number));
    }

    /// The oldest file that was read to its end, as far as the disk knows.
    fn delete(&mut self) {
        let synced = &self.checker.durable.read;
        let done = |file: &&mut LogFile| {
            file.rotated && !file.deleted && synced.get(&file.key).is_some_and(|read| *read == file.bytes.len() as u64)
        };
        if let Some(file) = self.files.iter_mut().find(done) {
            file.deleted = true;
        }
    }

    // The reader.

    /// What there is to read is begun: known files where they were left, new ones at their beginning.
    fn look_at_files(&mut self) {
        let Some(life) = self.life.as_mut().filter(|life| !life.stopping) else { return };
        for (number, file) in self.files.iter().enumerate().filter(|(_, file)| !file.deleted) {
            if life.readings.iter().any(|reading| reading.file == number) {
                continue;
            }
            let known = life.known.iter().find(|known| known.file == file.key).filter(|_| !life.from_start);
            let at = known.map_or(Position { offset: 0, line: 1 }, |c| Position { offset: c.offset, line: c.line });
            let stream = Stream::new(&options(), at);
            life.readings.push(Reading { file: number, stream, fed: at.offset as usize, told: None, is_over: false });
            let last = life.readings.len() - 1;
            self.tell_position(last);
            return self.look_at_files();
        }
    }

    /// `Arrival::Ended`.
    fn retire(&mut self) {
        let files = &self.files;
        let done = |reading: &Reading| {
            let file = &files[reading.file];
            file.rotated && reading.fed == file.bytes.len()
        };
        let Some(life) = self.life.as_ref().filter(|life| !life.stopping) else { return };
        let Some(index) = life.readings.iter().position(|reading| !reading.is_over && done(reading)) else { return };
        self.step(index, |stream, sink| stream.flush(Flush::Everything, sink));
        self.tell_position(index);
        if let Some(life) = &mut self.life {
            let reading = &mut life.readings[index];
            reading.is_over = true;
            life.heard.push_back(Event::Gone(self.files[reading.file].key.clone()));
            self.told.retired += 1;
        }
    }

    fn feed(&mut self, bytes: usize) {
        self.look_at_files();
        let Some(life) = &self.life else { return };
        if life.heard.len() > HEARD_WAITING {
            return;
        }
        let unread = |reading: &Reading| reading.fed < self.files[reading.file].bytes.len();
        let Some(index) = life.readings.iter().position(unread) else { return };
        let reading = &life.readings[index];
        let from = reading.fed;
        let to = from.saturating_add(bytes).min(self.files[reading.file].bytes.len());
        let chunk = self.files[reading.file].bytes[from..to].to_vec();
        self.step(index, |stream, sink| stream.feed(&chunk, sink));
        if let Some(life) = &mut self.life {
            life.readings[index].fed = to;
        }
    }

    fn settle(&mut self) {
        self.look_at_files();
        let count = self.life.as_ref().map_or(0, |life| life.readings.len());
        for index in 0..count {
            let whole = self.life.as_ref().is_some_and(|life| {
                let reading = &life.readings[index];
                reading.fed == self.files[reading.file].bytes.len() && reading.stream.has_pending()
            });
            if self.life.as_ref().is_some_and(|life| life.readings[index].is_over) {
                continue;
            }
            if whole {
                self.step(index, |stream, sink| stream.flush(Flush::Settled, sink));
            }
            self.tell_position(index);
        }
    }

    /// `Reader::step`.
    fn step(&mut self, index: usize, read: impl FnOnce(&mut Stream, &mut dyn FnMut(&Record<'_>))) {
        let Some(life) = &mut self.life else { return };
        let matcher = life.current.matcher.clone();
        let reading = &mut life.readings[index];
        let file = &self.files[reading.file];
        let before = checkpoint(file, reading.stream.resume_position());
        let (wall, age_max, bug) = (Timestamp(self.wall), self.age_max, self.bug);
        let mut found = Vec::new();
        read(&mut reading.stream, &mut |record| {
            let seen = Seen { record, source: SOURCE, server: None };
            matcher.hits(seen, &mut |hit| {
                let matched = Matched {
                    target: hit.target(),
                    origin: Origin {
                        source: SOURCE.into(),
                        path: file.path.clone(),
                        file: file.key.clone(),
                        offset: record.position.offset,
                        line: record.position.line,
                    },
                    at: wall,
                    age: record.time.map(|stamp| wall.since(stamp.timestamp())),
                    age_max,
                    captures: hit.condition.captures(seen),
                    read: before.clone(),
                };
                let further = matches!(matched.target, Target::Further { .. });
                if !further || bug != Some(Bug::DropsFurther) {
                    found.push(Event::Matched(Box::new(matched)));
                }
            });
        });
        let any = !found.is_empty();
        if self.bug == Some(Bug::DropsUnderPressure) && self.disk.waiting() > 4 {
            found.clear();
        }
        if self.bug == Some(Bug::PositionAhead) {
            self.tell_position(index);
        }
        if let Some(life) = &mut self.life {
            life.heard.extend(found);
        }
        if any {
            self.tell_position(index);
        }
    }

    fn tell_position(&mut self, index: usize) {
        let Some(life) = &mut self.life else { return };
        let reading = &mut life.readings[index];
        let at = match self.bug {
            Some(Bug::PositionOfReader) => reading.stream.position(),
            _ => reading.stream.resume_position(),
        };
        if reading.told != Some(at) {
            reading.told = Some(at);
            life.heard.push_back(Event::Read(checkpoint(&self.files[reading.file], at)));
        }
    }

    // The loop.

    fn hear(&mut self, count: usize) -> Result<(), String> {
        let Some(life) = &mut self.life else { return Ok(()) };
        let mut effects = life.agent.handle(Event::Tick(Timestamp(self.wall)));
        for _ in 0..count {
            let Some(event) = life.hands.pop_front().or_else(|| life.heard.pop_front()) else { break };
            if let Event::Matched(matched) = &event
                && let Target::Rule(rule) = &matched.target
                && life.current.policy.rule(rule).is_some()
            {
                self.checker.given(rule, &matched.origin.file, matched.origin.offset);
            }
            effects.extend(life.agent.handle(event));
        }
        self.carry_out(effects)?;
        self.end_if_stopped()
    }

    fn carry_out(&mut self, effects: Vec<Effect>) -> Result<(), String> {
        for effect in effects {
            self.told.effects += 1;
            let by_chance = self.fails_once_in.is_some_and(|chance| self.random.u32(..chance) == 0);
            if self.fail_before.contains(&self.told.effects) || by_chance {
                let luck = Self::luck(&mut self.random);
                let failure = if self.random.bool() { Failure::Power } else { Failure::Kill };
                let (failure, luck) = self.ruin.unwrap_or((failure, luck));
                let number = self.told.effects;
                self.tell_story(|| format!("  {failure:?} before effect {number}: {}", brief(&effect)));
                self.fail(failure, luck)?;
                if by_chance {
                    self.change_rules();
                }
                return Ok(());
            }
            self.tell_story(|| format!("  {}", brief(&effect)));
            match effect {
                Effect::Append { batch, entries } => {
                    let decided = entries.iter().filter_map(|entry| match entry {
                        wtor::journal::Entry::Decided(decision) => Some(decision.origin.file.is_handed_over()),
                        _ => None,
                    });
                    for handed in decided {
                        self.told.decisions += 1;
                        self.told.handed += u64::from(handed);
                    }
                    let Some(life) = &self.life else { return Ok(()) };
                    self.checker.appended(&entries, &self.files, &life.current.policy)?;
                    self.disk.append(batch, entries);
                    if self.bug == Some(Bug::DurableTooSoon) {
                        self.tell(Event::Durable(batch));
                    }
                }
                Effect::Start { run, attempt, plan } => self.start(run, attempt, &plan)?,
                Effect::Cancel { run } if self.cancelling == Some(run) => {
                    self.told.cancelled += 1;
                    self.finish_one(|process| process.run == run && !process.orphan, false, false);
                }
                Effect::Cancel { run } => return Err(format!("run {run} is cancelled, and nobody asked for it")),
                Effect::Publish(notice) => self.checker.said(&notice)?,
            }
        }
        Ok(())
    }

    fn start(&mut self, run: RunId, attempt: u32, plan: &Plan) -> Result<(), String> {
        let Some(life) = &self.life else { return Ok(()) };
        let began_with = life.began_with.clone();
        let twice = self.bug == Some(Bug::StartsTwice) && self.random.u8(..8) == 0;
        for _ in 0..=u8::from(twice) {
            self.checker.started(run, attempt, &began_with)?;
            self.told.starts += 1;
            self.told.reruns += u64::from(attempt > 1);
            self.processes.push(Process { run, attempt, plan: plan.clone(), orphan: false });
        }
        let running = self.processes.iter().filter(|process| !process.orphan).count();
        if running > RUNS_AT_ONCE {
            return Err(format!("{running} run at once"));
        }
        Ok(())
    }

    fn tell(&mut self, event: Event) {
        if let Some(life) = &mut self.life {
            life.hands.push_back(event);
        }
    }

    fn reload(&mut self, variant: usize) -> Result<(), String> {
        self.told.reloads += 1;
        self.written = variant;
        let next = self.variant();
        let Some(life) = &mut self.life else { return Ok(()) };
        life.current = next.clone();
        self.checker.begun();
        let effects = life.agent.handle(Event::PolicyReplaced(next.policy));
        self.carry_out(effects)
    }

    /// As the control socket's requests: about a run that people see.
    fn release(&mut self, how: Release) -> Result<(), String> {
        let Some(life) = &mut self.life else { return Ok(()) };
        let in_doubt = life.agent.view().runs.into_iter().find(|run| run.state == "in doubt");
        let Some(run) = in_doubt.map(|run| run.run) else { return Ok(()) };
        self.told.released += 1;
        self.checker.released(run, how);
        let effects = life.agent.handle(Event::Released { run, how, by: somebody() });
        self.carry_out(effects)
    }

    fn cancel(&mut self) -> Result<(), String> {
        let Some(process) = self.processes.iter().find(|process| !process.orphan) else { return Ok(()) };
        let run = process.run;
        let Some(life) = &mut self.life else { return Ok(()) };
        self.cancelling = Some(run);
        let effects = life.agent.handle(Event::Cancelled { run, by: somebody() });
        self.carry_out(effects)?;
        self.cancelling = None;
        Ok(())
    }

    fn answer(&mut self, approved: bool) -> Result<(), String> {
        let Some(life) = &mut self.life else { return Ok(()) };
        let asked = life.agent.view().runs.into_iter().find(|run| run.state == "asked");
        let Some(run) = asked.map(|run| run.run) else { return Ok(()) };
        self.told.answered += 1;
        let effects = life.agent.handle(Event::Answered { run, approved, by: somebody() });
        self.carry_out(effects)
    }

    fn call_off(&mut self) -> Result<(), String> {
        let Some(life) = &mut self.life else { return Ok(()) };
        let waits = |state: &str| state == "asked" || state.starts_with("waits for");
        let waiting = life.agent.view().runs.into_iter().find(|run| waits(&run.state));
        let Some(run) = waiting.map(|run| run.run) else { return Ok(()) };
        self.told.called_off += 1;
        let effects = life.agent.handle(Event::Cancelled { run, by: somebody() });
        self.carry_out(effects)
    }

    fn disable(&mut self, rule: usize, seconds: Option<i64>) -> Result<(), String> {
        let Some(life) = &mut self.life else { return Ok(()) };
        self.told.disabled += 1;
        // A clock that was set back makes the agent wait: until then it has the time that it had.
        let now = life.agent.now().0.max(self.wall);
        let until = seconds.map(|seconds| Timestamp(now + seconds * 1_000_000));
        let subject = Subject::Rule(DISABLED[rule].into());
        let effects = life.agent.handle(Event::Disabled { subject, until, by: somebody() });
        self.carry_out(effects)
    }

    fn enable(&mut self, rule: usize) -> Result<(), String> {
        let Some(life) = &mut self.life else { return Ok(()) };
        let effects =
            life.agent.handle(Event::Enabled { subject: Subject::Rule(DISABLED[rule].into()), by: somebody() });
        self.carry_out(effects)
    }

    fn variant(&self) -> Variant {
        let variant = &variants()[self.written];
        match self.bug {
            Some(Bug::RetriesForEver) => tireless(variant),
            Some(Bug::RerunsHeld) => reckless(variant),
            _ => variant.clone(),
        }
    }

    // Disk and processes.

    fn commit(&mut self, count: usize) -> Result<(), String> {
        let Some((last, written)) = self.disk.commit(count, self.bug) else { return Ok(()) };
        self.checker.committed(&written)?;
        if self.bug != Some(Bug::DurableTooSoon) {
            self.tell(Event::Durable(last));
        }
        Ok(())
    }

    /// One of the processes ends. A good one may be followed by the messages that prove it.
    fn finish(&mut self, good: bool, proves: bool) {
        if !self.processes.is_empty() {
            let chosen = self.random.usize(..self.processes.len());
            let chosen = (self.processes[chosen].run, self.processes[chosen].attempt);
            self.finish_one(|process| (process.run, process.attempt) == chosen, good, proves);
        }
    }

    fn finish_one(&mut self, is_it: impl Fn(&Process) -> bool, good: bool, proves: bool) {
        let Some(number) = self.processes.iter().position(is_it) else { return };
        let process = self.processes.swap_remove(number);
        let ends = [StepEnd::Exited(1), StepEnd::TimedOut, StepEnd::NotStarted("no such program".into())];
        let bad = ends[self.random.usize(..ends.len())].clone();
        if proves && let Some(job) = job_of(&process.plan) {
            let second = (self.wall - midnight()) / 1_000_000;
            if let Some(file) = self.files.last_mut() {
                file.write(&line(second.rem_euclid(86_400), job, "SIM0010I the first proof"));
                file.write(&line(second.rem_euclid(86_400), job, "SIM0011I the second proof"));
            }
        }
        let Process { run, attempt, plan, orphan } = process;
        self.tell_story(|| format!("  run {run}, attempt {attempt} ends: good {good}, orphan {orphan}"));
        self.checker.ended(run, attempt, good);
        if !orphan && self.bug != Some(Bug::LosesEnd) {
            self.tell(Event::Ended { run, attempt, outcomes: outcomes(&plan, good, &bad) });
        }
    }

    // Lives.

    /// `daemon::live`.
    pub fn begin(&mut self, from_start: bool) -> Result<(), String> {
        let memory = self.disk.recover(self.bug)?;
        let known = memory.checkpoints.clone();
        let variant = self.variant();
        let (agent, effects) = Agent::recover(variant.policy.clone(), memory, Timestamp(self.wall), RUNS_AT_ONCE);
        let gone = known.iter().filter(|c| self.files.iter().any(|f| f.deleted && f.key == c.file));
        let heard = gone.map(|checkpoint| Event::Gone(checkpoint.file.clone())).collect();
        self.life = Some(Life {
            agent,
            began_with: variants()[self.written].clone(),
            current: variant,
            readings: Vec::new(),
            heard,
            hands: VecDeque::new(),
            known,
            from_start,
            stopping: false,
            at: Timestamp(0),
        });
        self.tell_story(|| "  an agent begins".into());
        self.look_at_files();
        self.carry_out(effects)
    }

    fn fail(&mut self, failure: Failure, luck: Luck) -> Result<(), String> {
        let Some(life) = self.life.take() else { return Ok(()) };
        let counts = life.agent.view().counts;
        self.told.repeated += counts.repeated;
        self.told.failures += 1;
        match failure {
            Failure::Power => self.processes.clear(),
            // Some are taken along by the same trouble.
            Failure::Kill => {
                let random = &mut self.random;
                self.processes.retain(|_| random.bool());
            }
        }
        self.told.orphans += self.processes.iter().filter(|process| !process.orphan).count() as u64;
        self.processes.iter_mut().for_each(|process| process.orphan = true);
        let doubts = self.checker.durable.doubts() as u64;
        self.told.batches_lost += self.disk.fail(failure, luck) as u64;
        self.checker.failed(self.disk.entries())?;
        self.told.doubts += (self.checker.durable.doubts() as u64).saturating_sub(doubts);
        Ok(())
    }

    /// Sometimes somebody changes the rules before it starts again.
    fn change_rules(&mut self) {
        if self.random.u8(..8) == 0 {
            self.written = self.random.usize(..variants().len());
        }
    }

    fn stop(&mut self) -> Result<(), String> {
        let Some(life) = self.life.as_mut().filter(|life| !life.stopping) else { return Ok(()) };
        let count = life.readings.len();
        let effects = life.agent.handle(Event::Shutdown);
        // `Reader::end`.
        for index in 0..count {
            if self.life.as_ref().is_some_and(|life| !life.readings[index].is_over) {
                self.tell_position(index);
            }
        }
        if let Some(life) = &mut self.life {
            life.stopping = true;
        }
        self.told.stops += 1;
        self.carry_out(effects)
    }

    /// A stopping agent ends when nothing runs; the journal is written to its end.
    fn end_if_stopped(&mut self) -> Result<(), String> {
        let done = |life: &Life| life.stopping && life.heard.is_empty() && life.agent.is_idle();
        if !self.life.as_ref().is_some_and(done) {
            return Ok(());
        }
        self.commit(usize::MAX)?;
        self.life = None;
        self.checker.failed(self.disk.entries())
    }

    fn look(&mut self) -> Result<(), String> {
        let Some(life) = &mut self.life else { return Ok(()) };
        let view = life.agent.view();
        if view.at < life.at {
            return Err(format!("time goes back from {} to {}", life.at, view.at));
        }
        life.at = view.at;
        self.checker.seen(&view, life.agent.decisions_remembered(), self.files.len())
    }

    /// Everything is read, written and ended, and as much time passes as anything waits for.
    fn rest(&mut self) -> Result<(), String> {
        self.tell_story(|| "rest".into());
        if let Some(file) = self.files.last_mut() {
            file.end_messages();
        }
        for _ in 0..ROUNDS_MAX {
            if self.life.is_none() {
                self.begin(false)?;
            }
            self.feed(usize::MAX);
            self.settle();
            self.hear(100)?;
            self.commit(usize::MAX)?;
            for _ in 0..self.processes.len() {
                let (good, proves) = (self.random.u8(..3) > 0, self.random.bool());
                self.finish(good, proves);
            }
            self.look()?;
            if self.is_resting() {
                return Ok(());
            }
            // What has happened is heard first, or a rule on a schedule would never let it rest.
            if let Some(due) = self.life.as_ref().and_then(|life| life.agent.next_due()).filter(|_| self.is_quiet()) {
                self.wall = self.wall.max(due.0);
            }
        }
        Err("it does not come to rest".into())
    }

    fn is_resting(&self) -> bool {
        let Some(life) = &self.life else { return false };
        let read =
            |reading: &Reading| reading.fed == self.files[reading.file].bytes.len() && !reading.stream.has_pending();
        let nothing_runs = self.processes.is_empty() && life.agent.is_settled();
        let account = &self.checker.durable;
        let asks = account.ledger.open().any(|run| matches!(run.phase, Phase::Asked { .. }));
        let nothing_waits = account.situations.waits() == 0 && !asks;
        self.is_quiet() && nothing_runs && nothing_waits && !life.stopping && life.readings.iter().all(read)
    }

    /// Nothing has happened that somebody has not heard.
    fn is_quiet(&self) -> bool {
        let heard = |life: &Life| life.heard.is_empty() && life.hands.is_empty();
        self.life.as_ref().is_some_and(heard) && self.disk.waiting() == 0
    }
}

fn checkpoint(file: &LogFile, at: Position) -> Checkpoint {
    Checkpoint {
        source: SOURCE.into(),
        path: file.path.clone(),
        file: file.key.clone(),
        offset: at.offset,
        line: at.line,
        head: String::new(),
        done: false,
    }
}

/// The number of the job whose message began it: its proofs come from the same.
fn job_of(plan: &Plan) -> Option<u32> {
    let variable = |(name, value): &(String, String)| (name == "WTOR_JOB_ID").then(|| value.get(3..)?.parse().ok());
    plan.steps.first()?.env.iter().find_map(variable)?
}

fn outcomes(plan: &Plan, good: bool, bad: &StepEnd) -> Vec<Outcome> {
    let end = |number: usize| match (good, number) {
        (true, _) => StepEnd::Exited(0),
        (false, 0) => bad.clone(),
        (false, _) => StepEnd::Bypassed,
    };
    let outcome = |(number, step): (usize, &wtor::job::PlannedStep)| {
        let end = end(number);
        Outcome {
            step: step.name.clone(),
            cond_code: end.cond_code(step.bpxbatch),
            good: end.is_good(step.bpxbatch, step.max_cc),
            end,
            millis: 1,
            stdout: String::new(),
            stderr: String::new(),
        }
    };
    plan.steps.iter().enumerate().map(outcome).collect()
}

/// One line of the trace.
fn brief(effect: &Effect) -> String {
    use wtor::journal::Entry;
    match effect {
        Effect::Append { batch, entries } => {
            let entry = |entry: &Entry| match entry {
                Entry::Decided(d) => {
                    format!("Decided({} {}@{} {:?})", d.rule, d.origin.path, d.origin.offset, d.verdict)
                }
                Entry::Position(c) => format!("Position({}@{})", c.path, c.offset),
                Entry::Starting { run, attempt, .. } => format!("Starting({run}/{attempt})"),
                Entry::Ended { run, attempt, good, .. } => format!("Ended({run}/{attempt} {good})"),
                Entry::Proved { run, condition, .. } => format!("Proved({run} {condition})"),
                Entry::Verified { run, attempt, missing, .. } => format!("Verified({run}/{attempt} {missing:?})"),
                Entry::Closed { run, good, .. } => format!("Closed({run} {good})"),
                Entry::Skipped { run, reason, .. } => format!("Skipped({run} {reason})"),
                Entry::Asked { run, .. } => format!("Asked({run})"),
                Entry::Approved { run, .. } => format!("Approved({run})"),
                Entry::InDoubt { run, attempt, .. } => format!("InDoubt({run}/{attempt})"),
                Entry::Released { run, how, .. } => format!("Released({run} {how:?})"),
                Entry::Noted(note) => {
                    format!("Noted({} {}@{} {})", note.rule, note.origin.path, note.origin.offset, note.part.name())
                }
                Entry::Forgotten { rule, .. } => format!("Forgotten({rule})"),
                Entry::Disabled { subject, .. } => format!("Disabled({subject})"),
                Entry::Enabled { subject, .. } => format!("Enabled({subject})"),
                Entry::Set { name, .. } => format!("Set({name})"),
                Entry::Unset { name, .. } => format!("Unset({name})"),
            };
            format!("append {batch}: {}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        Effect::Start { run, attempt, .. } => format!("start {run}/{attempt}"),
        Effect::Cancel { run } => format!("cancel {run}"),
        Effect::Publish(notice) => format!("say {} {}", notice.id, notice.text),
    }
}

fn somebody() -> By {
    By { who: "somebody".into(), why: None }
}
