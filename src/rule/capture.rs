//! Values taken from a record: its fields, and the named captures of the rule's patterns.
//!
//! Layer: core

use super::Seen;
use crate::record::{Record, level_letter};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A field of a record that a rule may compare, use in a template, or key by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// Message id.
    MessageId,
    /// Id of the message inside a wrapper.
    InnerId,
    /// Text of the first line.
    Text,
    /// System, or host.
    System,
    /// Job that issued the message.
    JobName,
    /// JES job id.
    JobId,
    /// Console of a command or response.
    Console,
    /// Reply id of a WTOR.
    ReplyId,
    /// Connect id of a multi-line message.
    ConnectId,
    /// Level letter.
    Level,
    /// Time as the log states it.
    Time,
    /// Name of the source in `wtor.toml`; the file's name where no source covers it.
    Source,
    /// Liberty server, from the source: `…/servers/NAME/logs/…`, or as `wtor.toml` says.
    Server,
}

impl Field {
    /// All fields.
    pub const ALL: [Field; 13] = [
        Field::MessageId,
        Field::InnerId,
        Field::Text,
        Field::System,
        Field::JobName,
        Field::JobId,
        Field::Console,
        Field::ReplyId,
        Field::ConnectId,
        Field::Level,
        Field::Time,
        Field::Source,
        Field::Server,
    ];

    /// The name in rules, templates and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Field::MessageId => "message_id",
            Field::InnerId => "inner_id",
            Field::Text => "text",
            Field::System => "system",
            Field::JobName => "job_name",
            Field::JobId => "job_id",
            Field::Console => "console",
            Field::ReplyId => "reply_id",
            Field::ConnectId => "connect_id",
            Field::Level => "level",
            Field::Time => "time",
            Field::Source => "source",
            Field::Server => "server",
        }
    }

    /// The field of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Field> {
        Field::ALL.into_iter().find(|f| f.name() == name)
    }

    /// The bytes of the field in a record; source, server and time are not bytes of the record.
    #[must_use]
    pub fn of<'a>(self, record: &Record<'a>) -> Option<&'a [u8]> {
        match self {
            Field::MessageId => record.message_id,
            Field::InnerId => record.inner_id,
            Field::Text => Some(record.text),
            Field::System => record.system,
            Field::JobName => record.job_name,
            Field::JobId => record.job_id,
            Field::Console => record.console,
            Field::ReplyId => record.reply_id,
            Field::ConnectId => record.connect_id,
            Field::Level => record.level.map(level_letter),
            Field::Time | Field::Source | Field::Server => None,
        }
    }
}

/// Everything a template may use after a match: the record's fields and the rule's captures, by
/// name. A capture hides a field of the same name. Bytes that are not UTF-8 are replaced, and so
/// are NULs, which no process can be given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Captures(BTreeMap<String, String>);

impl Captures {
    /// The fields of a record.
    #[must_use]
    pub fn of_record(seen: Seen<'_, '_>) -> Captures {
        let record = seen.record;
        let mut captures = Captures::default();
        for field in Field::ALL {
            if let Some(bytes) = field.of(record) {
                captures.set(field.name(), bytes);
            }
        }
        if let Some(time) = record.time {
            captures.set(Field::Time.name(), time.to_string().as_bytes());
        }
        captures.set(Field::Source.name(), seen.source.as_bytes());
        if let Some(server) = seen.server {
            captures.set(Field::Server.name(), server.as_bytes());
        }
        captures
    }

    /// Sets a value.
    pub fn set(&mut self, name: &str, value: &[u8]) {
        let value = String::from_utf8_lossy(value).replace('\0', "\u{fffd}");
        self.0.insert(name.to_owned(), value);
    }

    /// Takes over what is absent here.
    pub fn add(&mut self, others: &Captures) {
        for (name, value) in &others.0 {
            self.0.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }

    /// The values of these names, each at most so many bytes long.
    #[must_use]
    pub fn only(&self, names: &[&str], bytes_max: usize) -> Captures {
        let value = |name: &&str| {
            let value = self.get(name)?;
            let end = (0..=bytes_max.min(value.len())).rev().find(|end| value.is_char_boundary(*end))?;
            Some(((*name).to_owned(), value[..end].to_owned()))
        };
        Captures(names.iter().filter_map(value).collect())
    }

    /// The value of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}
