//! `wtor check` and `wtor test`: what is wrong with the policy, and whether its samples hold.
//!
//! Layer: shell

use super::args::{CheckArgs, CheckFormat, TestArgs};
use super::output::{harmless, json_line, print};
use super::{Done, Exit, Failure, policy, written};
use crate::diagnostic::{has_errors, render_short, summary, to_json};
use crate::rule::sample::Verdict;
use serde_json::json;
use std::io::{self, Write};

pub(super) fn check(args: &CheckArgs) -> Done {
    let (_, loaded) = policy::load(&args.policy)?;
    let in_force = if loaded.policy.is_some() { "the policy can be used" } else { "the policy cannot be used" };
    let format = if args.json { CheckFormat::Json } else { args.format };
    let text = match format {
        CheckFormat::Full => policy::report(&loaded, in_force),
        CheckFormat::Short => {
            render_short(&loaded.diagnostics) + &summary(&policy::files(&loaded), &loaded.diagnostics, in_force)
        }
        CheckFormat::Json => loaded.diagnostics.iter().map(|d| json_line(&to_json(d)) + "\n").collect(),
    };
    print(&text)?;
    Ok(if has_errors(&loaded.diagnostics) { Exit::Findings } else { Exit::Good })
}

pub(super) fn test(args: &TestArgs) -> Done {
    let Some(policy) = policy::load_or_report(&args.policy)? else { return Ok(Exit::Findings) };
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut result = Ok(());
    let (mut passed, mut failed, mut bare) = (0, 0, Vec::new());
    let wanted = |name: &str| args.filter.as_deref().is_none_or(|filter| name.contains(filter));
    for rule in policy.rules.iter().filter(|rule| wanted(&rule.name)) {
        if rule.samples.is_empty() {
            bare.push(&*rule.name);
        }
        for (sample, verdict) in rule.try_samples() {
            let good = matches!(verdict, Verdict::Passed);
            *(if good { &mut passed } else { &mut failed }) += 1;
            let place = format!("{}:{}:{}", sample.place.file, sample.place.line, sample.place.column);
            let line = match (args.json, good) {
                (true, _) => json_line(&json!({
                    "rule": rule.name, "sample": place, "passed": good, "reason": verdict.to_string(),
                })),
                (false, false) => harmless(&format!("{place}: rule {}: {verdict}", rule.name)),
                (false, true) => continue,
            };
            result = result.and_then(|()| writeln!(out, "{line}"));
        }
    }
    if let (Some(filter), false) = (&args.filter, policy.rules.iter().any(|rule| wanted(&rule.name))) {
        return Err(Failure(format!("test {filter}: no rule has this in its name")));
    }
    if !args.json {
        for name in bare {
            result = result.and_then(|()| writeln!(out, "rule {name} has no samples"));
        }
        result = result.and_then(|()| writeln!(out, "wtor: {passed} samples passed, {failed} failed"));
    }
    written(result.and_then(|()| out.flush()))?;
    Ok(if failed > 0 { Exit::Findings } else { Exit::Good })
}
