//! `by`, `once_per` and `count` from TOML.
//!
//! Layer: core

use super::template::KnownNames;
use crate::diagnostic::id;
use crate::document::{Table, Value};
use crate::limits::{COUNT_MAX, SITUATION_SPAN_MAX};
use crate::rule::{Correlation, Count};
use std::sync::Arc;
use std::time::Duration;

/// What people write for our keys, and our keys.
const MEANT: [(&str, &str); 5] =
    [("threshold", "at_least"), ("times", "at_least"), ("min", "at_least"), ("window", "within"), ("in", "within")];

/// What a rule asks for beyond its `when`, if anything; none if there is a mistake in it.
pub(super) fn correlation(table: &mut Table<'_>, names: &KnownNames) -> Option<Option<Correlation>> {
    let by = table.take_entry("by");
    let once_per = table.take("once_per").map(span);
    let count = table.take("count").map(count);
    let nothing = once_per.is_none() && count.is_none();
    let keys = by.map(|(key, value)| {
        if nothing {
            let mistake = table.doc().mistake(id::IDLE_KEY, &key.span, "`by` says per what, and nothing is counted");
            table.doc().note(&key.span, mistake.help("add `once_per` or `count`, or leave `by` out"));
        }
        by_names(value, names)
    });
    let by = keys.map_or(Some(Vec::new()), |keys| keys)?;
    let (once_per, count) = (all_or_none(once_per)?, all_or_none(count)?);
    Some((!nothing).then_some(Correlation { by, once_per, count }))
}

/// Nothing written is fine; something written must be good.
fn all_or_none<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    match read {
        None => Some(None),
        Some(read) => read.map(Some),
    }
}

fn by_names(value: Value<'_>, names: &KnownNames) -> Option<Vec<Arc<str>>> {
    let name = |item: Value<'_>| {
        let text = item.filled_text("the name of a capture or field, in quotes")?;
        names.check_text(&text).then(|| text.as_str().into())
    };
    let all: Vec<Option<Arc<str>>> = value.filled_items().into_iter().map(name).collect();
    all.into_iter().collect::<Option<Vec<_>>>().filter(|all| !all.is_empty())
}

/// A duration during which something is remembered.
fn span(value: Value<'_>) -> Option<Duration> {
    let span = value.duration()?;
    if span.is_zero() || span > SITUATION_SPAN_MAX {
        let days = SITUATION_SPAN_MAX.as_secs() / 86_400;
        value.error(id::OUT_OF_RANGE, &format!("this span must be longer than nothing and at most {days} days"));
        return None;
    }
    Some(span)
}

fn count(value: Value<'_>) -> Option<Count> {
    let mut table = value.table("`count`")?;
    let at_least = table.require("at_least").and_then(|value| value.integer(2..=COUNT_MAX));
    let within = table.require("within").and_then(span);
    let whole = table.is_empty();
    table.finish_with(&MEANT);
    let at_least = at_least.and_then(|n| usize::try_from(n).ok())?;
    whole.then_some(Count { at_least, within: within? })
}
