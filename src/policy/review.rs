//! What a person should look at in a policy without mistakes: rules that act on the same record, parts that can
//! never have an effect, ids that nobody knows, windows that outlast the journal, rules that anybody can trigger who
//! can write a line.
//!
//! Layer: core

use super::{Catalogue, Matcher, Policy};
use crate::diagnostic::{Diagnostic, id};
use crate::job::Step;
use crate::rule::{Action, Collect, Field, Form, Level, Mode, Pattern, Place, Rule, Test};
use crate::span::{Spot, TextFile};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// A review in progress.
struct Review<'a> {
    files: BTreeMap<Arc<str>, TextFile<'a>>,
    found: Vec<Diagnostic>,
}

impl Policy {
    /// Reviews the policy. `texts` are the files of its rules, `keep` is how long the journal keeps what was
    /// decided.
    #[must_use]
    pub fn review(
        self: &Arc<Policy>,
        texts: &[(String, String)],
        catalogue: &Catalogue,
        keep: Duration,
    ) -> Vec<Diagnostic> {
        let files = texts.iter().map(|(name, text)| TextFile::new(name, text));
        let files = files.map(|file| (file.name().clone(), file)).collect();
        let mut review = Review { files, found: Vec::new() };
        for rule in &self.rules {
            review.ids(rule, catalogue);
            review.trust(rule);
            review.spans(rule, keep);
            review.idle(rule);
            review.answers(rule, self);
        }
        review.overlaps(self);
        review.found
    }
}

impl Review<'_> {
    fn spot(&self, place: &Place) -> Option<Spot> {
        Some(self.files.get(&place.file)?.spot_at(place))
    }

    fn note(&mut self, rule: &Rule, id: &'static str, text: &str, help: &str) {
        self.found.extend(self.spot(&rule.place).map(|spot| Diagnostic::new(id, spot, text).help(help)));
    }

    /// Ids that no catalogue has.
    fn ids(&mut self, rule: &Rule, catalogue: &Catalogue) {
        let asked = rule.when.tests.iter().filter_map(|test| if let Test::Id(ids) = test { Some(ids) } else { None });
        let unknown: Vec<&Pattern> = asked.flatten().filter(|id| !catalogue.knows(id)).collect();
        let [first, ..] = &unknown[..] else { return };
        let name = |id: &Pattern| crate::rule::pattern_names(std::slice::from_ref(id));
        let names: Vec<String> = unknown.iter().map(|id| format!("`{}`", name(id))).collect();
        let text = format!("the rule `{}` asks for {}, which no catalogue has", rule.name, names.join(", "));
        let help = match catalogue.meant(&name(first)) {
            Some(meant) => format!("did you mean `{meant}`? If not, put the id into `catalogue.txt` beside the rules"),
            None => "if it exists, put it into `catalogue.txt` beside the rules".into(),
        };
        self.note(rule, id::UNKNOWN_ID, &text, &help);
    }

    /// A rule that runs a job for anybody who can write a line with the right words.
    fn trust(&mut self, rule: &Rule) {
        let names_origin = |test: &Test| match test {
            Test::Id(_) | Test::Flags(_) | Test::Routing(_) => true,
            Test::Field(field, _) => !matches!(field, Field::Text | Field::Level),
            _ => false,
        };
        if !rule.enabled || !rule.has_when() || jobs(rule).is_empty() || rule.when.tests.iter().any(names_origin) {
            return;
        }
        let text = format!("the rule `{}` runs a job for any line with the right words", rule.name);
        self.note(
            rule,
            id::TRUSTS_TEXT,
            &text,
            "ask for an `id`, and for the `system`, `job_name` or `source` that it must come from",
        );
    }

    /// A rule whose job has an id in its words that the rule matches.
    fn answers(&mut self, rule: &Rule, policy: &Policy) {
        let asked = rule.when.tests.iter().filter_map(|test| if let Test::Id(ids) = test { Some(ids) } else { None });
        let exact =
            |id: &Pattern| if let Pattern::Exact(id) = id { Some(String::from_utf8_lossy(id).into()) } else { None };
        let ids: Vec<String> = asked.flatten().filter_map(exact).collect();
        let jobs = jobs(rule).into_iter().filter_map(|name| policy.jobs.get(&name)).filter(|_| rule.enabled);
        let says = |step: &Step, id: &str| step.program.texts().any(|text| text.contains(id));
        let found =
            jobs.flat_map(|job| &job.steps).find_map(|step| ids.iter().find(|id| says(step, id)).zip(Some(step)));
        let Some((id, step)) = found else { return };
        let text =
            format!("the rule `{}` may answer itself: it matches {id}, and its job has that in a step", rule.name);
        let help = format!(
            "if step {} writes it as a message, tell the two apart by a condition, or see that it ends: `once_per`, `at_most`",
            step.name
        );
        self.note(rule, id::ANSWERS_ITSELF, &text, &help);
    }

    /// Windows that are longer than the journal's memory.
    fn spans(&mut self, rule: &Rule, keep: Duration) {
        let Some(span) = rule.correlation.as_ref().and_then(|asks| asks.longest()).filter(|span| *span > keep) else {
            return;
        };
        let days = |span: Duration| format!("{:.1} days", span.as_secs_f64() / 86_400.0);
        let text = format!("the rule `{}` looks back {}, and the journal keeps {}", rule.name, days(span), days(keep));
        self.note(
            rule,
            id::OUTLASTS,
            &text,
            "what it was decided by would be deleted meanwhile: let `[journal] keep` in wtor.toml be longer",
        );
    }

    /// Parts of a rule that can never have an effect.
    fn idle(&mut self, rule: &Rule) {
        let mut note = |what: String, help| {
            self.note(rule, id::NO_EFFECT, &format!("in the rule `{}` {what}", rule.name), help);
        };
        if let Some(name) = rule.if_set.iter().find(|name| rule.if_not_set.contains(name)) {
            let help = "take it out of `if_set` or of `if_not_set`: as it is, the rule is always held";
            note(format!("`{name}` must be set and must not be set"), help);
        }
        if rule.at_most.is_some() && jobs(rule).is_empty() {
            let help = "leave it out; `once_per` says how often a rule may act that runs no job";
            note("`at_most` counts runs, and none of its actions is one".into(), help);
        }
        match rule.correlation.as_ref().and_then(|asks| asks.form.as_ref()) {
            Some(Form::Collect(Collect { span, quiet: Some(quiet) })) if quiet >= span => {
                note(
                    "`quiet` is not shorter than `for`, which is over first".into(),
                    "let `quiet` be shorter, or leave it out",
                );
            }
            Some(Form::Levels(levels)) => {
                for (before, level) in hidden(levels) {
                    let what =
                        format!("the level `{}` is never reached: `{}` before it always is", level.name, before.name);
                    note(what, "write the most severe level first: the first one that is reached holds");
                }
            }
            _ => {}
        }
    }

    /// Two rules that run a job for the same record.
    fn overlaps(&mut self, policy: &Arc<Policy>) {
        let matcher = Matcher::new(policy.clone());
        let mut told = BTreeSet::new();
        for sample in policy.rules.iter().flat_map(|rule| rule.samples.iter().filter(|sample| sample.fires)) {
            sample.read(&mut |seen| {
                let mut acting: Vec<&Rule> = Vec::new();
                matcher.hits(seen, &mut |hit| {
                    if hit.is_when() && hit.behind.is_none() && hit.rule.mode == Mode::Act {
                        acting.push(hit.rule);
                    }
                });
                for (i, rule) in acting.iter().enumerate() {
                    let run = |other: &&&Rule| !jobs(rule).is_empty() && !jobs(other).is_empty();
                    for other in acting[..i].iter().filter(run) {
                        if told.insert((rule.name.clone(), other.name.clone())) {
                            self.overlap(rule, other);
                        }
                    }
                }
            });
        }
    }

    fn overlap(&mut self, rule: &Rule, other: &Rule) {
        let Some((at, also)) = self.spot(&rule.place).zip(self.spot(&other.place)) else { return };
        let (id, what) = match jobs(other).into_iter().find(|job| jobs(rule).contains(job)) {
            Some(job) => (id::OVERLAP, format!("both run `{job}` for the same record")),
            // A rule that asks for several records is there beside one for each of them.
            None if asks_for_more(rule) || asks_for_more(other) => return,
            None => (id::BOTH_RUN, "run different jobs for the same record".to_owned()),
        };
        let text = format!("the rules `{}` and `{}` {what}", rule.name, other.name);
        let found = Diagnostic::new(id, at, &text).also(also.labelled("a sample of one is matched by both"));
        self.found.push(found.help("tell them apart by a condition, or let the first one be `final = true`"));
    }
}

/// True if one record is not enough for the rule.
fn asks_for_more(rule: &Rule) -> bool {
    rule.correlation.as_ref().is_some_and(|asks| asks.form.is_some())
}

/// The levels that are never reached, each with one before it that is reached whenever it would be.
fn hidden(levels: &[Level]) -> impl Iterator<Item = (&Level, &Level)> {
    let covers = |before: &Level, level: &Level| {
        before.count.at_least <= level.count.at_least && before.count.within >= level.count.within
    };
    let before = move |i: usize| levels[..i].iter().find(|before| covers(before, &levels[i]));
    levels.iter().enumerate().filter_map(move |(i, level)| Some((before(i)?, level)))
}

/// The jobs that a rule runs, one way or another.
fn jobs(rule: &Rule) -> BTreeSet<Arc<str>> {
    let job = |action: &Action| if let Action::Run(run) = action { Some(run.job.clone()) } else { None };
    rule.then.iter().filter_map(job).collect()
}
