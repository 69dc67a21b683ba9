//! `wtor history` and `wtor runs`: what the journal remembers, whether an agent runs or not.
//!
//! Layer: shell

use super::args::{ControlArgs, HistoryArgs, RunsArgs};
use super::output::{harmless, json_line};
use super::{Done, Exit, Failure, policy, written};
use crate::job::Outcome;
use crate::journal::store::{AttemptRow, DecisionRow, Error, HistoryFilter, Reader, RunDetail, RunFilter, RunRow};
use crate::journal::{Action, RunId, Verdict};
use crate::span::visible;
use crate::time::Timestamp;
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The state directory that the flags or the configuration name.
pub(super) fn state(args: &ControlArgs) -> Result<PathBuf, Failure> {
    if let Some(state) = &args.state {
        return Ok(state.clone());
    }
    let found = policy::good_config(args.config.as_deref())?;
    Ok(found.base.join(&found.config.state))
}

pub(super) fn reader(args: &ControlArgs) -> Result<Reader, Failure> {
    state_reader(&state(args)?)
}

/// The journal of a state directory.
pub(super) fn state_reader(state: &Path) -> Result<Reader, Failure> {
    Reader::open(state).map_err(|error| failure(&error))
}

/// Why the journal cannot be read, with what to do.
pub(super) fn failure(error: &Error) -> Failure {
    let help = error.help().map(|help| format!("\n  = help: {help}")).unwrap_or_default();
    Failure(format!("{} {error}{help}", error.id()))
}

pub(super) fn history(args: &HistoryArgs) -> Done {
    let filter = HistoryFilter { rule: args.rule.clone(), limit: Some(args.limit), ..HistoryFilter::default() };
    let rows = reader(&args.control)?.history(&filter).map_err(|e| Failure(e.to_string()))?;
    print(&rows, args.control.json, decision_line)
}

pub(super) fn runs(args: &RunsArgs) -> Done {
    let reader = reader(&args.control)?;
    if let Some(number) = args.run {
        let detail = reader.run(RunId(number)).map_err(|e| Failure(e.to_string()))?;
        let Some(detail) = detail else { return Err(Failure(format!("there is no run {number}"))) };
        return print(&[detail], args.control.json, |run| run_text(run, awaited(&reader, &run.row)));
    }
    let state = args.in_doubt.then(|| "in_doubt".to_owned());
    let filter = RunFilter { state, job: args.job.clone(), limit: Some(args.limit) };
    let rows = reader.runs(&filter).map_err(|e| Failure(e.to_string()))?;
    print(&rows, args.control.json, |row| run_line(row, awaited(&reader, row)))
}

/// Prints each row: as an object, or as `text` has it.
fn print<T: Serialize>(rows: &[T], as_json: bool, text: impl Fn(&T) -> String) -> Done {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut result = Ok(());
    for row in rows {
        let line = if as_json { json_line(row) } else { harmless(&text(row)) };
        result = result.and_then(|()| writeln!(out, "{line}"));
    }
    written(result.and_then(|()| out.flush()))?;
    Ok(Exit::Good)
}

fn decision_line(row: &DecisionRow) -> String {
    let decision = &row.decision;
    let done = decision.actions.iter().filter(|_| !decision.verdict.is_kept_back());
    let did: Vec<_> = done.map(action).collect();
    let id = decision.captures.get("message_id").unwrap_or("-");
    let origin = &decision.origin;
    let line = format!(
        "{:>5}  {}  {}  {}  {id} at {}:{}  {}",
        row.seq,
        utc(decision.at),
        decision.rule,
        decision.verdict.name(),
        origin.path,
        origin.line,
        did.join(", ")
    );
    let why = if decision.verdict == Verdict::Fired { String::new() } else { format!(" ({})", decision.reason) };
    visible(&(line + &why))
}

/// What an action did, or would have done.
pub(super) fn action(action: &Action) -> String {
    let number = match action.run() {
        RunId::NONE => String::new(),
        run => format!(" ({run})"),
    };
    let waits = action.terms().clause();
    match action {
        Action::Run { run: RunId::NONE, job, .. } => format!("would run {job}{waits}"),
        Action::Run { run, job, .. } => format!("run {run} of {job}{waits}"),
        Action::Report { text, .. } if waits.is_empty() => format!("reported: {text}"),
        Action::Report { text, .. } => format!("report{number}{waits}: {text}"),
        Action::Set { name, key, .. } => format!("set {name}{}{number}{waits}", key.clause()),
        Action::Close { name, .. } => format!("close {name}{number}{waits}"),
        Action::HandOver { rule, .. } => format!("handed over to {rule}"),
    }
}

/// A run's state in one word, as `wtor status` says it.
fn state_word(state: &str) -> &str {
    match state {
        "decided" | "approved" | "failed" | "released" => "owed",
        "starting" => "running",
        "in_doubt" => "in doubt",
        other => other,
    }
}

/// The run that an owed one waits for, if it does, and as far as the journal can be read.
fn awaited(reader: &Reader, row: &RunRow) -> Option<RunId> {
    let detail = |run| reader.run(run).ok().flatten();
    let decided = Some(row).filter(|row| row.state == "decided").and_then(|row| detail(row.run))?;
    let action = decided.decision.decision.actions.iter().find(|action| action.run() == row.run)?;
    let before = action.terms().depends?.run;
    detail(before).filter(|before| before.row.state != "closed").map(|_| before)
}

fn run_line(row: &RunRow, awaited: Option<RunId>) -> String {
    let how = match row.good {
        Some(true) => "good".to_owned(),
        Some(false) => format!("failed: {}", row.reason.as_deref().unwrap_or_default()),
        None if row.state == "closed" => format!("skipped: {}", row.reason.as_deref().unwrap_or_default()),
        None => awaited.map_or_else(|| state_word(&row.state).to_owned(), |run| format!("waits for run {run}")),
    };
    let attempts = if row.attempts > 1 { format!(" after {} attempts", row.attempts) } else { String::new() };
    visible(&format!("{:>5}  {}  {}  {}  {how}{attempts}", row.run, utc(row.decided_at), row.job, row.rule))
}

fn run_text(run: &RunDetail, awaited: Option<RunId>) -> String {
    let row = &run.row;
    let decision = &run.decision.decision;
    let origin = &decision.origin;
    let mut text = run_line(row, awaited);
    let _ = write!(text, "\n  decided by rule {} on {}:{}", row.rule, visible(&origin.path), origin.line);
    if let Some(record) = decision.captures.get("text") {
        let _ = write!(text, "\n  record  {}", visible(record));
    }
    if let Some(reason) = &row.reason {
        let _ = write!(text, "\n  closed  {}", visible(reason));
    }
    for attempt in &run.attempts_made {
        text.push_str(&attempt_text(attempt));
    }
    text
}

fn attempt_text(attempt: &AttemptRow) -> String {
    let ended = attempt.ended_at.map_or_else(|| "has not ended".into(), |at| format!("ended {}", utc(at)));
    let mut text = format!("\n  attempt {}  started {}, {ended}", attempt.attempt, utc(attempt.started_at));
    if attempt.in_doubt {
        text.push_str(", in doubt");
    }
    if let Some(released) = &attempt.released {
        let _ = write!(text, ", {}", visible(released));
    }
    if let Some(missing) = attempt.missing.as_ref().filter(|missing| !missing.is_empty()) {
        let _ = write!(text, ", did not follow: {}", missing.join(", "));
    }
    for outcome in &attempt.outcomes {
        text.push_str(&outcome_text(outcome));
    }
    text
}

pub(super) fn outcome_text(outcome: &Outcome) -> String {
    let code = outcome.cond_code.map_or_else(|| "----".into(), |code| code.to_string());
    let mut text = format!("\n    {}  CC {code}  {}  {} ms", outcome.step, outcome.end, outcome.millis);
    for (name, output) in [("stdout", &outcome.stdout), ("stderr", &outcome.stderr)] {
        for line in output.lines() {
            let _ = write!(text, "\n      {name}  {}", visible(line));
        }
    }
    text
}

/// Engine time of the live agent is UTC.
pub(super) fn utc(at: Timestamp) -> String {
    format!("{at}Z")
}
