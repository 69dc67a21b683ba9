//! Deterministic simulation: the agent, the recogniser and the matcher as they are, in a world that loses
//! power, delays the disk, orphans processes and sets clocks. A seed is a history, and the same seed is
//! always the same history. `world` is the wiring that the daemon has in the real world, `disk` the
//! journal, `log` the files, `check` what must hold at every step, `bug` the proof that it would be seen
//! if it did not, `situations` what rules that correlate must come to, and `orders` what stands by order and is
//! handed over.
//!
//! `WTOR_SIM_SEEDS=100000 cargo test --release --test sim seeds -- --nocapture` runs that many,
//! `WTOR_SIM_FROM=N` from another seed on, and `WTOR_SIM_SEED=N` prints one history.
#![expect(clippy::print_stdout, reason = "what a long run is for: figures")]

mod bug;
mod check;
mod disk;
mod log;
mod orders;
mod policy;
mod script;
mod situations;
mod world;

use bug::Bug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use world::{Told, World};

/// Histories in `cargo test`.
const SEEDS: u64 = 2_000;
/// Acts of one history, before the world comes to rest.
const ACTS: u32 = 160;
/// Threads: the machines that run this have two cores at least.
const THREADS: usize = 2;
/// A planted bug must be seen within so many histories.
const BUG_SEEDS: u64 = 400;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// One history: what it counted, and what was wrong.
fn history(seed: u64, bug: Option<Bug>) -> (World, Result<(), String>) {
    live(World::new(seed, bug))
}

fn live(mut world: World) -> (World, Result<(), String>) {
    let result = catch_unwind(AssertUnwindSafe(|| world.live(ACTS)));
    let result = result.unwrap_or_else(|_| Err("the agent panicked".into()));
    (world, result)
}

/// Runs histories on every thread until one is wrong: its seed.
fn first_wrong(from: u64, count: u64, bug: Option<Bug>, told: &Mutex<Told>) -> Option<u64> {
    let next = AtomicU64::new(from);
    let wrong = Mutex::new(None::<u64>);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let known = wrong.lock().expect("no panic").is_some_and(|w| w < seed);
                    if seed >= from + count || known {
                        return;
                    }
                    let (world, result) = history(seed, bug);
                    told.lock().expect("no panic").add(&world.told);
                    if result.is_err() {
                        let mut wrong = wrong.lock().expect("no panic");
                        *wrong = Some(wrong.map_or(seed, |other| other.min(seed)));
                    }
                }
            });
        }
    });
    wrong.into_inner().expect("no panic")
}

/// Fails with the whole history.
#[track_caller]
fn show(seed: u64) {
    let (world, result) = live(World::new(seed, None).told_in_full());
    if let Err(why) = result {
        panic!("seed {seed}: {why}\n{}\nagain: WTOR_SIM_SEED={seed} cargo test --test sim seeds", world.story());
    }
}

#[test]
fn seeds() {
    if let Some(seed) = number("WTOR_SIM_SEED") {
        let (world, result) = live(World::new(seed, None).told_in_full());
        println!("{}\n{result:?}", world.story());
        return show(seed);
    }
    let (from, count) = (number("WTOR_SIM_FROM").unwrap_or(1), number("WTOR_SIM_SEEDS").unwrap_or(SEEDS));
    let told = Mutex::default();
    let wrong = first_wrong(from, count, None, &told);
    let told = told.into_inner().expect("no panic");
    println!("seeds {from} to {}\n{told}", from + count - 1);
    if let Some(seed) = wrong {
        show(seed);
    }
    // The world is not idle: what it should try, it has tried.
    if count >= SEEDS {
        told.assert_rich(count);
    }
}

#[test]
fn the_same_seed_is_the_same_history() {
    for seed in 1..20 {
        let story = || live(World::new(seed, None).told_in_full()).0.story();
        let one = story();
        assert!(one.lines().count() > 160 && one == story(), "seed {seed}");
    }
}

/// The power fails, or the agent is killed, before each single effect of a script, and then once more
/// before each effect after that.
#[test]
fn power_fails_before_each_single_effect() {
    let mut failures = 0;
    for script in &script::ALL {
        for ruin in script::RUINS {
            let effects = script.holds(ruin, &[]);
            for first in 1..=effects {
                let effects = script.holds(ruin, &[first]);
                for second in first + 1..=effects {
                    script.holds(ruin, &[first, second]);
                }
                failures += 1 + effects.saturating_sub(first);
            }
        }
    }
    println!("{failures} histories with one failure or two");
    assert!(failures > 3_000, "{failures}");
}

/// The simulation has teeth: it sees each of these bugs.
#[test]
fn every_planted_bug_is_caught() {
    let mut missed = Vec::new();
    for bug in Bug::ALL {
        let wrong = first_wrong(1, BUG_SEEDS, Some(bug), &Mutex::default());
        let Some(seed) = wrong else {
            missed.push(bug);
            continue;
        };
        let (_, result) = history(seed, Some(bug));
        println!("{bug:?}: seed {seed}: {}", result.expect_err("it was wrong"));
    }
    assert!(missed.is_empty(), "not caught within {BUG_SEEDS} histories: {missed:?}");
}
