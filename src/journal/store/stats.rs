//! What the journal says of each rule in numbers.
//!
//! Layer: shell

use super::Error;
use super::read::Reader;
use crate::time::Timestamp;
use rusqlite::params;
use serde::Serialize;
use std::collections::BTreeMap;

/// One rule in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RuleStats {
    /// Decisions.
    pub hits: u64,
    /// When the first was decided.
    pub first: Timestamp,
    /// When the last was decided.
    pub last: Timestamp,
    /// Decisions by what became of them (see [`crate::journal::Verdict::name`]).
    pub verdicts: BTreeMap<String, u64>,
    /// Runs that came out well.
    pub good: u64,
    /// Runs that did not.
    pub failed: u64,
    /// Runs that are not over.
    pub open: u64,
    /// Runs that did not take place.
    pub skipped: u64,
    /// How long the steps of its runs took on average, in milliseconds, over all attempts of a run.
    pub millis_mean: u64,
    /// And how long those of the longest run.
    pub millis_max: u64,
}

impl Reader {
    /// Each rule that has decided anything from this time on, by name.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn stats(&self, since: Option<Timestamp>) -> Result<BTreeMap<String, RuleStats>, Error> {
        let since = since.map_or(i64::MIN, |since| since.0);
        let mut rules: BTreeMap<String, RuleStats> = BTreeMap::new();
        let decided = self.tables().rows(
            "SELECT rule, verdict, count(*), min(at), max(at) FROM decision WHERE at >= ?1 GROUP BY rule, verdict",
            [since],
            |row| Ok((row.get(0)?, row.get::<_, String>(1)?, row.get::<_, u64>(2)?, row.get(3)?, row.get(4)?)),
        )?;
        for (rule, verdict, count, first, last) in decided {
            let rule = rules.entry(rule).or_insert(RuleStats { first: Timestamp(first), ..RuleStats::default() });
            rule.hits += count;
            rule.first = rule.first.min(Timestamp(first));
            rule.last = rule.last.max(Timestamp(last));
            rule.verdicts.insert(verdict, count);
        }
        let runs = self.tables().rows(
            "SELECT rule, sum(good IS 1), sum(good IS 0), sum(state <> 'closed'), sum(state = 'closed' AND good IS NULL)
             FROM run WHERE at >= ?1 GROUP BY rule",
            [since],
            |row| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)),
        )?;
        for (rule, good, failed, open, skipped) in runs {
            let Some(rule) = rules.get_mut(&rule) else { continue };
            (rule.good, rule.failed, rule.open, rule.skipped) = (good, failed, open, skipped);
        }
        let times = self.tables().rows(
            "SELECT rule, cast(avg(millis) AS INTEGER), max(millis) FROM (
                 SELECT run.rule AS rule, sum(outcome.millis) AS millis FROM run JOIN outcome ON outcome.run = run.id
                 WHERE run.at >= ?1 GROUP BY run.id)
             GROUP BY rule",
            params![since],
            |row| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?)),
        )?;
        for (rule, mean, max) in times {
            let Some(rule) = rules.get_mut(&rule) else { continue };
            (rule.millis_mean, rule.millis_max) = (mean, max);
        }
        Ok(rules)
    }
}
