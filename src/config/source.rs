//! The sources of `wtor.toml`.
//!
//! Layer: core

use super::From;
use super::decode::path;
use super::{CatchUp, Input, Source};
use crate::diagnostic::{Diagnostic, closest, id};
use crate::document::{Document, Key, Table, Value};
use crate::limits::LINE_BYTES_MAX;
use crate::record::{Encoding, Format, RecordField};
use crate::rule::decode::text_pattern;
use crate::span::{Place, Span, TextFile};
use std::sync::Arc;
use std::time::Duration;

/// Network file systems report no changes; there this is how late a record can be.
const POLL: Duration = Duration::from_secs(1);

/// Keys that say where the bytes come from; a source has exactly one.
const INPUTS: [&str; 7] = ["file", "stdin", "fifo", "command", "tcp", "udp", "unix"];

/// Known mappings of JSON fields.
const PRESETS: [&str; 3] = ["cdp-syslog-console", "liberty", "zosmf-log"];

/// What people write for our keys, and our keys.
const MEANT: [(&str, &str); 9] = [
    ("path", "file"),
    ("paths", "file"),
    ("files", "file"),
    ("glob", "file"),
    ("pipe", "fifo"),
    ("exec", "command"),
    ("socket", "unix"),
    ("timezone", "zone"),
    ("charset", "encoding"),
];

/// The sources, or none if there is a mistake in one.
pub fn sources(value: Value<'_>) -> Option<Vec<Source>> {
    let items = value.list("a list: write `[[source]]` before each source")?;
    let mut names: Vec<(Arc<str>, Span)> = Vec::new();
    let mut inputs: Vec<(Input, Span)> = Vec::new();
    let all: Vec<Option<Source>> = items
        .into_iter()
        .map(|item| {
            let (source, at) = source(item.table("a source")?)?;
            note_if_twice(value.doc(), &names, &source.name, &at);
            note_if_shared(value.doc(), &inputs, &source.input, &at);
            inputs.push((source.input.clone(), at.clone()));
            names.push((source.name.clone(), at));
            Some(source)
        })
        .collect();
    all.into_iter().collect()
}

fn note_if_twice(doc: &Document<'_>, names: &[(Arc<str>, Span)], name: &Arc<str>, at: &Span) {
    if let Some((_, first)) = names.iter().find(|(other, _)| other == name) {
        let mistake = doc.mistake(id::SOURCE_TWICE, at, &format!("a second source is named `{name}`"));
        let mistake = mistake.also(doc.file().spot(first).labelled("the first one"));
        doc.note(at, mistake.help("give it a `name` of its own"));
    }
}

/// A decision is named by rule, file and place: of two sources on one file only one would be heard.
fn note_if_shared(doc: &Document<'_>, inputs: &[(Input, Span)], input: &Input, at: &Span) {
    let Input::Files(ours) = input else { return };
    for (other, first) in inputs {
        let Input::Files(theirs) = other else { continue };
        let shared = ours.iter().find(|ours| theirs.iter().any(|theirs| covers(ours, theirs) || covers(theirs, ours)));
        if let Some(shared) = shared {
            let mistake = doc.mistake(id::FILE_TWICE, at, &format!("a second source reads `{shared}`"));
            let mistake = mistake.also(doc.file().spot(first).labelled("the first one"));
            doc.note(at, mistake.help("let one source read it, and tell its records apart in the rules"));
        }
    }
}

/// Whether all that the one pattern stands for is certainly among what the other does.
fn covers(pattern: &str, file: &str) -> bool {
    let plain = |path: &str| path.trim_start_matches("./").to_owned();
    plain(pattern) == plain(file) || glob::Pattern::new(&plain(pattern)).is_ok_and(|glob| glob.matches(&plain(file)))
}

/// What is said of a source that covers a log and a copy of it, made before the log was truncated. `text` is the
/// `wtor.toml` of the source.
#[must_use]
pub fn covers_copy(text: &TextFile<'_>, source: &Source, log: &str, copy: &str) -> Diagnostic {
    let what = format!("the source `{}` covers `{log}` and `{copy}`, a copy of it", source.name);
    let mistake = Diagnostic::new(id::COPY_COVERED, text.spot_at(&source.place), &what);
    mistake.help("name the log itself, or have it renamed when it is rotated: the lines of a copy come twice")
}

/// A source, and where its name stands.
fn source(mut table: Table<'_>) -> Option<(Source, Span)> {
    let doc = table.doc();
    let header = table.span().clone();
    let input = input(&mut table);
    let (name, at) = match table.take("name") {
        Some(value) => (name(value), value.span()),
        None => (input.as_ref().map(default_name), header),
    };
    let format = table.take("format").map_or(Some(None), format);
    let encoding = table.take("encoding").map_or(Some(None), |value| encoding(value).map(Some));
    let record_length = table.take("record_length").map_or(Some(None), record_length);
    let from = table.take("from").map_or(Some(From::default()), from);
    let catch_up = table.take("catch_up").map_or(Some(CatchUp::default()), catch_up);
    let zone = table.take("zone").map_or(Some(None), |value| zone(value).map(Some));
    let server = table.take("server").map_or(Some(None), |value| word(value).map(Some));
    let settle = table.take("settle").map_or(Some(super::SETTLE), Value::duration);
    let poll = table.take("poll").map_or(Some(POLL), Value::span_of_time);
    let (fields, preset, pattern) = mapping(&mut table, format.flatten());
    let whole = table.is_empty();
    table.finish_with(&MEANT);
    let place: Place = doc.file().place(at.start);
    let source = Source {
        name: name?,
        place,
        input: input?,
        format: format?,
        encoding: encoding?,
        record_length: record_length?,
        from: from?,
        catch_up: catch_up?,
        zone: zone?,
        server: server?,
        settle: settle?,
        poll: poll?,
        fields: fields?,
        preset: preset?,
        pattern: pattern?,
    };
    whole.then_some((source, at))
}

fn input(table: &mut Table<'_>) -> Option<Input> {
    let doc = table.doc();
    let given: Vec<(Key<'_>, Value<'_>)> = INPUTS.iter().filter_map(|key| table.take_entry(key)).collect();
    let known = INPUTS.map(|key| format!("`{key}`")).join(", ");
    let Some((key, value)) = given.first() else {
        let mistake = doc.mistake(id::ONE_OF, table.span(), "this source does not say where it reads");
        doc.note(table.span(), mistake.help(&format!("give it one of {known}")));
        return None;
    };
    if let Some((second, _)) = given.get(1) {
        let text = format!("a source has one input, and this one has both `{}` and `{}`", key.name, second.name);
        doc.error(id::ONE_OF, &second.span, &text);
        return None;
    }
    match key.name {
        "file" => files(*value),
        "stdin" => match value.boolean()? {
            true => Some(Input::Stdin),
            false => {
                value.error(id::ONE_OF, "a source that does not read standard input must say what it reads");
                None
            }
        },
        "fifo" => path(*value).map(Input::Fifo),
        "unix" => path(*value).map(Input::Unix),
        "tcp" => address(*value).map(Input::Tcp),
        "udp" => address(*value).map(Input::Udp),
        _ => command(*value),
    }
}

fn files(value: Value<'_>) -> Option<Input> {
    let file = |item: Value<'_>| {
        let text = item.filled_text("a path or a glob in quotes, or a list of them")?;
        if let Err(error) = glob::Pattern::new(text.as_str()) {
            let span = text.part(error.pos, 1);
            let what = format!("this file pattern does not parse: {}", error.msg.to_lowercase());
            text.doc().error(id::FILE_PATTERN, &span, &what);
            return None;
        }
        Some(text.as_str().to_owned())
    };
    let files: Vec<Option<String>> = value.filled_items().into_iter().map(file).collect();
    let files: Vec<String> = files.into_iter().collect::<Option<_>>()?;
    (!files.is_empty()).then_some(Input::Files(files))
}

fn command(value: Value<'_>) -> Option<Input> {
    let items = value.list("a list: the program and its words, each in quotes")?;
    let Some(first) = items.first() else {
        value.error(id::EMPTY, "`command` is an empty list; its first word is the program");
        return None;
    };
    let program = first.filled_text("a program in quotes");
    let words: Vec<Option<String>> = items.into_iter().map(Value::string).collect();
    program.and(words.into_iter().collect::<Option<_>>()).map(Input::Command)
}

/// `host:port`; what the host is, the resolver knows.
fn address(value: Value<'_>) -> Option<String> {
    let text = value.filled_text("an address in quotes, such as \"127.0.0.1:5140\"")?;
    let good = |(host, port): (&str, &str)| !host.is_empty() && port.parse::<u16>().is_ok();
    if text.as_str().rsplit_once(':').is_some_and(good) {
        return Some(text.as_str().to_owned());
    }
    let mistake = text.mistake(id::ADDRESS, &format!("the address `{}` does not read", text.as_str()));
    text.note(mistake.help("write a host and a port: `127.0.0.1:5140` for this machine only, `0.0.0.0:5140` for all"));
    None
}

fn name(value: Value<'_>) -> Option<Arc<str>> {
    let text = value.filled_text("a name in quotes")?;
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    match text.as_str().char_indices().find(|(_, c)| !good(*c)) {
        None => Some(text.as_str().into()),
        Some((at, c)) => {
            let span = text.part(at, c.len_utf8());
            let what = format!("the name `{}` cannot have `{c}`", text.as_str());
            let mistake = text.doc().mistake(id::BAD_NAME, &span, &what);
            text.doc().note(&span, mistake.help("a source's name is made of letters, digits, `-`, `_` and `.`"));
            None
        }
    }
}

/// The name of the last file without directories and ending, or what kind of input it is.
fn default_name(input: &Input) -> Arc<str> {
    let stem = |path: &str| {
        let file = path.rsplit('/').next().unwrap_or(path);
        let file = file.rsplit_once('.').map_or(file, |(stem, _)| if stem.is_empty() { file } else { stem });
        file.replace(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.'), "-")
    };
    let port = |address: &str| address.rsplit(':').next().unwrap_or_default().to_owned();
    match input {
        Input::Files(files) => stem(files.last().map_or("", String::as_str)).into(),
        Input::Stdin => "stdin".into(),
        Input::Command(words) => stem(words.first().map_or("", String::as_str)).into(),
        Input::Fifo(path) | Input::Unix(path) => stem(path).into(),
        Input::Tcp(address) => format!("tcp-{}", port(address)).into(),
        Input::Udp(address) => format!("udp-{}", port(address)).into(),
    }
}

fn format(value: Value<'_>) -> Option<Option<Format>> {
    let words: Vec<&str> = std::iter::once("auto").chain(Format::ALL.iter().map(|f| f.name())).collect();
    value.word(&words, |word| if word == "auto" { Some(None) } else { Format::named(word).map(Some) })
}

fn encoding(value: Value<'_>) -> Option<Encoding> {
    value.word(&["ascii", "utf-8", "ibm-1047", "ibm-037"], |word| match word {
        "ascii" | "utf-8" => Some(Encoding::Ascii),
        "ibm-1047" => Some(Encoding::Ibm1047),
        "ibm-037" => Some(Encoding::Ibm037),
        _ => None,
    })
}

fn record_length(value: Value<'_>) -> Option<Option<usize>> {
    let length = value.integer(1..=i64::try_from(LINE_BYTES_MAX).unwrap_or(i64::MAX))?;
    usize::try_from(length).ok().map(Some)
}

fn from(value: Value<'_>) -> Option<From> {
    value.word(&["checkpoint", "end", "start"], |word| match word {
        "checkpoint" => Some(From::Checkpoint),
        "end" => Some(From::End),
        "start" => Some(From::Start),
        _ => None,
    })
}

fn catch_up(value: Value<'_>) -> Option<CatchUp> {
    if !value.is_table() {
        let text = value.text("`\"act\"` or `{ report_older = \"10m\" }`")?;
        if text.as_str() != "act" {
            let mistake = text.mistake(id::UNKNOWN_WORD, &format!("`catch_up` cannot be `{}`", text.as_str()));
            text.note(mistake.help("write `\"act\"`, or `{ report_older = \"10m\" }`"));
            return None;
        }
        return Some(CatchUp::Act);
    }
    let mut table = value.table("`catch_up`")?;
    let age = table.require("report_older").and_then(Value::span_of_time);
    table.finish();
    age.map(CatchUp::ReportOlder)
}

fn word(value: Value<'_>) -> Option<String> {
    value.filled_text("a word in quotes").map(|text| text.as_str().to_owned())
}

/// The name of a time zone that there is. The names come with wtor, so that a mistake in one is found
/// wherever the file is checked.
fn zone(value: Value<'_>) -> Option<String> {
    let text = value.filled_text("a time zone by its IANA name, such as \"Europe/Berlin\"")?;
    let zones = jiff::tz::TimeZoneDatabase::bundled();
    if zones.get(text.as_str()).is_ok() {
        return Some(text.as_str().to_owned());
    }
    let names: Vec<String> = zones.available().map(|name| name.as_str().to_owned()).collect();
    let mistake =
        text.mistake(id::UNKNOWN_WORD, &format!("`zone` cannot be `{}`: there is no such time zone", text.as_str()));
    text.note(match closest(text.as_str(), names.iter().map(String::as_str)) {
        Some(close) => mistake.help(&format!("did you mean `{close}`?")),
        None => mistake.help("use an IANA name, such as `Europe/Berlin` or `UTC`"),
    });
    None
}

type Mapping = (Option<Vec<(String, String)>>, Option<Option<String>>, Option<Option<String>>);

/// `fields` and `preset`, which belong to JSON, and `pattern`, which belongs to plain lines.
fn mapping(table: &mut Table<'_>, layout: Option<Format>) -> Mapping {
    let doc = table.doc();
    let json = matches!(layout, Some(Format::Json | Format::LibertyJson));
    let belongs = |key: &Key<'_>, good: bool, help: &str| {
        if !good {
            let text = format!("`{}` means nothing for this format", key.name);
            doc.note(&key.span, doc.mistake(id::FORMAT_OPTION, &key.span, &text).help(help));
        }
        good
    };
    let json_help = "it belongs to `format = \"json\"` or `format = \"liberty-json\"`";
    let fields = table
        .take_entry("fields")
        .map_or(Some(Vec::new()), |(key, value)| if belongs(&key, json, json_help) { fields(value) } else { None });
    let preset = table.take_entry("preset").map_or(Some(None), |(key, value)| {
        let preset = value.word(&PRESETS, |word| PRESETS.contains(&word).then(|| word.to_owned()));
        if belongs(&key, json, json_help) { preset.map(Some) } else { None }
    });
    let pattern = table.take_entry("pattern").map_or(Some(None), |(key, value)| {
        let pattern = line_pattern(value);
        let plain = layout == Some(Format::Plain);
        if belongs(&key, plain, "it belongs to `format = \"plain\"`") { pattern.map(Some) } else { None }
    });
    (fields, preset, pattern)
}

/// A pattern whose groups are fields of a record.
fn line_pattern(value: Value<'_>) -> Option<String> {
    let pattern = text_pattern(value)?;
    let unknown = pattern.names().iter().find(|name| RecordField::named(name).is_none());
    if let Some(name) = unknown {
        let text = value.text("a pattern")?;
        let group = text.as_str().find(&format!("<{name}>")).map_or(0, |at| at + 1);
        let span = text.part(group, name.len());
        let mistake = text.doc().mistake(id::UNKNOWN_WORD, &span, &format!("`{name}` is no field of a record"));
        text.doc().note(&span, mistake.did_you_mean(name, RecordField::ALL.map(RecordField::name)));
        return None;
    }
    Some(pattern.source().to_owned())
}

fn fields(value: Value<'_>) -> Option<Vec<(String, String)>> {
    let entries = value.table("`fields`")?.take_rest();
    let field = |(key, value): (Key<'_>, Value<'_>)| {
        let known = RecordField::named(key.name).is_some();
        if !known {
            let text = format!("`{}` is no field of a record", key.name);
            let mistake = value.doc().mistake(id::UNKNOWN_KEY, &key.span, &text);
            value.doc().note(&key.span, mistake.did_you_mean(key.name, RecordField::ALL.map(RecordField::name)));
        }
        let paths: Vec<Option<String>> = value.filled_items().into_iter().map(word).collect();
        let paths: Vec<String> = paths.into_iter().collect::<Option<_>>()?;
        known.then(|| paths.into_iter().map(|path| (key.name.to_owned(), path)).collect::<Vec<_>>())
    };
    let all: Vec<Option<Vec<_>>> = entries.into_iter().map(field).collect();
    Some(all.into_iter().collect::<Option<Vec<_>>>()?.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_presets_exist() {
        assert!(PRESETS.iter().all(|preset| crate::record::field_preset(preset).is_some()));
    }
}
