//! Forgetting: what was over long ago is deleted, in bounded rounds, and the space is given back.
//!
//! Layer: shell

use super::{Error, append};
use crate::limits::{JOURNAL_CHECKPOINTS, JOURNAL_PRUNE_ROWS};
use crate::time::Timestamp;
use rusqlite::{Connection, params};
use std::path::Path;

/// What one round has deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Runs, with all their entries and output.
    pub runs: usize,
    /// Decisions.
    pub decisions: usize,
    /// Positions in files that others have replaced.
    pub checkpoints: usize,
    /// There may be more to delete.
    pub more: bool,
}

/// A closed run that ended before the time, of a decision that owes none any more: what a decision owes is taken up
/// again as a whole.
const RUNS: &str = "
SELECT id FROM run WHERE state = 'closed' AND changed < ?1
    AND NOT EXISTS (SELECT 1 FROM run other WHERE other.decision = run.decision AND other.state <> 'closed')
ORDER BY id LIMIT ?2";

/// A decision from before the time that owes no run any more, and that reading on cannot meet again.
const DECISIONS: &str = "
SELECT seq FROM decision d WHERE at < ?1
    AND NOT EXISTS (SELECT 1 FROM run WHERE run.decision = d.seq)
    AND NOT EXISTS (SELECT 1 FROM note WHERE note.seq = d.seq)
    AND coalesce(offset < (SELECT min(offset) FROM checkpoint c WHERE c.file = d.file), TRUE)
ORDER BY at LIMIT ?2";

/// What was noted and is used up or over, and that reading on cannot meet again.
const NOTES: &str = "
SELECT seq FROM note n WHERE at < ?1 AND (NOT alive OR until < ?1)
    AND coalesce(offset < (SELECT min(offset) FROM checkpoint c WHERE c.file = n.file), TRUE)
ORDER BY seq LIMIT ?2";

/// What stands no more, and what was forgotten.
const STANDING: &str = "
DELETE FROM entry WHERE seq IN (
    SELECT seq FROM entry WHERE at < ?1 AND kind IN ('disabled', 'enabled', 'set', 'unset', 'forgotten')
        AND seq NOT IN (SELECT seq FROM standing)
    ORDER BY seq LIMIT ?2)";

/// A position in a file whose path belongs to a later file, and which many later ones follow.
const CHECKPOINTS: &str = "
DELETE FROM checkpoint WHERE nr IN (
    SELECT nr FROM (
        SELECT nr, source, path, row_number() OVER (PARTITION BY source ORDER BY nr DESC) AS age FROM checkpoint) old
    WHERE age > ?1 AND EXISTS (
        SELECT 1 FROM checkpoint new WHERE new.source = old.source AND new.path = old.path AND new.nr > old.nr)
    LIMIT ?2)";

pub(super) fn prune(connection: &mut Connection, before: Timestamp, path: &Path) -> Result<Pruned, Error> {
    delete(connection, before).map_err(|source| Error::Sql { path: path.to_owned(), doing: "prune", source })
}

fn delete(connection: &mut Connection, before: Timestamp) -> rusqlite::Result<Pruned> {
    let limit = append::number(JOURNAL_PRUNE_ROWS as u64);
    let transaction = connection.transaction()?;
    let select = |sql: &str| -> rusqlite::Result<Vec<i64>> {
        transaction.prepare_cached(sql)?.query_map(params![before.0, limit], |row| row.get(0))?.collect()
    };
    let runs = select(RUNS)?;
    for run in &runs {
        for table in
            ["DELETE FROM outcome WHERE run = ?1", "DELETE FROM entry WHERE run = ?1", "DELETE FROM run WHERE id = ?1"]
        {
            transaction.prepare_cached(table)?.execute([run])?;
        }
    }
    let notes = select(NOTES)?;
    for seq in &notes {
        // The entry of a pause is that of a decision, which goes by itself.
        for table in ["DELETE FROM note WHERE seq = ?1", "DELETE FROM entry WHERE seq = ?1 AND kind = 'noted'"] {
            transaction.prepare_cached(table)?.execute([seq])?;
        }
    }
    let decisions = select(DECISIONS)?;
    for seq in &decisions {
        for table in ["DELETE FROM decision WHERE seq = ?1", "DELETE FROM entry WHERE seq = ?1"] {
            transaction.prepare_cached(table)?.execute([seq])?;
        }
    }
    let standing = transaction.prepare_cached(STANDING)?.execute(params![before.0, limit])?;
    let keep = append::number(JOURNAL_CHECKPOINTS as u64);
    let checkpoints = transaction.prepare_cached(CHECKPOINTS)?.execute(params![keep, limit])?;
    transaction.commit()?;
    // Every step gives one page back, so it is stepped to its end.
    let mut vacuum = connection.prepare_cached("PRAGMA incremental_vacuum(1000)")?;
    let mut pages = vacuum.query([])?;
    while pages.next()?.is_some() {}
    let full = |count: usize| count == JOURNAL_PRUNE_ROWS;
    let more = full(runs.len()) || full(decisions.len()) || full(notes.len()) || full(standing) || full(checkpoints);
    Ok(Pruned { runs: runs.len(), decisions: decisions.len(), checkpoints, more })
}
