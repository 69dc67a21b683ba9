//! What the loop answers to those who ask over the control socket.
//!
//! Layer: shell

use super::drive::{Drive, described};
use super::socket::Asked;
use crate::agent::{Effect, Event};
use crate::control::{Answer, Request};
use crate::journal::{By, RunId};
use crate::policy::Matcher;
use std::sync::Arc;

impl Drive<'_> {
    pub(super) fn answer(&mut self, asked: Asked) -> Vec<Effect> {
        let (answer, effects) = match asked.request {
            Request::Status => (self.status(), Vec::new()),
            Request::Reload => self.replace_policy(),
            Request::Release { run, how } => {
                self.done_or(Event::Released { run, how }, || format!("run {run} is not in doubt"))
            }
            Request::Cancel { run, why } => {
                let by = By { who: asked.user, why };
                self.done_or(Event::Cancelled { run, by }, || {
                    format!("run {run} is not running, and waits for nothing")
                })
            }
            Request::Approve { run, why } => {
                let by = By { who: asked.user, why };
                self.done_or(Event::Answered { run, approved: true, by }, || not_asked(run))
            }
            Request::Deny { run, why } => {
                let by = By { who: asked.user, why };
                self.done_or(Event::Answered { run, approved: false, by }, || not_asked(run))
            }
        };
        // A client that has gone needs no answer.
        let _ = asked.reply.send(answer);
        effects
    }

    /// What leads to nothing was not possible.
    fn done_or(&mut self, event: Event, why_not: impl FnOnce() -> String) -> (Answer, Vec<Effect>) {
        let effects = self.agent.handle(event);
        (if effects.is_empty() { Answer::Refused { reason: why_not() } } else { Answer::Done }, effects)
    }

    fn status(&self) -> Answer {
        Answer::Status {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").into(),
            view: Box::new(self.agent.view()),
            problems: self.state.problems.values().cloned().collect(),
            stalled: self.state.stalled.clone(),
        }
    }

    /// Reads the policy again: all or nothing.
    pub(super) fn replace_policy(&mut self) -> (Answer, Vec<Effect>) {
        match (self.reload)() {
            Ok((policy, warnings)) => {
                let (hash, rules, jobs) = (policy.hash.clone(), policy.rules.len(), policy.jobs.len());
                if let Ok(mut current) = self.current.write() {
                    *current = Arc::new(Matcher::new(policy.clone()));
                }
                self.say("WTR310I", format!("The policy is replaced: {}.", described(&policy)), Vec::new());
                let effects = self.agent.handle(Event::PolicyReplaced(policy));
                (Answer::Reloaded { policy: hash, rules, jobs, warnings }, effects)
            }
            Err(reason) => {
                let text = format!("The new policy has mistakes; policy {} stays in force.", self.agent.view().policy);
                self.say("WTR311E", text, Vec::new());
                (Answer::Refused { reason }, Vec::new())
            }
        }
    }
}

fn not_asked(run: RunId) -> String {
    format!("run {run} does not wait for approval")
}
