//! All rules and jobs together, compiled: the only thing that runs.
//!
//! Layer: core

mod catalogue;
mod check;
mod difference;
mod load;
mod matcher;
mod reach;
mod review;

pub use catalogue::Catalogue;
pub use difference::{Changes, Difference};
pub use matcher::{Hit, Matcher, Target};

use crate::job::Job;
use crate::rule::Rule;
use rustc_hash::FxHashMap;
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
    by_name: FxHashMap<Arc<str>, usize>,
}

impl Policy {
    /// A policy of these rules, whose names are unique, and jobs.
    #[must_use]
    pub fn new(rules: Vec<Rule>, jobs: BTreeMap<Arc<str>, Job>, hash: String) -> Policy {
        let by_name = rules.iter().enumerate().map(|(i, rule)| (rule.name.clone(), i)).collect();
        Policy { rules, jobs, hash, by_name }
    }

    /// The rule of that name.
    #[must_use]
    pub fn rule(&self, name: &str) -> Option<&Rule> {
        self.position(name).map(|i| &self.rules[i])
    }

    /// Where the rule of that name stands among all rules.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }
}
