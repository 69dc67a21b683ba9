//! What a reload changes, by name.
//!
//! Layer: core

use super::Policy;
use crate::rule::Rule;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// What one policy has otherwise than the one before it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Of its rules.
    pub rules: Changes,
    /// Of its jobs.
    pub jobs: Changes,
}

/// Names, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// There were none of that name.
    pub added: Vec<String>,
    /// There are none of that name any more.
    pub removed: Vec<String>,
    /// They have another text, or their file says something else for all its rules.
    pub changed: Vec<String>,
}

impl Policy {
    /// What `next` has otherwise.
    #[must_use]
    pub fn difference(&self, next: &Policy) -> Difference {
        let rules = |policy: &Policy| policy.rules.iter().map(|rule| (rule.name.clone(), essence(rule))).collect();
        let jobs = |policy: &Policy| policy.jobs.iter().map(|(name, job)| (name.clone(), job.text.clone())).collect();
        Difference {
            rules: Changes::between(&rules(self), &rules(next)),
            jobs: Changes::between(&jobs(self), &jobs(next)),
        }
    }
}

/// A rule's text, and what its file says for all rules.
fn essence(rule: &Rule) -> Arc<str> {
    format!("{} {:?} {} {:?} {:?}", rule.text, rule.group, rule.enabled, rule.mode, rule.asks).into()
}

impl Changes {
    fn between(old: &BTreeMap<Arc<str>, Arc<str>>, new: &BTreeMap<Arc<str>, Arc<str>>) -> Changes {
        let names = |from: &BTreeMap<Arc<str>, Arc<str>>, keep: &dyn Fn(&str, &Arc<str>) -> bool| {
            from.iter().filter(|(name, text)| keep(name, text)).map(|(name, _)| name.to_string()).collect()
        };
        Changes {
            added: names(new, &|name, _| !old.contains_key(name)),
            removed: names(old, &|name, _| !new.contains_key(name)),
            changed: names(new, &|name, text| old.get(name).is_some_and(|before| before != text)),
        }
    }

    fn is_none(&self) -> bool {
        *self == Changes::default()
    }
}

impl fmt::Display for Difference {
    /// `rules: added a, b; jobs: changed c`; `nothing has changed`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rules.is_none() && self.jobs.is_none() {
            return f.write_str("nothing has changed");
        }
        let mut parts = Vec::new();
        for (what, changes) in [("rules", &self.rules), ("jobs", &self.jobs)] {
            let lists = [("added", &changes.added), ("removed", &changes.removed), ("changed", &changes.changed)];
            let lists: Vec<String> = lists
                .iter()
                .filter(|(_, names)| !names.is_empty())
                .map(|(how, names)| format!("{how} {}", names.join(", ")))
                .collect();
            if !lists.is_empty() {
                parts.push(format!("{what}: {}", lists.join("; ")));
            }
        }
        f.write_str(&parts.join("; "))
    }
}
