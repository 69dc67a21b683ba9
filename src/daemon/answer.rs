//! What the loop answers to those who ask over the control socket.
//!
//! Layer: shell

use super::drive::{Drive, described};
use super::socket::Asked;
use crate::agent::{Effect, Event};
use crate::control::{Answer, Request};
use crate::journal::{By, RunId, Subject};
use crate::policy::{Difference, Matcher};
use crate::time::Timestamp;
use std::sync::Arc;

/// It was done, and there is no more to say.
const DONE: Answer = Answer::Done { in_force: None };

impl Drive<'_> {
    pub(super) fn answer(&mut self, asked: Asked) -> Vec<Effect> {
        let (answer, effects) = match asked.request {
            Request::Status => (self.status(), Vec::new()),
            Request::Reload => self.replace_policy(),
            Request::Release { run, how, why } => {
                let by = By { who: asked.user, why };
                self.done_or(Event::Released { run, how, by }, || format!("run {run} is not in doubt"))
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
            Request::Disable { subject, until, why } => {
                match self.unknown(&subject).or_else(|| senseless(until, &why)) {
                    Some(reason) => (Answer::Refused { reason }, Vec::new()),
                    None => {
                        let by = By { who: asked.user, why: Some(why) };
                        let effects = self.agent.handle(Event::Disabled { subject: subject.clone(), until, by });
                        (self.in_force(&subject), effects)
                    }
                }
            }
            Request::Enable { subject, why } => {
                let by = By { who: asked.user, why: Some(why.clone()) };
                let beside = self.agent.disabled_beside(&subject);
                let why_not = || format!("{subject} is not disabled by command{beside}");
                match senseless(None, &why) {
                    Some(reason) => (Answer::Refused { reason }, Vec::new()),
                    None => match self.done_or(Event::Enabled { subject: subject.clone(), by }, why_not) {
                        (Answer::Done { .. }, effects) => (self.in_force(&subject), effects),
                        refused => refused,
                    },
                }
            }
            Request::Situations => {
                let (alive, set) = (self.agent.situations().collect(), self.agent.set().collect());
                (Answer::Situations { alive, set }, Vec::new())
            }
            Request::Close { name, key, why } => {
                let by = By { who: asked.user, why };
                let why_not = format!("there is no situation of {name} {}", key.as_deref().unwrap_or_default());
                self.done_or(Event::SituationsClosed { name: name.into(), key, by }, || why_not.trim_end().to_owned())
            }
            Request::Inject { text, source } => self.inject(&text, source.as_deref(), &asked.user),
            Request::Drain => (DONE, self.drain()),
            Request::Stop => (DONE, self.stop_now(&asked.user)),
            Request::Deny { run, why } => {
                let by = By { who: asked.user, why };
                self.done_or(Event::Answered { run, approved: false, by }, || not_asked(run))
            }
        };
        // A client that has gone needs no answer.
        let _ = asked.reply.send(answer);
        effects
    }

    /// Why this cannot be disabled, if it cannot.
    fn unknown(&self, subject: &Subject) -> Option<String> {
        let policy = self.current.read().ok()?.policy().clone();
        let known = match subject {
            Subject::Rule(name) => policy.rule(name).is_some(),
            Subject::Group(group) => policy.rules.iter().any(|rule| rule.group.as_ref() == Some(group)),
        };
        (!known).then(|| format!("the policy in force has nothing called {subject}"))
    }

    /// What leads to nothing was not possible.
    fn done_or(&mut self, event: Event, why_not: impl FnOnce() -> String) -> (Answer, Vec<Effect>) {
        let effects = self.agent.handle(event);
        (if effects.is_empty() { Answer::Refused { reason: why_not() } } else { DONE }, effects)
    }

    /// What has just been disabled or enabled, as it is now.
    fn in_force(&self, subject: &Subject) -> Answer {
        Answer::Done { in_force: Some(self.agent.in_force(subject)) }
    }

    fn status(&self) -> Answer {
        Answer::Status {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").into(),
            view: Box::new(self.agent.view()),
            problems: self.state.problems.values().cloned().collect(),
            stalled: self.state.stalled.clone(),
            stopping: self.state.stopping,
        }
    }

    /// Reads the policy again: all or nothing. The service manager hears when it begins and when it is over.
    pub(super) fn replace_policy(&mut self) -> (Answer, Vec<Effect>) {
        self.service.reloading();
        let done = self.read_policy_again();
        self.service.ready(&self.how_it_fares());
        done
    }

    fn read_policy_again(&mut self) -> (Answer, Vec<Effect>) {
        match (self.reload)() {
            Ok((policy, warnings)) => {
                let (hash, rules, jobs) = (policy.hash.clone(), policy.rules.len(), policy.jobs.len());
                let mut difference = Difference::default();
                if let Ok(mut current) = self.current.write() {
                    difference = current.policy().difference(&policy);
                    *current = Arc::new(Matcher::new(policy.clone()));
                }
                let text = format!("The policy is replaced: {}. {}.", described(&policy), capital(&difference));
                self.say("WTR310I", text, Vec::new());
                let effects = self.agent.handle(Event::PolicyReplaced(policy));
                (Answer::Reloaded { policy: hash, rules, jobs, warnings, difference }, effects)
            }
            Err(reason) => {
                let text = format!("The new policy has mistakes; policy {} stays in force.", self.agent.view().policy);
                self.say("WTR311E", text, Vec::new());
                (Answer::Refused { reason }, Vec::new())
            }
        }
    }
}

/// As a sentence begins with it.
fn capital(difference: &Difference) -> String {
    let text = difference.to_string();
    let (first, rest) = text.split_at(1);
    first.to_uppercase() + rest
}

/// Why an order cannot be meant, if it cannot.
fn senseless(until: Option<Timestamp>, why: &str) -> Option<String> {
    if why.trim().is_empty() {
        return Some("say why: `--why TEXT` stands in the journal, for those who wonder".into());
    }
    let over = until.filter(|until| *until <= super::clock::now())?;
    Some(format!("this would be over at once: {over}Z has passed"))
}

fn not_asked(run: RunId) -> String {
    format!("run {run} does not wait for approval")
}
