//! Looking in from outside, and forgetting.
//!
//! Layer: shell

use super::*;
use crate::limits::JOURNAL_PRUNE_ROWS;

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
        let (rule, since) = (Some("o*".into()), Some(Timestamp(1_000_000 * 100)));
        let some = HistoryFilter { rule, verdict: Some("fired".into()), since, limit: Some(1) };
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
        assert_eq!(run.decision.decision, decision("one", "f1", 200, &[5, 6]));
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
        assert!(round.runs <= JOURNAL_PRUNE_ROWS && round.decisions <= JOURNAL_PRUNE_ROWS);
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

#[test]
fn whoever_may_only_read_the_directory_can_read_the_journal() {
    let state = state();
    let mut store = Store::open(state.path()).expect("opens");
    store.append(&all_phases()).expect("writes");
    drop(store);
    // A directory in its place keeps even root from making the index.
    std::fs::create_dir(state.path().join("journal.db-shm")).expect("is in the way");
    let reader = Reader::open(state.path()).expect("needs no index");
    assert_eq!(reader.history(&HistoryFilter::default()).expect("reads").len(), 4);
}
