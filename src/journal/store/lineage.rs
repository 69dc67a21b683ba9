//! Where a decision comes from, and what became of it.
//!
//! Layer: shell

use super::read::{DecisionRow, Reader};
use super::{Error, append};
use crate::journal::{Decision, Entry, Note, Origin};
use rusqlite::params;
use serde::Serialize;

/// Records of one situation, and decisions of one rule, that are looked at.
const ROWS_MAX: i64 = 1_000;

/// All that the journal knows about a decision.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lineage {
    /// The decision.
    #[serde(flatten)]
    pub row: DecisionRow,
    /// What its situation was made of, in order; empty for a rule that asks for one record.
    pub noted: Vec<Note>,
    /// What became of its actions: the entries of its runs, in order.
    pub entries: Vec<Entry>,
    /// What other rules decided about the same record.
    pub beside: Vec<DecisionRow>,
}

impl Reader {
    /// The decision whose entry has this number, with all that belongs to it; none if the journal has no such
    /// decision (any more).
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn lineage(&self, seq: u64) -> Result<Option<Lineage>, Error> {
        let number = append::number(seq);
        let rows = self.decisions(
            "SELECT e.seq, e.json, e.sum FROM decision d JOIN entry e USING(seq) WHERE d.seq = ?1",
            [number],
        )?;
        let Some(row) = rows.into_iter().next() else { return Ok(None) };
        let noted = self.noted(number, &row.decision)?;
        let entries = self.tables().entries(
            "SELECT seq, json, sum FROM entry WHERE run IN (SELECT id FROM run WHERE decision = ?1) ORDER BY seq",
            [number],
        )?;
        let mut beside = self.about(&row.decision.origin)?;
        beside.retain(|other| other.seq != seq);
        Ok(Some(Lineage { row, noted, entries, beside }))
    }

    /// Every decision about a record, in order.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn about(&self, origin: &Origin) -> Result<Vec<DecisionRow>, Error> {
        self.decisions(
            "SELECT e.seq, e.json, e.sum FROM decision d JOIN entry e USING(seq)
             WHERE d.file = ?1 AND d.offset = ?2 ORDER BY d.seq",
            params![&*origin.file.0, append::number(origin.offset)],
        )
    }

    /// What was noted of the situation of a decision since the one before it.
    fn noted(&self, seq: i64, decision: &Decision) -> Result<Vec<Note>, Error> {
        let Some(concluded) = &decision.concluded else { return Ok(Vec::new()) };
        let before = self.decisions(
            "SELECT e.seq, e.json, e.sum FROM decision d JOIN entry e USING(seq)
             WHERE d.rule = ?1 AND d.seq < ?2 ORDER BY d.seq DESC LIMIT ?3",
            params![&*decision.rule, seq, ROWS_MAX],
        )?;
        let ends = |row: &DecisionRow| {
            let other = row.decision.concluded.as_ref();
            other.is_some_and(|other| other.key == concluded.key && other.counts.is_none())
        };
        let since = before.iter().find(|row| ends(row)).map_or(0, |row| row.seq);
        let entries = self.tables().entries(
            "SELECT e.seq, e.json, e.sum FROM note n JOIN entry e USING(seq)
             WHERE n.rule = ?1 AND n.key = ?2 AND n.seq > ?3 AND n.seq < ?4 ORDER BY n.seq DESC LIMIT ?5",
            params![&*decision.rule, append::json(&concluded.key), append::number(since), seq, ROWS_MAX],
        )?;
        let notes =
            entries.into_iter().filter_map(|entry| if let Entry::Noted(note) = entry { Some(note) } else { None });
        let mut notes: Vec<Note> = notes.filter(|note| note.until >= decision.at).collect();
        notes.reverse();
        Ok(notes)
    }
}
