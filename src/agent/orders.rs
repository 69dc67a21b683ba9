//! What people and rules have ordered for a while, and what keeps rules from doing too much: rules that are
//! disabled, named situations, the loop guard and the storm brake.
//!
//! Layer: core

use super::{Agent, about};
use crate::engine::Basis;
use crate::journal::{Brake, By, Decision, Entry, Key, Standing, Subject};
use crate::rule::{Captures, Mode, Rule};
use crate::time::Timestamp;
use std::sync::Arc;

impl Agent {
    /// What an earlier agent left.
    pub(super) fn recover_orders(&mut self, standing: &[Entry], recent: &[Entry], runs: &[(Arc<str>, Timestamp)]) {
        standing.iter().for_each(|entry| self.standing.apply(entry));
        for entry in recent {
            if let Entry::Decided(decision) = entry {
                self.guard.apply(decision);
            }
        }
        runs.iter().for_each(|(rule, at)| self.guard.owes(rule, *at));
        self.orders_due();
    }

    /// Time has passed: what is over stands no more.
    pub(super) fn orders_due(&mut self) {
        for subject in self.standing.expire(self.now) {
            let text = format!("{} is enabled again: the time is over.", capital(&subject));
            self.out.say("WTR344I", self.now, text, vec![("rule", subject.to_string())]);
        }
    }

    /// On what a decision is based that is taken whatever the rule knows of other records, if it is.
    pub(super) fn restrained(&self, rule: &Rule, captures: &Captures) -> Option<Basis> {
        let ordered = self.ordered(rule, captures, self.now);
        ordered.or_else(|| {
            let why = self.guard.loops(rule, captures, self.now)?;
            Some(Basis { held: Some(why), brake: Some(Brake::Loop), ..Basis::default() })
        })
    }

    /// The same without the loop guard: a rule on a schedule repeats itself.
    pub(super) fn ordered(&self, rule: &Rule, captures: &Captures, at: Timestamp) -> Option<Basis> {
        if let Some(why) = self.standing.disabled(rule) {
            return Some(Basis { disabled: Some(why), ..Basis::default() });
        }
        let outside = || rule.during.as_ref().and_then(|during| during.against(at));
        let why = self.standing.held(rule, captures).or_else(outside)?;
        Some(Basis { held: Some(why), ..Basis::default() })
    }

    /// The same with the storm brake, for a decision that would start runs.
    pub(super) fn braked(&self, rule: &Rule, basis: Basis) -> Basis {
        if basis.disabled.is_some() || basis.held.is_some() || rule.mode == Mode::Shadow {
            return basis;
        }
        match self.guard.storms(rule, basis.list, self.now) {
            Some((brake, why)) => Basis { held: Some(why), brake: Some(brake), ..basis },
            None => basis,
        }
    }

    /// A decision takes effect on the guard, and people are told of a rule that is held by it.
    pub(super) fn guard(&mut self, decision: &Decision) {
        if self.guard.apply(decision) {
            let id = if decision.brake == Some(Brake::Loop) { "WTR340E" } else { "WTR341E" };
            let text = format!("Rule {} is held: {}.", decision.rule, decision.reason);
            self.out.say(id, self.now, text, about(decision));
        }
        for _ in decision.actions.iter().filter(|action| action.is_run() && !action.run().is_none()) {
            self.guard.owes(&decision.rule, decision.at);
        }
    }

    pub(super) fn disable(&mut self, subject: Subject, until: Option<Timestamp>, by: By) {
        let span = until.map(|until| format!(" until {until}Z")).unwrap_or_default();
        let text = format!("{} is disabled{span} by {by}.", capital(&subject));
        self.out.say("WTR343I", self.now, text, vec![("rule", subject.to_string())]);
        self.order(Entry::Disabled { subject, at: self.now, until, by });
    }

    pub(super) fn enable(&mut self, subject: Subject, by: By) {
        if self.standing.all_disabled().any(|(disabled, _)| *disabled == subject) {
            let text = format!("{} is enabled again by {by}.", capital(&subject));
            self.out.say("WTR344I", self.now, text, vec![("rule", subject.to_string())]);
            self.order(Entry::Enabled { subject, at: self.now, by });
        }
    }

    /// What is in force of a rule or a group, in words.
    #[must_use]
    pub fn in_force(&self, subject: &Subject) -> String {
        let own = self.standing.all_disabled().find(|(other, _)| *other == subject);
        let state = own.map_or("enabled".to_owned(), |(_, standing)| format!("disabled{}", self.until(standing)));
        format!("{subject} is {state}{}", self.disabled_beside(subject))
    }

    /// What else keeps a rule, or rules of a group, from doing anything, as clauses to go on with.
    #[must_use]
    pub fn disabled_beside(&self, subject: &Subject) -> String {
        let is_beside = |other: &Subject| {
            let (group, rule, word) = match (subject, other) {
                (Subject::Rule(rule), Subject::Group(group)) => (group, rule, "group"),
                (Subject::Group(group), Subject::Rule(rule)) => (group, rule, "rule"),
                _ => return None,
            };
            let is_member = self.policy.rule(rule).is_some_and(|rule| rule.group.as_ref() == Some(group));
            is_member.then(|| format!("; its {word} {}", if word == "group" { group } else { rule }))
        };
        let all = self.standing.all_disabled();
        let beside =
            all.filter_map(|(other, standing)| Some(is_beside(other)? + " stays disabled" + &self.until(standing)));
        let by_policy = match subject {
            Subject::Rule(rule) if self.policy.rule(rule).is_some_and(|rule| !rule.enabled) => {
                "; the policy says `enabled = false`"
            }
            _ => "",
        };
        beside.collect::<String>() + by_policy
    }

    /// ` until 2026-11-23T05:06:00.000Z (in 23 h 59 min)`, or nothing.
    fn until(&self, standing: &Standing) -> String {
        let Some(until) = standing.until else { return String::new() };
        let seconds = until.since(self.now).as_secs();
        let left = match (seconds / 3600, seconds / 60 % 60) {
            (0, 0) => format!("{seconds} s"),
            (0, minutes) => format!("{minutes} min"),
            (hours @ 1..48, minutes) => format!("{hours} h {minutes} min"),
            (hours, _) => format!("{} days {} h", hours / 24, hours % 24),
        };
        format!(" until {until}Z (in {left})")
    }

    /// A person wants what a rule knows of a key forgotten, or a named situation over. What waits of such
    /// decisions is called off.
    pub(super) fn close_situations(&mut self, name: &Arc<str>, key: Option<&str>, by: &By) {
        let wanted = |of: &Key| key.is_none_or(|key| of.to_string() == key);
        let known = self.situations.iter().filter(|((rule, of), _)| rule == name && wanted(of));
        let known: Vec<Key> = known.map(|((_, of), _)| of.clone()).collect();
        let set = self.standing.all_set().filter(|(other, of, _)| *other == name && wanted(of));
        let set: Vec<Key> = set.map(|(_, of, _)| of.clone()).collect();
        let reason = format!("closed by {by}");
        let of_these =
            |decision: &Decision| decision.concluded.as_ref().is_some_and(|concluded| wanted(&concluded.key));
        self.outbox.call_off_all((name, of_these), &reason, self.now, &mut self.out);
        for key in known {
            self.told_closed(name, &key, by);
            self.forget(name.clone(), Some(key), reason.clone());
        }
        for key in set {
            self.told_closed(name, &key, by);
            self.order(Entry::Unset { name: name.clone(), key, at: self.now, by: by.clone() });
        }
    }

    fn told_closed(&mut self, name: &str, key: &Key, by: &By) {
        let text = format!("Situation {name}{} was closed by {by}.", key.clause());
        self.out.say("WTR345I", self.now, text, vec![("rule", name.to_owned())]);
    }

    /// An entry about what stands: it takes effect now, and again after a restart.
    pub(super) fn order(&mut self, entry: Entry) {
        self.standing.apply(&entry);
        self.out.entries.push(entry);
    }
}

/// As a sentence begins with it.
fn capital(subject: &Subject) -> String {
    match subject {
        Subject::Rule(name) => format!("Rule {name}"),
        Subject::Group(name) => format!("Group {name}"),
    }
}
