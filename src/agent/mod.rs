//! The program as a state machine: one pure function from an event to effects. Start reading here.
//!
//! It reads no clock, file, socket or random number: live, replay, rule tests and simulation drive
//! this same function and differ only in who makes the events and who carries out the effects.
//!
//! Layer: core

mod correlate;
mod deeds;
mod effect;
mod event;
mod memory;
mod orders;
mod outbox;
mod schedule;
mod seen;
mod view;

pub use effect::{Effect, Notice};
pub use event::Event;
pub use outbox::{OpenRun, RunState};
pub use view::{DueView, OrderView, RunView, SituationView, View};

use crate::engine::{self, Basis, Guard, Matched, Situations};
use crate::journal::{Checkpoint, Decision, Entry, FileKey, Ledger, Origin, RunId, StandingOrders, Verdict};
use crate::policy::{Policy, Target};
use crate::rule::{Brakes, Rule};
use crate::time::Timestamp;
use deeds::When;
use outbox::Outbox;
use schedule::Schedules;
use seen::SeenPositions;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// What the journal holds of an earlier life.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// How far each file was read.
    pub checkpoints: Vec<Checkpoint>,
    /// Decisions about records at or behind those positions: (rule, file, offset).
    pub decided: BTreeSet<(Arc<str>, FileKey, u64)>,
    /// Runs that are not over.
    pub ledger: Ledger,
    /// The highest run number ever given.
    pub last_run: u64,
    /// Entries of situations that were alive, in order.
    pub situations: Vec<Entry>,
    /// Entries of what stands until it is changed, in order.
    pub standing: Vec<Entry>,
    /// The latest decisions, in order.
    pub recent: Vec<Entry>,
    /// The rules that owed runs lately, and when.
    pub recent_runs: Vec<(Arc<str>, Timestamp)>,
}

/// The agent. See the module text.
#[derive(Debug)]
pub struct Agent {
    policy: Arc<Policy>,
    now: Timestamp,
    outbox: Outbox,
    situations: Situations,
    schedules: Schedules,
    standing: StandingOrders,
    guard: Guard,
    seen: SeenPositions,
    last_run: u64,
    last_batch: u64,
    /// The last batch that is on disk.
    durable: u64,
    /// Notices that wait for the batch that they belong to.
    unsaid: VecDeque<(u64, Notice)>,
    counts: Counts,
    stopping: bool,
    out: Out,
}

/// What has been counted since the agent started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Counts {
    /// Decisions by which something was done.
    pub fired: u64,
    /// Decisions that were held.
    pub held: u64,
    /// Decisions by which nothing was done for another reason: shadow, too old, disabled, impossible.
    #[serde(default)]
    pub idle: u64,
    /// Matches that belong to a situation and are not yet decided.
    #[serde(default)]
    pub noted: u64,
    /// Situations that were forgotten because there were too many.
    #[serde(default)]
    pub forgotten: u64,
    /// Matches of records that had been decided before.
    pub repeated: u64,
    /// Attempts started.
    pub started: u64,
    /// Runs that came out well.
    pub good: u64,
    /// Runs that did not.
    pub failed: u64,
    /// Runs that did not take place.
    #[serde(default)]
    pub skipped: u64,
}

/// What one event leads to, while it is being collected.
#[derive(Debug, Default)]
struct Out {
    entries: Vec<Entry>,
    notices: Vec<Notice>,
    effects: Vec<Effect>,
    /// Actions whose time has come and that the agent does itself: decisions, and which of their actions.
    deeds: Vec<(Arc<Decision>, usize)>,
}

impl Out {
    fn say(&mut self, id: &'static str, at: Timestamp, text: String, fields: Vec<(&'static str, String)>) {
        self.notices.push(Notice { id, at, text, fields });
    }
}

impl Agent {
    /// An agent that takes up where the journal ends, and the effects that this asks for.
    #[must_use]
    pub fn recover(policy: Arc<Policy>, memory: Memory, now: Timestamp, runs_at_once: usize) -> (Agent, Vec<Effect>) {
        let mut agent = Agent {
            outbox: Outbox::new(runs_at_once),
            situations: Situations::default(),
            schedules: Schedules::new(&memory.checkpoints),
            standing: StandingOrders::default(),
            guard: Guard::default(),
            seen: SeenPositions::new(memory.checkpoints, memory.decided),
            last_run: memory.last_run,
            last_batch: 0,
            durable: 0,
            unsaid: VecDeque::new(),
            counts: Counts::default(),
            stopping: false,
            out: Out::default(),
            policy,
            now,
        };
        agent.outbox.recover(&agent.policy, memory.ledger.open(), now, &mut agent.out);
        agent.recover_situations(&memory.situations);
        agent.recover_orders(&memory.standing, &memory.recent, &memory.recent_runs);
        agent.begin_schedules();
        agent.advance();
        let effects = agent.effects();
        (agent, effects)
    }

    /// Sets how many runs are too many. It is no entry: it holds from here on.
    pub fn brake_by(&mut self, brakes: Brakes) {
        self.guard.brake_by(brakes);
    }

    /// The only way anything ever happens.
    pub fn handle(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Matched(mut matched) => {
                self.pass_time(matched.at);
                // A record that had to wait, or whose stamp goes back, is decided at the one time that there is.
                matched.at = self.now;
                // The journal knows the file no later than the first decision about it.
                self.read(matched.read.clone());
                match matched.target.clone() {
                    Target::Rule(rule) => self.matched(&rule, &matched),
                    Target::Further { rule, further } => self.further(&rule, further, &matched),
                    Target::Expected { rule, what } => {
                        self.outbox.expected(&self.policy, (&rule, &what), &matched, self.now, &mut self.out);
                    }
                }
            }
            Event::Read(checkpoint) => self.read(checkpoint),
            Event::Gone(file) => self.out.entries.extend(self.seen.done(&file).map(Entry::Position)),
            Event::Tick(at) => self.pass_time(at),
            Event::Durable(batch) => {
                self.durable = batch;
                self.outbox.durable(batch, &self.policy, self.now, &mut self.out);
            }
            Event::Ended { run, attempt, outcomes } => {
                self.outbox.ended(&self.policy, (run, attempt), outcomes, self.now, &mut self.out);
            }
            Event::PolicyReplaced(policy) => {
                self.policy = policy;
                self.outbox.policy_replaced(&self.policy, self.now, &mut self.out);
                self.forget_strangers("the rule was changed");
                self.begin_schedules();
            }
            Event::Released { run, how, by } => self.outbox.released(run, how, by, self.now, &mut self.out),
            Event::Cancelled { run, by } => self.outbox.cancelled(run, by, self.now, &mut self.out),
            Event::Answered { run, approved, by } => {
                self.outbox.answered(run, approved, by, self.now, &mut self.out);
            }
            Event::Disabled { subject, until, by } => self.disable(subject, until, by),
            Event::Enabled { subject, by } => self.enable(subject, by),
            Event::SituationsClosed { name, key, by } => self.close_situations(&name, key.as_deref(), &by),
            Event::Shutdown => self.stopping = true,
        }
        self.advance();
        self.effects()
    }

    /// When time alone will next make something happen.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let scheduled = self.schedules.next_due().filter(|_| !self.stopping);
        let due =
            [self.outbox.next_due(!self.stopping), self.situations.next_due(), self.standing.next_due(), scheduled];
        due.into_iter().flatten().min()
    }

    /// How far time has come, in engine time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// True if nothing runs and nothing waits for the journal.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.outbox.is_idle() && self.unsaid.is_empty()
    }

    /// True if no run is on its way: what is left waits for a person.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let waits = |run: &OpenRun| {
            matches!(run.state(), RunState::InDoubt { .. } | RunState::Asked { .. } | RunState::Waiting(_))
        };
        self.is_idle() && self.outbox.runs().all(|(_, run)| waits(run))
    }

    /// How many decisions it keeps in mind because their records could be read again.
    #[must_use]
    pub fn decisions_remembered(&self) -> usize {
        self.seen.decisions()
    }

    /// Everything a person may look at.
    #[must_use]
    pub fn view(&self) -> View {
        View::new(self)
    }

    /// The final rule because of which this one does not see a record. It can be asked as long as no other record
    /// of the file has come.
    #[must_use]
    pub fn hidden_by(&self, rule: &str, origin: &Origin) -> Option<&Arc<str>> {
        let taker = self.seen.taken_by(origin)?;
        let is_behind = match (self.policy.position(taker), self.policy.position(rule)) {
            (Some(taker), Some(rule)) => taker < rule,
            // The policy was replaced meanwhile.
            _ => true,
        };
        is_behind.then_some(taker)
    }

    /// A record matches a rule, which decides about it unless a final rule before it took the record.
    fn matched(&mut self, rule: &Arc<str>, matched: &Matched) {
        let origin = &matched.origin;
        if self.hidden_by(rule, origin).is_some() {
            return;
        }
        self.decide(rule, matched);
        let takes_all = self.policy.rule(rule).is_some_and(Rule::takes_all);
        if takes_all && !self.seen.knows(&Decision::out_of_force(rule), origin) {
            self.seen.take(rule, origin);
        }
    }

    fn decide(&mut self, rule: &Arc<str>, matched: &Matched) {
        if !self.seen.is_new(rule, &matched.origin) {
            self.counts.repeated += 1;
            return;
        }
        // A match of a policy that has been replaced meanwhile is decided by the one in force.
        let policy = self.policy.clone();
        match policy.rule(rule).filter(|rule| rule.enabled) {
            Some(rule) => self.decide_by(&policy, rule, matched),
            None => self.decided(engine::without_rule(&policy, rule, matched), When::AtOnce),
        }
    }

    fn decide_by(&mut self, policy: &Policy, rule: &Rule, matched: &Matched) {
        let basis = match engine::too_old(matched) {
            // What came too late to be acted upon says nothing about what happens now.
            Some(_) => Some(Basis::default()),
            None => self.restrained(rule, &matched.captures).or_else(|| self.correlate(rule, matched)),
        };
        if let Some(basis) = basis {
            let basis = self.braked(rule, basis);
            self.decided(engine::decide(policy, rule, matched, RunId(self.last_run + 1), basis), When::AtOnce);
        }
    }

    /// A decision takes effect.
    fn decided(&mut self, decision: Decision, when: When) {
        decision.labels().for_each(|label| self.seen.decided(&label, &decision.origin));
        let fired = decision.verdict == Verdict::Fired;
        *match decision.verdict {
            Verdict::Fired => &mut self.counts.fired,
            Verdict::Held => &mut self.counts.held,
            _ => &mut self.counts.idle,
        } += 1;
        // A rule that is held or disabled says so in the journal only: to be quiet is what it is held for.
        if !fired && !decision.verdict.is_kept_back() {
            let text = format!("Rule {} matched and did nothing: {}.", decision.rule, decision.reason);
            self.out.say("WTR307W", self.now, text, about(&decision));
        }
        self.guard(&decision);
        self.enter(Entry::Decided(decision.clone()));
        if fired {
            self.act(&Arc::new(decision), when);
        }
    }

    fn read(&mut self, checkpoint: Checkpoint) {
        if self.seen.read(checkpoint.clone()) {
            self.out.entries.push(Entry::Position(checkpoint));
        }
    }

    /// Time never goes back: clocks that are set back, and logs whose stamps do, are outwaited.
    fn pass_time(&mut self, at: Timestamp) {
        if self.now == Timestamp::default() {
            self.now = at;
            self.begin_schedules();
        }
        while let Some(due) = self.next_due().filter(|due| *due <= at) {
            self.now = self.now.max(due);
            self.outbox.tick(&self.policy, self.now, &mut self.out);
            self.situations_due();
            self.orders_due();
            self.schedules_due(at);
            self.advance();
            if self.next_due() == Some(due) {
                debug_assert!(false, "what is due at {due} does not happen");
                break;
            }
        }
        self.now = self.now.max(at);
    }

    /// Starts what is owed, as far as the limit allows. The announcement goes into the same batch as
    /// the decision; the start waits until that batch is on disk.
    fn advance(&mut self) {
        while !self.stopping {
            self.counts.started += self.outbox.start_owed(&self.policy, self.now, self.last_batch + 1, &mut self.out);
            // What is handed over may owe runs that begin at once.
            if !self.do_deeds() {
                break;
            }
        }
        let closed = self.outbox.take_closed();
        self.counts.good += closed.good;
        self.counts.failed += closed.failed;
        self.counts.skipped += closed.skipped;
    }

    /// What is said stands in the journal first: a report is not repeated after a crash, and nothing is
    /// told that a crash could make untrue.
    fn effects(&mut self) -> Vec<Effect> {
        self.seen.occasions_are_over();
        let out = std::mem::take(&mut self.out);
        let mut effects = out.effects;
        if !out.entries.is_empty() {
            self.last_batch += 1;
            effects.push(Effect::Append { batch: self.last_batch, entries: out.entries });
        }
        self.unsaid.extend(out.notices.into_iter().map(|notice| (self.last_batch, notice)));
        while self.unsaid.front().is_some_and(|(batch, _)| *batch <= self.durable) {
            effects.extend(self.unsaid.pop_front().map(|(_, notice)| Effect::Publish(notice)));
        }
        effects
    }
}

/// The details that every notice about a decision carries, so that it can be replayed.
fn about(decision: &Decision) -> Vec<(&'static str, String)> {
    let origin = &decision.origin;
    vec![("rule", decision.rule.to_string()), ("record", format!("{}:{}", origin.path, origin.line))]
}
