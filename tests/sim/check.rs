//! What must hold, asked at every effect and again at the end. It keeps accounts of its own: of all that
//! was ever appended to the journal, of what is on disk, and of what was started in the world.

use crate::log::LogFile;
use crate::orders::{self, Orders};
use crate::policy::{ATTEMPTS_MAX, CLOCK, EARLY, PASSING, STABLE, Variant};
use crate::situations::{self, Situations};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wtor::agent::{Notice, View};
use wtor::job::OnDoubt;
use wtor::journal::{Action, Decision, Entry, FileKey, Ledger, Phase, Release, RunId, Verdict};
use wtor::policy::Policy;
use wtor::rule::{Came, Captures};

/// Names a decision: file, offset, rule.
pub type Key = (FileKey, u64, Arc<str>);

/// Entries, added up.
#[derive(Clone, Debug, Default)]
pub struct Account {
    pub ledger: Ledger,
    pub decided: BTreeMap<Key, Verdict>,
    /// The second names of decisions of rules that were not in force.
    out_of_force: BTreeSet<Key>,
    pub read: BTreeMap<FileKey, u64>,
    pub situations: Situations,
    orders: Orders,
    /// Decisions of rules that acted, by the file key as they have it.
    pub fired: BTreeMap<Key, Decision>,
    /// Attempts of each run that were not good, or not proved.
    failures: BTreeMap<RunId, u32>,
    /// Attempts of each run that were found in doubt.
    doubts: BTreeMap<RunId, BTreeSet<u32>>,
    /// Attempts in doubt that a person has released, to be followed by another.
    released: BTreeSet<(RunId, u32)>,
    closed: BTreeMap<RunId, (bool, String)>,
    /// Rules and records of the decisions, as notices name them.
    origins: BTreeSet<(String, String)>,
}

impl Account {
    pub fn apply(&mut self, entry: &Entry) -> Result<(), String> {
        self.terms_are_met(entry)?;
        self.ledger.apply(entry).map_err(|fault| fault.to_string())?;
        self.situations.apply(entry)?;
        self.orders.apply(entry);
        match entry {
            Entry::Decided(decision) => {
                let origin = &decision.origin;
                if decision.verdict == Verdict::Fired {
                    let place = (origin.file.clone(), origin.offset, decision.rule.clone());
                    self.fired.insert(place, decision.clone());
                }
                self.origins.insert((decision.rule.to_string(), format!("{}:{}", origin.path, origin.line)));
                if decision.is_out_of_force() {
                    let (file, offset, rule) = key(decision);
                    self.out_of_force.insert((file, offset, Decision::out_of_force(&rule)));
                }
                if self.decided.insert(key(decision), decision.verdict.clone()).is_some() {
                    return Err(format!("decided twice: {:?}", key(decision)));
                }
            }
            Entry::Ended { run, good: false, .. } => *self.failures.entry(*run).or_default() += 1,
            Entry::Verified { run, missing, .. } if !missing.is_empty() => {
                *self.failures.entry(*run).or_default() += 1;
            }
            Entry::InDoubt { run, attempt, .. } => {
                self.doubts.entry(*run).or_default().insert(*attempt);
            }
            Entry::Released { run, attempt, how: Release::Rerun, .. } => {
                self.released.insert((*run, *attempt));
            }
            Entry::Closed { run, good, reason, .. } => {
                self.closed.insert(*run, (*good, reason.clone()));
            }
            Entry::Position(checkpoint) => {
                self.read.insert(checkpoint.file.clone(), checkpoint.offset);
            }
            Entry::Starting { .. }
            | Entry::Ended { .. }
            | Entry::Released { .. }
            | Entry::Skipped { .. }
            | Entry::Asked { .. }
            | Entry::Approved { .. }
            | Entry::Verified { .. }
            | Entry::Proved { .. }
            | Entry::Noted(_)
            | Entry::Disabled { .. }
            | Entry::Enabled { .. }
            | Entry::Set { .. }
            | Entry::Unset { .. }
            | Entry::Forgotten { .. } => {}
        }
        Ok(())
    }

    /// What waits for how a run before it comes out, for its time or for approval does not begin without.
    fn terms_are_met(&self, entry: &Entry) -> Result<(), String> {
        let (run, at) = match entry {
            Entry::Starting { run, attempt: 1, at } => (run, *at),
            Entry::Closed { run, at, .. } => (run, *at),
            _ => return Ok(()),
        };
        let Some(owed) = self.ledger.get(*run) else { return Ok(()) };
        let (action, phase) = (&owed.decision.actions[owed.index], owed.phase);
        if matches!(entry, Entry::Closed { .. }) && matches!(action, Action::Run { .. }) {
            return Ok(());
        }
        let terms = action.terms();
        if let Some(depends) = terms.depends
            && self.ledger.get(depends.run).map(|before| before.phase)
                != Some(Phase::Closed { good: Some(depends.came == Came::Good) })
        {
            return Err(format!("run {run} begins, and run {} has not come out {:?}", depends.run, depends.came));
        }
        if terms.not_before.is_some_and(|not_before| at < not_before) {
            return Err(format!("run {run} begins before its time"));
        }
        if terms.ask.is_some() && phase != Phase::Approved {
            return Err(format!("run {run} begins, and nobody has approved of it"));
        }
        Ok(())
    }

    /// A match was decided, or noted of a situation.
    fn knows(&self, key: &Key) -> bool {
        self.decided.contains_key(key) || self.situations.noted.contains(key)
    }

    /// A rule has decided about the record of a decision, on that occasion.
    pub fn has_decided(&self, occasion: FileKey, about: &Decision, rule: &Arc<str>) -> bool {
        self.decided.contains_key(&(occasion, about.origin.offset, rule.clone()))
    }

    /// It has come out well.
    pub fn has_closed(&self, run: RunId) -> bool {
        self.ledger.get(run).is_some_and(|run| run.phase == Phase::Closed { good: Some(true) })
    }

    /// Decisions about records.
    pub fn decided_of_files(&self) -> usize {
        self.decided.keys().filter(|(file, ..)| !is_clock(file)).count()
    }

    pub fn doubts(&self) -> usize {
        self.doubts.values().map(BTreeSet::len).sum()
    }
}

/// What is decided once: by a rule about a record, by whatever way it came to it at once.
fn key(decision: &Decision) -> Key {
    (decision.origin.file.occasion(), decision.origin.offset, decision.rule.clone())
}

/// True for the times of a schedule, which are like a file that is read.
fn is_clock(file: &FileKey) -> bool {
    file.0.starts_with("schedule ")
}

/// See the module text.
#[derive(Debug, Default)]
pub struct Checker {
    /// All that was appended.
    pub told: Account,
    /// What is on disk.
    pub durable: Account,
    /// Matches that an agent was given while its policy had their rule.
    obliged: BTreeSet<Key>,
    /// Reports of rules that were said: rule and record.
    reports: BTreeSet<(String, String)>,
    /// Runs that a person has released to be run again.
    released: BTreeSet<RunId>,
    /// Runs that a person has released as good.
    vouched: BTreeSet<RunId>,
    /// What was started: the attempt's decision, and whether it ended well.
    executions: BTreeMap<(RunId, u32), (Key, Option<bool>)>,
    /// The same, by the place in the log.
    owners: BTreeSet<(Key, usize, u32)>,
    /// When the rule on a schedule was last due, in the life of this agent under these rules.
    due: Option<u64>,
}

impl Checker {
    /// A match is given to the agent, whose policy has the rule.
    pub fn given(&mut self, rule: &Arc<str>, file: &FileKey, offset: u64) {
        if PASSING.contains(&&**rule) {
            return;
        }
        self.obliged.insert((file.clone(), offset, rule.clone()));
    }

    /// A person has decided about a run in doubt.
    pub fn released(&mut self, run: RunId, how: Release) {
        match how {
            Release::Rerun => self.released.insert(run),
            Release::Good => self.vouched.insert(run),
            Release::Failed => false,
        };
    }

    /// A batch is given to the journal.
    pub fn appended(&mut self, entries: &[Entry], files: &[LogFile], policy: &Policy) -> Result<(), String> {
        for entry in entries {
            let world = situations::World { policy, files, read: &self.told.read };
            self.told.situations.check(entry, &world)?;
            if let Entry::Position(checkpoint) = entry {
                self.position(&checkpoint.file, checkpoint.offset, files)?;
            }
            if let Entry::Decided(decision) = entry {
                self.told.orders.check(decision)?;
            }
            match entry {
                Entry::Decided(decision) if is_clock(&decision.origin.file) => self.due(decision.origin.offset)?,
                Entry::Decided(decision) => sensible(decision, files)?,
                _ => {}
            }
            if let Entry::Released { run, how: Release::Rerun, .. } = entry
                && !self.released.remove(run)
            {
                return Err(format!("run {run} is said to be released, and nobody has done so"));
            }
            if let Entry::Verified { run, missing, .. } = entry
                && missing.is_empty()
                && self.told.ledger.get(*run).is_none_or(|run| run.proved.iter().all(|(place, _)| *place != 0))
            {
                // Every variant of the rule asks for the first message, if it asks for any.
                return Err(format!("run {run} is said to be proved, and no message has proved it"));
            }
            self.told.apply(entry)?;
        }
        orders::batch_is_whole(entries, &self.told)
    }

    /// The rule on a schedule is due: each time is one period behind the one before.
    fn due(&mut self, at: u64) -> Result<(), String> {
        match self.due.replace(at) {
            Some(last) if at != last + CLOCK.1 => Err(format!("due at {last} s and then at {at} s")),
            _ if !at.is_multiple_of(CLOCK.1) => Err(format!("due at {at} s")),
            _ => Ok(()),
        }
    }

    /// Other rules are in force, or another agent: a schedule may begin anew.
    pub fn begun(&mut self) {
        self.due = None;
    }

    /// Everything before a position has been decided: by the account of what was given to the agent, and
    /// by a straight reading of the file.
    fn position(&self, file: &FileKey, to: u64, files: &[LogFile]) -> Result<(), String> {
        let from = self.told.read.get(file).copied().unwrap_or(0);
        if to < from {
            return Err(format!("the position in {} goes back from {from} to {to}", file.0));
        }
        let range = (file.clone(), from, Arc::from(""))..(file.clone(), to, Arc::from(""));
        if let Some(key) = self.obliged.range(range).find(|key| !self.told.knows(key)) {
            return Err(format!("the position {to} runs ahead of {key:?}, which was given and not decided"));
        }
        let Some(log) = files.iter().find(|log| log.key == *file) else { return Ok(()) };
        let hits = log.hits.range((from, Arc::from(""))..(to, Arc::from("")));
        let stable = hits.map(|((offset, rule), _)| (file.clone(), *offset, rule.clone()));
        let mut stable = stable.filter(|(_, _, rule)| STABLE.contains(&&**rule));
        match stable.find(|key| !self.told.knows(key)) {
            Some(key) => Err(format!("lost: the position {to} runs ahead of {key:?}, which is not decided")),
            None => Ok(()),
        }
    }

    pub fn committed(&mut self, entries: &[Entry]) -> Result<(), String> {
        entries.iter().try_for_each(|entry| self.durable.apply(entry).map_err(|why| format!("on disk: {why}")))
    }

    /// An attempt is started in the world, by an agent that began with this policy.
    pub fn started(&mut self, run: RunId, attempt: u32, began_with: &Variant) -> Result<(), String> {
        let wrong = |why: String| Err(format!("run {run}, attempt {attempt}: {why}"));
        let Some(owed) = self.durable.ledger.get(run) else {
            return wrong("started before its decision is on disk".into());
        };
        if owed.phase != (Phase::Starting { attempt }) {
            return wrong(format!("started while the journal on disk says {:?}", owed.phase));
        }
        let key = key(&owed.decision);
        if self.executions.insert((run, attempt), (key.clone(), None)).is_some() {
            return wrong("started twice".into());
        }
        if !self.owners.insert((key.clone(), owed.index, attempt)) {
            return wrong(format!("started twice under two numbers, for {key:?}"));
        }
        let failures = self.durable.failures.get(&run).copied().unwrap_or(0);
        let doubts = self.durable.doubts.get(&run).cloned().unwrap_or_default();
        if attempt > 1 && doubts.contains(&(attempt - 1)) {
            let (_, _, job) = owed.decision.runs().find(|(id, ..)| *id == run).ok_or("a run without a job")?;
            if !self.durable.released.contains(&(run, attempt - 1))
                && began_with.policy.jobs.get(&job).is_none_or(|job| job.on_doubt != OnDoubt::Rerun)
            {
                return wrong(format!("in doubt, and job {job} does not say rerun"));
            }
        }
        if attempt != 1 + failures + doubts.len() as u32 {
            return wrong(format!("{failures} failed and {} were in doubt before it", doubts.len()));
        }
        if failures >= ATTEMPTS_MAX {
            return wrong(format!("{failures} failed before it, and no job has more than {ATTEMPTS_MAX}"));
        }
        Ok(())
    }

    /// Its processes have come to their end, whether or not anybody hears of it.
    pub fn ended(&mut self, run: RunId, attempt: u32, good: bool) {
        if let Some((_, end)) = self.executions.get_mut(&(run, attempt)) {
            *end = Some(good);
        }
    }

    /// What a rule reports is said when its decision is on disk, and once.
    pub fn said(&mut self, notice: &Notice) -> Result<(), String> {
        if notice.id != "WTR300I" {
            return Ok(());
        }
        let field = |name| notice.fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value.clone());
        let (rule, record) = (field("rule").unwrap_or_default(), field("record").unwrap_or_default());
        let on_disk = self.durable.origins.contains(&(rule.clone(), record.clone()));
        if !on_disk {
            return Err(format!("rule {rule} reports {record} before its decision is on disk"));
        }
        // All times of a schedule are one place.
        if !self.reports.insert((rule.clone(), record.clone())) && rule != CLOCK.0 {
            return Err(format!("rule {rule} reports {record} twice"));
        }
        Ok(())
    }

    /// Only what is on disk is left.
    pub fn failed<'a>(&mut self, entries: impl Iterator<Item = &'a Entry>) -> Result<(), String> {
        let mut left = Account::default();
        for entry in entries {
            left.apply(entry).map_err(|why| format!("what survives does not add up: {why}"))?;
        }
        self.told = left.clone();
        self.durable = left;
        self.obliged.clear();
        self.begun();
        Ok(())
    }

    /// What people are shown is what the journal says, and memory follows what is open.
    pub fn seen(&self, view: &View, remembered: usize, files: usize) -> Result<(), String> {
        let open: Vec<_> = self.told.ledger.open().map(|run| (run.run, run.phase)).collect();
        let shown: Vec<_> = view.runs.iter().map(|run| (run.run, run.state.as_str())).collect();
        let agree = |((run, phase), (shown, state)): (&(RunId, Phase), &(RunId, &str))| {
            let expected: &[&str] = match phase {
                Phase::Decided if state.starts_with("waits for run") => &[state],
                Phase::Decided | Phase::Approved | Phase::Failed { .. } | Phase::Released { .. } => &["owed"],
                Phase::Asked { .. } => &["asked"],
                Phase::Starting { .. } => &["announced", "running"],
                Phase::Verifying { .. } => &["verifying"],
                Phase::InDoubt { .. } => &["in doubt", "owed"],
                Phase::Verified { .. } | Phase::Closed { .. } => &[],
            };
            run == shown && expected.contains(state)
        };
        if open.len() != shown.len() || !open.iter().zip(&shown).all(agree) {
            return Err(format!("the journal has {open:?}, and people see {shown:?}"));
        }
        // What is handed over later is over at once.
        let behind = |(file, offset, _): &&Key| {
            !file.is_handed_over() && self.told.read.get(file).is_none_or(|read| offset >= read)
        };
        let told = &self.told;
        let names = told.decided.keys().chain(&told.out_of_force).chain(&told.situations.noted);
        let needed = names.filter(behind).count();
        if remembered > needed {
            return Err(format!("{remembered} decisions are remembered, and {needed} can come again"));
        }
        if view.files.len() > files {
            return Err(format!("{} positions for {files} files", view.files.len()));
        }
        Ok(())
    }

    /// The world has come to rest: every match has its decision, every decision its end.
    pub fn at_rest(&self, files: &[LogFile]) -> Result<(), String> {
        for log in files {
            for (offset, rule) in log.hits.keys().filter(|(_, rule)| STABLE.contains(&&**rule)) {
                let key = (log.key.clone(), *offset, rule.clone());
                if !self.durable.knows(&key) {
                    return Err(format!("lost: {key:?} was never decided"));
                }
            }
        }
        for run in self.durable.ledger.runs() {
            match run.phase {
                Phase::InDoubt { .. } | Phase::Asked { .. } => {}
                // It waits for one that waits for a person.
                Phase::Decided if run.decision.actions[run.index].terms().depends.is_some() => {}
                Phase::Closed { good: None } => {}
                // What needs no process is done by the agent itself.
                Phase::Closed { .. } if !run.decision.actions[run.index].is_run() => {}
                Phase::Closed { good: Some(good) } => self.ended_sensibly(run.run, good)?,
                phase => return Err(format!("run {} has come to no end: {phase:?}", run.run)),
            }
        }
        orders::all_handed(&self.durable)
    }

    fn ended_sensibly(&self, run: RunId, good: bool) -> Result<(), String> {
        let (_, reason) = self.durable.closed.get(&run).ok_or("closed without an entry")?;
        let attempts = self.executions.range((run, 0)..=(run, u32::MAX));
        let (ends, any) = attempts.fold((false, false), |(good, _), (_, (_, end))| (good || *end == Some(true), true));
        if good && !ends && !self.vouched.contains(&run) {
            return Err(format!("run {run} is said to be good, and no attempt of it was: {reason}"));
        }
        if !good && !any && !reason.contains("has no job") && !reason.contains("released") {
            return Err(format!("run {run} never started, and is closed because {reason}"));
        }
        Ok(())
    }
}

/// A decision is about a record that a straight reading of the file finds, with the same captures.
fn sensible(decision: &Decision, files: &[LogFile]) -> Result<(), String> {
    let origin = &decision.origin;
    if origin.file.is_handed_over() {
        // `orders` looks closer.
        return Ok(());
    }
    let Some(log) = files.iter().find(|log| log.key == origin.file) else {
        return Err(format!("a decision about {}, which is no file", origin.file.0));
    };
    if decision.rule.as_ref() == "early" && !matches!(decision.verdict, Verdict::Impossible) {
        let early = decision.at.0.div_euclid(3_600_000_000).rem_euclid(24) == EARLY;
        let aged = decision.reason.contains(" old, and ");
        if !aged && early != (decision.verdict == Verdict::Fired) {
            return Err(format!("at {} rule early decides {:?}", decision.at, decision.verdict));
        }
    }
    let further = log.further.get(&origin.offset).into_iter().flatten().any(|(rule, ..)| *rule == decision.rule);
    match log.hits.get(&(origin.offset, decision.rule.clone())) {
        // It completes what the rule waits for; `situations` looks closer.
        None if further => Ok(()),
        Some(_) if decision.concluded.is_some() => Ok(()),
        None => Err(format!(
            "rule {} decided about {}@{}, which it does not match",
            decision.rule, origin.path, origin.offset
        )),
        Some(straight) if *straight != decision.captures => Err(format!(
            "rule {} saw {:?} at {}@{}, and a straight reading {:?}",
            decision.rule,
            words(&decision.captures),
            origin.path,
            origin.offset,
            words(straight)
        )),
        Some(_) => Ok(()),
    }
}

fn words(captures: &Captures) -> Vec<(&str, &str)> {
    captures.iter().collect()
}
