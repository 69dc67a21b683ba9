//! From the write of a matching line to the start of its job's process: the real daemon, its real
//! journal (two fsyncs a decision would be too many: it is one), a job that notes the time as the
//! first thing it does. At rest, and while other lines pour in.
//!
//! `cargo bench --bench latency [-- EVENTS]`

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "world.rs"]
mod world;

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use world::World;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if let [mode, out, value] = args.as_slice()
        && mode == "stamp"
    {
        return stamp(Path::new(out), value);
    }
    let events: usize = args.first().and_then(|a| a.parse().ok()).unwrap_or(300);
    println!("{:>12} {:>7} {:>8} {:>8} {:>8} {:>8}", "lines/s", "events", "p50 ms", "p90 ms", "p99 ms", "max ms");
    for load in [0, 10_000] {
        measure(events, load);
    }
}

/// The job: notes when it was started.
fn stamp(out: &Path, value: &str) {
    let now = nanos();
    let mut out = OpenOptions::new().append(true).create(true).open(out).expect("the stamps");
    out.write_all(format!("{value} {now}\n").as_bytes()).expect("written");
}

fn nanos() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos()
}

fn measure(events: usize, load: u64) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let world = World::new(1, 1000);
    let stamps = dir.path().join("stamps");
    write_policy(dir.path(), &world, &stamps);
    let log = dir.path().join("syslog");
    File::create(&log).expect("the log");
    let mut agent = start_agent(dir.path(), &log);
    let stop = Arc::new(AtomicBool::new(false));
    let other = (load > 0).then(|| pour(&world, log.clone(), load, stop.clone()));
    let mut out = OpenOptions::new().append(true).open(&log).expect("the log");
    let mut rng = fastrand::Rng::with_seed(7);
    let mut sent = Vec::new();
    for n in 0..events {
        // A pause between events is what is measured: each comes to an agent at rest.
        std::thread::sleep(Duration::from_millis(rng.u64(20..60)));
        let line = world.hit(n, "N 4000000 SYS1     2019147 14:55:55.89 STC01234 00000090  ");
        sent.push(nanos());
        out.write_all(line.as_bytes()).expect("written");
    }
    let started = wait_for(&stamps, events);
    stop.store(true, Ordering::Relaxed);
    if let Some(other) = other {
        other.join().expect("the load");
    }
    agent.kill().expect("ours");
    agent.wait().expect("ours");
    report(load, &sent, &started);
}

fn write_policy(dir: &Path, world: &World, stamps: &Path) {
    let exe = std::env::current_exe().expect("this program");
    let (rules, jobs) = (dir.join("rules"), dir.join("jobs"));
    fs::create_dir_all(&rules).expect("made");
    fs::create_dir_all(&jobs).expect("made");
    let text = world.wtor(1000);
    let mut rules_text = String::new();
    for (n, rule) in text.split_inclusive("\n\n").enumerate() {
        let report = format!("report = 'rule{n} ${{val}}'");
        rules_text += &rule.replace(&report, "run = 'stamp', with = { val = \"${val}\" }");
    }
    fs::write(rules.join("bench.toml"), rules_text).expect("written");
    let job = format!(
        "params = {{ val = {{ required = true }} }}\n[[step]]\nargv = ['{}', 'stamp', '{}', '${{val}}']\n",
        exe.display(),
        stamps.display()
    );
    fs::write(jobs.join("stamp.toml"), job).expect("written");
}

fn start_agent(dir: &Path, log: &Path) -> Child {
    let out = dir.join("agent.out");
    let mut agent = Command::new(env!("CARGO_BIN_EXE_wtor"));
    agent.arg("run").arg("--rules").arg(dir.join("rules")).arg("--jobs").arg(dir.join("jobs"));
    agent.arg("--state").arg(dir.join("state")).arg(log);
    let agent = agent.stdin(Stdio::null()).stdout(File::create(&out).expect("made")).stderr(Stdio::null());
    let agent = agent.spawn().expect("the agent");
    let deadline = Instant::now() + Duration::from_secs(20);
    while !fs::read_to_string(&out).unwrap_or_default().contains("WTR309I") {
        assert!(Instant::now() < deadline, "the agent does not start");
        std::thread::sleep(Duration::from_millis(5));
    }
    agent
}

/// Other lines, none of them a hit, at this rate.
fn pour(world: &World, log: std::path::PathBuf, load: u64, stop: Arc<AtomicBool>) -> std::thread::JoinHandle<()> {
    let (lines, _) = world.log(3, 2_000_000);
    let lines: Vec<Vec<u8>> = lines.split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    let lines: Vec<Vec<u8>> = lines.into_iter().filter(|l| !l.ends_with(b"FROM HERE\n")).collect();
    std::thread::spawn(move || {
        let mut out = OpenOptions::new().append(true).open(log).expect("the log");
        let (start, mut written) = (Instant::now(), 0);
        while !stop.load(Ordering::Relaxed) {
            let due = start.elapsed().as_millis() as u64 * load / 1000;
            let batch: Vec<u8> = (written..due).flat_map(|n| lines[n as usize % lines.len()].clone()).collect();
            out.write_all(&batch).expect("written");
            written = due;
            std::thread::sleep(Duration::from_millis(2));
        }
    })
}

/// The stamps, as (number, nanoseconds), once all are there.
fn wait_for(stamps: &Path, events: usize) -> Vec<(usize, u128)> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let text = fs::read_to_string(stamps).unwrap_or_default();
        if text.lines().count() >= events || Instant::now() > deadline {
            let parse = |line: &str| {
                let (value, at) = line.split_once(' ')?;
                Some((value.strip_prefix('V')?.parse().ok()?, at.parse().ok()?))
            };
            return text.lines().filter_map(parse).collect();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn report(load: u64, sent: &[u128], started: &[(usize, u128)]) {
    assert_eq!(started.len(), sent.len(), "every event starts its job once");
    let mut spans: Vec<f64> = started.iter().map(|(n, at)| (*at - sent[*n]) as f64 / 1e6).collect();
    spans.sort_by(f64::total_cmp);
    let at = |share: f64| spans[((spans.len() - 1) as f64 * share) as usize];
    println!("{load:>12} {:>7} {:>8.2} {:>8.2} {:>8.2} {:>8.2}", spans.len(), at(0.5), at(0.9), at(0.99), at(1.0));
}
