//! What can only be checked when all rules and jobs are known.
//!
//! Layer: core

use super::load::Jobs;
use crate::diagnostic::id;
use crate::document::Document;
use crate::job::Job;
use crate::rule::decode::{Decoded, RunSpans};
use crate::rule::{Condition, Pattern, Rule, Test, describe};
use std::collections::BTreeMap;

pub(super) type Rules<'d> = [(&'d Document<'d>, Decoded)];

/// No two rules have one name.
pub fn names(rules: &Rules<'_>) {
    let mut first = BTreeMap::new();
    for (doc, decoded) in rules {
        let Some((name, at)) = &decoded.name else { continue };
        match first.get(name) {
            None => {
                first.insert(name.clone(), doc.file().spot(at));
            }
            Some(spot) => {
                let mistake = doc.mistake(id::RULE_TWICE, at, &format!("a second rule is named `{name}`"));
                doc.note(at, mistake.also(spot.clone().labelled("first defined here")));
            }
        }
    }
}

/// Every job that a rule runs exists, takes the values that it is given, and gets those it needs.
pub fn runs(rules: &Rules<'_>, jobs: &Jobs, job_files: &[(String, String)]) {
    let directory = job_files.first().and_then(|(name, _)| name.rsplit_once('/')).map_or("jobs", |(dir, _)| dir);
    for (doc, decoded) in rules {
        for run in &decoded.named.runs {
            match jobs.get(&run.job) {
                Some(Some(job)) => arguments(doc, run, job),
                // The job's own mistakes say enough.
                Some(None) => {}
                None => {
                    let mistake = doc.mistake(id::UNKNOWN_JOB, &run.at, &format!("unknown job `{}`", run.job));
                    let mistake = mistake.label(&format!("no file {directory}/{}.toml", run.job));
                    doc.note(&run.at, mistake.did_you_mean(&run.job, jobs.keys().map(|name| &**name)));
                }
            }
        }
    }
}

fn arguments(doc: &Document<'_>, run: &RunSpans, job: &Job) {
    for (name, at) in &run.with {
        if !job.params.iter().any(|param| param.name == *name) {
            let text = format!("the job `{}` has no parameter `{name}`", job.name);
            let mistake = doc.mistake(id::UNKNOWN_PARAM, at, &text);
            let mistake = mistake.did_you_mean(name, job.params.iter().map(|param| &*param.name));
            let known: Vec<String> = job.params.iter().map(|param| format!("`{}`", param.name)).collect();
            let mistake = match (&mistake.help, known.is_empty()) {
                (Some(_), _) => mistake,
                (None, true) => mistake.help("it has no parameters at all"),
                (None, false) => mistake.help(&format!("it has {}", known.join(", "))),
            };
            doc.note(at, mistake);
        }
    }
    for param in job.params.iter().filter(|param| param.default.is_none()) {
        if !run.with.iter().any(|(name, _)| *name == param.name) {
            let text = format!("the job `{}` needs a value for its parameter `{}`", job.name, param.name);
            let mistake = doc.mistake(id::MISSING_PARAM, &run.at, &text);
            doc.note(&run.at, mistake.help(&format!("give one: `with = {{ {} = '…' }}`", param.name)));
        }
    }
}

/// Every rule proves itself.
pub fn samples(rules: &Rules<'_>) {
    for (doc, decoded) in rules.iter().filter(|(_, decoded)| decoded.unproven) {
        if let Some((name, at)) = &decoded.name {
            let mistake = doc.mistake(id::NO_SAMPLE, at, &format!("the rule `{name}` has no sample"));
            doc.note(at, mistake.help("add a line of a real log: `sample = [{ fires = '…' }]`; `wtor test` tries it"));
        }
    }
}

/// No rule stands behind a final one that takes everything it could match. Only the plain case is found: all
/// that the final rule asks for, the later rule asks for in the same words, or for ids among its own; and the
/// final rule is in force at all times.
pub fn hidden(rules: &Rules<'_>) {
    let mut finals: Vec<(&Rule, crate::span::Spot)> = Vec::new();
    for (doc, decoded) in rules {
        let (Some(rule), Some((name, at))) = (&decoded.rule, &decoded.name) else { continue };
        if !rule.enabled {
            continue;
        }
        if let Some((other, spot)) = finals.iter().find(|(other, _)| covers(&other.when, &rule.when)) {
            let text = format!("the rule `{name}` never sees a record: `{}` is final", other.name);
            let mistake = doc.mistake(id::HIDDEN, at, &text).also(spot.clone().labelled("takes all of them"));
            doc.note(at, mistake.help("move it before the final rule, or give that one more conditions"));
        }
        let always = rule.during.is_none() && rule.if_set.is_empty() && rule.if_not_set.is_empty();
        if rule.takes_all() && always && rule.when.unless.is_empty() {
            finals.push((rule, doc.file().spot(at)));
        }
    }
}

/// True if every record that meets `when` meets `wide`, as far as a look at their words tells.
fn covers(wide: &Condition, when: &Condition) -> bool {
    let words = |test: &Test| describe(&Condition { tests: vec![test.clone()], unless: Vec::new() });
    let asked: Vec<String> = when.tests.iter().map(words).collect();
    let kind = |condition: &Condition| condition.tests.iter().any(|test| matches!(test, Test::Kind(_)));
    // A rule that asks for a kind may see records that others are not even shown.
    (kind(wide) || !kind(when))
        && wide.tests.iter().all(|test| match (test, when.tests.first()) {
            (Test::Id(ids), Some(Test::Id(wanted))) => wanted.iter().all(|id| is_among(id, ids)),
            _ => asked.contains(&words(test)),
        })
}

fn is_among(id: &Pattern, ids: &[Pattern]) -> bool {
    match id {
        Pattern::Exact(id) => ids.iter().any(|p| p.matches(id)),
        Pattern::Glob(glob) => ids.iter().any(|p| matches!(p, Pattern::Glob(other) if other == glob)),
        Pattern::Regex(_) => false,
    }
}
