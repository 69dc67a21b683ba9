use crate::world::{Agent, World, line};
use std::collections::BTreeMap;
use std::fs;

const RULES: &str = "
[[rule]]
name = 'note'
when = { id = 'GAP0001I', text = 'number (?<n>\\d+)' }
then = { run = 'note', with = { n = '${n}' } }
";
const JOB: &str = "
params = { n = { required = true } }
[[step]]
argv = ['/bin/sh', '-c', 'echo \"$0\" >> out.txt', '${n}']
";

/// What is left of the message at which the agent died: its job has run so often, and its run is in doubt or not.
type Left = (&'static [usize], Doubt);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    None,
    InDoubt,
}

/// Every place of `src/probe.rs` at which the program can be held up, in the order of a message's way.
const GAPS: [(&str, Left); 11] = [
    ("read", (&[1], Doubt::None)),
    ("decided", (&[1], Doubt::None)),
    ("decision uncommitted", (&[1], Doubt::None)),
    ("decision committed", (&[0], Doubt::InDoubt)),
    ("announced", (&[0], Doubt::InDoubt)),
    ("started", (&[0, 1], Doubt::InDoubt)),
    ("ended", (&[1], Doubt::InDoubt)),
    ("end uncommitted", (&[1], Doubt::InDoubt)),
    ("end committed", (&[1], Doubt::None)),
    ("position uncommitted", (&[1], Doubt::None)),
    ("position committed", (&[1], Doubt::None)),
];

fn place() -> World {
    let world = World::new();
    world.rules(RULES).job("note", JOB).write("logs/a.log", "").write("out.txt", "");
    world.write("wtor.toml", "[[source]]\nname = 'log'\nfile = 'logs/a.log'");
    world
}

fn message(n: u32) -> String {
    line(n, &format!("GAP0001I number {n}"))
}

/// How often the job has run, by number.
fn done(world: &World) -> BTreeMap<u32, usize> {
    let mut done = BTreeMap::new();
    for line in world.lines("out.txt") {
        *done.entry(line.parse().expect("a number")).or_default() += 1;
    }
    done
}

/// Held up by SIGSTOP: `man 5 proc`, the field behind the name in parentheses.
#[cfg(debug_assertions)]
fn is_stopped(agent: &Agent<'_>) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", agent.pid())).expect("it is there");
    stat.rsplit(") ").next().is_some_and(|fields| fields.starts_with('T'))
}

#[cfg(debug_assertions)]
#[test]
fn a_kill_in_each_gap_loses_nothing_and_repeats_nothing() {
    for (gap, (times, doubt)) in GAPS {
        let world = place();
        let agent = world.watch(1, &[]);
        world.append("logs/a.log", message(1));
        agent.until_said("WTR302I", 1);
        // A position is committed with whatever is there, so nothing else is: the message is over, and others come.
        let of_position = gap.starts_with("position");
        if of_position {
            world.append("logs/a.log", message(2));
            agent.until_said("WTR302I", 2);
        }
        world.write("probe", format!("stop at {gap}"));
        if !of_position {
            world.append("logs/a.log", message(2));
        }
        agent.until(&format!("it stands at `{gap}`"), || {
            if of_position {
                world.append("logs/a.log", line(2, "GAP0009I nobody asks"));
            }
            is_stopped(&agent)
        });
        if times == [0] {
            assert_eq!(done(&world).get(&2), None, "{gap}: it was started");
        }
        agent.kill();
        fs::remove_file(world.path("probe")).expect("removed");

        let agent = world.watch(1, &[]);
        world.append("logs/a.log", message(3));
        agent.until(&format!("{gap}: all is decided"), || world.history().len() == 3);
        agent.until_settled();
        agent.until(&format!("{gap}: the third has run"), || done(&world).contains_key(&3));
        let done = done(&world);
        let of = |n: u32| done.get(&n).copied().unwrap_or(0);
        assert!(of(1) == 1 && times.contains(&of(2)) && of(3) == 1, "{gap}: {done:?}");
        let in_doubt: Vec<_> = world.runs().into_iter().filter(|run| run["state"] == "in_doubt").collect();
        assert_eq!(!in_doubt.is_empty(), doubt == Doubt::InDoubt, "{gap}: {in_doubt:?}");
        assert!(in_doubt.iter().all(|run| run["run"] == 2), "{gap}: {in_doubt:?}");
        assert_eq!(agent.stop(), Some(0), "{gap}");
    }
}

/// The first operation of the journal fails and all after it, then the second and all after it, and so on, until
/// a message comes through untouched. Each time the disk is mended while another message waits.
#[cfg(debug_assertions)]
#[test]
fn whichever_operation_of_the_journal_fails_it_stops_acting_says_so_and_goes_on() {
    for failing in 1.. {
        let world = place();
        let agent = world.watch(1, &[]);
        world.append("logs/a.log", message(1));
        agent.until_said("WTR302I", 1);
        world.write("probe", format!("fail {failing}"));
        world.append("logs/a.log", message(2));
        let over = || world.runs().iter().any(|run| run["run"] == 2 && run["state"] == "closed");
        agent.until("it stalls, or comes through", || agent.saw("WTR207E") > 0 || over());
        if agent.saw("WTR207E") == 0 {
            // A message is a transaction for its decision and one for its end, of several operations each.
            assert!(failing > 7, "only {failing} operations");
            return;
        }
        let status = agent.status();
        assert!(status["stalled"].as_str().is_some_and(|why| why.contains("disk I/O error")), "{status}");
        world.append("logs/a.log", message(3));
        agent.until("it reads on", || agent.status()["view"]["counts"]["fired"] == 3);
        assert_eq!(done(&world).get(&3), None, "operation {failing}: it acts while the disk fails");
        fs::remove_file(world.path("probe")).expect("removed");
        agent.until_said("WTR210I", 1);
        agent.until_said("WTR302I", 3);
        let once = BTreeMap::from([(1, 1), (2, 1), (3, 1)]);
        assert_eq!(done(&world), once, "operation {failing}");
        assert_eq!(world.history().len(), 3, "operation {failing}");
        assert_eq!(agent.stop(), Some(0), "operation {failing}");
    }
}

/// `cargo test --release` asks this of the program as it is shipped.
#[test]
fn what_is_shipped_cannot_be_held_up() {
    let program = fs::read(env!("CARGO_BIN_EXE_wtor")).expect("the program");
    let found = program.windows(10).any(|bytes| bytes == b"WTOR_PROBE");
    assert_eq!(found, cfg!(debug_assertions));
}
