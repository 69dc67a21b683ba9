//! One agent per journal: an exclusive lock on `<state>/lock`, which also says who has it. The system
//! lets go of it when the process dies, however it dies; the file stays.
//!
//! Layer: shell

use super::Error;
use rustix::fs::{FlockOperation, flock};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

/// The lock, while it is held.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// How long a dead agent may hold the lock: a process that it was just about to start has a copy of
/// its open files until it has become the program that it is to run.
const LETTING_GO: Duration = Duration::from_secs(2);

/// True if there is such a process. Where that cannot be known, there is.
fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_none_or(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

impl Lock {
    /// Takes the lock of a state directory, which is made where there is none, for this user
    /// only: the journal holds what jobs have printed.
    ///
    /// # Errors
    /// [`Error::Locked`] if another process has it.
    pub fn take(state: &Path) -> Result<Lock, Error> {
        let path = state.join("lock");
        let io = |source| Error::Io { path: path.clone(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(state).map_err(io)?;
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = open.map_err(io)?;
        let begun = Instant::now();
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(rustix::io::Errno::WOULDBLOCK) => {}
                Err(errno) => return Err(io(errno.into())),
            }
            // Who it is helps, but the answer is the same without.
            let mut text = String::new();
            let _ = file.rewind().and_then(|()| file.read_to_string(&mut text));
            let pid: Option<u32> = text.trim().parse().ok();
            if begun.elapsed() > LETTING_GO || pid.is_none_or(is_alive) {
                return Err(Error::Locked { path, pid });
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let pid = format!("{}\n", std::process::id());
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(pid.as_bytes())).map_err(io)?;
        Ok(Lock { _file: file })
    }
}
