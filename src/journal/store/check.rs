//! A look at a whole journal: the database, each entry, what they add up to, and the tables beside them. It finds all
//! there is to find, and changes nothing.
//!
//! Layer: shell

use super::recover::{Tables, recover};
use super::{Error, Reader, append, schema};
use crate::journal::{Decision, Entry, Ledger, Phase, RunId};
use rusqlite::OptionalExtension;
use serde::Serialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// What a look at a journal has found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Its schema.
    pub schema: i64,
    /// Entries.
    pub entries: u64,
    /// Decisions.
    pub decisions: u64,
    /// Runs that it still knows.
    pub runs: u64,
    /// Those that are not over.
    pub open: u64,
    /// Those of them that are in doubt.
    pub in_doubt: u64,
    /// How many files and streams it knows the position of.
    pub positions: u64,
    /// What is damaged, each as a clause; none if it is as it was written.
    pub found: Vec<String>,
}

impl Checked {
    fn note(&mut self, what: String) {
        if !self.found.contains(&what) {
            self.found.push(what);
        }
    }

    /// Damage is what is looked for; anything else keeps from looking.
    fn take<T>(&mut self, result: Result<T, Error>) -> Result<Option<T>, Error> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Error::Damaged { found, .. }) => {
                self.note(found);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// One row of `run`: decision, state, attempts, whether it came out well.
type Row = (u64, String, u32, Option<bool>);

/// What the entries say.
#[derive(Default)]
struct Told {
    ledger: Ledger,
    /// The runs that are over: attempts, and whether they came out well.
    over: BTreeMap<RunId, (u32, Option<bool>)>,
}

/// Entries between which runs that are over are let go of.
const LET_GO_EVERY: u64 = 1000;

/// Rows beside the entries that no entry tells of.
const STRANGERS: [(&str, &str); 4] = [
    ("decision", "SELECT seq FROM decision WHERE seq NOT IN (SELECT seq FROM entry WHERE kind = 'decided')"),
    ("output of run", "SELECT DISTINCT run FROM outcome WHERE run NOT IN (SELECT id FROM run)"),
    ("note", "SELECT seq FROM note WHERE seq NOT IN (SELECT seq FROM entry WHERE kind IN ('noted', 'decided'))"),
    (
        "standing order",
        "SELECT seq FROM standing WHERE seq NOT IN (SELECT seq FROM entry WHERE kind IN ('disabled', 'set'))",
    ),
];

impl Reader {
    /// Looks at everything, beside an agent or without one.
    ///
    /// # Errors
    /// If the journal cannot be read; that it is damaged is no error here.
    pub fn check(&self) -> Result<Checked, Error> {
        let from = self.tables();
        let failed = |source| schema::refusal(from.path, "check", source);
        // One state of the journal for all of it, though an agent may write meanwhile.
        let _snapshot = from.connection.unchecked_transaction().map_err(failed)?;
        let schema = from.connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
        let mut checked = Checked { schema, ..Checked::default() };
        let integrity = from.rows("PRAGMA integrity_check", [], |row| row.get::<_, String>(0));
        for found in checked.take(integrity)?.unwrap_or_default() {
            if found != "ok" {
                checked.note(schema::one_line(&found));
            }
        }
        checked.take(schema::compare(from.connection, checked.schema, from.path))?;
        let mut told = Told::default();
        let folded = fold(&from, &mut told, &mut checked);
        checked.take(folded)?;
        let compared = compare(&from, &told, &mut checked);
        checked.take(compared)?;
        // A journal of an earlier wtor has not all tables yet; it gets them when an agent opens it.
        if checked.schema == schema::VERSION {
            for (what, sql) in STRANGERS {
                let rows = checked.take(from.rows(sql, [], |row| row.get::<_, u64>(0)))?.unwrap_or_default();
                rows.into_iter().for_each(|row| checked.note(format!("no entry tells of {what} {row}")));
            }
            checked.take(recover(from.connection, from.path))?;
        }
        let positions = checked.take(from.checkpoints(checked.schema))?;
        checked.positions = positions.map_or(0, |positions| positions.len() as u64);
        Ok(checked)
    }
}

/// Each entry is what was written, stands in the columns beside it, and can follow those before it.
fn fold(from: &Tables<'_>, told: &mut Told, checked: &mut Checked) -> Result<(), Error> {
    from.each_entry(&mut |row| {
        checked.entries += 1;
        let seq = row.seq;
        let Some(entry) = checked.take(row.entry)? else { return Ok(ControlFlow::Continue(())) };
        if json!(entry)["entry"] != row.kind || entry.run() != row.run {
            checked.note(format!("entry {seq} is not of the kind or the run that its row says"));
        }
        if let Entry::Decided(decision) = &entry {
            checked.decisions += 1;
            checked.take(is_listed(from, seq, decision))?;
        }
        if let Entry::Ended { run, attempt, outcomes, .. } = &entry {
            let rows = from.rows(
                "SELECT count(*) FROM outcome WHERE run = ?1 AND attempt = ?2",
                (append::id(*run), *attempt),
                |row| row.get::<_, usize>(0),
            );
            if checked.take(rows)?.is_some_and(|rows| rows != [outcomes.len()]) {
                checked.note(format!("the output of attempt {attempt} of run {run} is not that of its steps"));
            }
        }
        if let Err(fault) = told.ledger.apply(&entry) {
            checked.note(format!("entry {seq} cannot follow those before it: run {}: {}", fault.run, fault.what));
        }
        if checked.entries.is_multiple_of(LET_GO_EVERY) {
            told.let_go();
        }
        Ok(ControlFlow::Continue(()))
    })?;
    told.let_go();
    Ok(())
}

impl Told {
    fn let_go(&mut self) {
        for run in self.ledger.runs() {
            if let Phase::Closed { good } = run.phase {
                self.over.insert(run.run, (run.attempts, good));
            }
        }
        self.ledger.drop_closed();
    }
}

/// A decision stands in the table by which a second one is refused.
fn is_listed(from: &Tables<'_>, seq: u64, decision: &Decision) -> Result<(), Error> {
    let origin = &decision.origin;
    let listed = from
        .connection
        .prepare_cached("SELECT rule, verdict, file, offset, line FROM decision WHERE seq = ?1")
        .and_then(|mut statement| {
            let row = statement.query_row([append::number(seq)], |row| {
                Ok((
                    row.get::<_, String>(0)?,
                    row.get::<_, String>(1)?,
                    row.get::<_, String>(2)?,
                    row.get(3)?,
                    row.get(4)?,
                ))
            });
            row.optional()
        })
        .map_err(|source| schema::refusal(from.path, "check", source))?;
    let (rule, file) = (decision.rule.to_string(), origin.file.0.to_string());
    let told =
        (rule, decision.verdict.name().to_owned(), file, append::number(origin.offset), append::number(origin.line));
    if listed == Some(told) {
        return Ok(());
    }
    Err(from.damaged(format!("decision {seq} is not listed as its entry says")))
}

/// Every run ends or is open, and the table of runs says so.
fn compare(from: &Tables<'_>, told: &Told, checked: &mut Checked) -> Result<(), Error> {
    let rows = from.rows("SELECT id, decision, state, attempts, good FROM run NOT INDEXED", [], |row| {
        Ok((RunId(row.get(0)?), (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))
    })?;
    let rows: BTreeMap<RunId, Row> = rows.into_iter().collect();
    checked.runs = rows.len() as u64;
    let mut open_decisions = BTreeSet::new();
    for (run, (decision, state, attempts, good)) in &rows {
        if state != "closed" {
            checked.open += 1;
            checked.in_doubt += u64::from(state == "in_doubt");
            open_decisions.insert(*decision);
        }
        let says = match (told.ledger.get(*run), told.over.get(run)) {
            (Some(open), _) => (open.phase.name(), open.attempts, None),
            (None, Some((attempts, good))) => ("closed", *attempts, *good),
            (None, None) => {
                checked.note(format!("no decision owes run {run}"));
                continue;
            }
        };
        if says != (state.as_str(), *attempts, *good) {
            checked.note(format!(
                "run {run} is {state} in attempt {attempts}, and by its entries {} in attempt {}",
                says.0, says.1
            ));
        }
    }
    // A run that was over long ago is deleted; one that is owed, or of a decision that owes another, never is.
    for run in told.ledger.open().filter(|run| !rows.contains_key(&run.run)) {
        let of_open =
            run.decision.runs().any(|(other, ..)| rows.get(&other).is_some_and(|row| open_decisions.contains(&row.0)));
        if of_open || run.phase != Phase::Decided {
            checked.note(format!(
                "run {} is {} by its entries, and not in the table of runs",
                run.run,
                run.phase.name()
            ));
        }
    }
    Ok(())
}
