//! Any text: each line is a message; its first word is the message id if it looks like one, and
//! then lines that begin with blanks continue it. Or the user says by a pattern where the fields
//! stand.
//!
//! Layer: core

use super::super::assemble::{Class, Follow};
use super::super::{Format, Kind, Record, find_message_id, leading_id, trim_end};
use super::text::{begins_with_id, with_text};
use super::{Layout, Options, RecordField};
use regex::bytes::Regex;

/// The layout.
#[derive(Debug)]
pub struct Plain {
    pattern: Option<Regex>,
    /// The fields of the pattern's groups.
    groups: Vec<(usize, RecordField)>,
    /// A message with an id stands before: lines that begin with blanks continue it.
    after_id: bool,
}

impl Plain {
    /// The layout, with the user's pattern if there is one.
    #[must_use]
    pub fn new(options: &Options) -> Plain {
        let names = options.pattern.iter().flat_map(|p| p.capture_names().enumerate());
        let groups = names.filter_map(|(at, name)| Some((at, RecordField::named(name?)?))).collect();
        Plain { pattern: options.pattern.clone(), groups, after_id: false }
    }

    fn by_pattern<'a>(&self, pattern: &Regex, line: &'a [u8]) -> Option<Class<'a>> {
        let captures = pattern.captures(line)?;
        let mut record = Record::bare(Kind::Message, Format::Plain, trim_end(line));
        let mut has_id = false;
        // The text first: it decides what the other fields may still say.
        for wanted in [true, false] {
            for (at, field) in &self.groups {
                if (*field == RecordField::Text) == wanted
                    && let Some(found) = captures.get(*at)
                {
                    has_id |= *field == RecordField::MessageId;
                    field.set(&mut record, &line[found.range()]);
                }
            }
        }
        if !has_id && record.kind != Kind::Command {
            record = read_text(record);
        }
        Some(Class::Head { record, bytes: line, follow: Follow::Nothing })
    }
}

impl Layout for Plain {
    fn format(&self) -> Format {
        Format::Plain
    }

    fn read<'a>(&'a mut self, line: &'a [u8]) -> Class<'a> {
        if let Some(pattern) = &self.pattern {
            return self
                .by_pattern(pattern, line)
                .unwrap_or_else(|| Class::alone(Kind::Unparsed, Format::Plain, trim_end(line), line));
        }
        let text = trim_end(line);
        if is_binary(line) {
            self.after_id = false;
            return Class::alone(Kind::Unparsed, Format::Plain, text, line);
        }
        if is_rule(text) {
            self.after_id = false;
            return Class::alone(Kind::Header, Format::Plain, text, line);
        }
        let record = read_text(Record::bare(Kind::Message, Format::Plain, text));
        if std::mem::replace(&mut self.after_id, true) && record.message_id.is_none() && line[0].is_ascii_whitespace() {
            return Class::Further(line);
        }
        self.after_id = record.message_id.is_some();
        let follow = if self.after_id { Follow::Display } else { Follow::Nothing };
        Class::Head { record, bytes: line, follow }
    }

    fn blank(&mut self) -> Follow {
        self.after_id = false;
        Follow::Nothing
    }
}

/// Takes marks off a text only where an id follows: plain text may begin with an asterisk for
/// many reasons. Leading blanks stay otherwise.
pub fn read_text(record: Record<'_>) -> Record<'_> {
    let text = record.text;
    let has_id = match text.trim_ascii_start() {
        [b'*' | b'@' | b'+', rest @ ..] if begins_with_id(rest) || leading_id(rest).is_some() => true,
        rest => find_message_id(rest).is_some() || leading_id(text).is_some(),
    };
    if has_id { with_text(record, text) } else { record }
}

/// True for a line of UTF-16, or of no text at all: it has more NULs than a damaged line would.
fn is_binary(line: &[u8]) -> bool {
    line.iter().filter(|b| **b == 0).count() * 3 >= line.len()
}

/// True for a line that only separates: the same character, many times.
pub fn is_rule(text: &[u8]) -> bool {
    text.len() >= 20 && matches!(text[0], b'*' | b'-' | b'=' | b'#' | b'_') && text.iter().all(|b| *b == text[0])
}

#[cfg(test)]
mod tests {
    use super::super::testing::{brief, brief_of, records};
    use super::*;

    #[test]
    fn the_first_word_may_be_an_id() {
        let text =
            "ABC001I ONE 601\n  more\n+ABC002I TWO\n  ABC003E: three\n* not a mark\n  words\n--------------------\n";
        let want = [
            "message|-|-|ABC001I|ABC001I ONE|  more",
            "message|+|-|ABC002I|ABC002I TWO|-",
            "message|-|-|ABC003E|ABC003E: three|-",
            "message|-|-|-|* not a mark|-",
            "message|-|-|-|  words|-",
            "header|-|-|-|--------------------|-",
        ];
        assert_eq!(brief(Format::Plain, text), want);
    }

    #[test]
    fn a_shorter_id_begins_its_line() {
        let text = "PAYOK01 ONE\n  USER01 more\n+USER01 two\nPAYDONE1: three\n\n  USER01 words\nSYS1 is up\n";
        let want = [
            "message|-|-|PAYOK01|PAYOK01 ONE|  USER01 more",
            "message|+|-|USER01|USER01 two|-",
            "message|-|-|PAYDONE1|PAYDONE1: three|-",
            "header|-|-|-||-",
            "message|-|-|-|  USER01 words|-",
            "message|-|-|-|SYS1 is up|-",
        ];
        assert_eq!(brief(Format::Plain, text), want);
    }

    #[test]
    fn utf_16_is_unparsed() {
        let line = "ABC001I ONE\n".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        let got = records(&Options::default(), &[&b"\xff\xfe"[..], &line].concat());
        assert!(got.iter().all(|r| r["message_id"].is_null() && r["kind"] != "message"), "{got:?}");
        assert_eq!(brief_of(&records(&Options::default(), b"ABC001I A\0B\n")[0]), "message|-|-|ABC001I|ABC001I A\0B|-");
    }

    #[test]
    fn a_pattern_names_the_fields() {
        let pattern = r"^(?<time>\S+) (?<system>\w+) (?<job_name>\w+): (?<text>.*)$";
        let pattern = Some(Regex::new(pattern).expect("valid"));
        let options = Options { format: Some(Format::Plain), pattern, ..Options::default() };
        let got = records(&options, b"12:00:01 SYS1 MYJOB: +ABC001I UP\nnothing of the kind\n");
        assert_eq!(brief_of(&got[0]), "message|+|-|ABC001I|ABC001I UP|-");
        assert_eq!(
            (&got[0]["system"], &got[0]["job_name"], &got[0]["time"]),
            (&"SYS1".into(), &"MYJOB".into(), &"12:00:01".into())
        );
        assert_eq!(brief_of(&got[1]), "unparsed|-|-|-|nothing of the kind|-");
    }
}
