//! What a decision does, with all its values, and what it waits for.
//!
//! Layer: core

use super::{Key, RunId};
use crate::rule::{Ask, Came};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// One thing that a decision does (or would have done).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Action {
    /// A run of a job.
    Run {
        /// Its number.
        run: RunId,
        /// Position of the action in the rule's `then`, from 0.
        action: usize,
        /// The job.
        job: Arc<str>,
        /// The values that the rule gives to its parameters.
        with: Vec<(Arc<str>, String)>,
        /// What it waits for before it starts.
        #[serde(default, skip_serializing_if = "Terms::is_plain")]
        terms: Terms,
    },
    /// A line said.
    Report {
        /// Its number, if it is not said at once: what waits is owed like a run.
        #[serde(default, skip_serializing_if = "RunId::is_none")]
        run: RunId,
        /// The line.
        text: String,
        /// What it waits for before it is said.
        #[serde(default, skip_serializing_if = "Terms::is_plain")]
        terms: Terms,
    },
    /// A named situation begins.
    Set {
        /// Its number, if it does not begin at once.
        #[serde(default, skip_serializing_if = "RunId::is_none")]
        run: RunId,
        /// The situation's name.
        name: Arc<str>,
        /// For which records.
        key: Key,
        /// For how long; none means until it is closed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lasts: Option<Duration>,
        /// What it waits for.
        #[serde(default, skip_serializing_if = "Terms::is_plain")]
        terms: Terms,
    },
    /// Named situations that are set for the record end.
    Close {
        /// Its number, if it is not done at once.
        #[serde(default, skip_serializing_if = "RunId::is_none")]
        run: RunId,
        /// The situations' name.
        name: Arc<str>,
        /// What it waits for.
        #[serde(default, skip_serializing_if = "Terms::is_plain")]
        terms: Terms,
    },
    /// Another rule decides about the record.
    HandOver {
        /// Its number, if it does not decide at once.
        #[serde(default, skip_serializing_if = "RunId::is_none")]
        run: RunId,
        /// That rule.
        rule: Arc<str>,
        /// What it waits for.
        #[serde(default, skip_serializing_if = "Terms::is_plain")]
        terms: Terms,
    },
}

impl Action {
    /// Its number; [`RunId::NONE`] if it takes place with the decision, or not at all.
    #[must_use]
    pub fn run(&self) -> RunId {
        match self {
            Action::Run { run, .. }
            | Action::Report { run, .. }
            | Action::Set { run, .. }
            | Action::Close { run, .. }
            | Action::HandOver { run, .. } => *run,
        }
    }

    /// What it does, without the number that it has: `run alert what=…`. Two that do the same say the same.
    #[must_use]
    pub fn deed(&self) -> String {
        match self {
            Action::Report { text, .. } => format!("report {text}"),
            Action::Set { name, key, .. } => format!("set {name}{}", key.clause()),
            Action::Close { name, .. } => format!("close {name}"),
            Action::HandOver { rule, .. } => format!("hand over to {rule}"),
            Action::Run { job, with, .. } => {
                with.iter().fold(format!("run {job}"), |deed, (name, value)| format!("{deed} {name}={value}"))
            }
        }
    }

    /// What it waits for.
    #[must_use]
    pub fn terms(&self) -> Terms {
        match self {
            Action::Run { terms, .. }
            | Action::Report { terms, .. }
            | Action::Set { terms, .. }
            | Action::Close { terms, .. }
            | Action::HandOver { terms, .. } => *terms,
        }
    }

    /// The job that it runs; for anything else a word in parentheses, which no job has for a name.
    #[must_use]
    pub fn job(&self) -> Arc<str> {
        match self {
            Action::Run { job, .. } => job.clone(),
            Action::Report { .. } => "(report)".into(),
            Action::Set { .. } => "(set)".into(),
            Action::Close { .. } => "(close)".into(),
            Action::HandOver { .. } => "(rule)".into(),
        }
    }

    /// True for what needs processes, and a place among the runs.
    #[must_use]
    pub fn is_run(&self) -> bool {
        matches!(self, Action::Run { .. })
    }
}

/// What an action waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// How a run before it must come out.
    #[serde(default, rename = "if", skip_serializing_if = "Option::is_none")]
    pub depends: Option<Depends>,
    /// It does not take place sooner, in engine time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Somebody must approve of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<Ask>,
}

impl Terms {
    /// True if it waits for nothing.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Terms::default()
    }

    /// ` if run 7 has failed, when approved`; nothing if it waits for nothing.
    #[must_use]
    pub fn clause(&self) -> String {
        let depends = self.depends.map(|Depends { run, came }| match run {
            RunId::NONE => format!(" if the run before it {}", came.clause()),
            run => format!(" if run {run} {}", came.clause()),
        });
        let not_before = self.not_before.map(|at| format!(" not before {at}"));
        let ask = self.ask.map(|_| " when approved".to_owned());
        [depends, not_before, ask].into_iter().flatten().collect::<Vec<_>>().join(",")
    }
}

/// An action takes place only if a run before it came out so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Depends {
    /// That run.
    pub run: RunId,
    /// How it must come out.
    pub came: Came,
}

/// Who did something by command, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// The user.
    pub who: String,
    /// In their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl fmt::Display for By {
    /// `alice`, `alice: the window is over`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Some(why) => write!(f, "{}: {why}", self.who),
            None => f.write_str(&self.who),
        }
    }
}

/// What becomes of a run in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Release {
    /// It is run again.
    Rerun,
    /// Somebody has looked: it came out well.
    Good,
    /// Somebody has looked: it did not.
    Failed,
}

impl Release {
    /// `released to be run again`, `released as good`.
    #[must_use]
    pub fn clause(self) -> &'static str {
        match self {
            Release::Rerun => "released to be run again",
            Release::Good => "released as good",
            Release::Failed => "released as failed",
        }
    }
}
