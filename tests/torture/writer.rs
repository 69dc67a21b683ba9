//! Whoever writes the logs: two of them, at a steady rate, one line in a hundred numbered. Every second one
//! is renamed, and its successor created when the writer has noticed, 50 ms later; the other is copied and
//! truncated between two writes, so that the rotation itself loses nothing. Sixty old files of each are kept.

use crate::aim::pause;
use crate::world::{World, line};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Of so many lines one is numbered.
const ONE_IN: u64 = 100;
const TICK: Duration = Duration::from_millis(5);
const ROTATE_EVERY: Duration = Duration::from_secs(1);
const NOTICED_AFTER: Duration = Duration::from_millis(50);
const KEPT: u64 = 60;

/// What was written: the numbers of each log go from 1 to these.
#[derive(Clone, Copy, Debug, Default)]
pub struct Written {
    pub renamed: u64,
    pub truncated: u64,
    pub lines: u64,
    pub rotations: u64,
}

/// The thread that writes.
pub struct Writer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Written>,
}

struct Work {
    logs: PathBuf,
    renamed: File,
    truncated: File,
    written: Written,
    begun: Instant,
    /// When the successor of the renamed log is to be created.
    reopen: Option<Instant>,
}

impl Writer {
    pub fn start(world: &World, rate: u64) -> Writer {
        let (logs, stop) = (world.path("logs"), Arc::new(AtomicBool::new(false)));
        let (renamed, truncated) = (open(&logs, "r.log"), open(&logs, "c.log"));
        let mut work =
            Work { logs, renamed, truncated, written: Written::default(), begun: Instant::now(), reopen: None };
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                work.tick(rate);
                pause(TICK);
            }
            work.written
        });
        Writer { stop, thread }
    }

    pub fn stop(self) -> Written {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("it writes")
    }
}

fn open(logs: &std::path::Path, name: &str) -> File {
    OpenOptions::new().create(true).append(true).open(logs.join(name)).expect("a log")
}

impl Work {
    fn tick(&mut self, rate: u64) {
        let due = u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(0) * rate / 1_000_000;
        let (mut renamed, mut truncated) = (String::new(), String::new());
        while self.written.lines < due {
            self.written.lines += 1;
            let n = self.written.lines;
            let second = u32::try_from(n / rate).unwrap_or(0);
            let text = match n % ONE_IN {
                10 => {
                    self.written.renamed += 1;
                    format!("TOR0001I number r{}", self.written.renamed)
                }
                61 => {
                    self.written.truncated += 1;
                    format!("TOR0001I number c{}", self.written.truncated)
                }
                other => format!("TOR{other:04}I line {n} of no interest to anybody, as most lines are"),
            };
            // The even ones are renamed.
            *(if n.is_multiple_of(2) { &mut renamed } else { &mut truncated }) += &line(second, &text);
        }
        self.renamed.write_all(renamed.as_bytes()).expect("written");
        self.truncated.write_all(truncated.as_bytes()).expect("written");
        self.rotate();
    }

    fn rotate(&mut self) {
        if self.reopen.is_some_and(|at| at <= Instant::now()) {
            self.reopen = None;
            self.renamed = open(&self.logs, "r.log");
        }
        let n = self.written.rotations + 1;
        if self.begun.elapsed() < ROTATE_EVERY * u32::try_from(n).unwrap_or(u32::MAX) || self.reopen.is_some() {
            return;
        }
        self.written.rotations = n;
        fs::rename(self.logs.join("r.log"), self.logs.join(format!("r.log.{n}"))).expect("renamed");
        self.reopen = Some(Instant::now() + NOTICED_AFTER);
        fs::copy(self.logs.join("c.log"), self.logs.join(format!("c.log.{n}"))).expect("copied");
        self.truncated.set_len(0).expect("truncated");
        for name in ["r.log", "c.log"] {
            // There is none before the eleventh.
            let _ = fs::remove_file(self.logs.join(format!("{name}.{}", n.saturating_sub(KEPT))));
        }
    }
}
