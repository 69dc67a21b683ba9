//! From decision to ended run, never ahead of the journal: a run is owed, announced, started when
//! its announcement is on disk, ended, verified by the messages that must follow, tried again, and
//! closed.
//!
//! Layer: core

mod run;
mod waiting;

pub use run::{OpenRun, RunState};

use super::{Effect, Out};
use crate::engine::Matched;
use crate::job::{OnDoubt, Outcome, Retry};
use crate::journal::{By, Entry, LedgerRun, Phase, Release, RunId};
use crate::limits::ATTEMPTS_IN_DOUBT_MAX;
use crate::policy::Policy;
use crate::rule::{Came, Expect, Field, Test, describe_whole};
use crate::time::Timestamp;
use run::{Kind, Runs};
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Outbox {
    runs: Runs,
    runs_at_once: usize,
    closed: Closed,
}

/// How many have come to their end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Closed {
    pub(super) good: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
}

impl Outbox {
    pub(super) fn new(runs_at_once: usize) -> Outbox {
        Outbox { runs: Runs::default(), runs_at_once: runs_at_once.max(1), closed: Closed::default() }
    }

    pub(super) fn runs(&self) -> impl Iterator<Item = (RunId, &OpenRun)> {
        self.runs.iter()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.runs.under_way().is_empty()
    }

    pub(super) fn take_closed(&mut self) -> Closed {
        std::mem::take(&mut self.closed)
    }

    /// When time alone will next make something happen; `starting` is false when nothing more starts.
    pub(super) fn next_due(&self, starting: bool) -> Option<Timestamp> {
        let deed = self.runs.next_owed(Kind::Deed).filter(|_| starting);
        let run = self.runs.next_owed(Kind::Run).filter(|_| starting && self.free() > 0);
        [deed, run, self.runs.next_end()].into_iter().flatten().min()
    }

    /// Announces every owed run that may start, the oldest first, in the batch that is being collected.
    /// Returns how many.
    pub(super) fn start_owed(&mut self, policy: &Policy, now: Timestamp, batch: u64, out: &mut Out) -> u64 {
        let mut started = 0;
        self.runs.make_ready(now);
        loop {
            let run = self.runs.next_ready(Kind::Run).filter(|_| self.free() > 0);
            let Some(id) = run.into_iter().chain(self.runs.next_ready(Kind::Deed)).min() else { return started };
            let Some(run) = self.runs.get(id) else { return started };
            let attempt = run.attempt();
            if run.kind() == Kind::Deed {
                self.do_now(id, now, out);
            } else if let Err(why) = run.plan(policy) {
                self.close(id, false, why, now, out);
            } else {
                self.runs.announce(id, (attempt, batch), now);
                out.entries.push(Entry::Starting { run: id, attempt, at: now });
                started += 1;
            }
        }
    }

    /// Places that are free.
    fn free(&self) -> usize {
        self.runs_at_once.saturating_sub(self.runs.under_way().len())
    }

    /// The journal has this batch, and all before it: what they announce may start.
    pub(super) fn durable(&mut self, batch: u64, policy: &Policy, now: Timestamp, out: &mut Out) {
        let mut failed = Vec::new();
        for id in self.runs.under_way() {
            let Some(run) = self.runs.get(id) else { continue };
            let RunState::Announced { attempt, batch: of } = *run.state() else { continue };
            if of > batch {
                continue;
            }
            match run.plan(policy) {
                Ok(plan) => {
                    out.effects.push(Effect::Start { run: id, attempt, plan });
                    let text = format!("Run {id} of job {} started, attempt {attempt}.", run.job);
                    out.say("WTR301I", now, text, run.about(id));
                    self.runs.set(id, RunState::Running { attempt });
                }
                Err(why) => failed.push((id, why)),
            }
        }
        for (id, why) in failed {
            self.close(id, false, why, now, out);
        }
    }

    /// An attempt has ended.
    pub(super) fn ended(
        &mut self,
        policy: &Policy,
        (id, attempt): (RunId, u32),
        outcomes: Vec<Outcome>,
        now: Timestamp,
        out: &mut Out,
    ) {
        let Some(run) = self.runs.get(id).filter(|run| *run.state() == RunState::Running { attempt }) else { return };
        let good = outcomes.iter().all(|outcome| outcome.good);
        let run_since = run.since;
        let summary = summary(&outcomes);
        out.entries.push(Entry::Ended { run: id, attempt, at: now, outcomes, good });
        if !good {
            return self.failed(policy, id, attempt, summary, now, out);
        }
        self.verify(policy, (id, attempt), &summary, (run_since, now), out);
        self.tick(policy, now, out);
    }

    /// The steps of an attempt were good: wait for the messages that prove it, from `since` on.
    fn verify(
        &mut self,
        policy: &Policy,
        (id, attempt): (RunId, u32),
        how: &str,
        (since, now): (Timestamp, Timestamp),
        out: &mut Out,
    ) {
        let Some(run) = self.runs.get(id) else { return };
        match run.expect(policy) {
            Some(expect) if !missing(expect, &run.met).is_empty() => {
                self.runs.set(id, RunState::Verifying { attempt, deadline: since.after(expect.within) });
            }
            Some(_) => self.verified(id, attempt, how, now, out),
            None => self.close(id, true, how.to_owned(), now, out),
        }
    }

    /// A person has decided about a run in doubt. Any other run stays as it is.
    pub(super) fn released(&mut self, id: RunId, how: Release, by: By, now: Timestamp, out: &mut Out) {
        let Some(run) = self.runs.get(id) else { return };
        let RunState::InDoubt { attempt } = *run.state() else { return };
        let clause = format!("{} by {by}", how.clause());
        out.entries.push(Entry::Released { run: id, attempt, at: now, how, by });
        match how {
            Release::Rerun => {
                out.say("WTR306I", now, format!("Run {id} of job {} was {clause}.", run.job), run.about(id));
                self.runs.set(id, RunState::Owed { attempt: attempt + 1, not_before: now });
            }
            Release::Good => self.close(id, true, format!("it was in doubt, and {clause}"), now, out),
            Release::Failed => self.close(id, false, format!("it was in doubt, and {clause}"), now, out),
        }
    }

    /// A message came that some run of this rule may be waiting for.
    pub(super) fn expected(
        &mut self,
        policy: &Policy,
        (rule, what): (&Arc<str>, &Arc<str>),
        record: &Matched,
        now: Timestamp,
        out: &mut Out,
    ) {
        let mut proved = Vec::new();
        for id in self.runs.of_rule(rule) {
            let Some(run) = self.runs.get(id).filter(|run| !run.is_waiting()) else { continue };
            let Some(expect) = run.expect(policy) else { continue };
            let Some(condition) = expect.all.iter().position(|of| describe_whole(of) == **what) else { continue };
            let trigger = &run.decision.captures;
            let same = |field: &Field| record.captures.get(field.name()) == trigger.get(field.name());
            if !expect.by.iter().all(same) || !record.origin.is_behind(&run.decision.origin) {
                continue;
            }
            let met: BTreeSet<Arc<str>> = run.met.iter().chain([what]).cloned().collect();
            if met.len() > run.met.len() {
                let (attempt, what) = (run.attempt(), what.clone());
                out.entries.push(Entry::Proved { run: id, attempt, at: now, condition, what });
            }
            if let RunState::Verifying { attempt, .. } = *run.state()
                && missing(expect, &met).is_empty()
            {
                proved.push((id, attempt));
            }
            self.runs.prove(id, met);
        }
        for (id, attempt) in proved {
            self.verified(id, attempt, "all steps were good", now, out);
        }
    }

    /// Another policy is in force: what it does not ask for any more is not waited for.
    pub(super) fn policy_replaced(&mut self, policy: &Policy, now: Timestamp, out: &mut Out) {
        let proved = |run: &OpenRun| match *run.state() {
            RunState::Verifying { attempt, .. } => match run.expect(policy) {
                Some(expect) => missing(expect, &run.met).is_empty().then_some((attempt, true)),
                None => Some((attempt, false)),
            },
            _ => None,
        };
        let proved: Vec<_> = self.runs.iter().filter_map(|(id, run)| Some((id, proved(run)?))).collect();
        for (id, (attempt, expected)) in proved {
            if expected {
                self.verified(id, attempt, "all steps were good", now, out);
            } else {
                self.close(
                    id,
                    true,
                    "all steps were good, and the rule asks for no messages any more".into(),
                    now,
                    out,
                );
            }
        }
    }

    /// Time has passed: verifications whose messages did not come have failed, and questions are over.
    pub(super) fn tick(&mut self, policy: &Policy, now: Timestamp, out: &mut Out) {
        self.unanswered(now, out);
        for id in self.runs.over(now) {
            let Some(run) = self.runs.get(id) else { continue };
            let RunState::Verifying { attempt, .. } = *run.state() else { continue };
            let missing = run.expect(policy).map(|expect| missing(expect, &run.met)).unwrap_or_default();
            let why = format!("its steps were good, but {} did not follow", missing.join(" and "));
            out.entries.push(Entry::Verified { run: id, attempt, at: now, missing });
            self.failed(policy, id, attempt, why, now, out);
        }
    }

    /// Takes up the runs that an earlier agent left open.
    pub(super) fn recover<'l>(
        &mut self,
        policy: &Policy,
        left: impl Iterator<Item = &'l LedgerRun> + Clone,
        now: Timestamp,
        out: &mut Out,
    ) {
        // All of them first: those that wait for one another must find each other.
        for left in left.clone() {
            self.insert(&left.decision, left.index, now);
        }
        for left in left.clone() {
            self.take_up(policy, left, now, out);
        }
        let was_in_doubt = |left: &&LedgerRun| matches!(left.phase, Phase::InDoubt { .. });
        let is_in_doubt = |run: &OpenRun| matches!(run.state(), RunState::InDoubt { .. });
        let held = left.filter(was_in_doubt).filter(|left| self.runs.get(left.run).is_some_and(is_in_doubt)).count();
        if held > 0 {
            let (runs, them) = if held == 1 { ("1 run is", "it") } else { (&*format!("{held} runs are"), "them") };
            let text = format!("{runs} still in doubt and held: `wtor runs --in-doubt` lists {them}.");
            out.say("WTR316W", now, text, Vec::new());
        }
    }

    fn take_up(&mut self, policy: &Policy, left: &LedgerRun, now: Timestamp, out: &mut Out) {
        let id = left.run;
        let expect = self.runs.get(id).and_then(|run| run.expect(policy));
        // An older journal has only the place of the condition.
        let what = |(place, what): &(usize, Arc<str>)| match &**what {
            "" => Some(describe_whole(expect?.all.get(*place)?).into()),
            _ => Some(what.clone()),
        };
        self.runs.prove(id, left.proved.iter().filter_map(what));
        let Some(run) = self.runs.get(id) else { return };
        match left.phase {
            Phase::Decided => self.begin(id, now, out),
            Phase::Asked { until } => self.runs.set(id, RunState::Asked { until }),
            Phase::Approved => self.runs.set(id, run.approved(now)),
            Phase::Closed { .. } => {}
            Phase::Starting { attempt } => {
                out.entries.push(Entry::InDoubt { run: id, attempt, at: now });
                self.in_doubt(policy, id, attempt, now, out);
            }
            // It was said when it was found; a job that says rerun by now has it said again.
            Phase::InDoubt { attempt } if !is_made_again(policy, &run.job, attempt) => {
                self.runs.set(id, RunState::InDoubt { attempt });
            }
            Phase::InDoubt { attempt } => self.in_doubt(policy, id, attempt, now, out),
            Phase::Released { attempt } => {
                self.runs.set(id, RunState::Owed { attempt: attempt + 1, not_before: now });
            }
            Phase::Failed { attempt } => {
                self.failed(policy, id, attempt, "it had failed when the agent ended".into(), now, out);
            }
            Phase::Verifying { attempt } => self.verify(policy, (id, attempt), "all steps were good", (now, now), out),
            Phase::Verified { .. } => {
                self.close(id, true, "all steps were good, and the expected messages followed".into(), now, out);
            }
        }
    }

    fn in_doubt(&mut self, policy: &Policy, id: RunId, attempt: u32, now: Timestamp, out: &mut Out) {
        let Some(run) = self.runs.get(id) else { return };
        let job = &run.job;
        let (state, what) = if is_made_again(policy, job, attempt) {
            let owed = RunState::Owed { attempt: attempt + 1, not_before: now };
            (owed, "its job says rerun, so it is started again".to_owned())
        } else {
            let often =
                if says_rerun(policy, job) { format!("it was started {attempt} times, so ") } else { String::new() };
            (RunState::InDoubt { attempt }, format!("{often}it is held until somebody looks"))
        };
        let text = format!(
            "Run {id} of job {job} was running when the agent ended, so nobody knows how it ended (its processes may still be there); {what}."
        );
        out.say("WTR305W", now, text, run.about(id));
        self.runs.set(id, state);
    }

    fn failed(&mut self, policy: &Policy, id: RunId, attempt: u32, why: String, now: Timestamp, out: &mut Out) {
        let Some(run) = self.runs.get(id) else { return };
        let retry = policy.jobs.get(&run.job).map_or(Retry::default(), |job| job.retry);
        let Some(pause) = retry.pause_after(attempt) else {
            return self.close(id, false, why, now, out);
        };
        let left = retry.attempts - attempt;
        let text = format!(
            "Attempt {attempt} of run {id} of job {} failed: {why}; {left} left, the next in {} s.",
            run.job,
            pause.as_secs_f64()
        );
        out.say("WTR303W", now, text, run.about(id));
        self.runs.set(id, RunState::Owed { attempt: attempt + 1, not_before: now.after(pause) });
    }

    fn verified(&mut self, id: RunId, attempt: u32, how: &str, now: Timestamp, out: &mut Out) {
        out.entries.push(Entry::Verified { run: id, attempt, at: now, missing: Vec::new() });
        self.close(id, true, format!("{how}, and the expected messages followed"), now, out);
    }

    fn close(&mut self, id: RunId, good: bool, reason: String, now: Timestamp, out: &mut Out) {
        let Some(run) = self.runs.remove(id) else { return };
        *(if good { &mut self.closed.good } else { &mut self.closed.failed }) += 1;
        let (message, how) = if good { ("WTR302I", "is good") } else { ("WTR304E", "has failed") };
        out.say(message, now, format!("Run {id} of job {} {how}: {reason}.", run.job), run.about(id));
        out.entries.push(Entry::Closed { run: id, at: now, good, reason });
        self.came_out(id, if good { Came::Good } else { Came::Failed }, now, out);
    }
}

fn says_rerun(policy: &Policy, job: &str) -> bool {
    policy.jobs.get(job).is_some_and(|job| job.on_doubt == OnDoubt::Rerun)
}

/// True if another attempt follows this one that is in doubt: its job says so, and it has not been made too often.
fn is_made_again(policy: &Policy, job: &str, attempt: u32) -> bool {
    let most = policy.jobs.get(job).map_or(0, |job| job.retry.attempts).max(ATTEMPTS_IN_DOUBT_MAX);
    says_rerun(policy, job) && attempt < most
}

/// The expected messages that did not come, by their ids where they have one.
fn missing(expect: &Expect, met: &BTreeSet<Arc<str>>) -> Vec<String> {
    let name = |i: usize| {
        let ids = expect.all[i].tests.iter().find_map(|test| if let Test::Id(ids) = test { Some(ids) } else { None });
        ids.map_or_else(|| format!("condition {}", i + 1), |ids| crate::rule::pattern_names(ids))
    };
    (0..expect.all.len()).filter(|i| !met.contains(&*describe_whole(&expect.all[*i]))).map(name).collect()
}

/// What the steps did, as a clause.
fn summary(outcomes: &[Outcome]) -> String {
    match outcomes.iter().find(|outcome| !outcome.good) {
        Some(bad) => match &bad.cond_code {
            Some(code) => format!("step {} ended with condition code {code} ({})", bad.step, bad.end),
            None => format!("step {} {}", bad.step, bad.end),
        },
        None => "all steps were good".into(),
    }
}
