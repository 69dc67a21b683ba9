//! The journal's file: what goes in comes out, whatever happens in between.
//!
//! Layer: shell

use super::*;
use crate::job::{CondCode, Outcome, StepEnd};
use crate::journal::{Action, Checkpoint, Decision, FileKey, Ledger, Origin, Phase, RunId, Verdict};
use crate::rule::Captures;
use crate::time::Timestamp;
use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

pub(super) const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn state() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

pub(super) fn decision(rule: &str, file: &str, offset: u64, runs: &[u64]) -> Decision {
    let mut captures = Captures::default();
    captures.set("message_id", b"CWWKT0016I");
    captures.set("vhost", "default; rm -rf / \u{1b}[31m ä".as_bytes());
    let run = |(action, run): (usize, &u64)| Action::Run {
        run: RunId(*run),
        action,
        job: "resume-endpoints".into(),
        with: vec![("server".into(), "it's \"quoted\"\n".into())],
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
    }
}

pub(super) fn decided(rule: &str, file: &str, offset: u64, runs: &[u64]) -> Entry {
    Entry::Decided(decision(rule, file, offset, runs))
}

pub(super) fn starting(run: u64, attempt: u32) -> Entry {
    Entry::Starting { run: RunId(run), attempt, at: Timestamp(5) }
}

pub(super) fn ended(run: u64, attempt: u32, good: bool) -> Entry {
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

pub(super) fn closed(run: u64, good: bool) -> Entry {
    closed_at(run, good, 9)
}

fn closed_at(run: u64, good: bool, at: i64) -> Entry {
    Entry::Closed { run: RunId(run), at: Timestamp(at), good, reason: "all messages came".into() }
}

pub(super) fn position(file: &str, offset: u64) -> Entry {
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
    assert_eq!((recovered.entries.len(), recovered.decided.len(), recovered.last_run), (0, 4, RunId(0)));
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

/// What is on disk at this moment, as after the death of the process.
fn snapshot(state: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a directory");
    for name in [FILE, "journal.db-wal"] {
        if state.join(name).exists() {
            std::fs::copy(state.join(name), copy.path().join(name)).expect("copies");
        }
    }
    copy
}

#[test]
fn a_process_that_dies_leaves_every_batch_that_was_written() {
    let state = state();
    let mut store = Store::open(state.path()).expect("opens");
    let entries = all_phases();
    let mut ledger = Ledger::default();
    for (done, entry) in entries.iter().enumerate() {
        store.append(std::slice::from_ref(entry)).expect("writes");
        ledger.apply(entry).expect("follows");
        let copy = snapshot(state.path());
        let recovered = Store::open(copy.path()).expect("opens").recover().expect("recovers");
        let open = |ledger: &Ledger| ledger.open().cloned().collect::<Vec<_>>();
        assert_eq!(open(&recovered.ledger), open(&ledger), "after entry {done}");
    }
}

#[test]
fn a_torn_log_gives_an_earlier_state_and_never_half_a_batch() {
    let state = state();
    let mut store = Store::open(state.path()).expect("opens");
    let mut states = vec![store.recover().expect("recovers")];
    for n in 0..4_u64 {
        let batch = [decided("r", "f", n * 10, &[n + 1]), starting(n + 1, 1), position("f", n * 10)];
        store.append(&batch).expect("writes");
        states.push(store.recover().expect("recovers"));
    }
    let wal = std::fs::read(state.path().join("journal.db-wal")).expect("reads");
    let mut seen = BTreeSet::new();
    for length in (0..wal.len()).step_by(1777).chain([wal.len()]) {
        let copy = snapshot(state.path());
        std::fs::write(copy.path().join("journal.db-wal"), &wal[..length]).expect("tears");
        let recovered = Store::open(copy.path()).expect("opens").recover().expect("recovers");
        let at = states.iter().position(|state| *state == recovered);
        seen.insert(at.unwrap_or_else(|| panic!("{length} bytes give a state that never was")));
    }
    assert_eq!(seen, (0..=4).collect());
}

#[test]
fn a_flipped_byte_is_refused_or_harmless() {
    let state = state();
    let mut store = Store::open(state.path()).expect("opens");
    store.append(&all_phases()).expect("writes");
    store.next_session().expect("counts");
    let whole = store.recover().expect("recovers");
    drop(store);
    let bytes = std::fs::read(state.path().join(FILE)).expect("reads");
    let mut random = fastrand::Rng::with_seed(4);
    let (mut refused, mut harmless) = (0, 0);
    for _ in 0..400 {
        let copy = self::state();
        let mut flipped = bytes.clone();
        let used: Vec<usize> = (0..flipped.len()).filter(|at| flipped[*at] != 0).collect();
        let at = used[random.usize(..used.len())];
        flipped[at] ^= 1 << random.u8(..8);
        std::fs::write(copy.path().join(FILE), &flipped).expect("writes");
        match Store::open(copy.path()).and_then(|store| store.recover()) {
            Ok(recovered) => {
                assert!(recovered == whole, "byte {at} makes another journal");
                harmless += 1;
            }
            Err(error) => {
                let known = matches!(error, Error::Damaged { .. } | Error::Foreign { .. } | Error::Newer { .. });
                assert!(known, "byte {at}: {error}");
                let now = std::fs::read(copy.path().join(FILE)).expect("is still there");
                assert!(now == flipped, "byte {at}: a refused file is not written to");
                refused += 1;
            }
        }
    }
    assert!(refused > 100 && harmless > 10, "{refused} refused, {harmless} harmless");
}

#[test]
fn what_is_no_good_journal_is_refused_and_left_alone() {
    let make = |change: &str| {
        let state = state();
        drop(Store::open(state.path()).expect("opens"));
        rusqlite::Connection::open(state.path().join(FILE)).expect("opens").execute_batch(change).expect("changes");
        state
    };
    let refuse = |state: &Path| {
        let before = std::fs::read(state.join(FILE)).ok();
        let error = Store::open(state).and_then(|store| store.recover().map(drop)).expect_err("is refused");
        assert!(!error.is_transient() && error.help().is_some_and(|help| help.contains("nothing was changed")));
        assert!(std::fs::read(state.join(FILE)).ok() == before, "{error}");
        error
    };
    let newer = refuse(make("PRAGMA user_version = 2").path());
    assert_eq!(newer.id(), "WTR203E");
    assert!(newer.to_string().ends_with("has schema 2 of a newer wtor; this one knows schema 1"), "{newer}");
    assert_eq!(refuse(make("PRAGMA application_id = 1").path()).id(), "WTR204E");
    assert_eq!(refuse(make("PRAGMA user_version = 0").path()).id(), "WTR202S");
    assert_eq!(refuse(make("DROP TABLE checkpoint").path()).id(), "WTR202S");
    for bytes in [&b""[..], b"This is not a database, but somebody's letter to somebody else, and long enough."] {
        let state = state();
        std::fs::write(state.path().join(FILE), bytes).expect("writes");
        assert_eq!(refuse(state.path()).id(), "WTR202S");
    }
    let lost = state();
    std::fs::write(lost.path().join("journal.db-wal"), "x").expect("writes");
    assert_eq!(refuse(lost.path()).id(), "WTR202S");
    assert!(!lost.path().join(FILE).exists(), "nothing takes the place of what is lost");
    let half = state();
    std::fs::write(half.path().join("journal.db.new"), "x").expect("writes");
    Store::open(half.path()).expect("a journal whose making was interrupted was never one");
}

#[test]
fn reading_works_beside_an_agent_and_without_one() {
    let state = state();
    assert!(matches!(Reader::open(state.path()), Err(Error::Missing { .. })));
    let mut store = Store::open(state.path()).expect("opens");
    let reader = Reader::open(state.path()).expect("beside the agent");
    store.append(&all_phases()).expect("a reader is in nobody's way");
    let look = |reader: &Reader| {
        let all = reader.history(&HistoryFilter::default()).expect("reads");
        let rules: Vec<_> = all.iter().map(|row| (&*row.decision.rule, row.decision.origin.offset)).collect();
        assert_eq!(rules, [("one", 100), ("two", 100), ("one", 200), ("two", 0)]);
        assert_eq!(all[0].decision, decision("one", "f1", 100, &[1, 2]));
        let some = HistoryFilter { rule: Some("o*".into()), since: Some(Timestamp(1_000_000 * 100)), limit: Some(1) };
        let some = reader.history(&some).expect("reads");
        assert_eq!((some.len(), some[0].decision.origin.offset), (1, 200));
        let late = HistoryFilter { since: Some(Timestamp(1_000_000 * 200)), ..HistoryFilter::default() };
        assert_eq!(reader.history(&late).expect("reads").len(), 1);

        let runs = reader.runs(&RunFilter::default()).expect("reads");
        let states: Vec<_> = runs.iter().map(|row| row.state.as_str()).collect();
        assert_eq!(states, ["decided", "starting", "failed", "verifying", "in_doubt", "closed", "closed"]);
        assert!(states.iter().all(|state| Phase::NAMES.contains(state)));
        let closed = RunFilter { state: Some("closed".into()), job: Some("resume*".into()), limit: Some(1) };
        let closed = reader.runs(&closed).expect("reads");
        assert_eq!((closed.len(), closed[0].run, closed[0].good), (1, RunId(7), Some(true)));
        let none = RunFilter { job: Some("other".into()), ..RunFilter::default() };
        assert_eq!(reader.runs(&none).expect("reads"), []);

        let run = reader.run(RunId(6)).expect("reads").expect("is known");
        assert_eq!(run.decision, decision("one", "f1", 200, &[5, 6]));
        assert_eq!((run.row.attempts, run.row.reason.as_deref()), (2, Some("all messages came")));
        let attempts: Vec<_> =
            run.attempts_made.iter().map(|a| (a.attempt, a.good, a.missing.clone(), a.in_doubt)).collect();
        assert_eq!(attempts, [(1, Some(false), None, false), (2, Some(true), Some(vec![]), false)]);
        let outcome = &run.attempts_made[0].outcomes[0];
        assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("out\nput", "err\u{fffd}\0or\n"));
        assert_eq!(outcome.cond_code, Some(CondCode(256)));
        assert!(reader.run(RunId(5)).expect("reads").expect("is known").attempts_made[0].in_doubt);
        assert_eq!(reader.run(RunId(8)).expect("reads"), None);
    };
    look(&reader);
    look(&Reader::open(state.path()).expect("a second one"));
    drop(reader);
    drop(store);
    look(&Reader::open(state.path()).expect("without an agent"));
    assert!(snapshot(state.path()).path().join(FILE).exists());
}

#[test]
fn an_operator_can_ask_the_tables_and_the_views() {
    let state = state();
    let mut store = Store::open(state.path()).expect("opens");
    store.append(&all_phases()).expect("writes");
    let look = Connection::open(state.path().join(FILE)).expect("opens");
    let text = |sql: &str| look.query_row(sql, [], |row| row.get::<_, String>(0)).expect("reads");
    assert_eq!(text("SELECT decided FROM runs WHERE id = 1"), "1970-01-01T00:01:40.000");
    assert_eq!(text("SELECT rule || ' ' || verdict FROM history LIMIT 1"), "one fired");
    assert_eq!(text("SELECT stdout FROM outcome WHERE run = 6 AND attempt = 1 AND nr = 0"), "out\nput");
    assert_eq!(text("SELECT end FROM outcome WHERE run = 6 AND attempt = 1 AND nr = 1"), "bypassed");
    assert_eq!(
        text(
            "SELECT captures FROM (SELECT json_extract(json, '$.captures.message_id') AS captures FROM entry) LIMIT 1"
        ),
        "CWWKT0016I"
    );
}

#[test]
fn pruning_forgets_what_is_over_and_nothing_else() {
    let state = state();
    let mut store = Store::open(state.path()).expect("opens");
    let n = 1_200_u64;
    for offset in 0..n {
        let run = offset + 1;
        let rounds = [decided("r", "f", offset, &[run]), starting(run, 1), ended(run, 1, true)];
        store.append(&rounds).expect("writes");
        if offset % 100 != 0 {
            store.append(&[closed_at(run, true, 1_000_000 * i64::try_from(offset).expect("small"))]).expect("closes");
        }
    }
    store.append(&[decided("r", "no-position", 0, &[])]).expect("writes");
    store.append(&[position("f", n - 10)]).expect("writes");
    let before = store.recover().expect("recovers");
    let size = |store: &Store| {
        store.connection.query_row("SELECT count(*) FROM entry", [], |row| row.get::<_, u64>(0)).expect("counts")
    };
    let pages = |store: &Store| {
        store.connection.pragma_query_value(None, "page_count", |row| row.get::<_, u64>(0)).expect("counts")
    };
    let pages_before = pages(&store);

    let mut total = Pruned::default();
    let mut rounds = 0;
    loop {
        let round = store.prune(Timestamp(1_000_000 * 1_000)).expect("prunes");
        (total.runs, total.decisions, rounds) =
            (total.runs + round.runs, total.decisions + round.decisions, rounds + 1);
        assert!(round.runs <= 500 && round.decisions <= 500);
        if !round.more {
            break;
        }
    }
    assert_eq!((total.runs, total.decisions, rounds), (990, 991, 2), "1,000 before the time, 10 of them open");
    assert_eq!(size(&store), 4 * 200 - 2 + 10 * 3);
    assert!(pages(&store) < pages_before / 2, "{pages_before} -> {}", pages(&store));
    let after = store.recover().expect("recovers");
    assert_eq!(after.entries, before.entries, "open runs are all there");
    assert_eq!(after.last_run, before.last_run);

    store.prune(Timestamp(i64::MAX)).expect("prunes");
    let after = store.recover().expect("recovers");
    let kept: BTreeSet<_> = before.decided.iter().filter(|(_, file, _)| *file.0 == *"f").cloned().collect();
    assert_eq!((after.decided, kept.len()), (kept, 10), "what reading on could meet is remembered");
    assert_eq!((after.entries, after.last_run), (before.entries, before.last_run), "no number comes back");
}

#[test]
fn pruning_lets_go_of_files_that_many_others_have_replaced() {
    let state = state();
    let mut store = Store::open(state.path()).expect("opens");
    let many = crate::limits::JOURNAL_CHECKPOINTS;
    let other = |n: usize| position_at(&format!("other{n}"), &format!("/logs/other{n}"), 1);
    store.append(&[other(0), other(1)]).expect("writes");
    let rotated: Vec<_> = (0..many + 5).map(|n| position(&format!("f{n}"), 1)).collect();
    store.append(&rotated).expect("writes");
    assert_eq!(store.prune(Timestamp(0)).expect("prunes").checkpoints, 5);
    let left = store.recover().expect("recovers").checkpoints;
    assert_eq!(left.len(), many + 2, "a file whose path is still its own is kept, however old");
    assert_eq!(&*left[2].file.0, "f5");
}

pub(super) fn writer(store: Store) -> (Writer, Receiver<Report>) {
    let (sender, reports) = channel();
    let report = move |report| {
        let _ = sender.send(report);
    };
    (Writer::with_pause(store, Duration::from_millis(20), report).expect("a thread"), reports)
}

#[test]
fn the_writer_commits_what_is_queued_in_groups_and_in_order() {
    let state = state();
    let (writer, reports) = writer(Store::open(state.path()).expect("opens"));
    for batch in 1..=500 {
        writer.append(batch, vec![decided("r", "f", batch, &[batch]), starting(batch, 1)]);
    }
    let (mut last, mut groups) = (0, 0);
    while last < 500 {
        match reports.recv_timeout(PATIENCE).expect("a report") {
            Report::Durable(batch) => {
                assert!(batch > last);
                (last, groups) = (batch, groups + 1);
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(groups < 500, "no group in {groups} commits");
    writer.append(501, vec![closed(1, true)]);
    writer.prune(Timestamp(i64::MAX));
    writer.append(502, vec![ended(2, 1, true)]);
    writer.close();
    let rest: Vec<_> = reports.iter().collect();
    assert!(matches!(rest.last(), Some(Report::Durable(502) | Report::Pruned(_))), "{rest:?}");
    let recovered = Store::open(state.path()).expect("is free").recover().expect("recovers");
    assert_eq!(recovered.ledger.runs().count(), 499);
}

#[test]
fn a_fault_stops_the_writer_but_not_what_came_before_it() {
    let state = state();
    let (writer, reports) = writer(Store::open(state.path()).expect("opens"));
    for batch in 1..=20 {
        writer.append(batch, vec![decided("r", "f", batch.min(15), &[batch])]);
    }
    let said: Vec<_> = reports.iter().collect();
    let Some(Report::Broken { id: "WTR208S", reason }) = said.last() else { panic!("{said:?}") };
    assert!(reason.contains("f@15"), "{reason}");
    assert!(matches!(said[said.len() - 2], Report::Durable(15)), "{said:?}");
    writer.append(21, vec![]);
    writer.close();
    assert_eq!(Store::open(state.path()).expect("is free").recover().expect("recovers").last_run, RunId(15));
}

#[test]
fn a_full_disk_stalls_and_nothing_is_skipped() {
    let state = state();
    let store = Store::open(state.path()).expect("opens");
    let pages: i64 = store.connection.pragma_query_value(None, "page_count", |row| row.get(0)).expect("counts");
    // The limit belongs to the connection: no further page, until it is lifted from beside.
    store.connection.pragma_update_and_check(None, "max_page_count", pages + 40, |_| Ok(())).expect("limits");
    let (writer, reports) = writer(store);
    let mut given = 0;
    let stalled = loop {
        given += 1;
        writer.append(given, vec![decided("r", "f", given, &[given])]);
        match reports.recv_timeout(PATIENCE).expect("a report") {
            Report::Durable(batch) => assert_eq!(batch, given),
            Report::Stalled { id, reason } => break (id, reason),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(stalled.0, "WTR207E");
    assert!(stalled.1.ends_with("database or disk is full"), "{}", stalled.1);
    for batch in given + 1..given + 4 {
        writer.append(batch, vec![decided("r", "f", batch, &[batch])]);
    }
    // Room appears on this disk: an operator removes something.
    let beside = Connection::open(state.path().join(FILE)).expect("opens");
    beside.busy_timeout(PATIENCE).expect("waits");
    beside.execute_batch("DELETE FROM entry; PRAGMA incremental_vacuum").expect("frees");
    assert_eq!(reports.recv_timeout(PATIENCE), Ok(Report::Resumed));
    assert_eq!(reports.recv_timeout(PATIENCE), Ok(Report::Durable(given)));
    assert_eq!(reports.recv_timeout(PATIENCE), Ok(Report::Durable(given + 3)));
    writer.close();
    assert_eq!(reports.iter().count(), 0);
    let runs = Reader::open(state.path()).expect("opens").runs(&RunFilter::default()).expect("reads");
    assert_eq!(runs.iter().map(|row| row.run.0).collect::<Vec<_>>(), (1..given + 4).collect::<Vec<_>>());
}

#[test]
fn a_writer_that_is_closed_while_it_stalls_gives_up_unsaid() {
    let state = state();
    let store = Store::open(state.path()).expect("opens");
    store.connection.pragma_update(None, "query_only", true).expect("as on a disk that turned read-only");
    let (writer, reports) = writer(store);
    writer.append(1, vec![decided("r", "f", 1, &[1])]);
    assert!(matches!(reports.recv_timeout(PATIENCE), Ok(Report::Stalled { id: "WTR207E", .. })));
    writer.close();
    assert_eq!(reports.iter().count(), 0);
    assert_eq!(Store::open(state.path()).expect("is free").recover().expect("recovers").last_run, RunId(0));
}

#[test]
fn after_an_io_error_nothing_is_promised_before_the_log_has_begun_anew() {
    let state = state();
    let mut store = Store::open(state.path()).expect("opens");
    store.append(&[position("f", 1)]).expect("writes");
    let wal = || std::fs::metadata(state.path().join("journal.db-wal")).expect("is there").len();
    assert!(wal() > 0);
    store.unsettled = true;
    let reader = Reader::open(state.path()).expect("opens");
    let old_state = reader.connection_for_tests().unchecked_transaction().expect("begins");
    old_state.query_row("SELECT count(*) FROM entry", [], |_| Ok(())).expect("reads");
    store.connection.busy_timeout(Duration::from_millis(10)).expect("is impatient");
    let error = store.append(&[decided("r", "f", 1, &[1])]).expect_err("the reader is in the way");
    assert!(matches!(error, Error::Busy { .. }) && error.is_transient());
    drop(old_state);
    store.append(&[decided("r", "f", 1, &[1])]).expect("writes");
    assert!(!store.unsettled);
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
