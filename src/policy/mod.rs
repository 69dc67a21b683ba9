//! All rules and jobs together, compiled: the only thing that runs.
//!
//! Layer: core

mod check;
mod load;
mod matcher;

pub use matcher::{Hit, Matcher};

use crate::job::Job;
use crate::rule::Rule;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Rules in the order of their files and places, and jobs by name.
#[derive(Debug, Default)]
pub struct Policy {
    /// In file order.
    pub rules: Vec<Rule>,
    /// By name.
    pub jobs: BTreeMap<Arc<str>, Job>,
    /// Names this very policy: the same files give the same hash.
    pub hash: String,
}

impl Policy {
    /// The rule of that name.
    #[must_use]
    pub fn rule(&self, name: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| &*rule.name == name)
    }
}
