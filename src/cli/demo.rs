//! `wtor demo`: tells the story as it happens, and what it comes to.
//!
//! Layer: shell
#![expect(clippy::print_stderr, reason = "this is the layer that talks to people")]

use super::args::DemoArgs;
use super::{Done, Exit, Failure};
use crate::action::Site;
use crate::demo::agent::{Notice, Workplace};
use crate::demo::client::{Outcome, Stretch, Timeline};
use crate::demo::install::{Install, VERSION};
use crate::demo::story::{Split, Stage, Start, Told};
use crate::engine;
use crate::journal::store::Reader;
use crate::journal::{Action, RunId};
use crate::load;
use crate::policy::Policy;
use crate::span::visible;
use crate::time::parse_duration;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

/// The messages of the server that the story shows.
const SHOWN: [&str; 8] =
    ["CWWKE0001I", "CWWKF0011I", "CWWKO0219I", "CWWKO0221E", "CWWKZ0001I", "CWWKZ0022W", "CWWKE0926I", "CWWKE0939I"];
/// A log's line is cut here: the start says it all.
const TEXT_MAX: usize = 100;
/// Shorter, and the second application is there before the port opens: no gap to show.
const DELAY_MIN: Duration = Duration::from_secs(2);

pub(super) fn demo(args: &DemoArgs) -> Done {
    let delay = parse_duration(&args.delay).map_err(|why| Failure(format!("--delay {}: {why}", args.delay)))?;
    if delay < DELAY_MIN {
        return Err(Failure(format!("--delay {}: at least {} s, or there is no gap", args.delay, DELAY_MIN.as_secs())));
    }
    let failure = |error: io::Error| match error.kind() {
        io::ErrorKind::Interrupted => Failure("interrupted; everything is stopped and removed".into()),
        _ => Failure(error.to_string()),
    };
    let interrupted = on_interrupt().map_err(failure)?;
    let install = if args.json { Install::ensure(&mut io::stderr()) } else { Install::ensure(&mut io::stdout()) };
    let install = install.map_err(failure)?;
    let program = std::env::current_exe().map_err(failure)?;
    let stage = Stage { install: &install, program: &program, delay, interrupted: &interrupted };
    let mut screen = Screen { silent: args.json, ..Screen::default() };
    screen.say(&format!("Open Liberty {VERSION}; its application takes {} s to start.", delay.as_secs_f64()));
    screen.say("A client asks for its page every 10 ms.");

    let without = if args.only_with { None } else { Some(act_one(&stage, &mut screen).map_err(failure)?) };
    let starts = act_two(&stage, &mut screen, args.times).map_err(failure)?;
    if args.json {
        // Nobody is left to tell when the pipe is closed.
        let _ = writeln!(io::stdout(), "{}", as_json(without.as_ref(), &starts));
    } else {
        screen.say(&comparison(without.as_ref(), &starts));
    }
    let flawless = |start: &Start| start.is_good() && start.client.count(Outcome::NotFound) == 0;
    Ok(if starts.iter().all(flawless) { Exit::Good } else { Exit::Findings })
}

fn act_one(stage: &Stage<'_>, screen: &mut Screen) -> io::Result<Timeline> {
    screen.say("\nWithout wtor: the endpoint is open from the start.\n");
    let client = stage.without(&mut |at, told| screen.tell(at, told))?;
    screen.say(&format!("\n  The client saw: {client}"));
    Ok(client)
}

fn act_two(stage: &Stage<'_>, screen: &mut Screen, times: u32) -> io::Result<Vec<Start>> {
    screen.say("\nWith wtor: the endpoint is closed (enabled=\"false\"), and wtor reads messages.log.\n");
    let mut watch = stage.with()?;
    screen.insight = Some(Insight::new(watch.place())?);
    let mut starts = Vec::new();
    for number in 1..=times.max(1) {
        let start = watch.start(&mut |at, told| screen.tell(at, told))?;
        let verdict = if start.is_good() { "good" } else { "NOT good" };
        let Start { client, split, .. } = &start;
        if number == 1 {
            screen.say(&format!("\n  The client saw: {client}"));
            if times > 1 {
                screen.say(&format!("\nAgain, {} times more:", times - 1));
                screen.brief = true;
            }
        } else {
            screen.say(&format!(
                "  start {number:3}: {}; run {verdict}; first 200 after {:.0} ms",
                outcomes(client),
                split.total
            ));
        }
        starts.push(start);
    }
    watch.end()?;
    Ok(starts)
}

/// SIGINT and SIGTERM end the story at the next moment that suits, and all that it has started.
fn on_interrupt() -> io::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("interrupt".into()).spawn({
        let flag = flag.clone();
        move || runtime.block_on(async { wait_for_interrupt(&flag).await })
    })?;
    Ok(flag)
}

async fn wait_for_interrupt(flag: &AtomicBool) {
    use tokio::signal::unix::{SignalKind, signal};
    let (interrupt, terminate) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    let (Ok(mut interrupt), Ok(mut terminate)) = (interrupt, terminate) else {
        eprintln!("wtor: signals cannot be listened to; Ctrl-C will leave the server running");
        return;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    flag.store(true, Ordering::Relaxed);
    eprintln!("wtor: interrupted; stopping the server");
}

/// The terminal, or whatever takes its place.
#[derive(Default)]
struct Screen {
    silent: bool,
    /// Only what comes after a start is shown, not what happens in it.
    brief: bool,
    began: Option<SystemTime>,
    insight: Option<Insight>,
}

impl Screen {
    fn say(&self, text: &str) {
        if !self.silent {
            // The story goes on without listeners: its end stops the server.
            let _ = writeln!(io::stdout(), "{text}");
        }
    }

    fn tell(&mut self, at: SystemTime, told: Told<'_>) {
        if self.silent || self.brief {
            return;
        }
        match told {
            Told::Started => {
                self.began = Some(at);
                self.line(at, "server", "started");
            }
            Told::Log(line) if SHOWN.contains(&line.id.as_str()) => self.line(at, "server", &line.text),
            Told::Log(_) => {}
            Told::Agent(notice) => {
                if notice.id == "WTR301I" {
                    let told = self.insight.as_ref().map(|insight| insight.of(notice)).unwrap_or_default();
                    for line in told {
                        self.line(at, "wtor", &line);
                    }
                }
                self.line(at, "wtor", &format!("{} {}", notice.id, notice.text));
            }
            Told::Client { now, before } => self.line(at, "client", &client_line(now, before)),
        }
    }

    fn line(&self, at: SystemTime, who: &str, what: &str) {
        let since = self.began.and_then(|began| at.duration_since(began).ok()).unwrap_or_default();
        let what = visible(what);
        let cut = what.char_indices().nth(TEXT_MAX).filter(|_| who == "server");
        let what = cut.map_or(what.clone(), |(end, _)| format!("{}...", &what[..end]));
        self.say(&format!("{:9.3} s  {who:6}  {what}", since.as_secs_f64()));
    }
}

fn client_line(now: Outcome, before: Option<&Stretch>) -> String {
    let what = match now {
        Outcome::Refused => "refused: nobody listens yet".to_owned(),
        Outcome::Ok => "200: the application answers".to_owned(),
        Outcome::NotFound => "404: the server answers, the application is not there".to_owned(),
        other => other.to_string(),
    };
    match before {
        Some(before) => format!("{what} (before: {} x{})", before.outcome, before.requests),
        None => what,
    }
}

/// What wtor knows about its own run: looked up in its journal when it says that the run started.
struct Insight {
    place: Workplace,
    policy: Policy,
}

impl Insight {
    fn new(place: &Workplace) -> io::Result<Insight> {
        let loaded = load::policy(&place.rules(), &place.jobs(), &Site::default())?;
        let policy = loaded.policy.ok_or_else(|| io::Error::other("the demo's own policy has mistakes"))?;
        Ok(Insight { place: place.clone(), policy })
    }

    /// What was read, decided and run; nothing if the journal cannot be read just now.
    fn of(&self, notice: &Notice) -> Vec<String> {
        self.look_up(notice).unwrap_or_default()
    }

    fn look_up(&self, notice: &Notice) -> Option<Vec<String>> {
        let number = notice.fields.get("run")?.parse().ok()?;
        let decision = Reader::open(&self.place.state()).ok()?.run(RunId(number)).ok()??.decision.decision;
        let origin = &decision.origin;
        let text = decision.captures.get("text").unwrap_or_default();
        let mut lines = vec![
            format!("read     messages.log, line {}: {text}", origin.line),
            format!("decided  rule {}: {}", decision.rule, decision.reason),
        ];
        for action in &decision.actions {
            let Action::Run { job, with, .. } = action else { continue };
            let plan = engine::plan(&self.policy, job, with, &decision.captures).ok()?;
            for step in plan.steps {
                lines.push(format!("runs     job {job}, {}: {}", step.name, step.shown()));
            }
        }
        Some(lines)
    }
}

/// `refused x512, 200 x63`.
fn outcomes(client: &Timeline) -> String {
    let stretches = client.stretches.iter().map(|stretch| format!("{} x{}", stretch.outcome, stretch.requests));
    stretches.collect::<Vec<_>>().join(", ")
}

/// The parts of the time, with their names for people and for programs.
type Part = (&'static str, &'static str, &'static str, fn(&Split) -> f64);

const PARTS: [Part; 6] = [
    ("recognition", "recognition", "message's stamp -> wtor's decision", |split| split.recognition),
    ("job start", "job_start", "decision -> process started", |split| split.job_start),
    ("port open", "port_open", "process started -> CWWKO0219I", |split| split.port_open),
    ("first 200", "first_ok", "CWWKO0219I -> first 200 complete", |split| split.first_ok),
    ("together", "total", "message's stamp -> first 200 complete", |split| split.total),
    ("(server resume", "resume", "process started -> process ended)", |split| split.resume),
];

fn comparison(without: Option<&Timeline>, starts: &[Start]) -> String {
    let with: u32 = starts.iter().map(|start| start.client.count(Outcome::NotFound)).sum();
    let good = starts.iter().filter(|start| start.is_good()).count();
    let gap = without.map(|client| format!("{:.1} s", client.gap().unwrap_or_default().as_secs_f64()));
    let count = without.map(|client| client.count(Outcome::NotFound).to_string());
    let cell = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let row = |name: &str, without: &str, with: &str| format!("{name:<32}{without:>14}{with:>14}\n");
    let mut text = String::from("\n");
    text += &row("", "without wtor", "with wtor");
    text += &row("starts of the server", if without.is_some() { "1" } else { "-" }, &starts.len().to_string());
    text += &row("404s that the client saw", &cell(count), &with.to_string());
    text += &row("from the first 404 to the 200s", &cell(gap), "-");
    text += &row("runs that wtor proved good", "-", &good.to_string());
    text += &times(starts);
    text.truncate(text.trim_end().len());
    text
}

/// Where the time went, from the trigger message to the first 200.
fn times(starts: &[Start]) -> String {
    let mut text = String::from("\nFrom the trigger message to the first 200, in ms");
    text += if starts.len() > 1 { "                  median           range\n" } else { "\n" };
    for (name, _, what, of) in PARTS {
        let values = sorted(starts, of);
        let range = match values.as_slice() {
            [first, .., last] => format!("{first:.1} to {last:.1}"),
            _ => String::new(),
        };
        let line = format!("  {name:<15} {what:<40}{:>15.1}{range:>16}", median(&values));
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

fn as_json(without: Option<&Timeline>, starts: &[Start]) -> Value {
    let seen = |client: &Timeline| {
        json!({
            "refused": client.count(Outcome::Refused),
            "not_found": client.count(Outcome::NotFound),
            "ok": client.count(Outcome::Ok),
            "requests": client.total(),
            "gap_ms": client.gap().map(|gap| gap.as_millis()),
        })
    };
    let parts = |of: &dyn Fn(fn(&Split) -> f64) -> Value| -> Value {
        Value::Object(PARTS.iter().map(|(_, name, _, part)| ((*name).to_owned(), of(*part))).collect())
    };
    let one = |start: &Start| {
        json!({ "client": seen(&start.client), "run_good": start.is_good(), "run": start.run["run"],
                "attempts": start.run["attempts"], "ms": parts(&|part| json!(rounded(part(&start.split)))) })
    };
    let all = parts(&|part| {
        let values = sorted(starts, part);
        json!({ "median": rounded(median(&values)), "least": values.first().copied().map(rounded), "most": values.last().copied().map(rounded) })
    });
    json!({ "without": without.map(seen), "with": starts.iter().map(one).collect::<Vec<_>>(), "ms": all })
}

fn sorted(starts: &[Start], of: fn(&Split) -> f64) -> Vec<f64> {
    let mut values: Vec<f64> = starts.iter().map(|start| of(&start.split)).collect();
    values.sort_by(f64::total_cmp);
    values
}

/// Of values in order; of none, nothing.
fn median(values: &[f64]) -> f64 {
    let (below, above) = (values.len().saturating_sub(1) / 2, values.len() / 2);
    match (values.get(below), values.get(above)) {
        (Some(below), Some(above)) => f64::midpoint(*below, *above),
        _ => 0.0,
    }
}

/// To the hundredth: the clock's stamps have no more to say.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(outcomes: &[(Outcome, u32)]) -> Timeline {
        let stretch = |&(outcome, requests): &(Outcome, u32)| {
            let at = Duration::ZERO;
            Stretch { outcome, requests, begin: at, first_answer: at, end: at }
        };
        let stretches = outcomes.iter().map(stretch).collect();
        Timeline { started_at: SystemTime::UNIX_EPOCH, stretches, slowest: Duration::ZERO }
    }

    fn start(total: f64) -> Start {
        let split =
            Split { recognition: 1.0, job_start: 2.0, port_open: total - 6.0, first_ok: 3.0, resume: 40.0, total };
        Start { client: client(&[(Outcome::Refused, 9), (Outcome::Ok, 4)]), run: json!({ "good": true }), split }
    }

    #[test]
    fn the_table_has_what_the_client_saw_and_where_the_time_went() {
        let without = client(&[(Outcome::NotFound, 710), (Outcome::Ok, 5)]);
        let starts = [start(100.0), start(300.0), start(200.0)];
        let text = comparison(Some(&without), &starts);
        let row = |name: &str| -> Vec<String> {
            let line = text.lines().find(|line| line.trim_start().starts_with(name));
            line.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
        };
        assert!(row("404s that the client saw").ends_with(&["710".into(), "0".into()]), "{text}");
        assert!(row("starts of the server").ends_with(&["1".into(), "3".into()]), "{text}");
        assert!(row("runs that wtor proved good").ends_with(&["3".into()]), "{text}");
        assert!(row("recognition").ends_with(&["1.0".into(), "1.0".into(), "to".into(), "1.0".into()]), "{text}");
        assert!(row("together").ends_with(&["200.0".into(), "100.0".into(), "to".into(), "300.0".into()]), "{text}");
        let json = as_json(Some(&without), &starts);
        assert_eq!((&json["without"]["not_found"], &json["with"][0]["client"]["not_found"]), (&json!(710), &json!(0)));
        assert_eq!(json["ms"]["total"], json!({ "median": 200.0, "least": 100.0, "most": 300.0 }));
    }
}
