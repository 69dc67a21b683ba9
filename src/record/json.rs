//! A record as one JSON object: what `wtor records --json` prints and other programs script
//! against. Every key is always there; absent things are null.
//!
//! Layer: core

use super::Record;
use serde_json::{Value, json};

/// The object for one record of the named file.
#[must_use]
pub fn to_json(record: &Record<'_>, file: &str) -> Value {
    let text = |field: Option<&[u8]>| field.map(|f| String::from_utf8_lossy(f).into_owned());
    json!({
        "kind": record.kind.name(),
        "message_id": text(record.message_id),
        "inner_id": text(record.inner_id),
        "text": String::from_utf8_lossy(record.text),
        "lines": record.further.map(|_| record.lines().map(String::from_utf8_lossy).collect::<Vec<_>>()),
        "system": text(record.system),
        "job_name": text(record.job_name),
        "job_id": text(record.job_id),
        "console": text(record.console),
        "reply_id": text(record.reply_id),
        "connect_id": text(record.connect_id),
        "routing": record.routing.map(|r| r.iter().collect::<Vec<_>>()),
        "flags": text(record.flags),
        "flag_names": record.flags.map(|_| record.flag_set().names().collect::<Vec<_>>()),
        "mark": record.mark.map(|m| char::from(m).to_string()),
        "time": record.time.map(|t| t.to_string()),
        "level": record.level.map(|l| String::from_utf8_lossy(level_letter(l)).into_owned()),
        "format": record.format.name(),
        "incomplete": record.incomplete,
        "source": { "file": file, "line": record.position.line, "offset": record.position.offset },
    })
}

/// Liberty's level words as the letters that messages.log uses; other levels as they are.
#[must_use]
pub fn level_letter(level: &[u8]) -> &[u8] {
    match level {
        b"FATAL" => b"F",
        b"SEVERE" | b"ERROR" => b"E",
        b"WARNING" => b"W",
        b"AUDIT" => b"A",
        b"INFO" => b"I",
        b"SystemOut" => b"O",
        b"SystemErr" | b"err" => b"R",
        other => other,
    }
}
