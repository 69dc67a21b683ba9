//! The log you saved and the log you tail are the same program: what `wtor replay` decides about a log,
//! the daemon's journal holds after the same bytes were appended to a file that it follows, whole, in
//! pieces of any size, and with restarts and deaths in between.

#[path = "it/world.rs"]
#[allow(dead_code, reason = "this test needs a part of it")]
mod world;

use fastrand::Rng;
use serde_json::{Value, json};
use std::fmt::Write as _;
use world::{Agent, World};
use wtor::record::{Flush, Options, Position, Record, Stream, to_json};

const RULES: &str = "
[[rule]]
name = 'number'
when = { id = 'TST0001I', text = 'number (?<n>\\d+)' }
then = { report = 'number ${n}' }
[[rule]]
name = 'any'
when = { id = ['IEE*', 'TST000?I'], unless = { system = 'SYS2' } }
[[rule]]
name = 'body'
mode = 'shadow'
when = { id = ['IEE114I', 'IEE115I'], any_line = 'JOBS=(?<jobs>\\d+)' }
[[rule]]
name = 'joined'
final = true
when = { id = 'TST0002I', text = 'FIRST PART AND (?<rest>.*)$' }
[[rule]]
name = 'behind'
when = { id = 'TST0002I' }
[[rule]]
name = 'trace'
when = { id = 'SRVE0777E', any_line = '^\\s*at (?<frame>[\\w.]+)' }
[[rule]]
name = 'liberty'
when = { format = 'liberty', id = ['CWWK*', 'SRVE*'] }
[[rule]]
name = 'text'
when = { text = '(?i)orphan|number 7' }
[[rule]]
name = 'torn'
when = { kind = ['orphan', 'unparsed'], any_line = '(?<word>\\w+)$' }
";

/// Single lines with continuations, a message of another system now and then.
fn continued(rng: &mut Rng) -> String {
    let mut log = String::new();
    for n in 0..40 {
        let system = if rng.u8(..4) == 0 { "SYS2" } else { "SYS1" };
        let head = format!("2026325 10:{:02}:{:02}.00 STC01234 00000090 ", n / 60, n % 60);
        let _ = match rng.u8(..4) {
            0 => writeln!(
                log,
                "N 4000000 {system}     {head} TST0002I THE FIRST PART AND
S                                                          THE SECOND OF {n}"
            ),
            1 => writeln!(log, "N 4000000 {system}     {head} TST0009I nobody asks"),
            _ => writeln!(log, "N 4000000 {system}     {head} TST0001I number {n}"),
        };
    }
    log
}

/// Displays whose lines interleave with each other and with other messages, and torn ones.
fn interleaved(rng: &mut Rng) -> String {
    let mut log = String::new();
    let mut open: Vec<(u32, u32)> = Vec::new();
    for n in 0..60u32 {
        let head = format!("SYS1     2026325 11:{:02}:{:02}.00 STC01234 00000090 ", n / 60, n % 60);
        let _ = match rng.u8(..8) {
            0 | 1 if open.len() < 4 => {
                open.push((100 + n, rng.u32(1..4)));
                writeln!(log, "M 4000000 {head} IEE11{}I ACTIVITY {}", 4 + n % 2, 100 + n)
            }
            2..6 if !open.is_empty() => {
                let at = rng.usize(..open.len());
                let (id, left) = open[at];
                let last = left == 0;
                if last {
                    open.remove(at);
                } else {
                    open[at].1 -= 1;
                }
                let kind = if last { 'E' } else { 'D' };
                writeln!(log, "{kind}                                         {id} 00000090  JOBS={n}")
            }
            6 => writeln!(log, "E                                         099 00000090  AN ORPHAN"),
            _ => writeln!(log, "N 4000000 {head} TST0001I number {n}"),
        };
    }
    for (id, _) in open {
        let _ = writeln!(log, "E                                         {id} 00000090  JOBS=0");
    }
    // Something after it, so that nothing is held back at the end.
    log + "N 4000000 SYS1     2026325 12:00:00.00 STC01234 00000090  TST0001I number 7\n"
}

/// messages.log with stack traces.
fn liberty(rng: &mut Rng) -> String {
    let mut log = String::new();
    for n in 0..30 {
        let head = format!(
            "[11/21/26, 22:12:{n:02}:642 UTC] 00000029 com.ibm.ws.some.component.Name                              "
        );
        let _ = match rng.u8(..3) {
            0 => writeln!(
                log,
                "{head}E SRVE0777E: Exception {n}\njava.lang.Error: no\n\tat a.B{n}.c(B.java:1)\n\tat a.B.d(B.java:2)"
            ),
            1 => writeln!(log, "{head}A CWWKZ0001I: Application app{n} started in {n}.125 seconds."),
            _ => writeln!(log, "{head}I TRAS0018I: nobody asks"),
        };
    }
    log
}

fn world() -> World {
    let world = World::new();
    world.rules(RULES).write("logs/a.log", "");
    // Records that may be continued wait for longer than a test may pause between two pieces.
    world.write("wtor.toml", "[[source]]\nname = 'log'\nfile = 'logs/a.log'\nsettle = '400ms'\npoll = '20ms'");
    world
}

/// What a decision is, whoever made it: rule, verdict, position, and captures but the name of the source,
/// which is the file's in a replay.
fn decision(rule: &Value, verdict: &Value, offset: &Value, line: &Value, captures: &Value) -> String {
    let mut captures = captures.clone();
    captures.as_object_mut().expect("captures").remove("source");
    json!([offset, line, rule, verdict, captures]).to_string()
}

#[track_caller]
fn replayed(world: &World, log: &str) -> Vec<String> {
    world.write("saved.log", log);
    let decisions = world.wtor(&["replay", "--json", "saved.log"]).code(0).json();
    let of =
        |d: &Value| decision(&d["rule"], &d["decision"], &d["source"]["offset"], &d["source"]["line"], &d["captures"]);
    decisions.iter().map(of).collect()
}

#[track_caller]
fn journaled(world: &World) -> Vec<String> {
    let of =
        |d: &Value| decision(&d["rule"], &d["verdict"], &d["origin"]["offset"], &d["origin"]["line"], &d["captures"]);
    world.history().iter().map(of).collect()
}

/// Waits for as many decisions as the replay made, and compares them. After deaths only the order in which
/// they were written may differ.
#[track_caller]
fn assert_equal(world: &World, agent: &Agent<'_>, log: &str, in_order: bool, how: &str) {
    let mut wanted = replayed(world, log);
    assert!(wanted.len() > 10, "a log that leads to nothing proves nothing: {wanted:?}");
    agent.until(&format!("{how}: {} decisions", wanted.len()), || world.history().len() >= wanted.len());
    let mut found = journaled(world);
    if !in_order {
        wanted.sort();
        found.sort();
    }
    for (number, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
        assert_eq!(found, wanted, "{how}: decision {number} of the daemon (left) and of the replay (right) differ");
    }
    assert_eq!(found.len(), wanted.len(), "{how}");
}

type Maker = fn(&mut Rng) -> String;
const LOGS: [(&str, Maker); 3] = [("continued", continued), ("interleaved", interleaved), ("liberty", liberty)];

fn seed() -> u64 {
    std::env::var("WTOR_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

#[test]
fn a_log_that_comes_whole() {
    for (name, make) in LOGS {
        let (world, log) = (world(), make(&mut Rng::with_seed(seed())));
        let agent = world.watch(1, &[]);
        world.append("logs/a.log", &log);
        assert_equal(&world, &agent, &log, true, &format!("{name}, WTOR_SEED={}", seed()));
    }
}

#[test]
fn a_log_that_comes_in_pieces() {
    for (name, make) in LOGS {
        for seed in seed()..seed() + 3 {
            let mut rng = Rng::with_seed(seed);
            let (world, log) = (world(), make(&mut rng));
            let agent = world.watch(1, &[]);
            let mut rest = log.as_bytes();
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at(rng.usize(1..=rest.len().min(700)));
                world.append("logs/a.log", piece);
                rest = behind;
            }
            assert_equal(&world, &agent, &log, true, &format!("{name} in pieces, WTOR_SEED={seed}"));
        }
    }
}

#[test]
fn a_log_with_restarts_and_deaths_between_its_pieces() {
    for (name, make) in LOGS {
        for seed in seed()..seed() + 2 {
            let mut rng = Rng::with_seed(seed);
            let (world, log) = (world(), make(&mut rng));
            let mut agent = world.watch(1, &[]);
            let mut rest = log.as_bytes();
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at(rng.usize(1..=rest.len().min(900)));
                world.append("logs/a.log", piece);
                rest = behind;
                match rng.u8(..4) {
                    0 => assert_eq!(agent.stop(), Some(0)),
                    1 => agent.kill(),
                    _ => continue,
                }
                agent = world.start(&[]);
            }
            assert_equal(&world, &agent, &log, false, &format!("{name} with restarts, WTOR_SEED={seed}"));
        }
    }
}

#[test]
fn standard_input_decides_the_same() {
    for (name, make) in LOGS {
        let (world, log) = (world(), make(&mut Rng::with_seed(seed())));
        world.wtor_given(&["run", "-"], log.as_bytes()).code(0);
        assert_eq!(journaled(&world), replayed(&world, &log), "{name}, WTOR_SEED={}", seed());
    }
}

/// Every record of the log from a position on, as JSON by its first line; before `until` only what is
/// complete by then.
fn records(log: &str, from: Position, until: usize) -> (Vec<String>, Position) {
    let mut stream = Stream::new(&Options::default(), from);
    let mut found = Vec::new();
    let mut sink = |record: &Record<'_>| found.push(to_json(record, "a.log").to_string());
    stream.feed(&log.as_bytes()[usize::try_from(from.offset).expect("small")..until], &mut sink);
    let resume = stream.resume_position();
    if until == log.len() {
        stream.flush(Flush::Everything, &mut sink);
    }
    (found, resume)
}

#[test]
fn a_restart_at_any_byte_reads_no_record_that_is_not_in_the_log() {
    for (name, make) in LOGS {
        for seed in seed()..seed() + 5 {
            let log = make(&mut Rng::with_seed(seed));
            let start = Position { offset: 0, line: 1 };
            let (whole, _) = records(&log, start, log.len());
            for cut in (0..log.len()).step_by(53) {
                let (mut before, resume) = records(&log, start, cut);
                let (after, _) = records(&log, resume, log.len());
                let foreign: Vec<_> = after.iter().filter(|record| !whole.contains(record)).collect();
                assert!(
                    foreign.is_empty(),
                    "{name}, WTOR_SEED={seed}, cut at byte {cut}, read on from {resume:?}: {foreign:#?}"
                );
                before.extend(after);
                let lost: Vec<_> = whole.iter().filter(|record| !before.contains(record)).collect();
                assert!(
                    lost.is_empty(),
                    "{name}, WTOR_SEED={seed}, cut at byte {cut}, read on from {resume:?}: {lost:#?}"
                );
            }
        }
    }
}
