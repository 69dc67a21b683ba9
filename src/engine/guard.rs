//! What keeps rules from doing too much: the loop guard, for a rule that answers the messages of its own
//! action, and the storm brake, for rules that start more runs than anybody can want. Both know only what
//! the decisions say, so that a restart and a replay come to the same.
//!
//! Layer: core

use super::seconds;
use crate::journal::{Brake, Decision, Verdict};
use crate::limits::{BRAKE_SPAN_MAX, LOOP_GUARD, LOOP_GUARD_GAP, LOOP_GUARD_QUIET};
use crate::rule::{Action, AtMost, Brakes, Captures, List, Rule};
use crate::span::Fingerprint;
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

/// Hash of the record's text, but for what passes: times, durations and job numbers. A text may be long, and
/// equality is all that is asked.
fn text_of(captures: &Captures) -> Option<u64> {
    let text = captures.get("text")?.as_bytes();
    let mut hash = Fingerprint::default();
    let mut at = 0;
    while at < text.len() {
        let length = token(&text[at..]);
        let token = &text[at..at + length];
        // No text has such a byte.
        hash.add(if passes(token, &text[..at]) { &[0xff] } else { token });
        at += length;
    }
    Some(hash.number())
}

/// Length of the word that the text begins with, periods and colons between digits included; else of one byte.
fn token(text: &[u8]) -> usize {
    let is_word = |b: u8| b.is_ascii_alphanumeric() || !b.is_ascii() || matches!(b, b'@' | b'#' | b'$' | b'_');
    let joins = |i: usize| {
        let digit = |i: usize| text.get(i).is_some_and(u8::is_ascii_digit);
        i > 0 && matches!(text[i], b'.' | b':') && digit(i - 1) && digit(i + 1)
    };
    (0..text.len()).find(|&i| !is_word(text[i]) && !joins(i)).unwrap_or(text.len()).max(1)
}

/// True for digits that are joined by colons or periods and are no IPv4 address, and for job numbers.
fn passes(token: &[u8], before: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().all(u8::is_ascii_digit);
    if let [b'J', b'O', b'B', number @ ..] | [b'S', b'T', b'C', number @ ..] | [b'T', b'S', b'U', number @ ..] = token {
        return number.len() == 5 && digits(number);
    }
    let joins = |b: &u8| matches!(b, b'.' | b':');
    let is_joined = token.iter().any(joins) && token.iter().all(|b| joins(b) || b.is_ascii_digit());
    // `TIME=13.14.15.123` could be an address, too.
    let is_time = before.len() >= 5 && before[before.len() - 5..before.len() - 1].eq_ignore_ascii_case(b"TIME");
    is_joined && (is_time || !is_address(token))
}

/// Four numbers of a byte each, and perhaps a port.
fn is_address(token: &[u8]) -> bool {
    let mut host = token.splitn(2, |b| *b == b':').next().unwrap_or_default().split(|b| *b == b'.');
    let byte = |group: &[u8]| group.len() <= 3 && group.iter().fold(0, |n, b| n * 10 + u32::from(b - b'0')) <= 255;
    host.by_ref().take(4).filter(|group| byte(group)).count() == 4 && host.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(one: &str, other: &str) -> bool {
        let hash = |text: &str| {
            let mut captures = Captures::default();
            captures.set("text", text.as_bytes());
            text_of(&captures)
        };
        hash(one) == hash(other)
    }

    #[test]
    fn texts_that_differ_in_what_passes_are_the_same() {
        for (one, other) in [
            ("IEF404I PAYROLL - ENDED - TIME=13.14.15.123", "IEF404I PAYROLL - ENDED - TIME=13.14.16.007"),
            ("IEF404I PAYROLL - ENDED - TIME=13.14.15", "IEF404I PAYROLL - ENDED - TIME=23.59.59"),
            ("BEGAN AT 14:55:55.89.", "BEGAN AT 14:56:01.02."),
            ("took 0.123 seconds", "took 12.4 seconds"),
            ("$HASP395 JOB01234 ENDED", "$HASP395 JOB54321 ENDED"),
            ("(STC01234)", "(STC00001)"),
            ("TSU01234", "TSU99999"),
        ] {
            assert!(same(one, other), "{one} | {other}");
        }
    }

    #[test]
    fn texts_that_differ_in_anything_else_are_different() {
        for (one, other) in [
            ("V000123 MISSING", "V000124 MISSING"),
            ("VOLUME 000123", "VOLUME 000124"),
            ("VIPA 10.1.2.3 DELETED", "VIPA 10.1.2.4 DELETED"),
            ("VIPA 10.11.12.13 DELETED", "VIPA 10.11.12.14 DELETED"),
            ("10.1.2.3:443 refused", "10.1.2.4:443 refused"),
            ("JOB01234 ENDED", "STC01235 FAILED"),
            ("JOB1 ENDED", "JOB2 ENDED"),
            ("JOB01234X", "JOB01235X"),
            ("V2.5 FAILED", "V2.6 FAILED"),
            ("PAYROLL.D1.T2", "PAYROLL.D1.T3"),
            ("12.5", "12 5"),
            ("A", "B"),
        ] {
            assert!(!same(one, other), "{one} | {other}");
        }
    }
}
