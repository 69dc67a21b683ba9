//! What an agent must know to go on, from all entries of an earlier life: what the store gives from its
//! tables, for those who keep the entries themselves.
//!
//! Layer: core

use super::Memory;
use crate::journal::{Entry, Fault, Ledger};
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
                    let keys = decision.labels().map(|label| (label, origin.file.clone(), origin.offset));
                    memory.decided.extend(keys);
                }
                Entry::Noted(note) => {
                    memory.decided.insert((note.label(), note.origin.file.clone(), note.origin.offset));
                }
                Entry::Position(checkpoint) => {
                    positions.insert(checkpoint.file.clone(), checkpoint.clone());
                }
                _ => {}
            }
        }
        ledger.drop_closed();
        memory.ledger = ledger;
        // What stands before a position is not read again.
        memory.decided.retain(|(_, file, offset)| positions.get(file).is_none_or(|read| *offset >= read.offset));
        memory.checkpoints = positions.into_values().collect();
        memory.situations = entries.to_vec();
        memory.standing = entries.to_vec();
        memory.recent = entries.to_vec();
        Ok(memory)
    }
}
