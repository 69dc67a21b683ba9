//! Files as crashes and accidents leave them: recovered to a state that was, or refused.
//!
//! Layer: shell

use super::*;

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

/// The output of steps is for people to read, and has no sum.
fn without_output(mut recovered: Recovered) -> Recovered {
    for entry in &mut recovered.entries {
        if let Entry::Ended { outcomes, .. } = entry {
            outcomes.iter_mut().for_each(|outcome| (outcome.stdout, outcome.stderr) = (String::new(), String::new()));
        }
    }
    recovered
}

#[test]
fn a_flipped_byte_is_refused_or_harmless() {
    let state = state();
    let mut store = Store::open(state.path()).expect("opens");
    store.append(&all_phases()).expect("writes");
    store.next_session().expect("counts");
    let whole = without_output(store.recover().expect("recovers"));
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
                assert!(without_output(recovered) == whole, "byte {at} makes another journal");
                harmless += 1;
            }
            Err(error) => {
                let known = matches!(error, Error::Damaged { .. } | Error::Foreign { .. } | Error::Newer { .. });
                assert!(known, "byte {at}: {error}");
                let now = std::fs::read(copy.path().join(FILE)).expect("is still there");
                assert!(now == flipped, "byte {at}: a refused file is not written to");
                // A look at all of it finds what has been refused, too.
                let looked = Reader::open(copy.path()).and_then(|reader| reader.check());
                let found = looked.map_or_else(|again| again.id() == error.id(), |checked| !checked.found.is_empty());
                assert!(found, "byte {at}: {error}, and nothing is found");
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
    let newer = refuse(make("PRAGMA user_version = 5").path());
    assert_eq!(newer.id(), "WTR203E");
    assert!(newer.to_string().ends_with("has schema 5 of a newer wtor; this one knows schema 4"), "{newer}");
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

/// A journal that an earlier version of this program has left: it is extended, and says what it said.
#[test]
fn a_journal_of_the_first_schema_is_extended_and_says_what_it_said() {
    let state = state();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/journal-schema-1.db");
    std::fs::copy(fixture, state.path().join(FILE)).expect("copies");
    let rows = Reader::open(state.path()).expect("reads").history(&HistoryFilter::default()).expect("reads");
    assert_eq!(rows.len(), 1, "an older journal is read as it is");
    for _ in 0..2 {
        let store = Store::open(state.path()).expect("opens");
        let recovered = store.recover().expect("recovers");
        assert_eq!((recovered.last_run.0, recovered.sessions, recovered.ledger.open().count()), (1, 1, 0));
        let [read] = &recovered.checkpoints[..] else { panic!("{:?}", recovered.checkpoints) };
        assert!((&*read.path, read.offset, read.line, read.done) == ("a.log", 190, 3, false), "{read:?}");
    }
    let mut store = Store::open(state.path()).expect("opens");
    store.append(&[decided("two", "f1", 100, &[2]), starting(2, 1)]).expect("writes");
    assert_eq!(store.recover().expect("recovers").last_run.0, 2);
}

/// A page that the system fails to read once is damage to SQLite (`tests/faults` has it happen).
#[test]
fn only_what_is_damaged_at_a_second_look_is_damaged() {
    let damaged = || Error::Damaged { path: "journal.db".into(), found: "a page".into() };
    let mut looks = 0;
    let mut damaged_for = |times: u32| {
        looks = 0;
        let found = at_second_look(|| {
            looks += 1;
            if looks > times { Ok(()) } else { Err(damaged()) }
        });
        (found.is_ok(), looks)
    };
    assert_eq!(damaged_for(1), (true, 2));
    assert_eq!(damaged_for(2), (false, 2));
}
