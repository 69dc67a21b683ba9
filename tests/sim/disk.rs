//! The journal's disk: batches wait in a queue, are committed in groups and in order, and are then told
//! durable. A batch is there as a whole or not at all. Batches of positions alone are told durable without
//! a sync: a power failure may undo them, and everything behind them that was not synced either. That is
//! what SQLite in WAL mode does with the settings of the real store.

use crate::bug::Bug;
use std::collections::VecDeque;
use wtor::agent::Memory;
use wtor::journal::{Entry, Ledger};

#[derive(Debug, Default)]
pub struct Disk {
    committed: Vec<Vec<Entry>>,
    /// So many of them survive whatever comes.
    synced: usize,
    queue: VecDeque<(u64, Vec<Entry>)>,
}

/// What fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The power: nothing survives but what is synced, and perhaps some of what was written behind it.
    Power,
    /// The agent's process: everything that was written is there.
    Kill,
}

/// How much of what need not survive does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Luck {
    None,
    All,
    /// So many batches.
    Some(usize),
}

impl Disk {
    pub fn append(&mut self, batch: u64, entries: Vec<Entry>) {
        self.queue.push_back((batch, entries));
    }

    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Commits up to so many batches as one transaction: what it holds, and the batch to be told.
    pub fn commit(&mut self, count: usize, bug: Option<Bug>) -> Option<(u64, Vec<Entry>)> {
        let group: Vec<_> = self.queue.drain(..count.min(self.queue.len())).collect();
        let last = group.last()?.0;
        let mut written = Vec::new();
        let mut must_last = false;
        for (number, (_, mut entries)) in group.into_iter().enumerate() {
            if bug == Some(Bug::SkipsBatch) && number == 1 {
                continue;
            }
            if bug == Some(Bug::TearsBatch) && entries.len() > 2 {
                entries.truncate(entries.len() / 2);
            }
            must_last |= entries.iter().any(|entry| !matches!(entry, Entry::Position(_)));
            written.extend(entries.iter().cloned());
            self.committed.push(entries);
        }
        if must_last {
            self.synced = self.committed.len();
        }
        Some((last, written))
    }

    /// The failure strikes: how many batches are lost. A batch on its way may have arrived without
    /// anybody having been told.
    pub fn fail(&mut self, failure: Failure, luck: Luck) -> usize {
        let before = self.committed.len() + self.queue.len();
        let sure = if failure == Failure::Power { self.synced } else { self.committed.len() };
        let kept = match luck {
            Luck::None => 0,
            Luck::All => usize::MAX,
            Luck::Some(count) => count,
        };
        self.committed.extend(self.queue.drain(..).map(|(_, entries)| entries));
        self.committed.truncate(sure.saturating_add(kept));
        self.synced = self.committed.len();
        before - self.committed.len()
    }

    /// Every entry that is there.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.committed.iter().flatten()
    }

    /// What the store tells an agent that starts.
    ///
    /// # Errors
    /// If the entries do not add up.
    pub fn recover(&self, bug: Option<Bug>) -> Result<Memory, String> {
        let all: Vec<Entry> = self.entries().cloned().collect();
        let memory =
            |entries: &[Entry]| Memory::of(entries).map_err(|fault| format!("the journal does not add up: {fault}"));
        let without = |forgotten: fn(&Entry) -> bool| -> Vec<Entry> {
            all.iter().filter(|entry| !forgotten(entry)).cloned().collect()
        };
        let is_note = |entry: &Entry| matches!(entry, Entry::Noted(_));
        let mut whole = memory(&all)?;
        match bug {
            Some(Bug::ForgetsStart) => whole.ledger = self.without_starts(),
            Some(Bug::LosesRun) => whole.ledger = self.without_owed(),
            Some(Bug::ForgetsDecisions) => whole.decided.clear(),
            Some(Bug::NotesAgain) => whole.decided = memory(&without(is_note))?.decided,
            Some(Bug::ReusesNumbers) => whole.last_run = whole.ledger.open().map(|run| run.run.0).max().unwrap_or(0),
            Some(Bug::ForgetsNotes) => whole.situations = without(is_note),
            Some(Bug::ForgetsConclusions) => whole.situations = without(|entry| matches!(entry, Entry::Decided(_))),
            Some(Bug::ForgetsOrders) => whole.standing.clear(),
            _ => {}
        }
        Ok(whole)
    }

    /// The ledger without the announcements of first attempts: a planted bug.
    fn without_starts(&self) -> Ledger {
        let mut ledger = Ledger::default();
        for entry in self.entries().filter(|entry| !matches!(entry, Entry::Starting { attempt: 1, .. })) {
            // Entries of attempts that are left out cannot follow; that is the bug.
            let _ = ledger.apply(entry);
        }
        ledger.drop_closed();
        ledger
    }

    /// The ledger without the runs that no attempt has begun of: a planted bug.
    fn without_owed(&self) -> Ledger {
        let begun = |entry: &&Entry| match entry {
            Entry::Decided(decision) => decision.runs().any(|(run, ..)| {
                self.entries().any(|other| matches!(other, Entry::Starting { run: begun, .. } if *begun == run))
            }),
            _ => true,
        };
        let mut ledger = Ledger::default();
        for entry in self.entries().filter(begun) {
            // Entries of runs that are left out cannot follow; that is the bug.
            let _ = ledger.apply(entry);
        }
        ledger.drop_closed();
        ledger
    }
}
