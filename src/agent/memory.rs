//! What an agent must know to go on, from all entries of an earlier life: what the store gives from its
//! tables, for those who keep the entries themselves.
//!
//! Layer: core

use super::Memory;
use crate::journal::{Entry, Fault, FileKey, Ledger};
use std::collections::BTreeMap;

impl Memory {
    /// The memory that these entries, in order, leave behind.
    ///
    /// # Errors
    /// If one cannot follow those before it.
    pub fn of(entries: &[Entry]) -> Result<Memory, Fault> {
        let mut ledger = Ledger::default();
        let mut memory = Memory::default();
        let mut positions = BTreeMap::new();
        for entry in entries {
            ledger.apply(entry)?;
            match entry {
                Entry::Decided(decision) => {
                    let runs = decision.runs().map(|(run, ..)| run.0);
                    memory.last_run = runs.fold(memory.last_run, u64::max);
                    let runs = decision.actions.iter().filter(|action| action.is_run() && !action.run().is_none());
                    memory.recent_runs.extend(runs.map(|_| (decision.rule.clone(), decision.at)));
                    let origin = &decision.origin;
                    let file = origin.file.occasion();
                    let keys = decision.labels().map(|label| (label, file.clone(), origin.offset));
                    memory.decided.extend(keys);
                }
                Entry::Noted(note) => {
                    memory.decided.insert((note.label(), note.origin.file.occasion(), note.origin.offset));
                }
                Entry::Position(checkpoint) => {
                    positions.insert(checkpoint.file.clone(), checkpoint.clone());
                }
                _ => {}
            }
        }
        ledger.drop_closed();
        memory.ledger = ledger;
        // What stands before a position is not read again, and what was handed over later is not, either.
        let is_read = |file: &FileKey, offset: u64| positions.get(file).is_none_or(|read| offset >= read.offset);
        memory.decided.retain(|(_, file, offset)| !file.is_handed_over() && is_read(file, *offset));
        memory.checkpoints = positions.into_values().collect();
        memory.situations = entries.to_vec();
        memory.standing = entries.to_vec();
        memory.recent = entries.to_vec();
        Ok(memory)
    }
}
