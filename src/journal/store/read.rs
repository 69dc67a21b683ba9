//! Looking into the journal, while an agent writes it and when none does.
//!
//! Layer: shell

use super::recover::Tables;
use super::{Error, FILE, append, schema};
use crate::job::Outcome;
use crate::journal::{Decision, Entry, RunId};
use crate::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use serde::{Serialize, Serializer};
use serde_json::json;
use std::path::{Path, PathBuf};

/// The journal, open for reading only.
pub struct Reader {
    connection: Connection,
    path: PathBuf,
}

/// Which decisions to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryFilter {
    /// Of this rule only; `*`, `?` and `[...]` as in a shell.
    pub rule: Option<String>,
    /// With this end only (see [`crate::journal::Verdict::name`]).
    pub verdict: Option<String>,
    /// From this time on.
    pub since: Option<Timestamp>,
    /// The latest so many; none means all.
    pub limit: Option<usize>,
}

/// Which runs to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// In this state only (one of [`crate::journal::Phase::NAMES`]).
    pub state: Option<String>,
    /// Of this job only; `*`, `?` and `[...]` as in a shell.
    pub job: Option<String>,
    /// The latest so many; none means all.
    pub limit: Option<usize>,
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionRow {
    /// Number of its entry.
    pub seq: u64,
    /// The decision.
    pub decision: Decision,
}

impl Serialize for DecisionRow {
    /// As a replay shows it, and what only the journal knows. Its time is universal.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let decision = &self.decision;
        let mut shown = decision.shown(Some(format!("{}Z", decision.at)));
        for (action, shown) in decision.actions.iter().zip(shown["actions"].as_array_mut().into_iter().flatten()) {
            shown["number"] = json!(Some(action.run()).filter(|run| !run.is_none()));
        }
        for (name, value) in [
            ("seq", json!(self.seq)),
            ("verdict", json!(decision.verdict)),
            ("origin", json!(decision.origin)),
            ("policy", json!(decision.policy)),
            ("brake", json!(decision.brake)),
            ("concluded", json!(decision.concluded)),
        ] {
            shown[name] = value;
        }
        shown.serialize(serializer)
    }
}

/// One run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunRow {
    /// Its number.
    pub run: RunId,
    /// The rule that decided it.
    pub rule: String,
    /// The job.
    pub job: String,
    /// Its state (one of [`crate::journal::Phase::NAMES`]).
    pub state: String,
    /// Number of the last attempt that began; 0 before the first.
    pub attempts: u32,
    /// Whether it came out well; none while it is open, and if it did not take place.
    pub good: Option<bool>,
    /// Why it was closed; none while it is open.
    pub reason: Option<String>,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// When its state last changed.
    pub changed_at: Timestamp,
}

/// One run with all that is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunDetail {
    /// The run.
    #[serde(flatten)]
    pub row: RunRow,
    /// What decided it.
    pub decision: DecisionRow,
    /// Its attempts, in order.
    pub attempts_made: Vec<AttemptRow>,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttemptRow {
    /// From 1.
    pub attempt: u32,
    /// When it was about to start.
    pub started_at: Timestamp,
    /// When it ended; none while it runs, and for ever if the agent died meanwhile.
    pub ended_at: Option<Timestamp>,
    /// Whether all its steps were good.
    pub good: Option<bool>,
    /// The agent died while it ran.
    pub in_doubt: bool,
    /// What somebody has made of the doubt, with who and why.
    pub released: Option<String>,
    /// The ids that were expected after it and did not come; none if nothing has been settled.
    pub missing: Option<Vec<String>>,
    /// Its steps with their output.
    pub outcomes: Vec<Outcome>,
}

impl Reader {
    /// Opens the journal of a state directory.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is none, [`Error::Newer`], [`Error::Foreign`] or
    /// [`Error::Damaged`] if it cannot be read by this program.
    pub fn open(state: &Path) -> Result<Reader, Error> {
        let path = state.join(FILE);
        Ok(Reader { connection: schema::open_for_reading(&path)?, path })
    }

    /// The latest decisions that the filter lets through, oldest first.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn history(&self, filter: &HistoryFilter) -> Result<Vec<DecisionRow>, Error> {
        let mut rows = self.decisions(
            "SELECT e.seq, e.json, e.sum FROM decision d JOIN entry e USING(seq)
             WHERE (?1 IS NULL OR d.rule GLOB ?1) AND (?2 IS NULL OR d.at >= ?2) AND (?3 IS NULL OR d.verdict = ?3)
             ORDER BY d.seq DESC LIMIT ?4",
            params![filter.rule, filter.since.map(|since| since.0), filter.verdict, limit(filter.limit)],
        )?;
        rows.reverse();
        Ok(rows)
    }

    /// Decisions, from rows of `seq, json, sum`.
    pub(super) fn decisions(&self, sql: &str, params: impl Params) -> Result<Vec<DecisionRow>, Error> {
        let from = self.tables();
        let rows = from.rows(sql, params, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let decision = |(seq, json, sum): (i64, String, i64)| match from.entry(seq, &json, sum)? {
            Entry::Decided(decision) => Ok(DecisionRow { seq: u64::try_from(seq).unwrap_or(0), decision }),
            _ => Err(from.damaged(format!("entry {seq} is no decision"))),
        };
        rows.into_iter().map(decision).collect()
    }

    /// The latest runs that the filter lets through, oldest first.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRow>, Error> {
        let mut rows = self.tables().rows(
            "SELECT id, rule, job, state, attempts, good, reason, at, changed FROM run
             WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR job GLOB ?2)
             ORDER BY id DESC LIMIT ?3",
            params![filter.state, filter.job, limit(filter.limit)],
            run_row,
        )?;
        rows.reverse();
        Ok(rows)
    }

    /// One run, unless the journal does not know it (any more).
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn run(&self, run: RunId) -> Result<Option<RunDetail>, Error> {
        let from = self.tables();
        // One state of the journal for all queries, though an agent may write between them.
        let snapshot = self.connection.unchecked_transaction();
        let _snapshot = snapshot.map_err(|source| schema::refusal(&self.path, "read", source))?;
        let found = self
            .connection
            .query_row(
                "SELECT id, rule, job, state, attempts, good, reason, at, changed, decision FROM run WHERE id = ?1",
                [append::id(run)],
                |row| Ok((run_row(row)?, row.get::<_, i64>(9)?)),
            )
            .optional()
            .map_err(|source| schema::refusal(&self.path, "read", source))?;
        let Some((row, seq)) = found else { return Ok(None) };
        let decided = from.entries("SELECT seq, json, sum FROM entry WHERE seq = ?1", [seq])?;
        let Some(Entry::Decided(decision)) = decided.into_iter().next() else {
            return Err(from.damaged(format!("the decision of run {run} is missing")));
        };
        let entries =
            from.entries("SELECT seq, json, sum FROM entry WHERE run = ?1 ORDER BY seq", [append::id(run)])?;
        let decision = DecisionRow { seq: u64::try_from(seq).unwrap_or(0), decision };
        Ok(Some(RunDetail { row, decision, attempts_made: attempts(entries) }))
    }

    #[cfg(test)]
    pub(super) fn connection_for_tests(&self) -> &Connection {
        &self.connection
    }

    pub(super) fn tables(&self) -> Tables<'_> {
        Tables { connection: &self.connection, path: &self.path }
    }
}

fn limit(limit: Option<usize>) -> i64 {
    limit.map_or(-1, |limit| append::number(limit as u64))
}

fn run_row(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    Ok(RunRow {
        run: RunId(row.get(0)?),
        rule: row.get(1)?,
        job: row.get(2)?,
        state: row.get(3)?,
        attempts: row.get(4)?,
        good: row.get(5)?,
        reason: row.get(6)?,
        decided_at: Timestamp(row.get(7)?),
        changed_at: Timestamp(row.get(8)?),
    })
}

fn attempts(entries: Vec<Entry>) -> Vec<AttemptRow> {
    let mut rows: Vec<AttemptRow> = Vec::new();
    for entry in entries {
        match entry {
            Entry::Starting { attempt, at, .. } => rows.push(AttemptRow {
                attempt,
                started_at: at,
                ended_at: None,
                good: None,
                in_doubt: false,
                released: None,
                missing: None,
                outcomes: Vec::new(),
            }),
            Entry::Ended { at, outcomes, good, .. } => {
                if let Some(row) = rows.last_mut() {
                    (row.ended_at, row.good, row.outcomes) = (Some(at), Some(good), outcomes);
                }
            }
            Entry::Verified { missing, .. } => {
                if let Some(row) = rows.last_mut() {
                    row.missing = Some(missing);
                }
            }
            Entry::InDoubt { .. } => {
                if let Some(row) = rows.last_mut() {
                    row.in_doubt = true;
                }
            }
            Entry::Released { how, by, .. } => {
                if let Some(row) = rows.last_mut() {
                    row.released = Some(format!("{} by {by}", how.clause()));
                }
            }
            Entry::Decided(_)
            | Entry::Proved { .. }
            | Entry::Closed { .. }
            | Entry::Skipped { .. }
            | Entry::Asked { .. }
            | Entry::Approved { .. }
            | Entry::Noted(_)
            | Entry::Forgotten { .. }
            | Entry::Disabled { .. }
            | Entry::Enabled { .. }
            | Entry::Set { .. }
            | Entry::Unset { .. }
            | Entry::Position(_) => {}
        }
    }
    rows
}
