//! Two accounts of the same logs: which decisions appear, disappear or change.
//!
//! Layer: shell

use crate::journal::{Action, Decision};
use crate::record::Record;
use crate::span::fingerprint;
use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use std::sync::Arc;

/// What was decided before, and what is decided now.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Decided in both, with the same actions.
    pub same: Vec<Decision>,
    /// All others, by time.
    pub differences: Vec<Difference>,
}

/// One decision that is not the same.
#[derive(Clone, Debug)]
pub struct Difference {
    /// As it was; none if it appears.
    pub before: Option<Decision>,
    /// As it is now; none if it disappears.
    pub after: Option<Decision>,
}

impl Difference {
    /// `appears`, `disappears` or `changes`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match (&self.before, &self.after) {
            (None, _) => "appears",
            (_, None) => "disappears",
            _ => "changes",
        }
    }

    /// The decision, as it is now if there is one.
    #[must_use]
    pub fn decision(&self) -> Option<&Decision> {
        self.after.as_ref().or(self.before.as_ref())
    }

    /// True if it depends on when records arrive: live, and in a replay, that is not the same time.
    #[must_use]
    pub fn is_by_time(&self) -> bool {
        self.before.iter().chain(&self.after).any(|decision| decision.concluded.is_some())
    }
}

/// What a decision is about: its rule, and the record by its place in its file and a hash of its text. A file may
/// have been renamed between two readings.
fn name(decision: &Decision) -> (Arc<str>, u64, Arc<str>) {
    let of_record = decision.concluded.as_ref().and_then(|concluded| concluded.record.clone());
    let text = || fingerprint(decision.captures.get("text").unwrap_or_default());
    (decision.rule.clone(), decision.origin.offset, of_record.unwrap_or_else(text))
}

/// Compares two lists of decisions about the same logs.
#[must_use]
pub fn compare(before: Vec<Decision>, after: Vec<Decision>) -> Comparison {
    let mut earlier: FxHashMap<_, VecDeque<Decision>> = FxHashMap::default();
    for decision in before {
        earlier.entry(name(&decision)).or_default().push_back(decision);
    }
    let mut comparison = Comparison::default();
    for decision in after {
        match earlier.get_mut(&name(&decision)).and_then(VecDeque::pop_front) {
            Some(before) if is_same(&before, &decision) => comparison.same.push(decision),
            before => comparison.differences.push(Difference { before, after: Some(decision) }),
        }
    }
    let gone = earlier.into_values().flatten().map(|before| Difference { before: Some(before), after: None });
    comparison.differences.extend(gone);
    let place = |difference: &Difference| {
        difference.decision().map(|d| (d.at, d.origin.path.clone(), d.origin.offset, d.rule.clone()))
    };
    comparison.differences.sort_by_key(place);
    comparison
}

/// Decided the same, and done the same.
fn is_same(before: &Decision, after: &Decision) -> bool {
    let deeds = |decision: &Decision| decision.actions.iter().map(Action::deed).collect::<Vec<_>>();
    before.verdict == after.verdict && deeds(before) == deeds(after)
}

/// The records of decisions, to be found again in logs.
#[derive(Debug, Default)]
pub struct Watched {
    /// By offset.
    records: FxHashMap<u64, Vec<Sought>>,
}

/// A record that is looked for.
#[derive(Debug)]
struct Sought {
    /// Hash of its text.
    text: Arc<str>,
    /// Its file, as it was called then.
    path: Arc<str>,
    /// It was met.
    met: bool,
}

impl Watched {
    /// The records that these decisions are about.
    #[must_use]
    pub fn of(decisions: &[Decision]) -> Watched {
        let mut watched = Watched::default();
        for decision in decisions {
            let (_, offset, text) = name(decision);
            watched.records.entry(offset).or_default().push(Sought {
                text,
                path: decision.origin.path.clone(),
                met: false,
            });
        }
        watched
    }

    /// A record of this file comes by.
    pub(super) fn saw(&mut self, record: &Record<'_>, path: &str) {
        let Some(here) = self.records.get_mut(&record.position.offset) else { return };
        let text = fingerprint(&String::from_utf8_lossy(record.text).replace('\0', "\u{fffd}"));
        for sought in here {
            sought.met |= sought.text == text || file_name(&sought.path) == file_name(path);
        }
    }

    /// True if the record of this decision was met. One that was handed over has the captures of whoever did so, and
    /// is about the same record.
    #[must_use]
    pub fn has(&self, decision: &Decision) -> bool {
        let (_, offset, text) = name(decision);
        let origin = &decision.origin;
        let same = |sought: &Sought| sought.text == text || origin.file.is_handed_over();
        let here = |sought: &Sought| sought.met && same(sought) && sought.path == origin.path;
        self.records.get(&offset).is_some_and(|all| all.iter().any(here))
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
