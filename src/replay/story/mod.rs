//! Stories: what happens, at which time, and what the rules must make of it. A story is a text file; this
//! is what it holds, `parse` reads it and `play` plays it.
//!
//! Layer: core

mod parse;
mod play;

use crate::journal::{Release, Subject};
use crate::record::Format;
use crate::span::{Span, TextFile};
use crate::time::Timestamp;
use std::time::Duration;

/// A story that was read without a mistake.
#[derive(Clone, Debug)]
pub struct Story<'t> {
    file: TextFile<'t>,
    /// The rules that it is about; empty means all.
    about: Vec<String>,
    steps: Vec<Step>,
}

/// One line of a story.
#[derive(Clone, Debug)]
struct Step {
    what: What,
    /// The words that a mistake is shown at.
    span: Span,
}

/// What a line of a story says.
#[derive(Clone, Debug)]
enum What {
    /// What follows comes from this source.
    Source(String),
    /// Its lines are of this layout.
    Format(Format),
    /// A line of a log comes; without a time, at that of its own stamp.
    Line(Option<When>, String),
    /// Time passes, and nothing comes.
    Tick(When),
    /// From here on runs of this job come out so; none is good.
    Run(String, Option<End>),
    /// The agent dies, and another one takes over.
    Restart,
    /// This was decided since the last expectations.
    Expect(Expected),
    /// Nothing was decided.
    Nothing,
    /// Somebody answers whether runs of this job may take place.
    Answer(String, bool),
    /// Somebody says what becomes of the runs of this job that are in doubt.
    Release(String, Release),
    /// Somebody disables a rule or a group, for a while or until it is enabled.
    Disable(Subject, Option<Duration>),
    /// Somebody enables it again.
    Enable(Subject),
    /// A run of this job came out so, or waits for an answer.
    Came(String, &'static str),
}

/// How a run ends that is not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::replay) enum End {
    /// It fails.
    Failed,
    /// It goes on.
    Never,
}

/// A time in a story.
#[derive(Clone, Copy, Debug)]
enum When {
    At(Timestamp),
    /// So long after what was before.
    After(Duration),
}

/// A decision that must have come.
#[derive(Clone, Debug)]
struct Expected {
    rule: String,
    /// As [`crate::journal::Verdict::name`] says it.
    verdict: String,
    /// Values that it must have.
    with: Vec<(String, String)>,
}

impl Story<'_> {
    /// True if the story is about this rule by name, and says at some point that it does not fire.
    #[must_use]
    pub fn spares(&self, rule: &str) -> bool {
        self.about.iter().any(|name| name == rule)
            && self.steps.iter().any(|step| match &step.what {
                What::Nothing => true,
                What::Expect(expected) => expected.rule == rule && expected.verdict == "held",
                _ => false,
            })
    }

    /// True if the story says that this rule fires, or would.
    #[must_use]
    pub fn fires(&self, rule: &str) -> bool {
        self.steps.iter().any(|step| match &step.what {
            What::Expect(expected) => expected.rule == rule && matches!(&*expected.verdict, "fired" | "shadow"),
            _ => false,
        })
    }

    /// The names of the rules that it is about, or whose decisions it expects.
    pub fn rules(&self) -> impl Iterator<Item = &str> {
        let expected =
            self.steps.iter().filter_map(|step| if let What::Expect(e) = &step.what { Some(&*e.rule) } else { None });
        self.about.iter().map(String::as_str).chain(expected)
    }
}
