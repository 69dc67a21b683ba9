//! What a decision does by itself, without a process: say a line, begin or end a named situation, hand the
//! record over to another rule.
//!
//! Layer: core

use super::{Agent, about};
use crate::engine::Matched;
use crate::journal::{Action, By, Checkpoint, Decision, Entry, Key, Origin};
use crate::limits::NAMED_SITUATIONS_MAX;
use crate::policy::Target;
use std::sync::Arc;
use std::time::Duration;

/// When a decision does what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// As its record is read, or at the time that a schedule is due.
    AtOnce,
    /// When the record has long been read.
    Later,
}

impl Agent {
    /// What a decision does now is done, and what it owes is owed.
    pub(super) fn act(&mut self, decision: &Arc<Decision>, when: When) {
        self.last_run = decision.runs().map(|(run, ..)| run.0).fold(self.last_run, u64::max);
        self.outbox.owe(decision, self.now, &mut self.out);
        for (index, action) in decision.actions.iter().enumerate() {
            if action.run().is_none() {
                self.perform(decision, index, when);
            }
        }
    }

    /// Does what waited, and has come to its time. True if there was anything.
    pub(super) fn do_deeds(&mut self) -> bool {
        let deeds = std::mem::take(&mut self.out.deeds);
        for (decision, index) in &deeds {
            self.perform(decision, *index, When::Later);
        }
        !deeds.is_empty()
    }

    fn perform(&mut self, decision: &Arc<Decision>, index: usize, when: When) {
        match &decision.actions[index] {
            // The outbox starts it.
            Action::Run { .. } => {}
            Action::Report { text, .. } => self.out.say("WTR300I", self.now, text.clone(), about(decision)),
            Action::Set { name, key, lasts, .. } => self.set_situation(decision, name, key, *lasts),
            Action::Close { name, .. } => self.unset_situations(decision, name),
            Action::HandOver { rule, .. } => self.hand_over(decision, index, rule, when),
        }
    }

    fn set_situation(&mut self, decision: &Decision, name: &Arc<str>, key: &Key, lasts: Option<Duration>) {
        if self.standing.count_set() >= NAMED_SITUATIONS_MAX && !self.standing.is_set(name, key) {
            let text = format!("There are too many named situations: {name}{} does not begin.", key.clause());
            return self.out.say("WTR342W", self.now, text, about(decision));
        }
        let (name, key, until) = (name.clone(), key.clone(), lasts.map(|span| self.now.after(span)));
        self.order(Entry::Set { name, key, at: self.now, until, by: by_rule(decision) });
    }

    fn unset_situations(&mut self, decision: &Decision, name: &str) {
        let set = self.standing.set_for(name, &decision.captures);
        let set: Vec<(Arc<str>, Key)> = set.map(|(name, key, _)| (name.clone(), key.clone())).collect();
        for (name, key) in set {
            self.order(Entry::Unset { name, key, at: self.now, by: by_rule(decision) });
        }
    }

    /// Another rule decides about the same record with the captures of this one, in the same batch; unless it has
    /// decided already, by itself or because another rule handed the record over, too.
    fn hand_over(&mut self, decision: &Decision, index: usize, rule: &Arc<str>, when: When) {
        let same = |action: &&Action| matches!(action, Action::HandOver { rule: to, .. } if to == rule);
        let later = || decision.actions[..=index].iter().filter(same).count();
        let origin = &decision.origin;
        let file = origin.file.handed_over_by(&decision.rule, (when == When::Later).then(later));
        let matched = Matched {
            target: Target::Rule(rule.clone()),
            origin: Origin { file, ..origin.clone() },
            at: self.now,
            age: None,
            age_max: None,
            captures: decision.captures.clone(),
            read: Checkpoint::looked(&origin.source),
        };
        self.decide(rule, &matched);
    }
}

fn by_rule(decision: &Decision) -> By {
    By { who: format!("rule {}", decision.rule), why: None }
}
