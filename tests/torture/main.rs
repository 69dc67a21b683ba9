//! Torture: the real daemon with its real journal follows two real logs, 5,000 lines/s in all, of which
//! one is renamed and the other copied and truncated every second, and is killed with `kill -9` again and
//! again: at random moments, and aimed at the gaps between reading, deciding, recording and starting. Then
//! the jobs that ran are compared with those that should have: none lost, none twice, and in doubt only
//! where a run was in flight. What stood in a file that was truncated twice while the agent was dead is
//! counted for itself: nobody can read that.
//!
//! `WTOR_TORTURE_KILLS=500 cargo test --release --test torture -- --nocapture` is the long form;
//! `WTOR_TORTURE_RATE` (lines/s) and `WTOR_TORTURE_SEED` change it.
#![expect(clippy::print_stdout, reason = "what a long run is for: figures")]

mod aim;
mod count;
mod disk;
#[path = "../it/world.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod world;
mod writer;

use aim::Aim;
use count::{Account, Log};
use std::fs::{File, OpenOptions};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use world::{World, eventually};
use writer::Writer;

/// Kills in `cargo test`.
const KILLS: u64 = 20;
/// Lines per second in both logs together.
const RATE: u64 = 5_000;
/// Runs at a time: so many may be in doubt after a kill.
const RUNS_AT_ONCE: usize = 8;
/// The longest that the agent lives between two kills, and is dead after one.
const LIFE: Duration = Duration::from_millis(1_200);
const DEATH: Duration = Duration::from_millis(300);
/// In which the last agent must have done all that is left.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks at what is left: the agent shall have the machine.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

const RULES: &str = "
[[rule]]
name = 'note'
when = { id = 'TOR0001I', text = 'number (?<n>[rc]\\d+)' }
then = { run = 'note', with = { n = '${n}' } }
";
/// One write to a file that is open for appending is not torn. The variable with the number is wtor's own.
const JOB: &str = "
params = { n = { required = true } }
[[step]]
argv = ['/bin/sh', '-c', 'echo \"$0 $WTOR_RUN $WTOR_ATTEMPT\" >> out.txt', '${n}']
";

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

fn place() -> World {
    let world = World::new();
    world.rules(RULES).job("note", JOB).write("logs/r.log", "").write("logs/c.log", "").write("out.txt", "");
    world.write("said/none", "").write(
        "wtor.toml",
        format!(
            "limits = {{ runs_at_once = {RUNS_AT_ONCE} }}\n
[[source]]\nname = 'renamed'\nfile = 'logs/r.log'\n[[source]]\nname = 'truncated'\nfile = 'logs/c.log'"
        ),
    );
    world
}

/// Starts an agent; each writes what it says into a file of its own.
fn begin(world: &World, life: u64) -> Child {
    let said: File = OpenOptions::new().create(true).append(true).open(world.path(&said(life))).expect("a file");
    world.start_unheard(&["--json"], Stdio::from(said))
}

fn said(life: u64) -> String {
    format!("said/{life:06}.json")
}

fn is_watching(world: &World, life: u64) -> bool {
    world.read(&said(life)).contains("WTR309I")
}

/// Kills it, unless it has ended by itself, which it must not.
#[track_caller]
fn kill(world: &World, mut agent: Child, life: u64) {
    if let Some(status) = agent.try_wait().expect("a child") {
        panic!("it ended by itself: {status}\n{}", tail(world, life));
    }
    agent.kill().expect("killed");
    agent.wait().expect("ended");
}

fn tail(world: &World, life: u64) -> String {
    let lines = world.lines(&said(life));
    lines[lines.len().saturating_sub(30)..].join("\n")
}

#[test]
fn nothing_is_lost_and_nothing_comes_twice() {
    let (kills, rate) = (number("WTOR_TORTURE_KILLS", KILLS), number("WTOR_TORTURE_RATE", RATE));
    let seed = number("WTOR_TORTURE_SEED", u64::from(std::process::id()));
    let mut random = fastrand::Rng::with_seed(seed);
    let world = place();
    // The first life knows the files, so that whatever comes is new.
    let agent = world.watch(2, &[]);
    agent.kill();
    let begun = Instant::now();
    let writer = Writer::start(&world, rate);
    let mut agent = begin(&world, 0);
    let mut lives = [0; Aim::ALL.len()];
    // How long each start took, and when the last began.
    let (mut starts, mut born) = (Vec::new(), begun);
    for n in 0..kills {
        let aim = Aim::ALL[usize::try_from(n).unwrap_or(0) % Aim::ALL.len()];
        lives[aim as usize] += 1;
        // Anywhere is also before it watches; but what never lives does nothing.
        if aim != Aim::Anywhere || n % 10 > 0 {
            let watches = eventually(PATIENCE, || is_watching(&world, n));
            assert!(watches, "seed {seed}: it does not come to watch\n{}", tail(&world, n));
        }
        if n > 0 {
            starts.push(born.elapsed());
        }
        aim.wait(&world, LIFE.mul_f64(random.f64()), &mut random);
        kill(&world, agent, n);
        aim::pause(DEATH.mul_f64(random.f64() * random.f64()));
        born = Instant::now();
        agent = begin(&world, n + 1);
    }
    let written = writer.stop();
    let lasted = begun.elapsed();
    // The last agent lives until all is done.
    let mut account = Account::default();
    let done = eventually(PATIENCE, || {
        aim::pause(LOOK_AGAIN);
        let quiet = count::is_quiet(&world);
        if quiet {
            account = Account::of(&world, &written);
        }
        quiet && account.is_complete()
    });
    let left_after = begun.elapsed() - lasted;
    let ended = agent.try_wait().expect("a child");
    assert!(ended.is_none(), "seed {seed}: it ended by itself: {ended:?}\n{}", tail(&world, kills));
    let term = rustix::process::Signal::TERM;
    let pid = i32::try_from(agent.id()).ok().and_then(rustix::process::Pid::from_raw).expect("a process");
    rustix::process::kill_process(pid, term).expect("signalled");
    agent.wait().expect("ended");
    let account = Account::of(&world, &written);
    println!("seed {seed}: {kills} kills in {:.0} s\n{}", lasted.as_secs_f64(), account.table(&lives));
    starts.sort_unstable();
    let middle = starts.get(starts.len() / 2).copied().unwrap_or_default();
    println!("the last run was over {:.1} s after the last line", left_after.as_secs_f64());
    println!("a start took {middle:?}, the slowest {:?}", starts.last().copied().unwrap_or_default());
    assert!(done, "seed {seed}: it is not complete\n{}\n{}", account.table(&lives), tail(&world, kills));
    for log in [Log::Renamed, Log::Truncated] {
        let wrong = account.wrong(log);
        assert!(
            wrong.is_empty(),
            "seed {seed}: {log:?}: {wrong:?}\n{}\n{}",
            account.table(&lives),
            tail(&world, kills)
        );
    }
    assert!(account.in_doubt() <= usize::try_from(kills).unwrap_or(0) * RUNS_AT_ONCE, "in doubt without a reason");
    assert!(account.decided_twice().is_empty(), "{:?}", account.decided_twice());
}
