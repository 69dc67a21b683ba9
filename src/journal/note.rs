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

    /// True if a record has these values, all of them.
    #[must_use]
    pub fn fits(&self, captures: &Captures) -> bool {
        self.0.iter().all(|(name, value)| captures.get(name) == Some(value))
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
    /// It begins a wait, and is itself none of what the rule asks for.
    Begun,
    /// One of those that are collected, or one of a list.
    Joined,
    /// The next one of a sequence.
    Stepped,
    /// Time was over, and nothing is to be done about it.
    Over,
    /// Everything known of its key is forgotten.
    Reset,
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
            Part::Begun => "begun",
            Part::Joined => "joined",
            Part::Stepped => "stepped",
            Part::Over => "over",
            Part::Reset => "reset",
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
    /// How many records its wait has with it, where they are counted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub number: u64,
}

// serde gives a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Note {
    /// What names it, with its position.
    #[must_use]
    pub fn label(&self) -> Arc<str> {
        self.part.label(&self.rule)
    }
}

impl Part {
    /// What names a note of this part, with its position. A record can be several things to one rule (what it
    /// waits for, and what it waits after), and rules have no names with blanks.
    #[must_use]
    pub fn label(self, rule: &Arc<str>) -> Arc<str> {
        match self {
            Part::Counted | Part::Awaited | Part::Again | Part::Joined | Part::Over => rule.clone(),
            Part::Followed | Part::Stepped => format!("{rule} followed").into(),
            Part::Begun => format!("{rule} begun").into(),
            Part::Reset => format!("{rule} reset").into(),
        }
    }
}

/// What a decision does to the situation that it comes from: everything noted of it is used up, unless it
/// counts on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concluded {
    /// The situation, among those of the rule.
    pub key: Key,
    /// Hash of the rule's text.
    pub text: Arc<str>,
    /// The rule is held until then; none if this decision begins no pause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Timestamp>,
    /// Counting goes on: this record counts until then, and those before it as they did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Timestamp>,
    /// Hash of the text of the record at the decision's place, where the captures are those of an earlier one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Arc<str>>,
}
