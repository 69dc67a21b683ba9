//! What samples and stories prove of a policy.
//!
//! Layer: shell

use super::Story;
use crate::diagnostic::{Diagnostic, id};
use crate::policy::Policy;
use crate::rule::sample::Verdict;
use crate::rule::{Brakes, Coverage, Rule, Sample};
use crate::span::TextFile;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What was tried, and what came of it.
#[derive(Debug)]
pub struct Proof<'p> {
    /// Every sample.
    pub samples: Vec<(&'p Rule, &'p Sample, Verdict)>,
    /// Every story by its file, and what went otherwise than it says.
    pub stories: Vec<(String, Vec<Diagnostic>)>,
    /// What is proved of each rule.
    pub rules: Vec<(&'p Rule, Coverage)>,
}

/// Tries the samples of all rules that `wanted` lets through by name, and the stories that have such a
/// rule, or whose file it lets through. In stories more runs than the `brakes` let through are too many.
#[must_use]
pub fn prove<'p>(
    policy: &'p Arc<Policy>,
    stories: &[(String, String)],
    brakes: Brakes,
    wanted: &dyn Fn(&str) -> bool,
) -> Proof<'p> {
    let mut rules: BTreeMap<&str, Coverage> =
        policy.rules.iter().map(|rule| (&*rule.name, Coverage::of(rule))).collect();
    let mut samples = Vec::new();
    for rule in policy.rules.iter().filter(|rule| wanted(&rule.name)) {
        for (sample, verdict) in rule.try_samples() {
            if let Some(coverage) = rules.get_mut(&*rule.name) {
                sample.read(&mut |seen| coverage.met(rule, seen));
            }
            samples.push((rule, sample, verdict));
        }
    }
    let mut told = Vec::new();
    for (name, text) in stories {
        let story = match Story::parse(name, text, policy) {
            Ok(story) => story,
            Err(mistakes) => {
                told.push((name.clone(), mistakes));
                continue;
            }
        };
        if !wanted(name) && !story.rules().any(wanted) {
            continue;
        }
        let wrong = story.play(policy, brakes, &mut |rule, seen| {
            if let Some(coverage) = rules.get_mut(&*rule.name) {
                coverage.met(rule, seen);
            }
        });
        for (rule, coverage) in &mut rules {
            coverage.matches |= wrong.is_empty() && story.fires(rule);
            coverage.near_miss |= wrong.is_empty() && story.spares(rule);
        }
        told.push((name.clone(), wrong));
    }
    // What no record begins, no line proves.
    let proved = policy.rules.iter().filter(|rule| wanted(&rule.name) && rule.has_when());
    let rules = proved.filter_map(|rule| Some((rule, rules.remove(&*rule.name)?))).collect();
    Proof { samples, stories: told, rules }
}

impl Proof<'_> {
    /// The rules that nothing proves to match, or nothing to spare a near miss. `texts` are the files that
    /// they stand in.
    #[must_use]
    pub fn unproved(&self, texts: &[(String, String)]) -> Vec<Diagnostic> {
        let files: Vec<TextFile<'_>> = texts.iter().map(|(name, text)| TextFile::new(name, text)).collect();
        let unproved = self.rules.iter().filter_map(|(rule, coverage)| {
            let (what, help) = match (coverage.matches, coverage.near_miss) {
                (true, true) => return None,
                // A rule without a `when` has nothing to spare, and only a story can make it fire.
                (true, false) if rule.when.tests.is_empty() => return None,
                (false, _) if rule.when.tests.is_empty() => {
                    ("a story in which it fires", "add one: `expect RULE fired` after the `tick` at which it is due")
                }
                (false, _) => ("a line on which it fires", "add one: `{ fires = '…' }`"),
                (true, false) => (
                    "a near miss",
                    "add a line that is easily taken for one of its own: `{ quiet = '…' }`, with its id if it asks for more",
                ),
            };
            let file = files.iter().find(|file| file.name() == &rule.place.file)?;
            let text = format!("the rule `{}` lacks {what}", rule.name);
            Some(Diagnostic::new(id::UNPROVED, file.spot_at(&rule.place), &text).help(help))
        });
        unproved.collect()
    }
}
