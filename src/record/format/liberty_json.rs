//! Liberty's JSON events: messages, and also traces, access log, FFDC and audit events, in one
//! stream; and lines of the JVM and the launcher between them, which are read as console lines.
//!
//! Source: Open Liberty, "JSON log events reference list"; `jsonFieldMappings` may rename fields.
//!
//! Layer: core

use super::super::assemble::Class;
use super::super::{Format, Record};
use super::json::{Mapping, Scratch, at_path, parse};
use super::liberty::Liberty;
use super::{Layout, Options, RecordField, field_preset};
use serde_json::Value;

/// The layout.
#[derive(Debug)]
pub struct LibertyJson {
    mapping: Mapping,
    scratch: Scratch,
    text: Liberty,
}

/// Says why a line is certainly of this layout.
pub fn claims(line: &[u8]) -> Option<&'static str> {
    if !line.starts_with(b"{") {
        return None;
    }
    let has = |word: &[u8]| memchr::memmem::find(line, word).is_some();
    let sure =
        has(b"\"type\":\"liberty_") || has(b"\"ibm_sequence\"") || has(b"\"ibm_datetime\"") && has(b"\"loglevel\"");
    sure.then_some("the line is a Liberty event in JSON")
}

impl LibertyJson {
    /// The layout, with the places that the user's `jsonFieldMappings` made.
    #[must_use]
    pub fn new(options: &Options) -> LibertyJson {
        let mut fields = options.fields.clone();
        for (field, name) in field_preset("liberty").unwrap_or_default() {
            if !options.fields.iter().any(|(given, _)| *given == field) {
                fields.push((field, name));
            }
        }
        LibertyJson { mapping: Mapping::new(&fields), scratch: Scratch::default(), text: Liberty::default() }
    }
}

impl Layout for LibertyJson {
    fn format(&self) -> Format {
        Format::LibertyJson
    }

    fn read<'a>(&'a mut self, line: &'a [u8]) -> Class<'a> {
        let event = if line.starts_with(b"{") { parse(line).filter(Value::is_object) } else { None };
        let Some(event) = event else {
            return match self.text.read(line) {
                Class::Head { record, bytes, follow } => {
                    Class::Head { record: Record { format: Format::LibertyJson, ..record }, bytes, follow }
                }
                other => other,
            };
        };
        // What follows an event in JSON does not continue it.
        self.text = Liberty::default();
        self.scratch.fill(&self.mapping, &event);
        if self.scratch.get(RecordField::Text).is_none() {
            self.scratch.put(RecordField::Text, &Value::String(text_of(&event)));
        }
        self.scratch.record(Format::LibertyJson)
    }
}

/// The text of an event that has no message.
fn text_of(event: &Value) -> String {
    let text = |path: &str| match at_path(event, path) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
        None => None,
    };
    let joined = |paths: &[&str]| paths.iter().filter_map(|p| text(p)).collect::<Vec<_>>().join(" ");
    let found = match event.get("type").and_then(Value::as_str).unwrap_or_default() {
        "liberty_accesslog" => joined(&["ibm_requestMethod", "ibm_uriPath", "ibm_responseCode"]),
        "liberty_ffdc" => {
            joined(&["ibm_exceptionName", "ibm_probeID"]) + "\n" + &text("ibm_stackTrace").unwrap_or_default()
        }
        "liberty_audit" => joined(&["ibm_audit_eventName", "ibm_audit_outcome.result", "ibm_audit_outcome"]),
        _ => String::new(),
    };
    // An event of a type that is not known still says which one it is.
    if found.trim().is_empty() { text("type").unwrap_or_else(|| event.to_string()) } else { found }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{brief, brief_of, column, detected, records};
    use super::*;

    const LOG: &str = r#"Launching s1 (Open Liberty 25.0.0.9/wlp-1.0.105) on OpenJDK (en_US)
jvm: a line
{"type":"liberty_message","host":"h","ibm_userDir":"\/u\/wlp\/usr\/","ibm_serverName":"s1","message":"CWWKF0011I: The s1 server is ready.","ibm_threadId":"00000025","ibm_datetime":"2019-05-27T14:55:55.892+0000","ibm_messageId":"CWWKF0011I","module":"m","loglevel":"AUDIT","ibm_sequence":"1"}
{"type":"liberty_message","host":"h","message":"java.lang.X: y\r\n\tat a.b\r\n\tat c.d\r\n","ibm_datetime":"2019-05-27T14:55:56.892-0500","loglevel":"SystemErr","ibm_sequence":"2"}
{"type":"liberty_accesslog","host":"h","ibm_requestMethod":"GET","ibm_uriPath":"\/x","ibm_responseCode":404,"ibm_datetime":"2019-05-27T14:55:56.892+0000","ibm_sequence":"3"}
{"type":"liberty_ffdc","host":"h","ibm_exceptionName":"java.x.Y","ibm_probeID":"12","ibm_stackTrace":"java.x.Y\n\tat z","ibm_sequence":"4"}
{"type":"liberty_trace","host":"h","message":"entry","loglevel":"FINE","ibm_sequence":"5"}
{"broken":
[WARNING ] CWWKS0001W: a console line
"#;

    #[test]
    fn events_of_each_type() {
        let want = [
            "unparsed|-|-|-|jvm: a line|-",
            "message|-|-|CWWKF0011I|CWWKF0011I: The s1 server is ready.|-",
            "message|-|-|-|java.lang.X: y|\tat a.b/\tat c.d",
            "message|-|-|-|GET /x 404|-",
            "message|-|-|-|java.x.Y 12|java.x.Y/\tat z",
            "message|-|-|-|entry|-",
            "unparsed|-|-|-|{\"broken\":|-",
            "message|-|-|CWWKS0001W|CWWKS0001W: a console line|-",
        ];
        assert_eq!(brief(Format::LibertyJson, LOG)[1..], want);
        assert_eq!(column(Format::LibertyJson, "level", LOG)[2..5], ["A", "R", "null"]);
        assert_eq!(
            column(Format::LibertyJson, "time", LOG)[2..4],
            ["2019-05-27T14:55:55.892Z", "2019-05-27T14:55:56.892-05:00"]
        );
        assert_eq!(column(Format::LibertyJson, "system", LOG)[2], "h");
        assert_eq!(detected(LOG), Some((Format::LibertyJson, 3)), "the launcher's line is not the last word");
    }

    #[test]
    fn renamed_fields() {
        let fields = vec![(RecordField::Text, "what".to_owned()), (RecordField::MessageId, "number".to_owned())];
        let options = Options { format: Some(Format::LibertyJson), fields, ..Options::default() };
        let got = records(
            &options,
            br#"{"type":"liberty_message","host":"h","what":"it is ready","number":"CWWKF0011I","loglevel":"INFO"}"#,
        );
        assert_eq!(brief_of(&got[0]), "message|-|-|CWWKF0011I|it is ready|-");
        assert_eq!((&got[0]["system"], &got[0]["level"]), (&"h".into(), &"I".into()));
    }
}
