//! What keeps rules from doing too much: the loop guard, for a rule that answers the messages of its own
//! action, and the storm brake, for rules that start more runs than anybody can want. Both know only what
//! the decisions say, so that a restart and a replay come to the same.
//!
//! Layer: core

use super::seconds;
use crate::journal::{Brake, Decision, Verdict};
use crate::limits::{BRAKE_SPAN_MAX, LOOP_GUARD, LOOP_GUARD_GAP, LOOP_GUARD_QUIET};
use crate::rule::{Action, AtMost, Brakes, Captures, List, Rule};
use crate::time::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// What is known of the rules' latest decisions.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    brakes: Brakes,
    rules: BTreeMap<Arc<str>, Latest>,
    /// When runs were decided by any rule, oldest first.
    runs: VecDeque<Timestamp>,
    /// Until when the brake of all has been told.
    told_of_all: Timestamp,
}

/// What is known of one rule.
#[derive(Clone, Debug, Default)]
struct Latest {
    /// Hash of the text that it acted on last.
    text: u64,
    /// When.
    at: Timestamp,
    /// How often in a row, each soon after the one before.
    times: usize,
    /// The text that it is guarded from, and when that last matched.
    guarded: Option<(u64, Timestamp)>,
    /// When runs of it were decided, oldest first.
    runs: VecDeque<Timestamp>,
    /// Until when its brake has been told.
    told: Timestamp,
}

impl Guard {
    /// Sets how much is too much.
    pub fn brake_by(&mut self, brakes: Brakes) {
        self.brakes = brakes;
    }

    /// Why the loop guard holds this match, as a clause, if it does.
    #[must_use]
    pub fn loops(&self, rule: &Rule, captures: &Captures, now: Timestamp) -> Option<String> {
        let latest = self.rules.get(&rule.name)?;
        let text = text_of(captures).filter(|_| is_known(now))?;
        let guarded = latest.guarded.is_some_and(|(of, at)| of == text && now.since(at) < LOOP_GUARD_QUIET);
        let loops = latest.text == text && latest.times >= LOOP_GUARD && now.since(latest.at) < LOOP_GUARD_GAP;
        let quiet = seconds(LOOP_GUARD_QUIET);
        (guarded || loops).then(|| {
            format!(
                "loop guard: it acted {LOOP_GUARD} times in a row on this text, and rests until {quiet} pass without it"
            )
        })
    }

    /// Why the storm brake holds a decision that would start this rule's runs, as a clause, if it does.
    #[must_use]
    pub fn storms(&self, rule: &Rule, list: List, now: Timestamp) -> Option<(Brake, String)> {
        let wanted = rule.actions(list).filter(|(_, action)| matches!(action, Action::Run(_))).count();
        if wanted == 0 || !is_known(now) {
            return None;
        }
        // There would be one more than allowed if so many before them are recent.
        let too_many = |runs: &VecDeque<Timestamp>, most: AtMost| {
            let before = (most.runs + 1).saturating_sub(wanted);
            let at = runs.len().checked_sub(before).and_then(|i| runs.get(i));
            before == 0 || at.is_some_and(|at| now.since(*at) < most.per)
        };
        let none = VecDeque::new();
        let of_rule = rule.at_most.unwrap_or(self.brakes.rule);
        let most = |most: AtMost| format!("at most {} runs in {}", most.runs, seconds(most.per));
        if too_many(self.rules.get(&rule.name).map_or(&none, |latest| &latest.runs), of_rule) {
            return Some((Brake::Storm, format!("storm brake: the rule starts {}", most(of_rule))));
        }
        let all = self.brakes.all;
        too_many(&self.runs, all)
            .then(|| (Brake::StormOfAll, format!("storm brake: all rules together start {}", most(all))))
    }

    /// A decision takes effect: now, or again after a restart. True if it is the first one that is held so,
    /// and people should be told.
    pub fn apply(&mut self, decision: &Decision) -> bool {
        let (now, text) = (decision.at, text_of(&decision.captures));
        let latest = self.rules.entry(decision.rule.clone()).or_default();
        match (&decision.verdict, decision.brake) {
            (Verdict::Fired, _) => {
                let again = text == Some(latest.text) && now.since(latest.at) < LOOP_GUARD_GAP;
                latest.times = if again { latest.times + 1 } else { 1 };
                (latest.text, latest.at) = (text.unwrap_or_default(), now);
                false
            }
            (_, Some(Brake::Loop)) => {
                let known = |(of, at): (u64, Timestamp)| Some(of) == text && now.since(at) < LOOP_GUARD_QUIET;
                let first = !latest.guarded.is_some_and(known);
                (latest.guarded, latest.times) = (Some((text.unwrap_or_default(), now)), 0);
                first
            }
            (_, Some(Brake::Storm)) => tell_once(&mut latest.told, now, self.brakes.rule.per),
            (_, Some(Brake::StormOfAll)) => tell_once(&mut self.told_of_all, now, self.brakes.all.per),
            _ => false,
        }
    }

    /// A rule owes a run, now or in an earlier life.
    pub fn owes(&mut self, rule: &Arc<str>, at: Timestamp) {
        remember(&mut self.rules.entry(rule.clone()).or_default().runs, at);
        remember(&mut self.runs, at);
    }

    /// The rules that the loop guard holds, and until when at the soonest.
    pub fn guarded(&self, now: Timestamp) -> impl Iterator<Item = (&Arc<str>, Timestamp)> {
        let until = move |latest: &Latest| latest.guarded.map(|(_, at)| at.after(LOOP_GUARD_QUIET));
        self.rules.iter().filter_map(move |(rule, latest)| Some((rule, until(latest).filter(|until| *until > now)?)))
    }
}

/// Without time there is no span: a saved log may have none.
fn is_known(now: Timestamp) -> bool {
    now != Timestamp::default()
}

/// Lets go of what no brake looks at any more.
fn remember(runs: &mut VecDeque<Timestamp>, now: Timestamp) {
    while runs.front().is_some_and(|at| now.since(*at) >= BRAKE_SPAN_MAX) {
        runs.pop_front();
    }
    if is_known(now) {
        runs.push_back(now);
    }
}

fn tell_once(told: &mut Timestamp, now: Timestamp, per: Duration) -> bool {
    let first = *told <= now;
    if first {
        *told = now.after(per);
    }
    first
}

/// FNV-1a of the record's text: a text may be long, and equality is all that is asked.
fn text_of(captures: &Captures) -> Option<u64> {
    let text = captures.get("text")?;
    Some(text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3)))
}
