//! `wtor records`, and how saved logs are found and read.
//!
//! Layer: shell

use super::args::{FormatArgs, RecordsArgs};
use super::output::{complain, json_line};
use super::{Done, Exit, Failure, policy, written};
use crate::diagnostic::{has_errors, report};
use crate::record::{Encoding, Flush, Format, Options, Position, Record, Stream, field_preset, to_json};
use crate::replay::{Named, Summary};
use crate::span::visible;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};

pub(super) fn records(args: &RecordsArgs) -> Done {
    let found = policy::config(None)?;
    // Where the flags say how a log is read, a mistake in wtor.toml is no reason not to show it.
    if has_errors(&found.diagnostics) && args.format == FormatArgs::default() {
        complain(&report("wtor.toml", &found.diagnostics, "no log is read"));
        return Ok(Exit::Findings);
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let mut result = Ok(());
    let mut summary = Summary::default();
    for name in expand(&args.files)? {
        let mut input = open(&name)?;
        let (_, options) = as_source(&found, &name, &args.format)?;
        let mut stream = Stream::new(&options, Position { offset: 0, line: 1 });
        let mut print = |record: &Record<'_>| {
            summary.kinds[record.kind as usize] += 1;
            if result.is_ok() {
                result = if args.json {
                    writeln!(out, "{}", json_line(&to_json(record, &name)))
                } else {
                    writeln!(out, "{}", record_line(record, &name))
                };
            }
        };
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let length = input.read(&mut buffer).map_err(|e| Failure::about(&name, e))?;
            if length == 0 {
                break;
            }
            stream.feed(&buffer[..length], &mut print);
        }
        if let Some(lacks) = stream.lacks_record_length() {
            complain(&format!("wtor: {name}: WTR140W {lacks}; say --record-length\n"));
        }
        stream.flush(Flush::Everything, &mut print);
        summary.lines += stream.position().line - 1;
    }
    if !args.json && result.is_ok() {
        result = writeln!(out, "\n{}", summary.kinds_line());
    }
    written(result.and_then(|()| out.flush()))
}

/// A record as one line for people.
fn record_line(record: &Record<'_>, name: &str) -> String {
    let show = |field: Option<&[u8]>| field.map_or("-".into(), |f| String::from_utf8_lossy(f).into_owned());
    let lines = record.lines().count();
    let more = if lines > 0 { format!(" (+{lines} lines)") } else { String::new() };
    let text = String::from_utf8_lossy(record.text);
    let time = record.time.map_or("-".into(), |t| t.to_string());
    let origin = record.job_id.or(record.console).or(record.job_name);
    let line = format!(
        "{name}:{} {} {} {} {} {text}{more}",
        record.position.line,
        record.kind.name(),
        time,
        show(record.system),
        show(origin),
    );
    visible(&line)
}

/// Reads the flags that say how a log is to be read.
pub(super) fn options(args: &FormatArgs) -> Result<Options, Failure> {
    let format = match args.format.as_str() {
        "auto" => None,
        name => Some(Format::named(name).ok_or_else(|| Failure(format!("--format {name}: there is no such format")))?),
    };
    let encoding = match args.encoding.as_str() {
        "auto" => None,
        "ascii" | "utf-8" => Some(Encoding::Ascii),
        "ibm-1047" => Some(Encoding::Ibm1047),
        "ibm-037" => Some(Encoding::Ibm037),
        name => return Err(Failure(format!("--encoding {name}: there is no such character set"))),
    };
    let fields = match &args.preset {
        None => Vec::new(),
        Some(name) => field_preset(name).ok_or_else(|| Failure(format!("--preset {name}: there is no such preset")))?,
    };
    Ok(Options { format, encoding, record_length: args.record_length, fields, ..Options::default() })
}

/// What a log is called, and how it is read: as the source of wtor.toml does whose pattern covers it, unless
/// the flags say how.
pub(super) fn as_source<'n>(
    found: &'n policy::Found,
    name: &'n str,
    args: &FormatArgs,
) -> Result<(Named<'n>, Options), Failure> {
    let source = found.source_of(name);
    let as_told = *args == FormatArgs::default();
    let options = match source.filter(|_| as_told) {
        Some(source) => {
            super::live::options(source).map_err(|why| Failure(format!("source {}: {why}", source.name)))?
        }
        None => options(args)?,
    };
    let named = Named {
        path: name,
        source: source.map(|source| &*source.name),
        server: source.and_then(|source| source.server.as_deref()),
    };
    Ok((named, options_for(name, &options)))
}

/// Names and globs -> names, in order; a name that is not a glob stays as it is.
pub(super) fn expand(names: &[String]) -> Result<Vec<String>, Failure> {
    let mut files = Vec::new();
    for name in names {
        if name == "-" || std::path::Path::new(name).exists() || !name.contains(['*', '?', '[']) {
            files.push(name.clone());
            continue;
        }
        let found = glob::glob(name).map_err(|e| Failure::about(name, e))?;
        let before = files.len();
        files.extend(found.filter_map(Result::ok).map(|path| path.to_string_lossy().into_owned()));
        if files.len() == before {
            return Err(Failure(format!("{name}: no file matches")));
        }
    }
    Ok(files)
}

/// The options for one file: a UNIX syslog has no year, but the file's last change has.
pub(super) fn options_for(name: &str, options: &Options) -> Options {
    let changed = std::fs::metadata(name).and_then(|meta| meta.modified()).ok();
    Options { written: changed.and_then(crate::daemon::clock::date_of), ..options.clone() }
}

/// Opens a log; `-` is standard input.
pub(super) fn open(name: &str) -> Result<Box<dyn Read>, Failure> {
    if name == "-" {
        return Ok(Box::new(io::stdin().lock()));
    }
    Ok(Box::new(File::open(name).map_err(|e| Failure::about(name, e))?))
}
