//! `wtor test`: whether samples and stories hold, and what they prove.
//!
//! Layer: shell

use super::args::TestArgs;
use super::output::{harmless, json_line, print};
use super::{Done, Exit, Failure, policy};
use crate::daemon::counted;
use crate::diagnostic::{Diagnostic, render_full, render_short, to_json};
use crate::load;
use crate::replay::{Proof, prove};
use crate::rule::sample::Verdict;
use crate::rule::{Coverage, Rule, Sample};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::Arc;

pub(super) fn test(args: &TestArgs) -> Done {
    let (found, mut loaded) = policy::load(&args.policy)?;
    let stories = load::stories(&policy::directories(&args.policy, &found).0);
    loaded.policy = loaded.policy.filter(|_| stories.unread.is_empty());
    loaded.diagnostics.extend(stories.unread);
    let Some(policy) = policy::or_report(&mut loaded) else { return Ok(Exit::Findings) };
    let policy = Arc::new(policy);
    let wanted = |name: &str| args.filter.as_deref().is_none_or(|filter| name.contains(filter));
    let proof = prove(&policy, &stories.files, found.config.brakes, &wanted);
    if let (Some(filter), true, true) = (&args.filter, proof.rules.is_empty(), proof.stories.is_empty()) {
        return Err(Failure(format!("test {filter}: no rule and no story has this in its name")));
    }
    let unproved = proof.unproved(&loaded.rules);
    print(&if args.json { objects(&proof, &unproved) } else { text(&proof, &unproved, args.coverage) })?;
    let failed = proof.samples.iter().any(|(.., verdict)| *verdict != Verdict::Passed);
    Ok(if failed || proof.stories.iter().any(|(_, wrong)| !wrong.is_empty()) { Exit::Findings } else { Exit::Good })
}

/// What has failed, what is not proved, and the counts.
fn text(proof: &Proof<'_>, unproved: &[Diagnostic], all: bool) -> String {
    let mut out = String::new();
    for (rule, sample, verdict) in proof.samples.iter().filter(|(.., verdict)| *verdict != Verdict::Passed) {
        let _ = writeln!(out, "{}: rule {}: {verdict}", place(sample), rule.name);
    }
    for (_, wrong) in proof.stories.iter().filter(|(_, wrong)| !wrong.is_empty()) {
        let _ = writeln!(out, "{}", render_full(wrong));
    }
    out += &render_short(unproved);
    if all {
        out += &coverage_text(proof);
    }
    let failed = proof.samples.iter().filter(|(.., verdict)| *verdict != Verdict::Passed).count();
    let told = proof.stories.iter().filter(|(_, wrong)| wrong.is_empty()).count();
    let (passed, untold) = (proof.samples.len() - failed, proof.stories.len() - told);
    let _ = write!(out, "wtor: {} passed, {failed} failed", counted(passed, "sample", "samples"));
    if !proof.stories.is_empty() {
        let _ = write!(out, "; {} passed, {untold} failed", counted(told, "story", "stories"));
    }
    harmless(&(out + "\n"))
}

/// What no line has met, by rule, and how much of all that is.
fn coverage_text(proof: &Proof<'_>) -> String {
    let mut out = String::new();
    let (mut all, mut met) = (0, 0);
    for (rule, coverage) in &proof.rules {
        let open: Vec<&str> = coverage.alternatives.iter().filter(|a| !a.met).map(|a| &*a.clause).collect();
        all += coverage.alternatives.len();
        met += coverage.alternatives.len() - open.len();
        if !open.is_empty() {
            let _ = writeln!(out, "rule {}: no line has met: {}", rule.name, open.join("; "));
        }
    }
    let rules = counted(proof.rules.len(), "rule", "rules");
    let _ = writeln!(out, "{rules}, {met} of {all} alternatives met");
    out
}

/// One object a sample, a story and a rule.
fn objects(proof: &Proof<'_>, unproved: &[Diagnostic]) -> String {
    let samples = proof.samples.iter().map(|(rule, sample, verdict)| {
        let passed = *verdict == Verdict::Passed;
        json!({ "rule": rule.name, "sample": place(sample), "passed": passed, "reason": verdict.to_string() })
    });
    let stories = proof.stories.iter().map(|(name, wrong)| {
        json!({ "story": name, "passed": wrong.is_empty(), "wrong": wrong.iter().map(to_json).collect::<Vec<_>>() })
    });
    let rules = proof.rules.iter().map(|(rule, coverage)| coverage_json(rule, coverage));
    let warnings = unproved.iter().map(to_json);
    samples.chain(stories).chain(rules).chain(warnings).map(|object| json_line(&object) + "\n").collect()
}

fn coverage_json(rule: &Rule, coverage: &Coverage) -> Value {
    let alternative = |a: &crate::rule::Alternative| json!({ "clause": a.clause, "met": a.met });
    json!({ "coverage": rule.name, "matches": coverage.matches, "near_miss": coverage.near_miss,
        "alternatives": coverage.alternatives.iter().map(alternative).collect::<Vec<_>>() })
}

fn place(sample: &Sample) -> String {
    format!("{}:{}:{}", sample.place.file, sample.place.line, sample.place.column)
}
