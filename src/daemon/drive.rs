//! The one loop: next event, handle, carry out the effects.
//!
//! Layer: shell

use super::clock;
use super::reader::{Current, Told};
use super::socket::Asked;
use super::{Hands, Reload};
use crate::agent::{Agent, Effect, Event, Notice};
use crate::control::{Answer, Request};
use crate::policy::Matcher;
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, UnboundedReceiver};

/// What the main loop hears.
#[derive(Debug)]
pub(super) enum Heard {
    /// From a source.
    Told(Told),
    /// From the journal or the runner.
    Event(Event),
    /// From the journal, other than that a batch is durable.
    Journal(Journal),
    /// From a client.
    Asked(Asked),
    /// SIGHUP.
    Hangup,
    /// SIGTERM or SIGINT.
    Stop,
}

/// How the journal fares.
#[derive(Debug)]
pub(super) enum Journal {
    /// It can be written again.
    Good,
    /// It cannot be written for now.
    Stalled {
        /// Message id.
        id: &'static str,
        /// Why, as a sentence without a period.
        reason: String,
    },
    /// It cannot be written any more.
    Broken {
        /// Message id.
        id: &'static str,
        /// Why, as a sentence without a period.
        reason: String,
    },
}

/// The loop and all it needs.
pub(super) struct Drive<'a> {
    pub(super) agent: Agent,
    pub(super) hands: Hands,
    pub(super) current: Current,
    pub(super) reload: Reload,
    pub(super) publish: &'a mut dyn FnMut(&Notice),
    pub(super) sources: BTreeSet<Arc<str>>,
    pub(super) until_idle: bool,
    pub(super) state: State,
}

/// What is known of the world around the agent.
#[derive(Debug, Default)]
pub(super) struct State {
    quiet: BTreeSet<Arc<str>>,
    finished: BTreeSet<Arc<str>>,
    problems: BTreeMap<Arc<str>, String>,
    stalled: Option<String>,
    broken: Option<String>,
    stopping: bool,
}

/// Events handled before their effects are carried out together: what the journal can commit as one.
const EVENTS_AT_ONCE: usize = 256;

impl Drive<'_> {
    /// Runs until it is told to stop, or until there is nothing left to do.
    ///
    /// # Errors
    /// If the journal broke: why.
    pub(super) async fn run(
        &mut self,
        heard: &mut Receiver<Heard>,
        hands: &mut UnboundedReceiver<Heard>,
    ) -> Result<(), String> {
        loop {
            let next = tokio::select! {
                biased;
                next = hands.recv() => next,
                next = heard.recv() => next,
                () = sleep_until(self.agent.next_due()) => None,
            };
            // What is heard now, happened now; what was due before then, happens before it.
            let mut effects = self.agent.handle(Event::Tick(clock::now()));
            if let Some(next) = next {
                effects.extend(self.hear(next));
                for _ in 1..EVENTS_AT_ONCE {
                    let Ok(more) = hands.try_recv().or_else(|_| heard.try_recv()) else { break };
                    effects.extend(self.hear(more));
                }
            }
            self.carry_out(effects);
            if let Some(why) = self.state.broken.take() {
                return Err(why);
            }
            if self.is_done() {
                return Ok(());
            }
        }
    }

    fn hear(&mut self, heard: Heard) -> Vec<Effect> {
        match heard {
            Heard::Event(event) => return self.agent.handle(event),
            Heard::Told(Told::Event(event)) => {
                if let Event::Matched(matched) = &event {
                    self.state.quiet.remove(&matched.origin.source);
                }
                return self.agent.handle(event);
            }
            Heard::Told(Told::Quiet(source)) => {
                self.state.quiet.insert(source);
            }
            Heard::Told(Told::Finished(source)) => {
                self.state.finished.insert(source);
            }
            Heard::Told(Told::Problem(problem)) => {
                let fields = vec![("path", problem.path.to_string())];
                (self.publish)(&Notice { id: problem.id, at: clock::now(), text: problem.text.clone(), fields });
                self.state.problems.insert(problem.path, problem.text);
            }
            Heard::Journal(journal) => self.journal(journal),
            Heard::Asked(asked) => return self.answer(asked),
            Heard::Hangup => return self.replace_policy().1,
            Heard::Stop => {
                self.state.stopping = true;
                self.hands.stop_sources();
                return self.agent.handle(Event::Shutdown);
            }
        }
        Vec::new()
    }

    fn journal(&mut self, journal: Journal) {
        let (id, text) = match journal {
            Journal::Good => {
                self.state.stalled = None;
                ("WTR312I", "The journal can be written again.".to_owned())
            }
            Journal::Stalled { id, reason } => {
                self.state.stalled = Some(reason.clone());
                (id, format!("The journal cannot be written, so nothing is started: {reason}."))
            }
            Journal::Broken { id, reason } => {
                self.state.broken = Some(format!("{id} {reason}"));
                (id, format!("The journal is broken, so the agent stops: {reason}."))
            }
        };
        (self.publish)(&Notice { id, at: clock::now(), text, fields: Vec::new() });
    }

    fn answer(&mut self, asked: Asked) -> Vec<Effect> {
        let (answer, effects) = match asked.request {
            Request::Status => (self.status(), Vec::new()),
            Request::Reload => self.replace_policy(),
        };
        // A client that has gone needs no answer.
        let _ = asked.reply.send(answer);
        effects
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
    fn replace_policy(&mut self) -> (Answer, Vec<Effect>) {
        let notice = |id, text| Notice { id, at: clock::now(), text, fields: Vec::new() };
        match (self.reload)() {
            Ok((policy, warnings)) => {
                let (hash, rules, jobs) = (policy.hash.clone(), policy.rules.len(), policy.jobs.len());
                if let Ok(mut current) = self.current.write() {
                    *current = Arc::new(Matcher::new(policy.clone()));
                }
                let text = format!("Policy {hash} is in force: {rules} rules, {jobs} jobs.");
                (self.publish)(&notice("WTR310I", text));
                let effects = self.agent.handle(Event::PolicyReplaced(policy));
                (Answer::Reloaded { policy: hash, rules, jobs, warnings }, effects)
            }
            Err(reason) => {
                let text = format!("The new policy has mistakes; policy {} stays in force.", self.agent.view().policy);
                (self.publish)(&notice("WTR311E", text));
                (Answer::Refused { reason }, Vec::new())
            }
        }
    }

    pub(super) fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Append { batch, entries } => self.hands.append(batch, entries),
                Effect::Start { run, attempt, plan } => self.hands.start(run, attempt, plan),
                Effect::Cancel { run } => self.hands.cancel(run),
                Effect::Publish(notice) => (self.publish)(&notice),
            }
        }
    }

    fn is_done(&self) -> bool {
        let finished = self.sources.iter().all(|source| self.state.finished.contains(source));
        if self.state.stopping || finished {
            return finished && self.agent.is_idle() && (self.state.stopping || self.agent.is_settled());
        }
        let quiet = self.sources.iter().all(|s| self.state.quiet.contains(s) || self.state.finished.contains(s));
        self.until_idle && quiet && self.agent.is_settled()
    }
}

/// Waits for engine time; for ever if nothing is due. At least a millisecond, so that a time which
/// cannot be acted upon does not become a busy loop.
async fn sleep_until(due: Option<Timestamp>) {
    match due {
        Some(due) => tokio::time::sleep(due.since(clock::now()).max(Duration::from_millis(1))).await,
        None => std::future::pending().await,
    }
}
