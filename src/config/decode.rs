//! `wtor.toml` -> configuration, or every mistake in it.
//!
//! Layer: core

use super::{Config, mail, source};
use crate::diagnostic::{Diagnostic, has_errors, id};
use crate::document::{Document, Value};
use crate::rule::Brakes;
use crate::rule::decode::at_most;

/// What people write for our keys, and our keys.
const MEANT: [(&str, &str); 4] =
    [("sources", "[[source]]"), ("input", "[[source]]"), ("rule", "rules"), ("job", "jobs")];

/// Most runs at one time. Each is a few processes and threads.
const RUNS_AT_ONCE_MAX: i64 = 1000;

impl Config {
    /// Reads a configuration from the text of the file of that name. None if there is an error;
    /// warnings leave it usable.
    #[must_use]
    pub fn load(name: &str, text: &str) -> (Option<Config>, Vec<Diagnostic>) {
        let doc = Document::parse(name, text);
        let config = decode(&doc);
        let diagnostics = doc.finish();
        (config.filter(|_| !has_errors(&diagnostics)), diagnostics)
    }
}

fn decode<'d>(doc: &'d Document<'d>) -> Option<Config> {
    let plain = Config::default();
    let mut root = doc.root("wtor.toml");
    let mut path = |key, default: &str| root.take(key).map_or(Some(default.to_owned()), self::path);
    let rules = path("rules", &plain.rules);
    let jobs = path("jobs", &plain.jobs);
    let state = path("state", &plain.state);
    let mut limits = root.take("limits").and_then(|value| value.table("`limits`"));
    let runs_at_once = limits
        .as_mut()
        .and_then(|limits| limits.take("runs_at_once"))
        .map_or(i64::try_from(plain.runs_at_once).ok(), |value| value.integer(1..=RUNS_AT_ONCE_MAX));
    let mut journal = root.take("journal").and_then(|value| value.table("`journal`"));
    let journal_keep =
        journal.as_mut().and_then(|journal| journal.take("keep")).map_or(Some(plain.journal_keep), Value::span_of_time);
    let mut allow = root.take("allow").and_then(|value| value.table("`allow`"));
    let programs =
        allow.as_mut().and_then(|allow| allow.take("programs")).map_or(Some(None), |value| programs(value).map(Some));
    let mail = root.take("mail").map_or(Some(None), |value| mail::mail(value).map(Some));
    let mut brake = root.take("brake").and_then(|value| value.table("`brake`"));
    let mut most = |key, plain| brake.as_mut().and_then(|brake| brake.take(key)).map_or(Some(plain), at_most);
    let (of_rule, of_all) = (most("rule", plain.brakes.rule), most("all", plain.brakes.all));
    let mut control = root.take("control").and_then(|value| value.table("`control`"));
    let control_socket = match control.as_mut().and_then(|control| control.take("socket")) {
        Some(value) => self::path(value),
        None => state.as_ref().map(|state| format!("{}/wtor.sock", state.trim_end_matches('/'))),
    };
    let sources = root.take("source").map_or(Some(Vec::new()), source::sources);
    for table in [limits, journal, allow, brake, control].into_iter().flatten() {
        table.finish();
    }
    root.finish_with(&MEANT);
    Some(Config {
        rules: rules?,
        jobs: jobs?,
        state: state?,
        sources: sources?,
        runs_at_once: usize::try_from(runs_at_once?).ok()?,
        journal_keep: journal_keep?,
        programs: programs?,
        mail: mail?,
        brakes: Brakes { rule: of_rule?, all: of_all? },
        control_socket: control_socket?,
    })
}

/// Programs and directories of programs, by absolute paths.
fn programs(value: Value<'_>) -> Option<Vec<String>> {
    let program = |item: Value<'_>| {
        let text = item.filled_text("an absolute path in quotes")?;
        let path = text.as_str();
        if !path.starts_with('/') {
            let mistake = text.mistake(id::BAD_NAME, &format!("`{path}` is not an absolute path"));
            text.note(
                mistake.help("write `/usr/bin/logger` for a program, `/usr/lpp/java/` for all below a directory"),
            );
            return None;
        }
        Some(path.to_owned())
    };
    let all: Vec<_> = value.list("a list of absolute paths")?.into_iter().map(program).collect();
    all.into_iter().collect()
}

/// A path, of which only the reader of the file system knows more.
pub(super) fn path(value: Value<'_>) -> Option<String> {
    value.filled_text("a path in quotes").map(|text| text.as_str().to_owned())
}
