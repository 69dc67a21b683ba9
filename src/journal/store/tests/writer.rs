//! The writing thread: groups, faults, and disks that refuse.
//!
//! Layer: shell

use super::*;

fn writer(store: Store) -> (Writer, Receiver<Report>) {
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

/// Writes fail with a real I/O error once a file reaches a size, for one size after another, so that
/// the error strikes every place of a commit. The limit is one of the whole process: the test runs
/// itself again as a child, with the signal ignored that the limit would send.
#[test]
fn wherever_an_io_error_strikes_nothing_is_lost() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    const NAME: &str = "journal::store::tests::writer::wherever_an_io_error_strikes_nothing_is_lost";
    if std::env::var_os("WTOR_TEST_FILE_LIMIT").is_none() {
        let exe = std::env::current_exe().expect("this test");
        let line = "trap '' XFSZ; exec \"$0\" --exact \"$1\" --nocapture";
        let again = duct::cmd!("/bin/sh", "-c", line, exe, NAME).env("WTOR_TEST_FILE_LIMIT", "1");
        let output = again.stderr_to_stdout().stdout_capture().unchecked().run().expect("runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let limit = |bytes| {
        setrlimit(Resource::Fsize, Rlimit { current: bytes, maximum: None }).expect("may limit itself");
    };
    let mut stalls = 0;
    for kib in (40..400).step_by(7) {
        // In memory where that can be: it is the errors that matter here, not the syncs.
        let state = tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| state());
        let store = Store::open(state.path()).expect("opens");
        limit(Some(kib * 1024 + 123));
        let (writer, reports) = writer(store);
        let batches = 40;
        for batch in 1..=batches {
            // Alone every third time, so that the commit of a position is struck as well.
            let moved = position("f", batch);
            let acts = [decided("r", "f", batch, &[batch]), starting(batch, 1), moved.clone()];
            writer.append(2 * batch, if batch % 3 == 0 { vec![moved] } else { vec![] });
            writer.append(2 * batch + 1, acts.into());
            loop {
                match reports.recv_timeout(PATIENCE).expect("a report") {
                    Report::Durable(last) if last == 2 * batch + 1 => break,
                    Report::Durable(_) | Report::Resumed => {}
                    Report::Stalled { id, reason } => {
                        assert!(id == "WTR207E" && reason.contains("disk I/O error"), "{reason}");
                        let seen = Reader::open(state.path()).and_then(|reader| reader.runs(&RunFilter::default()));
                        assert!(seen.expect("reads").len() as u64 >= batch - 1, "what was promised is there");
                        stalls += 1;
                        limit(None);
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        limit(None);
        writer.close();
        let recovered = Store::open(state.path()).expect("opens").recover().expect("recovers");
        assert_eq!(recovered.ledger.open().count() as u64, batches, "limit {kib} KiB");
    }
    assert!(stalls > 20, "{stalls} stalls");
}
