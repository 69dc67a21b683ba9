//! The fields of a record by name, for layouts whose places the user gives: groups of a pattern,
//! paths in a JSON object; and the presets for known JSON streams.
//!
//! Sources: IBM Z Common Data Provider, annotated fields of zOS-SYSLOG-Console; z/OSMF REST
//! console services, hardcopy log; Open Liberty, JSON log events reference.
//!
//! Layer: core

use super::super::{Kind, Record, RoutingCodes, trim};
use super::stamp;

/// A field of a record that a pattern or a mapping can fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordField {
    /// The kind: our word for it, a hardcopy record type (`NC`), or `WTOR`.
    Kind,
    /// The message id.
    MessageId,
    /// The text, perhaps of several lines.
    Text,
    /// The further lines.
    Lines,
    /// The system name, or a host.
    System,
    /// The job name.
    JobName,
    /// The JES job id.
    JobId,
    /// The console.
    Console,
    /// The reply id.
    ReplyId,
    /// The connect id.
    ConnectId,
    /// Routing codes: 4 or 7 hex digits, 32 of CDP, or a list of numbers.
    Routing,
    /// The user-exit/MPF flags, 8 hex digits.
    Flags,
    /// The time, in one of the ways that logs write it.
    Time,
    /// The level.
    Level,
}

impl RecordField {
    /// All fields.
    pub const ALL: [RecordField; 14] = [
        RecordField::Kind,
        RecordField::MessageId,
        RecordField::Text,
        RecordField::Lines,
        RecordField::System,
        RecordField::JobName,
        RecordField::JobId,
        RecordField::Console,
        RecordField::ReplyId,
        RecordField::ConnectId,
        RecordField::Routing,
        RecordField::Flags,
        RecordField::Time,
        RecordField::Level,
    ];

    /// The name used in `fields = { … }`, in a pattern's groups and in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            RecordField::Kind => "kind",
            RecordField::MessageId => "message_id",
            RecordField::Text => "text",
            RecordField::Lines => "lines",
            RecordField::System => "system",
            RecordField::JobName => "job_name",
            RecordField::JobId => "job_id",
            RecordField::Console => "console",
            RecordField::ReplyId => "reply_id",
            RecordField::ConnectId => "connect_id",
            RecordField::Routing => "routing",
            RecordField::Flags => "flags",
            RecordField::Time => "time",
            RecordField::Level => "level",
        }
    }

    /// The field of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<RecordField> {
        RecordField::ALL.into_iter().find(|f| f.name() == name)
    }

    /// Puts a value into a record; what does not read leaves the field as it was.
    pub(super) fn set<'a>(self, record: &mut Record<'a>, value: &'a [u8]) {
        let some = Some(trim(value)).filter(|v| !v.is_empty());
        match self {
            RecordField::Kind => {
                record.kind = some.and_then(kind).unwrap_or(record.kind);
                if record.kind == Kind::Command || record.kind == Kind::Orphan {
                    record.message_id = None;
                }
            }
            RecordField::MessageId if matches!(record.kind, Kind::Command | Kind::Orphan) => {}
            RecordField::MessageId => {
                record.message_id = some.map(|id| id.strip_suffix(b":").unwrap_or(id));
            }
            RecordField::Text => record.text = super::super::trim_end(value),
            RecordField::Lines => record.further = Some(value).filter(|v| !v.is_empty()),
            RecordField::System => record.system = some,
            RecordField::JobName => record.job_name = some,
            RecordField::JobId => record.job_id = some,
            RecordField::Console => record.console = some,
            // z/OSMF writes 0 where there is no reply id.
            RecordField::ReplyId => record.reply_id = some.filter(|id| !id.iter().all(|b| *b == b'0') || id.len() > 1),
            RecordField::ConnectId => record.connect_id = some,
            RecordField::Routing => record.routing = some.and_then(routing),
            RecordField::Flags => {
                record.flags = some.filter(|f| f.len() == 8 && f.iter().all(u8::is_ascii_hexdigit));
            }
            RecordField::Time => record.time = some.and_then(stamp::any),
            RecordField::Level => record.level = some,
        }
    }
}

/// A kind by our word, by a hardcopy record type, or z/OSMF's subtype.
fn kind(word: &[u8]) -> Option<Kind> {
    let ours = Kind::ALL.into_iter().find(|k| k.name().as_bytes() == word);
    ours.or(match word {
        b"WTOR" | b"W" => Some(Kind::Wtor),
        [_, b'C' | b'I'] => Some(Kind::Command),
        [_, b'R'] => Some(Kind::Response),
        _ => None,
    })
}

/// Routing codes as hex digits (of CDP's 32, those for codes 1 to 28), or as numbers.
fn routing(value: &[u8]) -> Option<RoutingCodes> {
    match value.len() {
        4 | 7 => RoutingCodes::from_hex(value),
        8..=32 if value.iter().all(u8::is_ascii_hexdigit) => RoutingCodes::from_hex(&value[..7]),
        _ => None,
    }
}

/// The usual names of each field, in the order in which they are looked for, where the user has
/// not given one.
pub(super) const USUAL: [(RecordField, &[&str]); 14] = [
    (RecordField::Kind, &["kind"]),
    (RecordField::MessageId, &["message_id", "ibm_messageId", "MessageID", "msgid", "msg_id"]),
    (RecordField::Text, &["text", "message", "MessageText", "msg", "log", "line"]),
    (RecordField::Lines, &["lines"]),
    (RecordField::System, &["system", "SystemName", "sysname", "host", "hostname"]),
    (RecordField::JobName, &["job_name", "jobName", "JobName", "jobname"]),
    (RecordField::JobId, &["job_id", "jobId", "JobID", "jobid"]),
    (RecordField::Console, &["console", "ConsoleName", "console_name"]),
    (RecordField::ReplyId, &["reply_id", "replyId"]),
    (RecordField::ConnectId, &["connect_id"]),
    (RecordField::Routing, &["routing", "RouteCodes"]),
    (RecordField::Flags, &["flags", "UserExitFlags"]),
    (RecordField::Time, &["time", "timestamp", "@timestamp", "ibm_datetime", "datetime", "ts"]),
    (RecordField::Level, &["level", "loglevel", "severity"]),
];

/// The mapping of a known JSON stream: `cdp-syslog-console`, `liberty`, `zosmf-log`.
#[must_use]
pub fn field_preset(name: &str) -> Option<Vec<(RecordField, String)>> {
    use RecordField::{Console, Flags, JobId, JobName, Kind, Level, MessageId, ReplyId, Routing, System, Text, Time};
    let fields: &[(RecordField, &str)] = match name {
        "cdp-syslog-console" => &[
            (MessageId, "MessageID"),
            (Text, "MessageText"),
            (Text, "message"),
            (System, "SystemName"),
            (JobName, "JobName"),
            (JobId, "Task"),
            (Console, "ConsoleName"),
            (Routing, "RouteCodes"),
            (Flags, "UserExitFlags"),
            (Time, "timestamp"),
        ],
        "liberty" => &[
            (MessageId, "ibm_messageId"),
            (Text, "message"),
            (System, "host"),
            (Level, "loglevel"),
            (Time, "ibm_datetime"),
        ],
        // The item's `messageId` is a sequence number and no message id.
        "zosmf-log" => &[
            (Kind, "subType"),
            (Text, "message"),
            (System, "system"),
            (JobName, "jobName"),
            (ReplyId, "replyId"),
            (Time, "timestamp"),
            (Time, "time"),
        ],
        _ => return None,
    };
    Some(fields.iter().map(|(field, path)| (*field, (*path).to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        for field in RecordField::ALL {
            assert_eq!(RecordField::named(field.name()), Some(field));
        }
        assert!(field_preset("cdp-syslog-console").is_some() && field_preset("nothing").is_none());
    }
}
