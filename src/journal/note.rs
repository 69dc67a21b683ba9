//! What a rule has noted of its situations, between decisions: the part that must outlive the process,
//! since what has been read is not read again.
//!
//! Layer: core

use super::Origin;
use crate::rule::Captures;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Values that records have in common: of the captures and fields that a rule names in `by`. What is
/// absent is absent here too.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(BTreeMap<String, String>);

impl Key {
    /// The key of a match.
    #[must_use]
    pub fn of(by: &[Arc<str>], captures: &Captures) -> Key {
        Key(by.iter().filter_map(|name| Some((name.to_string(), captures.get(name)?.to_owned()))).collect())
    }

    /// ` for system=SYS1 job=PAYROLL`; nothing where there is one key for all.
    #[must_use]
    pub fn clause(&self) -> String {
        if self.0.is_empty() { String::new() } else { format!(" for {self}") }
    }
}

impl fmt::Display for Key {
    /// `job=PAYROLL system=SYS1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.0.iter().enumerate() {
            write!(f, "{}{name}={value}", if i == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

/// What a noted record is to its situation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// One of those that are counted.
    Counted,
    /// It begins a wait for what should follow it.
    Awaited,
    /// It came while the rule waited already.
    Again,
    /// It followed: the wait is over.
    Followed,
}

impl Part {
    /// The word in JSON and tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Part::Counted => "counted",
            Part::Awaited => "awaited",
            Part::Again => "again",
            Part::Followed => "followed",
        }
    }
}

/// A record that belongs to a situation and decides nothing by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The rule.
    pub rule: Arc<str>,
    /// Hash of its text: a rule that has been changed knows nothing of it.
    pub text: Arc<str>,
    /// The situation, among those of the rule.
    pub key: Key,
    /// What it is to the situation.
    pub part: Part,
    /// Engine time.
    pub at: Timestamp,
    /// It counts until then.
    pub until: Timestamp,
    /// The record's position. With the rule it names the note.
    pub origin: Origin,
    /// The captures of the match, fields of the record included.
    pub captures: Captures,
}

impl Note {
    /// What names it, with its position. A record can be both what a rule waits for and what it waits after,
    /// and rules have no names with blanks.
    #[must_use]
    pub fn label(&self) -> Arc<str> {
        if self.part == Part::Followed { Note::following(&self.rule) } else { self.rule.clone() }
    }

    /// The label of a note of what a rule waits for.
    #[must_use]
    pub fn following(rule: &str) -> Arc<str> {
        format!("{rule} followed").into()
    }
}

/// What a decision does to the situation that it comes from: everything noted of it is used up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concluded {
    /// The situation, among those of the rule.
    pub key: Key,
    /// Hash of the rule's text.
    pub text: Arc<str>,
    /// The rule is held until then; none if this decision begins no pause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Timestamp>,
}
