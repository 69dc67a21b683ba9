//! What holds a rule back, from TOML: `if_set`, `if_not_set`, `at_most`.
//!
//! Layer: core

use super::name;
use crate::diagnostic::id;
use crate::document::{Table, Value};
use crate::limits::{BRAKE_RUNS_MAX, BRAKE_SPAN_MAX};
use crate::rule::AtMost;
use crate::span::Span;
use std::sync::Arc;

/// The names of situations, a word or a list; none if there is a mistake in one. Where each stands is added
/// to `asked`.
pub(super) fn situations(
    table: &mut Table<'_>,
    key: &'static str,
    asked: &mut Vec<(Arc<str>, Span)>,
) -> Option<Vec<Arc<str>>> {
    let Some(value) = table.take(key) else { return Some(Vec::new()) };
    let names = value.filled_items().into_iter().map(|item| {
        let name = name(item)?;
        asked.push((name.as_str().into(), name.span()));
        Some(name.as_str().into())
    });
    // An empty list has been noted, and is none.
    names.collect::<Vec<_>>().into_iter().collect::<Option<Vec<_>>>().filter(|names| !names.is_empty())
}

/// `{ runs = 20, per = "1m" }`: so many runs in a span.
pub fn at_most(value: Value<'_>) -> Option<AtMost> {
    let mut table = value.table("`at_most`")?;
    let runs = table.require("runs").and_then(|value| value.integer(1..=BRAKE_RUNS_MAX));
    let per = table.require("per").and_then(|value| {
        let per = value.duration()?;
        let good = !per.is_zero() && per <= BRAKE_SPAN_MAX;
        if !good {
            value.error(id::OUT_OF_RANGE, "this span must be longer than nothing and at most an hour");
        }
        good.then_some(per)
    });
    let whole = table.is_empty();
    table.finish_with(&[("actions", "runs"), ("count", "runs"), ("within", "per"), ("in", "per")]);
    let runs = usize::try_from(runs?).ok()?;
    whole.then_some(AtMost { runs, per: per? })
}
