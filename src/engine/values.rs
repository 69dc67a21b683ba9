//! The values of a situation, for templates: `${situation.count}`, `${each.app}`. Only those are given that
//! the rule uses: they stand in the decision, and its actions are planned from it.
//!
//! Layer: core

use super::seconds;
use super::situation::Noted;
use crate::journal::Key;
use crate::limits::SITUATION_VALUES_SHOWN;
use crate::rule::Captures;
use crate::time::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What is known of a situation at its decision.
#[derive(Debug, Default)]
pub(super) struct Told<'a> {
    /// Its records, oldest first.
    pub records: Vec<&'a Noted>,
    /// How many there were.
    pub count: u64,
    /// The level that is reached.
    pub level: Option<&'a str>,
    /// What did not come.
    pub missing: Option<String>,
}

/// Sets the values of these names.
pub(super) fn values(names: &[Arc<str>], key: &Key, told: &Told<'_>, now: Timestamp, captures: &mut Captures) {
    let since = told.records.first().map_or(now, |first| first.at);
    for name in names {
        let value = match &**name {
            "situation.count" => told.count.to_string(),
            "situation.level" => told.level.unwrap_or_default().to_owned(),
            "situation.missing" => told.missing.clone().unwrap_or_default(),
            "situation.seconds" => now.since(since).as_secs().to_string(),
            "situation.elapsed" => seconds(now.since(since)),
            "situation.since" => since.to_string(),
            "situation.key" => key.to_string(),
            crate::rule::MESSAGES => list(told.records.iter().filter_map(|noted| noted.values.get("text")), "\n"),
            name => match name.strip_prefix("each.") {
                Some(name) => list(distinct(&told.records, name), ", "),
                None => continue,
            },
        };
        captures.set(name, value.as_bytes());
    }
}

/// Each value once, in the order in which it first came.
fn distinct<'a>(records: &[&'a Noted], name: &str) -> impl Iterator<Item = &'a str> {
    let all: Vec<&'a str> = records.iter().filter_map(|noted| noted.values.get(name)).collect();
    let mut seen = BTreeSet::new();
    all.into_iter().filter(move |value| seen.insert(*value))
}

fn list<'a>(values: impl Iterator<Item = &'a str>, between: &str) -> String {
    let all: Vec<&str> = values.collect();
    let shown = all[..all.len().min(SITUATION_VALUES_SHOWN)].join(between);
    match all.len().saturating_sub(SITUATION_VALUES_SHOWN) {
        0 => shown,
        more => format!("{shown}{between}and {more} more"),
    }
}
