//! `wtor replay`: what saved logs would have led to, alone or beside an earlier account of them.
//!
//! Layer: shell

use super::args::ReplayArgs;
use super::journal::state_reader;
use super::logs::{as_source, expand, open};
use super::output::{harmless, json_line};
use super::{Done, Exit, Failure, policy, written};
use crate::journal::store::HistoryFilter;
use crate::journal::{Action, Decision, Entry};
use crate::load;
use crate::policy::Policy;
use crate::replay::{
    Comparison, Difference, Replay, Watched, compare, comparison_page, decision_json, decision_line, decisions_page,
};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

/// How many ids without a rule the summary shows.
const IDS_SHOWN: usize = 20;

pub(super) fn replay(args: &ReplayArgs) -> Done {
    let (found, mut loaded) = policy::load(&args.policy)?;
    let Some(policy) = policy::or_report(&mut loaded) else { return Ok(Exit::Findings) };
    let run = Run { args, found, policy: Arc::new(policy), files: expand(&args.files)? };
    match &args.against {
        Some(against) => run.compare(against),
        None => run.alone(),
    }
}

/// One call of the command.
struct Run<'a> {
    args: &'a ReplayArgs,
    found: policy::Found,
    policy: Arc<Policy>,
    files: Vec<String>,
}

impl Run<'_> {
    /// Replays all files with a policy.
    fn play(
        &self,
        policy: &Arc<Policy>,
        watched: Option<Watched>,
        sink: &mut dyn FnMut(&Entry),
    ) -> Result<Replay, Failure> {
        let mut replay = Replay::new(policy.clone()).braked_by(self.found.config.brakes);
        if let Some(zone) = &self.args.zone {
            replay = replay.in_zone(zone.clone());
        }
        replay.watch(watched.unwrap_or_default());
        let bar = progress_bar(&self.files);
        for name in &self.files {
            let mut input = open(name)?;
            let mut progress = |bytes| bar.inc(bytes);
            let (named, options) = as_source(&self.found, name, &self.args.format)?;
            replay.file(named, &mut *input, &options, &mut progress, sink).map_err(|e| Failure::about(name, e))?;
        }
        replay.finish(sink);
        bar.finish_and_clear();
        Ok(replay)
    }

    /// The decisions of a policy.
    fn decisions(&self, policy: &Arc<Policy>, watched: Option<Watched>) -> Result<(Vec<Decision>, Replay), Failure> {
        let mut decisions = Vec::new();
        let mut keep = |entry: &Entry| {
            if let Entry::Decided(decision) = entry {
                decisions.push(decision.clone());
            }
        };
        let replay = self.play(policy, watched, &mut keep)?;
        Ok((decisions, replay))
    }

    fn alone(&self) -> Done {
        let (args, policy) = (self.args, &self.policy);
        let mut out = BufWriter::new(io::stdout().lock());
        let mut result = Ok(());
        let mut kept = Vec::new();
        let mut print = |entry: &Entry| {
            let Entry::Decided(decision) = entry else { return };
            if args.report.is_some() {
                kept.push(decision.clone());
            }
            if result.is_ok() && !args.summary {
                result = if args.json {
                    writeln!(out, "{}", json_line(&decision_json(policy, decision)))
                } else {
                    writeln!(out, "{}", harmless(&decision_line(policy, decision)))
                };
            }
        };
        let replay = self.play(policy, None, &mut print)?;
        let summary = replay.summary();
        let table = summary.table(IDS_SHOWN);
        if result.is_ok() {
            result = match (args.json, args.summary) {
                (true, true) => writeln!(out, "{}", json_line(&summary.json())),
                (true, false) => Ok(()),
                (false, _) => write!(out, "\n{}", harmless(&table)),
            };
        }
        if let Some(path) = &args.report {
            let lines = || kept.iter().map(|decision| decision_line(policy, decision) + "\n").collect::<String>();
            report(
                path,
                Form {
                    text: &|| format!("{}\n{table}", lines()),
                    json: &|| {
                        let decisions: Vec<Value> =
                            kept.iter().map(|decision| decision_json(policy, decision)).collect();
                        json!({ "summary": summary.json(), "decisions": decisions })
                    },
                    html: &|| decisions_page(policy, &kept, &table),
                },
            )?;
        }
        written(result.and_then(|()| out.flush()))
    }

    /// What differs from an earlier account: of a journal, or of other rules.
    fn compare(&self, against: &Path) -> Done {
        if self.files.iter().any(|name| name == "-") {
            return Err(Failure("--against reads the logs twice, and standard input can be read once".into()));
        }
        let (comparison, note) = match journal_of(against) {
            Some(state) => self.with_journal(state)?,
            None => match self.with_rules(against)? {
                Some(comparison) => (comparison, String::new()),
                None => return Ok(Exit::Findings),
            },
        };
        let summary = summary(&comparison) + &note;
        let lines = || comparison.differences.iter().map(|d| difference_line(d) + "\n").collect::<String>();
        let objects = || comparison.differences.iter().map(difference_json).collect::<Vec<Value>>();
        let mut out = BufWriter::new(io::stdout().lock());
        let printed = match (self.args.json, self.args.summary) {
            (true, false) => objects().iter().try_for_each(|object| writeln!(out, "{}", json_line(object))),
            (true, true) => writeln!(out, "{}", json_line(&counts(&comparison))),
            (false, true) => write!(out, "{}", harmless(&summary)),
            (false, false) => write!(out, "{}{}", harmless(&lines()), harmless(&summary)),
        };
        if let Some(path) = &self.args.report {
            report(
                path,
                Form {
                    text: &|| lines() + &summary,
                    json: &|| json!({ "summary": counts(&comparison), "differences": objects() }),
                    html: &|| comparison_page(&comparison, &difference_line, &summary),
                },
            )?;
        }
        written(printed.and_then(|()| out.flush()))?;
        Ok(if comparison.differences.is_empty() { Exit::Good } else { Exit::Findings })
    }

    /// Other rules, with the jobs beside them or else those of now; none after their mistakes have been printed.
    fn with_rules(&self, against: &Path) -> Result<Option<Comparison>, Failure> {
        let (_, jobs_of_now) = policy::directories(&self.args.policy, &self.found);
        let (rules, jobs) = match against.join("rules") {
            rules if rules.is_dir() => (rules, against.join("jobs")),
            _ => (against.to_owned(), jobs_of_now),
        };
        let mut loaded = load::policy(&rules, &jobs, &self.found.site()).map_err(|e| Failure(e.to_string()))?;
        let Some(old) = policy::or_report(&mut loaded) else { return Ok(None) };
        let (before, _) = self.decisions(&Arc::new(old), None)?;
        let (after, _) = self.decisions(&self.policy, None)?;
        Ok(Some(compare(before, after)))
    }

    /// What an agent has decided about the records of these logs.
    fn with_journal(&self, state: &Path) -> Result<(Comparison, String), Failure> {
        let history = state_reader(state)?.history(&HistoryFilter::default());
        let mut before: Vec<Decision> =
            history.map_err(|e| Failure(e.to_string()))?.into_iter().map(|row| row.decision).collect();
        let all = before.len();
        let (after, replay) = self.decisions(&self.policy, Some(Watched::of(&before)))?;
        before.retain(|decision| replay.watched().has(decision));
        let elsewhere = all - before.len();
        let other = before.iter().filter(|decision| decision.policy != self.policy.hash).count();
        let mut note = String::new();
        if elsewhere > 0 {
            let _ =
                writeln!(note, "{elsewhere} decisions of the journal are about records that these logs do not have");
        }
        if other > 0 {
            let _ = writeln!(
                note,
                "{other} decisions of the journal were made by another policy than {}",
                self.policy.hash
            );
        }
        Ok((compare(before, after), note))
    }
}

/// The state directory of a journal, if it is one: the directory, or the file in it.
fn journal_of(path: &Path) -> Option<&Path> {
    let is_file = path.extension().is_some_and(|ending| ending == "db");
    if is_file { path.parent() } else { Some(path).filter(|path| path.join("journal.db").exists()) }
}

fn counts(comparison: &Comparison) -> Value {
    let of = |kind: &str| comparison.differences.iter().filter(|d| d.kind() == kind).count();
    let by_time = comparison.differences.iter().filter(|d| d.is_by_time()).count();
    json!({ "same": comparison.same.len(), "appear": of("appears"), "disappear": of("disappears"),
        "change": of("changes"), "by_time": by_time })
}

fn summary(comparison: &Comparison) -> String {
    let counts = counts(comparison);
    let mut text = format!(
        "{} decisions are the same; {} appear, {} disappear, {} change\n",
        counts["same"], counts["appear"], counts["disappear"], counts["change"]
    );
    if counts["by_time"] != 0 {
        let _ = writeln!(
            text,
            "{} of these depend on when records arrive, which a replay does not know",
            counts["by_time"]
        );
    }
    text
}

/// `+`, `-` or `~`, and what it is about, as one line.
fn difference_line(difference: &Difference) -> String {
    let Some(decision) = difference.decision() else { return String::new() };
    let origin = &decision.origin;
    let sign = match difference.kind() {
        "appears" => '+',
        "disappears" => '-',
        _ => '~',
    };
    let sides = difference.before.iter().chain(&difference.after).map(outcome).collect::<Vec<_>>();
    let by_time = if difference.is_by_time() { "  (by time)" } else { "" };
    let line = format!("{sign} {}  {}:{}  {}  ", decision.at, origin.path, origin.line, decision.rule);
    crate::span::visible(&(line + &sides.join("  ->  ") + by_time))
}

/// `fired: run alert what=…`, `held: fired 3 s ago`.
fn outcome(decision: &Decision) -> String {
    let deeds: Vec<String> = decision.actions.iter().map(Action::deed).collect();
    match decision.verdict {
        crate::journal::Verdict::Fired => format!("fired: {}", deeds.join(", ")),
        _ => format!("{}: {}", decision.verdict.name(), decision.reason),
    }
}

fn difference_json(difference: &Difference) -> Value {
    let side = |decision: &Option<Decision>| {
        decision.as_ref().map(|d| {
            let deeds: Vec<String> = d.actions.iter().map(Action::deed).collect();
            json!({ "decision": d.verdict.name(), "reason": d.reason, "at": d.at.to_string(), "actions": deeds })
        })
    };
    let about = difference.decision().map(|d| {
        let origin = &d.origin;
        json!({ "rule": d.rule, "message_id": d.captures.get("message_id"),
            "source": { "file": origin.path, "line": origin.line, "offset": origin.offset } })
    });
    json!({ "kind": difference.kind(), "by_time": difference.is_by_time(), "about": about,
        "before": side(&difference.before), "after": side(&difference.after) })
}

/// A report in each of its forms.
struct Form<'a> {
    text: &'a dyn Fn() -> String,
    json: &'a dyn Fn() -> Value,
    html: &'a dyn Fn() -> String,
}

/// Writes a report in the form that the file's ending asks for.
fn report(path: &Path, form: Form<'_>) -> Result<(), Failure> {
    let text = match path.extension().and_then(|ending| ending.to_str()) {
        Some("txt") => harmless(&(form.text)()),
        Some("json") => json_line(&(form.json)()) + "\n",
        Some("html") => (form.html)(),
        _ => return Err(Failure(format!("--report {}: its name must end with .txt, .json or .html", path.display()))),
    };
    fs::write(path, text).map_err(|e| Failure::about(path.display(), e))
}

/// A bar on standard error if a person watches and there is something to watch.
fn progress_bar(files: &[String]) -> ProgressBar {
    let sizes = files.iter().map(|f| fs::metadata(f).map_or(0, |m| m.len()));
    let total: u64 = sizes.sum();
    if !io::stderr().is_terminal() || total < 8 << 20 {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    let bar = ProgressBar::new(total);
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}
