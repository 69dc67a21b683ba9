//! Situations: what each rule knows of each key between two decisions. All of it comes from entries of the
//! journal and goes into them, so that a restart changes nothing; all of it ends by engine time.
//!
//! A span is half-open: what was noted at 10:00:00 for a minute does not count at 10:01:00 any more.
//!
//! Layer: core

use crate::journal::{Concluded, Decision, Entry, FileKey, Key, Note, Origin, Part};
use crate::limits::{
    SITUATION_RECORDS_MAX, SITUATION_VALUE_BYTES_MAX, SITUATIONS_MAX, SITUATIONS_RECORDS_MAX, WAIT_AFTER_START,
};
use crate::policy::Policy;
use crate::rule::{Captures, Correlation};
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Names a situation: rule and key.
pub type Name = (Arc<str>, Key);

/// Everything that is alive.
#[derive(Clone, Debug, Default)]
pub struct Situations {
    pub(super) open: BTreeMap<Name, Situation>,
    /// When each will change by time alone.
    pub(super) wakes: BTreeSet<(Timestamp, Name)>,
    /// Records that are remembered, over all of them.
    records: usize,
}

/// What a rule knows of one key.
#[derive(Clone, Debug)]
pub struct Situation {
    /// When it began.
    pub since: Timestamp,
    /// The matches that count, oldest first.
    pub counted: VecDeque<Noted>,
    /// When the rule fired, and until when it is held.
    pub pause: Option<(Timestamp, Timestamp)>,
    /// What it waits for, or collects.
    pub wait: Option<Box<Wait>>,
    text: Arc<str>,
    /// Where the record stands that began it.
    begun: Origin,
}

/// A record of a situation, as far as it is needed again.
#[derive(Clone, Debug)]
pub struct Noted {
    /// When it came.
    pub at: Timestamp,
    /// Until when it counts.
    pub until: Timestamp,
    /// The captures that the rule asks of every record, if it asks for any.
    pub values: Captures,
}

/// A wait: for what follows, for the rest of a list, for the end of what is collected.
#[derive(Clone, Debug)]
pub struct Wait {
    /// The record that began it. Its captures are those of the situation: later records add what it lacks.
    pub first: Note,
    /// The latest records, the first one included.
    pub noted: VecDeque<Noted>,
    /// How many there were.
    pub records: u64,
    /// When the span began that is running.
    pub from: Timestamp,
    /// When it is over.
    pub until: Timestamp,
    /// Where the latest record of each file stands.
    latest: BTreeMap<FileKey, u64>,
}

impl Noted {
    /// What a rule remembers of a record.
    #[must_use]
    pub fn new((at, until): (Timestamp, Timestamp), captures: &Captures, asks: Option<&Correlation>) -> Noted {
        let names = asks.map(Correlation::remembered).unwrap_or_default();
        Noted { at, until, values: captures.only(&names, SITUATION_VALUE_BYTES_MAX) }
    }

    fn of(note: &Note, asks: Option<&Correlation>) -> Noted {
        Noted::new((note.at, note.until), &note.captures, asks)
    }
}

impl Wait {
    fn new(note: &Note, asks: Option<&Correlation>) -> Wait {
        let noted = VecDeque::from([Noted::of(note, asks)]);
        let latest = BTreeMap::from([(note.origin.file.clone(), note.origin.offset)]);
        Wait { first: note.clone(), noted, records: 1, from: note.at, until: note.until, latest }
    }

    /// False for a record that stands before the latest one in the same file: it came out of turn, and has
    /// been read again.
    #[must_use]
    pub fn is_next(&self, origin: &Origin) -> bool {
        self.latest.get(&origin.file).is_none_or(|latest| origin.offset > *latest)
    }

    fn joined(&mut self, note: &Note, asks: Option<&Correlation>) {
        self.first.captures.add(&note.captures);
        self.noted.push_back(Noted::of(note, asks));
        shorten(&mut self.noted, SITUATION_RECORDS_MAX);
        self.records = note.number.max(self.records + 1);
        (self.from, self.until) = (note.at, note.until);
        self.latest.insert(note.origin.file.clone(), note.origin.offset);
    }
}

fn shorten(noted: &mut VecDeque<Noted>, to: usize) {
    while noted.len() > to {
        noted.pop_front();
    }
}

impl Situation {
    fn new(since: Timestamp, text: &Arc<str>, begun: Origin) -> Situation {
        Situation { since, counted: VecDeque::new(), pause: None, wait: None, text: text.clone(), begun }
    }

    /// When time alone will next change it; none if nothing is left of it.
    #[must_use]
    pub fn wake(&self) -> Option<Timestamp> {
        let counted = self.counted.front().map(|noted| noted.until);
        let wait = self.wait.as_ref().map(|wait| wait.until);
        counted.into_iter().chain(self.pause.map(|(_, until)| until)).chain(wait).min()
    }

    /// False for a record that stands before the beginning in the same file: it has been read again.
    #[must_use]
    pub fn is_behind(&self, origin: &Origin) -> bool {
        origin.is_behind(self.wait.as_ref().map_or(&self.begun, |wait| &wait.first.origin))
    }

    fn expire(&mut self, now: Timestamp) {
        self.counted.retain(|noted| noted.until > now);
        self.pause = self.pause.filter(|(_, until)| *until > now);
    }

    fn records(&self) -> usize {
        self.counted.len() + self.wait.as_ref().map_or(0, |wait| wait.noted.len())
    }

    fn clear(&mut self) {
        (self.pause, self.wait) = (None, None);
        self.counted.clear();
    }

    fn note(&mut self, note: &Note, asks: Option<&Correlation>) {
        match note.part {
            Part::Counted => self.count(Noted::of(note, asks), asks),
            Part::Awaited | Part::Begun => self.wait = Some(Box::new(Wait::new(note, asks))),
            Part::Joined | Part::Stepped => {
                if let Some(wait) = &mut self.wait {
                    wait.joined(note, asks);
                }
            }
            Part::Again => {}
            Part::Followed | Part::Over => self.wait = None,
            Part::Reset => self.clear(),
        }
    }

    fn count(&mut self, noted: Noted, asks: Option<&Correlation>) {
        // What is over takes the place of none that counts: a clock that was set back while no agent was there puts
        // older ones behind.
        self.counted.retain(|known| known.until > noted.at);
        self.counted.push_back(noted);
        shorten(&mut self.counted, asks.map_or(SITUATION_RECORDS_MAX, Correlation::counts));
    }
}

impl Situations {
    /// What is known of this rule and key.
    #[must_use]
    pub fn get(&self, rule: &Arc<str>, key: &Key) -> Option<&Situation> {
        self.open.get(&(rule.clone(), key.clone()))
    }

    /// The agent begins: what rules wait for may stand in what is not yet read.
    pub fn begin(&mut self, now: Timestamp) {
        let waits = self.open.iter().filter(|(_, known)| known.wait.is_some());
        let names: Vec<Name> = waits.map(|(name, _)| name.clone()).collect();
        for name in names {
            self.change(&name, |known| {
                if let Some(wait) = &mut known.wait {
                    let span = wait.until.since(wait.from).min(WAIT_AFTER_START);
                    wait.until = wait.until.max(now.after(span));
                }
            });
        }
    }

    /// An entry of the journal takes effect: now, or again after a restart.
    pub fn apply(&mut self, policy: &Policy, entry: &Entry) {
        let asks = |rule: &str| policy.rule(rule)?.correlation.as_ref();
        match entry {
            Entry::Noted(note) => {
                let name = (note.rule.clone(), note.key.clone());
                self.begun(&name, note.at, &note.text, &note.origin);
                self.change(&name, |known| known.note(note, asks(&note.rule)));
            }
            Entry::Decided(decision) => self.concluded(decision, asks(&decision.rule)),
            Entry::Forgotten { rule, key: Some(key), .. } => {
                self.change(&(rule.clone(), key.clone()), Situation::clear);
            }
            Entry::Forgotten { rule, key: None, .. } => {
                let names: Vec<Name> = self.open.keys().filter(|name| name.0 == *rule).cloned().collect();
                names.iter().for_each(|name| self.change(name, Situation::clear));
            }
            _ => {}
        }
    }

    fn concluded(&mut self, decision: &Decision, asks: Option<&Correlation>) {
        let Some(Concluded { key, text, pause, counts, .. }) = &decision.concluded else { return };
        let name = (decision.rule.clone(), key.clone());
        self.begun(&name, decision.at, text, &decision.origin);
        self.change(&name, |known| {
            known.wait = None;
            match counts {
                Some(until) => known.count(Noted::new((decision.at, *until), &decision.captures, asks), asks),
                None => known.counted.clear(),
            }
            if let Some(until) = pause {
                known.pause = Some((decision.at, *until));
            }
        });
    }

    /// A situation of which nothing is known is there for the change that follows.
    fn begun(&mut self, name: &Name, at: Timestamp, text: &Arc<str>, origin: &Origin) {
        let begun = || Situation::new(at, text, origin.clone());
        self.open.entry(name.clone()).or_insert_with(begun);
    }

    fn change(&mut self, name: &Name, how: impl FnOnce(&mut Situation)) {
        let Some(mut known) = self.open.remove(name) else { return };
        if let Some(wake) = known.wake() {
            self.wakes.remove(&(wake, name.clone()));
        }
        self.records -= known.records();
        how(&mut known);
        if let Some(wake) = known.wake() {
            self.wakes.insert((wake, name.clone()));
            self.records += known.records();
            self.open.insert(name.clone(), known);
        }
    }

    /// When time alone will next change something.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.wakes.first().map(|(at, _)| *at)
    }

    /// Time has passed: what is over is gone, but for waits, which somebody must decide about.
    pub fn expire(&mut self, now: Timestamp) {
        let due = self.wakes.iter().take_while(|(at, _)| *at <= now);
        let names: Vec<Name> = due.map(|(_, name)| name.clone()).collect();
        names.iter().for_each(|name| self.change(name, |known| known.expire(now)));
    }

    /// The one that must go because there are too many.
    #[must_use]
    pub fn too_many(&self) -> Option<Name> {
        let many = self.open.len() > SITUATIONS_MAX || self.records > SITUATIONS_RECORDS_MAX;
        let (_, name) = self.wakes.first().filter(|_| many)?;
        Some(name.clone())
    }

    /// The rules that know something, and are not in this policy with the same text.
    #[must_use]
    pub fn strangers(&self, policy: &Policy) -> BTreeSet<Arc<str>> {
        let stays =
            |rule: &str, text: &Arc<str>| policy.rule(rule).is_some_and(|rule| rule.enabled && rule.text == *text);
        let all = self.open.iter().filter(|((rule, _), known)| !stays(rule, &known.text));
        all.map(|((rule, _), _)| rule.clone()).collect()
    }

    /// How many are alive.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// True if none is alive.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// All of them, those that end first before all.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, &Situation)> {
        self.wakes.iter().filter_map(|(_, name)| self.open.get_key_value(name))
    }
}
