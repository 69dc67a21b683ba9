//! The command line: the only place that prints.
//!
//! Layer: shell
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is the layer that talks to people")]

pub mod args;
mod check;
mod demo;
mod explain;
mod journal;
mod live;
mod logs;
mod pages;
mod policy;

use args::{Cli, Command};
use clap::Parser;
use std::fmt;
use std::io;
use std::process::ExitCode;

/// How a command ended, as its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: good.
    Good,
    /// 1: it was done, and there are findings.
    Findings,
    /// 3: it could not be done.
    Failed,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Good => 0,
            Exit::Findings => 1,
            Exit::Failed => 3,
        })
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
    /// A failure about a file.
    pub fn about(path: impl fmt::Display, error: impl fmt::Display) -> Failure {
        Failure(format!("{path}: {error}"))
    }
}

type Done = Result<Exit, Failure>;

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run(args) => live::run(&args),
        Command::Check(args) => check::check(&args),
        Command::Test(args) => check::test(&args),
        Command::Replay(args) => logs::replay(&args),
        Command::Records(args) => logs::records(&args),
        Command::Explain(args) => explain::explain(&args),
        Command::History(args) => journal::history(&args),
        Command::Runs(args) => journal::runs(&args),
        Command::Status(args) => live::status(&args),
        Command::Reload(args) => live::reload(&args),
        Command::Demo(args) => demo::demo(&args),
        Command::Completions { shell } => pages::completions(shell),
        Command::Man { dir } => pages::man(&dir),
    };
    match done {
        Ok(exit) => exit.into(),
        Err(failure) => {
            eprintln!("wtor: {failure}");
            Exit::Failed.into()
        }
    }
}

/// Writing to a closed pipe (`wtor records … | head`) is the reader's way to say "enough".
fn written(result: io::Result<()>) -> Done {
    match result {
        Ok(()) => Ok(Exit::Good),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Good),
        Err(error) => Err(Failure::about("standard output", error)),
    }
}
