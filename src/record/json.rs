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

/// The letter for a level: of Liberty's words, of the usual words of other logs, and of syslog's severities, in
/// any case. Other levels stay as they are. Liberty's console writes `[err     ]` for System.err.
#[must_use]
pub fn level_letter(level: &[u8]) -> &[u8] {
    const WORDS: [(&[u8], &[&str]); 8] = [
        (b"F", &["FATAL", "EMERG", "EMERGENCY", "PANIC", "ALERT", "CRIT", "CRITICAL"]),
        (b"R", &["SystemErr"]),
        (b"E", &["ERROR", "SEVERE", "ERR"]),
        (b"W", &["WARNING", "WARN"]),
        (b"A", &["AUDIT"]),
        (b"I", &["INFO", "INFORMATION", "INFORMATIONAL", "NOTICE"]),
        (b"D", &["DEBUG"]),
        (b"O", &["SystemOut"]),
    ];
    if level.len() == 1 {
        return level;
    }
    if level == b"err" {
        return b"R";
    }
    let is_one_of = |words: &[&str]| words.iter().any(|word| word.as_bytes().eq_ignore_ascii_case(level));
    WORDS.iter().find(|(_, words)| is_one_of(words)).map_or(level, |(letter, _)| letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_of_one_meaning_have_one_letter() {
        for (letter, words) in [
            ("F", &["FATAL", "fatal", "crit", "Emergency"][..]),
            ("E", &["E", "ERROR", "error", "Error", "SEVERE", "ERR"]),
            ("W", &["WARNING", "warning", "WARN", "warn", "Warn"]),
            ("A", &["AUDIT", "audit"]),
            ("I", &["INFO", "Info", "info", "notice"]),
            ("D", &["DEBUG", "debug"]),
            ("O", &["SystemOut"]),
            ("R", &["SystemErr", "err"]),
            ("FINE", &["FINE"]),
            ("e", &["e"]),
        ] {
            for word in words {
                assert_eq!(level_letter(word.as_bytes()), letter.as_bytes(), "{word}");
            }
        }
    }
}
