//! Throughput of a dry run as the number of rules grows, on one thread, with its peak memory; and the
//! same log and rules through SEC and syslog-ng's patterndb in the same run, where they are installed.
//!
//! `cargo bench --bench replay [-- MEGABYTES]`

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "world.rs"]
mod world;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use world::World;

const REPETITIONS: usize = 5;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if let [mode, rules, log] = args.as_slice()
        && mode == "replay-child"
    {
        return child(Path::new(rules), Path::new(log));
    }
    let megabytes: usize = args.first().and_then(|a| a.parse().ok()).unwrap_or(100);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let world = World::new(1, 10_000);
    let (log, hits) = world.log(2, megabytes * 1_000_000);
    fs::write(dir.path().join("log"), &log).expect("written");
    println!("{} MB of hardcopy, {hits} hits; median of {REPETITIONS} runs\n", log.len() / 1_000_000);
    println!("{:24} {:>6} {:>9} {:>9} {:>9} {:>9}", "program", "rules", "MB/s", "load ms", "peak MB", "hits");
    for count in [10, 1000, 10_000] {
        wtor(dir.path(), &world, count);
    }
    // The peers are slower by orders of magnitude with many rules: they get a slice, and the same
    // slice goes through wtor again.
    let slice = 3_000_000.min(log.len());
    let slice = log[..slice].iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
    fs::write(dir.path().join("log"), &log[..slice]).expect("written");
    println!("\nthe first {} MB of it, beside SEC and patterndb:", slice / 1_000_000);
    for count in [10, 1000] {
        wtor(dir.path(), &world, count);
        sec(dir.path(), &world, count, slice);
        patterndb(dir.path(), &world, count, &log[..slice]);
    }
}

/// One measured replay in a process of its own, so that its peak memory is its own.
fn child(rules: &Path, log: &Path) {
    let start = Instant::now();
    let loaded =
        wtor::load::policy(rules, Path::new("/nonexistent"), &wtor::action::Site::default()).expect("readable");
    let policy = Arc::new(loaded.policy.expect("no mistakes"));
    let mut replay = wtor::replay::Replay::new(policy);
    let load = start.elapsed();
    let (start, mut hits) = (Instant::now(), 0);
    let mut input = fs::File::open(log).expect("the log");
    let mut count = |entry: &wtor::journal::Entry| hits += u64::from(matches!(entry, wtor::journal::Entry::Decided(_)));
    replay.file("log", &mut input, &Default::default(), &mut |_| (), &mut count).expect("read");
    let peak = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = peak.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or("0").trim().replace(" kB", "");
    println!("{} {} {peak} {hits}", load.as_micros(), start.elapsed().as_micros());
}

fn wtor(dir: &Path, world: &World, count: usize) {
    let rules = dir.join("rules.toml");
    fs::write(&rules, world.wtor(count)).expect("written");
    let bytes = fs::metadata(dir.join("log")).expect("there").len();
    let mut runs: Vec<[u64; 4]> = (0..REPETITIONS)
        .map(|_| {
            let out = Command::new(std::env::current_exe().expect("this program"))
                .args(["replay-child".as_ref(), rules.as_os_str(), dir.join("log").as_os_str()])
                .output()
                .expect("runs");
            let text = String::from_utf8(out.stdout).expect("text");
            let numbers: Vec<u64> = text.split_whitespace().map(|n| n.parse().expect("a number")).collect();
            numbers.try_into().expect("four numbers")
        })
        .collect();
    runs.sort_by_key(|run| run[1]);
    let [load, time, peak, hits] = runs[REPETITIONS / 2];
    row("wtor", count, bytes, Duration::from_micros(time), load / 1000, &format!("{}", peak / 1024), hits);
}

fn row(name: &str, rules: usize, bytes: u64, time: Duration, load: u64, peak: &str, hits: u64) {
    let rate = bytes as f64 / 1e6 / time.as_secs_f64();
    println!("{name:24} {rules:>6} {rate:>9.1} {load:>9} {peak:>9} {hits:>9}");
}

/// Runs a peer once on the log; its time without what it needs for an empty log.
fn peer(name: &str, rules: usize, bytes: usize, run: impl Fn(&Path) -> Option<u64>, dir: &Path) {
    let empty = dir.join("empty");
    fs::write(&empty, "").expect("written");
    let timed = |log: &Path| {
        let start = Instant::now();
        run(log).map(|hits| (start.elapsed(), hits))
    };
    let (Some((load, _)), Some((all, hits))) = (timed(&empty), timed(&dir.join("log"))) else {
        println!("{name:24} {rules:>6} not installed");
        return;
    };
    row(name, rules, bytes as u64, all.saturating_sub(load), load.as_millis() as u64, "-", hits);
}

fn sec(dir: &Path, world: &World, count: usize, bytes: usize) {
    let (conf, out) = (dir.join("sec.conf"), dir.join("sec.out"));
    fs::write(&conf, world.sec(count, &out.display().to_string())).expect("written");
    let run = |log: &Path| {
        let _ = fs::remove_file(&out);
        let mut sec = Command::new("sec");
        sec.arg(format!("--conf={}", conf.display())).arg(format!("--input={}", log.display()));
        sec.args(["--notail", "--nointevents", "--log=/dev/null", "--debug=3"]);
        sec.stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
        Some(fs::read_to_string(&out).unwrap_or_default().lines().count() as u64)
    };
    peer("SEC", count, bytes, run, dir);
}

/// `pdbtool match` reads syslog lines, so the hardcopy prefix is replaced beforehand, unmeasured.
fn patterndb(dir: &Path, world: &World, count: usize, log: &[u8]) {
    let (rules, lines) = (dir.join("pdb.xml"), dir.join("syslog"));
    fs::write(&rules, world.patterndb(count)).expect("written");
    let text = String::from_utf8_lossy(log);
    let syslog =
        |line: &str| format!("<5>May 27 14:55:55 SYS1 zos: {}\n", line.get(58..).unwrap_or_default().trim_start());
    fs::write(&lines, text.lines().map(syslog).collect::<String>()).expect("written");
    let run = |log: &Path| {
        let log = if log.ends_with("log") { &lines } else { log };
        let mut pdbtool = Command::new("pdbtool");
        pdbtool.args(["match", "-P", "zos", "-T", "${.classifier.rule_id}\\n", "-p"]).arg(&rules).arg("-f").arg(log);
        pdbtool.args(["-F", "\"${.classifier.class}\" eq \"violation\""]);
        let out = pdbtool.stderr(Stdio::null()).output().ok()?;
        Some(String::from_utf8_lossy(&out.stdout).lines().filter(|l| l.starts_with("rule")).count() as u64)
    };
    peer("patterndb (pdbtool)", count, log.len(), run, dir);
}
