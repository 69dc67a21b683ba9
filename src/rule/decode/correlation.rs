//! `by`, `once_per`, `count` and `unless_followed_by` from TOML.
//!
//! Layer: core

use super::template::KnownNames;
use super::when;
use crate::diagnostic::id;
use crate::document::{Table, Value};
use crate::limits::{COUNT_MAX, SITUATION_SPAN_MAX};
use crate::rule::{Correlation, Count, Field, Following};
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
    let following = table.take_entry("unless_followed_by");
    let nothing = once_per.is_none() && count.is_none() && following.is_none();
    if let (Some(_), Some((key, _))) = (&count, &following) {
        let text = "a rule either counts or waits for what follows, not both";
        table.doc().error(id::ONE_OF, &key.span, text);
    }
    let keys = by.map(|(key, value)| {
        if nothing {
            let mistake = table.doc().mistake(id::IDLE_KEY, &key.span, "`by` says per what, and nothing is counted");
            table
                .doc()
                .note(&key.span, mistake.help("add `once_per`, `count` or `unless_followed_by`, or leave `by` out"));
        }
        (value, by_names(value, names))
    });
    let following = following.map(|(_, value)| following_record(value));
    if let (Some((by, Some(keys))), Some(Some(following))) = (&keys, &following) {
        check_both(*by, keys, following)?;
    }
    let by = keys.map_or(Some(Vec::new()), |(_, keys)| keys);
    let (once_per, count, following) = (all_or_none(once_per), all_or_none(count), all_or_none(following));
    let asks = Correlation { by: by?, once_per: once_per?, count: count?, unless_followed_by: following? };
    Some((!nothing).then_some(asks))
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

fn following_record(value: Value<'_>) -> Option<Following> {
    let within = |table: &mut Table<'_>| table.require("within").and_then(span);
    let (condition, within) = when::condition_with(value, "`unless_followed_by`", within)?;
    Some(Following { condition, within })
}

/// A key must be in both records, else they never meet.
fn check_both(by: Value<'_>, keys: &[Arc<str>], following: &Following) -> Option<()> {
    let known = |name: &str| Field::named(name).is_some() || following.condition.capture_names().any(|n| n == name);
    let missing: Vec<&Arc<str>> = keys.iter().filter(|name| !known(name)).collect();
    for name in &missing {
        let text = format!("`{name}` is neither a capture of `unless_followed_by` nor a field of the record");
        let help = "what follows is of the same key: capture the value there too, under the same name";
        by.doc().note(&by.span(), by.mistake(id::UNKNOWN_VALUE, &text).help(help));
    }
    missing.is_empty().then_some(())
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
