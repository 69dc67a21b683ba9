//! What a rule asks for beyond one record: how many of them, what must not be missing, and how often it
//! may act; each per key.
//!
//! Layer: core

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
    /// So many matches are wanted.
    pub count: Option<Count>,
}

/// So many matches within a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// From 2.
    pub at_least: usize,
    /// The last one less than this after the first one.
    pub within: Duration,
}
