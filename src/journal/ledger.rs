//! The ledger: what the entries of the journal add up to, run by run. Recovery is this fold over the
//! entries of the runs that are not over; the agent keeps one while it works. An entry that cannot
//! follow the ones before it is a fault of ours and is refused, not bent to fit.
//!
//! Layer: core

use super::{Decision, Entry, RunId, Verdict};
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It is owed; no attempt has begun.
    Decided,
    /// Somebody must approve of it first.
    Asked {
        /// How long it waits for that.
        until: Timestamp,
    },
    /// It was approved of; no attempt has begun.
    Approved,
    /// This attempt has begun and not ended.
    Starting {
        /// From 1.
        attempt: u32,
    },
    /// This attempt was not good: another one, or the end of the run, is owed.
    Failed {
        /// From 1.
        attempt: u32,
    },
    /// The steps of this attempt were good; messages that prove its effect may be awaited.
    Verifying {
        /// From 1.
        attempt: u32,
    },
    /// The messages came; only the end of the run is owed.
    Verified {
        /// From 1.
        attempt: u32,
    },
    /// The agent died while this attempt ran: nobody knows what it did.
    InDoubt {
        /// From 1.
        attempt: u32,
    },
    /// Somebody has decided what becomes of it after this attempt: another one, or the end of the run, is owed.
    Released {
        /// From 1.
        attempt: u32,
    },
    /// It is over.
    Closed {
        /// Whether it came out well; none if it did not take place.
        good: Option<bool>,
    },
}

impl Phase {
    /// Every name that [`Phase::name`] can give.
    pub const NAMES: [&str; 10] = [
        "decided",
        "asked",
        "approved",
        "starting",
        "failed",
        "verifying",
        "verified",
        "in_doubt",
        "released",
        "closed",
    ];

    /// The word in tables, JSON and the journal's `run.state`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Phase::Decided => "decided",
            Phase::Asked { .. } => "asked",
            Phase::Approved => "approved",
            Phase::Starting { .. } => "starting",
            Phase::Failed { .. } => "failed",
            Phase::Verifying { .. } => "verifying",
            Phase::Verified { .. } => "verified",
            Phase::InDoubt { .. } => "in_doubt",
            Phase::Released { .. } => "released",
            Phase::Closed { .. } => "closed",
        }
    }

    /// True until the run is over.
    #[must_use]
    pub fn is_open(self) -> bool {
        !matches!(self, Phase::Closed { .. })
    }
}

/// One run as the entries tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerRun {
    /// Its number.
    pub run: RunId,
    /// The decision that owes it.
    pub decision: Arc<Decision>,
    /// Which of the decision's actions it is, as an index into `decision.actions`.
    pub index: usize,
    /// How far it has come.
    pub phase: Phase,
    /// The number of the last attempt that began; 0 before the first.
    pub attempts: u32,
    /// Conditions of the rule's `expect` that have been met since the run began: position, and words.
    pub proved: BTreeSet<(usize, Arc<str>)>,
}

/// An entry that cannot follow the entries before it: a fault in the program, not in the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The run it speaks of.
    pub run: RunId,
    /// What is wrong, as a sentence without a period.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "run {}: {}; this is a bug", self.run, self.what)
    }
}

impl std::error::Error for Fault {}

/// The fold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    runs: BTreeMap<RunId, LedgerRun>,
}

impl Ledger {
    /// Folds one entry in.
    ///
    /// # Errors
    /// A [`Fault`] if it cannot follow the entries before it; the ledger is then unchanged.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), Fault> {
        match entry {
            Entry::Decided(decision) => self.decided(decision),
            Entry::Starting { run, attempt, .. } => self.step(*run, |owned| owned.starting(*attempt)),
            Entry::Ended { run, attempt, good, .. } => self.step(*run, |owned| {
                owned.expect(Phase::Starting { attempt: *attempt }, "ended")?;
                let attempt = *attempt;
                Ok(if *good { Phase::Verifying { attempt } } else { Phase::Failed { attempt } })
            }),
            Entry::Verified { run, attempt, missing, .. } => self.step(*run, |owned| {
                owned.expect(Phase::Verifying { attempt: *attempt }, "verified")?;
                let attempt = *attempt;
                Ok(if missing.is_empty() { Phase::Verified { attempt } } else { Phase::Failed { attempt } })
            }),
            Entry::InDoubt { run, attempt, .. } => self.step(*run, |owned| {
                owned.expect(Phase::Starting { attempt: *attempt }, "found in doubt")?;
                Ok(Phase::InDoubt { attempt: *attempt })
            }),
            Entry::Released { run, attempt, .. } => self.step(*run, |owned| {
                owned.expect(Phase::InDoubt { attempt: *attempt }, "been released")?;
                Ok(Phase::Released { attempt: *attempt })
            }),
            Entry::Proved { run, condition, what, .. } => match self.runs.get_mut(run) {
                Some(owned) => {
                    owned.proved.insert((*condition, what.clone()));
                    Ok(())
                }
                None => Err(Fault { run: *run, what: "no decision owes it".into() }),
            },
            Entry::Closed { run, good, .. } => self.step(*run, |owned| match owned.phase {
                Phase::Closed { .. } => Err("it was closed twice".to_owned()),
                _ => Ok(Phase::Closed { good: Some(*good) }),
            }),
            Entry::Skipped { run, .. } => self.step(*run, |owned| match owned.phase {
                Phase::Decided | Phase::Asked { .. } | Phase::Approved => Ok(Phase::Closed { good: None }),
                _ => Err(format!("it cannot be skipped: it is {}", owned.phase.name())),
            }),
            Entry::Asked { run, until, .. } => self.step(*run, |owned| {
                owned.expect(Phase::Decided, "been asked for")?;
                Ok(Phase::Asked { until: *until })
            }),
            Entry::Approved { run, .. } => self.step(*run, |owned| match owned.phase {
                Phase::Asked { .. } => Ok(Phase::Approved),
                _ => Err(format!("it cannot be approved of: it is {}", owned.phase.name())),
            }),
            Entry::Noted(_)
            | Entry::Forgotten { .. }
            | Entry::Disabled { .. }
            | Entry::Enabled { .. }
            | Entry::Set { .. }
            | Entry::Unset { .. }
            | Entry::Position(_) => Ok(()),
        }
    }

    /// The run of that number, unless it is unknown or has been let go.
    #[must_use]
    pub fn get(&self, run: RunId) -> Option<&LedgerRun> {
        self.runs.get(&run)
    }

    /// All runs that are held, by number.
    pub fn runs(&self) -> impl Iterator<Item = &LedgerRun> {
        self.runs.values()
    }

    /// Those that are not over, by number.
    pub fn open(&self) -> impl Iterator<Item = &LedgerRun> + Clone {
        self.runs.values().filter(|run| run.phase.is_open())
    }

    /// Lets go of the runs that are over, so that memory follows what is open and not what has been.
    pub fn drop_closed(&mut self) {
        self.runs.retain(|_, run| run.phase.is_open());
    }

    fn decided(&mut self, decision: &Decision) -> Result<(), Fault> {
        if decision.verdict != Verdict::Fired {
            return Ok(());
        }
        for run in decision.runs() {
            if self.runs.contains_key(&run.0) {
                return Err(Fault { run: run.0, what: "its number was given out before".into() });
            }
        }
        let shared = Arc::new(decision.clone());
        for (run, index, _) in decision.runs() {
            let decision = shared.clone();
            self.runs.insert(
                run,
                LedgerRun { run, decision, index, phase: Phase::Decided, attempts: 0, proved: BTreeSet::new() },
            );
        }
        Ok(())
    }

    fn step(&mut self, run: RunId, next: impl FnOnce(&LedgerRun) -> Result<Phase, String>) -> Result<(), Fault> {
        let Some(owned) = self.runs.get_mut(&run) else {
            return Err(Fault { run, what: "no decision owes it".into() });
        };
        let phase = next(owned).map_err(|what| Fault { run, what })?;
        if let Phase::Starting { attempt } = phase {
            owned.attempts = attempt;
        }
        owned.phase = phase;
        Ok(())
    }
}

impl LedgerRun {
    fn starting(&self, attempt: u32) -> Result<Phase, String> {
        if attempt <= self.attempts {
            return Err(format!("attempt {attempt} was started twice"));
        }
        match self.phase {
            Phase::Decided
            | Phase::Approved
            | Phase::Failed { .. }
            | Phase::InDoubt { .. }
            | Phase::Released { .. } => Ok(Phase::Starting { attempt }),
            Phase::Asked { .. }
            | Phase::Starting { .. }
            | Phase::Verifying { .. }
            | Phase::Verified { .. }
            | Phase::Closed { .. } => Err(format!("attempt {attempt} was started while it was {}", self.phase.name())),
        }
    }

    fn expect(&self, phase: Phase, event: &str) -> Result<(), String> {
        if self.phase == phase {
            return Ok(());
        }
        Err(format!("{:?} cannot have {event}: it is {:?}", phase, self.phase))
    }
}

impl Decision {
    /// What this decision owes: number, index into `actions`, and job (see [`super::Action::job`]).
    pub fn runs(&self) -> impl Iterator<Item = (RunId, usize, Arc<str>)> {
        let numbered = self.actions.iter().enumerate().filter(|(_, action)| !action.run().is_none());
        numbered.map(|(index, action)| (action.run(), index, action.job()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::store::{Store, tests::random_entry};

    /// The ledger and the tables are two accounts of one thing: on any entries, sensible or not, they
    /// accept and refuse the same and come to the same states.
    #[test]
    fn the_store_and_the_ledger_agree_on_what_may_follow() {
        let state = tempfile::tempdir().expect("a directory");
        let mut store = Store::open(state.path()).expect("opens");
        let mut ledger = Ledger::default();
        let mut random = fastrand::Rng::with_seed(1);
        let mut accepted = 0;
        for offset in 0..3_000 {
            let entry = random_entry(&mut random, offset);
            let told = ledger.apply(&entry);
            let written = store.append(std::slice::from_ref(&entry));
            assert_eq!(told.is_ok(), written.is_ok(), "{entry:?}: {told:?} but {written:?}");
            accepted += usize::from(told.is_ok());
            if offset % 100 == 0 {
                let recovered = store.recover().expect("recovers").ledger;
                assert_eq!(recovered.runs().collect::<Vec<_>>(), ledger.open().collect::<Vec<_>>());
            }
        }
        assert!(accepted > 500 && accepted < 2_900, "{accepted} of 3000 accepted");
        let all = ledger.runs().count();
        ledger.drop_closed();
        assert!(ledger.runs().count() < all && ledger.runs().all(|run| run.phase.is_open()));
    }

    #[test]
    fn phases_are_called_by_their_names() {
        use Phase::{Approved, Asked, Closed, Decided, Failed, InDoubt, Released, Starting, Verified, Verifying};
        let attempt = 1;
        let all = [
            Decided,
            Asked { until: Timestamp(1) },
            Approved,
            Starting { attempt },
            Failed { attempt },
            Verifying { attempt },
            Verified { attempt },
            InDoubt { attempt },
            Released { attempt },
            Closed { good: Some(true) },
        ];
        assert_eq!(all.map(Phase::name), Phase::NAMES);
    }
}
