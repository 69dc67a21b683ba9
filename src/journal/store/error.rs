//! What can go wrong with the journal's file, with ids and with what to do about it.
//!
//! Layer: shell

use crate::journal::{FileKey, RunId};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// The journal could not do what it was asked.
#[derive(Debug)]
pub enum Error {
    /// The state directory or a file in it cannot be made, read or written.
    Io {
        /// Which.
        path: PathBuf,
        /// Why, from the system.
        source: std::io::Error,
    },
    /// Another agent has the journal.
    Locked {
        /// The lock's file.
        path: PathBuf,
        /// The other agent's process, if the lock says.
        pid: Option<u32>,
    },
    /// The file is damaged.
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found, as a sentence without a period.
        found: String,
    },
    /// A newer wtor has written it.
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        version: i64,
    },
    /// It is a database, but not a journal of wtor.
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// There is no journal to read.
    Missing {
        /// Where it was expected.
        path: PathBuf,
    },
    /// A reader holds on to an old state of the journal, which must be let go of first.
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// SQLite refused: disk full, I/O error and the like.
    Sql {
        /// The file.
        path: PathBuf,
        /// What was being done: one word.
        doing: &'static str,
        /// Why.
        source: rusqlite::Error,
    },
    /// This rule has decided this record before. The agent must never ask for it: a fault.
    Duplicate {
        /// The rule.
        rule: Arc<str>,
        /// The record's file.
        file: FileKey,
        /// The record's offset.
        offset: u64,
    },
    /// An entry cannot follow those before it: a fault.
    Fault {
        /// The run it speaks of.
        run: RunId,
        /// What is wrong, as a sentence without a period.
        what: String,
    },
}

impl Error {
    /// The message id, documented in docs/messages.md.
    #[must_use]
    pub fn id(&self) -> &'static str {
        match self {
            Error::Io { .. } => "WTR200E",
            Error::Locked { .. } => "WTR201E",
            Error::Damaged { .. } => "WTR202S",
            Error::Newer { .. } => "WTR203E",
            Error::Foreign { .. } => "WTR204E",
            Error::Missing { .. } => "WTR205E",
            Error::Busy { .. } => "WTR206E",
            Error::Sql { .. } => "WTR207E",
            Error::Duplicate { .. } => "WTR208S",
            Error::Fault { .. } => "WTR209S",
        }
    }

    /// What to do about it, as a sentence without a period, where there is something to do.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Error::Io { .. } => Some("make the directory writable for the user that runs wtor".into()),
            Error::Locked { pid: Some(pid), .. } => {
                Some(format!("stop process {pid} first, or give this agent a state directory of its own"))
            }
            Error::Locked { pid: None, .. } => {
                Some("stop the other agent first, or give this one a state directory of its own".into())
            }
            Error::Damaged { path, .. } => Some(format!(
                "nothing was changed; keep a copy of {0} with {0}-wal, then restore both from a backup, or move \
                 them away to begin anew (wtor then knows of no earlier decision and no position)",
                path.display()
            )),
            Error::Newer { .. } => Some("nothing was changed; run the wtor that wrote it, or a later one".into()),
            Error::Foreign { .. } => Some("nothing was changed; name another state directory".into()),
            Error::Missing { .. } => Some("name the state directory of the agent".into()),
            Error::Busy { .. } => Some("end what reads the journal, such as a sqlite3 with an open transaction".into()),
            Error::Sql { source, .. } => match source.sqlite_error_code() {
                Some(rusqlite::ErrorCode::DiskFull) => {
                    Some("free some space, and start wtor again unless it runs: then it goes on by itself".into())
                }
                _ => None,
            },
            Error::Duplicate { .. } | Error::Fault { .. } => Some("please report it with the journal".into()),
        }
    }

    /// True if SQLite has found damage, or what it takes for it.
    pub(super) fn is_damage(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        match self {
            Error::Damaged { .. } => true,
            Error::Sql { source, .. } => {
                matches!(source.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
            }
            _ => false,
        }
    }

    /// True if the same may succeed later: the world must change, not the program or the file.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Error::Io { .. } | Error::Locked { .. } | Error::Missing { .. } | Error::Busy { .. } => true,
            Error::Sql { source, .. } => {
                source.sqlite_error_code() != Some(rusqlite::ErrorCode::ConstraintViolation) && !self.is_damage()
            }
            Error::Damaged { .. }
            | Error::Newer { .. }
            | Error::Foreign { .. }
            | Error::Duplicate { .. }
            | Error::Fault { .. } => false,
        }
    }
}

impl fmt::Display for Error {
    /// One sentence without a period.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io { path, source } => write!(f, "cannot use {}: {source}", path.display()),
            Error::Locked { path, pid: Some(pid) } => {
                write!(f, "another agent, process {pid}, has this journal (lock {})", path.display())
            }
            Error::Locked { path, pid: None } => {
                write!(f, "another agent has this journal (lock {})", path.display())
            }
            Error::Damaged { path, found } => write!(f, "the journal {} is damaged: {found}", path.display()),
            Error::Newer { path, version } => write!(
                f,
                "the journal {} has schema {version} of a newer wtor; this one knows schema {}",
                path.display(),
                super::schema::VERSION
            ),
            Error::Foreign { path } => write!(f, "{} is a database, but no journal of wtor", path.display()),
            Error::Missing { path } => write!(f, "there is no journal {}", path.display()),
            Error::Busy { path } => {
                write!(f, "the journal {} cannot be written while an old state of it is being read", path.display())
            }
            Error::Sql { path, doing, source } => write!(f, "cannot {doing} the journal {}: {source}", path.display()),
            Error::Duplicate { rule, file, offset } => write!(
                f,
                "rule `{rule}` has already decided the record at {}@{offset}; deciding it again is a bug",
                file.0
            ),
            Error::Fault { run, what } => write!(f, "run {run}: {what}; this is a bug"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { source, .. } => Some(source),
            Error::Sql { source, .. } => Some(source),
            _ => None,
        }
    }
}
