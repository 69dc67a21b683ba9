//! Condition codes by BPXBATCH's arithmetic, and how steps end.
//!
//! Layer: core

use serde::{Deserialize, Serialize};
use std::fmt;

/// A condition code, 0 to 4095.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CondCode(pub u16);

impl fmt::Display for CondCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.0)
    }
}

/// How the process of a step ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepEnd {
    /// It exited with this status.
    Exited(u8),
    /// A signal ended it.
    Signalled(i32),
    /// Its deadline passed and its process group was ended.
    TimedOut,
    /// It could not be started: why.
    NotStarted(String),
    /// It was cancelled on request.
    Cancelled,
    /// Its condition did not hold.
    Bypassed,
}

/// What BPXBATCH reports when it cannot start the program.
const NOT_STARTED: CondCode = CondCode(255);
/// What stands for a step that was ended from outside, as an abend.
const ENDED: CondCode = CondCode(4095);

impl StepEnd {
    /// The condition code. Under BPXBATCH an exit status counts times 256 and, since a code has 12
    /// bits, modulo 4096 (exit 16 and exit 0 look the same: see [`StepEnd::is_good`]); a signal counts
    /// as itself. A plain argument list gives its exit status.
    #[must_use]
    pub fn cond_code(&self, bpxbatch: bool) -> Option<CondCode> {
        match self {
            StepEnd::Exited(status) if bpxbatch => Some(CondCode(u16::from(*status) * 256 % 4096)),
            StepEnd::Exited(status) => Some(CondCode(u16::from(*status))),
            StepEnd::Signalled(signal) => Some(CondCode(u16::try_from(*signal).unwrap_or(ENDED.0).min(ENDED.0))),
            StepEnd::TimedOut | StepEnd::Cancelled => Some(ENDED),
            StepEnd::NotStarted(_) => Some(NOT_STARTED),
            StepEnd::Bypassed => None,
        }
    }

    /// True if the step counts as good: it exited, its code is at most `max_cc`, and the code is not
    /// a failure that only the modulo has made small.
    #[must_use]
    pub fn is_good(&self, bpxbatch: bool, max_cc: u16) -> bool {
        match self {
            StepEnd::Exited(status) => {
                let full = if bpxbatch { u16::from(*status) * 256 } else { u16::from(*status) };
                full <= max_cc
            }
            StepEnd::Bypassed => true,
            _ => false,
        }
    }

    /// True if it ended otherwise than by exiting: what JCL calls an abend.
    #[must_use]
    pub fn is_abend(&self) -> bool {
        matches!(self, StepEnd::Signalled(_) | StepEnd::TimedOut | StepEnd::NotStarted(_) | StepEnd::Cancelled)
    }
}

impl fmt::Display for StepEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StepEnd::Exited(status) => write!(f, "exit status {status}"),
            StepEnd::Signalled(signal) => write!(f, "ended by signal {signal}"),
            StepEnd::TimedOut => f.write_str("its deadline passed"),
            StepEnd::NotStarted(why) => write!(f, "it could not be started: {why}"),
            StepEnd::Cancelled => f.write_str("it was cancelled"),
            StepEnd::Bypassed => f.write_str("it was bypassed"),
        }
    }
}

/// A step that has ended, with what it printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Name of the step.
    pub step: String,
    /// How it ended.
    pub end: StepEnd,
    /// Its condition code; none if it was bypassed.
    pub cond_code: Option<CondCode>,
    /// Whether it counts as good.
    pub good: bool,
    /// How long it ran.
    pub millis: u64,
    /// What it wrote to standard output, within its bound.
    pub stdout: String,
    /// What it wrote to standard error, within its bound.
    pub stderr: String,
}
