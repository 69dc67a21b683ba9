//! The agent alone, with more and more runs owed: what an event costs. First so many messages match
//! while nothing ends, then run after run ends, and the next one starts. The work of one event should not
//! follow the number of runs that wait: the last column says what an event costs beside the first row.
//!
//! `cargo bench --bench owed [-- RUNS...]`

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::sync::Arc;
use std::time::{Duration, Instant};
use wtor::agent::{Agent, Effect, Event, Memory};
use wtor::engine::Matched;
use wtor::journal::{Checkpoint, FileKey, Origin, RunId};
use wtor::policy::{Policy, Target};
use wtor::rule::{AtMost, Brakes, Captures};
use wtor::time::Timestamp;

const RULE: &str = "[[rule]]\nname = 'rule'\nwhen = { id = 'A1I' }\nthen = { run = 'job' }";
const JOB: &str = "[[step]]\nargv = ['/bin/true']";
const RUNS_AT_ONCE: usize = 8;

fn main() {
    let asked: Vec<u64> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let sizes = if asked.is_empty() { vec![100, 1_000, 10_000, 100_000] } else { asked };
    println!("{:>10} {:>14} {:>14} {:>9}", "runs owed", "us a match", "us an end", "of first");
    let mut first = None;
    for runs in sizes {
        let (matched, ended) = measure(runs);
        let micros = |span: Duration| span.as_secs_f64() * 1e6 / runs as f64;
        let ratio = micros(ended) / *first.get_or_insert(micros(ended));
        println!("{runs:>10} {:>14.2} {:>14.2} {ratio:>9.1}", micros(matched), micros(ended));
    }
}

/// How long it takes to owe so many runs, and how long to bring them to their ends.
fn measure(runs: u64) -> (Duration, Duration) {
    let (policy, found) = Policy::load(&[("r.toml".into(), RULE.into())], &[("jobs/job.toml".into(), JOB.into())]);
    let policy = Arc::new(policy.unwrap_or_else(|| panic!("{found:?}")));
    let (mut agent, _) = Agent::recover(policy, Memory::default(), Timestamp(1), RUNS_AT_ONCE);
    let most = AtMost { runs: usize::MAX - 1, per: Duration::from_secs(1) };
    agent.brake_by(Brakes { rule: most, all: most });
    let (begun, mut running) = (Instant::now(), Vec::new());
    for n in 0..runs {
        world(&mut agent, hit(n), &mut running);
    }
    let (owing, begun) = (begun.elapsed(), Instant::now());
    let mut ends = 0;
    while let Some((run, attempt)) = running.pop() {
        ends += 1;
        world(&mut agent, Event::Ended { run, attempt, outcomes: Vec::new() }, &mut running);
    }
    assert_eq!(ends, runs);
    (owing, begun.elapsed())
}

/// A world whose disk is at once durable, and whose runs go on until they are told to end.
fn world(agent: &mut Agent, event: Event, running: &mut Vec<(RunId, u32)>) {
    let mut effects = agent.handle(event);
    while let Some(effect) = effects.pop() {
        match effect {
            Effect::Append { batch, .. } => effects.extend(agent.handle(Event::Durable(batch))),
            Effect::Start { run, attempt, .. } => running.push((run, attempt)),
            Effect::Cancel { .. } | Effect::Publish(_) => {}
        }
    }
}

fn hit(n: u64) -> Event {
    let (file, at) = (FileKey("f".into()), Timestamp(1_000 * i64::try_from(n).unwrap_or(0) + 1));
    let place = |offset| Checkpoint {
        source: "s".into(),
        path: "a.log".into(),
        file: file.clone(),
        offset,
        line: n,
        head: String::new(),
        done: false,
    };
    Event::Matched(Box::new(Matched {
        target: Target::Rule("rule".into()),
        origin: Origin { source: "s".into(), path: "a.log".into(), file: file.clone(), offset: n * 100, line: n },
        at,
        age: None,
        age_max: None,
        captures: Captures::default(),
        read: place(n * 100),
    }))
}
