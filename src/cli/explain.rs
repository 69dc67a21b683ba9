//! `wtor explain`: how one line was read, and why each near rule did or did not match it; or the
//! entry of one of our own messages.
//!
//! Layer: shell

use super::args::ExplainArgs;
use super::output::{complain, print, print_json};
use super::{Done, Exit, Failure, logs, policy};
use crate::policy::Policy;
use crate::record::{Flush, Options, Position, Record, Stream, to_json};
use crate::rule::{Rule, Seen, Test, explain_mismatch};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Read;

/// docs/messages.md, so that the entry is at hand where the program is.
const MESSAGES: &str = include_str!("../../docs/messages.md");

pub(super) fn explain(args: &ExplainArgs) -> Done {
    if args.what.len() == 7 && args.what.to_ascii_uppercase().starts_with("WTR") {
        return message(&args.what.to_ascii_uppercase());
    }
    let split = args.what.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse::<u64>().ok()?)));
    let Some((file, line)) = split.filter(|(_, line)| *line > 0) else {
        complain(&format!("wtor: explain {}: give FILE:LINE, or the id of one of our messages\n", args.what));
        return Ok(Exit::Usage);
    };
    let Some(policy) = policy::load_or_report(&args.policy)? else { return Ok(Exit::Findings) };
    let found = find(file, line, &logs::options(&args.format)?, &policy, args.all)?;
    if args.json { print_json(&found.json) } else { print(&found.text) }
}

/// Prints the entry of one of our messages.
fn message(id: &str) -> Done {
    let entry = MESSAGES.split("\n## ").skip(1).find(|entry| entry.starts_with(id));
    match entry {
        Some(entry) => print(&format!("{}\n", entry.trim_end())),
        None => Err(Failure(format!("explain {id}: there is no such message"))),
    }
}

/// An explained line, for people and for programs.
struct Explained {
    text: String,
    json: Value,
}

/// Reads the file from its beginning, as a replay does, and explains the record that has this line.
fn find(file: &str, line: u64, options: &Options, policy: &Policy, all: bool) -> Result<Explained, Failure> {
    let mut input = logs::open(file)?;
    let mut stream = Stream::new(&logs::options_for(file, options), Position { offset: 0, line: 1 });
    let mut best: Option<(u64, Explained)> = None;
    let mut buffer = vec![0; 256 * 1024];
    // The record that has the line is the last one that begins at or before it; a record that began
    // earlier may be completed later, so everything is read to well behind the line.
    let mut consider = |record: &Record<'_>| {
        let starts = record.position.line;
        let nearer = best.as_ref().is_none_or(|(from, _)| *from <= starts);
        let has_it = starts == line || starts < line && covers(record, line);
        if starts <= line && nearer && (has_it || best.is_none()) {
            best = Some((starts, explain_record(record, file, policy, all)));
        }
    };
    loop {
        let length = input.read(&mut buffer).map_err(|e| Failure::about(file, e))?;
        if length == 0 {
            break;
        }
        stream.feed(&buffer[..length], &mut consider);
    }
    stream.flush(Flush::Everything, &mut consider);
    let lines = stream.position().line - 1;
    let detection = stream.detection().cloned();
    let Some((_, mut explained)) = best.filter(|_| line <= lines) else {
        return Err(Failure(format!("{file} has {lines} lines, so there is no line {line}")));
    };
    let reason = match &detection {
        Some(d) => format!("{} (chosen by line {}: {})", d.format.name(), d.position.line, d.reason),
        None if options.format.is_some() => "as told by --format".into(),
        None => "plain (no line was claimed by another format)".into(),
    };
    explained.text = format!("format  {reason}\n{}", explained.text);
    if let Value::Object(object) = &mut explained.json {
        object.insert("detection".into(), json!(reason));
    }
    Ok(explained)
}

/// Whether a record that began earlier may have this line: it has further lines enough.
fn covers(record: &Record<'_>, line: u64) -> bool {
    record.connect_id.is_some() || record.position.line + u64::from(record.physical_lines) > line
}

fn explain_record(record: &Record<'_>, file: &str, policy: &Policy, all: bool) -> Explained {
    let server = crate::input::server_of(file);
    let seen = Seen { record, source: file, server: server.as_deref() };
    let mut text = fields(record, file);
    let mut rules = Vec::new();
    for rule in policy.rules.iter().filter(|rule| all || is_near(rule, seen)) {
        let verdict = verdict(rule, seen);
        let _ = writeln!(text, "rule {}: {verdict}", rule.name);
        rules.push(json!({ "rule": rule.name, "matches": rule.when.check(seen).is_ok(), "reason": verdict }));
    }
    if rules.is_empty() {
        text.push_str("no rule asks for this message id\n");
    }
    Explained { text, json: json!({ "record": to_json(record, file), "rules": rules }) }
}

fn fields(record: &Record<'_>, file: &str) -> String {
    let mut text = String::new();
    let Value::Object(object) = to_json(record, file) else { return text };
    for (name, value) in object {
        let shown = match value {
            Value::Null | Value::Bool(false) => continue,
            Value::String(s) => crate::span::visible(&s),
            Value::Array(list) if list.iter().all(Value::is_string) => {
                let lines: Vec<_> = list.iter().filter_map(Value::as_str).map(crate::span::visible).collect();
                if name == "lines" { format!("\n    {}", lines.join("\n    ")) } else { lines.join(", ") }
            }
            other => other.to_string(),
        };
        let _ = writeln!(text, "{name}  {shown}");
    }
    text
}

/// Why the rule matched or did not, in words.
fn verdict(rule: &Rule, seen: Seen<'_, '_>) -> String {
    let disabled = if rule.enabled { "" } else { " (the rule is disabled)" };
    match rule.when.check(seen) {
        Ok(()) => {
            let captures = rule.when.captures(seen);
            let names: Vec<_> = rule.when.capture_names().collect();
            let values = captures.iter().filter(|(name, _)| names.contains(name));
            let values: Vec<_> = values.map(|(n, v)| format!("{n}={}", crate::span::visible(v))).collect();
            let with = if values.is_empty() { String::new() } else { format!(", with {}", values.join(" ")) };
            format!("matches{with}{disabled}")
        }
        Err(mismatch) => format!("does not match: {}{disabled}", explain_mismatch(&rule.when, mismatch, seen)),
    }
}

/// A rule is near if it asks for this id (or its inner id), or for no id at all.
fn is_near(rule: &Rule, seen: Seen<'_, '_>) -> bool {
    let ids = rule.when.tests.iter().find(|test| matches!(test, Test::Id(_)));
    let Some(Test::Id(ids)) = ids else { return true };
    let near = |id: Option<&[u8]>| id.is_some_and(|id| ids.iter().any(|pattern| pattern.matches(id)));
    near(seen.record.message_id) || near(seen.record.inner_id)
}
