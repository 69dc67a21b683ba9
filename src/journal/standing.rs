//! What stands until it is changed: rules that somebody has disabled, and situations that rules have set.
//! It is the fold of its entries, and the part that the store keeps at hand for the next start.
//!
//! Layer: core

use super::{By, Entry, Key};
use crate::rule::{Captures, Rule};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// What can be disabled by command.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum Subject {
    /// One rule.
    Rule(Arc<str>),
    /// All rules of a group.
    Group(Arc<str>),
}

impl From<String> for Subject {
    /// Reads `NAME` or `group:NAME`, as people type it.
    fn from(text: String) -> Subject {
        match text.strip_prefix("group:") {
            Some(group) => Subject::Group(group.into()),
            None => Subject::Rule(text.into()),
        }
    }
}

impl From<Subject> for String {
    fn from(subject: Subject) -> String {
        subject.to_string()
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Rule(name) => f.write_str(name),
            Subject::Group(name) => write!(f, "group:{name}"),
        }
    }
}

/// Since when something stands, and how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Engine time.
    pub at: Timestamp,
    /// Until then; none means until it is changed.
    pub until: Option<Timestamp>,
    /// The user who disabled, or the rule that set it.
    pub by: By,
}

/// Everything that stands.
#[derive(Clone, Debug, Default)]
pub struct StandingOrders {
    disabled: BTreeMap<Subject, Standing>,
    set: BTreeMap<(Arc<str>, Key), Standing>,
    /// Nothing ends by time alone before then; none if nothing does at all.
    due: Option<Timestamp>,
}

impl StandingOrders {
    /// An entry takes effect: now, or again after a restart.
    pub fn apply(&mut self, entry: &Entry) {
        if let Entry::Disabled { until: Some(until), .. } | Entry::Set { until: Some(until), .. } = entry {
            self.due = Some(self.due.map_or(*until, |due| due.min(*until)));
        }
        match entry {
            Entry::Disabled { subject, at, until, by } => {
                self.disabled.insert(subject.clone(), Standing { at: *at, until: *until, by: by.clone() });
            }
            Entry::Enabled { subject, .. } => {
                self.disabled.remove(subject);
            }
            Entry::Set { name, key, at, until, by } => {
                self.set.insert((name.clone(), key.clone()), Standing { at: *at, until: *until, by: by.clone() });
            }
            Entry::Unset { name, key, .. } => {
                self.set.remove(&(name.clone(), key.clone()));
            }
            _ => {}
        }
    }

    /// Why this rule is disabled, as a clause, if it is.
    #[must_use]
    pub fn disabled(&self, rule: &Rule) -> Option<String> {
        let itself = self.disabled.get(&Subject::Rule(rule.name.clone()));
        let group = || self.disabled.get(&Subject::Group(rule.group.clone()?));
        let standing = itself.or_else(group)?;
        let until = standing.until.map(|until| format!(" until {until}")).unwrap_or_default();
        Some(format!("disabled{until} by {}", standing.by))
    }

    /// Why this rule is held by a situation that is set or is not set for the record, as a clause.
    #[must_use]
    pub fn held(&self, rule: &Rule, captures: &Captures) -> Option<String> {
        let is_set = |name: &str| self.set_for(name, captures).next();
        if let Some((name, key, _)) = rule.if_not_set.iter().find_map(|name| is_set(name)) {
            return Some(format!("{name} is set{}", key.clause()));
        }
        let missing = rule.if_set.iter().find(|name| is_set(name).is_none())?;
        Some(format!("{missing} is not set"))
    }

    /// The situations of that name that are set for a record: those whose key it has.
    pub fn set_for<'s>(
        &'s self,
        name: &str,
        captures: &'s Captures,
    ) -> impl Iterator<Item = (&'s Arc<str>, &'s Key, &'s Standing)> {
        let name: Arc<str> = name.into();
        let named = self.set.range((name.clone(), Key::default())..).take_while(move |((other, _), _)| *other == name);
        named.filter(|((_, key), _)| key.fits(captures)).map(|((name, key), standing)| (name, key, standing))
    }

    /// What is disabled, by name.
    pub fn all_disabled(&self) -> impl Iterator<Item = (&Subject, &Standing)> {
        self.disabled.iter()
    }

    /// What is set, by name and key.
    pub fn all_set(&self) -> impl Iterator<Item = (&Arc<str>, &Key, &Standing)> {
        self.set.iter().map(|((name, key), standing)| (name, key, standing))
    }

    /// How many situations are set.
    #[must_use]
    pub fn count_set(&self) -> usize {
        self.set.len()
    }

    /// True if this situation is set.
    #[must_use]
    pub fn is_set(&self, name: &Arc<str>, key: &Key) -> bool {
        self.set.contains_key(&(name.clone(), key.clone()))
    }

    /// When to look again for what time alone has ended.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due
    }

    /// Time has passed: what is over stands no more. Returns what had been disabled.
    pub fn expire(&mut self, now: Timestamp) -> Vec<Subject> {
        if self.due.is_none_or(|due| due > now) {
            return Vec::new();
        }
        let over = |standing: &Standing| standing.until.is_some_and(|until| until <= now);
        self.set.retain(|_, standing| !over(standing));
        let enabled: Vec<Subject> =
            self.disabled.iter().filter(|(_, standing)| over(standing)).map(|(subject, _)| subject.clone()).collect();
        self.disabled.retain(|_, standing| !over(standing));
        self.due = self.disabled.values().chain(self.set.values()).filter_map(|standing| standing.until).min();
        enabled
    }
}
