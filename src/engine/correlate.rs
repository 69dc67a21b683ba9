//! What a record comes to in the situations of a rule: it is noted, or it decides, or it is nothing to them;
//! and what becomes of a wait whose time is over.
//!
//! Layer: core

use super::situation::{Noted, Situation, Situations, Wait};
use super::values::{Told, values};
use super::{Basis, List, Matched, seconds};
use crate::journal::{Concluded, Key, Note, Part};
use crate::policy::Policy;
use crate::rule::{Captures, Collect, Correlation, Count, Following, Form, Further, Level, Rule, Set};
use crate::span::fingerprint;
use crate::time::Timestamp;
use std::collections::BTreeSet;

/// What becomes of a record.
#[derive(Clone, Debug)]
pub enum Step {
    /// It is nothing to the situation.
    Pass,
    /// It is noted, and decides nothing yet.
    Note(Note),
    /// It is decided.
    Decide(Box<Basis>),
}

/// What becomes of a wait that is over.
#[derive(Clone, Debug)]
pub enum Late {
    /// It is decided, about the record that began it.
    Decide(Note, Box<Basis>),
    /// Nothing is to be done.
    Note(Note),
}

/// One look at a situation: of which rule, which key, when.
struct Look<'a> {
    rule: &'a Rule,
    asks: &'a Correlation,
    key: Key,
    known: Option<&'a Situation>,
    now: Timestamp,
}

impl Situations {
    fn look<'a>(&'a self, rule: &'a Rule, asks: &'a Correlation, captures: &Captures, now: Timestamp) -> Look<'a> {
        let key = Key::of(&asks.by, captures);
        let known = self.get(&rule.name, &key);
        Look { rule, asks, key, known, now }
    }

    /// What a match of a rule that asks for more than one record comes to.
    #[must_use]
    pub fn matched(&self, rule: &Rule, asks: &Correlation, matched: &Matched, now: Timestamp) -> Step {
        let look = self.look(rule, asks, &matched.captures, now);
        match &asks.form {
            None => Step::Decide(Box::new(look.plain(&matched.captures))),
            Some(Form::Count(count)) => look.count(*count, matched),
            Some(Form::Levels(levels)) => look.levels(levels, matched),
            Some(Form::All(set)) => look.member(set, matched),
            Some(Form::FollowedBy(steps)) => look.begin(steps.first(), matched),
            Some(Form::UnlessFollowedBy(following)) => look.begin(Some(following), matched),
            Some(Form::Collect(collect)) => look.collect(*collect, matched),
        }
    }

    /// What a record that meets a further condition of a rule comes to.
    #[must_use]
    pub fn further(
        &self,
        (rule, asks): (&Rule, &Correlation),
        further: Further,
        matched: &Matched,
        now: Timestamp,
    ) -> Step {
        let look = self.look(rule, asks, &matched.captures, now);
        if let (Further::From, Some(Form::All(set))) = (further, &asks.form) {
            return Step::Note(look.note(Part::Begun, matched, now.after(set.within), 1));
        }
        let Some(known) = look.known.filter(|known| known.is_behind(&matched.origin)) else { return Step::Pass };
        match (further, &known.wait, &asks.form) {
            (Further::Reset(_), ..) => Step::Note(look.note(Part::Reset, matched, now, 0)),
            (Further::Following, Some(_), _) => Step::Note(look.note(Part::Followed, matched, now, 0)),
            (Further::Step(step), Some(wait), Some(Form::FollowedBy(steps))) => {
                look.step(usize::from(step), wait, steps, matched)
            }
            (Further::Or, Some(wait), Some(Form::All(set))) => look.instead(set, wait, matched),
            _ => Step::Pass,
        }
    }

    /// A wait that is over by now.
    #[must_use]
    pub fn overdue(&self, policy: &Policy, now: Timestamp) -> Option<Late> {
        let due = self.wakes.iter().take_while(|(at, _)| *at <= now);
        let late = due.filter_map(|(_, name)| {
            let known = self.open.get(name)?;
            let wait = known.wait.as_ref().filter(|wait| wait.until <= now)?;
            let over = Note { part: Part::Over, at: now, until: now, number: 0, ..wait.first.clone() };
            // A rule that is gone, or asks for something else, waits for nothing.
            let Some(rule) = policy.rule(&name.0) else { return Some(Late::Note(over)) };
            let Some(asks) = &rule.correlation else { return Some(Late::Note(over)) };
            let look = Look { rule, asks, key: name.1.clone(), known: Some(known), now };
            let basis = look.late(wait);
            Some(basis.map_or(Late::Note(over), |basis| Late::Decide(wait.first.clone(), Box::new(basis))))
        });
        late.into_iter().next()
    }
}

impl Look<'_> {
    fn wait(&self) -> Option<&Wait> {
        self.known?.wait.as_deref()
    }

    fn note(&self, part: Part, matched: &Matched, until: Timestamp, number: u64) -> Note {
        Note {
            rule: self.rule.name.clone(),
            text: self.rule.text.clone(),
            key: self.key.clone(),
            part,
            at: self.now,
            until,
            origin: matched.origin.clone(),
            captures: matched.captures.clone(),
            number,
        }
    }

    /// What a decision is based on; `captures` are those that it has without the values of the situation.
    fn basis(&self, why: Option<String>, captures: &Captures, told: &Told<'_>) -> Basis {
        let pause = self.known.and_then(|known| known.pause).filter(|(_, until)| *until > self.now);
        let held = pause.zip(self.asks.once_per).map(|((fired, _), span)| {
            let ago = seconds(self.now.since(fired));
            format!("fired {ago} ago{}; once_per is {}", self.key.clause(), seconds(span))
        });
        let remembers = self.asks.once_per.is_some() || self.asks.form.is_some();
        let pause = self.asks.once_per.map(|span| self.now.after(span));
        let concluded =
            Concluded { key: self.key.clone(), text: self.rule.text.clone(), pause, counts: None, record: None };
        let mut captures = captures.clone();
        values(&self.asks.values, &self.key, told, self.now, &mut captures);
        Basis { why, held, concluded: remembers.then_some(concluded), captures: Some(captures), ..Basis::default() }
    }

    fn plain(&self, captures: &Captures) -> Basis {
        self.basis(None, captures, &Told::default())
    }

    /// This record as one of its situation.
    fn this(&self, matched: &Matched) -> Noted {
        Noted::new((self.now, self.now), &matched.captures, Some(self.asks))
    }

    fn count(&self, count: Count, matched: &Matched) -> Step {
        // What is over is mostly gone; after a clock was set back while no agent was there, not the first goes first.
        let counted = self.known.iter().flat_map(|known| &known.counted).filter(|noted| noted.until > self.now);
        let this = self.this(matched);
        let records: Vec<&Noted> = counted.chain([&this]).collect();
        if records.len() < count.at_least {
            return Step::Note(self.note(Part::Counted, matched, self.now.after(count.within), 0));
        }
        Step::Decide(Box::new(self.counted(None, &records, &matched.captures)))
    }

    /// So many matches have come.
    fn counted(&self, level: Option<&Level>, records: &[&Noted], captures: &Captures) -> Basis {
        let span = records.first().map_or_else(Default::default, |first| self.now.since(first.at));
        let level_is = level.map_or_else(String::new, |level| format!("level {}: ", level.name));
        let why = format!("{level_is}match {} in {}{}", records.len(), seconds(span), self.key.clause());
        let level = level.map(|level| &*level.name);
        let told = Told { records: records.to_vec(), count: records.len() as u64, level, missing: None };
        self.basis(Some(why), captures, &told)
    }

    /// Fires where the most severe level that is reached was not reached before this match.
    fn levels(&self, levels: &[Level], matched: &Matched) -> Step {
        let longest = levels.iter().map(|level| level.count.within).max().unwrap_or_default();
        let counts = self.now.after(longest);
        let this = self.this(matched);
        let before = |level: &Level| -> Vec<&Noted> {
            let counted = self.known.iter().flat_map(|known| &known.counted);
            counted.filter(|noted| noted.at.after(level.count.within) > self.now).collect()
        };
        let reached = levels.iter().enumerate().find(|(_, level)| before(level).len() + 1 >= level.count.at_least);
        let rising = reached.filter(|(_, level)| before(level).len() < level.count.at_least);
        let Some((number, level)) = rising else {
            return Step::Note(self.note(Part::Counted, matched, counts, 0));
        };
        let mut records = before(level);
        records.push(&this);
        let mut basis = self.counted(Some(level), &records, &matched.captures);
        basis.list = List::Level(number);
        if let Some(concluded) = &mut basis.concluded {
            concluded.counts = Some(counts);
        }
        Step::Decide(Box::new(basis))
    }

    /// A match after which something is to follow, or not.
    fn begin(&self, following: Option<&Following>, matched: &Matched) -> Step {
        let Some(following) = following else { return Step::Pass };
        let part = if self.wait().is_some() { Part::Again } else { Part::Awaited };
        Step::Note(self.note(part, matched, self.now.after(following.within), 0))
    }

    /// The next record of a sequence, or one of it out of turn.
    fn step(&self, step: usize, wait: &Wait, steps: &[Following], matched: &Matched) -> Step {
        if wait.records != step as u64 + 1 || !wait.is_next(&matched.origin) {
            return Step::Pass;
        }
        if let Some(next) = steps.get(step + 1) {
            let until = self.now.after(next.within);
            return Step::Note(self.note(Part::Stepped, matched, until, wait.records + 1));
        }
        let last = steps.get(step).map_or_else(String::new, |step| step.condition.wanted());
        let span = seconds(self.now.since(wait.first.at));
        let why = format!("{last} followed after {span}{}", self.key.clause());
        Step::Decide(Box::new(self.complete(why, wait, matched, None)))
    }

    /// This record completes what was waited for.
    fn complete(&self, why: String, wait: &Wait, matched: &Matched, missing: Option<String>) -> Basis {
        let this = self.this(matched);
        let records = wait.noted.iter().chain([&this]).collect();
        let mut captures = wait.first.captures.clone();
        captures.add(&matched.captures);
        let told = Told { records, count: wait.records + 1, level: None, missing };
        let mut basis = self.basis(Some(why), &captures, &told);
        if let Some(concluded) = &mut basis.concluded {
            concluded.record = matched.captures.get("text").map(fingerprint);
        }
        basis
    }

    /// One of a list, if it is on the list.
    fn member(&self, set: &Set, matched: &Matched) -> Step {
        let value = matched.captures.get(&set.of).filter(|value| set.are.iter().any(|one| **one == **value));
        let Some(value) = value else { return Step::Pass };
        let Some(wait) = self.wait() else {
            return match set.from {
                Some(_) => Step::Pass,
                None => Step::Note(self.note(Part::Awaited, matched, self.now.after(set.within), 1)),
            };
        };
        if self.known.is_none_or(|known| !known.is_behind(&matched.origin)) {
            return Step::Pass;
        }
        let missing = missing(set, wait);
        if !missing.contains(&value) {
            return Step::Note(self.note(Part::Again, matched, wait.until, 0));
        }
        if missing.len() > 1 {
            return Step::Note(self.note(Part::Joined, matched, wait.until, wait.records + 1));
        }
        let span = seconds(self.now.since(wait.first.at));
        let why = format!("all of {} came in {span}{}", set.are.join(", "), self.key.clause());
        Step::Decide(Box::new(self.complete(why, wait, matched, Some(String::new()))))
    }

    /// What stands for all that is missing of a list.
    fn instead(&self, set: &Set, wait: &Wait, matched: &Matched) -> Step {
        let or = set.or.as_ref().map_or_else(String::new, crate::rule::Condition::wanted);
        let missing = missing(set, wait).join(", ");
        let why = format!("{or} came, which stands for {missing}{}", self.key.clause());
        Step::Decide(Box::new(self.complete(why, wait, matched, Some(missing))))
    }

    fn collect(&self, collect: Collect, matched: &Matched) -> Step {
        let quiet = collect.quiet.map(|quiet| self.now.after(quiet));
        let ends = |first: Timestamp| quiet.into_iter().chain([first.after(collect.span)]).min().unwrap_or(first);
        match self.wait() {
            None => Step::Note(self.note(Part::Awaited, matched, ends(self.now), 1)),
            Some(wait) => Step::Note(self.note(Part::Joined, matched, ends(wait.first.at), wait.records + 1)),
        }
    }

    /// Time is over; none if there is nothing to be done about it.
    fn late(&self, wait: &Wait) -> Option<Basis> {
        let clause = self.key.clause();
        let waited = seconds(self.now.since(wait.first.at));
        let (why, list, missing) = match self.asks.form.as_ref()? {
            Form::UnlessFollowedBy(following) => {
                let missing = following.condition.wanted();
                let why = format!("no {missing} followed within {}{clause}", seconds(following.within));
                (why, List::Then, Some(missing))
            }
            Form::FollowedBy(steps) => {
                let done = usize::try_from(wait.records).unwrap_or(usize::MAX).saturating_sub(1);
                let late = steps.get(done)?;
                let ids: Vec<String> = steps[done..].iter().map(|step| step.condition.wanted()).collect();
                let why = format!("no {} followed within {}{clause}", ids[0], seconds(late.within));
                (why, List::Otherwise, Some(ids.join(", ")))
            }
            Form::All(set) => {
                let missing = missing(set, wait).join(", ");
                let why = format!("{missing} did not come within {}{clause}", seconds(set.within));
                (why, List::Otherwise, Some(missing))
            }
            Form::Collect(_) => {
                let records = if wait.records == 1 { "record" } else { "records" };
                (format!("{} {records} in {waited}{clause}", wait.records), List::Then, None)
            }
            Form::Count(_) | Form::Levels(_) => return None,
        };
        self.rule.has(list).then(|| {
            let told = Told { records: wait.noted.iter().collect(), count: wait.records, level: None, missing };
            Basis { list, ..self.basis(Some(why), &wait.first.captures, &told) }
        })
    }
}

/// The values of a list that have not come.
fn missing<'s>(set: &'s Set, wait: &Wait) -> Vec<&'s str> {
    let here: BTreeSet<&str> = wait.noted.iter().filter_map(|noted| noted.values.get(&set.of)).collect();
    set.are.iter().map(|value| &**value).filter(|value| !here.contains(value)).collect()
}
