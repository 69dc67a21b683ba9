//! One job: steps that run in order under conditions, by BPXBATCH's rules. What a job is; how it is
//! read from TOML is in `decode`, what exactly will be executed in `plan`.
//!
//! Source of the semantics: z/OS UNIX System Services, "The BPXBATCH utility".
//!
//! Layer: core

mod condition;
pub mod decode;
mod plan;
mod send;
mod shell;
mod step_condition;

pub use condition::{CondCode, Outcome, StepEnd};
pub use plan::{Plan, PlanError, PlannedStep};
pub use send::{Body, Json, Mail, MailServer, MailTls, Message, Webhook};
pub use shell::{ShellLine, quote};
pub use step_condition::{Compare, ConditionError, StepCondition};

use crate::rule::{Piece, Place, Template};
use crate::secret::Reference;
use std::sync::Arc;
use std::time::Duration;

/// A job, ready to be planned.
#[derive(Clone, Debug)]
pub struct Job {
    /// The file's stem: what rules and commands call it.
    pub name: Arc<str>,
    /// Where it is written.
    pub place: Place,
    /// What it is for.
    pub description: Option<String>,
    /// What to do if the agent was interrupted while it ran.
    pub on_doubt: OnDoubt,
    /// Its parameters, in order of declaration.
    pub params: Vec<Param>,
    /// Environment for every step.
    pub env: Vec<(String, Template)>,
    /// Variables of the agent's own environment that every step gets beside the few that all get.
    pub keep_env: Vec<String>,
    /// Secrets that every step gets in its environment.
    pub secrets: Vec<(String, Reference)>,
    /// The user as whom the steps run; none is the agent's.
    pub user: Option<String>,
    /// Working directory for every step; none is the agent's.
    pub cwd: Option<Template>,
    /// How often and when the whole job is tried again.
    pub retry: Retry,
    /// The steps; at least one.
    pub steps: Vec<Step>,
    /// Hash of its text.
    pub text: Arc<str>,
}

/// What becomes of a run that was interrupted by the agent's death.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDoubt {
    /// It stays in doubt until a person releases it.
    #[default]
    Hold,
    /// It is run again: the job says of itself that this does no harm.
    Rerun,
}

/// A parameter of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// Its name, as in `${name}`.
    pub name: Arc<str>,
    /// Its value where a rule gives none; none means that a rule must.
    pub default: Option<String>,
}

/// When to try again. A single attempt by default.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    /// Attempts in all, 1 or more.
    pub attempts: u32,
    /// Pause before the second attempt.
    pub delay: Duration,
    /// Each further pause is the last one times this.
    pub backoff: f64,
    /// No pause is longer.
    pub delay_max: Duration,
}

impl Default for Retry {
    fn default() -> Retry {
        Retry { attempts: 1, delay: Duration::from_secs(1), backoff: 2.0, delay_max: Duration::from_secs(300) }
    }
}

impl Retry {
    /// Pause after the attempt of that number (from 1) has failed; none if it was the last.
    #[must_use]
    pub fn pause_after(&self, attempt: u32) -> Option<Duration> {
        if attempt >= self.attempts {
            return None;
        }
        let factor = self.backoff.max(1.0).powi(i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX));
        let pause = self.delay.as_secs_f64() * factor;
        Some(Duration::from_secs_f64(pause.min(self.delay_max.as_secs_f64())))
    }
}

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// `STEP1` and so on unless it is named.
    pub name: String,
    /// Where it is written.
    pub place: Place,
    /// What it executes.
    pub program: Program,
    /// Environment beside the job's.
    pub env: Vec<(String, Template)>,
    /// Working directory instead of the job's.
    pub cwd: Option<Template>,
    /// After this long the whole process group is ended.
    pub deadline: Duration,
    /// The highest condition code that counts as good.
    pub max_cc: u16,
    /// Whether it runs, from the steps before it; none means: if all of them were good.
    pub condition: Option<StepCondition>,
    /// Bytes kept of each of standard output and standard error.
    pub output_max: usize,
}

/// What a step executes.
#[derive(Clone, Debug)]
pub enum Program {
    /// BPXBATCH SH: a login shell runs the line.
    Sh(ShellLine),
    /// BPXBATCH PGM: a program and its words; no shell, no quotes.
    Pgm(Vec<Template>),
    /// A plain argument list; its condition code is the exit status itself.
    Argv(Vec<Template>),
    /// No program of the machine: wtor sends something.
    Send(Message),
}

impl Program {
    /// What of its words is known before any value is.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let words = match self {
            Program::Sh(line) => std::slice::from_ref(line.template()),
            Program::Pgm(words) | Program::Argv(words) => words,
            Program::Send(_) => &[],
        };
        words.iter().flat_map(Template::pieces).filter_map(|piece| match piece {
            Piece::Text(text) => Some(text.as_str()),
            Piece::Value { .. } => None,
        })
    }

    /// The absolute path of what is executed, where it is known before any value is.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        let first = match self {
            Program::Sh(_) => return Some(plan::SHELL),
            Program::Pgm(words) | Program::Argv(words) => words.first()?,
            Program::Send(_) => return None,
        };
        match first.pieces() {
            [Piece::Text(path)] if path.starts_with('/') => Some(path),
            _ => None,
        }
    }
}
