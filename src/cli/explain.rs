//! `wtor explain`: how one line was read, and why each near rule did or did not match it; or the
//! entry of one of our own messages.
//!
//! Layer: shell

use super::args::{ControlArgs, ExplainArgs};
use super::output::{complain, print, print_json};
use super::{Done, Exit, Failure, logs, policy};
use crate::journal::{Decision, Entry, Verdict};
use crate::policy::Policy;
use crate::record::{Flush, Options, Position, Record, Stream, to_json};
use crate::replay::{Named, Replay};
use crate::rule::{Brakes, Mode, Rule, Seen, Test, explain_mismatch};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Read;
use std::sync::Arc;

/// docs/messages.md, so that the entry is at hand where the program is.
const MESSAGES: &str = include_str!("../../docs/messages.md");

pub(super) fn explain(args: &ExplainArgs) -> Done {
    if args.what.len() == 7 && args.what.to_ascii_uppercase().starts_with("WTR") {
        return message(&args.what.to_ascii_uppercase());
    }
    if let Some(number) = args.what.strip_prefix("decision:").and_then(|number| number.parse().ok()) {
        let (config, state) = (args.policy.config.clone(), args.state.clone());
        return super::lineage::explain(number, &ControlArgs { config, state, json: args.json });
    }
    let split = args.what.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse::<u64>().ok()?)));
    let Some((file, line)) = split.filter(|(_, line)| *line > 0) else {
        complain(&format!(
            "wtor: explain {}: give FILE:LINE, decision:N, or the id of one of our messages\n",
            args.what
        ));
        return Ok(Exit::Usage);
    };
    let (found, mut loaded) = policy::load(&args.policy)?;
    let Some(policy) = policy::or_report(&mut loaded) else { return Ok(Exit::Findings) };
    let (named, options) = logs::as_source(&found, file, &args.format)?;
    let brakes = found.config.brakes;
    let told = if args.format.format == "auto" { "as told by wtor.toml" } else { "as told by --format" };
    let found = find(named, line, &options, (&Arc::new(policy), brakes), (args.all, told))?;
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
fn find(
    named: Named<'_>,
    line: u64,
    options: &Options,
    (policy, brakes): (&Arc<Policy>, Brakes),
    (all, told): (bool, &str),
) -> Result<Explained, Failure> {
    let file = named.path;
    let mut log = Vec::new();
    logs::open(file)?.read_to_end(&mut log).map_err(|e| Failure::about(file, e))?;
    let whole = read(&log, options, u64::MAX, &mut |_| {});
    let lines = whole.position().line - 1;
    if line > lines {
        return Err(Failure(format!("{file} has {lines} lines, so there is no line {line}")));
    }
    let starts = owner(&log, &Options { encoding: whole.encoding(), ..options.clone() }, line);
    let mut found = None;
    read(&log, options, u64::MAX, &mut |record| {
        if record.position.line == starts && found.is_none() {
            let came = came_of(&log, named, options, (policy, brakes), record.position.offset);
            found = Some(explain_record(record, named, policy, &came, all));
        }
    });
    let Some(mut explained) = found else {
        return Err(Failure(format!("{file}: no record has line {line}")));
    };
    let reason = match whole.detection() {
        Some(d) => format!("{} (chosen by line {}: {})", d.format.name(), d.position.line, d.reason),
        None if options.format.is_some() => told.into(),
        None => "plain (no line was claimed by another format)".into(),
    };
    explained.text = format!("{:<FIELD_WIDTH$}  {reason}\n{}", "format", explained.text);
    if let Value::Object(object) = &mut explained.json {
        object.insert("detection".into(), json!(reason));
    }
    Ok(explained)
}

/// First line of the record that this line belongs to: of the one that the log up to and with this line
/// has, and the log before it has not, or has with fewer lines.
fn owner(log: &[u8], options: &Options, line: u64) -> u64 {
    let records = |lines: u64| {
        let mut records = BTreeSet::new();
        read(log, options, lines, &mut |record| {
            records.insert((record.position.line, record.physical_lines));
        });
        records
    };
    let (before, with) = (records(line - 1), records(line));
    with.difference(&before).next().map_or(line, |(starts, _)| *starts)
}

/// Reads so many lines of a log, as if it ended there.
fn read(log: &[u8], options: &Options, lines: u64, sink: &mut dyn FnMut(&Record<'_>)) -> Stream {
    let mut stream = Stream::new(options, Position { offset: 0, line: 1 });
    // Every byte that could end a line in some character set, so that no chunk goes beyond the lines.
    let ends = |bytes: &[u8]| match options.record_length {
        Some(length) => (bytes.len() / length.max(1)) as u64 + 1,
        None => bytes.iter().filter(|b| matches!(b, b'\n' | 0x15 | 0x25)).count() as u64,
    };
    let mut ends_so_far = 0;
    for chunk in log.chunks(64 * 1024) {
        ends_so_far += ends(chunk);
        if ends_so_far <= lines {
            stream.feed(chunk, sink);
            continue;
        }
        for byte in chunk.chunks(1) {
            if stream.position().line > lines {
                break;
            }
            stream.feed(byte, sink);
        }
    }
    stream.flush(Flush::Everything, sink);
    stream
}

/// What came of a record.
#[derive(Default)]
struct Came {
    /// What was decided and noted about it, by rule, as far as it says more than that every condition holds.
    lines: Vec<(Arc<str>, String)>,
    /// The rules that were not in force for it, and why.
    out_of_force: BTreeMap<Arc<str>, String>,
}

/// What came of the record that begins at this offset, by rule, in a replay of the whole file: some rules ask
/// for more than one record, and what they decide depends on those before it, and behind it.
fn came_of(
    log: &[u8],
    named: Named<'_>,
    options: &Options,
    (policy, brakes): (&Arc<Policy>, Brakes),
    offset: u64,
) -> Came {
    let mut came = Came::default();
    let mut sink = |entry: &Entry| match entry {
        Entry::Decided(decision) if decision.origin.offset == offset => {
            let (verdict, reason) = (decision.verdict.name(), &decision.reason);
            if decision.is_out_of_force() {
                came.out_of_force.insert(decision.rule.clone(), format!("{verdict}: {reason}"));
            }
            if !says_more(decision) {
                return;
            }
            came.lines.push((decision.rule.clone(), format!("decided at {}: {verdict}, {reason}", decision.at)));
        }
        Entry::Noted(note) if note.origin.offset == offset => {
            let (part, key) = (note.part.name(), note.key.clause());
            came.lines.push((note.rule.clone(), format!("noted{key} as {part}, until {}", note.until)));
        }
        _ => {}
    };
    let mut replay = Replay::new(policy.clone()).braked_by(brakes);
    // Reading from memory does not fail.
    let _ = replay.file(named, &mut &*log, options, &mut |_| {}, &mut sink);
    replay.finish(&mut sink);
    came
}

/// True if the decision says more than that every condition holds, or that the rule is not in force, which is said
/// already.
fn says_more(decision: &Decision) -> bool {
    let plain = matches!(decision.verdict, Verdict::Fired | Verdict::Shadow) || decision.is_out_of_force();
    !plain || decision.concluded.is_some() || decision.origin.file.is_handed_over()
}

fn explain_record(record: &Record<'_>, named: Named<'_>, policy: &Policy, came: &Came, all: bool) -> Explained {
    let file = named.path;
    let server = named.server.map(str::to_owned).or_else(|| crate::input::server_of(file));
    let seen = Seen { record, source: named.source.unwrap_or(file), server: server.as_deref() };
    let mut text = fields(record, file);
    let mut rules = Vec::new();
    // The final rule that took the record.
    let mut taker: Option<&Rule> = None;
    for rule in &policy.rules {
        let lines = came.lines.iter().filter(|(name, _)| *name == rule.name);
        let lines: Vec<&str> = lines.map(|(_, line)| &**line).collect();
        let out_of_force = came.out_of_force.get(&rule.name);
        let meets = rule.enabled && rule.when.check(seen).is_ok();
        let against = match taker.filter(|_| meets) {
            Some(taker) => Some(format!("does not see it: rule {} is final", taker.name)),
            None => out_of_force.filter(|_| meets).cloned(),
        };
        taker = taker.or(Some(rule).filter(|rule| meets && rule.takes_all() && out_of_force.is_none()));
        if !all && lines.is_empty() && !is_near(rule, seen) {
            continue;
        }
        let matches = against.is_none() && rule.when.check(seen).is_ok();
        let verdict = against.unwrap_or_else(|| verdict(rule, seen));
        let _ = writeln!(text, "rule {}: {}", rule.name, crate::span::visible(&verdict));
        for line in &lines {
            let _ = writeln!(text, "    {}", crate::span::visible(line));
        }
        rules.push(json!({ "rule": rule.name, "matches": matches, "reason": verdict, "came": lines }));
    }
    if rules.is_empty() {
        text.push_str("no rule asks for this message id\n");
    }
    Explained { text, json: json!({ "record": to_json(record, file), "rules": rules }) }
}

/// Width of the longest name of a field.
const FIELD_WIDTH: usize = 12;

fn fields(record: &Record<'_>, file: &str) -> String {
    let mut text = String::new();
    let Value::Object(object) = to_json(record, file) else { return text };
    for (name, value) in object {
        let shown = match value {
            Value::Null | Value::Bool(false) => continue,
            // The format and its reason stand in the first line; the source is what was asked for.
            _ if name == "format" || name == "source" => continue,
            Value::String(s) => crate::span::visible(&s),
            Value::Array(list) if list.iter().all(Value::is_string) => {
                let lines: Vec<_> = list.iter().filter_map(Value::as_str).map(crate::span::visible).collect();
                if name == "lines" { format!("\n    {}", lines.join("\n    ")) } else { lines.join(", ") }
            }
            other => other.to_string(),
        };
        let _ = writeln!(text, "{name:<FIELD_WIDTH$}  {shown}");
    }
    text
}

/// Why the rule matched or did not, in words.
fn verdict(rule: &Rule, seen: Seen<'_, '_>) -> String {
    let disabled = if rule.enabled { "" } else { " (the rule is disabled)" };
    match rule.when.check(seen) {
        Err(_) if !rule.has_when() => {
            let begun = if rule.schedule.is_some() { "time alone" } else { "rules that hand over to it" };
            format!("is begun by {begun}{disabled}")
        }
        Ok(()) => {
            let captures = rule.when.captures(seen);
            let names: Vec<_> = rule.when.capture_names().collect();
            let values = captures.iter().filter(|(name, _)| names.contains(name));
            let values: Vec<_> = values.map(|(n, v)| format!("{n}={}", crate::span::visible(v))).collect();
            let with = if values.is_empty() { String::new() } else { format!(", with {}", values.join(" ")) };
            let how = match (rule.mode, rule.asks) {
                (Mode::Shadow, _) => "; it is in shadow mode",
                (Mode::Act, Some(_)) => "; it asks for approval",
                (Mode::Act, None) => "",
            };
            format!("matches{with}{how}{disabled}")
        }
        Err(mismatch) => format!("does not match: {}{disabled}", explain_mismatch(&rule.when, mismatch, seen)),
    }
}

/// A rule is near if it asks for this id (or its inner id), or for no id at all.
fn is_near(rule: &Rule, seen: Seen<'_, '_>) -> bool {
    let ids = rule.when.tests.iter().find(|test| matches!(test, Test::Id(_)));
    let Some(Test::Id(ids)) = ids else { return rule.has_when() };
    let near = |id: Option<&[u8]>| id.is_some_and(|id| ids.iter().any(|pattern| pattern.matches(id)));
    near(seen.record.message_id) || near(seen.record.inner_id)
}
