//! `wtor run`: the live agent.
//!
//! Layer: shell

use super::args::{FromArg, RunArgs};
use super::notices::Notices;
use super::output::complain;
use super::{Done, Exit, Failure, logs, policy};
use crate::config::{self, Config};
use crate::daemon::{self, Settings, Source};
use crate::diagnostic::{render_full, render_short};
use crate::input::{From, Kind, Spec};
use crate::policy::Policy;
use crate::record::{Encoding, Options, RecordField, field_preset};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Files that are followed where nothing says which.
const DEFAULT_FILES: &str = "logs/*.log";

pub(super) fn run(args: &RunArgs) -> Done {
    let (found, loaded) = policy::load_to_obey(&args.policy)?;
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
        site: found.site(),
        runs_at_once: found.config.runs_at_once,
        journal_keep: found.config.journal_keep,
        brakes: found.config.brakes,
        until_idle: args.until_idle,
    };
    let mut notices = Notices::start(args.json).map_err(|e| Failure::about("the thread of our own messages", e))?;
    end_with_any_thread();
    let ended = daemon::run(settings, &mut |notice| notices.say(notice));
    notices.finish();
    ended.map_err(|e| Failure(e.to_string()))?;
    Ok(Exit::Good)
}

/// A fault of ours in any thread ends the whole agent. What a thread did would be missing without a word: a log that
/// is not read, a run that never ends. It ends at once, since what is dropped on the way out may panic again; the
/// next agent loses nothing by it.
fn end_with_any_thread() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |fault| {
        tell(fault);
        std::process::exit(Exit::Fault.code().into());
    }));
}

/// Reads the policy again as it was read at the start.
fn reloader(args: &RunArgs) -> daemon::Reload {
    let args = args.policy.clone();
    Box::new(move || -> Result<(Arc<Policy>, String), String> {
        let (_, loaded) = policy::load_to_obey(&args).map_err(|failure| failure.to_string())?;
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
