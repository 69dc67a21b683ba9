//! The real daemon while its system calls fail one by one. `strace` makes the N-th call of a kind fail, in every
//! thread that gets so far: N = 1, 2, 3, … until a run passes with nothing struck. Meanwhile messages come, their log
//! is renamed, copied and truncated, the policy is read again, and the agent is stopped. It may end with a message
//! that says what failed, or go on; it must not hang, nor die by a signal or by a fault of our own. Then an agent that
//! nothing strikes must have acted upon every message once, or show which ones it has not.
//!
//! `WTOR_FAULTS=all cargo test --test faults -- --nocapture` is the long form; `WTOR_FAULTS='running open'` a part of
//! it, and `WTOR_FAULTS='running open 7'` one strike.
#![expect(clippy::print_stdout, reason = "what a long run is for: figures")]

mod story;
mod strike;
#[path = "../it/world.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod world;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use story::{Ended, Outcome};
use strike::{CALLS, Call, Phase, Strike};

/// Strikes in `cargo test`, beside those that have found something: so many of all, chosen by this seed.
const CHOSEN: usize = 36;
const SEED: u64 = 4;
/// More calls of one kind than a thread makes in the story.
const NTH_MAX: u32 = 400;

/// What was seen of all strikes.
#[derive(Default)]
struct Figures {
    strikes: usize,
    passed: usize,
    /// How the struck agent ended, by words.
    ends: BTreeMap<String, usize>,
    in_doubt: usize,
    failed: usize,
    wrong: Vec<String>,
}

impl Figures {
    /// Takes note of it. True if nothing was struck.
    fn count(&mut self, strike: &Strike, outcome: Result<Outcome, String>) -> bool {
        match outcome {
            Ok(outcome) if outcome.struck == 0 => {
                self.passed += 1;
                true
            }
            Ok(outcome) => {
                self.strikes += 1;
                println!("{strike}: {outcome:?}");
                *self.ends.entry(outcome.ended.to_string()).or_default() += 1;
                self.in_doubt += outcome.in_doubt;
                self.failed += outcome.failed;
                false
            }
            Err(what) => {
                self.strikes += 1;
                println!("{strike}: {what}");
                self.wrong.push(format!("{strike}: {}", what.lines().next().unwrap_or_default()));
                false
            }
        }
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{} strikes, {} runs untouched", self.strikes, self.passed)?;
        for (how, count) in &self.ends {
            writeln!(f, "{count:5} {how}")?;
        }
        writeln!(f, "{:5} runs in doubt, {} runs whose job could not be carried out", self.in_doubt, self.failed)?;
        write!(f, "{:5} wrong\n{}", self.wrong.len(), self.wrong.join("\n"))
    }
}

/// All strikes of one kind of call in one phase, until a run passes untouched.
fn one_after_the_other(phase: Phase, call: &'static Call, figures: &Mutex<Figures>) {
    for nth in 1..NTH_MAX {
        let strike = Strike { phase, call, nth };
        let outcome = story::play(&strike);
        if figures.lock().expect("figures").count(&strike, outcome) {
            return;
        }
    }
    figures.lock().expect("figures").wrong.push(format!("{phase} {}: no end", call.name));
}

fn strike_at(strikes: &[Strike], figures: &Mutex<Figures>) {
    in_parallel(strikes.len(), |index| {
        let outcome = story::play(&strikes[index]);
        figures.lock().expect("figures").count(&strikes[index], outcome);
    });
}

/// Every strike, or those of one phase (`running`) or of one kind of call in it (`running open`).
fn strike_at_all(asked: &str, figures: &Mutex<Figures>) {
    let all = Phase::ALL.into_iter().flat_map(|phase| CALLS.iter().map(move |call| (phase, call)));
    let named =
        |phase: Phase, call: &Call| [phase.to_string(), format!("{phase} {}", call.name)].contains(&asked.into());
    let kinds: Vec<_> = all.filter(|(phase, call)| asked == "all" || named(*phase, call)).collect();
    assert!(!kinds.is_empty(), "WTOR_FAULTS={asked}: all, or PHASE, PHASE CALL, or PHASE CALL N");
    in_parallel(kinds.len(), |index| {
        let (phase, call) = kinds[index];
        one_after_the_other(phase, call, figures);
        println!("{phase} {} is through", call.name);
    });
}

/// Two at a time: they mostly wait.
fn in_parallel(count: usize, work: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        return;
                    }
                    work(index);
                }
            });
        }
    });
}

/// The strikes of `cargo test`.
fn chosen() -> Vec<Strike> {
    let mut random = fastrand::Rng::with_seed(SEED);
    strike::known().chain((0..CHOSEN).map(|_| Strike::any(&mut random))).collect()
}

/// Where calls cannot be made to fail, says that nothing was tested.
fn may_strike() -> bool {
    let may = strike::may_trace();
    if let Err(why) = &may {
        world::skipped(&format!(
            "no system call can be made to fail here ({why}), so this says nothing of failing calls"
        ));
    }
    may.is_ok()
}

/// A thread that cannot wake the loop panics, in a crate: the agent must not go on without it.
#[test]
fn a_fault_in_any_thread_ends_the_agent() {
    if may_strike() {
        let strike: Strike = "running wake 1".parse().expect("a strike");
        let outcome = story::play(&strike).unwrap_or_else(|what| panic!("{what}"));
        assert_eq!(outcome.ended, Ended::Fault);
    }
}

#[test]
fn whichever_system_call_fails_nothing_is_lost_and_nothing_comes_twice() {
    if !may_strike() {
        return;
    }
    let figures = Mutex::new(Figures::default());
    let asked = std::env::var("WTOR_FAULTS").unwrap_or_default();
    match asked.parse::<Strike>() {
        Ok(strike) => strike_at(&[strike], &figures),
        Err(_) if asked.is_empty() => strike_at(&chosen(), &figures),
        Err(_) => strike_at_all(&asked, &figures),
    }
    let figures = figures.into_inner().expect("figures");
    println!("{figures}");
    assert!(!asked.is_empty() || figures.strikes > CHOSEN / 2, "hardly anything was struck: {figures}");
    assert!(figures.wrong.is_empty(), "{figures}");
}
