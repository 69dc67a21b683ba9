//! A record: one logical console message, read from one or more physical lines. It borrows the
//! bytes of its lines; nothing is decoded or copied until somebody asks.
//!
//! Layer: core

mod assemble;
mod codes;
mod ebcdic;
pub mod format;
mod json;
mod message_id;
mod stream;

pub use assemble::{Assembler, Flush};
pub use codes::{FlagSet, RoutingCodes};
pub use ebcdic::character as ebcdic_character;
pub use format::{Detection, Format, Options, RecordField, field_preset};
pub use json::{level_letter, to_json};
pub use message_id::{find_message_id, is_message_id, leading_id, may_be_message_id};
pub use stream::{Encoding, Stream};

use crate::time::Stamp;

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A message of a program.
    Message,
    /// A command as it was entered or issued internally.
    Command,
    /// A message that answers a command.
    Response,
    /// A message that waits for a reply (WTOR).
    Wtor,
    /// Lines of a multi-line message whose first line was not seen, or a continuation of nothing.
    Orphan,
    /// Page headings, banners, separators, statistics: lines of the log itself.
    Header,
    /// A line that the format does not explain.
    Unparsed,
}

impl Kind {
    /// The word used in JSON and in rules.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Message => "message",
            Kind::Command => "command",
            Kind::Response => "response",
            Kind::Wtor => "wtor",
            Kind::Orphan => "orphan",
            Kind::Header => "header",
            Kind::Unparsed => "unparsed",
        }
    }

    /// All kinds, in the order of their declaration.
    pub const ALL: [Kind; 7] =
        [Kind::Message, Kind::Command, Kind::Response, Kind::Wtor, Kind::Orphan, Kind::Header, Kind::Unparsed];
}

/// Where a record stands in its file: its first line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Byte offset of the first byte of the line, in the file as it is stored (before decoding).
    pub offset: u64,
    /// Line number, from 1.
    pub line: u64,
}

/// One logical console message. Absent things are `None`; texts are bytes as the log has them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Record<'a> {
    /// What it is.
    pub kind: Kind,
    /// The layout that it was read by.
    pub format: Format,
    /// Message id without marks and without Liberty's colon: `IEF403I`, `$HASP373`, `CWWKF0011I`.
    pub message_id: Option<&'a [u8]>,
    /// The id of a message that a wrapper carries: `IEF196I IEF237I …` has inner id `IEF237I`.
    pub inner_id: Option<&'a [u8]>,
    /// The text from the message id on, without action mark, `+` and reply id; no trailing blanks.
    pub text: &'a [u8],
    /// The further lines of a multi-line message, joined by newlines.
    pub further: Option<&'a [u8]>,
    /// System name (`SYS1`), or the host of a UNIX syslog line.
    pub system: Option<&'a [u8]>,
    /// The job that issued the message, where the layout carries its name.
    pub job_name: Option<&'a [u8]>,
    /// JES job id as written: `JOB12345`, `STC   17`.
    pub job_id: Option<&'a [u8]>,
    /// Console that a command came from or a response goes to, or `INTERNAL`.
    pub console: Option<&'a [u8]>,
    /// Reply id of a WTOR, as written.
    pub reply_id: Option<&'a [u8]>,
    /// Connect id of a multi-line message, as written.
    pub connect_id: Option<&'a [u8]>,
    /// Routing codes, where the layout has them.
    pub routing: Option<RoutingCodes>,
    /// The user-exit/MPF flags as 8 hex digits.
    pub flags: Option<&'a [u8]>,
    /// The mark before the text: `*`, `@` or `+`.
    pub mark: Option<u8>,
    /// Time as the log states it.
    pub time: Option<Stamp>,
    /// Level as a letter where known (`A`, `E`, `W`, `I`, …), else as written.
    pub level: Option<&'a [u8]>,
    /// Position of the first line.
    pub position: Position,
    /// True if a limit cut the record, or its end line never came.
    pub incomplete: bool,
    /// Physical lines that the record was made of.
    pub physical_lines: u32,
}

impl<'a> Record<'a> {
    /// A record of this kind with nothing but a text.
    #[must_use]
    pub fn bare(kind: Kind, format: Format, text: &'a [u8]) -> Record<'a> {
        Record {
            kind,
            format,
            message_id: None,
            inner_id: None,
            text,
            further: None,
            system: None,
            job_name: None,
            job_id: None,
            console: None,
            reply_id: None,
            connect_id: None,
            routing: None,
            flags: None,
            mark: None,
            time: None,
            level: None,
            position: Position::default(),
            incomplete: false,
            physical_lines: 1,
        }
    }

    /// The further lines of a multi-line message, in order.
    pub fn lines(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.further.into_iter().flat_map(|all| all.split(|&b| b == b'\n'))
    }

    /// The named user-exit/MPF flags of this record.
    #[must_use]
    pub fn flag_set(&self) -> FlagSet {
        self.flags.map_or(FlagSet::default(), FlagSet::from_hex)
    }
}

/// The bytes without blanks (and carriage returns) at the end.
#[must_use]
pub fn trim_end(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|b| !matches!(b, b' ' | b'\r' | b'\t' | 0x0c)).map_or(0, |i| i + 1);
    &bytes[..end]
}

/// The bytes without blanks at either end.
#[must_use]
pub fn trim(bytes: &[u8]) -> &[u8] {
    let bytes = trim_end(bytes);
    let start = bytes.iter().position(|b| *b != b' ').unwrap_or(bytes.len());
    &bytes[start..]
}
