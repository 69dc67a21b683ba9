//! The forms from TOML: `count`, `all`, `followed_by`, `unless_followed_by`, `collect`. A rule has at most one.
//!
//! Layer: core

use super::correlation::{name_of, span};
use super::template::KnownNames;
use super::{Named, then, when};
use crate::diagnostic::id;
use crate::document::{Table, Value};
use crate::limits::{COUNT_MAX, STEPS_MAX};
use crate::rule::{Action, Collect, Condition, Count, Following, Form, Level, Set};
use std::sync::Arc;

/// What people write for our keys, and our keys.
const MEANT: [(&str, &str); 7] = [
    ("threshold", "at_least"),
    ("times", "at_least"),
    ("min", "at_least"),
    ("window", "within"),
    ("in", "within"),
    ("name", "level"),
    ("severity", "level"),
];

/// What was written, and whether it could be read.
pub(super) enum Forms {
    None,
    Mistaken,
    /// The form, and the actions of each level that has its own.
    Good(Box<Form>, Vec<Option<Vec<Action>>>),
}

/// The values of a situation that each form gives to templates.
const PLAIN: &[&str] = &["key"];
const RECORDS: &[&str] = &["count", "seconds", "elapsed", "since", "key", "messages"];
const LEVELS: &[&str] = &["count", "level", "seconds", "elapsed", "since", "key", "messages"];
const MISSING: &[&str] = &["count", "missing", "seconds", "elapsed", "since", "key", "messages"];

/// The values of a situation that a rule of this form may use.
pub(super) fn values_of(form: Option<&Form>) -> &'static [&'static str] {
    match form {
        None => PLAIN,
        Some(Form::Count(_) | Form::Collect(_)) => RECORDS,
        Some(Form::Levels(_)) => LEVELS,
        Some(Form::All(_) | Form::FollowedBy(_) | Form::UnlessFollowedBy(_)) => MISSING,
    }
}

/// Takes the form out of a rule.
pub(super) fn take(table: &mut Table<'_>, names: &KnownNames, named: &mut Named) -> Forms {
    let keys = ["count", "all", "followed_by", "unless_followed_by", "collect"];
    let found: Vec<_> = keys.into_iter().filter_map(|key| table.take_entry(key)).collect();
    let Some((first, _)) = found.first() else { return Forms::None };
    for (other, _) in &found[1..] {
        let text = format!("a rule has either `{}` or `{}`, not both", first.name, other.name);
        table.doc().error(id::ONE_OF, &other.span, &text);
    }
    let mut read: Vec<_> = found.into_iter().map(|(key, value)| form(key.name, value, names, named)).collect();
    match read.swap_remove(0) {
        Some((form, levels)) if read.is_empty() => Forms::Good(Box::new(form), levels),
        _ => Forms::Mistaken,
    }
}

/// A form, and the actions of each level that has its own.
type Read = (Form, Vec<Option<Vec<Action>>>);

fn form(key: &str, value: Value<'_>, names: &KnownNames, named: &mut Named) -> Option<Read> {
    let form = match key {
        "count" if value.is_table() => Form::Count(count(value)?),
        "count" => return levels(value, names, named),
        "all" => Form::All(set(value, names)?),
        "followed_by" => Form::FollowedBy(sequence(value)?),
        "unless_followed_by" => Form::UnlessFollowedBy(following(value, "`unless_followed_by`")?),
        _ => Form::Collect(collect(value)?),
    };
    Some((form, Vec::new()))
}

fn count(value: Value<'_>) -> Option<Count> {
    let mut table = value.table("`count`")?;
    let at_least = table.require("at_least");
    let within = table.require("within");
    let whole = table.is_empty();
    table.finish_with(&MEANT);
    whole.then_some(threshold(at_least, within, 2)?)
}

fn threshold(at_least: Option<Value<'_>>, within: Option<Value<'_>>, from: i64) -> Option<Count> {
    let at_least = at_least.and_then(|value| value.integer(from..=COUNT_MAX));
    let within = within.and_then(span);
    Some(Count { at_least: usize::try_from(at_least?).ok()?, within: within? })
}

fn levels(value: Value<'_>, names: &KnownNames, named: &mut Named) -> Option<Read> {
    value.list("a threshold, `{ at_least = 3, within = \"10m\" }`, or a list of levels")?;
    let items = value.filled_items();
    bounded(value, items.len())?;
    let names = names.with_values(LEVELS, []);
    let read: Vec<_> = items.iter().map(|item| level(*item, &names, named)).collect();
    let read: Vec<(Level, Option<Vec<Action>>)> = read.into_iter().collect::<Option<_>>()?;
    let mut whole = !read.is_empty();
    for (i, (level, _)) in read.iter().enumerate() {
        if read[..i].iter().any(|(other, _)| other.name == level.name) {
            items[i].error(id::ONE_OF, &format!("a second level is named `{}`", level.name));
            whole = false;
        }
    }
    let (levels, then) = read.into_iter().unzip();
    whole.then_some((Form::Levels(levels), then))
}

fn level(value: Value<'_>, names: &KnownNames, named: &mut Named) -> Option<(Level, Option<Vec<Action>>)> {
    let mut table = value.table("a level")?;
    let name = table.require("level").and_then(super::name);
    let (at_least, within) = (table.require("at_least"), table.require("within"));
    let then = super::correlation::all_or_none(table.take("then").map(|value| then::actions(value, names, named)));
    let whole = table.is_empty();
    table.finish_with(&MEANT);
    let count = threshold(at_least, within, 1);
    let level = Level { name: name?.as_str().into(), count: count?, then: None };
    whole.then_some((level, then?))
}

fn bounded(value: Value<'_>, length: usize) -> Option<()> {
    let good = length > 0 && length <= STEPS_MAX;
    if length > STEPS_MAX {
        value.error(id::OUT_OF_RANGE, &format!("this list has {length} items, and may have {STEPS_MAX}"));
    }
    good.then_some(())
}

fn set(value: Value<'_>, names: &KnownNames) -> Option<Set> {
    let mut table = value.table("`all`")?;
    let of = table.require("of").and_then(|value| name_of(value, names));
    let are = table.require("are").and_then(words);
    let within = table.require("within").and_then(span);
    let from = optional(&mut table, "from", "`from`");
    let or = optional(&mut table, "or", "`or`");
    let whole = table.is_empty();
    table.finish_with(&[("in", "are"), ("values", "are"), ("is", "are"), ("capture", "of"), ("since", "from")]);
    whole.then_some(Set { of: of?, are: are?, within: within?, from: from?, or: or? })
}

/// Different texts, at least one.
fn words(value: Value<'_>) -> Option<Vec<Arc<str>>> {
    let items = value.filled_items();
    if i64::try_from(items.len()).unwrap_or(i64::MAX) > COUNT_MAX {
        value.error(id::OUT_OF_RANGE, &format!("this list has {} items, and may have {COUNT_MAX}", items.len()));
        return None;
    }
    let mut words: Vec<Arc<str>> = Vec::new();
    let mut whole = !items.is_empty();
    for item in items {
        match item.filled_text("a value in quotes") {
            Some(word) if words.iter().any(|other| **other == *word.as_str()) => {
                item.error(id::ONE_OF, &format!("`{}` stands here twice", word.as_str()));
                whole = false;
            }
            Some(word) => words.push(word.as_str().into()),
            None => whole = false,
        }
    }
    whole.then_some(words)
}

fn optional(table: &mut Table<'_>, key: &'static str, what: &'static str) -> Option<Option<Condition>> {
    super::correlation::all_or_none(table.take(key).map(|value| when::condition(value, what)))
}

fn sequence(value: Value<'_>) -> Option<Vec<Following>> {
    let items = value.filled_items();
    bounded(value, items.len())?;
    let steps: Vec<Option<Following>> = items.into_iter().map(|item| following(item, "`followed_by`")).collect();
    steps.into_iter().collect()
}

fn following(value: Value<'_>, what: &'static str) -> Option<Following> {
    let within = |table: &mut Table<'_>| table.require("within").and_then(span);
    let (condition, within) = when::condition_with(value, what, within)?;
    Some(Following { condition, within })
}

fn collect(value: Value<'_>) -> Option<Collect> {
    let mut table = value.table("`collect`")?;
    let time = table.require("for").and_then(span);
    let quiet = super::correlation::all_or_none(table.take("quiet").map(span));
    let whole = table.is_empty();
    table.finish_with(&[("within", "for"), ("window", "for"), ("until_quiet", "quiet"), ("idle", "quiet")]);
    whole.then_some(Collect { span: time?, quiet: quiet? })
}
