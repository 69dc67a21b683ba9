//! What was written against what was done.

use crate::aim::Aim;
use crate::world::World;
use crate::writer::Written;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use wtor::journal::Phase;
use wtor::journal::store::{HistoryFilter, Reader, RunFilter};

/// How a log is rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    Renamed,
    Truncated,
}

/// Every run that the journal knows is over or in doubt. A look that takes little from the agent that is at work,
/// unlike a whole account.
pub fn is_quiet(world: &World) -> bool {
    let reader = Reader::open(&world.path("state")).expect("a journal");
    let none = |state: &&str| {
        let filter = RunFilter { state: Some((**state).to_owned()), limit: Some(1), ..RunFilter::default() };
        reader.runs(&filter).expect("runs").is_empty()
    };
    Phase::NAMES.iter().filter(|state| !matches!(**state, "closed" | "in_doubt")).all(none)
}

/// See the module text.
#[derive(Debug, Default)]
pub struct Account {
    written: Written,
    /// How often each number was written down by a job.
    jobs: BTreeMap<String, usize>,
    /// Numbers by the run that they were given, with its state.
    runs: BTreeMap<u64, (String, String)>,
    /// Numbers by the decisions about them.
    decisions: BTreeMap<String, usize>,
    /// How often each message was said.
    said: BTreeMap<String, usize>,
}

impl Account {
    pub fn of(world: &World, written: &Written) -> Account {
        let mut account = Account { written: *written, ..Account::default() };
        for line in world.lines("out.txt") {
            let number = line.split(' ').next().unwrap_or_default().to_owned();
            *account.jobs.entry(number).or_default() += 1;
        }
        for life in std::fs::read_dir(world.path("said")).expect("a folder").flatten() {
            let said = std::fs::read_to_string(life.path()).unwrap_or_default();
            // The last line of an agent that was killed may be torn.
            for id in said.lines().filter_map(|line| line.split("\"id\":\"").nth(1)?.get(..7)) {
                *account.said.entry(id.to_owned()).or_default() += 1;
            }
        }
        let reader = Reader::open(&world.path("state")).expect("a journal");
        let mut numbers = BTreeMap::new();
        for row in reader.history(&HistoryFilter::default()).expect("decisions") {
            let number = row.decision.captures.get("n").unwrap_or_default().to_owned();
            *account.decisions.entry(number.clone()).or_default() += 1;
            numbers.extend(row.decision.runs().map(|(run, ..)| (run.0, number.clone())));
        }
        for row in reader.runs(&RunFilter::default()).expect("runs") {
            let state = if row.good == Some(false) { "failed".into() } else { row.state };
            account.runs.insert(row.run.0, (numbers.get(&row.run.0).cloned().unwrap_or_default(), state));
        }
        account
    }

    fn numbers(&self, log: Log) -> impl Iterator<Item = String> {
        let (letter, last) = match log {
            Log::Renamed => ('r', self.written.renamed),
            Log::Truncated => ('c', self.written.truncated),
        };
        (1..=last).map(move |n| format!("{letter}{n}"))
    }

    fn in_state(&self, state: &str) -> BTreeSet<&str> {
        self.runs.values().filter(|(_, s)| s == state).map(|(number, _)| number.as_str()).collect()
    }

    pub fn in_doubt(&self) -> usize {
        self.in_state("in_doubt").len()
    }

    /// Numbers that no job wrote down, and of which it is not said that nobody knows.
    fn lost(&self, log: Log) -> Vec<String> {
        let doubt = self.in_state("in_doubt");
        self.numbers(log).filter(|n| !self.jobs.contains_key(n) && !doubt.contains(n.as_str())).collect()
    }

    fn twice(&self, log: Log) -> Vec<String> {
        self.numbers(log).filter(|n| self.jobs.get(n).is_some_and(|count| *count > 1)).collect()
    }

    /// What was lost, what came twice.
    pub fn wrong(&self, log: Log) -> Vec<String> {
        let lost = self.lost(log).into_iter().map(|n| {
            let decided = if self.decisions.contains_key(&n) { "decided" } else { "never decided" };
            format!("{n} lost, {decided}")
        });
        lost.chain(self.twice(log).into_iter().map(|n| format!("{n} twice"))).collect()
    }

    pub fn decided_twice(&self) -> Vec<&String> {
        self.decisions.iter().filter(|(_, count)| **count > 1).map(|(number, _)| number).collect()
    }

    /// Everything is decided, and every run has come to its end or is in doubt.
    pub fn is_complete(&self) -> bool {
        let over = |state: &str| matches!(state, "closed" | "failed" | "in_doubt");
        let decided = |log| self.numbers(log).all(|n| self.decisions.contains_key(&n));
        decided(Log::Renamed) && decided(Log::Truncated) && self.runs.values().all(|(_, state)| over(state))
    }

    pub fn table(&self, lives: &[u64; Aim::ALL.len()]) -> String {
        let mut table = String::new();
        let kills = Aim::ALL.iter().map(|aim| format!("{aim:?} {}", lives[*aim as usize]));
        let _ = writeln!(table, "kills: {}", kills.collect::<Vec<_>>().join(", "));
        let _ = writeln!(table, "lines: {}, rotations: {} of each log", self.written.lines, self.written.rotations);
        let _ = writeln!(table, "| log | messages | decided | done once | in doubt | of them done | lost | twice |");
        let _ = writeln!(table, "|---|---|---|---|---|---|---|---|");
        let doubt = self.in_state("in_doubt");
        for log in [Log::Renamed, Log::Truncated] {
            let count = |is: &dyn Fn(&String) -> bool| self.numbers(log).filter(is).count();
            let _ = writeln!(
                table,
                "| {} | {} | {} | {} | {} | {} | {} | {} |",
                if log == Log::Renamed { "renamed" } else { "copied and truncated" },
                self.numbers(log).count(),
                count(&|n| self.decisions.contains_key(n)),
                count(&|n| self.jobs.get(n) == Some(&1)),
                count(&|n| doubt.contains(n.as_str())),
                count(&|n| doubt.contains(n.as_str()) && self.jobs.contains_key(n)),
                self.lost(log).len(),
                self.twice(log).len()
            );
        }
        let _ = writeln!(table, "failed runs: {:?}", self.in_state("failed"));
        let warned = self.said.iter().filter(|(id, _)| id.ends_with(['W', 'E', 'S']));
        let warned: Vec<_> = warned.map(|(id, count)| format!("{id} {count}")).collect();
        let _ = write!(table, "said: {}", warned.join(", "));
        table
    }
}
