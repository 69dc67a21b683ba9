//! What the tests of the layouts share: text in, one short line per record out.
//!
//! Layer: core

use super::super::{Flush, Format, Position, Record, Stream, to_json};
use super::Options;
use serde_json::Value;

/// The records of a text, as JSON, in the order of their first lines.
pub(crate) fn records(options: &Options, text: &[u8]) -> Vec<Value> {
    let mut stream = Stream::new(options, Position { offset: 0, line: 1 });
    let mut out = Vec::new();
    let mut lines = 0;
    let mut sink = |record: &Record<'_>| {
        lines += record.physical_lines as usize;
        let never = matches!(record.kind, super::super::Kind::Orphan | super::super::Kind::Command);
        assert!(!(never && record.message_id.is_some()), "orphans and commands have no message id: {record:?}");
        out.push(to_json(record, "t"));
    };
    stream.feed(text, &mut sink);
    stream.flush(Flush::Everything, &mut sink);
    let newlines = text.iter().filter(|b| **b == b'\n').count();
    out.sort_by_key(|record| record["source"]["line"].as_u64());
    assert_eq!(lines, newlines + usize::from(!text.ends_with(b"\n") && !text.is_empty()), "no line is lost");
    out
}

/// The records of a text in a format, each as `kind|mark|reply id|message id|text|further lines`.
pub(crate) fn brief(format: Format, text: &str) -> Vec<String> {
    let options = Options { format: Some(format), ..Options::default() };
    records(&options, text.as_bytes()).iter().map(brief_of).collect()
}

/// One record in short.
pub(crate) fn brief_of(record: &Value) -> String {
    let text = |key: &str| record[key].as_str().unwrap_or("-").to_owned();
    let lines = record["lines"]
        .as_array()
        .map_or("-".into(), |lines| lines.iter().map(|v| v.as_str().unwrap_or("?")).collect::<Vec<_>>().join("/"));
    ["kind", "mark", "reply_id", "message_id", "text"].map(text).join("|") + "|" + &lines
}

/// The named field of each record of a text in a format.
pub(crate) fn column(format: Format, key: &str, text: &str) -> Vec<String> {
    let options = Options { format: Some(format), ..Options::default() };
    let records = records(&options, text.as_bytes());
    records.iter().map(|r| r[key].as_str().map_or_else(|| r[key].to_string(), String::from)).collect()
}

/// The format that `auto` chooses for a text, and the line that decided.
pub(crate) fn detected(text: &str) -> Option<(Format, u64)> {
    let mut stream = Stream::new(&Options::default(), Position { offset: 0, line: 1 });
    stream.feed(text.as_bytes(), &mut |_| {});
    stream.flush(Flush::Everything, &mut |_| {});
    stream.detection().map(|d| (d.format, d.position.line))
}
