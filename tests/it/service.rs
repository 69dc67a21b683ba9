//! What a service manager hears of the agent, and the unit that systemd is given.

use crate::run::{NOTE, NOTE_RULE};
use crate::world::{Agent, PATIENCE, World, eventually, line, skipped};
use rustix::process::Signal;
use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;
use std::time::{Duration, Instant};

/// A service manager: its socket, and all it has heard.
struct Manager {
    socket: UnixDatagram,
    heard: Vec<String>,
}

impl Manager {
    fn at(address: &SocketAddr) -> Manager {
        let socket = UnixDatagram::bind_addr(address).expect("bound");
        socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout");
        Manager { socket, heard: Vec::new() }
    }

    /// Hears for a moment.
    fn listen(&mut self) {
        let mut buffer = [0; 4096];
        if let Ok(length) = self.socket.recv(&mut buffer) {
            self.heard.push(String::from_utf8(buffer[..length].to_vec()).expect("UTF-8"));
        }
    }

    /// Waits for a message that is not a sign of life, and has all of these lines.
    #[track_caller]
    fn hears(&mut self, lines: &[&str]) -> String {
        let wanted = |message: &&String| lines.iter().all(|line| message.lines().any(|l| l.starts_with(line)));
        let mut found = None;
        eventually(PATIENCE, || {
            self.listen();
            found = self.heard.iter().find(wanted).cloned();
            found.is_some()
        });
        let found = found.unwrap_or_else(|| panic!("{lines:?} did not come: {:#?}", self.heard));
        self.heard.clear();
        found
    }

    /// What came within this time.
    fn hears_for(&mut self, time: Duration) -> Vec<String> {
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.listen();
        }
        std::mem::take(&mut self.heard)
    }
}

fn world() -> World {
    let world = World::new();
    world.rules(NOTE_RULE).job("note", NOTE).write("logs/a.log", "");
    world
}

/// An agent that a service manager has started, and that must show life so often.
fn started<'w>(world: &'w World, socket: &OsStr, watchdog: Option<Duration>) -> Agent<'w> {
    let mut command = world.command(&["run", "--json", "logs/*.log"]);
    command.env("NOTIFY_SOCKET", socket);
    if let Some(limit) = watchdog {
        command.env("WATCHDOG_USEC", limit.as_micros().to_string());
    }
    world.start_command(&mut command)
}

#[test]
fn a_service_manager_hears_that_the_agent_is_ready_reloads_and_stops() {
    let world = world();
    let path = world.path("notify.sock");
    let mut manager = Manager::at(&SocketAddr::from_pathname(&path).expect("a path"));
    let agent = started(&world, path.as_os_str(), None);
    let ready = manager.hears(&["READY=1", "STATUS=watching 1 source with policy "]);
    assert!(ready.contains("with 1 rule and 1 job"), "{ready}");
    // Ready means followed: what is written from here on is acted upon.
    world.append("logs/a.log", line(1, "TST0001I number 1"));
    agent.until_said("WTR302I", 1);
    world.rules("[[rule]]");
    agent.signal(Signal::HUP);
    let reloading = manager.hears(&["RELOADING=1", "MONOTONIC_USEC="]);
    let told = reloading.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC=")).expect("a time");
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let told: i64 = told.parse().expect("a number");
    assert!((0..60_000_000).contains(&(now.tv_sec * 1_000_000 + now.tv_nsec / 1000 - told)), "{told} at {now:?}");
    // A refused policy leaves the agent as ready as it was.
    manager.hears(&["READY=1", "STATUS=watching 1 source with policy "]);
    agent.signal(Signal::TERM);
    manager.hears(&["STOPPING=1", "STATUS=stopping"]);
    assert_eq!(agent.ended(), Some(0));
}

#[test]
fn a_service_manager_may_have_a_socket_that_stands_in_no_directory() {
    let world = world();
    let name = format!("wtor-test-{}", std::process::id());
    let mut manager = Manager::at(&SocketAddr::from_abstract_name(&name).expect("a name"));
    let agent = started(&world, OsStr::from_bytes(format!("@{name}").as_bytes()), None);
    manager.hears(&["READY=1"]);
    world.wtor(&["reload"]).code(0);
    manager.hears(&["RELOADING=1", "MONOTONIC_USEC="]);
    world.wtor(&["drain"]).code(0);
    manager.hears(&["STOPPING=1"]);
    assert_eq!(agent.ended(), Some(0));
}

#[test]
fn a_service_manager_that_cannot_be_reached_keeps_nobody_from_acting() {
    let world = world();
    let agent = started(&world, world.path("nobody.sock").as_os_str(), None);
    agent.until_said("WTR315W", 1);
    assert_eq!(agent.stop(), Some(0));
}

/// The thread of the loop hangs; the other threads of the agent go on.
#[test]
fn signs_of_life_come_while_the_loop_comes_round_and_not_while_it_hangs() {
    const LIMIT: Duration = Duration::from_millis(400);
    let world = world();
    let path = world.path("notify.sock");
    let mut manager = Manager::at(&SocketAddr::from_pathname(&path).expect("a path"));
    let agent = started(&world, path.as_os_str(), Some(LIMIT));
    manager.hears(&["READY=1"]);
    // Nothing happens, and the loop comes round all the same: each half of the limit.
    let begun = Instant::now();
    for _ in 0..8 {
        manager.hears(&["WATCHDOG=1"]);
    }
    let took = begun.elapsed();
    assert!(took >= LIMIT * 3, "8 signs of life within {took:?}: more often than each half of {LIMIT:?}");
    world.write("probe", "hang at decided").append("logs/a.log", line(1, "TST0001I number 1"));
    assert!(eventually(PATIENCE, || manager.hears_for(LIMIT).is_empty()), "signs of life of a loop that hangs");
    assert_eq!(manager.hears_for(LIMIT * 3), Vec::<String>::new());
    std::fs::remove_file(world.path("probe")).expect("removed");
    manager.hears(&["WATCHDOG=1"]);
    assert_eq!(agent.stop(), Some(0));
}

const UNIT: &str = include_str!("../../packaging/wtor.service");

/// The value of a directive in the unit that is shipped.
fn directive(name: &str) -> &'static str {
    let value = |line: &'static str| line.strip_prefix(name)?.strip_prefix('=');
    UNIT.lines().find_map(value).unwrap_or_else(|| panic!("the unit has no {name}"))
}

/// The arguments of a command of the unit, with the configuration of this world.
fn arguments(world: &World, name: &str) -> Vec<String> {
    let command = directive(name).replace("/etc/wtor", &world.path("").display().to_string());
    let arguments = command.strip_prefix("/usr/local/bin/wtor ").expect("the installed program");
    arguments.split(' ').map(str::to_owned).collect()
}

#[test]
fn the_commands_of_the_unit_start_reload_and_stop_the_agent() {
    assert_eq!((directive("Type"), directive("KillMode")), ("notify", "mixed"));
    let world = world();
    world.write("wtor.toml", "[[source]]\nname = 'a'\nfile = 'logs/a.log'");
    let path = world.path("notify.sock");
    let mut manager = Manager::at(&SocketAddr::from_pathname(&path).expect("a path"));
    let start = arguments(&world, "ExecStart");
    let start: Vec<&str> = start.iter().map(String::as_str).collect();
    let agent = world.start_command(world.command(&start).arg("--json").env("NOTIFY_SOCKET", &path));
    manager.hears(&["READY=1"]);
    let reload = arguments(&world, "ExecReload");
    world.wtor(&reload.iter().map(String::as_str).collect::<Vec<_>>()).code(0);
    manager.hears(&["RELOADING=1"]);
    manager.hears(&["READY=1"]);
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn the_unit_is_one_that_systemd_reads_and_rates_as_it_is_said() {
    let world = World::new();
    world.write("wtor.service", UNIT.replace("/usr/local/bin/wtor", env!("CARGO_BIN_EXE_wtor")));
    let analyze = |args: &[&str]| {
        let output = Command::new("systemd-analyze").args(args).arg(world.path("wtor.service")).output().ok()?;
        Some((output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()))
    };
    let Some((read, said)) = analyze(&["verify"]) else {
        return skipped("this machine has no systemd-analyze");
    };
    // Keys that are not known are told, and are no failure.
    assert!(read && !said.contains("wtor.service"), "{said}");
    // docs/operations.md says 1.5; another version of systemd may count a little differently.
    let rated = analyze(&["security", "--offline=true", "--no-pager", "--threshold=20"]);
    assert!(rated.as_ref().is_some_and(|(within, _)| *within), "{rated:?}");
}
