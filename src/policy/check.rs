//! What can only be checked when all rules and jobs are known.
//!
//! Layer: core

use super::load::Jobs;
use crate::diagnostic::id;
use crate::document::Document;
use crate::job::Job;
use crate::rule::decode::{Decoded, RunSpans};
use crate::rule::{Condition, Mode, Pattern, Rule, Test};
use std::collections::BTreeMap;

type Rules<'d> = [(&'d Document<'d>, Decoded)];

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
        for run in &decoded.runs {
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

/// No rule stands behind a final one that takes everything it could match. Only the plain case is
/// found: the final rule asks for nothing but ids, and they cover those of the later rule.
pub fn hidden(rules: &Rules<'_>) {
    let mut finals: Vec<(&Rule, &[Pattern], crate::span::Spot)> = Vec::new();
    for (doc, decoded) in rules {
        let (Some(rule), Some((name, at))) = (&decoded.rule, &decoded.name) else { continue };
        if !rule.enabled {
            continue;
        }
        let hides = |(_, ids, _): &&(&Rule, &[Pattern], crate::span::Spot)| covers(ids, &rule.when);
        if let Some((other, _, spot)) = finals.iter().find(hides) {
            let text = format!("the rule `{name}` never sees a record: `{}` is final", other.name);
            let mistake = doc.mistake(id::HIDDEN, at, &text).also(spot.clone().labelled("takes all of them"));
            doc.note(at, mistake.help("move it before the final rule, or give that one more conditions"));
        }
        if let ([Test::Id(ids)], true) = (&rule.when.tests[..], rule.when.unless.is_empty())
            && rule.is_final
            && rule.mode == Mode::Act
        {
            finals.push((rule, ids, doc.file().spot(at)));
        }
    }
}

fn covers(ids: &[Pattern], when: &Condition) -> bool {
    let Some(Test::Id(wanted)) = when.tests.first() else { return false };
    let asks_for_kind = when.tests.iter().any(|test| matches!(test, Test::Kind(_)));
    let covered = |pattern: &Pattern| match pattern {
        Pattern::Exact(id) => ids.iter().any(|p| p.matches(id)),
        Pattern::Glob(glob) => ids.iter().any(|p| matches!(p, Pattern::Glob(other) if other == glob)),
        Pattern::Regex(_) => false,
    };
    !asks_for_kind && wanted.iter().all(covered)
}
