//! Disks that are full, and disks that fail: the whole daemon. It stops acting, says so, keeps its place in
//! the log, and goes on when the disk does.

use crate::world::{Agent, World, line};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::process::{Command, Stdio};

const RULES: &str = "
[[rule]]
name = 'note'
when = { id = 'TOR0001I', text = 'number (?<n>\\d+)' }
then = { run = 'note', with = { n = '${n}' } }
";
const JOB: &str = "
params = { n = { required = true } }
[[step]]
argv = ['/bin/sh', '-c', 'echo \"$0\" >> out.txt', '${n}']
";

fn place() -> World {
    let world = World::new();
    world.rules(RULES).job("note", JOB).write("logs/a.log", "").write("out.txt", "");
    world.write("wtor.toml", "[[source]]\nname = 'log'\nfile = 'logs/a.log'");
    world
}

fn message(n: u32) -> String {
    line(n, &format!("TOR0001I number {n}"))
}

/// Each of them once, in whatever order.
#[track_caller]
fn assert_once(world: &World, agent: &Agent<'_>, last: u32) {
    agent.until(&format!("{last} jobs have run"), || world.lines("out.txt").len() >= last as usize);
    agent.until_settled();
    let mut counts = BTreeMap::new();
    for line in world.lines("out.txt") {
        *counts.entry(line.parse::<u32>().expect("a number")).or_insert(0) += 1;
    }
    let wrong: Vec<_> = (1..=last).filter(|n| counts.get(n) != Some(&1)).collect();
    assert!(wrong.is_empty(), "not once: {wrong:?}");
    assert_eq!(world.history().len(), last as usize);
}

fn is_stalled(agent: &Agent<'_>) -> bool {
    !agent.status()["stalled"].is_null()
}

/// A small file system at the state directory, while it lives: room for a write-ahead log, which grows to 4 MB,
/// and the journal.
struct Small<'w> {
    world: &'w World,
}

impl<'w> Small<'w> {
    /// None where nobody may mount.
    fn mount(world: &'w World) -> Option<Small<'w>> {
        fs::create_dir(world.path("state")).expect("a folder");
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", "size=16m", "tmpfs"]).arg(world.path("state"));
        let mounted = command.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        mounted.then_some(Small { world })
    }

    /// Takes all the room that there is.
    fn fill(&self) {
        let mut file = File::create(self.world.path("state/ballast")).expect("a file");
        for size in [4096, 512, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn relieve(&self) {
        fs::remove_file(self.world.path("state/ballast")).expect("removed");
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        // A process that is just ending may still have it open.
        let _ = Command::new("umount").arg("-l").arg(self.world.path("state")).status();
    }
}

/// Runs the test once more where whoever runs it may mount: in a namespace of its own.
fn in_a_namespace(test: &str) {
    const INSIDE: &str = "WTOR_IN_A_NAMESPACE";
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount"]);
        command
    };
    let may = unshare().arg("true").stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    if !may || std::env::var_os(INSIDE).is_some() {
        println!("skipped: nobody may mount a file system here, so this says nothing about a full one");
        return;
    }
    let exe = std::env::current_exe().expect("this test");
    let status = unshare().arg(exe).args(["--exact", test, "--nocapture"]).env(INSIDE, "1").status().expect("it runs");
    assert!(status.success(), "{status}");
}

#[test]
fn a_full_disk_stops_every_action_and_it_goes_on_when_there_is_room() {
    let world = place();
    let Some(small) = Small::mount(&world) else {
        return in_a_namespace("disk::a_full_disk_stops_every_action_and_it_goes_on_when_there_is_room");
    };
    let agent = world.watch(1, &[]);
    world.append("logs/a.log", message(1));
    agent.until_said("WTR302I", 1);
    small.fill();
    // What the journal has reserved may still hold some; then it stalls.
    let mut n = 1;
    while agent.saw("WTR207E") == 0 {
        n += 1;
        world.append("logs/a.log", message(n));
        agent.until("it goes on or stalls", || agent.saw("WTR207E") > 0 || world.lines("out.txt").len() == n as usize);
    }
    agent.until("the status says so", || is_stalled(&agent));
    let done = world.lines("out.txt").len();
    // It reads on, and does nothing.
    for more in 1..=50 {
        world.append("logs/a.log", message(n + more));
    }
    let fired = |agent: &Agent<'_>| agent.status()["view"]["counts"]["fired"].as_u64();
    agent.until("it reads on", || fired(&agent) == Some(u64::from(n) + 50));
    assert_eq!(world.lines("out.txt").len(), done, "something was started");
    assert!(agent.texts("WTR207E")[0].contains("full"), "{:?}", agent.texts("WTR207E"));
    small.relieve();
    agent.until_said("WTR210I", 1);
    assert_once(&world, &agent, n + 50);
    assert!(!is_stalled(&agent));
    // Death with a full disk, and a start with one: it says why it does not start, and loses nothing.
    small.fill();
    let n = n + 50;
    let mut last = n;
    while agent.saw("WTR207E") == 1 {
        last += 1;
        world.append("logs/a.log", message(last));
        agent.until("it goes on or stalls", || {
            agent.saw("WTR207E") > 1 || world.lines("out.txt").len() == last as usize
        });
    }
    agent.kill();
    world.wtor(&["run"]).code(3).says(&["WTR207E", "full"]);
    small.relieve();
    let agent = world.watch(1, &[]);
    // The last one was announced to a disk that did not take it: it never began.
    assert_once(&world, &agent, last);
    assert_eq!(agent.stop(), Some(0));
}

/// The journal's files may not grow beyond a size, for one size after another, so that the error strikes
/// every place: the first intent, a start, an end, a position. The operator mends the disk each time.
#[test]
fn wherever_the_disk_fails_nothing_is_lost_and_nothing_comes_twice() {
    let mut stalls = 0;
    for kib in (60..260).step_by(25) {
        let world = place();
        // A shell first, to ignore the signal that such a limit sends.
        let exe = env!("CARGO_BIN_EXE_wtor");
        world.write("limited.sh", format!("trap '' XFSZ\nexec {exe} run --json \"$@\" > said.json 2> errors.txt\n"));
        let mut agent = Command::new("/bin/sh").arg("limited.sh").current_dir(world.path("")).spawn().expect("started");
        let saw = |id: &str| world.read("said.json").matches(id).count();
        let until = |what: &str, condition: &mut dyn FnMut() -> bool| {
            let held = crate::world::eventually(std::time::Duration::from_secs(30), condition);
            let told = || format!("{}\n{}", world.read("said.json"), world.read("errors.txt"));
            assert!(held, "limit {kib} KiB: {what} did not come\n{}", told());
        };
        until("it watches", &mut || saw("WTR309I") > 0 && !world.wtor(&["status"]).out.is_empty());
        until("it follows", &mut || world.wtor(&["status", "--json"]).out.contains("a.log"));
        let pid = Pid::from_child(&agent);
        let limit = |current| {
            prlimit(Some(pid), Resource::Fsize, Rlimit { current, maximum: None }).expect("its limit is changed");
        };
        limit(Some(kib * 1024 + 77));
        let last = 30;
        for n in 1..=last {
            world.append("logs/a.log", message(n));
            until("a job or a stall", &mut || {
                world.lines("out.txt").len() == n as usize || saw("WTR207E") > stalls_of(&world)
            });
            if saw("WTR207E") > stalls_of(&world) {
                world.append("stalls", "once\n");
                assert!(world.lines("out.txt").len() <= n as usize, "something was started");
                limit(None);
                until("it goes on", &mut || saw("WTR210I") > 0);
                stalls += 1;
            }
        }
        until("all jobs have run", &mut || world.lines("out.txt").len() >= last as usize);
        until("all ends are written", &mut || world.runs().iter().all(|run| run["state"] == "closed"));
        let mut out: Vec<u32> = world.lines("out.txt").iter().map(|n| n.parse().expect("a number")).collect();
        out.sort_unstable();
        assert_eq!(out, (1..=last).collect::<Vec<_>>(), "limit {kib} KiB");
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("signalled");
        assert_eq!(agent.wait().expect("ended").code(), Some(0));
    }
    assert!(stalls >= 4, "{stalls} stalls");
}

/// How often it was seen to stall.
fn stalls_of(world: &World) -> usize {
    world.lines("stalls").len()
}
