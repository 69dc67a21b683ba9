//! What a rule asks for beyond its `when`, from TOML: `by`, `once_per`, the forms, `reset_by`.
//!
//! Layer: core

use super::form::{self, Forms};
use super::template::KnownNames;
use super::{Named, when};
use crate::diagnostic::id;
use crate::document::{Table, Value};
use crate::limits::SITUATION_SPAN_MAX;
use crate::rule::{Action, Condition, Correlation, Field, Form};
use crate::span::Span;
use std::sync::Arc;
use std::time::Duration;

/// What was read of it.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// What the rule asks for, if anything.
    pub correlation: Option<Correlation>,
    /// The actions of each level that has its own.
    pub levels: Vec<Option<Vec<Action>>>,
    /// Where `by` stands, if only a situation that the rule sets can use it.
    pub idle_by: Option<Span>,
}

/// What a rule asks for beyond its `when`; none if there is a mistake in it.
pub(super) fn correlation(table: &mut Table<'_>, names: &KnownNames, named: &mut Named) -> Option<Asked> {
    let by = table.take_entry("by");
    let once_per = table.take("once_per").map(span);
    let forms = form::take(table, names, named);
    let reset_by = table.take("reset_by").map(reset_by);
    let nothing = once_per.is_none() && matches!(forms, Forms::None) && reset_by.is_none();
    let idle_by = by.as_ref().filter(|_| nothing).map(|(key, _)| key.span.clone());
    let keys = by.map(|(_, value)| (value, by_names(value, names)));
    let (once_per, reset_by) = (all_or_none(once_per), all_or_none(reset_by));
    let (form, levels) = match forms {
        Forms::None => (Some(None), Vec::new()),
        Forms::Mistaken => (None, Vec::new()),
        Forms::Good(form, levels) => (Some(Some(*form)), levels),
    };
    let by = keys.as_ref().map_or(Some(Vec::new()), |(_, keys)| keys.clone());
    let (once_per, form, reset_by) = (once_per?, form?, reset_by?.unwrap_or_default());
    let asks = Correlation { by: by?, once_per, form, reset_by, values: Vec::new() };
    if let Some((by, _)) = keys {
        check_both(by, &asks)?;
    }
    let correlation = (!nothing || idle_by.is_some()).then_some(asks);
    Some(Asked { correlation, levels, idle_by })
}

/// Nothing written is fine; something written must be good.
pub(super) fn all_or_none<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    match read {
        None => Some(None),
        Some(read) => read.map(Some),
    }
}

fn by_names(value: Value<'_>, names: &KnownNames) -> Option<Vec<Arc<str>>> {
    let all: Vec<Option<Arc<str>>> = value.filled_items().into_iter().map(|item| name_of(item, names)).collect();
    all.into_iter().collect::<Option<Vec<_>>>().filter(|all| !all.is_empty())
}

/// The name of a capture or field.
pub(super) fn name_of(value: Value<'_>, names: &KnownNames) -> Option<Arc<str>> {
    let text = value.filled_text("the name of a capture or field, in quotes")?;
    names.check_text(&text).then(|| text.as_str().into())
}

/// A duration during which something is remembered.
pub(super) fn span(value: Value<'_>) -> Option<Duration> {
    let span = value.duration()?;
    if span.is_zero() || span > SITUATION_SPAN_MAX {
        let days = SITUATION_SPAN_MAX.as_secs() / 86_400;
        value.error(id::OUT_OF_RANGE, &format!("this span must be longer than nothing and at most {days} days"));
        return None;
    }
    Some(span)
}

fn reset_by(value: Value<'_>) -> Option<Vec<Condition>> {
    let all: Vec<Option<Condition>> =
        value.filled_items().into_iter().map(|item| when::condition(item, "`reset_by`")).collect();
    all.into_iter().collect::<Option<Vec<_>>>().filter(|all| !all.is_empty())
}

/// A key must be in all records, else they never meet.
fn check_both(by: Value<'_>, asks: &Correlation) -> Option<()> {
    let mut whole = Some(());
    for (further, condition) in asks.further() {
        let known = |name: &str| Field::named(name).is_some() || condition.capture_names().any(|n| n == name);
        for name in asks.by.iter().filter(|name| !known(name)) {
            let text = format!("`{name}` is neither a capture of `{}` nor a field of the record", further.name());
            let help =
                "all records of a situation are of the same key: capture the value there too, under the same name";
            by.doc().note(&by.span(), by.mistake(id::UNKNOWN_VALUE, &text).help(help));
            whole = None;
        }
    }
    whole
}

/// The captures that the further records of a form give to templates.
pub(super) fn further_names(asks: &Correlation) -> Vec<String> {
    let gives = |form: &&Form| matches!(form, Form::All(_) | Form::FollowedBy(_));
    if asks.form.as_ref().filter(gives).is_none() {
        return Vec::new();
    }
    // What resets a situation is not of it.
    let of_it = asks.further().into_iter().skip(asks.reset_by.len());
    of_it.flat_map(|(_, condition)| condition.capture_names().map(str::to_owned).collect::<Vec<_>>()).collect()
}
