//! Situations: what each rule knows of each key between two decisions. All of it comes from entries of the
//! journal and goes into them, so that a restart changes nothing; all of it ends by engine time.
//!
//! A span is half-open: what was noted at 10:00:00 for a minute does not count at 10:01:00 any more.
//!
//! Layer: core

use super::{Basis, Matched, seconds};
use crate::journal::{Concluded, Decision, Entry, Key, Note, Part};
use crate::limits::{SITUATIONS_MAX, WAIT_AFTER_START};
use crate::policy::Policy;
use crate::rule::{Correlation, Rule};
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Names a situation: rule and key.
pub type Name = (Arc<str>, Key);

/// Everything that is alive.
#[derive(Clone, Debug, Default)]
pub struct Situations {
    open: BTreeMap<Name, Situation>,
    /// When each will change by time alone.
    wakes: BTreeSet<(Timestamp, Name)>,
}

/// What a rule knows of one key.
#[derive(Clone, Debug)]
pub struct Situation {
    /// When it began.
    pub since: Timestamp,
    /// When matches were counted, and until when each counts; oldest first.
    pub counted: VecDeque<(Timestamp, Timestamp)>,
    /// When the rule fired, and until when it is held.
    pub pause: Option<(Timestamp, Timestamp)>,
    /// The match after which something should follow.
    pub awaited: Option<Box<Note>>,
    text: Arc<str>,
}

/// What becomes of a match.
#[derive(Clone, Debug)]
pub enum Step {
    /// It is noted, and decides nothing yet.
    Note(Note),
    /// It is decided.
    Decide(Basis),
}

impl Situation {
    fn new(since: Timestamp, text: &Arc<str>) -> Situation {
        Situation { since, counted: VecDeque::new(), pause: None, awaited: None, text: text.clone() }
    }

    /// When time alone will next change it; none if nothing is left of it.
    #[must_use]
    pub fn wake(&self) -> Option<Timestamp> {
        let counted = self.counted.front().map(|(_, until)| *until);
        let awaited = self.awaited.as_ref().map(|note| note.until);
        counted.into_iter().chain(self.pause.map(|(_, until)| until)).chain(awaited).min()
    }

    fn expire(&mut self, now: Timestamp) {
        self.counted.retain(|(_, until)| *until > now);
        self.pause = self.pause.filter(|(_, until)| *until > now);
    }
}

impl Situations {
    /// What a match of a rule that asks for more than one record comes to.
    #[must_use]
    pub fn matched(&mut self, rule: &Rule, asks: &Correlation, matched: &Matched, now: Timestamp) -> Step {
        let key = Key::of(&asks.by, &matched.captures);
        let name = (rule.name.clone(), key.clone());
        let known = self.open.get(&name);
        let mut why = None;
        if let Some(count) = asks.count {
            let counted = known.map_or(0, |known| known.counted.len());
            if counted + 1 < count.at_least {
                return Step::Note(note(rule, key, Part::Counted, matched, (now, now.after(count.within))));
            }
            let first = known.and_then(|known| known.counted.front()).map_or(now, |(at, _)| *at);
            why = Some(format!("match {} in {}{}", counted + 1, seconds(now.since(first)), key.clause()));
        }
        if let Some(following) = &asks.unless_followed_by {
            let waits = known.is_some_and(|known| known.awaited.is_some());
            let part = if waits { Part::Again } else { Part::Awaited };
            return Step::Note(note(rule, key, part, matched, (now, now.after(following.within))));
        }
        Step::Decide(self.basis(rule, asks, key, why, now))
    }

    /// What a decision of this rule and key is based on.
    fn basis(&self, rule: &Rule, asks: &Correlation, key: Key, why: Option<String>, now: Timestamp) -> Basis {
        let known = self.open.get(&(rule.name.clone(), key.clone()));
        let pause = known.and_then(|known| known.pause).filter(|(_, until)| *until > now);
        let held = pause.zip(asks.once_per).map(|((fired, _), span)| {
            format!("fired {} ago{}; once_per is {}", seconds(now.since(fired)), key.clause(), seconds(span))
        });
        let pause = asks.once_per.map(|span| now.after(span));
        Basis { why, held, concluded: Some(Concluded { key, text: rule.text.clone(), pause }) }
    }

    /// What a record comes to that a rule may be waiting for; nothing if it does not wait for this one.
    #[must_use]
    pub fn followed(&self, rule: &Rule, asks: &Correlation, matched: &Matched, now: Timestamp) -> Option<Note> {
        let key = Key::of(&asks.by, &matched.captures);
        let awaited = self.open.get(&(rule.name.clone(), key.clone()))?.awaited.as_ref()?;
        let (here, there) = (&matched.origin, &awaited.origin);
        // What stands before it in the same file has been read again, and follows nothing.
        let behind = here.file != there.file || here.offset > there.offset;
        behind.then(|| note(rule, key, Part::Followed, matched, (now, now)))
    }

    /// A wait that is over by now: its match, and on what the decision is based.
    #[must_use]
    pub fn overdue(&self, policy: &Policy, now: Timestamp) -> Option<(Note, Basis)> {
        let due = self.wakes.iter().take_while(|(at, _)| *at <= now).filter_map(|(_, name)| self.open.get(name));
        let note = due.filter_map(|known| known.awaited.as_deref()).find(|note| note.until <= now)?;
        let rule = policy.rule(&note.rule)?;
        let asks = rule.correlation.as_ref()?;
        let following = asks.unless_followed_by.as_ref()?;
        let why = format!("{} followed within {}{}", following.name(), seconds(following.within), note.key.clause());
        Some((note.clone(), self.basis(rule, asks, note.key.clone(), Some(why), now)))
    }

    /// The agent begins: what rules wait for may stand in what is not yet read.
    pub fn begin(&mut self, now: Timestamp) {
        let waits: Vec<Note> = self.open.values().filter_map(|known| known.awaited.as_deref().cloned()).collect();
        for mut note in waits {
            let span = note.until.since(note.at).min(WAIT_AFTER_START);
            note.until = note.until.max(now.after(span));
            self.apply(&Entry::Noted(note));
        }
    }

    /// An entry of the journal takes effect: now, or again after a restart.
    pub fn apply(&mut self, entry: &Entry) {
        match entry {
            Entry::Noted(note) => self.change(&note.rule, &note.key, note.at, &note.text, |known| match note.part {
                Part::Counted => known.counted.push_back((note.at, note.until)),
                Part::Awaited => known.awaited = Some(Box::new(note.clone())),
                Part::Again => {}
                Part::Followed => known.awaited = None,
            }),
            Entry::Decided(decision) => self.concluded(decision),
            Entry::Forgotten { rule, key, .. } => {
                if let Some(key) = key {
                    return self.change(rule, key, Timestamp::default(), &"".into(), |known| {
                        (known.pause, known.awaited) = (None, None);
                        known.counted.clear();
                    });
                }
                let of = |name: &Name| name.0 == *rule;
                self.open.retain(|name, _| !of(name));
                self.wakes.retain(|(_, name)| !of(name));
            }
            _ => {}
        }
    }

    fn concluded(&mut self, decision: &Decision) {
        let Some(concluded) = &decision.concluded else { return };
        self.change(&decision.rule, &concluded.key, decision.at, &concluded.text, |known| {
            known.counted.clear();
            known.awaited = None;
            if let Some(until) = concluded.pause {
                known.pause = Some((decision.at, until));
            }
        });
    }

    fn change(&mut self, rule: &Arc<str>, key: &Key, at: Timestamp, text: &Arc<str>, how: impl FnOnce(&mut Situation)) {
        let name = (rule.clone(), key.clone());
        let mut known = self.open.remove(&name).unwrap_or_else(|| Situation::new(at, text));
        if let Some(wake) = known.wake() {
            self.wakes.remove(&(wake, name.clone()));
        }
        how(&mut known);
        if let Some(wake) = known.wake() {
            self.wakes.insert((wake, name.clone()));
            self.open.insert(name, known);
        }
    }

    /// When time alone will next change something.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.wakes.first().map(|(at, _)| *at)
    }

    /// Time has passed: what is over is gone.
    pub fn expire(&mut self, now: Timestamp) {
        while let Some((at, name)) = self.wakes.first().filter(|(at, _)| *at <= now).cloned() {
            self.wakes.remove(&(at, name.clone()));
            let Some(mut known) = self.open.remove(&name) else { continue };
            known.expire(now);
            if let Some(wake) = known.wake() {
                self.wakes.insert((wake, name.clone()));
                self.open.insert(name, known);
            }
        }
    }

    /// The one that must go because there are too many.
    #[must_use]
    pub fn too_many(&self) -> Option<Name> {
        let (_, name) = self.wakes.first().filter(|_| self.open.len() > SITUATIONS_MAX)?;
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

fn note(rule: &Rule, key: Key, part: Part, matched: &Matched, (at, until): (Timestamp, Timestamp)) -> Note {
    let (origin, captures) = (matched.origin.clone(), matched.captures.clone());
    Note { rule: rule.name.clone(), text: rule.text.clone(), key, part, at, until, origin, captures }
}
