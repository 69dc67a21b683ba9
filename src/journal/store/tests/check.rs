//! A look at a whole journal: nothing is found in a good one, and in a damaged one all of it.
//!
//! Layer: shell

use super::*;
use serde_json::Value;
use std::ops::ControlFlow;

fn filled() -> (tempfile::TempDir, Store) {
    let state = state();
    let mut store = Store::open(state.path()).expect("opens");
    store.append(&all_phases()).expect("writes");
    store.next_session().expect("counts");
    (state, store)
}

fn check(state: &Path) -> Checked {
    Reader::open(state).expect("opens").check().expect("looks")
}

fn exported(state: &Path) -> Vec<Value> {
    let mut all = Vec::new();
    let sink = &mut |object| {
        all.push(object);
        ControlFlow::Continue(())
    };
    Reader::open(state).expect("opens").export(sink).expect("exports");
    all
}

#[test]
fn nothing_is_found_in_a_good_journal_beside_its_agent_or_without() {
    let (state, mut store) = filled();
    let good =
        Checked { schema: 4, entries: 21, decisions: 4, runs: 7, open: 5, in_doubt: 1, positions: 1, found: vec![] };
    assert_eq!(check(state.path()), good);
    store.prune(Timestamp(i64::MAX)).expect("prunes");
    assert_eq!(check(state.path()).found, [""; 0], "what was deleted on purpose is not missing");
    store.append(&[starting(1, 1)]).expect("goes on");
    drop(store);
    assert_eq!(check(state.path()).found, [""; 0]);
}

#[test]
fn a_journal_of_the_first_schema_is_looked_at_and_printed_as_it_is() {
    let state = state();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/journal-schema-1.db");
    std::fs::copy(fixture, state.path().join(FILE)).expect("copies");
    let checked = check(state.path());
    assert_eq!((checked.schema, checked.runs, checked.positions, checked.found), (1, 1, 1, vec![]));
    assert_eq!(exported(state.path()).last().map(|last| last["entry"].clone()), Some("position".into()));
}

#[test]
fn each_damage_is_found_and_named() {
    for (damage, found) in [
        ("UPDATE entry SET json = replace(json, 'STEP1', 'STEP2') WHERE seq = 5", "entry 5 is not what was written"),
        ("DELETE FROM entry WHERE seq = 3", "run 2 is starting in attempt 1, and by its entries decided in attempt 0"),
        ("DELETE FROM entry WHERE seq = 4", "entry 5 cannot follow those before it: run 3: "),
        ("DELETE FROM entry WHERE seq = 1", "no decision owes run 1"),
        ("UPDATE entry SET kind = 'closed' WHERE seq = 3", "entry 3 is not of the kind or the run that its row says"),
        ("UPDATE entry SET run = 1 WHERE seq = 3", "entry 3 is not of the kind or the run that its row says"),
        (
            "UPDATE run SET state = 'closed' WHERE id = 1",
            "run 1 is closed in attempt 0, and by its entries decided in attempt 0",
        ),
        (
            "UPDATE run SET good = 0 WHERE id = 6",
            "run 6 is closed in attempt 2, and by its entries closed in attempt 2",
        ),
        ("DELETE FROM run WHERE id = 1", "run 1 is decided by its entries, and not in the table of runs"),
        ("DELETE FROM run WHERE id = 2", "run 2 is starting by its entries, and not in the table of runs"),
        ("DELETE FROM decision WHERE seq = 2", "decision 2 is not listed as its entry says"),
        ("UPDATE decision SET offset = 7 WHERE seq = 2", "decision 2 is not listed as its entry says"),
        ("DELETE FROM outcome WHERE run = 3", "the output of attempt 1 of run 3 is not that of its steps"),
        (
            "INSERT INTO outcome SELECT 99, 1, 0, step, cc, end, good, millis, '', '' FROM outcome LIMIT 1",
            "no entry tells of output of run 99",
        ),
        (
            "INSERT INTO standing VALUES('disabled', 'r', '', 1, 5, NULL, 'eve', NULL)",
            "no entry tells of standing order 1",
        ),
        ("UPDATE checkpoint SET offset = 0", "the position in /logs/messages.log is not what was written"),
        ("UPDATE meta SET value = '9'", "the number of sessions is not what was written"),
        ("DROP INDEX run_decision", "`run_decision` is not declared as schema 4 has it"),
    ] {
        let (state, store) = filled();
        drop(store);
        let connection = Connection::open(state.path().join(FILE)).expect("opens");
        connection.execute_batch(damage).expect("damages");
        drop(connection);
        let before = std::fs::read(state.path().join(FILE)).expect("reads");
        let checked = check(state.path());
        assert!(checked.found.iter().any(|what| what.starts_with(found)), "{damage}: {:#?}", checked.found);
        assert!(std::fs::read(state.path().join(FILE)).expect("reads") == before, "{damage}: nothing is changed");
    }
}

#[test]
fn all_that_is_damaged_is_told_at_once() {
    let (state, store) = filled();
    drop(store);
    let connection = Connection::open(state.path().join(FILE)).expect("opens");
    let damage = "UPDATE entry SET sum = 0 WHERE seq IN (1, 21); UPDATE checkpoint SET line = 0; DELETE FROM decision;";
    connection.execute_batch(damage).expect("damages");
    let found = check(state.path()).found.join("\n");
    for what in
        ["entry 1 is", "entry 21 is", "the position in", "decision 2 is not listed", "decision 18 is not listed"]
    {
        assert!(found.contains(what), "{what}: {found}");
    }
}

#[test]
fn everything_is_printed_in_order_and_reads_back() {
    let (state, _store) = filled();
    let all = exported(state.path());
    assert_eq!(all[0], serde_json::json!({ "entry": "journal", "schema": 4, "sessions": 1 }));
    let read = |object: &Value| serde_json::from_value::<Entry>(object.clone()).expect("an entry");
    let (positions, entries): (Vec<Entry>, Vec<Entry>) =
        all[1..].iter().map(read).partition(|entry| matches!(entry, Entry::Position(_)));
    assert_eq!(positions, [position("f1", 200)]);
    let written: Vec<Entry> = all_phases().into_iter().filter(|entry| !matches!(entry, Entry::Position(_))).collect();
    assert_eq!(entries, written, "the output of steps included");
    let numbers: Vec<_> = all[1..].iter().filter_map(|object| object["seq"].as_u64()).collect();
    assert_eq!(numbers, (1..=21).collect::<Vec<_>>());
    // Whoever has enough is given no more.
    let mut given = 0;
    let sink = &mut |_| {
        given += 1;
        if given < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    Reader::open(state.path()).expect("opens").export(sink).expect("exports");
    assert_eq!(given, 3);
}

/// What a decision owes is taken up again as a whole, so it is deleted as a whole.
#[test]
fn a_run_that_is_over_is_kept_while_its_decision_owes_another() {
    let state = state();
    let mut store = Store::open(state.path()).expect("opens");
    store.append(&[decided("r", "f", 0, &[1, 2]), starting(1, 1), ended(1, 1, true), closed(1, true)]).expect("writes");
    store.append(&[starting(2, 1), Entry::InDoubt { run: RunId(2), attempt: 1, at: Timestamp(7) }]).expect("writes");
    assert_eq!(store.prune(Timestamp(i64::MAX)).expect("prunes").runs, 0);
    assert_eq!(store.recover().expect("recovers").ledger.open().count(), 1);
    store.append(&[closed(2, false)]).expect("writes");
    assert_eq!(store.prune(Timestamp(i64::MAX)).expect("prunes").runs, 2);
    assert_eq!(check(state.path()).found, [""; 0]);
}
