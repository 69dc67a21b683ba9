//! The one loop: next event, handle, carry out the effects.
//!
//! Layer: shell

use super::clock;
use super::reader::{Current, Reading, Told};
use super::service::Service;
use super::socket::Asked;
use super::{Hands, Reload};
use crate::agent::{Agent, Effect, Event, Notice};
use crate::journal::{By, Entry, RunId};
use crate::policy::Policy;
use crate::probe;
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
    /// How each source is read, in the order of `wtor.toml`.
    pub(super) readings: Vec<Reading>,
    /// Number of this life of the agent.
    pub(super) session: u64,
    pub(super) until_idle: bool,
    pub(super) state: State,
    pub(super) service: Service,
    /// What is left to do before it can be said that the agent watches; none when it is said.
    pub(super) beginning: Option<Beginning>,
}

/// A line that is written after the agent has said that it watches is acted upon, whatever becomes of the agent. So
/// it must know for ever what was there before.
#[derive(Debug)]
pub(super) struct Beginning {
    /// The sources that have not yet looked at their files for the first time.
    pub unlooked: BTreeSet<Arc<str>>,
    /// What they have found is on disk with this batch.
    batch: Option<u64>,
}

impl Beginning {
    /// Of an agent with these sources of files.
    pub(super) fn of(unlooked: BTreeSet<Arc<str>>) -> Option<Beginning> {
        Some(Beginning { unlooked, batch: None })
    }

    /// True when all have looked, and what they found is on disk.
    fn is_over(&mut self, appended: u64, durable: u64) -> bool {
        self.unlooked.is_empty() && *self.batch.get_or_insert(appended) <= durable
    }
}

/// What is known of the world around the agent.
#[derive(Debug, Default)]
pub(super) struct State {
    quiet: BTreeSet<Arc<str>>,
    finished: BTreeSet<Arc<str>>,
    pub(super) problems: BTreeMap<Arc<str>, String>,
    pub(super) stalled: Option<String>,
    broken: Option<String>,
    pub(super) stopping: bool,
    /// Asked to stop a second time: what only waits for the journal is given up; it was never announced.
    insisted: bool,
    /// The last batch given to the journal, and the last one that is on disk.
    appended: u64,
    durable: u64,
    pruned: Option<Timestamp>,
    /// How many test messages have been taken.
    pub(super) injected: u64,
}

impl State {
    /// The journal is so far behind that the sources must wait.
    fn is_behind(&self) -> bool {
        self.appended.saturating_sub(self.durable) >= BATCHES_WAITING_MAX
    }
}

/// Batches that may wait for the journal; beyond that the sources wait, and nothing is lost. At two
/// decisions a batch this is some megabytes.
const BATCHES_WAITING_MAX: u64 = 4096;
/// How often the journal is relieved of what is old.
const PRUNE_EVERY: Duration = Duration::from_secs(86_400);

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
            self.watching();
            let next = tokio::select! {
                biased;
                next = hands.recv() => next,
                next = heard.recv(), if !self.state.is_behind() => next,
                () = sleep_until(self.agent.next_due()) => None,
                () = self.service.next_round() => None,
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
            self.prune();
            self.service.came_round();
            if let Some(why) = self.state.broken.take() {
                return Err(why);
            }
            if self.is_done() {
                return Ok(());
            }
        }
    }

    /// Says that the agent watches as soon as it does, to the service manager, too.
    fn watching(&mut self) {
        let (appended, durable) = (self.state.appended, self.state.durable);
        if self.beginning.take_if(|beginning| beginning.is_over(appended, durable)).is_none() {
            return;
        }
        let watching = self.what_is_watched();
        self.say("WTR309I", format!("wtor {} is {watching}.", env!("CARGO_PKG_VERSION")), Vec::new());
        if rustix::process::geteuid().is_root() && self.some_job_is_the_agents_user() {
            let text = "The agent runs as root, and so do the steps of every job without a `user`.";
            self.say("WTR314W", text.to_owned(), Vec::new());
        }
        match Service::from_environment() {
            Ok(service) => self.service = service,
            Err(error) => {
                let text = format!("The service manager cannot be told how the agent fares: {error}.");
                self.say("WTR315W", text, Vec::new());
            }
        }
        self.service.ready(&self.how_it_fares());
    }

    fn some_job_is_the_agents_user(&self) -> bool {
        self.current.read().is_ok_and(|current| current.policy().jobs.values().any(|job| job.user.is_none()))
    }

    /// What a service manager shows of the agent, in one line.
    pub(super) fn how_it_fares(&self) -> String {
        match &self.state.stalled {
            Some(reason) => format!("the journal cannot be written, so nothing is started: {reason}"),
            None if self.state.stopping => "stopping".to_owned(),
            None => self.what_is_watched(),
        }
    }

    /// `watching 2 sources with policy 7f3a91 with 1 rule and 2 jobs`.
    fn what_is_watched(&self) -> String {
        let policy = self.current.read().map(|current| described(current.policy())).unwrap_or_default();
        format!("watching {} with {policy}", counted(self.sources.len(), "source", "sources"))
    }

    fn hear(&mut self, heard: Heard) -> Vec<Effect> {
        match heard {
            Heard::Event(event) => {
                match event {
                    Event::Durable(batch) => self.state.durable = batch,
                    Event::Ended { .. } => probe::reach(|| "ended".into()),
                    _ => {}
                }
                return self.agent.handle(event);
            }
            Heard::Told(Told::Event(event)) => {
                match (&event, &mut self.beginning) {
                    (Event::Matched(matched), _) => drop(self.state.quiet.remove(&matched.origin.source)),
                    (Event::Read(read), Some(beginning)) if !read.is_of_file() => {
                        beginning.unlooked.remove(&read.source);
                    }
                    _ => {}
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
                self.say(problem.id, problem.text.clone(), fields);
                // What is only told (the file can be read again, …) puts an end to the problem.
                if problem.id.ends_with('I') {
                    self.state.problems.remove(&problem.path);
                } else {
                    let text = format!("{}: {}", problem.path, problem.text);
                    self.state.problems.insert(problem.path, text);
                }
            }
            Heard::Journal(journal) => self.journal(journal),
            Heard::Asked(asked) => return self.answer(asked),
            Heard::Hangup => return self.replace_policy().1,
            Heard::Stop => return self.stop(),
        }
        Vec::new()
    }

    /// The first request to stop lets what runs come to its end; a second one ends it.
    fn stop(&mut self) -> Vec<Effect> {
        if self.state.stopping {
            return self.stop_now("a second signal");
        }
        self.drain()
    }

    /// Starts nothing more, and ends when what runs has ended.
    pub(super) fn drain(&mut self) -> Vec<Effect> {
        if self.state.stopping {
            return Vec::new();
        }
        self.state.stopping = true;
        let text = match self.running().len() {
            0 => "Stopping.".to_owned(),
            n => format!(
                "Stopping when {} ended; a second signal ends {}.",
                counted(n, "run has", "runs have"),
                if n == 1 { "it" } else { "them" }
            ),
        };
        self.say("WTR308I", text, Vec::new());
        self.service.stopping(&self.how_it_fares());
        self.hands.stop_sources();
        self.agent.handle(Event::Shutdown)
    }

    /// Ends what runs, and then ends.
    pub(super) fn stop_now(&mut self, who: &str) -> Vec<Effect> {
        let mut effects = self.drain();
        self.state.insisted = true;
        for run in self.running() {
            let by = By { who: who.to_owned(), why: None };
            effects.extend(self.agent.handle(Event::Cancelled { run, by }));
        }
        effects
    }

    fn running(&self) -> Vec<RunId> {
        self.agent.view().runs.into_iter().filter(|run| run.state == "running").map(|run| run.run).collect()
    }

    /// Once a day, what is old enough leaves the journal.
    fn prune(&mut self) {
        let now = clock::now();
        if self.state.pruned.is_none_or(|last| now.since(last) >= PRUNE_EVERY) {
            self.state.pruned = Some(now);
            self.hands.prune();
        }
    }

    pub(super) fn say(&mut self, id: &'static str, text: String, fields: Vec<(&'static str, String)>) {
        (self.publish)(&Notice { id, at: clock::now(), text, fields });
    }

    fn journal(&mut self, journal: Journal) {
        let (id, text) = match journal {
            Journal::Good => {
                self.state.stalled = None;
                ("WTR210I", "The journal can be written again.".to_owned())
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
        self.say(id, text, Vec::new());
        self.service.status(&self.how_it_fares());
    }

    pub(super) fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Append { batch, entries } => {
                    if entries.iter().any(|entry| matches!(entry, Entry::Decided(_))) {
                        probe::reach(|| "decided".into());
                    }
                    self.state.appended = batch;
                    self.hands.append(batch, entries);
                }
                Effect::Start { run, attempt, plan } => {
                    probe::reach(|| "announced".into());
                    self.hands.start(run, attempt, plan);
                    probe::reach(|| "started".into());
                }
                Effect::Cancel { run } => self.hands.cancel(run),
                Effect::Publish(notice) => (self.publish)(&notice),
            }
        }
    }

    fn is_done(&self) -> bool {
        let finished = self.sources.iter().all(|source| self.state.finished.contains(source));
        if self.state.insisted && self.state.stalled.is_some() {
            return true;
        }
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

/// `policy 7f3a91 with 1 rule and 2 jobs`.
pub(super) fn described(policy: &Policy) -> String {
    let rules = counted(policy.rules.len(), "rule", "rules");
    format!("policy {} with {rules} and {}", policy.hash, counted(policy.jobs.len(), "job", "jobs"))
}

/// `1 rule`, `2 rules`.
#[must_use]
pub fn counted(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}
