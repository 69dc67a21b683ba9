//! Places at which a test holds the whole program up, to kill it there, and at which it makes the journal's disk
//! fail. Only builds with debug assertions have them: in the program that is shipped these functions are empty.
//!
//! `WTOR_PROBE` names a file. While it holds `stop at PLACE`, the program stops at that place as by SIGSTOP, and
//! never goes on; while it holds `hang at PLACE`, the thread that comes there waits, and all others go on. While it
//! holds `fail N`, the N-th operation of the journal from then on fails, and all after it, until the file is gone.
//!
//! Layer: shell

#[cfg(debug_assertions)]
pub use armed::{fails, reach};

/// The program is at this place.
#[cfg(not(debug_assertions))]
#[inline]
pub fn reach(_: impl FnOnce() -> String) {}

/// True if an operation of the journal is to fail here.
#[cfg(not(debug_assertions))]
#[inline]
#[must_use]
pub fn fails() -> bool {
    false
}

#[cfg(debug_assertions)]
mod armed {
    use std::fs;
    use std::path::PathBuf;
    use std::time::Duration;

    /// How often a thread that hangs looks whether it still should.
    const HANG_LOOK: Duration = Duration::from_millis(5);

    /// The program is at this place.
    pub fn reach(place: impl FnOnce() -> String) {
        let Some((_, order)) = read() else { return };
        let (stop, hang) = {
            let place = place();
            (format!("stop at {place}"), format!("hang at {place}"))
        };
        if order == stop {
            // The signal may reach another thread first; this one does not go on meanwhile.
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
            loop {
                std::thread::park();
            }
        }
        while read().is_some_and(|(_, order)| order == hang) {
            std::thread::sleep(HANG_LOOK);
        }
    }

    /// True if an operation of the journal is to fail here.
    #[must_use]
    pub fn fails() -> bool {
        let Some((path, order)) = read() else { return false };
        let Some(left) = order.strip_prefix("fail ").and_then(|number| number.parse::<u64>().ok()) else {
            return false;
        };
        if left > 1 {
            let _ = fs::write(path, format!("fail {}", left - 1));
        }
        left <= 1
    }

    fn read() -> Option<(PathBuf, String)> {
        let path = PathBuf::from(std::env::var_os("WTOR_PROBE")?);
        let order = fs::read_to_string(&path).ok()?;
        Some((path, order))
    }
}
