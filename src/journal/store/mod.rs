//! The journal's file: SQLite in WAL mode, `<state>/journal.db`, so that an operator can look inside
//! with the tool that everyone has. One agent per journal, by a lock. A batch is on disk as a whole or
//! not at all; what is damaged is refused and never replaced.
//!
//! Every entry but a position is a row of `entry`, with a sum over its text: that is the truth. The
//! other tables (`decision`, `run`, `outcome`) hold the same again in a form that can be asked; they
//! are written in the same transaction, and recovery compares them. Positions are state, not history:
//! each replaces the one before in `checkpoint`.
//!
//! Inside the agent's process the file must be opened through SQLite only: when a process closes a file
//! that it opened otherwise, POSIX takes away the locks that SQLite holds on it.
//!
//! Layer: shell

mod append;
mod check;
mod error;
mod export;
mod lineage;
mod lock;
mod prune;
mod read;
mod recover;
mod schema;
mod stats;
#[cfg(test)]
pub(in crate::journal) mod tests;
mod writer;

pub use check::Checked;
pub use error::Error;
pub use lineage::Lineage;
pub use lock::Lock;
pub use prune::Pruned;
pub use read::{AttemptRow, DecisionRow, HistoryFilter, Reader, RunDetail, RunFilter, RunRow};
pub use recover::{DecidedKey, Recovered};
pub use stats::RuleStats;
pub use writer::{Report, Writer};

use super::Entry;
use crate::probe;
use rusqlite::{Connection, TransactionBehavior};
use std::path::{Path, PathBuf};

/// The journal, open for writing.
pub struct Store {
    connection: Connection,
    path: PathBuf,
    sync: Sync,
    /// An earlier write or sync has failed in a way after which the system may believe more to be on
    /// disk than is (see [`Store::settle`]).
    unsettled: bool,
    /// Held as long as the journal is open.
    _lock: Lock,
}

/// What a commit waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sync {
    /// The disk.
    Full,
    /// Nothing: a power failure may undo it, and everything after it that did not wait either.
    Normal,
}

/// Name of the journal's file in the state directory.
pub const FILE: &str = "journal.db";

impl Store {
    /// Opens the journal in the state directory, and makes both where there is none yet.
    ///
    /// # Errors
    /// [`Error::Locked`] if another agent has it; [`Error::Damaged`], [`Error::Newer`] or
    /// [`Error::Foreign`] for a file that must not be written to; [`Error::Sql`] or [`Error::Io`] if
    /// the system refuses.
    pub fn open(state: &Path) -> Result<Store, Error> {
        let lock = Lock::take(state)?;
        let path = state.join(FILE);
        if !schema::exists(&path)? {
            schema::create(&path)?;
        }
        let connection = at_second_look(|| schema::open(&path))?;
        Ok(Store { connection, path, sync: Sync::Full, unsettled: false, _lock: lock })
    }

    /// Writes the entries in one transaction. They are on disk when it returns; only positions without
    /// anything else may be undone by a power failure (not by the death of the process), which costs
    /// reading the same again.
    ///
    /// # Errors
    /// Nothing has been written then. [`Error::is_transient`] tells a full or failing disk from a
    /// fault: [`Error::Duplicate`] or [`Error::Fault`] mean that trying again cannot help.
    pub fn append(&mut self, entries: &[Entry]) -> Result<(), Error> {
        self.append_all(entries.iter())
    }

    fn append_all<'a>(&mut self, entries: impl Iterator<Item = &'a Entry> + Clone) -> Result<(), Error> {
        self.settle()?;
        let only_positions = entries.clone().all(|entry| matches!(entry, Entry::Position(_)));
        self.sync_by(if only_positions { Sync::Normal } else { Sync::Full })?;
        let result = at_second_look(|| self.transact(entries.clone()));
        if let Err(Error::Sql { source, .. }) = &result
            && source.sqlite_error_code() == Some(rusqlite::ErrorCode::SystemIoFailure)
        {
            self.unsettled = true;
        }
        result
    }

    fn transact<'a>(&mut self, entries: impl Iterator<Item = &'a Entry> + Clone) -> Result<(), Error> {
        let place = |how: &str| format!("{} {how}", subject(entries.clone()));
        let failed = |source| Error::Sql { path: self.path.clone(), doing: "write", source };
        struck().map_err(failed)?;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        for entry in entries.clone() {
            struck().map_err(failed)?;
            append::write(&transaction, entry, &self.path)?;
        }
        probe::reach(|| place("uncommitted"));
        let committed = struck().and_then(|()| transaction.commit());
        committed.map_err(|source| Error::Sql { path: self.path.clone(), doing: "commit", source })?;
        probe::reach(|| place("committed"));
        Ok(())
    }

    /// After a failed sync the system may hold pages for clean that never reached the disk, and a later
    /// sync says nothing about them (Linux, "fsyncgate", 2018). So before anything is promised again,
    /// everything committed is copied from the write-ahead log to the database, which is synced on its
    /// own, and the log begins anew.
    fn settle(&mut self) -> Result<(), Error> {
        if !self.unsettled {
            return Ok(());
        }
        self.sync_by(Sync::Full)?;
        let failed = |source| Error::Sql { path: self.path.clone(), doing: "checkpoint", source };
        struck().map_err(failed)?;
        let busy: i64 =
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).map_err(failed)?;
        if busy != 0 {
            return Err(Error::Busy { path: self.path.clone() });
        }
        self.unsettled = false;
        Ok(())
    }

    fn sync_by(&mut self, sync: Sync) -> Result<(), Error> {
        if self.sync == sync {
            return Ok(());
        }
        let pragma = match sync {
            Sync::Full => "PRAGMA synchronous=FULL",
            Sync::Normal => "PRAGMA synchronous=NORMAL",
        };
        self.connection.execute_batch(pragma).map_err(|source| Error::Sql {
            path: self.path.clone(),
            doing: "prepare",
            source,
        })?;
        self.sync = sync;
        Ok(())
    }

    /// A number that no earlier call on this journal has given, from 1; it is on disk when it returns.
    /// Streams that cannot be read twice take it into their [`super::FileKey`].
    ///
    /// # Errors
    /// As [`Store::append`].
    pub fn next_session(&mut self) -> Result<u64, Error> {
        self.settle()?;
        self.sync_by(Sync::Full)?;
        schema::next_session(&mut self.connection, &self.path)
    }

    /// Everything the agent must know to go on where the last one stopped.
    ///
    /// # Errors
    /// [`Error::Damaged`] if what is read contradicts its sums, or the tables each other.
    pub fn recover(&self) -> Result<Recovered, Error> {
        at_second_look(|| recover::recover(&self.connection, &self.path))
    }

    /// Deletes a bounded part of what was over before `before` (engine time): runs, with their entries
    /// and output, then decisions without a run. What is still needed stays whatever its age: open
    /// runs, and decisions that reading on could meet again. Call it again while [`Pruned::more`].
    ///
    /// # Errors
    /// As [`Store::append`].
    pub fn prune(&mut self, before: crate::time::Timestamp) -> Result<Pruned, Error> {
        self.settle()?;
        // Pruning promises nothing; a power failure that undoes it costs doing it again.
        self.sync_by(Sync::Normal)?;
        prune::prune(&mut self.connection, before, &self.path)
    }

    /// The journal's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// SQLite takes a page that the system fails to read for a damaged one. What is damaged is so at a second look; and a
/// journal that is only thought to be must not be taken from its agent.
fn at_second_look<T>(mut look: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
    match look() {
        Err(error) if error.is_damage() => look(),
        done => done,
    }
}

/// What entries tell of, for [`probe`].
fn subject<'a>(mut entries: impl Iterator<Item = &'a Entry> + Clone) -> &'static str {
    if entries.clone().any(|entry| matches!(entry, Entry::Ended { .. })) {
        "end"
    } else if entries.any(|entry| matches!(entry, Entry::Decided(_))) {
        "decision"
    } else {
        "position"
    }
}

/// The disk's failure, where a test asks for it.
fn struck() -> rusqlite::Result<()> {
    if probe::fails() {
        let error = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC);
        return Err(rusqlite::Error::SqliteFailure(error, Some("disk I/O error".into())));
    }
    Ok(())
}
