//! JSON lines: one object a record, its fields where a mapping says or by their usual names. Our
//! own `records --json` reads back; the console events of IBM Z Common Data Provider come in two
//! forms, annotated or as comma-separated values in `message`.
//!
//! Sources: CDP's annotated fields of zOS-SYSLOG-Console, and one real event of it in IBM's
//! event-driven Ansible documents; z/OSMF REST console services.
//!
//! Layer: core

mod cdp;

use super::super::assemble::{Class, Follow};
use super::super::json::level_letter;
use super::super::{Format, Kind, Record, trim, trim_end};
use super::fields::USUAL;
use super::text::with_text;
use super::{Layout, Options, RecordField};
use serde_json::Value;
use std::ops::Range;

/// The layout.
#[derive(Debug)]
pub struct Json {
    mapping: Mapping,
    scratch: Scratch,
}

/// Says why a line is certainly of this layout.
pub fn claims(line: &[u8]) -> Option<&'static str> {
    let text = trim(line);
    if !text.starts_with(b"{") || !text.ends_with(b"}") {
        return None;
    }
    let value: Value = serde_json::from_slice(text).ok()?;
    let texts = USUAL.iter().filter(|(field, _)| *field == RecordField::Text).flat_map(|(_, names)| names.iter());
    let has_text = texts.into_iter().any(|name| value.get(name).is_some());
    has_text.then_some("the line is a JSON object with a field for a text")
}

impl Json {
    /// The layout, with the user's mapping.
    #[must_use]
    pub fn new(options: &Options) -> Json {
        Json { mapping: Mapping::new(&options.fields), scratch: Scratch::default() }
    }
}

impl Layout for Json {
    fn format(&self) -> Format {
        Format::Json
    }

    fn read<'a>(&'a mut self, line: &'a [u8]) -> Class<'a> {
        let value = parse(line).filter(Value::is_object);
        let Some(value) = value else {
            return Class::alone(Kind::Unparsed, Format::Json, trim_end(line), line);
        };
        self.scratch.fill(&self.mapping, &value);
        if let Some(range) = self.scratch.get(RecordField::Text)
            && cdp::is_event(&self.scratch.bytes[range.clone()])
        {
            self.scratch.bytes = cdp::unquoted(&self.scratch.bytes[range.clone()]);
            return cdp::read(&self.scratch.bytes);
        }
        self.scratch.record(Format::Json)
    }
}

/// A line as JSON; bytes that are not UTF-8 are replaced.
pub fn parse(line: &[u8]) -> Option<Value> {
    serde_json::from_slice(line).or_else(|_| serde_json::from_str(&String::from_utf8_lossy(line))).ok()
}

/// Where the fields of a record stand in an object: for each, paths in the order in which they
/// are tried.
#[derive(Debug)]
pub struct Mapping(Vec<(RecordField, Vec<String>)>);

impl Mapping {
    /// The user's places; the usual names for fields that they leave out.
    #[must_use]
    pub fn new(fields: &[(RecordField, String)]) -> Mapping {
        let of = |field: RecordField, usual: &[&str]| {
            let given: Vec<String> = fields.iter().filter(|(f, _)| *f == field).map(|(_, p)| p.clone()).collect();
            (field, if given.is_empty() { usual.iter().map(|n| (*n).to_owned()).collect() } else { given })
        };
        Mapping(USUAL.iter().map(|(field, usual)| of(*field, usual)).collect())
    }
}

/// The value at a path: first a key of that very name, then one name after the other, so that a
/// key with dots in it needs no escape.
pub fn at_path<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    let found =
        value.get(path).or_else(|| path.split_once('.').and_then(|(first, rest)| at_path(value.get(first)?, rest)));
    found.filter(|v| !v.is_null())
}

/// The decoded fields of one object, one behind the other.
#[derive(Debug, Default)]
pub struct Scratch {
    bytes: Vec<u8>,
    places: Vec<(RecordField, Range<usize>)>,
}

impl Scratch {
    /// Takes the mapped fields out of an object.
    pub fn fill(&mut self, mapping: &Mapping, value: &Value) {
        self.bytes.clear();
        self.places.clear();
        for (field, paths) in &mapping.0 {
            if let Some(found) = paths.iter().find_map(|path| at_path(value, path)) {
                self.put(*field, found);
            }
        }
    }

    /// Where a field stands.
    pub fn get(&self, field: RecordField) -> Option<&Range<usize>> {
        self.places.iter().find(|(f, _)| *f == field).map(|(_, range)| range)
    }

    /// Adds a field.
    pub fn put(&mut self, field: RecordField, value: &Value) {
        let from = self.bytes.len();
        match (field, value) {
            // In JSON `err` is syslog's word for an error.
            (RecordField::Level, Value::String(level)) if level == "err" => self.bytes.push(b'E'),
            (RecordField::Level, Value::String(level)) => self.bytes.extend_from_slice(level_letter(level.as_bytes())),
            (RecordField::Routing, Value::Array(codes)) => {
                let codes = codes.iter().filter_map(Value::as_u64).filter(|c| (1..=28).contains(c));
                let bits = codes.fold(0u32, |bits, code| bits | 1 << (28 - code));
                self.bytes.extend_from_slice(format!("{bits:07X}").as_bytes());
            }
            (_, Value::String(text)) => self.bytes.extend_from_slice(text.as_bytes()),
            (_, Value::Array(items)) => {
                for (at, item) in items.iter().enumerate() {
                    self.bytes.extend_from_slice(if at > 0 { b"\n" } else { b"" });
                    self.bytes.extend_from_slice(item.as_str().unwrap_or_default().as_bytes());
                }
            }
            (_, other) => self.bytes.extend_from_slice(other.to_string().as_bytes()),
        }
        if field == RecordField::Text {
            self.split_text(from);
        } else {
            self.places.push((field, from..self.bytes.len()));
        }
    }

    /// The first line of a text is the text, the others are further lines. Lines may end with CR,
    /// LF or both (z/OSMF joins them by CR alone).
    fn split_text(&mut self, from: usize) {
        let text = self.bytes.split_off(from);
        let text = text.strip_suffix(b"\n").unwrap_or(&text);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let mut after_cr = false;
        for &byte in text {
            match byte {
                b'\n' if after_cr => {}
                b'\r' | b'\n' => self.bytes.push(b'\n'),
                other => self.bytes.push(other),
            }
            after_cr = byte == b'\r';
        }
        let all = from..self.bytes.len();
        let end = self.bytes[from..].iter().position(|b| *b == b'\n').map_or(all.end, |n| from + n);
        self.places.push((RecordField::Text, from..end));
        // Not where the object gave further lines of its own.
        if end < all.end && self.get(RecordField::Lines).is_none() {
            self.places.push((RecordField::Lines, end + 1..all.end));
        }
    }

    /// The record of these fields.
    pub fn record(&self, format: Format) -> Class<'_> {
        let mut record = Record::bare(Kind::Message, format, &self.bytes[..0]);
        for (field, range) in &self.places {
            if !matches!(field, RecordField::MessageId) {
                field.set(&mut record, &self.bytes[range.clone()]);
            }
        }
        if record.kind == Kind::Message && record.reply_id.is_some() {
            record.kind = Kind::Wtor;
        }
        let reads_text = matches!(record.kind, Kind::Message | Kind::Response | Kind::Wtor);
        if reads_text {
            let before = record;
            record = with_text(record, before.text);
            record.reply_id = record.reply_id.or(before.reply_id);
        }
        if let Some(range) = self.get(RecordField::MessageId)
            && reads_text
        {
            RecordField::MessageId.set(&mut record, &self.bytes[range.clone()]);
        }
        Class::Head { record, bytes: &self.bytes, follow: Follow::Nothing }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{brief_of, detected, records};
    use super::super::{Options, field_preset};
    use super::*;

    fn read(fields: &[(RecordField, &str)], text: &str) -> Vec<Value> {
        let fields = fields.iter().map(|(f, p)| (*f, (*p).to_owned())).collect();
        records(&Options { format: Some(Format::Json), fields, ..Options::default() }, text.as_bytes())
    }

    #[test]
    fn usual_names_need_no_mapping() {
        let text = r#"{"time":"2021-05-25T05:34:17.123Z","system":"SYS1","jobName":"MYJOB","message":" +ABC001I UP\r\n  more","level":"WARNING"}
{"msg":"free text","host":"h"}
not json
[1]
"#;
        let got = read(&[], text);
        assert_eq!(brief_of(&got[0]), "message|+|-|ABC001I|ABC001I UP|  more");
        assert_eq!(got[0]["time"], "2021-05-25T05:34:17.123Z");
        assert_eq!((&got[0]["job_name"], &got[0]["level"]), (&"MYJOB".into(), &"W".into()));
        assert_eq!(brief_of(&got[1]), "message|-|-|-|free text|-");
        assert_eq!(
            (brief_of(&got[2]), brief_of(&got[3])),
            ("unparsed|-|-|-|not json|-".into(), "unparsed|-|-|-|[1]|-".into())
        );
        assert_eq!(detected(text), Some((Format::Json, 1)));
    }

    #[test]
    fn a_mapping_names_other_places() {
        let fields = [(RecordField::Text, "a.b"), (RecordField::System, "x.y"), (RecordField::MessageId, "id")];
        let got = read(&fields, r#"{"a":{"b":"text without an id"},"x.y":"SYS9","id":"ABC001I"}"#);
        assert_eq!(brief_of(&got[0]), "message|-|-|ABC001I|text without an id|-");
        assert_eq!(got[0]["system"], "SYS9");
    }

    #[test]
    fn our_own_records_read_back() {
        let line = "N 4040000 SYS1     24060 21:16:20.82 STC01234 00000090 *XYZ050E SHORTAGE - 100%\n";
        let hardcopy = Options { format: Some(Format::Hardcopy), ..Options::default() };
        let first = &records(&hardcopy, line.as_bytes())[0];
        let again = &read(&[], &format!("{first}\n"))[0];
        for key in ["kind", "message_id", "text", "system", "job_id", "routing", "flags", "time", "lines", "console"] {
            assert_eq!(first[key], again[key], "{key}");
        }
    }

    #[test]
    fn zosmf_log_items() {
        let item = r#"{"jobName":"MYJOB   ","system":"SYS1    ","replyId":"0","messageId":"12345","subType":null,"time":"Tue May 25 05:34:17 GMT 2021","timestamp":1621920857123,"message":" ABC457I UNIT STATUS\rUNIT TYPE\r0000 3390","type":"HARDCOPY"}
{"jobName":"","system":"SYS1","replyId":"17","subType":"WTOR","time":"Tue May 25 05:34:17 GMT 2021","message":"*17 ABC100A REPLY"}
"#;
        let fields = field_preset("zosmf-log").expect("there");
        let got = records(&Options { format: Some(Format::Json), fields, ..Options::default() }, item.as_bytes());
        assert_eq!(brief_of(&got[0]), "message|-|-|ABC457I|ABC457I UNIT STATUS|UNIT TYPE/0000 3390");
        assert_eq!((&got[0]["system"], &got[0]["time"]), (&"SYS1".into(), &"2021-05-25T05:34:17.123Z".into()));
        assert_eq!(brief_of(&got[1]), "wtor|*|17|ABC100A|ABC100A REPLY|-");
    }

    #[test]
    fn cdp_console_events_in_both_forms() {
        let csv = r#"{"headerName":"zOS-SYSLOG-Console:1.0.0","metadata":"x","message":"N ,002B,26083 23.13.55.120 -0700,SYS1,STC00121,MYCONS  ,40400000000000000000000000000000,00000090,MYJOB   ,80,\"*ABC001I A \"\"QUOTED\"\" TEXT, WITH COMMAS\""}
"#;
        let annotated = r#"{"MessageID":"ABC001I","MessageText":"ABC001I TEXT","SystemName":"SYS1","JobName":"MYJOB","Task":"STC00121","RouteCodes":"40400000000000000000000000000000","UserExitFlags":"00000090","ConsoleName":"MYCONS","timestamp":"2026-03-24T23:13:55.120-07:00"}
"#;
        let fields = field_preset("cdp-syslog-console").expect("there");
        let options = Options { format: Some(Format::Json), fields, ..Options::default() };
        let got = records(&options, format!("{csv}{annotated}").as_bytes());
        assert_eq!(brief_of(&got[0]), "message|*|-|ABC001I|ABC001I A \"QUOTED\" TEXT, WITH COMMAS|-");
        assert_eq!(brief_of(&got[1]), "message|-|-|ABC001I|ABC001I TEXT|-");
        for record in &got {
            assert_eq!((&record["system"], &record["job_id"]), (&"SYS1".into(), &"STC00121".into()));
            assert_eq!((&record["job_name"], &record["flags"]), (&"MYJOB".into(), &"00000090".into()));
            assert_eq!(record["time"], "2026-03-24T23:13:55.120-07:00");
            assert_eq!(record["routing"], serde_json::json!([2, 10]));
        }
    }
}
