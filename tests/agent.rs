//! Stories of the agent, the pure function from events to effects, in virtual time: what it does first,
//! what it waits for, and what it never does. The last ones are random, with deaths: their seed is
//! printed, and `WTOR_SEED=123 cargo test --test agent` tells that story again.

use fastrand::Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use wtor::agent::{Agent, Effect, Event, Memory, Notice};
use wtor::engine::Matched;
use wtor::job::{CondCode, Outcome, StepEnd};
use wtor::journal::{By, Checkpoint, Entry, FileKey, Ledger, Origin, Release, RunId};
use wtor::limits::ATTEMPTS_IN_DOUBT_MAX;
use wtor::policy::{Policy, Target};
use wtor::rule::Captures;
use wtor::time::Timestamp;

const RULES: &str = "
[[rule]]
name = 'hold'
when = { id = 'A1I' }
then = { run = 'hold' }
[[rule]]
name = 'rerun'
when = { id = 'A2I' }
then = { run = 'rerun' }
[[rule]]
name = 'proved'
when = { id = 'A3I' }
then = { run = 'rerun', expect = { all = ['B1I', 'B2I'], within = '30s', by = ['system'] } }
[[rule]]
name = 'say'
when = { id = 'A4I' }
then = [{ report = 'said' }, { run = 'hold' }, { run = 'rerun' }]
[[rule]]
name = 'trial'
mode = 'shadow'
when = { id = 'A5I' }
then = { run = 'hold' }
";
const HOLD: &str = "[[step]]\nargv = ['/bin/true']";
const RERUN: &str =
    "on_doubt = 'rerun'\nretry = { attempts = 3, delay = '1s', backoff = 2.0 }\n[[step]]\nargv = ['/bin/true']";

fn policy_of(rules: &str, jobs: &[(&str, &str)]) -> Arc<Policy> {
    let jobs: Vec<_> = jobs.iter().map(|(name, text)| (format!("jobs/{name}.toml"), (*text).to_owned())).collect();
    let (policy, found) = Policy::load(&[("r.toml".into(), rules.into())], &jobs);
    Arc::new(policy.unwrap_or_else(|| panic!("{}", wtor::diagnostic::render_full(&found))))
}

fn policy() -> Arc<Policy> {
    policy_of(RULES, &[("hold", HOLD), ("rerun", RERUN)])
}

fn seconds(s: f64) -> Timestamp {
    Timestamp((s * 1e6) as i64)
}

fn checkpoint(offset: u64) -> Checkpoint {
    Checkpoint {
        source: "s".into(),
        path: "a.log".into(),
        file: FileKey("f".into()),
        offset,
        line: offset / 100 + 1,
        head: String::new(),
        done: false,
    }
}

fn matched(target: Target, offset: u64, at: f64, read: u64) -> Event {
    let mut captures = Captures::default();
    captures.set("system", b"SYS1");
    Event::Matched(Box::new(Matched {
        target,
        origin: Origin {
            source: "s".into(),
            path: "a.log".into(),
            file: FileKey("f".into()),
            offset,
            line: offset / 100 + 1,
        },
        at: seconds(at),
        age: None,
        age_max: None,
        captures,
        read: checkpoint(read),
    }))
}

/// A record at this offset matches a rule.
fn hit(rule: &str, offset: u64, at: f64) -> Event {
    matched(Target::Rule(rule.into()), offset, at, 0)
}

/// A record at this offset is the expected message of that number.
fn proof(condition: usize, offset: u64, at: f64) -> Event {
    let what = format!("message id is B{}I", condition + 1).into();
    matched(Target::Expected { rule: "proved".into(), what }, offset, at, 0)
}

fn ended(run: u64, attempt: u32, status: u8) -> Event {
    let end = StepEnd::Exited(status);
    let outcome = Outcome {
        step: "STEP1".into(),
        cond_code: Some(CondCode(status.into())),
        end,
        good: status == 0,
        millis: 1,
        stdout: String::new(),
        stderr: String::new(),
    };
    Event::Ended { run: RunId(run), attempt, outcomes: vec![outcome] }
}

/// An effect in a few words.
fn brief(effect: &Effect) -> String {
    match effect {
        Effect::Append { batch, entries } => {
            format!("append {batch}: {}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        Effect::Start { run, attempt, plan } => format!("start {run}.{attempt} {}", plan.job),
        Effect::Cancel { run } => format!("cancel {run}"),
        Effect::Publish(Notice { id, .. }) => format!("say {id}"),
    }
}

fn entry(entry: &Entry) -> String {
    match entry {
        Entry::Decided(decision) => format!("decided {} {}", decision.rule, decision.verdict.name()),
        Entry::Starting { run, attempt, .. } => format!("starting {run}.{attempt}"),
        Entry::Ended { run, attempt, good, .. } => format!("ended {run}.{attempt} {good}"),
        Entry::Proved { run, condition, .. } => format!("proved {run} {condition}"),
        Entry::Verified { run, attempt, missing, .. } => format!("verified {run}.{attempt} {missing:?}"),
        Entry::Closed { run, good, .. } => format!("closed {run} {good}"),
        Entry::Skipped { run, reason, .. } => format!("skipped {run} {reason}"),
        Entry::Asked { run, .. } => format!("asked {run}"),
        Entry::Approved { run, .. } => format!("approved {run}"),
        Entry::InDoubt { run, attempt, .. } => format!("in doubt {run}.{attempt}"),
        Entry::Released { run, attempt, by, .. } => format!("released {run}.{attempt} by {by}"),
        Entry::Noted(note) => format!("noted {} {}", note.rule, note.part.name()),
        Entry::Forgotten { rule, .. } => format!("forgotten {rule}"),
        Entry::Disabled { subject, .. } => format!("disabled {subject}"),
        Entry::Enabled { subject, .. } => format!("enabled {subject}"),
        Entry::Set { name, .. } => format!("set {name}"),
        Entry::Unset { name, .. } => format!("unset {name}"),
        Entry::Position(checkpoint) => format!("position {}", checkpoint.offset),
    }
}

/// The effects in a few words each, without what was said.
fn did(effects: &[Effect]) -> Vec<String> {
    effects.iter().filter(|e| !matches!(e, Effect::Publish(_))).map(brief).collect()
}

fn said(effects: &[Effect], id: &str) -> Vec<String> {
    let text = |effect: &Effect| match effect {
        Effect::Publish(notice) if notice.id == id => Some(notice.text.clone()),
        _ => None,
    };
    effects.iter().filter_map(text).collect()
}

/// A new agent that has read the file to its beginning.
fn agent() -> Agent {
    agent_with(Memory::default(), 8).0
}

fn agent_with(memory: Memory, runs_at_once: usize) -> (Agent, Vec<Effect>) {
    let memory = match memory.checkpoints.is_empty() {
        true => Memory { checkpoints: vec![checkpoint(0)], ..memory },
        false => memory,
    };
    Agent::recover(policy(), memory, seconds(0.0), runs_at_once)
}

#[test]
fn nothing_starts_before_its_announcement_is_on_disk() {
    let mut agent = agent();
    let effects = agent.handle(hit("hold", 0, 1.0));
    assert_eq!(did(&effects), ["append 1: decided hold fired, starting 1.1"]);
    assert_eq!(did(&agent.handle(hit("rerun", 100, 1.0))), ["append 2: decided rerun fired, starting 2.1"]);
    // Time alone starts nothing.
    assert_eq!(did(&agent.handle(Event::Tick(seconds(1e6)))), [""; 0]);
    assert_eq!(did(&agent.handle(Event::Durable(1))), ["start 1.1 hold"]);
    assert_eq!(did(&agent.handle(Event::Durable(1))), [""; 0]);
    assert_eq!(did(&agent.handle(Event::Durable(2))), ["start 2.1 rerun"]);
    assert_eq!(did(&agent.handle(ended(1, 1, 0))), ["append 3: ended 1.1 true, closed 1 true"]);
    // An end that nobody waits for changes nothing.
    assert_eq!(did(&agent.handle(ended(1, 1, 0))), [""; 0]);
    assert_eq!(did(&agent.handle(ended(2, 7, 0))), [""; 0]);
}

#[test]
fn one_batch_that_is_durable_makes_all_before_it_durable() {
    let mut agent = agent();
    agent.handle(hit("hold", 0, 1.0));
    agent.handle(hit("rerun", 100, 1.0));
    assert_eq!(did(&agent.handle(Event::Durable(2))), ["start 1.1 hold", "start 2.1 rerun"]);
}

#[test]
fn every_action_of_a_rule_happens_in_order() {
    let mut agent = agent();
    let effects = agent.handle(hit("say", 0, 1.0));
    assert_eq!(did(&effects), ["append 1: decided say fired, starting 1.1, starting 2.1"]);
    assert_eq!(said(&effects, "WTR300I"), [""; 0], "nothing is said before it stands in the journal");
    let effects = agent.handle(Event::Durable(1));
    assert_eq!(did(&effects), ["start 1.1 hold", "start 2.1 rerun"]);
    assert_eq!(said(&effects, "WTR300I"), ["said"]);
    assert_eq!(did(&agent.handle(hit("trial", 100, 2.0))), ["append 2: decided trial shadow"]);
    let counts = agent.view().counts;
    assert_eq!((counts.fired, counts.held, counts.idle), (1, 0, 1), "what is in shadow is not held");
}

#[test]
fn a_failed_attempt_is_tried_again_after_its_pause_and_no_sooner() {
    let mut agent = agent();
    agent.handle(hit("rerun", 0, 10.0));
    agent.handle(Event::Durable(1));
    agent.handle(Event::Tick(seconds(12.0)));
    assert_eq!(did(&agent.handle(ended(1, 1, 4))), ["append 2: ended 1.1 false"]);
    assert_eq!(agent.next_due(), Some(seconds(13.0)));
    assert_eq!(did(&agent.handle(Event::Tick(seconds(12.999)))), [""; 0]);
    assert_eq!(did(&agent.handle(Event::Tick(seconds(13.0)))), ["append 3: starting 1.2"]);
    assert_eq!(did(&agent.handle(Event::Durable(3))), ["start 1.2 rerun"]);
    agent.handle(ended(1, 2, 4));
    assert_eq!(agent.next_due(), Some(seconds(15.0)), "the second pause is twice the first");
    assert_eq!(did(&agent.handle(Event::Tick(seconds(99.0)))), ["append 5: starting 1.3"]);
    agent.handle(Event::Durable(5));
    assert_eq!(did(&agent.handle(ended(1, 3, 4))), ["append 6: ended 1.3 false, closed 1 false"]);
    assert_eq!((agent.next_due(), agent.view().counts.failed), (None, 1));
}

#[test]
fn a_verification_ends_at_its_deadline_counted_from_the_start() {
    let mut agent = agent();
    agent.handle(hit("proved", 0, 10.0));
    agent.handle(Event::Durable(1));
    agent.handle(Event::Tick(seconds(20.0)));
    assert_eq!(did(&agent.handle(ended(1, 1, 0))), ["append 2: ended 1.1 true"]);
    assert_eq!(agent.next_due(), Some(seconds(40.0)));
    assert_eq!(did(&agent.handle(proof(1, 100, 21.0))), ["append 3: proved 1 1"]);
    let effects = agent.handle(Event::Tick(seconds(50.0)));
    // The deadline passed at 40, and the pause of a second is over too.
    assert_eq!(did(&effects), ["append 4: verified 1.1 [\"B1I\"], starting 1.2"]);
    let effects = agent.handle(Event::Durable(4));
    assert!(said(&effects, "WTR303W")[0].contains("B1I did not follow"), "{effects:?}");
    // What one attempt has proved needs no second proof.
    agent.handle(ended(1, 2, 0));
    assert_eq!(did(&agent.handle(proof(0, 200, 51.0))), ["append 6: proved 1 0, verified 1.2 [], closed 1 true"]);
}

#[test]
fn messages_that_come_while_the_steps_run_prove_it_too() {
    let mut agent = agent();
    agent.handle(hit("proved", 0, 10.0));
    agent.handle(Event::Durable(1));
    agent.handle(proof(0, 100, 11.0));
    agent.handle(proof(1, 200, 12.0));
    assert_eq!(did(&agent.handle(proof(1, 200, 12.0))), [""; 0], "the same proof twice is one");
    assert_eq!(did(&agent.handle(ended(1, 1, 0))), ["append 4: ended 1.1 true, verified 1.1 [], closed 1 true"]);
}

#[test]
fn a_message_before_the_trigger_proves_nothing_even_when_it_is_read_again() {
    let mut agent = agent();
    agent.handle(hit("proved", 500, 10.0));
    agent.handle(Event::Durable(1));
    // After a restart, reading goes on at a multi-line message that was open: what lies between it and
    // the trigger comes a second time.
    assert_eq!(did(&agent.handle(proof(0, 400, 11.0))), [""; 0]);
    assert_eq!(did(&agent.handle(proof(0, 600, 11.0))), ["append 2: proved 1 0"]);
}

/// What is asked for, or waits for another run, has had no effect yet that a message could prove.
#[test]
fn a_message_proves_nothing_before_its_run_has_begun() {
    let rule = "
[[rule]]
name = 'proved'
mode = 'ask'
when = { id = 'A3I' }
then = { run = 'hold', expect = { all = ['B1I'], within = '30s' } }
";
    let memory = Memory { checkpoints: vec![checkpoint(0)], ..Memory::default() };
    let (mut agent, _) = Agent::recover(policy_of(rule, &[("hold", HOLD)]), memory, seconds(0.0), 8);
    assert_eq!(did(&agent.handle(hit("proved", 0, 10.0))), ["append 1: decided proved fired, asked 1"]);
    assert_eq!(did(&agent.handle(proof(0, 100, 11.0))), [""; 0]);
    let by = wtor::journal::By { who: "somebody".into(), why: None };
    agent.handle(Event::Answered { run: RunId(1), approved: true, by });
    agent.handle(Event::Durable(2));
    assert_eq!(did(&agent.handle(ended(1, 1, 0))), ["append 3: ended 1.1 true"], "it waits for the message");
    let proved = ["append 4: proved 1 0, verified 1.1 [], closed 1 true"];
    assert_eq!(did(&agent.handle(proof(0, 200, 12.0))), proved);
}

/// Rules that count and pause know one time: a record that had to wait is decided at the time that it is by then.
#[test]
fn a_record_that_had_to_wait_is_decided_at_engine_time() {
    let mut agent = agent();
    agent.handle(Event::Tick(seconds(100.0)));
    let effects = agent.handle(hit("hold", 0, 40.0));
    let at = effects.iter().find_map(|effect| match effect {
        Effect::Append { entries, .. } => entries.iter().find_map(|entry| match entry {
            Entry::Decided(decision) => Some(decision.at),
            _ => None,
        }),
        _ => None,
    });
    assert_eq!(at, Some(seconds(100.0)));
}

#[test]
fn what_time_decides_about_a_file_that_is_gone_is_not_remembered() {
    let rule = "
[[rule]]
name = 'missing'
when = { id = 'A1I' }
unless_followed_by = { id = 'B1I', within = '10s' }
then = { run = 'hold' }
";
    let (mut agent, _) = Agent::recover(policy_of(rule, &[("hold", HOLD)]), Memory::default(), seconds(0.0), 8);
    agent.handle(hit("missing", 0, 1.0));
    agent.handle(Event::Read(checkpoint(100)));
    agent.handle(Event::Gone(FileKey("f".into())));
    let late = did(&agent.handle(Event::Tick(seconds(11.0))));
    assert_eq!(late, ["append 4: decided missing fired, starting 1.1"]);
    assert_eq!((agent.decisions_remembered(), agent.view().files.len()), (0, 0));
}

#[test]
fn a_clock_that_was_set_back_while_no_agent_was_there_counts_nothing_that_is_over() {
    let rule = "
[[rule]]
name = 'counts'
when = { id = 'A1I' }
count = { at_least = 3, within = '20s' }
then = { run = 'hold' }
";
    let begin = |entries: &[Entry], at: f64| {
        let memory = Memory::of(entries).expect("it adds up");
        Agent::recover(policy_of(rule, &[("hold", HOLD)]), memory, seconds(at), 8).0
    };
    let mut entries = Vec::new();
    let mut keep = |effects: Vec<Effect>| {
        for effect in effects {
            if let Effect::Append { entries: more, .. } = effect {
                entries.extend(more);
            }
        }
        entries.clone()
    };
    let noted = keep(begin(&[], 160.0).handle(hit("counts", 0, 160.0)));
    let mut second = begin(&noted, 100.0);
    keep(second.handle(hit("counts", 100, 100.0)));
    assert_eq!(did(&second.handle(hit("counts", 200, 170.0))), ["append 2: noted counts counted"]);
}

#[test]
fn a_record_that_is_read_again_decides_nothing() {
    let mut agent = agent();
    agent.handle(hit("hold", 0, 1.0));
    assert_eq!(did(&agent.handle(hit("hold", 0, 2.0))), [""; 0]);
    assert_eq!(
        did(&agent.handle(hit("rerun", 0, 2.0))),
        ["append 2: decided rerun fired, starting 2.1"],
        "another rule"
    );
    assert_eq!(did(&agent.handle(Event::Read(checkpoint(300)))), ["append 3: position 300"]);
    // What lies before the position was decided, whatever is remembered of it.
    for (rule, offset) in [("hold", 0), ("rerun", 0), ("hold", 200)] {
        assert_eq!(did(&agent.handle(hit(rule, offset, 3.0))), [""; 0], "{rule} at {offset}");
    }
    assert_eq!(did(&agent.handle(hit("hold", 300, 3.0))), ["append 4: decided hold fired, starting 3.1"]);
    assert_eq!(agent.view().counts.repeated, 4);
    // An older position says nothing new.
    assert_eq!(did(&agent.handle(Event::Read(checkpoint(100)))), [""; 0]);
}

/// What an agent left behind that had these entries on disk.
fn memory(entries: &[Entry]) -> Memory {
    let all = [&[Entry::Position(checkpoint(0))], entries].concat();
    Memory::of(&all).unwrap_or_else(|fault| panic!("{fault}"))
}

fn entries_of(effects: &[Effect]) -> Vec<Entry> {
    let entries = |effect: &Effect| match effect {
        Effect::Append { entries, .. } => entries.clone(),
        _ => Vec::new(),
    };
    effects.iter().flat_map(entries).collect()
}

#[test]
fn a_run_that_was_interrupted_is_in_doubt() {
    let mut before = agent();
    let mut journal = entries_of(&before.handle(hit("hold", 0, 1.0)));
    journal.extend(entries_of(&before.handle(hit("rerun", 100, 1.0))));
    let (mut agent, effects) = agent_with(memory(&journal), 8);
    assert_eq!(did(&effects), ["append 1: in doubt 1.1, in doubt 2.1, starting 2.2"]);
    let durable = agent.handle(Event::Durable(1));
    assert_eq!(said(&durable, "WTR305W").len(), 2);
    assert_eq!(did(&durable), ["start 2.2 rerun"]);
    assert_eq!(did(&agent.handle(ended(1, 1, 0))), [""; 0], "nobody can report an end of the earlier life");
    agent.handle(ended(2, 2, 0));
    assert!(!agent.is_settled(), "its end is not yet on disk, nor told");
    agent.handle(Event::Durable(2));
    assert!(agent.is_settled());
    assert_eq!(agent.view().runs.len(), 1);
    // The next life finds it as it was left, and writes nothing about it again.
    journal.extend(entries_of(&effects));
    journal.extend(entries_of(&[Effect::Append { batch: 0, entries: vec![] }]));
    journal.push(Entry::Closed { run: RunId(2), at: seconds(1.0), good: true, reason: String::new() });
    let (_, effects) = agent_with(memory(&journal), 8);
    assert_eq!(did(&effects), [""; 0]);
    assert_eq!((said(&effects, "WTR305W").len(), said(&effects, "WTR316W").len()), (0, 1));
}

#[test]
fn a_run_that_is_in_doubt_at_the_end_of_ten_agents_is_held() {
    let mut before = agent();
    let mut journal = entries_of(&before.handle(hit("rerun", 0, 1.0)));
    for attempt in 1..ATTEMPTS_IN_DOUBT_MAX {
        let (_, effects) = agent_with(memory(&journal), 8);
        assert_eq!(did(&effects), [format!("append 1: in doubt 1.{attempt}, starting 1.{}", attempt + 1)]);
        journal.extend(entries_of(&effects));
    }
    let (mut agent, effects) = agent_with(memory(&journal), 8);
    assert_eq!(did(&effects), ["append 1: in doubt 1.10"]);
    let told = said(&agent.handle(Event::Durable(1)), "WTR305W");
    assert!(told[0].ends_with("it was started 10 times, so it is held until somebody looks."), "{told:?}");
}

#[test]
fn who_has_released_a_run_and_why_is_kept_and_so_is_what_was_meant() {
    let mut before = agent();
    let mut journal = entries_of(&before.handle(hit("hold", 0, 1.0)));
    journal.extend(entries_of(&before.handle(hit("hold", 100, 1.0))));
    let (mut agent, effects) = agent_with(memory(&journal), 8);
    journal.extend(entries_of(&effects));
    let by = By { who: "alice".into(), why: Some("it does no harm".into()) };
    // Nothing more is started by an agent that stops: what was meant must wait for the next one.
    agent.handle(Event::Shutdown);
    let released = |run, how| Event::Released { run: RunId(run), how, by: by.clone() };
    let effects = agent.handle(released(1, Release::Rerun));
    assert_eq!(did(&effects), ["append 2: released 1.1 by alice: it does no harm"]);
    journal.extend(entries_of(&effects));
    let effects = agent.handle(released(2, Release::Failed));
    assert_eq!(did(&effects), ["append 3: released 2.1 by alice: it does no harm, closed 2 false"]);
    journal.extend(entries_of(&effects));
    assert_eq!(did(&agent.handle(released(1, Release::Rerun))), [""; 0], "only once");
    let (_, effects) = agent_with(memory(&journal), 8);
    assert_eq!(did(&effects), ["append 1: starting 1.2"]);
}

#[test]
fn runs_that_were_in_doubt_before_are_told_of_once_and_all_together() {
    let mut before = agent();
    let mut journal = Vec::new();
    for offset in [0, 100, 200] {
        journal.extend(entries_of(&before.handle(hit("hold", offset, 1.0))));
    }
    let (mut agent, effects) = agent_with(memory(&journal), 8);
    journal.extend(entries_of(&effects));
    let effects = agent.handle(Event::Durable(1));
    assert_eq!((said(&effects, "WTR305W").len(), said(&effects, "WTR316W").len()), (3, 0));
    let (mut agent, effects) = agent_with(memory(&journal), 8);
    let told = |effects: &[Effect]| (said(effects, "WTR305W").len(), said(effects, "WTR316W"));
    let expected = "3 runs are still in doubt and held: `wtor runs --in-doubt` lists them.";
    let now = [effects, agent.handle(Event::Durable(1))].concat();
    assert_eq!(told(&now), (0, vec![expected.to_owned()]));
}

#[test]
fn whether_a_final_rule_was_in_force_is_known_after_a_death() {
    let rules = "
[[rule]]
name = 'begin'
when = { id = 'M1I' }
then = { set = 'maint' }
[[rule]]
name = 'end'
when = { id = 'M2I' }
then = { close = 'maint' }
[[rule]]
name = 'first'
when = { id = 'A1I' }
[[rule]]
name = 'fin'
final = true
if_not_set = 'maint'
when = { id = 'A1I' }
[[rule]]
name = 'behind'
when = { id = 'A1I' }
";
    let policy = policy_of(rules, &[]);
    let agent = |memory| Agent::recover(policy.clone(), memory, seconds(1.0), 8).0;
    let mut before = agent(Memory::default());
    let mut journal = Vec::new();
    let mut give = |rule: &str, offset| {
        let effects = before.handle(hit(rule, offset, 1.0));
        journal.extend(entries_of(&effects));
        did(&effects)
    };
    // The agent dies before it hears of the rules behind; by then it is the other way round.
    assert_eq!(give("fin", 100), ["append 1: position 0, decided fin fired"]);
    give("begin", 200);
    assert_eq!(give("fin", 300), ["append 3: decided fin held"]);
    give("end", 400);
    assert_eq!(give("fin", 500), ["append 5: decided fin fired"]);
    give("begin", 600);
    let mut after = agent(memory(&journal));
    let mut again = |rule: &str, offset| did(&after.handle(hit(rule, offset, 2.0)));
    assert_eq!(again("first", 100), ["append 1: decided first fired"]);
    assert_eq!(again("fin", 100), [""; 0]);
    assert_eq!(again("behind", 100), [""; 0], "it was taken when it came");
    assert_eq!(again("fin", 300), [""; 0]);
    assert_eq!(again("behind", 300), ["append 2: decided behind fired"]);
}

#[test]
fn time_that_goes_back_is_outwaited() {
    let mut agent = agent();
    agent.handle(Event::Tick(seconds(100.0)));
    agent.handle(hit("rerun", 0, 50.0));
    assert_eq!(agent.view().at, seconds(100.0));
    agent.handle(Event::Durable(1));
    agent.handle(Event::Tick(seconds(60.0)));
    agent.handle(ended(1, 1, 4));
    assert_eq!(agent.next_due(), Some(seconds(101.0)));
    assert_eq!(did(&agent.handle(Event::Tick(seconds(70.0)))), [""; 0]);
    assert_eq!(did(&agent.handle(Event::Tick(seconds(101.0)))), ["append 3: starting 1.2"]);
}

#[test]
fn no_more_runs_than_allowed_and_the_oldest_first() {
    let (mut agent, _) = agent_with(Memory::default(), 2);
    for n in 0..4 {
        agent.handle(hit("hold", n * 100, 1.0));
    }
    assert_eq!(did(&agent.handle(Event::Durable(4))), ["start 1.1 hold", "start 2.1 hold"]);
    assert_eq!(agent.next_due(), None, "a place, not time, is what the others wait for");
    assert_eq!(did(&agent.handle(ended(2, 1, 1))), ["append 5: ended 2.1 false, closed 2 false, starting 3.1"]);
    assert_eq!(did(&agent.handle(Event::Durable(5))), ["start 3.1 hold"]);
}

#[test]
fn after_a_shutdown_nothing_more_starts() {
    let (mut agent, _) = agent_with(Memory::default(), 1);
    agent.handle(hit("hold", 0, 1.0));
    agent.handle(hit("hold", 100, 1.0));
    agent.handle(Event::Durable(2));
    assert_eq!(did(&agent.handle(Event::Shutdown)), [""; 0]);
    assert!(!agent.is_idle());
    assert_eq!(did(&agent.handle(ended(1, 1, 0))), ["append 3: ended 1.1 true, closed 1 true"]);
    agent.handle(Event::Durable(3));
    assert!(agent.is_idle() && !agent.is_settled());
    assert_eq!(did(&agent.handle(hit("hold", 200, 2.0))), ["append 4: decided hold fired"]);
    assert_eq!(did(&agent.handle(Event::Tick(seconds(1e6)))), [""; 0]);
    assert_eq!(agent.next_due(), None, "what will not start is not due: a loop that waits for it would spin");
}

#[test]
fn a_policy_without_the_job_closes_what_it_cannot_start() {
    let (mut agent, _) = agent_with(Memory::default(), 1);
    agent.handle(hit("rerun", 0, 1.0));
    agent.handle(hit("rerun", 100, 1.0));
    agent.handle(Event::Durable(2));
    let other = policy_of("[[rule]]\nname = 'x'\nwhen = { id = 'X1I' }", &[]);
    assert_eq!(did(&agent.handle(Event::PolicyReplaced(other))), [""; 0]);
    // The one that runs would be tried again, the other one is owed: neither can be.
    let effects = agent.handle(ended(1, 1, 4));
    assert_eq!(did(&effects), ["append 3: ended 1.1 false, closed 1 false, closed 2 false"]);
    let effects = agent.handle(Event::Durable(3));
    assert!(said(&effects, "WTR304E")[1].contains("the policy has no job `rerun`"), "{effects:?}");
    let effects = agent.handle(hit("rerun", 200, 3.0));
    assert_eq!(did(&effects), ["append 4: decided rerun impossible"], "a rule that is gone does nothing, visibly");
}

#[test]
fn a_policy_without_the_expectation_does_not_wait_for_it() {
    let mut agent = agent();
    agent.handle(hit("proved", 0, 1.0));
    agent.handle(Event::Durable(1));
    agent.handle(ended(1, 1, 0));
    let other = policy_of(&RULES.replace("'B1I', 'B2I'", "'B1I'"), &[("hold", HOLD), ("rerun", RERUN)]);
    assert_eq!(did(&agent.handle(Event::PolicyReplaced(other))), [""; 0], "it still waits for one of them");
    let none = policy_of("[[rule]]\nname = 'x'\nwhen = { id = 'X1I' }", &[]);
    assert_eq!(did(&agent.handle(Event::PolicyReplaced(none))), ["append 3: closed 1 true"]);
    assert_eq!(did(&agent.handle(Event::Tick(seconds(1e6)))), [""; 0]);
}

#[test]
fn what_has_been_proved_is_known_when_the_rule_is_in_another_order() {
    let jobs = [("hold", HOLD), ("rerun", RERUN)];
    let there = "{ run = 'rerun', expect = { all = ['B1I', 'B2I'], within = '30s', by = ['system'] } }";
    let elsewhere = "[{ run = 'hold' }, { run = 'rerun', expect = { all = ['B9I', 'B2I', 'B1I'], within = '30s', by = ['system'] } }]";
    let replaced = policy_of(&RULES.replace(there, elsewhere), &jobs);
    for dies in [false, true] {
        let mut agent = agent();
        let mut journal = entries_of(&agent.handle(hit("proved", 0, 1.0)));
        for event in [Event::Durable(1), proof(0, 100, 2.0), ended(1, 1, 0)] {
            journal.extend(entries_of(&agent.handle(event)));
        }
        if dies {
            agent = Agent::recover(replaced.clone(), memory(&journal), seconds(3.0), 8).0;
        } else {
            agent.handle(Event::PolicyReplaced(replaced.clone()));
        }
        assert_eq!(did(&agent.handle(proof(1, 200, 4.0))).concat().split(": ").last(), Some("proved 1 1"), "{dies}");
        assert_eq!(did(&agent.handle(proof(0, 300, 5.0))), [""; 0], "it was proved before");
        let done = did(&agent.handle(proof(8, 400, 6.0)));
        assert!(done.concat().ends_with("proved 1 0, verified 1.1 [], closed 1 true"), "{done:?}");
    }
}

#[test]
fn what_an_older_journal_has_of_proofs_is_taken_by_its_place() {
    let mut journal: Vec<Entry> = Vec::new();
    let mut agent = agent();
    for event in [hit("proved", 0, 1.0), Event::Durable(1), proof(0, 100, 2.0), ended(1, 1, 0)] {
        journal.extend(entries_of(&agent.handle(event)));
    }
    for entry in &mut journal {
        let json = serde_json::to_string(entry).expect("JSON").replace(r#","what":"message id is B1I""#, "");
        *entry = serde_json::from_str(&json).expect("an entry");
    }
    let old = |entry: &Entry| matches!(entry, Entry::Proved { condition: 0, what, .. } if what.is_empty());
    assert!(journal.iter().any(old), "{journal:?}");
    let (mut agent, _) = Agent::recover(policy(), memory(&journal), seconds(3.0), 8);
    let done = did(&agent.handle(proof(1, 200, 4.0)));
    assert!(done.concat().ends_with("closed 1 true"), "{done:?}");
}

/// A random history of one agent with its world: a log that grows, a journal that is sometimes late, runs
/// that end well and badly, reloads, deaths. What it did, for comparison; it checks itself on the way.
struct History {
    rng: Rng,
    agent: Agent,
    now: f64,
    log: Vec<&'static str>,
    /// Records from here on come next.
    next: usize,
    journal: Vec<Entry>,
    /// Batches that were asked for and are not yet on disk.
    waiting: Vec<(u64, Vec<Entry>)>,
    running: BTreeSet<(u64, u32)>,
    starts: BTreeMap<u64, Vec<u32>>,
    told: String,
}

impl History {
    fn new(seed: u64) -> History {
        let mut rng = Rng::with_seed(seed);
        let rules = ["hold", "rerun", "proved", "say", "trial", "proof 0", "proof 1", "nothing"];
        let log = (0..rng.usize(1..40)).map(|_| rules[rng.usize(..rules.len())]).collect();
        let (agent, _) = agent_with(Memory::default(), 1 + rng.usize(..4));
        History {
            rng,
            agent,
            now: 1.0,
            log,
            next: 0,
            journal: Vec::new(),
            waiting: Vec::new(),
            running: BTreeSet::new(),
            starts: BTreeMap::new(),
            told: String::new(),
        }
    }

    fn give(&mut self, event: Event) {
        let effects = self.agent.handle(event);
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        self.told += &format!("{effects:?}\n");
        for effect in effects {
            match effect {
                Effect::Append { batch, entries } => self.waiting.push((batch, entries)),
                Effect::Start { run, attempt, .. } => {
                    let on_disk = |e: &Entry| matches!(e, Entry::Starting { run: r, attempt: a, .. } if *r == run && *a == attempt);
                    assert!(
                        self.journal.iter().any(on_disk),
                        "run {run}.{attempt} starts and is not announced on disk"
                    );
                    let starts = self.starts.entry(run.0).or_default();
                    assert!(!starts.contains(&attempt), "run {run}.{attempt} starts twice");
                    starts.push(attempt);
                    self.running.insert((run.0, attempt));
                }
                Effect::Cancel { .. } | Effect::Publish(_) => {}
            }
        }
    }

    /// The oldest batches reach the disk.
    fn sync(&mut self, batches: usize) {
        for _ in 0..batches.min(self.waiting.len()) {
            let (batch, entries) = self.waiting.remove(0);
            self.journal.extend(entries);
            self.give(Event::Durable(batch));
        }
    }

    fn read_one(&mut self) {
        let Some(what) = self.log.get(self.next).copied() else { return };
        let offset = self.next as u64 * 100;
        self.next += 1;
        match what {
            "nothing" => {}
            "proof 0" => self.give(proof(0, offset, self.now)),
            "proof 1" => self.give(proof(1, offset, self.now)),
            rule => self.give(hit(rule, offset, self.now)),
        }
        if self.rng.u8(..3) == 0 {
            self.give(Event::Read(checkpoint(self.next as u64 * 100)));
        }
    }

    fn end_one(&mut self) {
        let Some(&(run, attempt)) = self.running.iter().nth(self.rng.usize(..self.running.len().max(1))) else {
            return;
        };
        self.running.remove(&(run, attempt));
        let status = if self.rng.u8(..3) == 0 { 8 } else { 0 };
        self.give(ended(run, attempt, status));
    }

    fn reload(&mut self) {
        let policy = match self.rng.u8(..4) {
            0 => policy_of(&RULES.replace("'B1I', 'B2I'", "'B2I'"), &[("hold", HOLD), ("rerun", RERUN)]),
            1 => {
                policy_of("[[rule]]\nname = 'hold'\nwhen = { id = 'A1I' }\nthen = { run = 'hold' }", &[("hold", HOLD)])
            }
            _ => policy(),
        };
        self.give(Event::PolicyReplaced(policy));
    }

    /// The power fails. Some of what was not yet durable is on disk all the same.
    fn die(&mut self) {
        let survive = self.rng.usize(..=self.waiting.len());
        for (_, entries) in self.waiting.drain(..).take(survive).collect::<Vec<_>>() {
            self.journal.extend(entries);
        }
        self.waiting.clear();
        self.running.clear();
        let memory = memory(&self.journal);
        self.next = usize::try_from(memory.checkpoints[0].offset / 100).expect("small");
        let (agent, effects) = Agent::recover(policy(), memory, seconds(self.now), 1 + self.rng.usize(..4));
        self.agent = agent;
        self.carry_out(effects);
    }

    fn live(mut self, deaths: bool) -> String {
        for _ in 0..300 {
            self.now += self.rng.f64() * 5.0;
            match self.rng.u8(..20) {
                0..7 => self.read_one(),
                7..12 => {
                    let batches = self.rng.usize(1..4);
                    self.sync(batches);
                }
                12..15 => self.end_one(),
                15..18 => {
                    let back = if self.rng.u8(..5) == 0 { 20.0 } else { 0.0 };
                    self.give(Event::Tick(seconds(self.now - back)));
                }
                18 => self.reload(),
                _ if deaths => self.die(),
                _ => {}
            }
        }
        self.come_to_rest();
        self.judge();
        self.told
    }

    /// Everything is read, written and ended, and time goes on.
    fn come_to_rest(&mut self) {
        self.give(Event::PolicyReplaced(policy()));
        for _ in 0..2000 {
            self.read_one();
            self.sync(usize::MAX);
            self.end_one();
            self.now += 10.0;
            self.give(Event::Tick(seconds(self.now)));
        }
    }

    fn judge(&self) {
        // Every entry follows from those before it.
        let mut ledger = Ledger::default();
        let mut decided: BTreeMap<(String, u64), usize> = BTreeMap::new();
        for entry in &self.journal {
            ledger.apply(entry).unwrap_or_else(|fault| panic!("{fault}"));
            if let Entry::Decided(decision) = entry {
                *decided.entry((decision.rule.to_string(), decision.origin.offset)).or_default() += 1;
            }
        }
        let twice: Vec<_> = decided.iter().filter(|(_, count)| **count > 1).collect();
        assert!(twice.is_empty(), "decided twice: {twice:?}");
        assert!(self.agent.is_settled(), "not over: {:?}", self.agent.view().runs);
        for run in ledger.open() {
            let in_doubt = matches!(run.phase, wtor::journal::Phase::InDoubt { .. });
            assert!(in_doubt, "run {} ends as {}", run.run, run.phase.name());
        }
    }
}

fn seeds() -> std::ops::Range<u64> {
    match std::env::var("WTOR_SEED").ok().and_then(|seed| seed.parse::<u64>().ok()) {
        Some(seed) => seed..seed + 1,
        None => 0..150,
    }
}

/// Says which seed it was, should it fail.
struct Telling(u64);

impl Drop for Telling {
    #[allow(clippy::print_stderr, reason = "the seed is what a failure is repeated by")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this was WTOR_SEED={}", self.0);
        }
    }
}

#[test]
fn the_same_events_have_the_same_effects_byte_for_byte() {
    for seed in seeds().step_by(5) {
        let _telling = Telling(seed);
        assert_eq!(History::new(seed).live(true), History::new(seed).live(true), "seed {seed}");
    }
}

#[test]
fn random_lives_without_death_come_to_rest() {
    for seed in seeds() {
        let _telling = Telling(seed);
        History::new(seed).live(false);
    }
}

#[test]
fn random_lives_with_deaths_lose_nothing_and_start_nothing_twice() {
    for seed in seeds() {
        let _telling = Telling(seed);
        History::new(seed).live(true);
    }
}

#[test]
fn a_long_outage_of_time_does_not_skip_a_retry() {
    let mut agent = agent();
    agent.handle(hit("rerun", 0, 1.0));
    agent.handle(Event::Durable(1));
    agent.handle(ended(1, 1, 4));
    let asleep = Duration::from_secs(86_400);
    let effects = agent.handle(Event::Tick(seconds(1.0).after(asleep)));
    assert_eq!(did(&effects), ["append 3: starting 1.2"]);
}
