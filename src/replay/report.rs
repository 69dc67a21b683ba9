//! What a replay says: a line or an object a decision, and the summary.
//!
//! Layer: shell

use crate::engine;
use crate::job::Plan;
use crate::journal::{Action, Decision, Entry};
use crate::policy::Policy;
use crate::record::{Kind, Record};
use crate::span::visible;
use crate::time::Timestamp;
use rustc_hash::FxHashMap;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// What was read and what the rules made of it.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Physical lines.
    pub lines: u64,
    /// Records by kind, in the order of [`Kind::ALL`].
    pub kinds: [u64; Kind::ALL.len()],
    /// Decisions by rule; rules that were never matched are there with 0.
    pub rules: BTreeMap<Arc<str>, u64>,
    /// Decisions of rules that count, wait or pause, by rule: live they may differ, since there the time of
    /// arrival counts.
    pub by_time: BTreeMap<Arc<str>, u64>,
    /// Situations that are alive at the end, at most 100.
    pub open: Vec<String>,
    /// How many there are.
    pub open_in_all: usize,
    /// Message ids that no rule matched, with their number.
    unmatched: FxHashMap<Box<[u8]>, u64>,
}

impl Summary {
    pub(super) fn new(policy: &Policy) -> Summary {
        Summary { rules: policy.rules.iter().map(|r| (r.name.clone(), 0)).collect(), ..Summary::default() }
    }

    pub(super) fn count(&mut self, record: &Record<'_>, matched: bool) {
        self.kinds[record.kind as usize] += 1;
        if let (Some(id), false) = (record.message_id, matched) {
            match self.unmatched.get_mut(id) {
                Some(count) => *count += 1,
                None => {
                    self.unmatched.insert(id.into(), 1);
                }
            }
        }
    }

    /// The agent enters something into its journal: decisions are counted, and all goes on to `sink`.
    pub(super) fn entry(&mut self, entry: &Entry, sink: &mut dyn FnMut(&Entry)) {
        if let Entry::Decided(decision) = entry {
            self.decided(decision);
        }
        sink(entry);
    }

    fn decided(&mut self, decision: &Decision) {
        *self.rules.entry(decision.rule.clone()).or_default() += 1;
        if decision.concluded.is_some() {
            *self.by_time.entry(decision.rule.clone()).or_default() += 1;
        }
    }

    /// Records in all.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.kinds.iter().sum()
    }

    /// How many lines made how many records of each kind.
    #[must_use]
    pub fn kinds_line(&self) -> String {
        let kinds = Kind::ALL.iter().filter(|k| self.kinds[**k as usize] > 0);
        let kinds: Vec<_> = kinds.map(|k| format!("{} {}", self.kinds[*k as usize], k.name())).collect();
        format!("{} lines, {} records: {}", self.lines, self.records(), kinds.join(", "))
    }

    /// Ids without a rule, the most frequent first.
    #[must_use]
    pub fn unmatched(&self) -> Vec<(String, u64)> {
        let mut ids: Vec<_> =
            self.unmatched.iter().map(|(id, n)| (String::from_utf8_lossy(id).into_owned(), *n)).collect();
        ids.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        ids
    }

    /// The summary as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let kinds = Kind::ALL.iter().map(|k| (k.name().to_owned(), json!(self.kinds[*k as usize])));
        json!({
            "lines": self.lines,
            "records": self.records(),
            "kinds": Value::Object(kinds.collect()),
            "rules": self.rules.iter().map(|(n, c)| (n.to_string(), json!(c))).collect::<serde_json::Map<_, _>>(),
            "decided_by_time": self.by_time.iter().map(|(n, c)| (n.to_string(), json!(c))).collect::<serde_json::Map<_, _>>(),
            "open_situations": self.open,
            "never_matched": self.rules.iter().filter(|(_, c)| **c == 0).map(|(n, _)| &**n).collect::<Vec<_>>(),
            "ids_without_a_rule": self.unmatched().into_iter().map(|(id, n)| json!({ "message_id": id, "count": n })).collect::<Vec<_>>(),
        })
    }

    /// The summary as a table for people; at most `ids_max` ids without a rule.
    #[must_use]
    pub fn table(&self, ids_max: usize) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "{}", self.kinds_line());
        let width = self.rules.keys().map(|name| name.len()).max().unwrap_or(4).max(4);
        let _ = writeln!(out, "\n{:width$}  decisions", "rule");
        for (name, count) in self.rules.iter().filter(|(_, count)| **count > 0) {
            let _ = writeln!(out, "{name:width$}  {count:9}");
        }
        let never: Vec<_> = self.rules.iter().filter(|(_, count)| **count == 0).map(|(name, _)| &**name).collect();
        if !never.is_empty() {
            let _ = writeln!(out, "never matched: {}", never.join(", "));
        }
        if !self.by_time.is_empty() {
            let rules: Vec<_> = self.by_time.iter().map(|(name, count)| format!("{name} ({count})")).collect();
            let _ = writeln!(out, "decided by time: {}; live, the time of arrival counts", rules.join(", "));
        }
        for open in &self.open {
            let _ = writeln!(out, "open at the end: {}", visible(open));
        }
        let more = self.open_in_all.saturating_sub(self.open.len());
        if more > 0 {
            let _ = writeln!(out, "open at the end: {more} more");
        }
        let ids = self.unmatched();
        if !ids.is_empty() {
            let shown: Vec<_> = ids.iter().take(ids_max).map(|(id, n)| format!("{} ({n})", visible(id))).collect();
            let more = ids.len().saturating_sub(ids_max);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let _ = writeln!(out, "ids without a rule: {}{more}", shown.join(", "));
        }
        out
    }
}

/// A decision as the object that other programs script against, with the steps of its jobs.
#[must_use]
pub fn decision_json(policy: &Policy, decision: &Decision) -> Value {
    let mut json = decision.shown(at(decision.at));
    json["actions"] = decision.actions.iter().map(|action| action_json(policy, decision, action)).collect();
    json
}

fn action_json(policy: &Policy, decision: &Decision, action: &Action) -> Value {
    let mut json = action.shown();
    match action {
        Action::Run { job, with, .. } => {
            let steps = engine::plan(policy, job, with, &decision.captures).map(|plan| steps_json(&plan));
            let steps = steps.unwrap_or_default();
            let first = steps.first().cloned().unwrap_or_default();
            (json["argv"], json["env"]) = (first["argv"].clone(), first["env"].clone());
            if let Some(sent) = first.get("send") {
                json["send"] = sent.clone();
            }
            json["steps"] = steps.into();
        }
        Action::Report { .. } => (json["argv"], json["env"]) = (Value::Null, Value::Null),
        Action::Set { .. } | Action::Close { .. } | Action::HandOver { .. } => {}
    }
    json
}

fn steps_json(plan: &Plan) -> Vec<Value> {
    let step = |step: &crate::job::PlannedStep| {
        let env: serde_json::Map<_, _> = step.env.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
        let mut shown = json!({ "step": step.name, "argv": step.argv, "env": env, "cwd": step.cwd });
        if let Some(message) = &step.send {
            shown["send"] = message.to_json();
        }
        shown
    };
    plan.steps.iter().map(step).collect()
}

/// A decision as one line for people.
#[must_use]
pub fn decision_line(policy: &Policy, decision: &Decision) -> String {
    let origin = &decision.origin;
    let mut line = format!("{}  {}:{}  {}", time(decision.at), visible(&origin.path), origin.line, decision.rule);
    if decision.verdict != crate::journal::Verdict::Fired {
        let _ = write!(line, "  ({}: {})", decision.verdict.name(), visible(&decision.reason));
    }
    for action in decision.actions.iter().filter(|_| !decision.verdict.is_kept_back()) {
        match action {
            Action::Report { text, terms, .. } => {
                let _ = write!(line, "\n    would report{}: {}", terms.clause(), visible(text));
            }
            Action::Set { name, key, terms, .. } => {
                let _ = write!(line, "\n    would set {name}{}{}", visible(&key.clause()), terms.clause());
            }
            Action::Close { name, terms, .. } => {
                let _ = write!(line, "\n    would close {name}{}", terms.clause());
            }
            Action::HandOver { rule, terms, .. } => {
                let _ = write!(line, "\n    would hand over to {rule}{}", terms.clause());
            }
            Action::Run { job, with, terms, .. } => {
                let plan = engine::plan(policy, job, with, &decision.captures);
                let steps = plan.map(|p| p.steps).unwrap_or_default();
                let _ = write!(line, "\n    would run {job}{}", terms.clause());
                for step in steps {
                    let _ = write!(line, "\n      {}: {}", step.name, visible(&step.shown()));
                }
            }
        }
    }
    line
}

fn at(at: Timestamp) -> Option<String> {
    (at != Timestamp::default()).then(|| at.to_string())
}

fn time(at: Timestamp) -> String {
    self::at(at).unwrap_or_else(|| "(no time)".into())
}
