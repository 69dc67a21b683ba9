//! Rotation under the daemon while lines flow: renamed and created anew, copied and truncated, deleted
//! and created anew, with deaths in between. Each line is numbered and its job writes the number down:
//! each number stands there once, or its run is in doubt.

use crate::run::{NOTE, NOTE_RULE};
use crate::world::{Agent, World, line};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

const LINES: u32 = 300;
const ROTATE_EVERY: u32 = 50;

fn world() -> World {
    let world = World::new();
    world.rules(NOTE_RULE).job("note", NOTE).write("logs/a.log", "");
    world.write(
        "wtor.toml",
        "limits = { runs_at_once = 16 }\n[[source]]\nname = 'log'\nfile = 'logs/a.log*'\npoll = '50ms'",
    );
    world
}

fn number(n: u32) -> String {
    line(n, &format!("TST0001I number {n}"))
}

/// How often each number stands in `out.txt`.
fn counted(world: &World) -> BTreeMap<u32, usize> {
    let mut counts = BTreeMap::new();
    for line in world.lines("out.txt") {
        *counts.entry(line.parse().expect("a number")).or_default() += 1;
    }
    counts
}

/// Every number is there once; those in doubt may be there or not.
#[track_caller]
fn assert_once(world: &World, agent: &Agent<'_>) {
    let doubtful = |runs: Vec<serde_json::Value>| -> BTreeSet<u32> {
        let open = runs.into_iter().filter(|run| run["state"] == "in_doubt");
        open.map(|run| run["run"].as_u64().expect("a number")).map(|run| number_of(world, run)).collect()
    };
    agent.until_settled();
    let in_doubt = doubtful(world.runs());
    let settled = || (1..=LINES).all(|n| in_doubt.contains(&n) || counted(world).contains_key(&n));
    agent.until("every number is written down or in doubt", settled);
    agent.until_settled();
    let counts = counted(world);
    let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
    let lost: Vec<_> = (1..=LINES).filter(|n| !counts.contains_key(n) && !in_doubt.contains(n)).collect();
    let foreign: Vec<_> = counts.keys().filter(|n| !(1..=LINES).contains(n)).collect();
    assert!(twice.is_empty() && lost.is_empty() && foreign.is_empty(), "twice {twice:?}, lost {lost:?}, {foreign:?}");
    assert_eq!(world.history().len(), LINES as usize, "decisions");
}

/// The number that a run was given.
fn number_of(world: &World, run: u64) -> u32 {
    let detail = &world.wtor(&["runs", &run.to_string(), "--json"]).code(0).json()[0];
    detail["decision"]["captures"]["n"].as_str().and_then(|n| n.parse().ok()).expect("a number")
}

/// Everything that was appended has been read.
#[track_caller]
fn until_read(agent: &Agent<'_>, decided: usize) {
    agent.until(&format!("{decided} lines are decided"), || {
        let counts = &agent.status()["view"]["counts"];
        counts["fired"].as_u64() >= Some(decided as u64)
    });
}

#[test]
fn renamed_and_created_anew() {
    let world = world();
    let agent = world.watch(1, &[]);
    for n in 1..=LINES {
        world.append("logs/a.log", number(n));
        if n % ROTATE_EVERY == 0 {
            fs::rename(world.path("logs/a.log"), world.path(&format!("logs/a.log.{n}"))).expect("renamed");
            // A writer that has not noticed yet.
            if n + 1 < LINES {
                world.write("logs/a.log", "");
            }
        }
    }
    assert_once(&world, &agent);
}

#[test]
fn deleted_and_created_anew() {
    let world = world();
    let agent = world.watch(1, &[]);
    for n in 1..=LINES {
        world.append("logs/a.log", number(n));
        if n % ROTATE_EVERY == 0 && n < LINES {
            // What is deleted unread is lost to everyone: the deleter waits for the reader.
            until_read(&agent, n as usize);
            fs::remove_file(world.path("logs/a.log")).expect("removed");
        }
    }
    assert_once(&world, &agent);
}

#[test]
fn copied_and_truncated() {
    let world = world();
    world.write(
        "wtor.toml",
        "limits = { runs_at_once = 16 }\n[[source]]\nname = 'log'\nfile = 'logs/a.log'\npoll = '50ms'",
    );
    let agent = world.watch(1, &[]);
    for n in 1..=LINES {
        world.append("logs/a.log", number(n));
        if n % ROTATE_EVERY == 0 && n < LINES {
            until_read(&agent, n as usize);
            fs::copy(world.path("logs/a.log"), world.path(&format!("logs/a.log.{n}"))).expect("copied");
            fs::OpenOptions::new().write(true).truncate(true).open(world.path("logs/a.log")).expect("truncated");
        }
    }
    assert_once(&world, &agent);
}

#[test]
fn renamed_with_deaths_in_between() {
    let world = world();
    let mut agent = world.watch(1, &[]);
    for n in 1..=LINES {
        world.append("logs/a.log", number(n));
        if n % ROTATE_EVERY == 0 {
            fs::rename(world.path("logs/a.log"), world.path(&format!("logs/a.log.{n}"))).expect("renamed");
        }
        // Deaths before, at and after rotations, and at once after a line.
        if n % 37 == 0 {
            agent.kill();
            agent = world.start(&[]);
        }
    }
    assert_once(&world, &agent);
}

#[test]
fn truncated_with_deaths_in_between() {
    let world = world();
    world.write(
        "wtor.toml",
        "limits = { runs_at_once = 16 }\n[[source]]\nname = 'log'\nfile = 'logs/a.log'\npoll = '50ms'",
    );
    let mut agent = world.watch(1, &[]);
    let mut before = 0;
    for n in 1..=LINES {
        world.append("logs/a.log", number(n));
        if n % 40 == 0 && n < LINES {
            agent.kill();
            agent = world.start(&[]);
        }
        if n % 75 == 0 && n < LINES {
            agent.until("everything is decided", || world.history().len() == n as usize);
            before += 1;
            let whole = fs::metadata(world.path("logs/a.log")).expect("there").len();
            fs::OpenOptions::new().write(true).truncate(true).open(world.path("logs/a.log")).expect("truncated");
            // Death before it has seen the truncation, every second time.
            if before % 2 == 0 {
                agent.kill();
                agent = world.start(&[]);
            }
            assert!(whole > 0);
        }
    }
    assert_once(&world, &agent);
}
