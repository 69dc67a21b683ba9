//! Actions from TOML: run a job, or report.
//!
//! Layer: core

use super::template::{KnownNames, template};
use super::{Named, RunSpans, terms, when};
use crate::diagnostic::id;
use crate::document::{Table, Value};
use crate::rule::{Action, Approval, CloseSituation, Condition, Expect, Field, HandOver};
use crate::rule::{Report, RunJob, SetSituation, Template, Terms};
use std::sync::Arc;

/// The keys by one of which an action is what it is.
const KINDS: [&str; 5] = ["run", "report", "set", "close", "rule"];

/// What people write for our keys, and our keys.
const MEANT: [(&str, &str); 12] = [
    ("job", "run"),
    ("start", "run"),
    ("exec", "run"),
    ("args", "with"),
    ("params", "with"),
    ("notify", "report"),
    ("message", "report"),
    ("verify", "expect"),
    ("delay", "after"),
    ("wait", "after"),
    ("when", "if"),
    ("approve", "mode"),
];

/// The actions of a rule, or none if there is a mistake in one.
pub fn actions(value: Value<'_>, names: &KnownNames, named: &mut Named) -> Option<Vec<Action>> {
    let mut read = Vec::new();
    let mut run_before = false;
    for item in value.filled_items() {
        let action = action(item, names, named, run_before);
        // A mistake in a run is no reason to say that there is none.
        run_before |= matches!(action, None | Some(Action::Run(_)));
        read.push(action);
    }
    let actions: Vec<Action> = read.into_iter().collect::<Option<_>>()?;
    (!actions.is_empty()).then_some(actions)
}

impl Action {
    /// What a rule without `then` does: it says what it saw. The notice names the rule.
    #[must_use]
    pub fn default_report() -> Action {
        Action::Report(Report { text: Template::parse("${text}").unwrap_or_default(), terms: Terms::default() })
    }
}

/// One action; `run_before` says whether a run stands before it in its list.
fn action(value: Value<'_>, names: &KnownNames, named: &mut Named, run_before: bool) -> Option<Action> {
    let mut table = value.table("an action")?;
    let nothing = table.is_empty();
    let written: Vec<_> = KINDS.into_iter().filter_map(|kind| Some((kind, table.take(kind)?))).collect();
    let (kind, what) = match written[..] {
        [one] => one,
        [] => {
            let mistake = value.mistake(id::ONE_OF, "this action has none of `run`, `report`, `set`, `close`, `rule`");
            // An unknown key says it better.
            if nothing {
                table.doc().note(&value.span(), mistake);
            }
            table.finish_with(&MEANT);
            return None;
        }
        [(one, _), (other, value), ..] => {
            let text = format!("an action is either `{one}` or `{other}`, not both");
            let help = format!("write a list: `then = [{{ {one} = … }}, {{ {other} = … }}]`");
            table.doc().note(&value.span(), value.mistake(id::ONE_OF, &text).help(&help));
            return None;
        }
    };
    match kind {
        "run" => run_job(what, table, names, (&mut named.runs, run_before)).map(Action::Run),
        _ => {
            let terms = terms::terms(&mut table, run_before);
            let lasts = if kind == "set" { terms::span_of(&mut table, "for") } else { Some(None) };
            let approval = if kind == "rule" { terms::approval(&mut table) } else { Some(Approval::default()) };
            let whole = table.is_empty();
            table.finish_with(&MEANT);
            let action = match kind {
                "report" => {
                    let text = what.filled_text("a line to say, in quotes")?;
                    Action::Report(Report { text: template(&text, names)?, terms: terms? })
                }
                "rule" => Action::HandOver(HandOver {
                    rule: rule(what, named)?,
                    terms: Terms { approval: approval?, ..terms? },
                }),
                "set" => Action::Set(SetSituation { name: situation(what, named)?, lasts: lasts?, terms: terms? }),
                _ => Action::Close(CloseSituation { name: situation(what, named)?, terms: terms? }),
            };
            whole.then_some(action)
        }
    }
}

fn situation(value: Value<'_>, named: &mut Named) -> Option<Arc<str>> {
    let name = super::name(value)?;
    named.situations.push(name.as_str().into());
    Some(name.as_str().into())
}

fn rule(value: Value<'_>, named: &mut Named) -> Option<Arc<str>> {
    let name = super::name(value)?;
    named.rules.push((name.as_str().into(), name.span()));
    Some(name.as_str().into())
}

fn run_job(
    run: Value<'_>,
    mut table: Table<'_>,
    names: &KnownNames,
    (runs, run_before): (&mut Vec<RunSpans>, bool),
) -> Option<RunJob> {
    let doc = table.doc();
    let job = run.filled_text("the name of a job, in quotes");
    let mut spans = Vec::new();
    let with = match table.take("with") {
        None => Some(Vec::new()),
        Some(value) => arguments(value, names, &mut spans),
    };
    let expect = match table.take("expect") {
        None => Some(None),
        Some(value) => expect(value).map(Some),
    };
    let terms = terms::terms(&mut table, run_before);
    let approval = terms::approval(&mut table);
    let whole = table.is_empty();
    table.finish_with(&MEANT);
    let job = job?;
    let name: Arc<str> = job.as_str().into();
    // Arguments that could not be read are given all the same.
    runs.push(RunSpans { job: name.clone(), at: job.span(), with: spans });
    let place = doc.file().place(job.span().start);
    let (with, expect, terms) = (with?, expect?, Terms { approval: approval?, ..terms? });
    whole.then_some(RunJob { job: name, place, with, expect, terms })
}

fn arguments(
    value: Value<'_>,
    names: &KnownNames,
    spans: &mut Vec<(Arc<str>, crate::span::Span)>,
) -> Option<Vec<(Arc<str>, Template)>> {
    let entries = value.table("`with`")?.take_rest();
    let mut given = Vec::new();
    let mut whole = true;
    for (key, value) in entries {
        let name: Arc<str> = key.name.into();
        spans.push((name.clone(), key.span));
        match value.text("a text in quotes, in which `${name}` stands for a value").and_then(|t| template(&t, names)) {
            Some(template) => given.push((name, template)),
            None => whole = false,
        }
    }
    whole.then_some(given)
}

fn expect(value: Value<'_>) -> Option<Expect> {
    let mut table = value.table("`expect`")?;
    let all = table.require("all").map(Value::filled_items).map(|items| {
        let all: Vec<Option<Condition>> = items.into_iter().map(expected).collect();
        all.into_iter().collect::<Option<Vec<_>>>().filter(|all| !all.is_empty())
    });
    let within = table.require("within").and_then(Value::span_of_time);
    let by = match table.take("by") {
        None => Some(vec![Field::Source, Field::System, Field::JobName]),
        Some(value) => {
            let words = Field::ALL.map(Field::name);
            let fields: Vec<_> = value.items().into_iter().map(|item| item.word(&words, Field::named)).collect();
            fields.into_iter().collect()
        }
    };
    let whole = table.is_empty();
    table.finish_with(&[("id", "all"), ("timeout", "within"), ("any", "all")]);
    whole.then_some(Expect { all: all??, within: within?, by: by? })
}

/// A message id, or a condition.
fn expected(value: Value<'_>) -> Option<Condition> {
    if value.is_table() {
        return when::condition(value, "an expected message");
    }
    value.filled_text("a message id in quotes, or a condition in braces")?;
    when::ids(value).map(|test| Condition { tests: vec![test], unless: Vec::new() })
}
