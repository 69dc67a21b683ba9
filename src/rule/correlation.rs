//! What a rule asks for beyond one record: how many of them, which others, in what order, and how often
//! it may act; each per key.
//!
//! Layer: core

use super::{Condition, Test, pattern_names};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// What a rule asks for beyond its `when`.
#[derive(Clone, Debug, Default)]
pub struct Correlation {
    /// Names of captures and fields whose values, together, are the key: records of different keys have
    /// nothing to do with each other. Empty: one key for all.
    pub by: Vec<Arc<str>>,
    /// After it has fired it is held for this long.
    pub once_per: Option<Duration>,
    /// Which records, and how many.
    pub form: Option<Form>,
    /// Records after which everything that is known of their key is forgotten.
    pub reset_by: Vec<Condition>,
    /// The values of a situation that the rule's templates use: `situation.count`, `each.app`.
    pub values: Vec<Arc<str>>,
}

/// How several records make a decision.
#[derive(Clone, Debug)]
pub enum Form {
    /// So many matches.
    Count(Count),
    /// So many matches, with more than one threshold: the most severe first.
    Levels(Vec<Level>),
    /// Every value of a list.
    All(Set),
    /// These records, one after another.
    FollowedBy(Vec<Following>),
    /// It fires only if no such record follows.
    UnlessFollowedBy(Following),
    /// Everything within a span, as one.
    Collect(Collect),
}

/// So many matches within a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// From 2.
    pub at_least: usize,
    /// The last one less than this after the first one.
    pub within: Duration,
}

/// One of several thresholds.
#[derive(Clone, Debug)]
pub struct Level {
    /// `critical`.
    pub name: Arc<str>,
    /// When it is reached.
    pub count: Count,
    /// Its own actions, as positions in the rule's `then`; none means those of the rule.
    pub then: Option<Range<usize>>,
}

/// A list of which every value must come.
#[derive(Clone, Debug)]
pub struct Set {
    /// The capture or field that holds the value.
    pub of: Arc<str>,
    /// The values.
    pub are: Vec<Arc<str>>,
    /// The last one comes less than this after the beginning.
    pub within: Duration,
    /// What begins the wait; none means the first value.
    pub from: Option<Condition>,
    /// What stands for all that is missing.
    pub or: Option<Condition>,
}

/// A record that is to follow.
#[derive(Clone, Debug)]
pub struct Following {
    /// What it looks like.
    pub condition: Condition,
    /// It comes less than this after the record before it.
    pub within: Duration,
}

/// Records that are taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Collect {
    /// From the first one on.
    pub span: Duration,
    /// Or until none has come for this long.
    pub quiet: Option<Duration>,
}

/// What a condition beyond `when` is to its rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Further {
    /// Of `reset_by`, by its position.
    Reset(u16),
    /// `unless_followed_by`.
    Following,
    /// Of `followed_by`, by its position.
    Step(u16),
    /// `or` of `all`.
    Or,
    /// `from` of `all`.
    From,
}

impl Correlation {
    /// The conditions beyond `when`, in the order in which one record is given to them: what ends a wait
    /// before what begins it.
    #[must_use]
    pub fn further(&self) -> Vec<(Further, &Condition)> {
        let number = |i: usize| u16::try_from(i).unwrap_or(u16::MAX);
        let mut all: Vec<_> = self.reset_by.iter().enumerate().map(|(i, c)| (Further::Reset(number(i)), c)).collect();
        match &self.form {
            Some(Form::UnlessFollowedBy(following)) => all.push((Further::Following, &following.condition)),
            Some(Form::FollowedBy(steps)) => {
                all.extend(steps.iter().enumerate().map(|(i, step)| (Further::Step(number(i)), &step.condition)));
            }
            Some(Form::All(set)) => {
                all.extend(set.or.iter().map(|condition| (Further::Or, condition)));
                all.extend(set.from.iter().map(|condition| (Further::From, condition)));
            }
            Some(Form::Count(_) | Form::Levels(_) | Form::Collect(_)) | None => {}
        }
        all
    }

    /// One of these conditions.
    #[must_use]
    pub fn condition(&self, further: Further) -> Option<&Condition> {
        match (further, &self.form) {
            (Further::Reset(i), _) => self.reset_by.get(usize::from(i)),
            (Further::Following, Some(Form::UnlessFollowedBy(following))) => Some(&following.condition),
            (Further::Step(i), Some(Form::FollowedBy(steps))) => steps.get(usize::from(i)).map(|step| &step.condition),
            (Further::Or, Some(Form::All(set))) => set.or.as_ref(),
            (Further::From, Some(Form::All(set))) => set.from.as_ref(),
            _ => None,
        }
    }

    /// The captures and fields that are needed of every record of a situation, and not only of the first.
    #[must_use]
    pub fn remembered(&self) -> Vec<&str> {
        let used = self.values.iter().filter_map(|value| match &**value {
            MESSAGES => Some("text"),
            value => value.strip_prefix("each."),
        });
        let of = if let Some(Form::All(set)) = &self.form { Some(&*set.of) } else { None };
        used.chain(of).collect()
    }

    /// The longest span over which it remembers something.
    #[must_use]
    pub fn longest(&self) -> Option<Duration> {
        let form = self.form.as_ref().and_then(|form| match form {
            Form::Count(count) => Some(count.within),
            Form::Levels(levels) => levels.iter().map(|level| level.count.within).max(),
            Form::All(set) => Some(set.within),
            Form::FollowedBy(steps) => Some(steps.iter().map(|step| step.within).sum()),
            Form::UnlessFollowedBy(following) => Some(following.within),
            Form::Collect(collect) => Some(collect.span),
        });
        self.once_per.into_iter().chain(form).max()
    }

    /// Most matches that it counts at a time; what came before them changes nothing.
    #[must_use]
    pub fn counts(&self) -> usize {
        match &self.form {
            Some(Form::Levels(levels)) => levels.iter().map(|level| level.count.at_least).max().unwrap_or(0),
            _ => usize::MAX,
        }
    }
}

/// The texts of a situation's records.
pub const MESSAGES: &str = "situation.messages";

impl Condition {
    /// What to call what it asks for: its ids, if it asks for any.
    #[must_use]
    pub fn wanted(&self) -> String {
        let ids = self.tests.iter().find_map(|test| if let Test::Id(ids) = test { Some(ids) } else { None });
        ids.map_or_else(|| "such message".into(), |ids| pattern_names(ids))
    }
}

impl Further {
    /// What to call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Further::Reset(_) => "reset_by",
            Further::Following => "unless_followed_by",
            Further::Step(_) => "followed_by",
            Further::Or => "or",
            Further::From => "from",
        }
    }
}
