//! `wtor explain decision:N`: where a decision comes from, and what became of it.
//!
//! Layer: shell

use super::journal::{action, outcome_text, reader, utc};
use super::output::{print, print_json};
use super::{Done, Failure, args::ControlArgs};
use crate::journal::store::{DecisionRow, Lineage};
use crate::journal::{Action, By, Entry, Note};
use crate::span::visible;
use std::fmt::Write as _;

pub(super) fn explain(number: u64, control: &ControlArgs) -> Done {
    let found = reader(control)?.lineage(number).map_err(|e| Failure(e.to_string()))?;
    let Some(lineage) = found else { return Err(Failure(format!("there is no decision {number} in the journal"))) };
    if control.json { print_json(&lineage) } else { print(&text(&lineage)) }
}

fn text(lineage: &Lineage) -> String {
    let DecisionRow { seq, decision } = &lineage.row;
    let origin = &decision.origin;
    let mut out =
        format!("decision {seq}  {}  rule {}  {}\n", utc(decision.at), decision.rule, decision.verdict.name());
    line(&mut out, "because", &decision.reason);
    line(&mut out, "policy", &decision.policy);
    line(
        &mut out,
        "record",
        &format!("{}:{}, byte {}, source {}", origin.path, origin.line, origin.offset, origin.source),
    );
    if let Some(text) = decision.captures.get("text") {
        line(&mut out, "", text);
    }
    for (name, value) in decision.captures.iter().filter(|(name, _)| *name != "text") {
        line(&mut out, "", &format!("{name} = {value}"));
    }
    for note in &lineage.noted {
        line(&mut out, "noted", &noted(note));
    }
    for other in &lineage.beside {
        let (rule, verdict) = (&other.decision.rule, other.decision.verdict.name());
        line(&mut out, "beside", &format!("decision {}: rule {rule} {verdict}, {}", other.seq, other.decision.reason));
    }
    for planned in &decision.actions {
        line(&mut out, "action", &action(planned));
        if let Action::Run { with, .. } = planned {
            with.iter().for_each(|(name, value)| line(&mut out, "", &format!("{name} = {value}")));
        }
        let of_this = |entry: &&Entry| entry.run() == Some(planned.run());
        for entry in lineage.entries.iter().filter(of_this) {
            out += &happened(entry);
        }
    }
    out
}

/// A detail, below its name.
fn line(out: &mut String, name: &str, what: &str) {
    let _ = writeln!(out, "  {name:<8}{}", visible(what));
}

fn noted(note: &Note) -> String {
    let origin = &note.origin;
    let text = note.captures.get("text").unwrap_or_default();
    format!("{}  {}, {}:{}: {text}", utc(note.at), note.part.name(), origin.path, origin.line)
}

/// What became of a run.
fn happened(entry: &Entry) -> String {
    let by = |by: &Option<By>| by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let (at, what) = match entry {
        Entry::Starting { attempt, at, .. } => (at, format!("attempt {attempt} starts")),
        Entry::Ended { attempt, at, good, .. } => {
            (at, format!("attempt {attempt} has ended, {}", if *good { "good" } else { "failed" }))
        }
        Entry::Proved { what, at, .. } if !what.is_empty() => (at, format!("an expected message has come: {what}")),
        Entry::Proved { condition, at, .. } => (at, format!("expected message {} has come", condition + 1)),
        Entry::Verified { missing, at, .. } if missing.is_empty() => (at, "every expected message has come".into()),
        Entry::Verified { missing, at, .. } => (at, format!("did not follow: {}", missing.join(", "))),
        Entry::Closed { good, reason, at, .. } => (at, format!("{}: {reason}", if *good { "good" } else { "failed" })),
        Entry::Skipped { reason, at, by: who, .. } => (at, format!("skipped{}: {reason}", by(who))),
        Entry::Asked { until, at, .. } => (at, format!("waits for approval until {}", utc(*until))),
        Entry::Approved { at, by: who, .. } => (at, format!("approved{}", by(who))),
        Entry::InDoubt { attempt, at, .. } => (at, format!("attempt {attempt} is in doubt: the agent ended meanwhile")),
        Entry::Released { how, by, at, .. } => (at, format!("{} by {by}", how.clause())),
        _ => return String::new(),
    };
    let mut text = format!("          {}  {}\n", utc(*at), visible(&what));
    if let Entry::Ended { outcomes, .. } = entry {
        for outcome in outcomes {
            for line in outcome_text(outcome).trim_start().lines() {
                let _ = writeln!(text, "            {line}");
            }
        }
    }
    text
}
