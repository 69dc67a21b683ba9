//! One rule: when a record looks like this, then do that. What a rule is and how it matches; how it
//! is read from TOML is in `decode`.
//!
//! Layer: core

mod calendar;
mod capture;
mod condition;
mod correlation;
mod coverage;
pub mod decode;
mod explain;
mod pattern;
pub mod sample;
mod schedule;
mod template;
mod terms;

pub use calendar::{ALL_DAYS, Calendar, Zone};
pub use capture::{Captures, Field};
pub use condition::{Condition, Mismatch, Seen, Test};
pub use correlation::{Collect, Correlation, Count, Following, Form, Further, Level, MESSAGES, Set};
pub use coverage::{Alternative, Coverage};
pub use explain::{describe, describe_whole, explain_mismatch};
pub use pattern::{Glob, Pattern, TextPattern, pattern_names};
pub use sample::Sample;
pub use schedule::{Cron, Missed, Rhythm, Schedule};
pub use template::{Piece, Template};
pub use terms::{Approval, Ask, AtMost, Brakes, Came, Terms};

pub use crate::span::Place;

use std::ops::Range;
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
    /// The approval that its runs and hand-overs need, unless an action says otherwise.
    pub asks: Option<Ask>,
    /// Named situations that must be set for the record, all of them.
    pub if_set: Vec<Arc<str>>,
    /// Named situations of which none may be set for the record.
    pub if_not_set: Vec<Arc<str>>,
    /// How many runs it may start in a span; none means as many as the agent allows any rule.
    pub at_most: Option<AtMost>,
    /// True: later rules do not see a record that this one matched while it was in force.
    pub is_final: bool,
    /// The conditions on one record; of a rule that no record begins, one that none meets.
    pub when: Condition,
    /// When it is due by time alone.
    pub schedule: Option<Schedule>,
    /// When it is in force.
    pub during: Option<Calendar>,
    /// What it asks for beyond one record.
    pub correlation: Option<Correlation>,
    /// Hash of its text: situations outlive a reload if it stays the same.
    pub text: Arc<str>,
    /// Every action, each list in order: first that of `then`, behind it those of `otherwise` and of levels.
    /// The journal names an action by its position here.
    pub then: Vec<Action>,
    /// Where `then` ends.
    pub then_ends: usize,
    /// Where `otherwise` stands, if the rule has it.
    pub otherwise: Option<Range<usize>>,
    /// Lines that prove the rule.
    pub samples: Vec<Sample>,
}

/// Which of a rule's lists of actions a decision is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum List {
    /// `then`.
    #[default]
    Then,
    /// `otherwise`.
    Otherwise,
    /// That of a level, by its position; `then` if it has none of its own.
    Level(usize),
}

impl Rule {
    /// The actions of a list, each with its position.
    pub fn actions(&self, list: List) -> impl Iterator<Item = (usize, &Action)> {
        let range = match list {
            List::Then => None,
            List::Otherwise => Some(self.otherwise.clone().unwrap_or_default()),
            List::Level(number) => self.level(number).and_then(|level| level.then.clone()),
        };
        let range = range.unwrap_or(0..self.then_ends);
        self.then.iter().enumerate().skip(range.start).take(range.len())
    }

    /// True if a record can begin it; else time alone does, or another rule that hands a record over.
    #[must_use]
    pub fn has_when(&self) -> bool {
        !self.when.is_never()
    }

    /// True if rules behind it do not see what it matches, as long as it is in force. A shadow does nothing, so
    /// it hides nothing.
    #[must_use]
    pub fn takes_all(&self) -> bool {
        self.enabled && self.is_final && self.mode == Mode::Act
    }

    /// True if there is such a list.
    #[must_use]
    pub fn has(&self, list: List) -> bool {
        list != List::Otherwise || self.otherwise.is_some()
    }

    fn level(&self, number: usize) -> Option<&Level> {
        match self.correlation.as_ref()?.form.as_ref()? {
            Form::Levels(levels) => levels.get(number),
            _ => None,
        }
    }
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
    /// Begin a named situation for the rule's key.
    Set(SetSituation),
    /// End the named situations that are set for the record.
    Close(CloseSituation),
    /// Have another rule decide about the record, with the captures of this one.
    HandOver(HandOver),
}

impl Action {
    /// On what terms it takes place.
    #[must_use]
    pub fn terms(&self) -> &Terms {
        match self {
            Action::Run(run) => &run.terms,
            Action::Report(report) => &report.terms,
            Action::Set(set) => &set.terms,
            Action::Close(close) => &close.terms,
            Action::HandOver(over) => &over.terms,
        }
    }
}

/// Begin a named situation.
#[derive(Clone, Debug)]
pub struct SetSituation {
    /// Its name.
    pub name: Arc<str>,
    /// For how long; none means until it is closed.
    pub lasts: Option<Duration>,
    /// On what terms.
    pub terms: Terms,
}

/// End named situations.
#[derive(Clone, Debug)]
pub struct CloseSituation {
    /// Their name.
    pub name: Arc<str>,
    /// On what terms.
    pub terms: Terms,
}

/// Have another rule decide.
#[derive(Clone, Debug)]
pub struct HandOver {
    /// The other rule.
    pub rule: Arc<str>,
    /// On what terms.
    pub terms: Terms,
}

/// A line to say.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The line.
    pub text: Template,
    /// On what terms it is said.
    pub terms: Terms,
}

impl Action {
    /// True for what waits for approval if its rule asks: a run, and what another rule does with the record.
    #[must_use]
    pub fn may_ask(&self) -> bool {
        matches!(self, Action::Run(_) | Action::HandOver(_))
    }

    /// The names that its templates use.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let templates = match self {
            Action::Run(run) => run.with.iter().map(|(_, template)| template).collect(),
            Action::Report(report) => vec![&report.text],
            Action::Set(_) | Action::Close(_) | Action::HandOver(_) => Vec::new(),
        };
        templates.into_iter().flat_map(|template| template.names().map(|(name, _)| name)).collect()
    }
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
