//! The journal's file: what goes in comes out, whatever happens in between.
//!
//! Layer: shell

mod check;
mod damage;
mod reading;
mod writer;

use super::*;
use crate::job::{CondCode, Outcome, StepEnd};
use crate::journal::{
    Action, By, Checkpoint, Decision, FileKey, Ledger, Origin, Phase, Release, RunId, Terms, Verdict,
};
use crate::rule::Captures;
use crate::time::Timestamp;
use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);

fn state() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

fn decision(rule: &str, file: &str, offset: u64, runs: &[u64]) -> Decision {
    let mut captures = Captures::default();
    captures.set("message_id", b"CWWKT0016I");
    captures.set("vhost", "default; rm -rf / \u{1b}[31m ä".as_bytes());
    let run = |(action, run): (usize, &u64)| Action::Run {
        run: RunId(*run),
        action,
        job: "resume-endpoints".into(),
        with: vec![("server".into(), "it's \"quoted\"\n".into())],
        terms: Terms::default(),
    };
    Decision {
        rule: rule.into(),
        verdict: Verdict::Fired,
        reason: "every condition held".into(),
        at: Timestamp(1_000_000 * i64::try_from(offset).expect("small")),
        origin: Origin {
            source: "liberty".into(),
            path: "/logs/messages.log".into(),
            file: FileKey(file.into()),
            offset,
            line: offset / 100 + 1,
        },
        captures,
        actions: runs.iter().enumerate().map(run).collect(),
        policy: "7f3a91".into(),
        brake: None,
        concluded: None,
    }
}

fn decided(rule: &str, file: &str, offset: u64, runs: &[u64]) -> Entry {
    Entry::Decided(decision(rule, file, offset, runs))
}

fn starting(run: u64, attempt: u32) -> Entry {
    Entry::Starting { run: RunId(run), attempt, at: Timestamp(5) }
}

fn ended(run: u64, attempt: u32, good: bool) -> Entry {
    let outcome = |step: &str, end: StepEnd, stdout: &str| Outcome {
        step: step.into(),
        cond_code: end.cond_code(true),
        good: end.is_good(true, 0),
        end,
        millis: 12,
        stdout: stdout.into(),
        stderr: "err\u{fffd}\0or\n".into(),
    };
    let status = u8::from(!good);
    let mut second = outcome("STEP2", StepEnd::Bypassed, "");
    second.stderr.clear();
    let outcomes = vec![outcome("STEP1", StepEnd::Exited(status), "out\nput"), second];
    Entry::Ended { run: RunId(run), attempt, at: Timestamp(6), outcomes, good }
}

fn closed(run: u64, good: bool) -> Entry {
    closed_at(run, good, 9)
}

fn closed_at(run: u64, good: bool, at: i64) -> Entry {
    Entry::Closed { run: RunId(run), at: Timestamp(at), good, reason: "all messages came".into() }
}

fn position(file: &str, offset: u64) -> Entry {
    position_at(file, "/logs/messages.log", offset)
}

fn position_at(file: &str, path: &str, offset: u64) -> Entry {
    Entry::Position(Checkpoint {
        source: "liberty".into(),
        path: path.into(),
        file: FileKey(file.into()),
        offset,
        line: offset / 100 + 1,
        head: "e2a4".into(),
        done: false,
    })
}

/// Runs 1 to 6, each as far as it can come: decided, starting, failed, verifying, in doubt, closed.
fn all_phases() -> Vec<Entry> {
    let doubt = Entry::InDoubt { run: RunId(5), attempt: 1, at: Timestamp(7) };
    let missing = Entry::Verified { run: RunId(3), attempt: 1, at: Timestamp(8), missing: vec!["CWWKO0219I".into()] };
    vec![
        decided("one", "f1", 100, &[1, 2]),
        decided("two", "f1", 100, &[3, 4]),
        position("f1", 200),
        starting(2, 1),
        starting(3, 1),
        ended(3, 1, true),
        missing,
        starting(4, 1),
        ended(4, 1, true),
        decided("one", "f1", 200, &[5, 6]),
        starting(5, 1),
        doubt,
        starting(6, 1),
        ended(6, 1, false),
        starting(6, 2),
        ended(6, 2, true),
        Entry::Verified { run: RunId(6), attempt: 2, at: Timestamp(8), missing: vec![] },
        closed(6, true),
        decided("two", "f2", 0, &[7]),
        starting(7, 1),
        ended(7, 1, true),
        closed(7, true),
    ]
}

fn key(rule: &str, file: &str, offset: u64) -> DecidedKey {
    (rule.into(), FileKey(file.into()), offset)
}

#[test]
fn what_is_written_is_recovered() {
    let state = state();
    let mut store = Store::open(state.path()).expect("a new journal");
    for entry in all_phases() {
        store.append(&[entry]).expect("writes");
    }
    let check = |recovered: Recovered| {
        let Entry::Position(checkpoint) = position("f1", 200) else { unreachable!() };
        assert_eq!(recovered.checkpoints, [checkpoint]);
        assert_eq!((recovered.last_run, recovered.sessions), (RunId(7), 0));
        let open: BTreeSet<_> = [key("one", "f1", 200), key("two", "f2", 0)].into();
        assert_eq!(recovered.decided, open, "at or behind the checkpoint, or without one");
        let phases: Vec<_> = recovered.ledger.runs().map(|run| (run.run.0, run.phase)).collect();
        let attempt = 1;
        use Phase::{Decided, Failed, InDoubt, Starting, Verifying};
        let expected = [Decided, Starting { attempt }, Failed { attempt }, Verifying { attempt }, InDoubt { attempt }];
        assert_eq!(phases, (1..).zip(expected).collect::<Vec<_>>());
        let mut expected = all_phases();
        expected.truncate(18);
        expected.retain(|entry| !matches!(entry, Entry::Position(_)));
        assert_eq!(recovered.entries, expected, "outputs included, in order, without the runs that are over");
    };
    check(store.recover().expect("recovers"));
    drop(store);
    check(Store::open(state.path()).expect("opens again").recover().expect("recovers"));
}

#[test]
fn a_batch_is_written_as_a_whole_or_not_at_all() {
    let state = state();
    let mut store = Store::open(state.path()).expect("opens");
    store.append(&[decided("r", "f", 0, &[1]), starting(1, 1)]).expect("writes");
    let before = store.recover().expect("recovers");
    for bad in [
        vec![position("f", 9), decided("r", "f", 0, &[2])],
        vec![position("f", 9), decided("r2", "f", 0, &[1])],
        vec![position("f", 9), starting(1, 1)],
        vec![position("f", 9), starting(1, 2)],
        vec![position("f", 9), starting(2, 1)],
        vec![position("f", 9), ended(1, 2, true)],
        vec![position("f", 9), ended(1, 1, true), ended(1, 1, true)],
        vec![position("f", 9), closed(1, true), closed(1, true)],
        vec![position("f", 9), closed(1, true), starting(1, 2)],
        vec![position("f", 9), Entry::InDoubt { run: RunId(2), attempt: 1, at: Timestamp(7) }],
        vec![position("f", 9), Entry::Verified { run: RunId(1), attempt: 1, at: Timestamp(7), missing: vec![] }],
    ] {
        let error = store.append(&bad).expect_err("cannot follow");
        assert!(!error.is_transient() && error.to_string().ends_with("is a bug"), "{error}");
        let mut ledger = before.ledger.clone();
        let refused = bad.iter().any(|entry| ledger.apply(entry).is_err());
        assert!(refused || matches!(error, Error::Duplicate { .. }), "ledger and store agree: {bad:?}");
        assert_eq!(store.recover().expect("recovers"), before, "{bad:?}");
    }
}

#[test]
fn a_decision_twice_is_a_fault_with_a_name() {
    let state = state();
    let mut store = Store::open(state.path()).expect("opens");
    store.append(&[decided("r", "f", 70, &[1])]).expect("writes");
    let error = store.append(&[decided("r", "f", 70, &[2])]).expect_err("decided already");
    assert_eq!(error.id(), "WTR208S");
    assert_eq!(error.to_string(), "rule `r` has already decided the record at f@70; deciding it again is a bug");
    store
        .append(&[decided("r", "f", 71, &[2]), decided("r", "g", 70, &[3]), decided("s", "f", 70, &[4])])
        .expect("new");
}

#[test]
fn a_decision_that_does_not_act_owes_no_run() {
    let state = state();
    let mut store = Store::open(state.path()).expect("opens");
    for (offset, verdict) in (0..).zip([Verdict::Shadow, Verdict::TooOld, Verdict::Disabled, Verdict::Impossible]) {
        store.append(&[Entry::Decided(Decision { verdict, ..decision("r", "f", offset, &[0]) })]).expect("writes");
    }
    let recovered = store.recover().expect("recovers");
    let out_of_force: Vec<_> = recovered.decided.iter().filter(|(label, ..)| **label != *"r").cloned().collect();
    assert_eq!(out_of_force, [key("r out of force", "f", 2)], "a final rule takes nothing while it is disabled");
    assert_eq!((recovered.entries.len(), recovered.decided.len(), recovered.last_run), (0, 5, RunId(0)));
    let reader = Reader::open(state.path()).expect("opens");
    assert_eq!(reader.history(&HistoryFilter::default()).expect("reads").len(), 4);
    assert_eq!(reader.runs(&RunFilter::default()).expect("reads"), []);
}

#[test]
fn sessions_count_and_last() {
    let state = state();
    for session in 1..4 {
        let mut store = Store::open(state.path()).expect("opens");
        assert_eq!(store.next_session().expect("counts"), session);
        assert_eq!(store.recover().expect("recovers").sessions, session);
    }
}

#[test]
fn a_second_agent_is_refused_by_name() {
    let state = state();
    let first = Store::open(state.path()).expect("opens");
    let error = Store::open(state.path()).err().expect("is refused");
    let pid = std::process::id();
    assert!(matches!(error, Error::Locked { pid: Some(found), .. } if found == pid));
    assert!(error.to_string().starts_with(&format!("another agent, process {pid}, has this journal")), "{error}");
    drop(first);
    Store::open(state.path()).expect("is free again");
}

#[test]
fn a_commit_is_quick() {
    let state = state();
    let mut store = Store::open(state.path()).expect("opens");
    let mut spans: Vec<Duration> = (1..=200)
        .map(|n| {
            let begun = Instant::now();
            store.append(&[decided("r", "f", n, &[n]), position("f", n), starting(n, 1)]).expect("writes");
            begun.elapsed()
        })
        .collect();
    spans.sort();
    assert!(spans[100] < Duration::from_millis(200), "p50 {:?}, p99 {:?}", spans[100], spans[198]);
}

#[test]
fn a_job_that_outlives_the_agent_does_not_keep_its_lock() {
    let state = state();
    let store = Store::open(state.path()).expect("opens");
    let left_behind = duct::cmd!("sleep", "60").stdout_null().start().expect("starts");
    drop(store);
    let again = Store::open(state.path()).map(drop);
    left_behind.kill().expect("ours to end");
    again.expect("is free");
}

/// Some entry about one of a few runs, sensible or not; no two have the same offset.
pub(in crate::journal) fn random_entry(random: &mut fastrand::Rng, offset: u64) -> Entry {
    let run = random.u64(1..150);
    let attempt = random.u32(1..4);
    match random.u8(..15) {
        0 | 1 => decided("r", "f", offset, &[run, run + 150][..random.usize(0..=2)]),
        2..=4 => starting(run, attempt),
        5 | 6 => ended(run, attempt, random.bool()),
        7 => {
            let missing = if random.bool() { vec![] } else { vec!["CWWKO0219I".into()] };
            Entry::Verified { run: RunId(run), attempt, at: Timestamp(8), missing }
        }
        8 => Entry::InDoubt { run: RunId(run), attempt, at: Timestamp(7) },
        9 => {
            let condition = random.usize(..3);
            let what = if random.bool() { format!("message id is B{condition}I").into() } else { "".into() };
            Entry::Proved { run: RunId(run), attempt, at: Timestamp(7), condition, what }
        }
        10 => Entry::Skipped { run: RunId(run), at: Timestamp(9), reason: "run 1 is good".into(), by: None },
        11 => Entry::Asked { run: RunId(run), at: Timestamp(5), until: Timestamp(9) },
        12 => Entry::Approved { run: RunId(run), at: Timestamp(6), by: None },
        13 => {
            let how = [Release::Rerun, Release::Good, Release::Failed][random.usize(..3)];
            let by = By { who: "alice".into(), why: None };
            Entry::Released { run: RunId(run), attempt, at: Timestamp(8), how, by }
        }
        _ => closed(run, random.bool()),
    }
}
