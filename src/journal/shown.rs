//! Decisions as the objects that other programs script against: the same words in a replay and in the history.
//!
//! Layer: core

use super::{Action, Decision};
use serde_json::{Map, Value, json};

impl Decision {
    /// The decision with what it does. `at` is its time as it is to be shown, if it has one.
    #[must_use]
    pub fn shown(&self, at: Option<String>) -> Value {
        let origin = &self.origin;
        json!({
            "rule": self.rule,
            "decision": self.verdict.name(),
            "reason": self.reason,
            "at": at,
            "message_id": self.captures.get("message_id"),
            "captures": self.captures,
            "actions": self.actions.iter().map(Action::shown).collect::<Vec<_>>(),
            "source": { "file": origin.path, "line": origin.line, "offset": origin.offset },
        })
    }
}

impl Action {
    /// What it does, and what it waits for. `run` is the job, or null.
    #[must_use]
    pub fn shown(&self) -> Value {
        let mut shown = match self {
            Action::Run { job, with, .. } => {
                let with: Map<_, _> = with.iter().map(|(name, value)| (name.to_string(), json!(value))).collect();
                json!({ "run": job, "with": with })
            }
            Action::Report { text, .. } => json!({ "run": null, "report": text }),
            Action::Set { name, key, lasts, .. } => {
                json!({ "run": null, "set": name, "key": key, "for_s": lasts.as_ref().map(|span| span.as_secs()) })
            }
            Action::Close { name, .. } => json!({ "run": null, "close": name }),
            Action::HandOver { rule, .. } => json!({ "run": null, "rule": rule }),
        };
        let terms = self.terms();
        let waits_for = [
            ("if", terms.depends.map(|depends| json!(depends.came))),
            ("not_before", terms.not_before.map(|at| json!(at.to_string()))),
            ("ask", terms.ask.map(|ask| json!({ "within_s": ask.within.as_secs(), "otherwise": ask.otherwise() }))),
        ];
        for (name, value) in waits_for.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            shown[name] = value;
        }
        shown
    }
}
