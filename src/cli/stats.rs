//! `wtor stats`: each rule in numbers, and what has no rule yet. `wtor shadow`: what shadow rules would have
//! done, beside what acting rules did.
//!
//! Layer: shell

use super::args::{ControlArgs, ShadowArgs, StatsArgs};
use super::journal::{action, reader, utc};
use super::output::{json_line, print, print_json};
use super::{Done, Failure, logs, policy};
use crate::journal::store::{DecisionRow, HistoryFilter, RuleStats};
use crate::journal::{Action, Verdict};
use crate::replay::{Replay, Summary};
use crate::span::visible;
use crate::time::{Timestamp, parse_duration};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// How many ids without a rule are shown.
const IDS_SHOWN: usize = 20;

pub(super) fn stats(args: &StatsArgs) -> Done {
    let since = args.since.as_deref().map(since).transpose()?;
    let control = ControlArgs { config: args.policy.config.clone(), state: args.state.clone(), json: args.json };
    let (found, mut loaded) = policy::load(&args.policy)?;
    let Some(policy) = policy::or_report(&mut loaded) else { return Ok(super::Exit::Findings) };
    let policy = Arc::new(policy);
    // Logs can be looked at where there is no journal.
    let rules = match reader(&control) {
        Ok(reader) => reader.stats(since).map_err(|e| Failure(e.to_string()))?,
        Err(_) if !args.files.is_empty() && args.state.is_none() => BTreeMap::new(),
        Err(failure) => return Err(failure),
    };
    let mut replay = Replay::new(policy.clone()).braked_by(found.config.brakes);
    for name in logs::expand(&args.files)? {
        let (named, options) = logs::as_source(&found, &name, &args.format)?;
        let mut input = logs::open(&name)?;
        let told = replay.file(named, &mut *input, &options, &mut |_| {}, &mut |_| {});
        told.map_err(|e| Failure::about(&name, e))?;
    }
    let never: Vec<&str> =
        policy.rules.iter().map(|rule| &*rule.name).filter(|name| !rules.contains_key(*name)).collect();
    let logs = (!args.files.is_empty()).then(|| replay.summary());
    if args.json { print_json(&object(&rules, &never, logs)) } else { print(&table(&rules, &never, logs)) }
}

/// So long ago.
fn since(span: &str) -> Result<Timestamp, Failure> {
    let span = parse_duration(span).map_err(|why| Failure(format!("--since {span}: {why}")))?;
    let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    Ok(Timestamp(crate::daemon::clock::now().0.saturating_sub(micros)))
}

fn object(rules: &BTreeMap<String, RuleStats>, never: &[&str], logs: Option<&Summary>) -> Value {
    let mut object = json!({ "rules": rules, "never_decided": never });
    if let Some(summary) = logs {
        object["logs"] = summary.json();
    }
    object
}

fn table(rules: &BTreeMap<String, RuleStats>, never: &[&str], logs: Option<&Summary>) -> String {
    let width = rules.keys().map(String::len).max().unwrap_or(4).max(4);
    let mut out = format!(
        "{:width$}  {:>7}  {:>7}  {:>7}  {:>7}  {:>6}  {:>6}  {:>8}  {:>8}  last hit\n",
        "rule", "hits", "fired", "held", "other", "good", "failed", "mean ms", "max ms"
    );
    for (name, rule) in rules {
        let of = |verdict: Verdict| rule.verdicts.get(verdict.name()).copied().unwrap_or(0);
        let (fired, held) = (of(Verdict::Fired), of(Verdict::Held));
        let _ = writeln!(
            out,
            "{name:width$}  {:7}  {fired:7}  {held:7}  {:7}  {:6}  {:6}  {:8}  {:8}  {}",
            rule.hits,
            rule.hits - fired - held,
            rule.good,
            rule.failed,
            rule.millis_mean,
            rule.millis_max,
            utc(rule.last)
        );
    }
    if !never.is_empty() {
        let _ = writeln!(out, "never decided: {}", never.join(", "));
    }
    if let Some(summary) = logs {
        let ids = summary.unmatched();
        let _ = writeln!(out, "\n{} records; {} ids without a rule:", summary.records(), ids.len());
        for (id, count) in ids.iter().take(IDS_SHOWN) {
            let _ = writeln!(out, "{count:9}  {id}");
        }
    }
    out
}

/// A decision of a shadow, and what acting rules did about the same record.
struct Compared {
    shadow: DecisionRow,
    acted: Vec<DecisionRow>,
    how: How,
}

/// How the two compare.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// An acting rule did just that.
    Same,
    /// Acting rules did something else.
    Otherwise,
    /// Nothing was done.
    Alone,
}

impl How {
    const ALL: [(How, &'static str); 3] = [
        (How::Same, "as an acting rule did"),
        (How::Otherwise, "otherwise than acting rules did"),
        (How::Alone, "where nothing was done"),
    ];

    fn name(self) -> &'static str {
        match self {
            How::Same => "same",
            How::Otherwise => "otherwise",
            How::Alone => "alone",
        }
    }
}

pub(super) fn shadow(args: &ShadowArgs) -> Done {
    let reader = reader(&args.control)?;
    let failed = |e: crate::journal::store::Error| Failure(e.to_string());
    let verdict = Some(Verdict::Shadow.name().to_owned());
    let filter =
        HistoryFilter { rule: args.rule.clone(), verdict, limit: Some(args.limit), ..HistoryFilter::default() };
    let mut all = Vec::new();
    for shadow in reader.history(&filter).map_err(failed)? {
        let mut acted = reader.about(&shadow.decision.origin).map_err(failed)?;
        acted.retain(|other| other.decision.verdict == Verdict::Fired);
        let same = |other: &DecisionRow| deeds(other) == deeds(&shadow);
        let how = match acted.iter().any(same) {
            true => How::Same,
            false if acted.is_empty() => How::Alone,
            false => How::Otherwise,
        };
        all.push(Compared { shadow, acted, how });
    }
    if args.control.json {
        return print(&all.iter().map(|c| json_line(&compared_json(c)) + "\n").collect::<String>());
    }
    print(&if all.is_empty() { "no rule in shadow mode has decided anything\n".into() } else { compared(&all) })
}

/// What a decision does.
fn deeds(row: &DecisionRow) -> Vec<String> {
    row.decision.actions.iter().map(Action::deed).collect()
}

fn compared_json(compared: &Compared) -> Value {
    json!({ "how": compared.how.name(), "shadow": compared.shadow, "acted": compared.acted })
}

/// A line a rule, and below it what would have been done otherwise.
fn compared(all: &[Compared]) -> String {
    let mut rules: BTreeMap<&str, Vec<&Compared>> = BTreeMap::new();
    for compared in all {
        rules.entry(&compared.shadow.decision.rule).or_default().push(compared);
    }
    let mut out = String::new();
    for (rule, all) in rules {
        let counts = How::ALL.map(|(how, words)| (all.iter().filter(|c| c.how == how).count(), words));
        let counts: Vec<String> =
            counts.iter().filter(|(n, _)| *n > 0).map(|(n, words)| format!("{n} {words}")).collect();
        let _ = writeln!(out, "rule {rule}: {} would have acted: {}", all.len(), counts.join(", "));
        for compared in all.iter().filter(|compared| compared.how != How::Same) {
            let (seq, decision) = (compared.shadow.seq, &compared.shadow.decision);
            let would: Vec<String> = decision.actions.iter().map(action).collect();
            let did = compared.acted.iter().map(|row| {
                let did: Vec<String> = row.decision.actions.iter().map(action).collect();
                format!("{} did: {}", row.decision.rule, did.join(", "))
            });
            let did: Vec<String> = did.collect();
            let did = if did.is_empty() { "nothing was done".into() } else { did.join("; ") };
            let place = format!("{}:{}", decision.origin.path, decision.origin.line);
            let line = format!("  decision {seq}  {}  {place}  {}; {did}", utc(decision.at), would.join(", "));
            let _ = writeln!(out, "{}", visible(&line));
        }
    }
    out
}
