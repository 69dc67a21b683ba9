//! A match on its way to a decision.
//!
//! Layer: core

use crate::journal::{Checkpoint, Origin};
use crate::policy::Target;
use crate::rule::Captures;
use crate::time::Timestamp;
use std::time::Duration;

/// A match, with all that a decision needs of its record.
#[derive(Clone, Debug)]
pub struct Matched {
    /// What matched.
    pub target: Target,
    /// Where the record stands.
    pub origin: Origin,
    /// Engine time of the match: when it arrived, or in a replay the record's own time.
    pub at: Timestamp,
    /// How old the record was when it was read, if its time is known.
    pub age: Option<Duration>,
    /// Records older than this are reported and not acted upon.
    pub age_max: Option<Duration>,
    /// Captures and fields.
    pub captures: Captures,
    /// How far the source is read, this record included.
    pub read: Checkpoint,
}
