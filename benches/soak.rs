//! Hours under load, on purpose and not in CI: the real daemon with 1,000 rules, a log of 20,000 lines/s that is renamed
//! every ten seconds, and 50 jobs/s, each a process. Once in a while it prints how much memory, how many threads and
//! files the agent has, and how late its jobs were; at the end what was lost and what came twice.
//!
//! `cargo bench --bench soak -- [MINUTES [LINES/S [JOBS/S]]]`

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "world.rs"]
mod world;

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use world::World;

const RULES: usize = 1000;
const HEAD: &str = "N 4000000 SYS1     2019147 14:55:55.89 STC01234 00000090  ";
/// How often the log is renamed, and under how many names it is kept.
const ROTATE_EVERY: Duration = Duration::from_secs(10);
const KEPT: usize = 3;
/// Rows of the table.
const SAMPLES: u32 = 20;
/// How long the last jobs may take.
const LAST_JOBS: Duration = Duration::from_secs(60);

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if let [mode, out, value] = args.as_slice()
        && mode == "stamp"
    {
        return stamp(Path::new(out), value);
    }
    let number = |at: usize, default: u64| args.get(at).map_or(default, |a| a.parse().expect("a number"));
    let span = Duration::from_secs(60 * number(0, 60));
    soak(span, number(1, 20_000), number(2, 50));
}

/// The job: notes its number and when it was started.
fn stamp(out: &Path, value: &str) {
    let now = nanos();
    let mut out = OpenOptions::new().append(true).create(true).open(out).expect("the stamps");
    out.write_all(format!("{value} {now}\n").as_bytes()).expect("written");
}

fn nanos() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos()
}

fn soak(span: Duration, lines: u64, jobs: u64) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    let world = World::new(1, RULES);
    write_policy(dir, &world);
    let mut agent = start_agent(dir);
    println!("{lines} lines/s, {jobs} jobs/s, {RULES} rules, {} min", span.as_secs() / 60);
    println!(
        "{:>8} {:>10} {:>8} {:>8} {:>10} {:>9} {:>9} {:>9}",
        "s", "lines", "jobs", "RSS MB", "threads", "files", "p50 ms", "max ms"
    );
    let sent = pour(&world, dir.join("syslog"), span, lines, jobs);
    let mut table = Table { begun: Instant::now(), sent: Vec::new(), read: 0, rss: Vec::new() };
    while table.begun.elapsed() < span {
        std::thread::sleep(span / SAMPLES);
        table.row(&agent, dir, &sent, lines);
    }
    let last = Instant::now() + LAST_JOBS;
    while stamps(dir).len() < table.take(&sent) && Instant::now() < last {
        std::thread::sleep(Duration::from_millis(100));
    }
    agent.kill().expect("ours");
    agent.wait().expect("ours");
    table.end(dir);
}

struct Table {
    begun: Instant,
    /// When each hit was written.
    sent: Vec<u128>,
    /// Stamps that earlier rows have told of.
    read: usize,
    /// Resident megabytes, row by row.
    rss: Vec<f64>,
}

impl Table {
    /// Takes in what was written meanwhile: how many hits in all.
    fn take(&mut self, sent: &Receiver<u128>) -> usize {
        self.sent.extend(sent.try_iter());
        self.sent.len()
    }

    fn row(&mut self, agent: &Child, dir: &Path, sent: &Receiver<u128>, lines: u64) {
        self.take(sent);
        let all = stamps(dir);
        let late = |(n, at): &(usize, u128)| Some((at.checked_sub(*self.sent.get(*n)?)?) as f64 / 1e6);
        let mut late: Vec<f64> = all[self.read..].iter().filter_map(late).collect();
        late.sort_by(f64::total_cmp);
        self.read = all.len();
        let status = fs::read_to_string(format!("/proc/{}/status", agent.id())).unwrap_or_default();
        let of = |key: &str| status.lines().find_map(|l| l.strip_prefix(key)?.split_whitespace().next()?.parse().ok());
        let files = fs::read_dir(format!("/proc/{}/fd", agent.id())).map_or(0, Iterator::count);
        let rss = of("VmRSS:").unwrap_or(0.0) / 1024.0;
        self.rss.push(rss);
        let seconds = self.begun.elapsed().as_secs();
        let (p50, max) = (late.get(late.len() / 2).copied(), late.last().copied());
        println!(
            "{seconds:>8} {:>10} {:>8} {rss:>8.1} {:>10} {files:>9} {:>9.1} {:>9.1}",
            seconds * lines,
            all.len(),
            of("Threads:").unwrap_or(0.0),
            p50.unwrap_or(f64::NAN),
            max.unwrap_or(f64::NAN),
        );
    }

    fn end(&self, dir: &Path) {
        let mut numbers: Vec<usize> = stamps(dir).into_iter().map(|(n, _)| n).collect();
        let started = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        let (lost, twice) = (self.sent.len() - numbers.len(), started - numbers.len());
        let half = &self.rss[self.rss.len() / 2..];
        let grown = half.last().unwrap_or(&0.0) - half.first().unwrap_or(&0.0);
        println!("sent {}, lost {lost}, twice {twice}; RSS in the second half {grown:+.1} MB", self.sent.len());
        assert_eq!((lost, twice), (0, 0));
    }
}

/// The stamps, as (number, nanoseconds).
fn stamps(dir: &Path) -> Vec<(usize, u128)> {
    let text = fs::read_to_string(dir.join("stamps")).unwrap_or_default();
    let parse = |line: &str| {
        let (value, at) = line.split_once(' ')?;
        Some((value.strip_prefix('V')?.parse().ok()?, at.parse().ok()?))
    };
    text.lines().filter_map(parse).collect()
}

fn write_policy(dir: &Path, world: &World) {
    let exe = std::env::current_exe().expect("this program");
    for folder in ["rules", "jobs"] {
        fs::create_dir_all(dir.join(folder)).expect("made");
    }
    let mut rules = String::new();
    for (n, rule) in world.wtor(RULES).split_inclusive("\n\n").enumerate() {
        rules += &rule.replace(&format!("report = 'rule{n} ${{val}}'"), "run = 'stamp', with = { val = \"${val}\" }");
    }
    fs::write(dir.join("rules/bench.toml"), rules).expect("written");
    let (exe, out) = (exe.display(), dir.join("stamps"));
    let job = format!(
        "params = {{ val = {{ required = true }} }}\n[[step]]\nargv = ['{exe}', 'stamp', '{}', '${{val}}']\n",
        out.display()
    );
    fs::write(dir.join("jobs/stamp.toml"), job).expect("written");
    File::create(dir.join("syslog")).expect("the log");
}

fn start_agent(dir: &Path) -> Child {
    let out = dir.join("agent.out");
    let mut agent = Command::new(env!("CARGO_BIN_EXE_wtor"));
    agent.args(["run", "--from", "start", "--rules", "rules", "--jobs", "jobs", "syslog"]).current_dir(dir);
    let agent = agent.stdin(Stdio::null()).stdout(File::create(&out).expect("made")).stderr(Stdio::null());
    let agent = agent.spawn().expect("the agent");
    let deadline = Instant::now() + Duration::from_secs(60);
    while !fs::read_to_string(&out).unwrap_or_default().contains("WTR309I") {
        assert!(Instant::now() < deadline, "the agent does not start");
        std::thread::sleep(Duration::from_millis(5));
    }
    agent
}

/// Writes the log for so long: lines that no rule is for, and among them numbered hits. Tells when each hit was written.
fn pour(world: &World, log: PathBuf, span: Duration, lines: u64, jobs: u64) -> Receiver<u128> {
    let (text, _) = world.log(3, 2_000_000);
    let others: Vec<Vec<u8>> = text.split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    let others: Vec<Vec<u8>> = others.into_iter().filter(|l| !l.ends_with(b"FROM HERE\n")).collect();
    let hits: Vec<String> = (0..span.as_secs() * jobs).map(|n| world.hit(n as usize, HEAD)).collect();
    let (tell, sent) = channel();
    std::thread::spawn(move || {
        let mut out = OpenOptions::new().append(true).open(&log).expect("the log");
        let (start, mut rotated, mut written, mut hit) = (Instant::now(), Instant::now(), 0, 0);
        while start.elapsed() < span {
            if rotated.elapsed() > ROTATE_EVERY {
                rotate(&log);
                out = OpenOptions::new().append(true).create(true).open(&log).expect("the log");
                rotated = Instant::now();
            }
            let due = start.elapsed().as_millis() as u64 * lines / 1000;
            let mut batch: Vec<u8> = (written..due).flat_map(|n| others[n as usize % others.len()].clone()).collect();
            let hits_due = (start.elapsed().as_millis() as u64 * jobs / 1000).min(hits.len() as u64);
            (hit..hits_due).for_each(|n| batch.extend(hits[n as usize].bytes()));
            let now = nanos();
            out.write_all(&batch).expect("written");
            (hit..hits_due).for_each(|_| tell.send(now).expect("somebody listens"));
            (written, hit) = (due, hits_due);
            std::thread::sleep(Duration::from_millis(2));
        }
    });
    sent
}

/// syslog -> syslog.1 -> syslog.2 ...; the last one goes.
fn rotate(log: &Path) {
    let name = |n: usize| PathBuf::from(format!("{}.{n}", log.display()));
    for n in (1..KEPT).rev() {
        let _ = fs::rename(name(n), name(n + 1));
    }
    fs::rename(log, name(1)).expect("renamed");
}
