//! `wtor run`, `status` and `reload`: the live agent.
//!
//! Layer: shell

use super::args::{AboutRunArgs, ControlArgs, FromArg, ReleaseArgs, RunArgs};
use super::notices::Notices;
use super::output::{complain, print, print_json};
use super::{Done, Exit, Failure, logs, policy};
use crate::agent::{Release, RunView};
use crate::config::{self, Config};
use crate::control::{Answer, Request};
use crate::daemon::{self, Settings, Source, counted};
use crate::diagnostic::{render_full, render_short};
use crate::input::{From, Kind, Spec};
use crate::journal::RunId;
use crate::policy::Policy;
use crate::record::{Encoding, Options, RecordField, field_preset};
use crate::span::visible;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files that are followed where nothing says which.
const DEFAULT_FILES: &str = "logs/*.log";

pub(super) fn run(args: &RunArgs) -> Done {
    let (found, loaded) = policy::load(&args.policy)?;
    match &loaded.policy {
        None => complain(&policy::report(&loaded, "nothing is in force")),
        // What can wait is told in short; `wtor check` tells it in full.
        Some(_) => complain(&render_short(&loaded.diagnostics)),
    }
    let Some(first) = loaded.policy else { return Ok(Exit::Findings) };
    let state = args.state.clone().unwrap_or_else(|| found.base.join(&found.config.state));
    let socket = match &args.state {
        Some(state) => state.join("wtor.sock"),
        None => found.base.join(&found.config.control_socket),
    };
    let settings = Settings {
        policy: Arc::new(first),
        reload: reloader(args),
        sources: sources(args, &found.config, &found.base)?,
        state,
        socket,
        allowed: found.allowed(),
        runs_at_once: found.config.runs_at_once,
        journal_keep: found.config.journal_keep,
        until_idle: args.until_idle,
    };
    let mut notices = Notices::start(args.json).map_err(|e| Failure::about("the thread of our own messages", e))?;
    let ended = daemon::run(settings, &mut |notice| notices.say(notice));
    notices.finish();
    ended.map_err(|e| Failure(e.to_string()))?;
    Ok(Exit::Good)
}

/// Reads the policy again as it was read at the start.
fn reloader(args: &RunArgs) -> daemon::Reload {
    let args = args.policy.clone();
    Box::new(move || -> Result<(Arc<Policy>, String), String> {
        let (_, loaded) = policy::load(&args).map_err(|failure| failure.to_string())?;
        match loaded.policy {
            Some(policy) => Ok((Arc::new(policy), render_full(&loaded.diagnostics))),
            None => Err(policy::report(&loaded, "the running policy stays in force")),
        }
    })
}

fn sources(args: &RunArgs, config: &Config, base: &Path) -> Result<Vec<Source>, Failure> {
    let mut sources = Vec::new();
    if !args.files.is_empty() {
        let options = logs::options(&args.format)?;
        sources.extend(args.files.iter().map(|file| Source { options: options.clone(), ..plain_source(file) }));
        let newline = newline(options.record_length, options.encoding);
        sources.iter_mut().for_each(|source| source.spec.newline = newline);
    } else if config.sources.is_empty() {
        sources.push(default_source());
    } else {
        for source in &config.sources {
            sources.push(configured(source, base)?);
        }
    }
    if let Some(from) = args.from {
        for source in &mut sources {
            source.spec.from = match from {
                FromArg::Checkpoint => From::Checkpoint,
                FromArg::End => From::End,
                FromArg::Start => From::Start,
            };
        }
    }
    Ok(sources)
}

/// Without a word in wtor.toml: what is piped in, else the logs of this directory.
fn default_source() -> Source {
    if !is_input(&io::stdin()) {
        complain(&format!("wtor: no [[source]] in wtor.toml and no FILE given: following {DEFAULT_FILES}\n"));
        return plain_source(DEFAULT_FILES);
    }
    complain("wtor: no [[source]] in wtor.toml and no FILE given: reading standard input\n");
    plain_source("-")
}

/// True if something may come: a pipe, a file or a socket; not a terminal, and not the /dev/null that a
/// service manager or cron gives.
fn is_input(stdin: &impl std::os::fd::AsFd) -> bool {
    use rustix::fs::FileType;
    let kind = rustix::fs::fstat(stdin).map(|stat| FileType::from_raw_mode(stat.st_mode));
    matches!(kind, Ok(FileType::Fifo | FileType::RegularFile | FileType::Socket))
}

fn plain_source(file: &str) -> Source {
    let kind = match file {
        "-" => Kind::Stdin,
        _ => Kind::Files { patterns: vec![file.to_owned()] },
    };
    let name = if file == "-" { "stdin" } else { file };
    Source {
        spec: Spec::new(name, kind),
        options: Options::default(),
        settle: config::SETTLE,
        age_max: None,
        zone: None,
        server: None,
    }
}

/// A source of wtor.toml, with its paths and names resolved.
fn configured(source: &config::Source, base: &Path) -> Result<Source, Failure> {
    let wrong = |what: String| Failure(format!("{}:{}: {what}", source.place.file, source.place.line));
    let at = |path: &String| base.join(path);
    let kind = match &source.input {
        config::Input::Files(files) => {
            Kind::Files { patterns: files.iter().map(|f| at(f).display().to_string()).collect() }
        }
        config::Input::Stdin => Kind::Stdin,
        config::Input::Fifo(path) => Kind::Fifo(at(path)),
        config::Input::Command(argv) => Kind::Command(argv.clone()),
        config::Input::Tcp(address) => Kind::Tcp(address.clone()),
        config::Input::Udp(address) => Kind::Udp(address.clone()),
        config::Input::Unix(path) => Kind::Unix(at(path)),
    };
    let zone = source
        .zone
        .as_ref()
        .map(|name| jiff::tz::TimeZone::get(name).map_err(|_| wrong(format!("there is no time zone `{name}`"))));
    let newline = newline(source.record_length, source.encoding);
    Ok(Source {
        spec: Spec { from: source.from, poll: source.poll, newline, ..Spec::new(&source.name, kind) },
        options: options(source).map_err(wrong)?,
        settle: source.settle,
        age_max: source.catch_up.age_max(),
        zone: zone.transpose()?,
        server: source.server.clone(),
    })
}

/// The byte that ends a line.
fn newline(record_length: Option<usize>, encoding: Option<Encoding>) -> Option<u8> {
    match (record_length, encoding) {
        (Some(_), _) => None,
        (None, Some(Encoding::Ibm1047 | Encoding::Ibm037)) => Some(0x15),
        (None, _) => Some(b'\n'),
    }
}

pub(super) fn options(source: &config::Source) -> Result<Options, String> {
    let mut fields = match &source.preset {
        Some(name) => field_preset(name).ok_or_else(|| format!("there is no preset `{name}`"))?,
        None => Vec::new(),
    };
    for (name, path) in &source.fields {
        let field = RecordField::named(name).ok_or_else(|| format!("there is no record field `{name}`"))?;
        fields.insert(0, (field, path.clone()));
    }
    let pattern = source.pattern.as_ref().map(|pattern| {
        let build = regex::bytes::RegexBuilder::new(pattern).unicode(false).build();
        build.map_err(|error| format!("this pattern does not parse: {error}"))
    });
    Ok(Options {
        format: source.format,
        encoding: source.encoding,
        record_length: source.record_length,
        fields,
        pattern: pattern.transpose()?,
        written: None,
    })
}

fn ask(args: &ControlArgs, request: &Request) -> Result<Answer, Failure> {
    let socket: PathBuf = match &args.state {
        Some(state) => state.join("wtor.sock"),
        None => {
            let found = policy::good_config(args.config.as_deref())?;
            found.base.join(&found.config.control_socket)
        }
    };
    daemon::ask(&socket, request).map_err(|error| Failure(format!("no agent answers at {}: {error}", socket.display())))
}

/// Owed runs that are shown one by one; `--json` has all.
const OWED_SHOWN: usize = 20;

pub(super) fn status(args: &ControlArgs) -> Done {
    let answer = ask(args, &Request::Status)?;
    let Answer::Status { pid, version, view, problems, stalled } = &answer else { return unexpected(&answer) };
    if args.json {
        return print_json(&answer);
    }
    let (rules, jobs) = (counted(view.rules, "rule", "rules"), counted(view.jobs, "job", "jobs"));
    let mut text = format!("wtor {version}, pid {pid}, policy {}: {rules}, {jobs}\n", view.policy);
    let counts = &view.counts;
    let _ = writeln!(
        text,
        "decisions: {} fired, {} held; matches: {} noted, {} read again; attempts started {}; runs good {}, failed {}",
        counts.fired, counts.held, counts.noted, counts.repeated, counts.started, counts.good, counts.failed
    );
    if let Some(why) = stalled {
        let _ = writeln!(text, "THE JOURNAL CANNOT BE WRITTEN, nothing is started: {why}");
    }
    let (owed, under_way): (Vec<&RunView>, Vec<&RunView>) = view.runs.iter().partition(|run| run.state == "owed");
    for run in under_way.into_iter().chain(owed.iter().copied().take(OWED_SHOWN)) {
        text.push_str(&run_line(run));
    }
    if owed.len() > OWED_SHOWN {
        let more = counted(owed.len() - OWED_SHOWN, "run more is owed", "runs more are owed");
        let _ = writeln!(text, "and {more}");
    }
    for known in &view.situations {
        let _ = writeln!(
            text,
            "situation of rule {}  {}  {}  since {}Z",
            known.rule,
            visible(&known.key),
            known.state,
            known.since
        );
    }
    let more = view.situations_alive.saturating_sub(view.situations.len());
    if more > 0 {
        let _ = writeln!(text, "and {more} situations more");
    }
    for due in &view.schedules {
        let _ = writeln!(text, "rule {} is due at {}Z", due.rule, due.at);
    }
    for file in &view.files {
        let _ = writeln!(
            text,
            "{}  {} read to byte {}, line {}",
            visible(&file.source),
            visible(&file.path),
            file.offset,
            file.line
        );
    }
    for problem in problems {
        let _ = writeln!(text, "problem: {}", visible(problem));
    }
    print(&text)
}

fn run_line(run: &RunView) -> String {
    let word = if run.state == "owed" { "not before" } else { "until" };
    let due = run.due.map(|due| format!(" {word} {due}Z")).unwrap_or_default();
    let mut line =
        format!("run {}  {}  {}{due}  attempt {}  rule {}", run.run, run.job, run.state, run.attempt, run.rule);
    // Who is asked for approval must see of what.
    if run.state == "asked" {
        run.with.iter().for_each(|(name, value)| line.push_str(&format!("  {name}={}", visible(value))));
    }
    line.push('\n');
    line
}

pub(super) fn reload(args: &ControlArgs) -> Done {
    let answer = ask(args, &Request::Reload)?;
    if args.json {
        print_json(&answer)?;
    }
    match &answer {
        Answer::Reloaded { .. } if args.json => Ok(Exit::Good),
        Answer::Reloaded { policy, rules, jobs, .. } => print(&format!(
            "policy {policy} is in force: {}, {}\n",
            counted(*rules, "rule", "rules"),
            counted(*jobs, "job", "jobs")
        )),
        Answer::Refused { reason } => {
            complain(reason);
            Ok(Exit::Findings)
        }
        Answer::Status { .. } | Answer::Done => unexpected(&answer),
    }
}

pub(super) fn release(args: &ReleaseArgs) -> Done {
    let how = match (args.rerun, args.good, args.failed) {
        (true, false, false) => Release::Rerun,
        (false, true, false) => Release::Good,
        (false, false, true) => Release::Failed,
        _ => return Err(Failure("release: say --rerun, --good or --failed".into())),
    };
    done(&args.control, &Request::Release { run: RunId(args.run), how })
}

pub(super) fn cancel(args: &AboutRunArgs) -> Done {
    done(&args.control, &Request::Cancel { run: RunId(args.run), why: args.why.clone() })
}

pub(super) fn approve(args: &AboutRunArgs) -> Done {
    done(&args.control, &Request::Approve { run: RunId(args.run), why: args.why.clone() })
}

pub(super) fn deny(args: &AboutRunArgs) -> Done {
    done(&args.control, &Request::Deny { run: RunId(args.run), why: args.why.clone() })
}

/// Asks for something that is either done or refused.
fn done(args: &ControlArgs, request: &Request) -> Done {
    let answer = ask(args, request)?;
    if args.json {
        print_json(&answer)?;
    }
    match &answer {
        Answer::Done => Ok(Exit::Good),
        Answer::Refused { reason } => {
            complain(&format!("wtor: {reason}\n"));
            Ok(Exit::Findings)
        }
        Answer::Status { .. } | Answer::Reloaded { .. } => unexpected(&answer),
    }
}

fn unexpected(answer: &Answer) -> Done {
    match answer {
        Answer::Refused { reason } => Err(Failure(reason.clone())),
        _ => Err(Failure("the agent gave an answer to something else; is it of another release?".into())),
    }
}
