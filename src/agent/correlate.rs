//! The agent and its situations: what is noted, decided and forgotten goes through the journal's entries,
//! so that an agent after a restart knows the same.
//!
//! Layer: core

use super::Agent;
use super::deeds::When;
use crate::engine::{self, Basis, Late, Matched, Step};
use crate::journal::{Decision, Entry, Key, Note, Part, RunId};
use crate::rule::{Captures, Correlation, Further, Rule};
use std::sync::Arc;

impl Agent {
    /// What an earlier agent left. Rules that have been changed or are gone know nothing of it.
    pub(super) fn recover_situations(&mut self, entries: &[Entry]) {
        entries.iter().for_each(|entry| self.situations.apply(&self.policy, entry));
        self.forget_strangers("the rule was changed while the agent was down");
        self.situations.begin(self.now);
        self.situations.expire(self.now);
    }

    /// Forgets what rules know that are not any more, or not as they were.
    pub(super) fn forget_strangers(&mut self, reason: &str) {
        let strangers = self.situations.strangers(&self.policy);
        for rule in strangers {
            let text = format!("What rule {rule} had noted is forgotten: {reason}.");
            self.out.say("WTR321I", self.now, text, vec![("rule", rule.to_string())]);
            self.forget(rule, None, reason.into());
        }
    }

    /// Notes a match, or says on what its decision is based.
    pub(super) fn correlate(&mut self, rule: &Rule, matched: &Matched) -> Option<Basis> {
        let Some(asks) = &rule.correlation else { return Some(Basis::default()) };
        match self.situations.matched(rule, asks, matched, self.now) {
            Step::Decide(basis) => Some(*basis),
            Step::Note(note) => {
                self.note(note);
                None
            }
            Step::Pass => None,
        }
    }

    /// A record meets a condition beyond `when`, which a rule may be waiting for.
    pub(super) fn further(&mut self, rule: &str, further: Further, matched: &Matched) {
        let policy = self.policy.clone();
        let Some(rule) = policy.rule(rule).filter(|rule| rule.enabled) else { return };
        let Some(asks) = &rule.correlation else { return };
        // What it was to this rule when it was read first, it is not again.
        let label = part_of(further).label(&rule.name);
        if !self.seen.is_new(&label, &matched.origin) || !self.seen.is_new(&rule.name, &matched.origin) {
            return;
        }
        if let Further::Reset(_) = further {
            self.call_off(rule, asks, matched);
        }
        match self.situations.further((rule, asks), further, matched, self.now) {
            Step::Decide(basis) => {
                let basis = self.held_back(rule, &matched.captures, *basis);
                let next_run = RunId(self.last_run + 1);
                self.decided(engine::decide(&policy, rule, matched, next_run, basis), When::AtOnce);
            }
            Step::Note(note) => self.note(note),
            Step::Pass => {}
        }
    }

    /// What the rule still has to do about this key is not wanted any more.
    fn call_off(&mut self, rule: &Rule, asks: &Correlation, matched: &Matched) {
        let key = Key::of(&asks.by, &matched.captures);
        let meant = |decision: &Decision| {
            Key::of(&asks.by, &decision.captures) == key && matched.origin.is_behind(&decision.origin)
        };
        let reason =
            format!("{} came, which resets the rule", matched.captures.get("message_id").unwrap_or("a record"));
        self.outbox.call_off_all((&rule.name, meant), &reason, self.now, &mut self.out);
    }

    fn note(&mut self, note: Note) {
        self.seen.decided(&note.label(), &note.origin);
        self.counts.noted += 1;
        self.enter(Entry::Noted(note));
    }

    /// Time has passed: waits that are over are decided, and what is over is gone.
    pub(super) fn situations_due(&mut self) {
        let policy = self.policy.clone();
        while let Some(late) = self.situations.overdue(&policy, self.now) {
            match late {
                Late::Note(note) => self.enter(Entry::Noted(note)),
                Late::Decide(first, basis) => {
                    // What is overdue is of a rule of the policy.
                    let Some(rule) = policy.rule(&first.rule) else { return };
                    let basis = self.held_back(rule, &first.captures, *basis);
                    let record = (&first.origin, &first.captures, self.now);
                    let next_run = RunId(self.last_run + 1);
                    let decision = engine::decide_by_time(&policy, rule, record, next_run, basis);
                    self.decided(decision, When::Later);
                }
            }
        }
        self.situations.expire(self.now);
    }

    /// A decision that completes a wait, or that time alone leads to, is held by what holds any other.
    fn held_back(&self, rule: &Rule, captures: &Captures, basis: Basis) -> Basis {
        match self.restrained(rule, captures) {
            Some(Basis { disabled, held, brake, .. }) => Basis { disabled, held, brake, ..basis },
            None => self.braked(rule, basis),
        }
    }

    /// An entry that changes situations: it takes effect now, and again after a restart.
    pub(super) fn enter(&mut self, entry: Entry) {
        self.situations.apply(&self.policy, &entry);
        self.out.entries.push(entry);
        while let Some((rule, key)) = self.situations.too_many() {
            self.counts.forgotten += 1;
            // A flood is told of, and is not followed by a flood of its own.
            if self.counts.forgotten.is_power_of_two() {
                let text = format!(
                    "There are too many situations: the one of rule {rule}{} is forgotten, {} in all since the start.",
                    key.clause(),
                    self.counts.forgotten
                );
                self.out.say("WTR320W", self.now, text, vec![("rule", rule.to_string())]);
            }
            self.forget(rule, Some(key), "there are too many situations".into());
        }
    }

    pub(super) fn forget(&mut self, rule: Arc<str>, key: Option<Key>, reason: String) {
        let entry = Entry::Forgotten { rule, key, at: self.now, reason };
        self.situations.apply(&self.policy, &entry);
        self.out.entries.push(entry);
    }
}

/// As what a record is noted that meets this condition.
fn part_of(further: Further) -> Part {
    match further {
        Further::Reset(_) => Part::Reset,
        Further::Following => Part::Followed,
        Further::Step(_) => Part::Stepped,
        Further::From => Part::Begun,
        Further::Or => Part::Joined,
    }
}
