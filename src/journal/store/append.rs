//! One entry -> the tables. The conditions on `run` make the database itself refuse a second start of
//! an attempt, whatever the agent believes.
//!
//! Layer: shell

use super::Error;
use super::schema::sum;
use crate::job::{Outcome, StepEnd};
use crate::journal::{By, Checkpoint, Concluded, Decision, Entry, Key, Note, Origin, Part, RunId, Verdict};
use crate::limits::SITUATION_RECORDS_MAX;
use crate::time::Timestamp;
use rusqlite::{ErrorCode, Transaction, params};
use std::path::Path;
use std::sync::Arc;

/// Writes one entry within the transaction.
pub(super) fn write(transaction: &Transaction<'_>, entry: &Entry, path: &Path) -> Result<(), Error> {
    let to = Tables { transaction, path };
    match entry {
        Entry::Position(checkpoint) => to.position(checkpoint),
        Entry::Decided(decision) => to.decided(entry, decision),
        Entry::Noted(note) => to.noted(entry, note),
        Entry::Forgotten { rule, key, at, .. } => {
            to.entry(entry, "forgotten", *at, None, Some(rule))?;
            to.used_up(rule, key.as_ref(), true)
        }
        Entry::Disabled { subject, at, until, by } => {
            let seq = to.entry(entry, "disabled", *at, None, None)?;
            to.stands(seq, ("disabled", &subject.to_string(), ""), (*at, *until), by)
        }
        Entry::Enabled { subject, at, .. } => {
            to.entry(entry, "enabled", *at, None, None)?;
            to.stands_no_more("disabled", &subject.to_string(), "")
        }
        Entry::Set { name, key, at, until, by } => {
            let seq = to.entry(entry, "set", *at, None, None)?;
            to.stands(seq, ("set", name, &json(key)), (*at, *until), by)
        }
        Entry::Unset { name, key, at, .. } => {
            to.entry(entry, "unset", *at, None, None)?;
            to.stands_no_more("set", name, &json(key))
        }
        Entry::Starting { run, attempt, at } => {
            to.entry(entry, "starting", *at, Some(*run), None)?;
            let changed = to.run(
                "UPDATE run SET state = 'starting', attempts = ?2, changed = ?3
                 WHERE id = ?1 AND attempts < ?2 AND state IN ('decided', 'approved', 'failed', 'in_doubt', 'released')",
                params![id(*run), attempt, at.0],
            )?;
            to.one(changed, *run, || format!("attempt {attempt} cannot start: it was started before, or is over"))
        }
        Entry::Ended { run, attempt, at, outcomes, good } => {
            let bare = Entry::Ended {
                run: *run,
                attempt: *attempt,
                at: *at,
                outcomes: outcomes.iter().map(without_output).collect(),
                good: *good,
            };
            to.entry(&bare, "ended", *at, Some(*run), None)?;
            to.moved(*run, *attempt, "starting", if *good { "verifying" } else { "failed" }, *at)?;
            (0..).zip(outcomes).try_for_each(|(nr, outcome)| to.outcome(*run, *attempt, nr, outcome))
        }
        Entry::Verified { run, attempt, at, missing } => {
            to.entry(entry, "verified", *at, Some(*run), None)?;
            to.moved(*run, *attempt, "verifying", if missing.is_empty() { "verified" } else { "failed" }, *at)
        }
        Entry::Proved { run, at, .. } => {
            to.entry(entry, "proved", *at, Some(*run), None)?;
            let changed = to.run("UPDATE run SET changed = ?2 WHERE id = ?1", params![id(*run), at.0])?;
            to.one(changed, *run, || "a message cannot prove it: no decision owes it".into())
        }
        Entry::InDoubt { run, attempt, at } => {
            to.entry(entry, "in_doubt", *at, Some(*run), None)?;
            to.moved(*run, *attempt, "starting", "in_doubt", *at)
        }
        Entry::Released { run, attempt, at, .. } => {
            to.entry(entry, "released", *at, Some(*run), None)?;
            to.moved(*run, *attempt, "in_doubt", "released", *at)
        }
        Entry::Closed { run, at, good, reason } => {
            to.entry(entry, "closed", *at, Some(*run), None)?;
            let changed = to.run(
                "UPDATE run SET state = 'closed', good = ?2, reason = ?3, changed = ?4
                 WHERE id = ?1 AND state <> 'closed'",
                params![id(*run), good, reason, at.0],
            )?;
            to.one(changed, *run, || "it cannot be closed: it is unknown, or closed already".into())
        }
        Entry::Skipped { run, at, reason, .. } => {
            to.entry(entry, "skipped", *at, Some(*run), None)?;
            let changed = to.run(
                "UPDATE run SET state = 'closed', reason = ?2, changed = ?3
                 WHERE id = ?1 AND state IN ('decided', 'asked', 'approved')",
                params![id(*run), reason, at.0],
            )?;
            to.one(changed, *run, || "it cannot be skipped: it is unknown, has begun, or is closed".into())
        }
        Entry::Asked { run, at, .. } => {
            to.entry(entry, "asked", *at, Some(*run), None)?;
            to.moved(*run, 0, "decided", "asked", *at)
        }
        Entry::Approved { run, at, .. } => {
            to.entry(entry, "approved", *at, Some(*run), None)?;
            to.moved(*run, 0, "asked", "approved", *at)
        }
    }
}

struct Tables<'a> {
    transaction: &'a Transaction<'a>,
    path: &'a Path,
}

impl Tables<'_> {
    fn entry(
        &self,
        entry: &Entry,
        kind: &str,
        at: Timestamp,
        run: Option<RunId>,
        rule: Option<&str>,
    ) -> Result<i64, Error> {
        // Entries are plain data with string keys; a failure to write them as JSON is a fault of ours.
        let json = serde_json::to_string(entry)
            .map_err(|error| Error::Fault { run: run.unwrap_or(RunId(0)), what: format!("no JSON: {error}") })?;
        let values = params![at.0, kind, run.map(id), rule, json, sum(&[&json])];
        self.run("INSERT INTO entry(at, kind, run, rule, json, sum) VALUES(?1, ?2, ?3, ?4, ?5, ?6)", values)?;
        Ok(self.transaction.last_insert_rowid())
    }

    fn decided(&self, entry: &Entry, decision: &Decision) -> Result<(), Error> {
        let origin = &decision.origin;
        let seq = self.entry(entry, "decided", decision.at, None, Some(&decision.rule))?;
        let values = params![
            seq,
            decision.at.0,
            &*decision.rule,
            decision.verdict.name(),
            decision.reason,
            &*origin.source,
            &*origin.path,
            &*origin.file.0,
            number(origin.offset),
            number(origin.line)
        ];
        let inserted = self.run("INSERT INTO decision VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)", values);
        inserted.map_err(|error| match is_constraint(&error) {
            true => Error::Duplicate { rule: decision.rule.clone(), file: origin.file.clone(), offset: origin.offset },
            false => error,
        })?;
        if let Some(concluded) = &decision.concluded {
            self.concluded(seq, decision, concluded)?;
        }
        if decision.verdict != Verdict::Fired {
            return Ok(());
        }
        for (run, _, job) in decision.runs() {
            let inserted = self.run(
                "INSERT INTO run(id, decision, rule, job, state, at, changed) VALUES(?1, ?2, ?3, ?4, 'decided', ?5, ?5)",
                params![id(run), seq, &*decision.rule, &*job, decision.at.0],
            );
            inserted.map_err(|error| match is_constraint(&error) {
                true => Error::Fault { run, what: "its number was given out before".into() },
                false => error,
            })?;
        }
        Ok(())
    }

    fn concluded(&self, seq: i64, decision: &Decision, concluded: &Concluded) -> Result<(), Error> {
        let (rule, key) = (&decision.rule, &concluded.key);
        if concluded.counts.is_none() {
            self.used_up(rule, Some(key), concluded.pause.is_some())?;
        }
        let part = if concluded.counts.is_some() { "level" } else { "pause" };
        match concluded.pause.max(concluded.counts) {
            Some(until) => self.note(seq, (rule, key, part), (decision.at, until), &decision.origin),
            None => Ok(()),
        }
    }

    fn noted(&self, entry: &Entry, note: &Note) -> Result<(), Error> {
        let seq = self.entry(entry, "noted", note.at, None, Some(&note.rule))?;
        if matches!(note.part, Part::Awaited | Part::Begun) {
            self.used_up(&note.rule, Some(&note.key), false)?;
        }
        self.note(seq, (&note.rule, &note.key, note.part.name()), (note.at, note.until), &note.origin)?;
        match note.part {
            Part::Awaited | Part::Begun => Ok(()),
            Part::Counted | Part::Joined | Part::Stepped => self.latest(&note.rule, &note.key),
            Part::Again => self.run("UPDATE note SET alive = 0 WHERE seq = ?1", [seq]).map(|_| ()),
            Part::Followed | Part::Over => self.used_up(&note.rule, Some(&note.key), false),
            Part::Reset => self.used_up(&note.rule, Some(&note.key), true),
        }
    }

    /// Of records without end the latest are needed, as many as a situation remembers.
    fn latest(&self, rule: &str, key: &Key) -> Result<(), Error> {
        self.run(
            "UPDATE note SET alive = 0
             WHERE alive AND rule = ?1 AND key = ?2 AND part IN ('counted', 'joined', 'stepped') AND seq <= (
                 SELECT seq FROM note WHERE alive AND rule = ?1 AND key = ?2 ORDER BY seq DESC LIMIT 1 OFFSET ?3)",
            params![rule, json(key), SITUATION_RECORDS_MAX],
        )?;
        Ok(())
    }

    fn note(
        &self,
        seq: i64,
        (rule, key, part): (&Arc<str>, &Key, &str),
        (at, until): (Timestamp, Timestamp),
        origin: &Origin,
    ) -> Result<(), Error> {
        let (file, offset) = (&*origin.file.0, number(origin.offset));
        let values =
            params![seq, at.0, &**rule, json(key), part, until.0, &*origin.path, file, offset, number(origin.line)];
        let inserted = self.run("INSERT INTO note VALUES(?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?8, ?9, ?10)", values);
        inserted.map(|_| ()).map_err(|error| match is_constraint(&error) {
            true => Error::Duplicate { rule: rule.clone(), file: origin.file.clone(), offset: origin.offset },
            false => error,
        })
    }

    /// What was noted is not needed any more, but to know the records again.
    fn used_up(&self, rule: &str, key: Option<&Key>, pauses: bool) -> Result<(), Error> {
        let values = params![rule, key.map(json), pauses];
        self.run(
            "UPDATE note SET alive = 0
             WHERE alive AND rule = ?1 AND (?2 IS NULL OR key = ?2) AND (?3 OR part <> 'pause')",
            values,
        )?;
        Ok(())
    }

    fn stands(
        &self,
        seq: i64,
        (kind, name, key): (&str, &str, &str),
        (at, until): (Timestamp, Option<Timestamp>),
        by: &By,
    ) -> Result<(), Error> {
        self.run(
            "INSERT OR REPLACE INTO standing VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![kind, name, key, seq, at.0, until.map(|until| until.0), by.who, by.why],
        )?;
        Ok(())
    }

    fn stands_no_more(&self, kind: &str, name: &str, key: &str) -> Result<(), Error> {
        self.run("DELETE FROM standing WHERE kind = ?1 AND name = ?2 AND key = ?3", params![kind, name, key])?;
        Ok(())
    }

    fn outcome(&self, run: RunId, attempt: u32, nr: usize, outcome: &Outcome) -> Result<(), Error> {
        let values = params![
            id(run),
            attempt,
            nr,
            outcome.step,
            outcome.cond_code.map(|code| code.0),
            end_text(&outcome.end),
            outcome.good,
            number(outcome.millis),
            outcome.stdout,
            outcome.stderr
        ];
        self.run("INSERT INTO outcome VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)", values)?;
        Ok(())
    }

    fn position(&self, checkpoint: &Checkpoint) -> Result<(), Error> {
        let values = params![
            &*checkpoint.source,
            &*checkpoint.file.0,
            &*checkpoint.path,
            number(checkpoint.offset),
            number(checkpoint.line),
            checkpoint.head,
            checkpoint.done,
            checkpoint_sum(checkpoint)
        ];
        self.run(
            "INSERT OR REPLACE INTO checkpoint(source, file, path, offset, line, head, done, sum)
             VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            values,
        )?;
        Ok(())
    }

    /// Takes a run from one state to the next, if that attempt is in it.
    fn moved(&self, run: RunId, attempt: u32, from: &str, to: &str, at: Timestamp) -> Result<(), Error> {
        let changed = self.run(
            "UPDATE run SET state = ?4, changed = ?5 WHERE id = ?1 AND attempts = ?2 AND state = ?3",
            params![id(run), attempt, from, to, at.0],
        )?;
        self.one(changed, run, || format!("attempt {attempt} cannot become {to}: it is not {from}"))
    }

    fn one(&self, changed: usize, run: RunId, what: impl FnOnce() -> String) -> Result<(), Error> {
        if changed == 1 { Ok(()) } else { Err(Error::Fault { run, what: what() }) }
    }

    fn run(&self, sql: &str, values: impl rusqlite::Params) -> Result<usize, Error> {
        let failed = |source| Error::Sql { path: self.path.to_owned(), doing: "write", source };
        self.transaction.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(failed)
    }
}

/// A key as `note.key` has it: exact, and readable. A map of texts has no way not to be JSON.
pub(super) fn json(key: &Key) -> String {
    serde_json::to_string(key).unwrap_or_default()
}

/// Over everything that recovery takes from a checkpoint.
pub(super) fn checkpoint_sum(checkpoint: &Checkpoint) -> i64 {
    let Checkpoint { source, path, file, offset, line, head, done } = checkpoint;
    let (offset, line) = (offset.to_string(), line.to_string());
    // A position that is not done has the sum that it had before there was such a thing.
    let texts: [&str; 7] = [source, path, &file.0, &offset, &line, head, "done"];
    sum(&texts[..texts.len() - usize::from(!done)])
}

/// How a step ended, for people and for `outcome.end`.
pub(super) fn end_text(end: &StepEnd) -> String {
    match end {
        StepEnd::Exited(status) => format!("exited {status}"),
        StepEnd::Signalled(signal) => format!("signal {signal}"),
        StepEnd::TimedOut => "timed out".into(),
        StepEnd::NotStarted(why) => format!("not started: {why}"),
        StepEnd::Cancelled => "cancelled".into(),
        StepEnd::Bypassed => "bypassed".into(),
    }
}

/// SQLite's integers have a sign; no file and no count of ours comes near the difference.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(super) fn id(run: RunId) -> i64 {
    number(run.0)
}

fn is_constraint(error: &Error) -> bool {
    matches!(error, Error::Sql { source, .. } if source.sqlite_error_code() == Some(ErrorCode::ConstraintViolation))
}

fn without_output(outcome: &Outcome) -> Outcome {
    Outcome {
        step: outcome.step.clone(),
        end: outcome.end.clone(),
        cond_code: outcome.cond_code,
        good: outcome.good,
        millis: outcome.millis,
        stdout: String::new(),
        stderr: String::new(),
    }
}
