//! Steps from TOML.
//!
//! Layer: core

use super::program::program;
use super::{Context, finish};
use crate::diagnostic::id;
use crate::document::{Table, Text, Value};
use crate::job::{Program, Step, StepCondition};
use crate::limits::OUTPUT_BYTES_MAX;
use crate::span::Span;
use std::time::Duration;

/// A step that says nothing else is ended after this long: long enough for a server to stop.
const DEADLINE: Duration = Duration::from_secs(600);
/// One that sends: long enough for a slow server, short enough for whoever waits to be told.
const DEADLINE_SEND: Duration = Duration::from_secs(60);
/// Kept of each output unless a step says otherwise.
const OUTPUT_MAX: usize = 64 << 10;

/// What people write for our keys, and our keys.
const MEANT: [(&str, &str); 18] = [
    ("timeout", "deadline"),
    ("sh", SH),
    ("shell", SH),
    ("script", SH),
    ("cmd", SH),
    ("command", SH),
    ("run", SH),
    ("exec", SH),
    ("pgm", "parm = \"PGM …\""),
    ("program", "argv"),
    ("when", "if"),
    ("cond", "if"),
    ("environment", "env"),
    ("dir", "cwd"),
    ("http", "webhook"),
    ("post", "webhook"),
    ("email", "mail"),
    ("smtp", "mail"),
];

/// A line for the shell, as people look for a key of its own for it.
const SH: &str = "parm = \"SH …\"";

/// The steps of a job, or none if there is a mistake in one.
pub fn steps(value: Value<'_>, context: &Context) -> Option<Vec<Step>> {
    let items = value.list("a list: write `[[step]]` before each step")?;
    if items.is_empty() {
        value.error(id::EMPTY, "`step` is an empty list; a job has at least one step");
        return None;
    }
    let mut steps = Vec::new();
    let mut names: Vec<(String, Span)> = Vec::new();
    let mut whole = true;
    for (index, item) in items.into_iter().enumerate() {
        match item.table("a step").and_then(|table| step(table, index, context, &mut names)) {
            Some(step) => steps.push(step),
            None => whole = false,
        }
    }
    whole.then_some(steps)
}

fn step(mut table: Table<'_>, index: usize, context: &Context, names: &mut Vec<(String, Span)>) -> Option<Step> {
    let doc = table.doc();
    let header = table.span().clone();
    let earlier: Vec<String> = names.iter().map(|(name, _)| name.clone()).collect();
    let (name, at) = match table.take("name").map(name) {
        Some(Some(text)) => (Some(text.as_str().to_owned()), text.span()),
        Some(None) => (None, header.clone()),
        None => (Some(format!("STEP{}", index + 1)), header.clone()),
    };
    if let Some(name) = &name {
        note_if_twice(doc, names, name, &at);
        names.push((name.clone(), at.clone()));
    }
    let program = program(&mut table, context);
    let max_cc = match table.take("max_cc") {
        None => Some(0),
        Some(value) => max_cc(value, program.as_ref()),
    };
    let plain_deadline = if let Some(Program::Send(_)) = program { DEADLINE_SEND } else { DEADLINE };
    let step = || {
        let env = table.take("env").map_or(Some(Vec::new()), |value| context.environment(value));
        let cwd = table.take("cwd").map_or(Some(None), |value| context.directory(value).map(Some));
        let deadline = table.take("deadline").map_or(Some(plain_deadline), Value::span_of_time);
        let condition = table.take("if").map_or(Some(None), |value| condition(value, &earlier).map(Some));
        let output_max = table.take("output_max").map_or(Some(OUTPUT_MAX), output_max);
        let whole = finish(table, &MEANT);
        let place = doc.file().place(at.start);
        let (env, cwd, deadline, condition) = (env?, cwd?, deadline?, condition?);
        let (name, program, max_cc, output_max) = (name?, program?, max_cc?, output_max?);
        whole.then_some(Step { name, place, program, env, cwd, deadline, max_cc, condition, output_max })
    };
    step()
}

fn note_if_twice(doc: &crate::document::Document<'_>, names: &[(String, Span)], name: &str, at: &Span) {
    if let Some((_, first)) = names.iter().find(|(other, _)| other == name) {
        let mistake = doc.mistake(id::STEP_TWICE, at, &format!("a second step is named `{name}`"));
        doc.note(at, mistake.also(doc.file().spot(first).labelled("first named here")));
    }
}

/// A name as JCL has them, so that conditions can speak of it and JCL can be made of it.
fn name(value: Value<'_>) -> Option<Text<'_>> {
    let text = value.filled_text("a name in quotes")?;
    let word = text.as_str();
    let good = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'$' | b'#' | b'@');
    if word.len() <= 8 && word.bytes().all(good) && !word.as_bytes()[0].is_ascii_digit() {
        return Some(text);
    }
    let mistake = text.mistake(id::BAD_NAME, &format!("`{word}` cannot be the name of a step"));
    text.note(mistake.help("as in JCL: up to 8 capital letters, digits, `$`, `#` and `@`, and no digit first"));
    None
}

fn max_cc(value: Value<'_>, program: Option<&Program>) -> Option<u16> {
    let code = value.integer(0..=4095).and_then(|code| u16::try_from(code).ok())?;
    let bpxbatch = matches!(program, Some(Program::Sh(_) | Program::Pgm(_)));
    if bpxbatch && (1..256).contains(&code) {
        let text = format!("under BPXBATCH no exit status gives a condition code from 1 to {code}");
        let help = "an exit status counts times 256: for exit 1 write `max_cc = 256`, for exit 4 `max_cc = 1024`";
        value.doc().note(&value.span(), value.mistake(id::MAX_CC, &text).help(help));
    }
    Some(code)
}

fn output_max(value: Value<'_>) -> Option<usize> {
    let size = value.size()?;
    if size > OUTPUT_BYTES_MAX {
        value.error(id::OUT_OF_RANGE, &format!("`output_max` can be at most {} MiB", OUTPUT_BYTES_MAX >> 20));
        return None;
    }
    Some(size)
}

fn condition(value: Value<'_>, earlier: &[String]) -> Option<StepCondition> {
    let text = value.filled_text("a condition in quotes, such as \"STEP1.RC <= 4\"")?;
    match StepCondition::parse(text.as_str(), earlier) {
        Ok((condition, mixed)) => {
            if let Some(at) = mixed {
                let span = text.part(at.start, at.len());
                let what = "AND and OR have one rank, as in JCL, and are taken from left to right";
                let mistake = text.doc().mistake(id::MIXED_AND_OR, &span, what);
                text.doc().note(&span, mistake.help("say with parentheses which belong together"));
            }
            Some(condition)
        }
        Err(error) => {
            let span = text.part(error.at.start, error.at.len());
            let mistake = match &error.unknown_step {
                Some(step) => {
                    let mistake = text.doc().mistake(id::UNKNOWN_STEP, &span, &error.text);
                    mistake.did_you_mean(step, earlier.iter().map(String::as_str))
                }
                None => text.doc().mistake(
                    id::STEP_CONDITION,
                    &span,
                    &format!("this condition does not parse: {}", error.text),
                ),
            };
            text.doc().note(&span, mistake);
            None
        }
    }
}
