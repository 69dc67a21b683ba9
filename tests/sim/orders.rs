//! What stands by somebody's order or a rule's, and what rules hand over to each other, added up from the entries
//! alone. Each decision must agree with it, and nothing that is handed over may stay undecided.

use crate::check::Account;
use crate::policy::NAMED;
use std::collections::BTreeMap;
use std::sync::Arc;
use wtor::journal::{Action, Decision, Entry, FileKey, Key, Subject, Verdict};
use wtor::time::Timestamp;

/// Until when something stands; none means until it is changed.
type Until = Option<Timestamp>;

/// See the module text.
#[derive(Clone, Debug, Default)]
pub struct Orders {
    disabled: BTreeMap<Subject, Until>,
    set: BTreeMap<(Arc<str>, Key), Until>,
}

/// Whether something stands at a time; none at the very moment of its end, when it may or may not.
fn stands(until: Until, at: Timestamp) -> Option<bool> {
    match until {
        Some(until) if until == at => None,
        until => Some(until.is_none_or(|until| until > at)),
    }
}

impl Orders {
    pub fn apply(&mut self, entry: &Entry) {
        match entry {
            Entry::Disabled { subject, until, .. } => drop(self.disabled.insert(subject.clone(), *until)),
            Entry::Enabled { subject, .. } => drop(self.disabled.remove(subject)),
            Entry::Set { name, key, until, .. } => drop(self.set.insert((name.clone(), key.clone()), *until)),
            Entry::Unset { name, key, .. } => drop(self.set.remove(&(name.clone(), key.clone()))),
            _ => {}
        }
    }

    fn is_disabled(&self, rule: &Arc<str>, at: Timestamp) -> Option<bool> {
        self.disabled.get(&Subject::Rule(rule.clone())).map_or(Some(false), |until| stands(*until, at))
    }

    /// Whether a situation of that name is set for the record of a decision.
    fn is_set(&self, name: &str, decision: &Decision) -> Option<bool> {
        let fits = |key: &Key| key.fits(&decision.captures);
        let of_record = self.set.iter().filter(|((other, key), _)| **other == *name && fits(key));
        let all: Vec<Option<bool>> = of_record.map(|(_, until)| stands(*until, decision.at)).collect();
        if all.contains(&Some(true)) { Some(true) } else { all.iter().all(Option::is_some).then_some(false) }
    }

    /// A decision that is about to be written does what stands allows, and nothing else.
    pub fn check(&self, decision: &Decision) -> Result<(), String> {
        let Decision { rule, verdict, at, .. } = decision;
        // Such a record is nothing to any rule, nor is any record to a rule that is gone.
        if matches!(verdict, Verdict::TooOld | Verdict::Impossible) {
            return Ok(());
        }
        let says = |what: &str| Err(format!("at {at} rule {rule} decides {verdict:?}, and {what}"));
        let is_disabled = *verdict == Verdict::Disabled;
        if self.is_disabled(rule, *at).is_some_and(|stands| stands != is_disabled) {
            return says(if is_disabled { "is not disabled" } else { "is disabled" });
        }
        let asks = NAMED.iter().find(|(name, _)| **name == **rule).filter(|_| !is_disabled);
        match asks.and_then(|(_, when_set)| Some(self.is_set("quiet", decision)? == *when_set)) {
            Some(true) if *verdict == Verdict::Held => says("nothing holds it"),
            Some(false) if *verdict == Verdict::Fired => says("quiet is set or not set, as it does not want it"),
            _ => Ok(()),
        }
    }
}

/// What is decided in a batch is done in it: situations begin, and rules that are handed a record at once decide.
/// `told` is the account with the batch.
pub fn batch_is_whole(entries: &[Entry], told: &Account) -> Result<(), String> {
    for (number, entry) in entries.iter().enumerate() {
        let Entry::Decided(decision) = entry else { continue };
        if decision.origin.file.is_handed_over() {
            was_handed(decision, told)?;
        }
        if decision.verdict != Verdict::Fired {
            continue;
        }
        for action in decision.actions.iter().filter(|action| action.run().is_none()) {
            let done = match action {
                Action::HandOver { rule, .. } => told.has_decided(decision.origin.file.occasion(), decision, rule),
                Action::Set { name, key, .. } => entries[number..]
                    .iter()
                    .any(|entry| matches!(entry, Entry::Set { name: n, key: k, .. } if n == name && k == key)),
                _ => true,
            };
            if !done {
                return Err(format!("rule {} is to do this at once, and it is not done: {action:?}", decision.rule));
            }
        }
    }
    Ok(())
}

/// The rule that hands a record over has decided so, about the same record with the same captures; and if it did
/// not do so at once, this is one of those that waited.
fn was_handed(decision: &Decision, told: &Account) -> Result<(), String> {
    let Decision { rule, origin, .. } = decision;
    let (name, file) = origin.file.0.strip_prefix("by ").and_then(|key| key.split_once(": ")).unwrap_or_default();
    let (by, later) = name.split_once('.').map_or((name, None), |(by, later)| (by, Some(later)));
    let first = told.fired.get(&(FileKey(file.into()), origin.offset, by.into()));
    let first = first.ok_or_else(|| format!("rule {rule} is handed {origin:?} by {by}, which did not fire"))?;
    if first.captures != decision.captures {
        return Err(format!("rule {rule} is handed other captures than {by} had"));
    }
    let to_it = |action: &&Action| matches!(action, Action::HandOver { rule: to, .. } if to == rule);
    let mut over = first.actions.iter().filter(to_it);
    let run = match later {
        None => return if over.any(|action| action.run().is_none()) { Ok(()) } else { Err("at once?".into()) },
        Some(later) => over.nth(later.parse::<usize>().unwrap_or(0).wrapping_sub(1)).map(Action::run),
    };
    let run = run.ok_or_else(|| format!("rule {rule} is handed {origin:?}, which {by} does not do"))?;
    match told.has_closed(run) {
        true => Ok(()),
        false => Err(format!("rule {rule} is handed a record by run {run}, which is not over")),
    }
}

/// What was to be handed over later, and is over and good, has been decided.
pub fn all_handed(durable: &Account) -> Result<(), String> {
    for decision in durable.fired.values() {
        let mut times: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
        for action in &decision.actions {
            let Action::HandOver { rule, run, .. } = action else { continue };
            let time = times.entry(rule).or_default();
            *time += 1;
            let file = FileKey(format!("by {}.{time}: {}", decision.rule, decision.origin.file.0).into());
            if !run.is_none() && durable.has_closed(*run) && !durable.has_decided(file, decision, rule) {
                return Err(format!("run {run} has handed a record to rule {rule}, which has not decided"));
            }
        }
    }
    Ok(())
}
