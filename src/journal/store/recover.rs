//! The journal -> what an agent must know to go on: positions, open runs, and the decisions that reading
//! on could meet again. Everything is checked against its sum on the way, and the table of runs against
//! the fold of the entries.
//!
//! Layer: shell

use super::append::checkpoint_sum;
use super::schema::{DONE_SINCE, VERSION, refusal, sessions, sum};
use super::{Error, append};
use crate::journal::{Checkpoint, Entry, FileKey, Ledger, RunId};
use crate::limits::{BRAKE_SPAN_MAX, LOOP_GUARD, LOOP_GUARD_GAP, LOOP_GUARD_QUIET};
use crate::time::Timestamp;
use rusqlite::{Connection, Params, Row};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

/// Names a decision: rule, file, offset.
pub type DecidedKey = (Arc<str>, FileKey, u64);

/// What the last agent left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// How far every file of every source had been read, the latest last.
    pub checkpoints: Vec<Checkpoint>,
    /// In order, all entries of the decisions that owe a run which is not over.
    pub entries: Vec<Entry>,
    /// What these entries add up to.
    pub ledger: Ledger,
    /// The highest number ever given to a run; 0 before the first.
    pub last_run: RunId,
    /// In order, the entries of situations that may still be alive.
    pub situations: Vec<Entry>,
    /// In order, the latest decisions by which something was done, or that the loop guard has held.
    pub recent: Vec<Entry>,
    /// The rules that owed runs lately, and when.
    pub recent_runs: Vec<(Arc<str>, Timestamp)>,
    /// The entries of what stands until it is changed, in order.
    pub standing: Vec<Entry>,
    /// The decisions on records at or behind the checkpoint of their file, or in a file without one: to
    /// be passed over when their records are read again.
    pub decided: BTreeSet<DecidedKey>,
    /// How many sessions there have been (see [`super::Store::next_session`]).
    pub sessions: u64,
}

pub(super) fn recover(connection: &Connection, path: &Path) -> Result<Recovered, Error> {
    let from = Tables { connection, path };
    let entries = from.entries(
        "WITH open(decision) AS (SELECT DISTINCT decision FROM run NOT INDEXED WHERE state <> 'closed')
         SELECT seq, json, sum FROM entry WHERE seq IN open
             OR run IN (SELECT id FROM run WHERE decision IN open)
         ORDER BY seq",
        [],
    )?;
    let mut ledger = Ledger::default();
    for entry in &entries {
        ledger.apply(entry).map_err(|fault| from.damaged(format!("its entries do not add up: {fault}")))?;
    }
    from.compare_runs(&ledger)?;
    ledger.drop_closed();
    Ok(Recovered {
        checkpoints: from.checkpoints(VERSION)?,
        entries,
        ledger,
        last_run: from.last_run()?,
        situations: from.situations()?,
        recent: from.recent()?,
        recent_runs: from.recent_runs()?,
        standing: from
            .entries("SELECT e.seq, e.json, e.sum FROM standing s JOIN entry e USING(seq) ORDER BY s.seq", [])?,
        decided: from.decided()?,
        sessions: sessions(connection, path)?,
    })
}

fn micros(span: std::time::Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

/// The tables, read with care.
pub(super) struct Tables<'a> {
    pub connection: &'a Connection,
    pub path: &'a Path,
}

/// One entry, and what stands beside it in its row.
pub(super) struct EntryRow {
    pub seq: u64,
    pub kind: String,
    pub run: Option<RunId>,
    pub entry: Result<Entry, Error>,
}

impl Tables<'_> {
    pub(super) fn damaged(&self, found: String) -> Error {
        Error::Damaged { path: self.path.to_owned(), found }
    }

    pub(super) fn rows<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Error> {
        let refused = |source| refusal(self.path, "read", source);
        let mut statement = self.connection.prepare_cached(sql).map_err(refused)?;
        statement.query_map(params, read).map_err(refused)?.collect::<rusqlite::Result<_>>().map_err(refused)
    }

    /// Entries, from rows of `seq, json, sum`, the output of steps put back.
    pub(super) fn entries(&self, sql: &str, params: impl Params) -> Result<Vec<Entry>, Error> {
        let rows = self.rows(sql, params, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        rows.into_iter().map(|(seq, json, sum): (i64, String, i64)| self.entry(seq, &json, sum)).collect()
    }

    /// Every entry in order, until the sink has enough. What is wrong with one does not keep from the others.
    pub(super) fn each_entry(
        &self,
        sink: &mut dyn FnMut(EntryRow) -> Result<ControlFlow<()>, Error>,
    ) -> Result<(), Error> {
        let mut last = 0;
        loop {
            let rows = self.rows(
                "SELECT seq, kind, run, json, sum FROM entry WHERE seq > ?1 ORDER BY seq LIMIT 1000",
                [last],
                |row| {
                    let run = row.get::<_, Option<u64>>(2)?.map(RunId);
                    Ok((row.get(0)?, row.get(1)?, run, row.get::<_, String>(3)?, row.get(4)?))
                },
            )?;
            if rows.is_empty() {
                return Ok(());
            }
            for (seq, kind, run, json, sum) in rows {
                // A damaged tree may lead back to where it has been, for ever.
                if seq <= last {
                    return Err(self.damaged(format!("entry {seq} stands behind entry {last}")));
                }
                last = seq;
                let entry = self.entry(seq, &json, sum);
                let row = EntryRow { seq: u64::try_from(seq).unwrap_or(0), kind, run, entry };
                if sink(row)?.is_break() {
                    return Ok(());
                }
            }
        }
    }

    pub(super) fn entry(&self, seq: i64, json: &str, written: i64) -> Result<Entry, Error> {
        if sum(&[json]) != written {
            return Err(self.damaged(format!("entry {seq} is not what was written")));
        }
        let read = serde_json::from_str(json);
        let mut entry = read.map_err(|error| self.damaged(format!("entry {seq} does not read: {error}")))?;
        if let Entry::Ended { run, attempt, outcomes, .. } = &mut entry {
            let output = self.rows(
                "SELECT nr, stdout, stderr FROM outcome WHERE run = ?1 AND attempt = ?2",
                (append::id(*run), *attempt),
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )?;
            for (nr, stdout, stderr) in output {
                let nr: usize = nr;
                let Some(outcome) = outcomes.get_mut(nr) else {
                    return Err(self.damaged(format!("run {run} has output of a step that it does not have")));
                };
                (outcome.stdout, outcome.stderr) = (stdout, stderr);
            }
        }
        Ok(entry)
    }

    /// The positions, the latest last, of a journal of this schema.
    pub(super) fn checkpoints(&self, schema: i64) -> Result<Vec<Checkpoint>, Error> {
        let done = if schema >= DONE_SINCE { "done" } else { "0" };
        let rows = self.rows(
            &format!("SELECT source, path, file, offset, line, head, {done}, sum FROM checkpoint ORDER BY nr"),
            [],
            |row| {
                let checkpoint = Checkpoint {
                    source: row.get(0)?,
                    path: row.get(1)?,
                    file: FileKey(row.get(2)?),
                    offset: row.get(3)?,
                    line: row.get(4)?,
                    head: row.get(5)?,
                    done: row.get(6)?,
                };
                Ok((checkpoint, row.get::<_, i64>(7)?))
            },
        )?;
        let checked = rows.into_iter().map(|(checkpoint, written)| {
            if checkpoint_sum(&checkpoint) == written {
                return Ok(checkpoint);
            }
            Err(self.damaged(format!("the position in {} is not what was written", checkpoint.path)))
        });
        checked.collect()
    }

    /// The decisions that reading on could meet again, from their entries and not only from the index.
    fn decided(&self) -> Result<BTreeSet<DecidedKey>, Error> {
        let entries = self.entries(
            // And those to which a rule among them handed its record over: another one may hand it over again.
            "WITH RECURSIVE known(seq, rule, file, offset) AS (
                 SELECT d.seq, d.rule, d.file, d.offset
                 FROM (SELECT seq, rule, file, offset FROM decision
                     UNION ALL SELECT seq, rule, file, offset FROM note) d
                 WHERE d.file NOT LIKE 'by %: %'
                     AND (d.offset >= (SELECT min(c.offset) FROM checkpoint c WHERE c.file = d.file)
                         OR NOT EXISTS (SELECT 1 FROM checkpoint c WHERE c.file = d.file))
                 UNION SELECT d.seq, d.rule, d.file, d.offset FROM known
                 JOIN decision d ON d.file = 'by ' || known.rule || ': ' || known.file AND d.offset = known.offset
                 UNION SELECT n.seq, n.rule, n.file, n.offset FROM known
                 JOIN note n ON n.file = 'by ' || known.rule || ': ' || known.file AND n.offset = known.offset)
             SELECT seq, json, sum FROM entry WHERE seq IN (SELECT seq FROM known)",
            [],
        )?;
        let mut keys = BTreeSet::new();
        for entry in entries {
            match entry {
                Entry::Decided(decision) => {
                    let origin = &decision.origin;
                    let file = origin.file.occasion();
                    keys.extend(decision.labels().map(|label| (label, file.clone(), origin.offset)));
                }
                Entry::Noted(note) => {
                    keys.insert((note.label(), note.origin.file.occasion(), note.origin.offset));
                }
                _ => return Err(self.damaged("a decision's entry is of another kind".into())),
            }
        }
        Ok(keys)
    }

    /// What was noted and not used up, but for what is over by the time of the last entry. A wait is never
    /// over in silence.
    fn situations(&self) -> Result<Vec<Entry>, Error> {
        self.entries(
            "SELECT e.seq, e.json, e.sum FROM note n JOIN entry e USING(seq)
             WHERE n.alive AND (n.part IN ('awaited', 'begun', 'joined', 'stepped')
                 OR n.until > (SELECT at FROM entry ORDER BY seq DESC LIMIT 1))
             ORDER BY n.seq",
            [],
        )
    }

    /// What the loop guard must know.
    fn recent(&self) -> Result<Vec<Entry>, Error> {
        let span = LOOP_GUARD_GAP * u32::try_from(LOOP_GUARD).unwrap_or(u32::MAX) + LOOP_GUARD_QUIET;
        self.entries(
            "SELECT e.seq, e.json, e.sum FROM decision d JOIN entry e USING(seq)
             WHERE d.at > (SELECT at FROM entry ORDER BY seq DESC LIMIT 1) - ?1
                 AND (d.verdict = 'fired' OR d.reason LIKE 'loop guard%') ORDER BY d.seq",
            [micros(span)],
        )
    }

    /// What the storm brake must know.
    fn recent_runs(&self) -> Result<Vec<(Arc<str>, Timestamp)>, Error> {
        self.rows(
            "SELECT rule, at FROM run
             WHERE at > (SELECT at FROM entry ORDER BY seq DESC LIMIT 1) - ?1 AND job NOT LIKE '(%' ORDER BY id",
            [micros(BRAKE_SPAN_MAX)],
            |row| Ok((row.get(0)?, Timestamp(row.get(1)?))),
        )
    }

    fn last_run(&self) -> Result<RunId, Error> {
        let numbers = self.rows(
            "SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'run'), 0),
                 coalesce((SELECT max(id) FROM run), 0))",
            [],
            |row| row.get(0),
        )?;
        Ok(RunId(numbers.first().copied().unwrap_or(0)))
    }

    /// The table of runs must say what the entries say.
    fn compare_runs(&self, ledger: &Ledger) -> Result<(), Error> {
        let rows = self.rows("SELECT id, state, attempts FROM run NOT INDEXED WHERE state <> 'closed'", [], |row| {
            Ok((RunId(row.get(0)?), row.get::<_, String>(1)?, row.get::<_, u32>(2)?))
        })?;
        let told: Vec<_> = ledger.open().map(|run| (run.run, run.phase.name().to_owned(), run.attempts)).collect();
        if rows == told {
            return Ok(());
        }
        let differs = rows.iter().find(|row| !told.contains(row)).or(told.iter().find(|run| !rows.contains(run)));
        let run = differs.map_or(RunId(0), |(run, ..)| *run);
        Err(self.damaged(format!("the state of run {run} is not what its entries say")))
    }
}
