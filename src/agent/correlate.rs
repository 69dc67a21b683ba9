//! The agent and its situations: what is noted, decided and forgotten goes through the journal's entries,
//! so that an agent after a restart knows the same.
//!
//! Layer: core

use super::Agent;
use crate::engine::{self, Basis, Matched, Step};
use crate::journal::{Entry, Key, Note, RunId};
use crate::rule::Rule;
use std::sync::Arc;

impl Agent {
    /// What an earlier agent left. Rules that have been changed or are gone know nothing of it.
    pub(super) fn recover_situations(&mut self, entries: &[Entry]) {
        entries.iter().for_each(|entry| self.situations.apply(entry));
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
            Step::Decide(basis) => Some(basis),
            Step::Note(note) => {
                self.seen.decided(&note.rule, &note.origin);
                self.counts.noted += 1;
                self.enter(Entry::Noted(note));
                None
            }
        }
    }

    /// A record came that a rule may be waiting for.
    pub(super) fn followed(&mut self, rule: &str, matched: &Matched) {
        let label = Note::following(rule);
        let policy = self.policy.clone();
        let Some(rule) = policy.rule(rule).filter(|rule| rule.enabled) else { return };
        let asks = rule.correlation.as_ref().filter(|_| self.seen.is_new(&label, &matched.origin));
        if let Some(note) = asks.and_then(|asks| self.situations.followed(rule, asks, matched, self.now)) {
            self.seen.decided(&label, &note.origin);
            self.counts.noted += 1;
            self.enter(Entry::Noted(note));
        }
    }

    /// Time has passed: what did not follow is missing, and what is over is gone.
    pub(super) fn situations_due(&mut self) {
        let policy = self.policy.clone();
        while let Some((note, basis)) = self.situations.overdue(&policy, self.now) {
            match engine::decide_late(&policy, &note, self.now, RunId(self.last_run + 1), basis) {
                Some(decision) => self.decided(decision),
                None => self.forget(note.rule, Some(note.key), "the rule is gone".into()),
            }
        }
        self.situations.expire(self.now);
    }

    /// An entry that changes situations: it takes effect now, and again after a restart.
    pub(super) fn enter(&mut self, entry: Entry) {
        self.situations.apply(&entry);
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

    fn forget(&mut self, rule: Arc<str>, key: Option<Key>, reason: String) {
        let entry = Entry::Forgotten { rule, key, at: self.now, reason };
        self.situations.apply(&entry);
        self.out.entries.push(entry);
    }
}
