//! A mistake in a file that a person wrote, with its place, and its renderings: full with excerpt
//! and carets, one line, JSON.
//!
//! Layer: core

use crate::rule::Place;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The policy cannot be used.
    Error,
    /// The policy can be used; somebody should look.
    Warning,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Message id, `WTRnnnE` or `WTRnnnW`, documented in docs/messages.md.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// File, line, column of its first character.
    pub place: Place,
    /// The line of the file, as it is.
    pub excerpt: String,
    /// Characters to underline; at least 1.
    pub width: usize,
    /// What is wrong, in lower case, without a period.
    pub text: String,
    /// Said beside the carets.
    pub label: Option<String>,
    /// What to do.
    pub help: Option<String>,
}
