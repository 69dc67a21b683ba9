//! Standard output of a command as a source. The command is started again whenever it ends, more and
//! more slowly; it has a process group of its own, which is ended as a whole.
//!
//! Layer: shell

use super::Arrival;
use super::output::{Closed, Output};
use super::stderr::Complaints;
use super::stream::{Session, TURN_CHUNKS, Turn, buffer, read_turn, wait};
use crate::limits::{INPUT_COMMAND_BACKOFF_MAX, INPUT_COMMAND_GRACE};
use rustix::event::Timespec;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// See the module text.
pub(super) struct Source {
    pub argv: Vec<String>,
    /// Before the second start; doubled each time.
    pub retry: Duration,
}

impl Source {
    pub fn run(self, session: &Session, output: &Output) {
        // Closed: nobody is left to tell.
        let _: Result<(), Closed> = self.run_again_and_again(session, output);
    }

    fn run_again_and_again(&self, session: &Session, output: &Output) -> Result<(), Closed> {
        let name = self.argv.first().map_or("", String::as_str);
        let mut pause = self.retry;
        loop {
            let started = Instant::now();
            let how = match self.spawn() {
                Ok(child) => {
                    let mut group = Group { child, ended: false };
                    let read = self.read(&mut group, session, output);
                    let status = group.end(read.is_ok().then_some(output));
                    read?;
                    status.map_or_else(|error| error.to_string(), |status| status.to_string())
                }
                Err(error) => format!("it cannot be started: {error}"),
            };
            // One that ran for long is not failing, whatever ended it.
            if started.elapsed() > INPUT_COMMAND_BACKOFF_MAX {
                pause = self.retry;
            }
            let text = format!("The command has ended ({how}); it is started again in {pause:?}.");
            output.problem("WTR120W", Path::new(name), text)?;
            output.signal().wait_until(Instant::now() + pause);
            if output.signal().is_stopped() {
                return Err(Closed);
            }
            pause = (pause * 2).min(INPUT_COMMAND_BACKOFF_MAX);
        }
    }

    fn spawn(&self) -> io::Result<Child> {
        let (program, arguments) = self.argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
    }

    /// Reads until standard output ends. A command that leaves its output to a child in the background
    /// has not ended.
    fn read(&self, group: &mut Group, session: &Session, output: &Output) -> Result<(), Closed> {
        let name = self.argv.join(" ");
        let stream = session.begin(output, &name)?;
        let (Some(stdout), Some(stderr)) = (group.child.stdout.take(), group.child.stderr.take()) else {
            return output.send(Arrival::Ended { stream });
        };
        let mut complaints = Complaints::new(&name);
        let mut buffer = buffer();
        let mut complains = true;
        let outcome = nonblocking(stdout.as_fd()).and_then(|()| nonblocking(stderr.as_fd()));
        while outcome.is_ok() {
            let inputs = [stdout.as_fd(), stderr.as_fd()];
            let Ok(ready) = wait(&inputs[..1 + usize::from(complains)], output, None)? else { break };
            let ready = ready.unwrap_or_default();
            if ready.get(1) == Some(&true) {
                complains = complaints.read(stderr.as_fd(), output)?;
            }
            if ready.first() == Some(&true) {
                match read_turn(stdout.as_fd(), &mut buffer, stream, output, TURN_CHUNKS)? {
                    Ok(Turn::Paused | Turn::More) => {}
                    Ok(Turn::End) | Err(_) => break,
                }
            }
        }
        if complains {
            complaints.read(stderr.as_fd(), output)?;
        }
        complaints.end(output)?;
        output.send(Arrival::Ended { stream })
    }
}

/// A command with everything that it has started. It is not waited for before the group is ended, so
/// the number of the group cannot have been given to others.
struct Group {
    child: Child,
    ended: bool,
}

impl Group {
    /// Ends what still runs: asked first, then killed. Without an output the source is stopping.
    fn end(&mut self, output: Option<&Output>) -> io::Result<ExitStatus> {
        self.ended = true;
        // A command that has closed its output may still be about to exit by itself.
        if output.is_none() || !self.exits_within(INPUT_COMMAND_GRACE) {
            self.signal(Signal::TERM);
            self.exits_within(INPUT_COMMAND_GRACE);
        }
        self.signal(Signal::KILL);
        self.child.wait()
    }

    fn exits_within(&self, limit: Duration) -> bool {
        let Some(pid) = self.pid() else { return false };
        let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) else { return false };
        let limit = Timespec::try_from(limit).ok();
        let mut fds = [rustix::event::PollFd::new(&pidfd, rustix::event::PollFlags::IN)];
        rustix::event::poll(&mut fds, limit.as_ref()).is_ok_and(|count| count > 0)
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid() {
            // Nobody of the group may be left.
            let _ = kill_process_group(pid, signal);
        }
    }

    fn pid(&self) -> Option<Pid> {
        Pid::from_raw(i32::try_from(self.child.id()).ok()?)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.ended {
            // A panic on the way: nothing may be left running.
            self.signal(Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

fn nonblocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(fd)?;
    Ok(rustix::fs::fcntl_setfl(fd, flags | rustix::fs::OFlags::NONBLOCK)?)
}
