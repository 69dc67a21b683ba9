//! How long an agent takes to begin with a large journal: the look at the whole file (`Store::open`), and what
//! the next agent must know (`recover`). The runs are over but for the last hundred.
//!
//! `cargo bench --bench start [-- DECISIONS...]`

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::time::Instant;
use wtor::journal::store::{FILE, Store};
use wtor::journal::{Action, Checkpoint, Decision, Entry, FileKey, Origin, RunId, Terms, Verdict};
use wtor::rule::Captures;
use wtor::time::Timestamp;

const OPEN: u64 = 100;
const BATCH: u64 = 1_000;

fn main() {
    let asked: Vec<u64> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let sizes = if asked.is_empty() { vec![1_000, 10_000, 100_000] } else { asked };
    println!("{:>10} {:>8} {:>9} {:>12} {:>12}", "decisions", "MB", "open ms", "recover ms", "us a decision");
    for decisions in sizes {
        measure(decisions);
    }
}

fn measure(decisions: u64) {
    let state = tempfile::tempdir().expect("a directory");
    let mut store = Store::open(state.path()).expect("made");
    for first in (1..=decisions).step_by(usize::try_from(BATCH).unwrap_or(1)) {
        let entries: Vec<Entry> = (first..first + BATCH).flat_map(|run| life(run, decisions)).collect();
        store.append(&entries).expect("written");
    }
    drop(store);
    let bytes = std::fs::metadata(state.path().join(FILE)).expect("there").len();
    let begun = Instant::now();
    let store = Store::open(state.path()).expect("opened");
    let opened = begun.elapsed();
    let recovered = store.recover().expect("whole");
    let lasted = begun.elapsed();
    assert_eq!(recovered.ledger.open().count() as u64, OPEN);
    let millis = |span: std::time::Duration| span.as_secs_f64() * 1e3;
    println!(
        "{decisions:>10} {:>8.1} {:>9.0} {:>12.0} {:>12.1}",
        bytes as f64 / 1e6,
        millis(opened),
        millis(lasted - opened),
        millis(lasted) * 1e3 / decisions as f64
    );
}

/// What the journal has of one run; of the last ones no end.
fn life(n: u64, last: u64) -> Vec<Entry> {
    let (run, at) = (RunId(n), Timestamp(i64::try_from(n).unwrap_or(0) * 1_000_000));
    let mut captures = Captures::default();
    captures.set("message_id", b"CWWKT0016I");
    captures.set("text", b"CWWKT0016I: Web application available (default_host): http://zt00:8080/app/");
    captures.set("job_name", b"WLPSRV1");
    let action = Action::Run {
        run,
        action: 0,
        job: "resume-endpoints".into(),
        with: vec![("server".into(), "WLPSRV1".into())],
        terms: Terms::default(),
    };
    let (file, path) = (FileKey("1-2-0".into()), "/logs/messages.log");
    let origin = Origin { source: "liberty".into(), path: path.into(), file: file.clone(), offset: n * 120, line: n };
    let decision = Decision {
        rule: "liberty-open-endpoints".into(),
        verdict: Verdict::Fired,
        reason: "every condition held".into(),
        at,
        origin,
        captures,
        actions: vec![action],
        policy: "7f3a91".into(),
        brake: None,
        concluded: None,
    };
    let mut life = vec![Entry::Decided(decision)];
    if n + OPEN <= last {
        life.push(Entry::Starting { run, attempt: 1, at });
        life.push(Entry::Ended { run, attempt: 1, at, outcomes: Vec::new(), good: true });
        life.push(Entry::Closed { run, at, good: true, reason: "all steps were good".into() });
    }
    let offset = n * 120 + 120;
    let (line, head) = (n + 1, String::new());
    life.push(Entry::Position(Checkpoint {
        source: "liberty".into(),
        path: path.into(),
        file,
        offset,
        line,
        head,
        done: false,
    }));
    life
}
