//! The tables, how the file is made, and what is looked at before one that exists is used.
//!
//! Layer: shell

use super::Error;
use crate::span::Fingerprint;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Schema of the journals that this program writes, as `PRAGMA user_version`.
pub(super) const VERSION: i64 = 1 + EXTENSIONS.len() as i64;

/// What each schema adds to the one before it. An older journal is read as it is, and extended when it is opened
/// for writing.
const EXTENSIONS: [&str; 3] = [NOTES, DONE, STANDING];

/// The first schema that tells files of which nothing more is expected.
pub(super) const DONE_SINCE: i64 = 3;

/// `WTOR`, as `PRAGMA application_id`: tells a journal from any other database.
const APPLICATION: i64 = 0x5754_4f52;

/// How long to wait for a reader that is just opening or closing; longer is reported.
const BUSY: Duration = Duration::from_secs(2);

const TABLES: &str = "
PRAGMA page_size = 4096;
PRAGMA auto_vacuum = INCREMENTAL;
BEGIN;
-- Everything decided and done, in order. `sum` is over `json`; the output of steps is in `outcome`.
CREATE TABLE entry(
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, kind TEXT NOT NULL,
    run INTEGER, rule TEXT, json TEXT NOT NULL, sum INTEGER NOT NULL);
CREATE INDEX entry_run ON entry(run) WHERE run IS NOT NULL;
-- Decisions by the record's place. `seq` is their entry's. Times are microseconds since 1970.
CREATE TABLE decision(
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, rule TEXT NOT NULL, verdict TEXT NOT NULL,
    reason TEXT NOT NULL, source TEXT NOT NULL, path TEXT NOT NULL,
    file TEXT NOT NULL, offset INTEGER NOT NULL, line INTEGER NOT NULL,
    UNIQUE(file, offset, rule));
CREATE INDEX decision_at ON decision(at);
CREATE TABLE run(
    id INTEGER PRIMARY KEY AUTOINCREMENT, decision INTEGER NOT NULL, rule TEXT NOT NULL, job TEXT NOT NULL,
    state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, good INTEGER, reason TEXT,
    at INTEGER NOT NULL, changed INTEGER NOT NULL);
CREATE INDEX run_decision ON run(decision);
CREATE TABLE outcome(
    run INTEGER NOT NULL, attempt INTEGER NOT NULL, nr INTEGER NOT NULL, step TEXT NOT NULL,
    cc INTEGER, end TEXT NOT NULL, good INTEGER NOT NULL, millis INTEGER NOT NULL,
    stdout TEXT NOT NULL, stderr TEXT NOT NULL, PRIMARY KEY(run, attempt, nr));
-- How far each file of each source has been read; the latest has the highest nr.
CREATE TABLE checkpoint(
    nr INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, file TEXT NOT NULL, path TEXT NOT NULL,
    offset INTEGER NOT NULL, line INTEGER NOT NULL, head TEXT NOT NULL, sum INTEGER NOT NULL,
    UNIQUE(source, file));
CREATE INDEX checkpoint_file ON checkpoint(file);
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL, sum INTEGER NOT NULL) WITHOUT ROWID;
-- For people.
CREATE VIEW runs AS SELECT id, rule, job, state, attempts, good, reason,
    strftime('%Y-%m-%dT%H:%M:%f', at / 1e6, 'unixepoch') AS decided,
    strftime('%Y-%m-%dT%H:%M:%f', changed / 1e6, 'unixepoch') AS changed FROM run;
CREATE VIEW history AS SELECT strftime('%Y-%m-%dT%H:%M:%f', at / 1e6, 'unixepoch') AS decided,
    rule, verdict, reason, path, line FROM decision ORDER BY seq;
COMMIT;
";

/// What situations are made of: matches that are noted, and decisions (part `pause`) that hold their rule
/// for a while.
const NOTES: &str = "
BEGIN;
CREATE TABLE note(
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, rule TEXT NOT NULL, key TEXT NOT NULL,
    part TEXT NOT NULL, until INTEGER NOT NULL, alive INTEGER NOT NULL, path TEXT NOT NULL,
    file TEXT NOT NULL, offset INTEGER NOT NULL, line INTEGER NOT NULL, UNIQUE(file, offset, rule, part));
CREATE INDEX note_alive ON note(rule, key) WHERE alive;
CREATE VIEW situations AS SELECT rule, key, part, count(*) AS notes,
    strftime('%Y-%m-%dT%H:%M:%f', min(at) / 1e6, 'unixepoch') AS since,
    strftime('%Y-%m-%dT%H:%M:%f', max(until) / 1e6, 'unixepoch') AS until
    FROM note WHERE alive GROUP BY rule, key, part;
PRAGMA user_version = 2;
COMMIT;
";

/// Files of which nothing more is expected.
const DONE: &str = "
BEGIN;
ALTER TABLE checkpoint ADD COLUMN done INTEGER NOT NULL DEFAULT 0;
PRAGMA user_version = 3;
COMMIT;
";

/// What stands until it is changed: `disabled` rules and groups, and situations that are `set`. `seq` is the
/// entry's.
const STANDING: &str = "
BEGIN;
CREATE TABLE standing(
    kind TEXT NOT NULL, name TEXT NOT NULL, key TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL,
    until INTEGER, who TEXT NOT NULL, why TEXT, PRIMARY KEY(kind, name, key)) WITHOUT ROWID;
CREATE INDEX standing_seq ON standing(seq);
CREATE INDEX entry_standing ON entry(at) WHERE kind IN ('disabled', 'enabled', 'set', 'unset', 'forgotten');
PRAGMA user_version = 4;
COMMIT;
";

/// True if there is a journal's file at that path.
///
/// # Errors
/// If the file is gone but its write-ahead log is there: then something has been lost.
pub(super) fn exists(path: &Path) -> Result<bool, Error> {
    let there = |path: &Path| path.try_exists().map_err(|source| Error::Io { path: path.to_owned(), source });
    if there(path)? {
        return Ok(true);
    }
    if there(&beside(path, "-wal"))? {
        let found = "the file is missing, but its write-ahead log is there".into();
        return Err(Error::Damaged { path: path.to_owned(), found });
    }
    Ok(false)
}

/// Makes a journal. It gets its name only when it is whole and on disk, so that a file of that name
/// that is empty or has no tables is known to be damaged.
pub(super) fn create(path: &Path) -> Result<(), Error> {
    let new = beside(path, ".new");
    let io = |source| Error::Io { path: new.clone(), source };
    for leftover in [new.clone(), beside(&new, "-wal"), beside(&new, "-shm"), beside(&new, "-journal")] {
        match std::fs::remove_file(&leftover) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
            _ => {}
        }
    }
    let sql = |source| Error::Sql { path: new.clone(), doing: "create", source };
    // SQLite gives its other files the mode of this one.
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new).map_err(io)?;
    let connection = Connection::open(&new).map_err(sql)?;
    connection.execute_batch(TABLES).map_err(sql)?;
    extend(&connection, 1).map_err(sql)?;
    connection.pragma_update(None, "application_id", APPLICATION).map_err(sql)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).map_err(sql)?;
    connection.close().map_err(|(_, source)| sql(source))?;
    File::open(&new).and_then(|file| file.sync_all()).map_err(io)?;
    std::fs::rename(&new, path).map_err(io)?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)
}

/// Opens a journal for writing, after a look at all of it.
pub(super) fn open(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = inspect(path, || Connection::open_with_flags(path, flags))?;
    let set = "PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 67108864;";
    connection.execute_batch(set).map_err(|source| refusal(path, "open", source))?;
    // All of it, the indices too: one of them is what refuses a second decision. It takes 4 to 6 ms a megabyte (0.2 s for
    // 23,000 runs in 33 MB); `quick_check`, which leaves the indices out, takes two thirds of that.
    let found = connection
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0))
        .map_err(|source| refusal(path, "check", source))?;
    if found != "ok" {
        return Err(Error::Damaged { path: path.to_owned(), found: one_line(&found) });
    }
    let version = connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
    let version = version.map_err(|source| refusal(path, "open", source))?;
    compare(&connection, version, path)?;
    extend(&connection, version).map_err(|source| refusal(path, "extend", source))?;
    Ok(connection)
}

/// The tables must be declared as this program declares them: a byte that is damaged there may change what every row
/// means, and no check of the rows finds it.
pub(super) fn compare(connection: &Connection, version: i64, path: &Path) -> Result<(), Error> {
    let declared = |connection: &Connection| -> rusqlite::Result<BTreeSet<(String, String)>> {
        let mut statement = connection.prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")?;
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    let failed = |source| refusal(path, "check", source);
    let model = Connection::open_in_memory().map_err(failed)?;
    model.execute_batch(TABLES).map_err(failed)?;
    let steps = EXTENSIONS.iter().take(usize::try_from(version - 1).unwrap_or(0));
    steps.into_iter().try_for_each(|step| model.execute_batch(step)).map_err(failed)?;
    let found = declared(connection).map_err(failed)?;
    match declared(&model).map_err(failed)?.difference(&found).next() {
        None => Ok(()),
        Some((name, _)) => {
            let found = format!("`{name}` is not declared as schema {version} has it");
            Err(Error::Damaged { path: path.to_owned(), found })
        }
    }
}

/// Brings a journal of this schema to that of this program, each step a transaction.
fn extend(connection: &Connection, version: i64) -> rusqlite::Result<()> {
    let steps = EXTENSIONS.iter().skip(usize::try_from(version - 1).unwrap_or(0));
    steps.into_iter().try_for_each(|step| connection.execute_batch(step))
}

/// Opens a journal for reading only, beside an agent or without one.
pub(super) fn open_for_reading(path: &Path) -> Result<Connection, Error> {
    if !exists(path)? {
        return Err(Error::Missing { path: path.to_owned() });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    match inspect(path, || Connection::open_with_flags(path, flags)) {
        // A reader without the right to write into the directory cannot make the index that WAL needs.
        // Where no agent runs and the last one has ended properly, there is nothing to index.
        Err(Error::Sql { source, .. })
            if matches!(source.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
                && !beside(path, "-wal").exists() =>
        {
            let uri = format!("file:{}?immutable=1", percent_encoded(path));
            inspect(path, || Connection::open_with_flags(&uri, flags))
        }
        other => other,
    }
}

/// Opens it and looks at what kind of file it is.
fn inspect(path: &Path, open: impl Fn() -> rusqlite::Result<Connection>) -> Result<Connection, Error> {
    let bytes = std::fs::metadata(path).map_err(|source| Error::Io { path: path.to_owned(), source })?.len();
    if bytes == 0 {
        return Err(Error::Damaged { path: path.to_owned(), found: "the file is empty".into() });
    }
    let refused = |source| refusal(path, "open", source);
    let connection = open().map_err(refused)?;
    connection.busy_timeout(BUSY).map_err(refused)?;
    connection.pragma_update(None, "cell_size_check", true).map_err(refused)?;
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(refused);
    let (application, version) = (pragma("application_id")?, pragma("user_version")?);
    if application != APPLICATION {
        return Err(Error::Foreign { path: path.to_owned() });
    }
    match version.cmp(&VERSION) {
        Ordering::Equal => Ok(connection),
        Ordering::Less if version >= 1 => Ok(connection),
        Ordering::Greater => Err(Error::Newer { path: path.to_owned(), version }),
        Ordering::Less => {
            Err(Error::Damaged { path: path.to_owned(), found: format!("schema {version} was never released") })
        }
    }
}

/// SQLite's error, which may mean that the file is damaged.
pub(super) fn refusal(path: &Path, doing: &'static str, source: rusqlite::Error) -> Error {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    let damaged = matches!(source.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
        || matches!(
            source,
            rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::Utf8Error(..)
        )
        // A table or column is missing from a file whose version says that it has it.
        || matches!(&source, rusqlite::Error::SqlInputError { .. } | rusqlite::Error::InvalidColumnName(_))
        || matches!(&source, rusqlite::Error::SqliteFailure(error, _) if error.code == rusqlite::ErrorCode::Unknown);
    if damaged {
        return Error::Damaged { path: path.to_owned(), found: one_line(&source.to_string()) };
    }
    Error::Sql { path: path.to_owned(), doing, source }
}

/// The next session's number.
pub(super) fn next_session(connection: &mut Connection, path: &Path) -> Result<u64, Error> {
    let failed = |source| refusal(path, "write", source);
    let transaction = connection.transaction().map_err(failed)?;
    let next = sessions(&transaction, path)? + 1;
    let text = next.to_string();
    transaction
        .execute("INSERT OR REPLACE INTO meta VALUES('sessions', ?1, ?2)", (&text, sum(&[&text])))
        .map_err(failed)?;
    transaction.commit().map_err(failed)?;
    Ok(next)
}

/// How many sessions there have been.
pub(super) fn sessions(connection: &Connection, path: &Path) -> Result<u64, Error> {
    let found = connection
        // It is the only row there ever is: one of another name is what damage has made of it.
        .query_row("SELECT iif(key = 'sessions', value, ''), sum FROM meta", [], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
        })
        .optional()
        .map_err(|source| refusal(path, "read", source))?;
    match found {
        None => Ok(0),
        Some((value, at)) if at == sum(&[&value]) && value.parse::<u64>().is_ok() => Ok(value.parse().unwrap_or(0)),
        Some(_) => Err(Error::Damaged {
            path: path.to_owned(),
            found: "the number of sessions is not what was written".into(),
        }),
    }
}

/// Hash of the texts, each closed by a byte that no text has. It finds accidents, not intent.
pub(super) fn sum(texts: &[&str]) -> i64 {
    let mut hash = Fingerprint::default();
    for text in texts {
        hash.add(text.as_bytes());
        hash.add(&[0xff]);
    }
    i64::from_ne_bytes(hash.number().to_ne_bytes())
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn percent_encoded(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"/._-".contains(b);
    path.as_os_str()
        .as_bytes()
        .iter()
        .map(|b| if plain(b) { char::from(*b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
