//! The fuzz targets without a fuzzer: the kept corpus, and then some seconds of random changes to it.
//! `WTOR_FUZZ_SECONDS` says how long each target is tried, `WTOR_FUZZ_SEED` repeats a run,
//! `WTOR_FUZZ_TARGET` is the only one tried. The same targets run
//! under libFuzzer, see docs/safety.md.

#![expect(clippy::print_stdout, reason = "the seed, and how much was tried")]

#[path = "../fuzz/targets/mod.rs"]
mod targets;

use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant, SystemTime};
use targets::TARGETS;

/// No input may take longer, on a machine that does other things as well.
const DEADLINE: Duration = Duration::from_secs(30);

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(folder).expect("a corpus").map(|e| e.expect("an entry").path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).expect("a seed")).collect()
}

fn from_env(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// Bytes that are near to one of these.
fn changed(seeds: &[Vec<u8>], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = random.choice(seeds).cloned().unwrap_or_default();
    for _ in 0..random.usize(1..8) {
        let at = random.usize(..=bytes.len());
        let to = random.usize(at..=bytes.len());
        match random.u8(..7) {
            0 => bytes.insert(at, random.u8(..)),
            1 if at < bytes.len() => bytes[at] = random.u8(..),
            2 if at < bytes.len() => bytes[at] ^= 1 << random.u8(..8),
            3 => drop(bytes.drain(at..to.min(at + 16))),
            4 => bytes.extend_from_within(at..to),
            5 => {
                let other = random.choice(seeds).map_or(&[][..], Vec::as_slice);
                let from = random.usize(..=other.len());
                bytes.splice(at..at, other[from..random.usize(from..=other.len())].iter().copied());
            }
            _ => bytes.truncate(bytes.len().saturating_sub(random.usize(..4))),
        }
    }
    bytes.truncate(64 << 10);
    bytes
}

/// Tries inputs on a thread of its own, so that one that never ends is told, too.
fn try_all(name: &str, target: targets::Target, mut inputs: impl FnMut() -> Option<Vec<u8>>) -> u64 {
    let (give, take) = channel::<Vec<u8>>();
    let (done, ended) = channel();
    let worker = std::thread::spawn(move || {
        for input in take {
            target(&input);
            done.send(()).expect("somebody listens");
        }
    });
    let mut count = 0;
    while let Some(input) = inputs() {
        give.send(input.clone()).expect("it takes");
        match ended.recv_timeout(DEADLINE) {
            Ok(()) => count += 1,
            Err(why) => {
                let how = if why == RecvTimeoutError::Timeout { "does not end" } else { "breaks a promise" };
                panic!("target `{name}` {how} on b\"{}\"", input.escape_ascii());
            }
        }
    }
    drop(give);
    worker.join().expect("every input was good");
    count
}

#[test]
fn the_kept_corpus_holds() {
    for (name, target) in TARGETS {
        let mut seeds = corpus(name).into_iter();
        assert!(try_all(name, target, || seeds.next()) > 0, "`{name}` has no seeds");
    }
}

#[test]
fn what_is_near_the_corpus_holds() {
    let span = Duration::from_secs(from_env("WTOR_FUZZ_SECONDS").unwrap_or(1));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    let seed = from_env("WTOR_FUZZ_SEED").unwrap_or(now.as_secs());
    println!("WTOR_FUZZ_SEED={seed}");
    let wanted = std::env::var("WTOR_FUZZ_TARGET").ok();
    for (name, target) in TARGETS.into_iter().filter(|(name, _)| wanted.as_deref().is_none_or(|w| w == *name)) {
        let seeds = corpus(name);
        let mut random = fastrand::Rng::with_seed(seed);
        let until = Instant::now() + span;
        let count = try_all(name, target, || (Instant::now() < until).then(|| changed(&seeds, &mut random)));
        println!("{name}: {count} inputs");
    }
}
