//! One rule: when a record looks like this, then do that. What a rule is and how it matches; how it
//! is read from TOML is in `decode`.
//!
//! Layer: core

mod capture;
mod condition;
mod correlation;
mod coverage;
pub mod decode;
mod explain;
mod pattern;
pub mod sample;
mod template;
mod terms;

pub use capture::{Captures, Field};
pub use condition::{Condition, Mismatch, Seen, Test};
pub use correlation::{Correlation, Count, Following};
pub use coverage::{Alternative, Coverage};
pub use explain::{describe, explain_mismatch};
pub use pattern::{Glob, Pattern, TextPattern, pattern_names};
pub use sample::Sample;
pub use template::{Piece, Template};
pub use terms::{Approval, Ask, Came, Terms};

pub use crate::span::Place;

use std::sync::Arc;
use std::time::Duration;

/// A rule, ready to match.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Unique in the policy; what decisions, history and commands call it.
    pub name: Arc<str>,
    /// Where its name is written.
    pub place: Place,
    /// Group to enable and disable together.
    pub group: Option<Arc<str>>,
    /// What it is for, in the author's words.
    pub description: Option<String>,
    /// False: it is loaded and checked, but matches nothing.
    pub enabled: bool,
    /// Whether it acts or only says what it would have done.
    pub mode: Mode,
    /// The approval that its runs need, unless an action says otherwise.
    pub asks: Option<Ask>,
    /// True: later rules do not see a record that this one matched.
    pub is_final: bool,
    /// The conditions on one record.
    pub when: Condition,
    /// What it asks for beyond one record.
    pub correlation: Option<Correlation>,
    /// Hash of its text: situations outlive a reload if it stays the same.
    pub text: Arc<str>,
    /// What to do, in order.
    pub then: Vec<Action>,
    /// Lines that prove the rule.
    pub samples: Vec<Sample>,
}

/// Whether a rule acts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Decides and acts.
    #[default]
    Act,
    /// Decides and reports live, and never acts.
    Shadow,
}

/// One thing to do.
#[derive(Clone, Debug)]
pub enum Action {
    /// Run a job.
    Run(RunJob),
    /// Say it: a line in the journal and on the agent's own log.
    Report(Report),
}

/// A line to say.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The line.
    pub text: Template,
    /// On what terms it is said.
    pub terms: Terms,
}

/// Run a job with arguments, and perhaps wait for the messages that prove its effect.
#[derive(Clone, Debug)]
pub struct RunJob {
    /// Name of the job in `jobs/`.
    pub job: Arc<str>,
    /// Where the name is written.
    pub place: Place,
    /// Values for the job's parameters.
    pub with: Vec<(Arc<str>, Template)>,
    /// What must follow for the run to count as good.
    pub expect: Option<Expect>,
    /// On what terms it runs.
    pub terms: Terms,
}

/// Messages that must all be seen, from the start of the run on, for the run to count as good.
#[derive(Clone, Debug)]
pub struct Expect {
    /// One condition a message.
    pub all: Vec<Condition>,
    /// Counted from the start of the run.
    pub within: Duration,
    /// Fields that must be the same as in the record that triggered the rule; absent counts as a
    /// value.
    pub by: Vec<Field>,
}
