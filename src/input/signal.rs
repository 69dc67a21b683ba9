//! How the threads of a source are woken and stopped: a flag with a condition variable for those
//! that wait for changes of files, and a pipe that hangs up for those that wait in `poll(2)`.
//!
//! Layer: shell

use std::collections::HashSet;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What has happened since the last wait.
#[derive(Debug, Default)]
pub(super) struct Wake {
    /// A name was made, removed or changed, or a permission.
    pub names: bool,
    /// Anything may have changed.
    pub all: bool,
    /// These files have grown.
    pub files: HashSet<PathBuf>,
}

/// Shared by a source's threads, its handle and the system's watcher.
#[derive(Debug)]
pub(super) struct Signal {
    pending: Mutex<Wake>,
    changed: Condvar,
    stopped: AtomicBool,
    /// Both ends of a pipe that nobody writes to: when the write end is closed, every `poll(2)` on
    /// the read end returns.
    hold: Mutex<Option<OwnedFd>>,
    hung: OwnedFd,
}

/// Beyond this many changed files it is cheaper to look at all.
const FILES_NAMED_MAX: usize = 256;

impl Signal {
    pub fn new() -> io::Result<Signal> {
        let (hung, hold) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        Ok(Signal {
            pending: Mutex::default(),
            changed: Condvar::new(),
            stopped: AtomicBool::new(false),
            hold: Mutex::new(Some(hold)),
            hung,
        })
    }

    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.hold.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The lock orders the store before a waiter's check, so no wake-up is missed.
        drop(self.lock());
        self.changed.notify_all();
    }

    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Readable as soon as the source is to stop.
    pub fn as_fd(&self) -> impl AsFd + '_ {
        self.hung.as_fd()
    }

    pub fn wake(&self, change: impl FnOnce(&mut Wake)) {
        let mut pending = self.lock();
        change(&mut pending);
        if pending.files.len() > FILES_NAMED_MAX {
            pending.files.clear();
            pending.all = true;
        }
        drop(pending);
        self.changed.notify_all();
    }

    /// Waits for a change, for the deadline or for the stop, whichever is first. `None` is the
    /// deadline.
    pub fn wait_until(&self, deadline: Instant) -> Option<Wake> {
        let mut pending = self.lock();
        loop {
            if pending.names || pending.all || !pending.files.is_empty() || self.is_stopped() {
                return Some(std::mem::take(&mut *pending));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            pending = self.changed.wait_timeout(pending, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Wake> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
