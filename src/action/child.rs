//! One step as a process that leads its own process group: started, read, and if need be ended with
//! everything it has started. One thread does all of it by waiting for whatever comes first: output,
//! the exit, the request to cancel, or the time.
//!
//! The leader is not reaped before the group has had its last signal, so its number cannot have
//! become another process's meanwhile.
//!
//! Layer: shell

use super::Pace;
use super::attempt::{Attempt, outcome};
use super::output::Kept;
use super::program;
use super::request;
use super::secret;
use super::user::User;
use crate::job::{Outcome, PlannedStep, StepEnd};
use crate::secret::{Mask, Secret};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open, test_kill_process_group, waitid,
};
use std::io::{PipeReader, Read, pipe};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::time::{Duration, Instant};

/// How the exit of the leader is noticed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Watch {
    /// By a file descriptor that becomes readable (Linux 5.3); by looking where there is none.
    Pidfd,
    /// By looking every [`LOOK_EVERY`].
    #[cfg_attr(not(test), allow(dead_code))]
    Look,
}

/// How often to look for what the system does not report.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// One read takes what a pipe holds at most.
const READ_BYTES: usize = 64 * 1024;

/// True once the attempt is to stop.
pub(super) fn is_cancelled(cancel: &PipeReader) -> bool {
    let mut fds = [PollFd::new(cancel, PollFlags::IN)];
    matches!(poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(1..))
}

/// Runs one step to its end.
pub(super) fn run(attempt: &Attempt<'_>, step: &PlannedStep) -> Outcome {
    let begun = Instant::now();
    let mut child = match Child::start(attempt, step, begun) {
        Ok(child) => child,
        Err(why) => return outcome(step, StepEnd::NotStarted(why)),
    };
    let end = child.see_through(&attempt.cancel);
    let [stdout, stderr] = child.outputs.map(Output::text);
    let millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Outcome { millis, stdout, stderr, ..outcome(step, end) }
}

struct Child {
    handle: duct::Handle,
    /// Number of the leader and of its group.
    group: Pid,
    pidfd: Option<OwnedFd>,
    outputs: [Output; 2],
    deadline: Option<Instant>,
    pace: Pace,
}

/// Where a step stands.
#[derive(Clone, Copy)]
enum Stage {
    /// The leader runs.
    Running,
    /// The leader runs, its group has had SIGTERM; SIGKILL follows at this time.
    Ending { kill_at: Option<Instant>, why: Why },
    /// The group has had SIGKILL.
    Killed { why: Why },
}

#[derive(Clone, Copy)]
enum Why {
    Deadline,
    Cancel,
}

impl Child {
    fn start(attempt: &Attempt<'_>, step: &PlannedStep, begun: Instant) -> Result<Child, String> {
        let plan = &attempt.plan;
        let user = plan.user.as_deref().map(User::named).transpose()?;
        let mut secrets: Vec<Secret> =
            plan.secrets.iter().map(|(name, at)| secret::read(name, at)).collect::<Result<_, _>>()?;
        let env = program::environment(attempt, step, user.as_ref(), &secrets)?;
        let request = step.send.as_ref().map(|message| request::request(attempt, message, &mut secrets)).transpose()?;
        let file = match request {
            Some(_) => program::own()?,
            None => program::find(step, &env)?,
        };
        // What a step sends is no program that the list could know.
        if request.is_none() && !attempt.site.allowed.permits(&file) {
            return Err(format!("WTR258E `{}` is not among the programs that wtor.toml allows", file.display()));
        }
        let (stdout, stdout_writer) = pipe().map_err(|error| program::no_room(&error))?;
        let (stderr, stderr_writer) = pipe().map_err(|error| program::no_room(&error))?;
        let (name, runs_as) = (step.argv[0].clone(), user.clone());
        let expression = duct::cmd(file.as_os_str(), &step.argv[1..]);
        let expression = match request {
            Some(request) => expression.stdin_bytes(request),
            None => expression.stdin_null(),
        };
        let mut expression =
            expression.full_env(env).stdout_file(stdout_writer).stderr_file(stderr_writer).unchecked().before_spawn(
                move |command| {
                    command.process_group(0).arg0(&name);
                    if let Some(user) = &runs_as {
                        user.take_over(command);
                    }
                    Ok(())
                },
            );
        if let Some(cwd) = &step.cwd {
            expression = expression.dir(cwd);
        }
        let start = || expression.start().map_err(|error| program::why_not(step, &file, &error));
        let handle = match &user {
            Some(user) => user.start(start)?,
            None => start()?,
        };
        // The expression holds our copies of the pipes' writing ends.
        drop(expression);
        let group = handle.pids().first().and_then(|pid| i32::try_from(*pid).ok()).and_then(Pid::from_raw);
        let group = group.ok_or("WTR252E the started process has no number")?;
        let pidfd = match attempt.pace.watch {
            Watch::Pidfd => pidfd_open(group, PidfdFlags::empty()).ok(),
            Watch::Look => None,
        };
        let outputs = [stdout, stderr].map(|pipe| Output::new(pipe, step.output_max, Mask::new(&secrets)));
        // A deadline beyond what the clock can hold is none.
        let deadline = begun.checked_add(step.deadline);
        Ok(Child { handle, group, pidfd, outputs, deadline, pace: attempt.pace })
    }

    /// Waits for the leader's exit and for its output, and ends the group if that takes too long.
    fn see_through(&mut self, cancel: &PipeReader) -> StepEnd {
        let mut stage = Stage::Running;
        loop {
            let until = match stage {
                Stage::Running => self.deadline,
                Stage::Ending { kill_at, .. } => kill_at,
                Stage::Killed { .. } => None,
            };
            let heed = matches!(stage, Stage::Running).then_some(cancel);
            let woken = self.wait(heed, until, Leader::Runs);
            if woken.exited {
                break;
            }
            let late = until.is_some_and(|until| Instant::now() >= until);
            stage = match stage {
                Stage::Running if woken.cancelled => self.terminate(Why::Cancel),
                Stage::Running if late => self.terminate(Why::Deadline),
                Stage::Ending { why, .. } if late => {
                    self.signal(Signal::KILL);
                    Stage::Killed { why }
                }
                same => same,
            };
        }
        match stage {
            Stage::Running => {
                self.read_the_rest(Instant::now().checked_add(self.pace.linger));
                self.reap()
            }
            Stage::Ending { kill_at, why } => self.end_the_group(kill_at, why),
            Stage::Killed { why } => self.end_the_group(None, why),
        }
    }

    fn terminate(&self, why: Why) -> Stage {
        self.signal(Signal::TERM);
        Stage::Ending { kill_at: Instant::now().checked_add(self.pace.grace), why }
    }

    /// The leader of an ended step is gone: what is left of its group gets the rest of the grace, and
    /// then SIGKILL.
    fn end_the_group(&mut self, kill_at: Option<Instant>, why: Why) -> StepEnd {
        // First what has closed its output: that is most often everyone.
        self.read_the_rest(kill_at.or(Some(Instant::now())));
        // A dead leader still counts as a member until it is reaped, and would hide that the group is
        // empty. Its number stays taken while the group has any member.
        self.reap();
        while kill_at.is_some_and(|at| Instant::now() < at) && test_kill_process_group(self.group).is_ok() {
            std::thread::sleep(LOOK_EVERY);
        }
        if test_kill_process_group(self.group).is_ok() {
            self.signal(Signal::KILL);
        }
        self.read_the_rest(Instant::now().checked_add(self.pace.linger));
        match why {
            Why::Deadline => StepEnd::TimedOut,
            Why::Cancel => StepEnd::Cancelled,
        }
    }

    /// Reads until both pipes are at their end, or until the time has come.
    fn read_the_rest(&mut self, until: Option<Instant>) {
        while self.outputs.iter().any(|output| output.pipe.is_some()) {
            if until.is_some_and(|until| Instant::now() >= until) {
                return;
            }
            self.wait(None, until, Leader::Gone);
        }
    }

    fn signal(&self, signal: Signal) {
        // It fails only if nobody is left in the group, which is what it is for.
        let _ = kill_process_group(self.group, signal);
    }

    fn reap(&mut self) -> StepEnd {
        match self.handle.wait() {
            Ok(output) => match (output.status.code(), output.status.signal()) {
                (Some(code), _) => StepEnd::Exited(u8::try_from(code & 0xff).unwrap_or(u8::MAX)),
                (None, Some(signal)) => StepEnd::Signalled(signal),
                (None, None) => StepEnd::NotStarted("WTR255E its end is not known".into()),
            },
            Err(error) => StepEnd::NotStarted(format!("WTR255E its end is not known: {error}")),
        }
    }

    /// Waits for something to happen and takes in what there is to read.
    fn wait(&mut self, cancel: Option<&PipeReader>, until: Option<Instant>, leader: Leader) -> Woken {
        let watched = matches!(leader, Leader::Runs);
        let looking = watched && self.pidfd.is_none();
        let mut pause = until.map(|until| until.saturating_duration_since(Instant::now()));
        if looking {
            pause = Some(pause.map_or(LOOK_EVERY, |pause| pause.min(LOOK_EVERY)));
        }
        let pause = pause.and_then(|pause| Timespec::try_from(pause).ok());

        let mut fds = Vec::with_capacity(4);
        fds.extend(self.pidfd.as_ref().filter(|_| watched).map(|fd| PollFd::new(fd, PollFlags::IN)));
        let cancel_at = fds.len();
        fds.extend(cancel.map(|fd| PollFd::new(fd, PollFlags::IN)));
        let outputs_at = fds.len();
        fds.extend(self.outputs.iter().filter_map(|o| o.pipe.as_ref()).map(|fd| PollFd::new(fd, PollFlags::IN)));
        if poll(&mut fds, pause.as_ref()).is_err() {
            // Interrupted, or no memory: the next round sees what is due.
            std::thread::sleep(Duration::from_millis(1));
            return Woken { exited: false, cancelled: false };
        }
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        drop(fds);
        let open = self.outputs.iter_mut().filter(|output| output.pipe.is_some());
        for (output, ready) in open.zip(&ready[outputs_at..]) {
            if *ready {
                output.read();
            }
        }
        let exited = if looking { self.has_exited() } else { watched && ready[0] };
        Woken { exited, cancelled: cancel.is_some() && ready[cancel_at] }
    }

    /// Looks whether the leader has exited, without reaping it.
    fn has_exited(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(self.group), options), Ok(None))
    }
}

#[derive(Clone, Copy)]
enum Leader {
    Runs,
    Gone,
}

struct Woken {
    exited: bool,
    cancelled: bool,
}

/// One of the child's outputs.
struct Output {
    /// None at its end.
    pipe: Option<PipeReader>,
    /// Nothing is kept that has not passed it.
    mask: Mask,
    kept: Kept,
}

impl Output {
    fn new(pipe: PipeReader, max: usize, mask: Mask) -> Output {
        Output { pipe: Some(pipe), mask, kept: Kept::new(max) }
    }

    /// Reads once; the pipe is known to have something, or its end.
    fn read(&mut self) {
        let Some(pipe) = &mut self.pipe else { return };
        let mut buffer = [0; READ_BYTES];
        match pipe.read(&mut buffer) {
            Ok(0) => self.pipe = None,
            Ok(n) => self.kept.push(&self.mask.push(&buffer[..n])),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => self.pipe = None,
        }
    }

    fn text(mut self) -> String {
        self.kept.push(&self.mask.finish());
        let mut text = self.kept.text();
        if self.pipe.is_some() {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str("[wtor: the step has ended, but a process that it started still holds this output]\n");
        }
        text
    }
}
