//! The journal: entries of any kind in any order, and files that were damaged in any way.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use wtor::agent::{Agent, Event, Memory};
use wtor::journal::store::{Error, FILE, Reader, Recovered, Store};
use wtor::journal::{Entry, Ledger};
use wtor::policy::Policy;
use wtor::time::Timestamp;

/// Entries in JSON, one a line: what can follow is written, is found whole, and comes back as it was; and an
/// agent can go on from it.
pub fn journal(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let read: Vec<Entry> = text.lines().take(60).filter_map(|line| serde_json::from_str(line).ok()).collect();
    for entry in &read {
        let again = serde_json::to_string(entry).expect("JSON");
        assert_eq!(&serde_json::from_str::<Entry>(&again).expect("an entry"), entry, "{again}");
    }
    // In any order they may be no history, and then that is said.
    if let Ok(memory) = Memory::of(&read) {
        go_on(memory);
    }
    let state = tempfile::tempdir_in(memory_disk()).expect("a directory");
    let mut store = Store::open(state.path()).expect("a journal");
    let mut written = Vec::new();
    let mut ledger = Ledger::default();
    for entry in read {
        let mut with = ledger.clone();
        if with.apply(&entry).is_err() {
            continue;
        }
        match store.append(std::slice::from_ref(&entry)) {
            Ok(()) => (ledger, _) = (with, written.push(entry)),
            Err(error) => assert!(!matches!(error, Error::Damaged { .. }), "{error}"),
        }
    }
    let checked = Reader::open(state.path()).and_then(|reader| reader.check()).expect("it can be looked at");
    assert_eq!(checked.found, [""; 0], "{written:#?}");
    let (positions, entries): (Vec<Entry>, Vec<Entry>) =
        written.into_iter().partition(|entry| matches!(entry, Entry::Position(_)));
    let (positions_kept, kept): (Vec<Entry>, Vec<Entry>) =
        exported(state.path()).into_iter().partition(|entry| matches!(entry, Entry::Position(_)));
    assert_eq!(kept, entries);
    assert!(positions_kept.iter().all(|kept| positions.contains(kept)));
    go_on(store.recover().expect("it is whole").into());
}

fn exported(state: &Path) -> Vec<Entry> {
    let mut all = Vec::new();
    let sink = &mut |object| {
        all.extend(serde_json::from_value::<Entry>(object).ok());
        ControlFlow::Continue(())
    };
    Reader::open(state).expect("opens").export(sink).expect("exports");
    all
}

/// An agent takes over, and time passes.
fn go_on(memory: Memory) {
    let (mut agent, effects) = Agent::recover(policy().clone(), memory, Timestamp(1_780_000_000_000_000), 4);
    drop(effects);
    agent.handle(Event::Tick(Timestamp(1_790_000_000_000_000)));
    drop(agent.view());
    agent.handle(Event::Shutdown);
}

fn policy() -> &'static Arc<Policy> {
    static POLICY: OnceLock<Arc<Policy>> = OnceLock::new();
    POLICY.get_or_init(|| {
        let rules = "
            [[rule]]
            name = 'r'
            when = { id = 'AAA001I' }
            unless_followed_by = { id = 'BBB001I', within = '6s' }
            then = { run = 'j' }
            [[rule]]
            name = 'c'
            when = { id = 'AAA001I' }
            count = { at_least = 2, within = '1h' }
            then = { run = 'j' }";
        let job = "on_doubt = 'rerun'\nretry = { attempts = 2, delay = '1s' }\n[[step]]\nargv = ['/bin/true']";
        let (policy, found) =
            Policy::load(&[("rules/r.toml".into(), rules.into())], &[("jobs/j.toml".into(), job.into())]);
        Arc::new(policy.unwrap_or_else(|| panic!("{found:?}")))
    })
}

/// Where files cost little, if there is such a place.
fn memory_disk() -> &'static Path {
    let shared = Path::new("/dev/shm");
    if shared.is_dir() { shared } else { Path::new("/tmp") }
}

/// A journal with entries of every kind, as it is on disk; where there is anything in it; and what it says.
fn whole() -> &'static (Vec<u8>, Vec<usize>, Recovered) {
    static WHOLE: OnceLock<(Vec<u8>, Vec<usize>, Recovered)> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let state = tempfile::tempdir_in(memory_disk()).expect("a directory");
        let mut store = Store::open(state.path()).expect("a journal");
        for line in include_str!("../corpus/journal/history").lines() {
            store.append(&[serde_json::from_str(line).expect("an entry")]).expect("it follows");
        }
        store.next_session().expect("a number");
        let recovered = without_output(store.recover().expect("it is whole"));
        // What is in the log of the database goes to the database when it is closed.
        drop(store);
        let bytes = std::fs::read(state.path().join(FILE)).expect("the journal");
        let used = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
        (bytes, used, recovered)
    })
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

/// What has a sum, or stands in an index as well: what rules remember of the latest records is found by columns that
/// have neither.
fn summed(of: &Recovered) -> impl PartialEq + '_ {
    (&of.checkpoints, &of.entries, &of.ledger, &of.decided, of.sessions)
}

/// Three bytes of a place and one that is put there, again and again: the file is refused and left as it is, or
/// says what it said.
pub fn damage(data: &[u8]) {
    let (whole, used, said) = whole();
    let mut bytes = whole.clone();
    for change in data.chunks_exact(4).take(200) {
        let at = usize::from(change[0]) << 16 | usize::from(change[1]) << 8 | usize::from(change[2]);
        // Every other place is one where there is something.
        let at = if change[0] < 0x80 { at % bytes.len() } else { used[at % used.len()] };
        bytes[at] = change[3];
    }
    let state = tempfile::tempdir_in(memory_disk()).expect("a directory");
    let file = state.path().join(FILE);
    std::fs::write(&file, &bytes).expect("written");
    let looked = Reader::open(state.path()).and_then(|reader| reader.check());
    match Store::open(state.path()).and_then(|store| store.recover()) {
        Ok(recovered) => assert!(summed(&without_output(recovered)) == summed(said), "another journal"),
        Err(error) => {
            let known = matches!(error, Error::Damaged { .. } | Error::Foreign { .. } | Error::Newer { .. });
            assert!(known, "{error}");
            assert!(std::fs::read(&file).expect("still there") == bytes, "a refused file was written to: {error}");
            let found = looked.map_or_else(|again| again.id() == error.id(), |checked| !checked.found.is_empty());
            assert!(found, "{error}, and a look at it finds nothing");
        }
    }
}
