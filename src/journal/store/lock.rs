//! One agent per journal: an exclusive lock on `<state>/lock`, which also says who has it. The system
//! lets go of it when the process dies, however it dies; the file stays.
//!
//! Layer: shell

use super::Error;
use rustix::fs::{FlockOperation, flock};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// The lock, while it is held.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a state directory, which is made where there is none, for this user and group
    /// only: the journal holds what jobs have printed.
    ///
    /// # Errors
    /// [`Error::Locked`] if another process has it.
    pub fn take(state: &Path) -> Result<Lock, Error> {
        let path = state.join("lock");
        let io = |source| Error::Io { path: path.clone(), source };
        DirBuilder::new().recursive(true).mode(0o750).create(state).map_err(io)?;
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o640).open(&path);
        let mut file = open.map_err(io)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut text = String::new();
                // Who it is helps, but the answer is the same without.
                let _ = file.read_to_string(&mut text);
                return Err(Error::Locked { path, pid: text.trim().parse().ok() });
            }
            Err(errno) => return Err(io(errno.into())),
        }
        let pid = format!("{}\n", std::process::id());
        file.set_len(0).and_then(|()| file.write_all(pid.as_bytes())).map_err(io)?;
        Ok(Lock { _file: file })
    }
}
