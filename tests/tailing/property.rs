//! Random histories of a log and of an agent that dies and comes back. Where nobody could lose a
//! line, none is lost and none comes twice.

use crate::harness::{Place, Tail, ok};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::time::Duration;

/// A log, its writer, and the source.
struct World {
    random: fastrand::Rng,
    place: Place,
    writer: Option<File>,
    /// The line at hand, as far as it is not written yet.
    rest: String,
    written: u64,
    rotations: u64,
    tail: Tail,
    is_up: bool,
    history: Vec<String>,
}

impl World {
    fn new(seed: u64) -> World {
        let place = Place::new();
        place.append("sy1.log", "");
        let path = place.path("sy1.log").to_str().unwrap().to_owned();
        let mut tail = Tail::idle(wtor::input::Kind::Files { patterns: vec![path] });
        tail.spec.linger = Duration::from_secs(3600);
        tail.label = format!("seed {seed}:");
        tail.start();
        // Before it has looked the source does not know the log.
        tail.until_looked();
        World {
            random: fastrand::Rng::with_seed(seed),
            place,
            writer: None,
            rest: String::new(),
            written: 0,
            rotations: 0,
            tail,
            is_up: true,
            history: Vec::new(),
        }
    }

    fn write(&mut self) {
        let path = self.place.path("sy1.log");
        let writer = self.writer.get_or_insert_with(|| ok(OpenOptions::new().create(true).append(true).open(path)));
        let mut text = std::mem::take(&mut self.rest);
        for _ in 0..self.random.u64(1..6) {
            text += &format!("line {:06} {}\n", self.written, "x".repeat(self.random.usize(0..100)));
            self.written += 1;
        }
        if self.random.u8(0..4) == 0 {
            self.rest = text.split_off(text.len() - self.random.usize(1..12));
        }
        ok(writer.write_all(text.as_bytes()));
    }

    fn finish_line(&mut self) {
        if let Some(writer) = &mut self.writer {
            ok(writer.write_all(std::mem::take(&mut self.rest).as_bytes()));
        }
    }

    fn rename(&mut self) {
        if self.writer.is_none() {
            return;
        }
        self.place.let_the_clock_go_on(Duration::from_nanos(1));
        self.rotations += 1;
        self.place.rename("sy1.log", &format!("sy1_{:03}.log", self.rotations));
        // The writer may not notice at once.
        if self.random.bool() {
            self.write();
        }
        self.finish_line();
        self.writer = None;
        if self.random.bool() {
            self.place.append("sy1.log", "");
        }
    }

    fn copytruncate(&mut self) {
        if self.writer.is_none() {
            return;
        }
        self.finish_line();
        self.place.let_the_clock_go_on(Duration::from_nanos(1));
        self.rotations += 1;
        self.place.copy("sy1.log", &format!("sy1_{:03}.log", self.rotations));
        self.place.truncate("sy1.log", 0);
    }

    fn stop(&mut self) {
        if self.is_up {
            self.tail.stop();
            self.is_up = false;
        }
    }

    fn start(&mut self) {
        if !self.is_up {
            self.tail.start();
            self.is_up = true;
        }
    }

    /// Takes some of what has arrived.
    fn take_some(&mut self) {
        for _ in 0..self.random.u8(0..12) {
            if self.is_up {
                self.tail.step(Duration::ZERO);
            }
        }
    }

    /// Everything that was written has arrived, once.
    fn settle(&mut self) {
        self.start();
        if self.writer.is_none() {
            self.write();
        }
        self.finish_line();
        let wanted = self.written;
        let what = format!("all {wanted} lines after {:?}", self.history);
        self.tail.until(&what, |tail| tail.journal.lines.len() as u64 >= wanted);
        let mut numbers: Vec<u64> = self.tail.journal.lines.iter().map(|line| number_of(line)).collect();
        numbers.sort_unstable();
        let history = &self.history;
        assert!(numbers == (0..wanted).collect::<Vec<u64>>(), "{} {history:?} {numbers:?}", self.tail.label);
    }

    fn go(&mut self, may_truncate: bool) {
        for _ in 0..60 {
            let choice = self.random.u8(0..20);
            let before = self.rotations;
            self.step(choice, may_truncate);
            let rotated =
                if self.rotations > before { format!(" (rotation {})", self.rotations) } else { String::new() };
            self.history.push(format!("{choice}@{}{rotated}", self.written));
        }
        self.settle();
    }

    fn step(&mut self, choice: u8, may_truncate: bool) {
        match choice {
            0..=7 => self.write(),
            8..=9 => self.rename(),
            10 if may_truncate => self.copytruncate(),
            11 if may_truncate && self.random.bool() => self.copytruncate(),
            11 => self.stop(),
            12..=13 => self.start(),
            14 => self.settle(),
            _ => self.take_some(),
        }
    }
}

/// A failing test says what lies where.
impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let read: Vec<u64> = self.tail.journal.lines.iter().map(|line| number_of(line)).collect();
        let missing: Vec<u64> = (0..self.written).filter(|number| !read.contains(number)).collect();
        println!("missing {missing:?}, in order of arrival {read:?}");
        for entry in ok(std::fs::read_dir(self.place.dir.path())).flatten() {
            let (meta, text) = (ok(entry.metadata()), std::fs::read_to_string(entry.path()).unwrap_or_default());
            let numbers: Vec<u64> = text.lines().map(number_of).collect();
            let (first, last) = (numbers.first(), numbers.last());
            println!("{:?} {first:?}-{last:?} {} bytes {:?}", entry.file_name(), meta.len(), meta.created());
        }
    }
}

fn number_of(line: &str) -> u64 {
    line.split(' ').nth(1).and_then(|number| number.parse().ok()).unwrap_or(u64::MAX)
}

/// More on demand: `WTOR_SEEDS=1000-2000`.
fn seeds() -> std::ops::Range<u64> {
    let wanted = std::env::var("WTOR_SEEDS").ok();
    let range = wanted.as_deref().and_then(|text| text.split_once('-'));
    let parsed = range.and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    parsed.unwrap_or(0..100)
}

#[test]
fn renaming_loses_nothing_and_repeats_nothing() {
    for seed in seeds() {
        World::new(seed).go(false);
    }
}

#[test]
fn neither_does_copying_and_truncating() {
    for seed in seeds() {
        World::new(seed).go(true);
    }
}

/// The writer does not wait for anybody, so every race between looking and opening comes up.
#[test]
fn a_writer_that_rotates_all_the_time_while_the_agent_dies_again_and_again() {
    const LINES: u64 = 200_000;
    let place = Place::new();
    place.append("sy1.log", "");
    let path = place.path("sy1.log").to_str().unwrap().to_owned();
    let mut tail = Tail::idle(wtor::input::Kind::Files { patterns: vec![path] });
    tail.spec.poll = Duration::from_millis(20);
    tail.start();
    tail.until_looked();
    let writer = std::thread::spawn(move || {
        let mut log = ok(OpenOptions::new().append(true).open(place.path("sy1.log")));
        for number in 0..LINES {
            ok(log.write_all(format!("line {number}\n").as_bytes()));
            if number % 2_000 == 1_999 {
                place.rename("sy1.log", &format!("sy1_{number:06}.log"));
                log = ok(OpenOptions::new().create(true).append(true).open(place.path("sy1.log")));
            }
        }
        place
    });
    let mut random = fastrand::Rng::with_seed(7);
    while !writer.is_finished() {
        for _ in 0..random.u8(0..200) {
            tail.step(Duration::from_millis(1));
        }
        tail.stop();
        tail.start();
    }
    let _place = ok(writer.join());
    tail.until("all lines", |tail| tail.journal.lines.len() as u64 >= LINES);
    let mut numbers: Vec<u64> = tail.journal.lines.iter().map(|line| number_of(line)).collect();
    numbers.sort_unstable();
    assert!(numbers == (0..LINES).collect::<Vec<u64>>(), "{} lines", numbers.len());
}
