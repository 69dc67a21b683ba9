//! Which call fails, when, and how `strace` is told.

use crate::world::{World, eventually};
use std::fmt;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A kind of system call, and how it fails.
#[derive(Debug)]
pub struct Call {
    pub name: &'static str,
    /// The calls of that kind, as strace has them; `?` before one that not every machine has.
    set: &'static str,
    error: &'static str,
    /// Only where it is about one of these files of the world; about any if there are none.
    paths: &'static [&'static str],
}

const fn call(name: &'static str, set: &'static str, error: &'static str) -> Call {
    Call { name, set, error, paths: &[] }
}

/// What is written as a stream. The threads of the agent wake each other by writing, too.
const WRITTEN: [&str; 7] =
    ["state/lock", "said/1.json", "said/1.err", "said/2.json", "said/2.err", "said/3.json", "said/3.err"];

/// What the story's agent asks of the system, but for memory, time, signals and SQLite's locks.
pub const CALLS: [Call; 31] = [
    call("open", "openat", "EMFILE"),
    call("read", "read", "EIO"),
    call("pread", "pread64", "EIO"),
    call("stat", "statx,newfstatat,fstat", "EIO"),
    call("readlink", "readlink,?readlinkat", "EIO"),
    call("getdents", "getdents64", "EIO"),
    call("lseek", "lseek", "EIO"),
    Call { name: "write", set: "write", error: "ENOSPC", paths: &WRITTEN },
    call("wake", "write", "EIO"),
    call("pwrite", "pwrite64", "ENOSPC"),
    call("pwrite-io", "pwrite64", "EIO"),
    call("fsync", "fsync,fdatasync", "EIO"),
    call("truncate", "ftruncate,?fallocate", "EIO"),
    call("rename", "rename,?renameat,?renameat2", "EIO"),
    call("unlink", "unlink,?unlinkat", "EIO"),
    call("mkdir", "mkdir,?mkdirat", "EACCES"),
    call("lock", "flock", "ENOLCK"),
    call("owner", "fchown,fchmod", "EPERM"),
    call("inotify", "inotify_init1,inotify_add_watch", "ENOSPC"),
    call("epoll", "epoll_create1,epoll_ctl", "ENOMEM"),
    call("wait", "epoll_wait,?epoll_pwait,?epoll_pwait2", "EINTR"),
    call("poll", "poll,ppoll", "ENOMEM"),
    call("clone", "clone,clone3,vfork,fork", "EAGAIN"),
    call("pipe", "pipe2,socketpair,eventfd2", "EMFILE"),
    call("listen", "socket,bind,listen", "EMFILE"),
    call("accept", "accept4", "EMFILE"),
    call("receive", "recvfrom,recvmsg", "ECONNRESET"),
    call("wait-child", "waitid,wait4", "EINVAL"),
    call("pidfd", "pidfd_open", "EMFILE"),
    call("getcwd", "getcwd", "EIO"),
    Call { name: "shared-memory", set: "mmap", error: "ENOMEM", paths: &["state/journal.db-shm"] },
];

/// When calls are counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// From the very first start, without a journal.
    First,
    /// From when the agent watches.
    Running,
    /// From a start after the log was rotated in both ways meanwhile.
    Again,
}

impl Phase {
    pub const ALL: [Phase; 3] = [Phase::First, Phase::Running, Phase::Again];
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::First => "first",
            Phase::Running => "running",
            Phase::Again => "again",
        })
    }
}

/// One failure: the N-th call of a kind fails in each thread that makes so many.
#[derive(Debug)]
pub struct Strike {
    pub phase: Phase,
    pub call: &'static Call,
    pub nth: u32,
}

impl fmt::Display for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.phase, self.call.name, self.nth)
    }
}

impl std::str::FromStr for Strike {
    type Err = String;

    fn from_str(text: &str) -> Result<Strike, String> {
        let [phase, name, nth] = text.split(' ').collect::<Vec<_>>()[..] else { return Err("PHASE CALL N".into()) };
        let phase = Phase::ALL.into_iter().find(|known| known.to_string() == phase).ok_or("no such phase")?;
        let call = CALLS.iter().find(|call| call.name == name).ok_or("no such call")?;
        Ok(Strike { phase, call, nth: nth.parse().map_err(|_| "no number")? })
    }
}

impl Strike {
    /// Any of them; the early ones rather than the late ones.
    pub fn any(random: &mut fastrand::Rng) -> Strike {
        let phase = Phase::ALL[random.usize(..Phase::ALL.len())];
        let nth = 1 + (60.0 * random.f64().powi(2)) as u32;
        Strike { phase, call: &CALLS[random.usize(..CALLS.len())], nth }
    }

    /// strace with what it needs to know. What the agent starts is let go as soon as it is another program.
    fn strace(&self, world: &World) -> Command {
        let Call { set, error, paths, .. } = self.call;
        let mut command = Command::new("strace");
        command.args(["-f", "-q", "-s", "64", "-b", "execve", "-o"]).arg(world.path("trace"));
        for path in *paths {
            command.arg("-P").arg(world.path(path));
        }
        command.args(["-e", &format!("trace={set}")]);
        command.args(["-e", &format!("inject={set}:error={error}:when={}", self.nth)]);
        command
    }

    /// The agent's command from its first call on under strace, which is no parent of it.
    pub fn around(&self, world: &World, agent: &Command) -> Command {
        let mut command = self.strace(world);
        command.arg("-D").arg("--").arg(agent.get_program()).args(agent.get_args());
        command.current_dir(agent.get_current_dir().expect("a directory")).env_clear();
        command.envs(std::env::vars_os()).stdin(Stdio::null());
        for (name, value) in agent.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    /// Begins to count in an agent that runs.
    pub fn attach(&self, world: &World, pid: u32) -> Child {
        let mut command = self.strace(world);
        let mut strace = command.args(["-p", &pid.to_string()]).stderr(Stdio::null()).spawn().expect("strace");
        let attached =
            eventually(Duration::from_secs(10), || strace.try_wait().expect("a child").is_some() || is_traced(pid));
        assert!(attached, "{self}: strace does not attach");
        strace
    }
}

/// Every thread of it has a tracer.
fn is_traced(pid: u32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return true };
    threads.flatten().all(|thread| {
        let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        status.lines().any(|line| line.strip_prefix("TracerPid:").is_some_and(|pid| pid.trim() != "0"))
    })
}

/// How many calls have failed.
pub fn struck(world: &World) -> usize {
    world.read("trace").matches("(INJECTED)").count()
}

/// What was struck, for people.
pub fn struck_lines(world: &World) -> String {
    let lines = world.lines("trace");
    lines.iter().filter(|line| line.contains("(INJECTED)")).cloned().collect::<Vec<_>>().join("\n")
}

/// Strikes that have found something.
pub fn known() -> impl Iterator<Item = Strike> {
    let known = [
        // The copy of a truncated log: it was not found, and then read as a file of its own.
        "running open 9",
        "running open 17",
        // What was rotated while no agent was there: it was not found.
        "again open 11",
        "again getdents 5",
        "again stat 5",
        // The control socket took no connection any more.
        "running accept 1",
        "running epoll 1",
        // The thread that was to wait for the sources at the end.
        "running clone 7",
        // The journal was taken for damaged.
        "again pread 6",
        "again pread 9",
    ];
    known.into_iter().map(|text| text.parse().expect("a strike"))
}

/// Whether there is a strace here that may make a program's calls fail, from its start and while it runs.
pub fn may_trace() -> Result<(), String> {
    let mut sleeper = Command::new("sleep").arg("60").spawn().map_err(|error| format!("no sleep: {error}"))?;
    let pid = sleeper.id().to_string();
    let traced = Command::new("timeout")
        .args(["0.5", "strace", "-f", "-q", "-b", "execve", "-e", "inject=openat:error=EIO:when=1", "-p", &pid])
        .output();
    let _ = sleeper.kill();
    let _ = sleeper.wait();
    let said = traced.map_err(|error| format!("no strace: {error}"))?;
    match said.status.code() {
        // Ended by `timeout`: it was attached.
        Some(124) => Ok(()),
        _ => Err(String::from_utf8_lossy(&said.stderr).trim().replace('\n', "; ")),
    }
}
