//! Rules from TOML. One file gives any number of rules; every mistake in it is noted, and a rule
//! with a mistake gives none. What a rule says about jobs is checked later, when all are known.
//!
//! Layer: core

mod control;
mod correlation;
mod form;
mod pattern;
mod sample;
mod schedule;
mod template;
mod terms;
mod then;
mod when;

pub use control::at_most;
pub use pattern::text_pattern;
pub use template::{KnownNames, template, template_in};

use super::{Action, Condition, Correlation, Form, Mode, Place, Rule, Schedule};
use crate::diagnostic::id;
use crate::document::{Document, Key, Table, Text, Value};
use crate::span::Span;
use correlation::Asked;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// A rule of a file, as far as it could be read.
#[derive(Debug)]
pub struct Decoded {
    /// Its name and where that stands, if it has one.
    pub name: Option<(Arc<str>, Span)>,
    /// The rule, if there was no mistake in it.
    pub rule: Option<Rule>,
    /// What its actions name elsewhere.
    pub named: Named,
    /// The situations that it asks for, and where their names stand.
    pub tested: Vec<(Arc<str>, Span)>,
    /// True if no sample was written.
    pub unproven: bool,
    /// True if it has neither a `when` nor a `schedule`: other rules hand over to it.
    pub handed: bool,
}

/// What actions name elsewhere, for the checks against what there is.
#[derive(Debug, Default)]
pub struct Named {
    /// The jobs that are run.
    pub runs: Vec<RunSpans>,
    /// The rules that are handed over to, and where their names stand.
    pub rules: Vec<(Arc<str>, Span)>,
    /// The situations that are set or closed.
    pub situations: Vec<Arc<str>>,
}

/// Where a rule names a job and its parameters.
#[derive(Debug)]
pub struct RunSpans {
    /// The job.
    pub job: Arc<str>,
    /// Where its name stands.
    pub at: Span,
    /// The parameters given, and where each key stands.
    pub with: Vec<(Arc<str>, Span)>,
}

/// What people write for our keys, and our keys.
const MEANT: [(&str, &str); 27] = [
    ("match", "when"),
    ("if", "when"),
    ("condition", "when"),
    ("do", "then"),
    ("action", "then"),
    ("actions", "then"),
    ("test", "sample"),
    ("tests", "sample"),
    ("samples", "sample"),
    ("throttle", "once_per"),
    ("cooldown", "once_per"),
    ("cool_down", "once_per"),
    ("threshold", "count"),
    ("group_by", "by"),
    ("key", "by"),
    ("per", "by"),
    ("then_not", "unless_followed_by"),
    ("missing", "unless_followed_by"),
    ("levels", "count"),
    ("sequence", "followed_by"),
    ("then_in_order", "followed_by"),
    ("accumulate", "collect"),
    ("else", "otherwise"),
    ("cancel_by", "reset_by"),
    ("cron", "schedule"),
    ("every", "schedule"),
    ("calendar", "during"),
];

/// What a file says for all its rules.
struct Defaults {
    group: Option<Arc<str>>,
    enabled: bool,
    mode: Written,
}

/// What `mode` can say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Written {
    #[default]
    Act,
    Shadow,
    Ask,
}

/// Reads the rules of a file.
pub fn decode<'d>(doc: &'d Document<'d>) -> Vec<Decoded> {
    let mut root = doc.root("a rule file");
    let defaults = Defaults {
        group: root.take("group").and_then(group),
        enabled: root.take("enabled").and_then(Value::boolean).unwrap_or(true),
        mode: root.take("mode").and_then(mode).unwrap_or_default(),
    };
    let rules = root.take("rule").and_then(|value| value.list("a list: write `[[rule]]` before each rule"));
    root.finish_with(&[("rules", "[[rule]]")]);
    let tables = rules.unwrap_or_default().into_iter().filter_map(|rule| rule.table("a rule"));
    tables.map(|table| decode_rule(table, &defaults)).collect()
}

fn decode_rule(mut table: Table<'_>, defaults: &Defaults) -> Decoded {
    let doc = table.doc();
    let header = table.span().clone();
    // What a person reads of a rule, and what proves it, is nothing to what it knows.
    let text = table.meaning(&["description", "group", "sample"]);
    let name = table.require("name").and_then(name);
    let description = table.take("description").and_then(Value::string);
    let group = table.take("group").map_or(defaults.group.clone(), group);
    let enabled = table.take("enabled").map_or(Some(defaults.enabled), Value::boolean);
    let mode_key = table.take_entry("mode");
    let mode = mode_key.as_ref().map_or(Some(defaults.mode), |(_, value)| mode(*value));
    let ask = terms::ask(&mut table, mode.is_none_or(|mode| mode == Written::Ask));
    let is_final = table.take("final").map_or(Some(false), Value::boolean);
    let Beginning { when, schedule, names } = beginning(&mut table);
    let never = schedule.is_none() && when.as_ref().is_some_and(Condition::is_never);
    let during = correlation::all_or_none(table.take("during").map(schedule::during));
    let mut named = Named::default();
    let asked = correlation::correlation(&mut table, &names, &mut named);
    if let (Some((key, _)), Some(Asked { correlation: Some(_), .. })) = (&schedule, &asked) {
        doc.error(id::ONE_OF, &key.span, "a rule on a schedule has no records that it could count, await or key by");
    }
    let lists = lists(&mut table, &names, asked, &mut named);
    if let (Some((_, value)), Some(Written::Ask), Some(lists)) = (&mode_key, mode, &lists)
        && !lists.then.iter().any(Action::may_ask)
    {
        let mistake = value.mistake(id::IDLE_KEY, "nothing that this rule does waits for approval");
        let help = "only `run` and `rule` do: a job, or handing over; leave `mode` out, or give the rule one of them";
        doc.note(&value.span(), mistake.help(help));
    }
    let mut tested = Vec::new();
    let if_set = control::situations(&mut table, "if_set", &mut tested);
    let if_not_set = control::situations(&mut table, "if_not_set", &mut tested);
    let at_most = table.take("at_most").map_or(Some(None), |value| control::at_most(value).map(Some));
    let samples = table.take("sample");
    // What no record begins, no line proves.
    let unproven = samples.is_none() && schedule.is_none() && !never;
    let samples = samples.map_or(Some(Vec::new()), |value| sample::samples(value, &names));
    // A misspelt `when` is told as such.
    let handed = never && table.is_empty();
    table.finish_with(&MEANT);
    let place: Place = name.map_or_else(|| doc.file().place(header.start), |name| name.place());
    let name: Option<(Arc<str>, Span)> = name.map(|name| (name.as_str().into(), name.span()));
    let rule = || {
        let lists = lists?;
        Some(Rule {
            name: name.as_ref()?.0.clone(),
            place,
            group,
            description,
            enabled: enabled?,
            mode: if mode? == Written::Shadow { Mode::Shadow } else { Mode::Act },
            asks: Some(ask?).filter(|_| mode == Some(Written::Ask)),
            if_set: if_set?,
            if_not_set: if_not_set?,
            at_most: at_most?,
            is_final: is_final?,
            when: when?,
            schedule: correlation::all_or_none(schedule.map(|(_, schedule)| schedule))?,
            during: during?,
            text,
            correlation: lists.correlation,
            then: lists.then,
            then_ends: lists.then_ends,
            otherwise: lists.otherwise,
            samples: samples?,
        })
    };
    Decoded { rule: rule(), name, named, tested, unproven, handed }
}

/// What begins a decision of a rule.
struct Beginning<'d> {
    when: Option<Condition>,
    /// With its key, if it is written.
    schedule: Option<(Key<'d>, Option<Schedule>)>,
    /// What its templates may use.
    names: KnownNames,
}

fn beginning<'d>(table: &mut Table<'d>) -> Beginning<'d> {
    let schedule = table.take_entry("schedule").map(|(key, value)| (key, schedule::schedule(value)));
    let when = table.take("when");
    if let (Some((key, _)), Some(_)) = (&schedule, &when) {
        table.doc().error(id::ONE_OF, &key.span, "a rule begins with a record, `when`, or by time alone, `schedule`");
    }
    let (when, names) = match when.map(|when| when::condition(when, "`when`")) {
        Some(when) => {
            let names = when.as_ref().map(|when| KnownNames::of_rule(when.capture_names()));
            (when, names.unwrap_or_else(KnownNames::unsure))
        }
        None if schedule.is_some() => (Some(Condition::never()), KnownNames::of_schedule()),
        // What other rules hand over to it has their captures.
        None => (Some(Condition::never()), KnownNames::unsure()),
    };
    Beginning { when, schedule, names }
}

/// All that a rule does, and when.
struct Lists {
    correlation: Option<Correlation>,
    then: Vec<Action>,
    then_ends: usize,
    otherwise: Option<Range<usize>>,
}

/// The lists of actions of a rule, one behind the other.
fn lists(table: &mut Table<'_>, names: &KnownNames, asked: Option<Asked>, named: &mut Named) -> Option<Lists> {
    let form = asked.as_ref().map(|asked| asked.correlation.as_ref().and_then(|asks| asks.form.as_ref()));
    let names = match asked.as_ref().map(|asked| asked.correlation.as_ref()) {
        Some(None) => names.clone(),
        Some(Some(asks)) => names.with_values(form::values_of(asks.form.as_ref()), correlation::further_names(asks)),
        // What could not be read may give values, too.
        None => KnownNames::unsure(),
    };
    let then = match table.take("then") {
        Some(value) => then::actions(value, &names, named),
        None => Some(vec![Action::default_report()]),
    };
    let otherwise = table.take_entry("otherwise").map(|(key, value)| {
        if let Some(form) = form
            && !matches!(form, Some(Form::All(_) | Form::FollowedBy(_)))
        {
            let mistake = "`otherwise` is for what does not come in time, and this rule waits for nothing";
            let mistake = table.doc().mistake(id::IDLE_KEY, &key.span, mistake);
            let help = match form {
                Some(Form::UnlessFollowedBy(_)) => "`then` is what to do if nothing follows",
                _ => "it goes with `all` and `followed_by`",
            };
            table.doc().note(&key.span, mistake.help(help));
        }
        then::actions(value, &names, named)
    });
    if let Some(Asked { idle_by: Some(at), .. }) = &asked
        && !then.iter().flatten().any(|action| matches!(action, Action::Set(_)))
    {
        let mistake = table.doc().mistake(id::IDLE_KEY, at, "`by` says per what, and nothing is counted");
        let help = "add `once_per`, `count` or another key that asks for more than one record, or leave `by` out";
        table.doc().note(at, mistake.help(help));
    }
    let (then, otherwise, asked) = (then?, correlation::all_or_none(otherwise)?, asked?);
    let mut lists = Lists { correlation: asked.correlation, then_ends: then.len(), then, otherwise: None };
    lists.otherwise = otherwise.map(|actions| lists.append(actions));
    let levels: Vec<_> = asked.levels.into_iter().map(|then| then.map(|then| lists.append(then))).collect();
    if let Some(asks) = &mut lists.correlation {
        asks.values = values(&lists.then);
        if let Some(Form::Levels(all)) = &mut asks.form {
            all.iter_mut().zip(levels).for_each(|(level, then)| level.then = then);
        }
    }
    Some(lists)
}

impl Lists {
    fn append(&mut self, actions: Vec<Action>) -> Range<usize> {
        let start = self.then.len();
        self.then.extend(actions);
        start..self.then.len()
    }
}

/// The values of a situation that actions use, each once.
fn values(actions: &[Action]) -> Vec<Arc<str>> {
    let names: BTreeSet<&str> = actions.iter().flat_map(Action::names).collect();
    let of_situation = |name: &&str| name.starts_with("situation.") || name.starts_with("each.");
    names.into_iter().filter(of_situation).map(Arc::from).collect()
}

/// A name of lower-case letters, digits and `-`: it stands in commands, files and messages.
fn name(value: Value<'_>) -> Option<Text<'_>> {
    let text = value.filled_text("a name in quotes")?;
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match text.as_str().char_indices().find(|(_, c)| !good(*c)) {
        None => Some(text),
        Some((at, c)) => {
            let span = text.part(at, c.len_utf8());
            let what = format!("the name `{}` cannot have `{c}`", text.as_str());
            let better = text.as_str().to_lowercase().replace(|c| !good(c), "-");
            let help = format!("a name is made of lower-case letters, digits and `-`: `{better}`");
            text.note(text.doc().mistake(id::BAD_NAME, &span, &what).help(&help));
            None
        }
    }
}

fn group(value: Value<'_>) -> Option<Arc<str>> {
    name(value).map(|text| text.as_str().into())
}

fn mode(value: Value<'_>) -> Option<Written> {
    value.word(&["act", "shadow", "ask"], |word| match word {
        "act" => Some(Written::Act),
        "shadow" => Some(Written::Shadow),
        "ask" => Some(Written::Ask),
        _ => None,
    })
}
