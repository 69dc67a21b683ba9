//! A job and the values for its parameters -> exactly what will be executed: argument lists,
//! environment, directories, deadlines. Nothing is decided later.
//!
//! Layer: core

use super::{Job, Message, Program, Step, StepCondition, quote};
use crate::limits::ENV_VALUE_BYTES_MAX;
use crate::rule::{Captures, Template};
use crate::secret::Reference;
use std::sync::Arc;
use std::time::Duration;

/// Everything that a run of a job will execute.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The job.
    pub job: Arc<str>,
    /// Variables of the agent's own environment that every step gets beside the few that all get.
    pub keep_env: Vec<String>,
    /// Secrets that every step gets in its environment, read when it starts.
    pub secrets: Vec<(String, Reference)>,
    /// The user as whom the steps run; none is the agent's.
    pub user: Option<String>,
    /// Its steps.
    pub steps: Vec<PlannedStep>,
}

/// Exactly what one step will execute.
#[derive(Clone, Debug)]
pub struct PlannedStep {
    /// Name of the step.
    pub name: String,
    /// Program and arguments; never empty.
    pub argv: Vec<String>,
    /// What wtor, as the program, is to send.
    pub send: Option<Message>,
    /// Variables set beside those that come from the agent's own environment.
    pub env: Vec<(String, String)>,
    /// Working directory.
    pub cwd: Option<String>,
    /// After this long its process group is ended.
    pub deadline: Duration,
    /// The highest condition code that counts as good.
    pub max_cc: u16,
    /// True if condition codes follow BPXBATCH.
    pub bpxbatch: bool,
    /// Whether it runs.
    pub condition: Option<StepCondition>,
    /// Bytes kept of each output.
    pub output_max: usize,
}

impl PlannedStep {
    /// What it executes or sends, as one line for people.
    #[must_use]
    pub fn shown(&self) -> String {
        match &self.send {
            Some(message) => message.to_string(),
            None => self.argv.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" "),
        }
    }
}

/// Why a job cannot be planned. The policy check finds the same when it is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanError {
    /// A parameter has neither a value nor a default.
    Missing(Arc<str>),
}

/// The shell of BPXBATCH SH.
pub(super) const SHELL: &str = "/bin/sh";

/// The program that sends: wtor itself, which is told on standard input what to send. So a step that sends
/// is a process like any other, with a deadline, an output and a condition code.
const SENDER: [&str; 2] = ["wtor", "send"];

impl Plan {
    /// Plans a job. `with` are the values that the rule gives; `context` is what every step gets in
    /// its environment: the captures of the match, each as `WTOR_` and its name in capitals.
    ///
    /// # Errors
    /// See [`PlanError`].
    pub fn new(job: &Job, with: &[(Arc<str>, String)], context: &Captures) -> Result<Plan, PlanError> {
        let mut values = context.clone();
        for param in &job.params {
            let given = with.iter().find(|(name, _)| *name == param.name).map(|(_, value)| value);
            let value = given.or(param.default.as_ref()).ok_or_else(|| PlanError::Missing(param.name.clone()))?;
            values.set(&param.name, value.as_bytes());
        }
        let steps = job.steps.iter().map(|step| plan_step(job, step, &values)).collect();
        Ok(Plan {
            job: job.name.clone(),
            keep_env: job.keep_env.clone(),
            secrets: job.secrets.clone(),
            user: job.user.clone(),
            steps,
        })
    }
}

fn plan_step(job: &Job, step: &Step, values: &Captures) -> PlannedStep {
    let fill = |templates: &[Template]| templates.iter().map(|t| t.fill(values)).collect();
    let (argv, bpxbatch) = match &step.program {
        Program::Sh(line) => (vec![SHELL.into(), "-lc".into(), line.fill(values)], true),
        Program::Pgm(words) => (fill(words), true),
        Program::Argv(words) => (fill(words), false),
        Program::Send(_) => (SENDER.map(str::to_owned).to_vec(), false),
    };
    let send = match &step.program {
        Program::Send(message) => {
            Some(message.fill(values, |name| job.secrets.iter().any(|(secret, _)| secret == name)))
        }
        _ => None,
    };
    let given = values.iter().map(|(name, value)| (variable(name), cut(value).to_owned()));
    let own = job.env.iter().chain(&step.env).map(|(name, value)| (name.clone(), value.fill(values)));
    PlannedStep {
        name: step.name.clone(),
        argv,
        send,
        env: given.chain(own).collect(),
        cwd: step.cwd.as_ref().or(job.cwd.as_ref()).map(|cwd| cwd.fill(values)),
        deadline: step.deadline,
        max_cc: step.max_cc,
        bpxbatch,
        condition: step.condition.clone(),
        output_max: step.output_max,
    }
}

/// The value as far as a variable may have it: whoever writes to the log decides how long it is, and a
/// program with too long a variable does not start at all.
fn cut(value: &str) -> &str {
    let mut end = value.len().min(ENV_VALUE_BYTES_MAX);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    &value[..end]
}

/// The environment variable that carries a value: `vhost` is `WTOR_VHOST`.
#[must_use]
pub fn variable(name: &str) -> String {
    let name = name.to_ascii_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    format!("WTOR_{name}")
}
