//! What a rule asks for beyond one record: how many of them, what must not be missing, and how often it
//! may act; each per key.
//!
//! Layer: core

use super::{Condition, Test, pattern_names};
use std::sync::Arc;
use std::time::Duration;

/// What a rule asks for beyond its `when`.
#[derive(Clone, Debug, Default)]
pub struct Correlation {
    /// Names of captures and fields whose values, together, are the key: records of different keys have
    /// nothing to do with each other. Empty: one key for all.
    pub by: Vec<Arc<str>>,
    /// After it has fired it is held for this long.
    pub once_per: Option<Duration>,
    /// So many matches are wanted.
    pub count: Option<Count>,
    /// It fires only if no such record follows.
    pub unless_followed_by: Option<Following>,
}

/// A record that would be good to see.
#[derive(Clone, Debug)]
pub struct Following {
    /// What it looks like.
    pub condition: Condition,
    /// It comes less than this after the match.
    pub within: Duration,
}

impl Following {
    /// What to call it: its ids, if it asks for any.
    #[must_use]
    pub fn name(&self) -> String {
        let ids = self.condition.tests.iter().find_map(|test| if let Test::Id(ids) = test { Some(ids) } else { None });
        ids.map_or_else(|| "no such message".into(), |ids| format!("no {}", pattern_names(ids)))
    }
}

/// So many matches within a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// From 2.
    pub at_least: usize,
    /// The last one less than this after the first one.
    pub within: Duration,
}
