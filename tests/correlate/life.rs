//! The harness: one story told straight, with restarts, read again, and as a replay.

use std::sync::Arc;
use wtor::agent::{Agent, Effect, Event, Memory};
use wtor::diagnostic::render_full;
use wtor::engine::Matched;
use wtor::journal::store::Store;
use wtor::journal::{Checkpoint, Decision, Entry, FileKey, Origin, Verdict};
use wtor::policy::{Matcher, Policy};
use wtor::record::{Flush, Options, Position, Stream};
use wtor::replay::{Replay, Story};
use wtor::rule::Seen;
use wtor::time::Timestamp;

pub fn policy(rules: &str) -> Arc<Policy> {
    let (policy, found) = Policy::load(&[("r.toml".into(), rules.into())], &[]);
    Arc::new(policy.unwrap_or_else(|| panic!("{}", wtor::diagnostic::render_full(&found))))
}

/// `10:00:05 SYS1 AAA001I text` as a line of a hardcopy log.
pub fn line(short: &str) -> String {
    let (time, rest) = short.split_once(' ').expect("a time");
    let (system, text) = rest.split_once(' ').expect("a system");
    format!("N 4000000 {system:8} 2026325 {time}.00 STC01234 00000090  {text}\n")
}

pub fn log(story: &[&str]) -> String {
    story.iter().map(|short| line(short)).collect()
}

/// A live agent with its journal, its log and its clock.
pub struct Life {
    pub matcher: Matcher,
    pub state: tempfile::TempDir,
    pub store: Option<Store>,
    pub agent: Agent,
    pub now: Timestamp,
    pub decisions: Vec<Decision>,
    pub said: Vec<&'static str>,
}

pub fn checkpoint(offset: usize) -> Checkpoint {
    Checkpoint {
        source: "log".into(),
        path: "log".into(),
        file: FileKey("log".into()),
        offset: offset as u64,
        line: 1,
        head: String::new(),
        done: false,
    }
}

impl Life {
    pub fn new(rules: &str) -> Life {
        let state = tempfile::tempdir().expect("a directory");
        let store = Store::open(state.path()).expect("a journal");
        let policy = policy(rules);
        let (agent, _) = Agent::recover(policy.clone(), Memory::default(), Timestamp(0), 8);
        let matcher = Matcher::new(policy);
        let (now, decisions, said) = (Timestamp(0), Vec::new(), Vec::new());
        Life { matcher, state, store: Some(store), agent, now, decisions, said }
    }

    pub fn give(&mut self, event: Event) {
        let effects = self.agent.handle(event);
        self.carry_out(effects);
    }

    pub fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Append { batch, entries } => {
                    self.store.as_mut().expect("open").append(&entries).expect("written");
                    let decided = |entry| if let Entry::Decided(decision) = entry { Some(decision) } else { None };
                    self.decisions.extend(entries.into_iter().filter_map(decided));
                    self.give(Event::Durable(batch));
                }
                Effect::Publish(notice) => self.said.push(notice.id),
                _ => {}
            }
        }
    }

    /// Reads the log from one place to another, everything at the time of its last record or later.
    pub fn read(&mut self, log: &str, from: usize, to: usize, keep: usize) {
        let mut found = Vec::new();
        let mut time = self.now;
        let mut sink = |record: &wtor::record::Record<'_>| {
            let seen = Seen { record, source: "log", server: None };
            time = time.max(record.time.expect("a time").timestamp());
            let offset = record.position.offset;
            self.matcher.hits(seen, &mut |hit| found.push((hit.target(), hit.condition.captures(seen), offset, time)));
        };
        let mut stream = Stream::new(&Options::default(), Position { offset: from as u64, line: 1 });
        stream.feed(&log.as_bytes()[from..to], &mut sink);
        stream.flush(Flush::Everything, &mut sink);
        self.now = time;
        for (target, captures, offset, at) in found {
            let file = FileKey("log".into());
            let origin = Origin { source: "log".into(), path: "log".into(), file, offset, line: 1 };
            let read = checkpoint(from.min(keep));
            let matched = Matched { target, origin, at, age: None, age_max: None, captures, read };
            self.give(Event::Matched(Box::new(matched)));
        }
        self.give(Event::Tick(self.now));
        self.give(Event::Read(checkpoint(to.min(keep))));
    }

    /// The agent dies, and another takes over.
    pub fn restart(&mut self) {
        self.store = None;
        let store = Store::open(self.state.path()).expect("a journal");
        let recovered = store.recover().expect("whole");
        self.store = Some(store);
        let (agent, effects) = Agent::recover(self.matcher.policy().clone(), recovered.into(), self.now, 8);
        self.agent = agent;
        self.carry_out(effects);
    }

    pub fn reload(&mut self, rules: &str) {
        let policy = policy(rules);
        self.matcher = Matcher::new(policy.clone());
        self.give(Event::PolicyReplaced(policy));
    }
}

/// A decision in a few words: time, rule, verdict, what it says, and why.
pub fn brief(decision: &Decision) -> String {
    let time = &decision.at.to_string()[11..19];
    let said = match &decision.actions[0] {
        wtor::journal::Action::Report { text, .. } => text,
        _ => "another action",
    };
    match decision.verdict {
        Verdict::Fired => format!("{time} {}: {said} ({})", decision.rule, decision.reason),
        _ => format!("{time} {}: {} ({})", decision.rule, decision.verdict.name(), decision.reason),
    }
}

pub fn told(decisions: &[Decision]) -> Vec<String> {
    decisions.iter().map(brief).collect()
}

/// The ends of the lines.
pub fn ends(log: &str) -> Vec<usize> {
    log.match_indices('\n').map(|(at, _)| at + 1).collect()
}

/// Tells a story in every way.
#[track_caller]
pub fn story(rules: &str, story: &[&str], expected: &[&str]) {
    let log = log(story);
    let mut straight = Life::new(rules);
    let mut with_restarts = Life::new(rules);
    let mut read_again = Life::new(rules);
    let mut from = 0;
    for to in ends(&log) {
        straight.read(&log, from, to, usize::MAX);
        with_restarts.read(&log, from, to, usize::MAX);
        with_restarts.restart();
        read_again.read(&log, 0, to, 0);
        read_again.restart();
        from = to;
    }
    let mut replayed = Vec::new();
    let mut replay = Replay::new(policy(rules));
    let mut sink = |entry: &Entry| {
        if let Entry::Decided(decision) = entry {
            replayed.push(decision.clone());
        }
    };
    replay.file("log", &mut log.as_bytes(), &Options::default(), &mut |_| {}, &mut sink).expect("read");
    replay.finish(&mut sink);
    assert_eq!(told(&straight.decisions), expected, "straight");
    assert_eq!(told(&with_restarts.decisions), expected, "with a restart after every record");
    assert_eq!(told(&read_again.decisions), expected, "read again after every record");
    assert_eq!(told(&replayed), expected, "as a replay");
    let file = story_file(&log, &straight.decisions);
    let policy = policy(rules);
    let story = Story::parse("x.story", &file, &policy).unwrap_or_else(|found| panic!("{}", render_full(&found)));
    let wrong = story.play(&policy, wtor::rule::Brakes::default(), &mut |_, _| {});
    assert!(wrong.is_empty(), "as a story\n{}", render_full(&wrong));
}

/// A story file of the log with these decisions, with restarts.
fn story_file(log: &str, decisions: &[Decision]) -> String {
    let lines: String = log.lines().map(|line| format!("log {line}\nrestart\n")).collect();
    let expect = |decision: &Decision| {
        let said = match &decision.actions[0] {
            wtor::journal::Action::Report { text, .. } if !text.contains(['"', '\n']) => {
                format!(" with report=\"{text}\"")
            }
            _ => String::new(),
        };
        format!("expect {} {}{said}\n", decision.rule, decision.verdict.name())
    };
    lines + &decisions.iter().map(expect).collect::<String>()
}
