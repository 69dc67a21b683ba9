//! Conditions on one record, and the named reason when one does not hold. Replay, the live agent,
//! `wtor test` and `wtor explain` all ask this one function.
//!
//! Layer: core

use super::{Captures, Field, Pattern, TextPattern};
use crate::record::{FlagSet, Format, Kind, Record};
use crate::time::Stamp;
use std::collections::HashMap;
use std::sync::Arc;

/// All tests must hold, and none of the `unless` conditions.
#[derive(Clone, Debug, Default)]
pub struct Condition {
    /// In the order in which they are tried: cheapest first, the message id before all.
    pub tests: Vec<Test>,
    /// Exceptions.
    pub unless: Vec<Condition>,
}

/// One test. Lists are alternatives.
#[derive(Clone, Debug)]
pub enum Test {
    /// The message id is one of these.
    Id(Vec<Pattern>),
    /// The kind is one of these. Without this test, orphans, headers and unparsed lines never match.
    Kind(Vec<Kind>),
    /// The format is one of these.
    Format(Vec<Format>),
    /// A field is one of these.
    Field(Field, Vec<Pattern>),
    /// The record has (or has not) the field.
    Present(Field, bool),
    /// The n-th blank-delimited word of the text, from 1 (the message id is word 1).
    Token(usize, Vec<Pattern>),
    /// At least one of the routing codes is set.
    Routing(Vec<u8>),
    /// All of these flags are set.
    Flags(FlagSet),
    /// The mark before the text is one of these: `*`, `@`, `+`.
    Mark(Vec<u8>),
    /// The first line's text matches, and gives the captures.
    Text(TextPattern),
    /// Some line of the message matches, the first line included; its captures are taken.
    AnyLine(TextPattern),
    /// The record's time of day lies in `[from, to)`, in minutes; `to` before `from` is over midnight.
    Hours(u16, u16),
    /// The record's day of the week is set, Monday = bit 0.
    Days(u8),
}

/// A record as a rule sees it: with the name of the source that it came from.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'r, 'a> {
    /// The record.
    pub record: &'r Record<'a>,
    /// Name of the source.
    pub source: &'r str,
    /// Liberty server that the source belongs to.
    pub server: Option<&'r str>,
}

/// Which condition did not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// The test of that index.
    Test(usize),
    /// The exception of that index held.
    Unless(usize),
    /// The kind of record that matches only when a rule asks for it.
    Kind,
}

impl Condition {
    /// What no record meets: the `when` of a rule that no record begins.
    #[must_use]
    pub fn never() -> Condition {
        Condition { tests: vec![Test::Kind(Vec::new())], unless: Vec::new() }
    }

    /// True if it is what no record meets.
    #[must_use]
    pub fn is_never(&self) -> bool {
        matches!(&self.tests[..], [Test::Kind(kinds)] if kinds.is_empty())
    }

    /// Whether the record meets the condition.
    ///
    /// # Errors
    /// The first thing that is against it.
    pub fn check(&self, seen: Seen<'_, '_>) -> Result<(), Mismatch> {
        for (i, test) in self.tests.iter().enumerate() {
            if !test.holds(seen) {
                return Err(Mismatch::Test(i));
            }
        }
        let plain = matches!(seen.record.kind, Kind::Orphan | Kind::Header | Kind::Unparsed);
        if plain && !self.tests.iter().any(|t| matches!(t, Test::Kind(_))) {
            return Err(Mismatch::Kind);
        }
        match self.unless.iter().position(|unless| unless.tests.iter().all(|test| test.holds(seen))) {
            Some(i) => Err(Mismatch::Unless(i)),
            None => Ok(()),
        }
    }

    /// The captures of a record that meets the condition, fields included.
    #[must_use]
    pub fn captures(&self, seen: Seen<'_, '_>) -> Captures {
        let mut captures = Captures::of_record(seen);
        for test in &self.tests {
            match test {
                Test::Text(pattern) => take(pattern, seen.record.text, &mut captures),
                Test::AnyLine(pattern) => {
                    if let Some(line) = lines(seen.record).find(|line| pattern.regex().is_match(line)) {
                        take(pattern, line, &mut captures);
                    }
                }
                Test::Id(patterns) => take_any(patterns, seen.record.message_id, &mut captures),
                Test::Field(field, patterns) => take_any(patterns, field_of(*field, seen), &mut captures),
                Test::Token(n, patterns) => take_any(patterns, token(seen.record.text, *n), &mut captures),
                _ => {}
            }
        }
        captures
    }

    /// Gives equal patterns of several conditions one compiled form: a rulebook repeats itself.
    pub fn share_patterns(&mut self, known: &mut HashMap<Arc<str>, TextPattern>) {
        let mut share = |pattern: &mut TextPattern| {
            *pattern = known.entry(pattern.source().into()).or_insert_with(|| pattern.clone()).clone();
        };
        for test in &mut self.tests {
            match test {
                Test::Text(pattern) | Test::AnyLine(pattern) => share(pattern),
                Test::Id(list) | Test::Field(_, list) | Test::Token(_, list) => {
                    for pattern in list {
                        if let Pattern::Regex(pattern) = pattern {
                            share(pattern);
                        }
                    }
                }
                _ => {}
            }
        }
        self.unless.iter_mut().for_each(|unless| unless.share_patterns(known));
    }

    /// The names that [`Condition::captures`] can set beyond the fields.
    pub fn capture_names(&self) -> impl Iterator<Item = &str> {
        let patterns = self.tests.iter().flat_map(|test| match test {
            Test::Text(p) | Test::AnyLine(p) => vec![p],
            Test::Field(_, list) | Test::Id(list) | Test::Token(_, list) => {
                list.iter().filter_map(|p| if let Pattern::Regex(p) = p { Some(p) } else { None }).collect()
            }
            _ => vec![],
        });
        patterns.flat_map(|pattern| pattern.names().iter().map(|name| &**name))
    }
}

/// The captures of the first pattern that matches, if that is a regular expression.
fn take_any(patterns: &[Pattern], value: Option<&[u8]>, captures: &mut Captures) {
    let Some(value) = value else { return };
    if let Some(Pattern::Regex(pattern)) = patterns.iter().find(|p| p.matches(value)) {
        take(pattern, value, captures);
    }
}

/// The bytes of a field, those included that the source knows and not the record.
pub(super) fn field_of<'r>(field: Field, seen: Seen<'r, 'r>) -> Option<&'r [u8]> {
    match field {
        Field::Source => Some(seen.source.as_bytes()),
        Field::Server => seen.server.map(str::as_bytes),
        other => other.of(seen.record),
    }
}

fn take(pattern: &TextPattern, text: &[u8], captures: &mut Captures) {
    if pattern.names().is_empty() {
        return;
    }
    if let Some(found) = pattern.regex().captures(text) {
        for name in pattern.names() {
            if let Some(value) = found.name(name) {
                captures.set(name, value.as_bytes());
            }
        }
    }
}

fn lines<'a>(record: &Record<'a>) -> impl Iterator<Item = &'a [u8]> {
    std::iter::once(record.text).chain(record.lines())
}

impl Test {
    /// True if the record passes.
    #[must_use]
    pub fn holds(&self, seen: Seen<'_, '_>) -> bool {
        let record = seen.record;
        match self {
            Test::Id(patterns) => record.message_id.is_some_and(|id| any(patterns, id)),
            Test::Kind(kinds) => kinds.contains(&record.kind),
            Test::Format(formats) => formats.contains(&record.format),
            Test::Field(field, patterns) => field_of(*field, seen).is_some_and(|value| any(patterns, value)),
            Test::Present(field, wanted) => field.of(record).is_some() == *wanted,
            Test::Token(n, patterns) => token(record.text, *n).is_some_and(|word| any(patterns, word)),
            Test::Routing(codes) => record.routing.is_some_and(|r| codes.iter().any(|code| r.contains(*code))),
            Test::Flags(flags) => record.flags.is_some() && record.flag_set().contains(*flags),
            Test::Mark(marks) => record.mark.is_some_and(|mark| marks.contains(&mark)),
            Test::Text(pattern) => pattern.regex().is_match(record.text),
            Test::AnyLine(pattern) => lines(record).any(|line| pattern.regex().is_match(line)),
            Test::Hours(from, to) => record.time.is_some_and(|time| in_hours(time, *from, *to)),
            Test::Days(days) => record.time.and_then(weekday).is_some_and(|day| days & (1 << day) != 0),
        }
    }
}

fn any(patterns: &[Pattern], value: &[u8]) -> bool {
    patterns.iter().any(|pattern| pattern.matches(value))
}

pub(super) fn token(text: &[u8], n: usize) -> Option<&[u8]> {
    text.split(|b| *b == b' ').filter(|word| !word.is_empty()).nth(n.checked_sub(1)?)
}

fn in_hours(time: Stamp, from: u16, to: u16) -> bool {
    let minute = (time.micros / 60_000_000) as u16;
    if from <= to { (from..to).contains(&minute) } else { minute >= from || minute < to }
}

/// Monday is 0; 1970-01-01 was a Thursday.
pub(super) fn weekday(time: Stamp) -> Option<u32> {
    Some((time.date?.days() + 3).rem_euclid(7) as u32)
}
