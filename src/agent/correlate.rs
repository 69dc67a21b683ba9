//! The agent and its situations: what is noted, decided and forgotten goes through the journal's entries,
//! so that an agent after a restart knows the same.
//!
//! Layer: core

use super::Agent;
use crate::engine::{Basis, Matched, Step};
use crate::journal::{Entry, Key};
use crate::rule::Rule;
use std::sync::Arc;

impl Agent {
    /// What an earlier agent left. Rules that have been changed or are gone know nothing of it.
    pub(super) fn recover_situations(&mut self, entries: &[Entry]) {
        entries.iter().for_each(|entry| self.situations.apply(entry));
        self.situations.expire(self.now);
        self.forget_strangers("the rule was changed while the agent was down");
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
