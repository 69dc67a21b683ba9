//! Rules that ask for more than one record, and rules that hand over, set and close, on any log: what they
//! decide does not depend on how the bytes were cut, on whether the log is saved or followed, on what is
//! read again, or on how often the agent dies.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;
use wtor::agent::{Agent, Effect, Event, Memory};
use wtor::diagnostic::render_short;
use wtor::engine::Matched;
use wtor::job::{Outcome, Plan, StepEnd};
use wtor::journal::{Action, Checkpoint, Decision, Entry, FileKey, Origin};
use wtor::policy::{Matcher, Policy};
use wtor::record::{Flush, Options, Position, Record, Stream};
use wtor::replay::Replay;
use wtor::rule::Seen;
use wtor::time::Timestamp;

/// Bytes, one after the other; zeros when they are used up.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn next(&mut self) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first)
    }

    fn of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.next() % texts.len()]
    }
}

/// What a rule may ask for. Those before [`DELAYED`] wait for nothing, so that no restart delays them.
const FORMS: [&str; 14] = [
    "",
    "count = { at_least = 2, within = '9s' }",
    "count = { at_least = 3, within = '40s' }",
    "count = [{ level = 'worse', at_least = 4, within = '8s' }, { level = 'bad', at_least = 2, within = '20s' }]",
    "once_per = '7s'",
    "count = { at_least = 2, within = '1m' }\nonce_per = '30s'",
    "unless_followed_by = { id = 'BBB001I', within = '6s' }",
    "unless_followed_by = { id = ['AAA001I', 'DDD001I'], within = '6s' }\nonce_per = '20s'",
    "followed_by = { id = 'BBB001I', within = '9s' }",
    "followed_by = [{ id = ['BBB001I', 'AAA001I'], within = '9s' }, { id = 'CCC001I', within = '6s' }]\notherwise = { report = 'no ${situation.missing}' }",
    "all = { of = 'message_id', are = ['AAA001I', 'BBB001I'], within = '15s' }\notherwise = { report = 'no ${situation.missing}' }",
    "all = { of = 'message_id', are = ['AAA001I', 'BBB001I', 'CCC001I'], within = '15s', from = { id = 'DDD001I', text = 'soft' }, or = { id = 'DDD001I', text = 'hard' } }",
    "collect = { for = '12s', quiet = '5s' }",
    "collect = { for = '10s' }\nonce_per = '15s'",
];
const DELAYED: usize = 6;

const IDS: [&str; 7] = [
    "'AAA001I'",
    "'BBB001I'",
    "['AAA001I', 'BBB001I']",
    "['BBB001I', 'CCC001I', 'DDD001I']",
    "['AAA001I', 'BBB001I', 'CCC001I']",
    "'*001I'",
    "'DDD001I'",
];
const TEXTS: [&str; 4] = ["", "", ", text = 'soft'", ", text = '(?<how>hard)'"];
const BY: [&str; 4] = ["", "by = 'system'", "by = ['system', 'message_id']", "by = 'text'"];
const RESET: [&str; 5] = [
    "",
    "",
    "reset_by = { id = 'DDD001I' }",
    "reset_by = { id = 'CCC001I', text = 'hard' }",
    "reset_by = { id = 'AAA001I' }",
];
const FURTHER: [&str; 7] = ["", "", "", "final = true", "if_set = 's'", "if_not_set = 's'", "mode = 'shadow'"];
const THEN: [&str; 9] = [
    "{ report = '${text}' }",
    "{ report = '${system} ${time}' }",
    "{ run = 'j', with = { v = '${text}' } }",
    "[{ run = 'j' }, { report = 'good', if = 'good' }, { report = 'failed', if = 'failed', after = '3s' }]",
    "{ set = 's' }",
    "{ set = 's', for = '10s' }",
    "{ close = 's' }",
    "{ rule = 'target' }",
    "[{ rule = 'target' }, { set = 's' }]",
];

const JOB: &str = "params = { v = 'none' }\n[[step]]\nargv = ['/bin/echo', '${v}']\n";

/// Four rules and one that they may hand over to. `waits` says whether they may wait for anything.
fn rules(choices: &mut Choices<'_>, waits: bool) -> String {
    let forms = if waits { &FORMS[..] } else { &FORMS[..DELAYED] };
    let mut text = String::new();
    for number in 0..4 {
        let (ids, words) = (choices.of(&IDS), choices.of(&TEXTS));
        text += &format!("[[rule]]\nname = 'r{number}'\nwhen = {{ id = {ids}{words} }}\n");
        let (form, by, reset) = (choices.of(forms), choices.of(&BY), choices.of(&RESET));
        let (further, then) = (choices.of(&FURTHER), choices.of(&THEN));
        // Per what, and until when, is said of something that is counted.
        let by = if form.is_empty() && !then.contains("set = ") { "" } else { by };
        let reset = if form.is_empty() { "" } else { reset };
        text += &format!("{form}\n{by}\n{reset}\n{further}\nthen = {then}\n");
    }
    let form = choices.of(forms);
    let by = if form.is_empty() { "" } else { choices.of(&BY) };
    text += &format!("[[rule]]\nname = 'target'\n{form}\n{by}\nthen = {{ report = 'handed over' }}\n");
    let schedule = choices.of(&["", "every = '50s'", "every = '25m'", "cron = '*/2 10-11 * * *'"]);
    if waits && !schedule.is_empty() {
        text += &format!("[[rule]]\nname = 'clock'\nschedule = {{ {schedule} }}\nthen = {{ report = 'due' }}\n");
    }
    text
}

const GAPS: [u32; 16] = [0, 0, 0, 1, 1, 2, 2, 3, 4, 5, 6, 9, 15, 20, 60, 400];

/// A hardcopy log: each byte is a line, or the next one of a message of several.
fn log(choices: &mut Choices<'_>) -> String {
    let mut seconds = 10 * 3600;
    let mut text = String::new();
    while !choices.0.is_empty() && text.len() < 3000 {
        let byte = choices.next();
        seconds = (seconds + GAPS[byte >> 4]).min(86_399);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let id = ["AAA", "BBB", "CCC", "DDD"][byte % 4];
        let (system, how) = ((byte >> 2) % 2 + 1, ["soft", "hard"][(byte >> 3) % 2]);
        text += &format!(
            "N 4000000 SYS{system}     2026325 {hour:02}:{minute:02}:{second:02}.00 STC01234 00000090  {id}001I {how}\n"
        );
        if byte == 0xff {
            text += "S                                                        AND MORE OF IT\n";
        }
    }
    text
}

/// A decision as it must be in every telling.
fn brief(decision: &Decision) -> String {
    let deeds: Vec<_> = decision.actions.iter().map(Action::deed).collect();
    let (at, rule, offset) = (decision.at, &decision.rule, decision.origin.offset);
    format!("{at} {rule} @{offset} {}: {} {deeds:?}", decision.verdict.name(), decision.reason)
}

/// Gives a few bytes at a time.
struct InPieces<'a>(&'a [u8], usize);

impl Read for InPieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let (here, rest) = self.0.split_at(self.1.min(self.0.len()).min(buffer.len()));
        buffer[..here.len()].copy_from_slice(here);
        self.0 = rest;
        Ok(here.len())
    }
}

fn replayed(policy: &Arc<Policy>, log: &str, piece: usize) -> Vec<String> {
    let mut told = Vec::new();
    let mut sink = |entry: &Entry| {
        if let Entry::Decided(decision) = entry {
            told.push(brief(decision));
        }
    };
    let mut replay = Replay::new(policy.clone());
    let mut log = InPieces(log.as_bytes(), piece);
    replay.file("log", &mut log, &Options::default(), &mut |_| {}, &mut sink).expect("from memory");
    replay.finish(&mut sink);
    told
}

/// An agent that follows the log, with its journal and its clock. Runs are over, and good, at once.
struct Life {
    matcher: Matcher,
    agent: Agent,
    journal: Vec<Entry>,
    now: Timestamp,
}

impl Life {
    fn new(policy: &Arc<Policy>) -> Life {
        let now = Timestamp::default();
        let (agent, _) = Agent::recover(policy.clone(), Memory::default(), now, usize::MAX);
        Life { matcher: Matcher::new(policy.clone()), agent, journal: Vec::new(), now }
    }

    fn give(&mut self, event: Event) {
        let effects = self.agent.handle(event);
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Append { batch, entries } => {
                    self.journal.extend(entries);
                    self.give(Event::Durable(batch));
                }
                Effect::Start { run, attempt, plan } => {
                    self.give(Event::Ended { run, attempt, outcomes: good(&plan) });
                }
                Effect::Cancel { .. } | Effect::Publish(_) => {}
            }
        }
    }

    /// Time passes, and what is due on the way happens when it is due.
    fn pass(&mut self, to: Timestamp) {
        let begins = self.now == Timestamp::default();
        let mut last = None;
        while let Some(due) = self.agent.next_due().filter(|due| !begins && *due <= to && last != Some(*due)) {
            self.give(Event::Tick(due));
            last = Some(due);
        }
        self.now = self.now.max(to);
        self.give(Event::Tick(self.now));
    }

    /// Reads from one place to another, and says that it must be read again from `keep` on.
    fn read(&mut self, log: &str, from: usize, to: usize, keep: usize) {
        let mut found = Vec::new();
        let mut sink = |record: &Record<'_>| {
            let seen = Seen { record, source: "log", server: None };
            let at = record.time.map_or(self.now, |time| time.timestamp());
            let mut hits = Vec::new();
            self.matcher.hits(seen, &mut |hit| hits.push((hit.target(), hit.condition.captures(seen))));
            found.push((at, record.position, hits));
        };
        let mut stream = Stream::new(&Options::default(), Position { offset: from as u64, line: 1 });
        stream.feed(&log.as_bytes()[from..to], &mut sink);
        stream.flush(Flush::Everything, &mut sink);
        for (at, Position { offset, line }, hits) in found {
            self.pass(at);
            for (target, captures) in hits {
                let file = FileKey("log".into());
                let origin = Origin { source: "log".into(), path: "log".into(), file, offset, line };
                let (at, read) = (self.now, checkpoint(from.min(keep)));
                let matched = Matched { target, origin, at, age: None, age_max: None, captures, read };
                self.give(Event::Matched(Box::new(matched)));
            }
        }
        self.give(Event::Read(checkpoint(to.min(keep))));
    }

    /// The agent dies, and another one takes over.
    fn restart(&mut self, policy: &Arc<Policy>) {
        let memory = Memory::of(&self.journal).expect("its own entries follow each other");
        let (agent, effects) = Agent::recover(policy.clone(), memory, self.now, usize::MAX);
        self.agent = agent;
        self.carry_out(effects);
    }

    fn told(&self) -> Vec<String> {
        let decided = |entry: &Entry| if let Entry::Decided(decision) = entry { Some(brief(decision)) } else { None };
        self.journal.iter().filter_map(decided).collect()
    }
}

fn checkpoint(offset: usize) -> Checkpoint {
    let (source, path, file) = ("log".into(), "log".into(), FileKey("log".into()));
    Checkpoint { source, path, file, offset: offset as u64, line: 1, head: String::new(), done: false }
}

fn good(plan: &Plan) -> Vec<Outcome> {
    let outcome = |step: &wtor::job::PlannedStep| {
        let (end, text) = (StepEnd::Exited(0), String::new);
        let cond_code = end.cond_code(step.bpxbatch);
        Outcome { step: step.name.clone(), cond_code, end, good: true, millis: 0, stdout: text(), stderr: text() }
    };
    plan.steps.iter().map(outcome).collect()
}

/// Whether rules may wait, how the bytes are cut, then the rules, then the log.
pub fn decisions(data: &[u8]) {
    let mut choices = Choices(data);
    let (waits, piece) = (choices.next() % 2 == 1, choices.next() + 1);
    let rules = rules(&mut choices, waits);
    let files = [("jobs/j.toml".into(), JOB.into())];
    let (policy, found) = Policy::load(&[("rules/r.toml".into(), rules.clone())], &files);
    let policy = Arc::new(policy.unwrap_or_else(|| panic!("{}\n{rules}", render_short(&found))));
    let log = log(&mut choices);

    let replay = replayed(&policy, &log, usize::MAX);
    assert_eq!(replay, replayed(&policy, &log, piece), "in pieces of {piece}\n{rules}{log}");

    let mut ends: Vec<usize> = log.match_indices('\n').map(|(at, _)| at + 1).collect();
    // A message and its continuation are read together.
    ends.retain(|end| !log[*end..].starts_with('S'));
    let (mut live, mut again, mut dying) = (Life::new(&policy), Life::new(&policy), Life::new(&policy));
    let (mut from, mut kept) = (0, 0);
    for (number, to) in ends.into_iter().enumerate() {
        live.read(&log, from, to, usize::MAX);
        again.read(&log, if number % 3 == 0 { 0 } else { from }, to, 0);
        if !waits {
            // Every other time it is not told how far it was read, and so that is read again behind a restart.
            let keep = if number % 2 == 0 { usize::MAX } else { kept };
            dying.read(&log, if number % 5 == 0 { kept } else { from }, to, keep);
            kept = to.min(keep);
            if number % 5 == 4 {
                dying.restart(&policy);
            }
        }
        from = to;
    }
    let count = |told: &[String]| {
        told.iter().fold(BTreeMap::new(), |mut all, one| {
            *all.entry(one.clone()).or_insert(0) += 1;
            all
        })
    };
    assert_eq!(count(&live.told()), count(&replay), "live, and as a replay\n{rules}{log}");
    assert_eq!(count(&live.told()), count(&again.told()), "read again\n{rules}{log}");
    if !waits {
        assert_eq!(count(&live.told()), count(&dying.told()), "with restarts\n{rules}{log}");
    }
}
