//! The command line: the only place that prints.
//!
//! Layer: shell

mod archive;
pub mod args;
mod check;
mod control;
mod demo;
mod explain;
mod journal;
mod lineage;
mod live;
mod logs;
mod notices;
mod output;
mod pages;
mod policy;
mod replay;
mod send;
mod stats;
mod test;

use crate::span::visible;
use args::{Cli, Command};
use clap::Parser;
use output::{complain, written};
use std::fmt;
use std::process::ExitCode;

/// How a command ended, as its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: good.
    Good,
    /// 1: it was done, and there are findings.
    Findings,
    /// 2: the command line asks for nothing that there is.
    Usage,
    /// 3: it could not be done.
    Failed,
    /// 4: a fault of ours.
    Fault,
    /// What a step that sends ended with: its condition code.
    Sent(u8),
}

impl Exit {
    /// The exit code.
    fn code(self) -> u8 {
        match self {
            Exit::Good => 0,
            Exit::Findings => 1,
            Exit::Usage => 2,
            Exit::Failed => 3,
            Exit::Fault => 4,
            Exit::Sent(code) => code,
        }
    }
}

/// Why a command could not be done: a sentence without a period, with path and cause.
#[derive(Debug)]
pub struct Failure(pub String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Failure {
    /// A failure about a file, whose name may come from a glob.
    pub fn about(path: impl fmt::Display, error: impl fmt::Display) -> Failure {
        Failure(format!("{}: {error}", visible(&path.to_string())))
    }
}

type Done = Result<Exit, Failure>;

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let command = Cli::parse().command;
    ended(|| carry_out(command)).code().into()
}

/// How a command ends, a fault of ours included: the panic hook has said what happened, and the exit code tells
/// it from every other end.
fn ended(command: impl FnOnce() -> Exit) -> Exit {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(command)).unwrap_or(Exit::Fault)
}

fn carry_out(command: Command) -> Exit {
    let done = match command {
        Command::Run(args) => live::run(&args),
        Command::Check(args) => check::check(&args),
        Command::Test(args) => test::test(&args),
        Command::Replay(args) => replay::replay(&args),
        Command::Records(args) => logs::records(&args),
        Command::Explain(args) => explain::explain(&args),
        Command::History(args) => journal::history(&args),
        Command::Runs(args) => journal::runs(&args),
        Command::Journal { command } => archive::journal(&command),
        Command::Stats(args) => stats::stats(&args),
        Command::Shadow(args) => stats::shadow(&args),
        Command::Status(args) => control::status(&args),
        Command::Reload(args) => control::reload(&args),
        Command::Release(args) => control::release(&args),
        Command::Cancel(args) => control::cancel(&args),
        Command::Approve(args) => control::approve(&args),
        Command::Deny(args) => control::deny(&args),
        Command::Disable(args) => control::disable(&args),
        Command::Enable(args) => control::enable(&args),
        Command::Situations(args) => control::situations(&args),
        Command::Close(args) => control::close(&args),
        Command::Inject(args) => control::inject(&args),
        Command::Drain(args) => control::drain(&args),
        Command::Stop(args) => control::stop(&args),
        Command::Demo(args) => demo::demo(&args),
        Command::Completions { shell } => pages::completions(shell),
        Command::Man { dir } => pages::man(&dir),
        Command::Send => send::send(),
    };
    match done {
        Ok(exit) => exit,
        Err(failure) => {
            complain(&format!("wtor: {failure}\n"));
            Exit::Failed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_ours_has_an_exit_code_of_its_own() {
        let fault = ended(|| std::panic::resume_unwind(Box::new("planted")));
        assert_eq!((fault, fault.code()), (Exit::Fault, 4));
        assert_eq!(ended(|| Exit::Findings).code(), 1);
    }
}
