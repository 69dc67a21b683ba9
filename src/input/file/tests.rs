//! What cannot be made to happen from outside: a test may run as root, to whom nothing is forbidden.
//!
//! Layer: shell

use super::{Files, open_file};
use crate::input::output::Output;
use crate::input::signal::Signal;
use crate::input::{Arrival, Kind, Known, Spec};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

/// A source that may not open anything while `forbidden` is set.
struct Guarded {
    signal: Arc<Signal>,
    arrivals: Receiver<Arrival>,
    forbidden: Arc<AtomicBool>,
    path: std::path::PathBuf,
    _dir: tempfile::TempDir,
}

impl Guarded {
    fn start(content: &str) -> Guarded {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("messages.log");
        std::fs::write(&path, content).expect("a file");
        let signal = Arc::new(Signal::new().expect("a pipe"));
        let (sink, arrivals) = sync_channel(64);
        let patterns = vec![path.to_string_lossy().into_owned()];
        let mut spec = Spec::new("test", Kind::Files { patterns: patterns.clone() });
        spec.notify = false;
        spec.poll = Duration::from_secs(3600);
        let mut files = Files::new(&spec, &patterns, Known::nothing(), Output::new(sink, Arc::clone(&signal)));
        let forbidden = Arc::new(AtomicBool::new(true));
        let guard = Arc::clone(&forbidden);
        files.open = Box::new(move |path| {
            if guard.load(Ordering::SeqCst) { Err(io::ErrorKind::PermissionDenied.into()) } else { open_file(path) }
        });
        std::thread::spawn(move || files.run());
        Guarded { signal, arrivals, forbidden, path, _dir: dir }
    }

    fn look(&self) {
        self.signal.wake(|wake| wake.names = true);
    }

    fn next(&self) -> Arrival {
        self.arrivals.recv_timeout(Duration::from_secs(20)).expect("an arrival")
    }

    fn next_problem(&self) -> &'static str {
        loop {
            match self.next() {
                Arrival::Problem(problem) => return problem.id,
                Arrival::Looked => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn append(&self, text: &str) {
        use std::io::Write as _;
        let file = std::fs::OpenOptions::new().append(true).create(true).open(&self.path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).expect("a write");
    }

    fn next_bytes(&self) -> Vec<u8> {
        loop {
            if let Arrival::Bytes { bytes, .. } = self.next() {
                return bytes;
            }
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.signal.stop();
    }
}

#[test]
fn a_file_that_may_not_be_read_at_the_start_is_still_an_old_file() {
    let source = Guarded::start("old\n");
    assert_eq!(source.next_problem(), "WTR100W");
    source.append("new\n");
    source.forbidden.store(false, Ordering::SeqCst);
    source.look();
    assert_eq!(source.next_problem(), "WTR101I");
    assert_eq!(source.next_bytes(), b"new\n");
}

#[test]
fn permission_lost_at_a_rotation_and_back() {
    let source = Guarded::start("");
    source.forbidden.store(false, Ordering::SeqCst);
    source.look();
    source.append("a\n");
    source.look();
    assert_eq!(source.next_bytes(), b"a\n");
    source.forbidden.store(true, Ordering::SeqCst);
    std::fs::rename(&source.path, source.path.with_extension("log.1")).expect("a rename");
    source.append("b\n");
    source.look();
    // The open file can be read whatever its permissions are now; only the new one cannot.
    let problem = loop {
        if let Arrival::Problem(problem) = source.next() {
            break problem;
        }
    };
    assert_eq!(problem.id, "WTR100W");
    source.look();
    source.forbidden.store(false, Ordering::SeqCst);
    source.look();
    assert_eq!(source.next_bytes(), b"b\n");
}
