//! A reader of a source as the agent is one: it splits lines, keeps checkpoints, and can be stopped
//! and started again with them.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};
use wtor::input::{self, Arrival, Handle, Kind, Known, Problem, Spec};
use wtor::journal::{Checkpoint, FileKey};

/// Long enough for a machine under load; only a failing test waits for it.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// A stream as far as it has arrived.
#[derive(Debug)]
pub struct Stream {
    pub file: FileKey,
    pub path: Arc<str>,
    head: String,
    /// Offset and number of the first line that is not complete.
    offset: u64,
    line: u64,
    rest: Vec<u8>,
}

/// What the journal would hold.
#[derive(Debug, Default)]
pub struct Journal {
    pub checkpoints: BTreeMap<FileKey, Checkpoint>,
    /// The source has begun everything that was there.
    pub began: bool,
    /// Lines that were decided on: each place once.
    pub places: BTreeMap<(FileKey, u64), String>,
    /// Texts in the order of arrival.
    pub lines: Vec<String>,
    pub numbers: Vec<u64>,
    pub problems: Vec<Problem>,
}

/// A source with its reader.
pub struct Tail {
    pub spec: Spec,
    pub journal: Journal,
    pub streams: BTreeMap<u64, Stream>,
    pub paused: u64,
    pub finished: bool,
    /// What a failing test says of itself.
    pub label: String,
    running: Option<(Handle, Receiver<Arrival>)>,
    session: u64,
}

impl Tail {
    pub fn files(patterns: &[&Path]) -> Tail {
        let mut tail = Tail::idle(Kind::Files { patterns: names(patterns) });
        tail.start();
        tail
    }

    /// A source that is not told of changes, and looks when the test says so.
    pub fn stepped(patterns: &[&Path]) -> Tail {
        let mut tail = Tail::idle(Kind::Files { patterns: names(patterns) });
        tail.spec.notify = false;
        tail.start();
        tail
    }

    /// Not started, so that the test can change the specification.
    pub fn idle(kind: Kind) -> Tail {
        let mut spec = Spec::new("test", kind);
        // The poll must not be what makes a test pass, unless the test says so.
        spec.poll = Duration::from_secs(3600);
        spec.linger = Duration::from_millis(200);
        Tail {
            spec,
            journal: Journal::default(),
            streams: BTreeMap::new(),
            paused: 0,
            finished: false,
            label: String::new(),
            running: None,
            session: 0,
        }
    }

    pub fn start(&mut self) {
        self.session += 1;
        let known =
            Known { checkpoints: self.journal.checkpoints.values().cloned().collect(), first_run: !self.journal.began };
        let (sender, receiver) = sync_channel(64);
        let handle = input::start(self.spec.clone(), known, self.session, sender).unwrap();
        self.running = Some((handle, receiver));
    }

    /// The agent dies: what it has not taken is as if it had not been read.
    pub fn stop(&mut self) {
        let (handle, receiver) = self.running.take().unwrap();
        drop(receiver);
        let begun = Instant::now();
        handle.stop();
        assert!(begun.elapsed() < Duration::from_secs(2), "the stop took {:?}", begun.elapsed());
        self.streams.clear();
    }

    /// Where a network source listens.
    pub fn address(&self) -> String {
        self.running.as_ref().unwrap().0.address().unwrap().to_owned()
    }

    /// Lets the source look at its files now.
    pub fn look(&self) {
        self.running.as_ref().unwrap().0.look();
    }

    /// Takes one arrival if one comes in time.
    pub fn step(&mut self, limit: Duration) -> bool {
        let (_, receiver) = self.running.as_ref().unwrap();
        match receiver.recv_timeout(limit) {
            Ok(arrival) => {
                self.take(arrival);
                true
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => {
                assert!(self.finished, "the source has ended by itself");
                false
            }
        }
    }

    /// Takes arrivals until the condition holds.
    pub fn until(&mut self, what: &str, condition: impl Fn(&Tail) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !condition(self) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || !self.step(left) {
                let Journal { checkpoints, lines, problems, .. } = &self.journal;
                let last = lines.len().saturating_sub(5);
                panic!(
                    "{} {what} did not come; {} lines, the last {:?}\n{problems:#?}\n{checkpoints:#?}\n{:#?}",
                    self.label,
                    lines.len(),
                    &lines[last..],
                    self.streams
                );
            }
        }
    }

    /// From here on what appears is new, even while no source runs.
    pub fn until_looked(&mut self) {
        self.until("the first look", |tail| tail.journal.began);
    }

    pub fn until_lines(&mut self, wanted: &[&str]) {
        self.until(&format!("{wanted:?}"), |tail| tail.journal.lines.len() >= wanted.len());
        assert_eq!(self.journal.lines, wanted, "problems {:?}", self.journal.problems);
    }

    pub fn until_problem(&mut self, id: &str) -> Problem {
        self.until(id, |tail| tail.journal.problems.iter().any(|problem| problem.id == id));
        self.journal.problems.iter().find(|problem| problem.id == id).unwrap().clone()
    }

    /// Nothing but these problems was reported.
    pub fn assert_problems(&self, ids: &[&str]) {
        let found: Vec<&str> = self.journal.problems.iter().map(|problem| problem.id).collect();
        assert_eq!(found, ids, "{:#?}", self.journal.problems);
    }

    fn take(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Begun { stream, path, file, at, head } => {
                let begun = Stream { file, path, head, offset: at.offset, line: at.line, rest: Vec::new() };
                assert!(self.streams.values().all(|other| other.file != begun.file), "two streams of {:?}", begun.file);
                self.checkpoint(&begun);
                assert!(self.streams.insert(stream, begun).is_none(), "stream {stream} begun twice");
            }
            Arrival::Head { stream, head } => {
                let stream = self.streams.get_mut(&stream).unwrap();
                assert!(head.starts_with(&stream.head) && head.len() > stream.head.len() && head.len() <= 512);
                stream.head = head;
            }
            Arrival::Bytes { stream, bytes } => {
                assert!(!bytes.is_empty());
                let mut stream = self.streams.remove_entry(&stream).unwrap();
                stream.1.rest.extend_from_slice(&bytes);
                while let Some(end) = stream.1.rest.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = stream.1.rest.drain(..=end).collect();
                    self.line(&mut stream.1, &line);
                }
                self.checkpoint(&stream.1);
                self.streams.extend([stream]);
            }
            Arrival::Paused { stream } => {
                assert!(self.streams.contains_key(&stream));
                self.paused += 1;
            }
            Arrival::Ended { stream } => {
                let mut stream = self.streams.remove(&stream).unwrap();
                let rest = std::mem::take(&mut stream.rest);
                if !rest.is_empty() {
                    self.line(&mut stream, &rest);
                }
                self.checkpoint(&stream);
                self.done(&stream.file);
            }
            Arrival::Looked => self.journal.began = true,
            Arrival::Gone { file } => self.done(&file),
            Arrival::Problem(problem) => self.journal.problems.push(problem),
            Arrival::Finished => self.finished = true,
        }
    }

    fn line(&mut self, stream: &mut Stream, line: &[u8]) {
        let text = String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(line)).into_owned();
        let place = (stream.file.clone(), stream.offset);
        let twice = self.journal.places.insert(place, text.clone());
        assert_eq!(twice, None, "{} {text} was decided twice at {:?} {}", self.label, stream.file, stream.offset);
        self.journal.lines.push(text);
        self.journal.numbers.push(stream.line);
        stream.offset += line.len() as u64;
        stream.line += 1;
    }

    fn done(&mut self, file: &FileKey) {
        let checkpoint = self.journal.checkpoints.get_mut(file).unwrap();
        assert!(!std::mem::replace(&mut checkpoint.done, true), "{file:?} is done twice");
    }

    fn checkpoint(&mut self, stream: &Stream) {
        let checkpoint = Checkpoint {
            source: "test".into(),
            path: Arc::clone(&stream.path),
            file: stream.file.clone(),
            offset: stream.offset,
            line: stream.line,
            head: stream.head.clone(),
            done: false,
        };
        self.journal.checkpoints.insert(stream.file.clone(), checkpoint);
    }
}

fn names(patterns: &[&Path]) -> Vec<String> {
    patterns.iter().map(|path| path.to_str().unwrap().to_owned()).collect()
}

/// A directory with a log in it.
pub struct Place {
    pub dir: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Place {
        Place { dir: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Appends, as a logger that opens the file for each line.
    pub fn append(&self, name: &str, text: impl AsRef<[u8]>) {
        use std::io::Write as _;
        let mut file = ok(std::fs::OpenOptions::new().create(true).append(true).open(self.path(name)));
        ok(file.write_all(text.as_ref()));
    }

    pub fn rename(&self, from: &str, to: &str) {
        ok(std::fs::rename(self.path(from), self.path(to)));
    }

    pub fn remove(&self, name: &str) {
        ok(std::fs::remove_file(self.path(name)));
    }

    pub fn copy(&self, from: &str, to: &str) {
        ok(std::fs::copy(self.path(from), self.path(to)));
    }

    /// Gives the file the time of a day ago, as restoring and compressing do.
    pub fn age(&self, name: &str) {
        let file = ok(std::fs::OpenOptions::new().write(true).open(self.path(name)));
        ok(file.set_modified(std::time::SystemTime::now() - Duration::from_secs(86_400)));
    }

    /// Waits until the file system's clock has gone on by so much: rotations are told apart by it, and a time that
    /// nobody has asked for is as coarse as the kernel's tick.
    pub fn let_the_clock_go_on(&self, by: Duration) {
        let time = || {
            self.append("clock", "tick");
            ok(ok(std::fs::metadata(self.path("clock"))).modified())
        };
        let before = time();
        while time() < before + by {}
    }

    pub fn truncate(&self, name: &str, size: u64) {
        ok(ok(std::fs::OpenOptions::new().write(true).open(self.path(name))).set_len(size));
    }
}

pub fn ok<T, E: Debug>(result: Result<T, E>) -> T {
    result.expect("the test's own file operation")
}
