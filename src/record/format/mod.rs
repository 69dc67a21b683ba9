//! The layouts, one file each, and how `auto` chooses among them: by the first line that one of
//! them claims beyond doubt, and then sticks to it.
//!
//! Layer: core

mod dlog;
mod fields;
mod hardcopy;
mod hercules;
mod joblog;
mod json;
mod liberty;
mod liberty_json;
mod mvs38j;
mod opercmd;
mod plain;
mod stamp;
mod syslog;
mod text;
mod vs1;

pub use fields::{RecordField, field_preset};

use super::assemble::{Class, Follow};
use super::{Encoding, Kind, Position, Record};
use crate::time::Date;

/// The layouts wtor reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// SYSLOG and OPERLOG as JES2/MCS write them, with HCFORMAT YEAR or CENTURY; SDSF prints.
    Hardcopy,
    /// JES3 DLOG.
    Dlog,
    /// JES2 job log (JESMSGLG).
    Joblog,
    /// MVS 3.8j hardcopy.
    Mvs38j,
    /// OS/VS1 hardcopy.
    Vs1,
    /// Hercules console log, emulator and guest.
    Hercules,
    /// What console command utilities print: system, yyyyddd, time, job id, text.
    Opercmd,
    /// Liberty messages.log and console.log as text.
    Liberty,
    /// Liberty JSON events.
    LibertyJson,
    /// UNIX syslog, RFC 3164 and 5424.
    Syslog,
    /// JSON lines with a field mapping.
    Json,
    /// Any text: the first word is the message id if it looks like one.
    Plain,
}

impl Format {
    /// All formats.
    pub const ALL: [Format; 12] = [
        Format::Hardcopy,
        Format::LibertyJson,
        Format::Json,
        Format::Opercmd,
        Format::Dlog,
        Format::Joblog,
        Format::Mvs38j,
        Format::Hercules,
        Format::Vs1,
        Format::Liberty,
        Format::Syslog,
        Format::Plain,
    ];

    /// The name used in `format = "…"`, `--format` and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::Hardcopy => "hardcopy",
            Format::Dlog => "dlog",
            Format::Joblog => "joblog",
            Format::Mvs38j => "mvs38j",
            Format::Vs1 => "vs1",
            Format::Hercules => "hercules",
            Format::Opercmd => "opercmd",
            Format::Liberty => "liberty",
            Format::LibertyJson => "liberty-json",
            Format::Syslog => "syslog",
            Format::Json => "json",
            Format::Plain => "plain",
        }
    }

    /// The format of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|f| f.name() == name)
    }
}

/// How a stream is to be read.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The layout; none means `auto`.
    pub format: Option<Format>,
    /// The character set; none means to find out.
    pub encoding: Option<Encoding>,
    /// Length of a record in bytes, for files without newlines.
    pub record_length: Option<usize>,
    /// For `json` and `liberty-json`: in which fields of an object the fields of a record stand, as
    /// paths (`metadata.system`); of several for one record field the first that is there counts.
    /// Record fields that are not named keep their usual places. Presets: [`field_preset`].
    pub fields: Vec<(RecordField, String)>,
    /// For `plain`: a pattern with groups named like record fields (`message_id`, `text`, …).
    pub pattern: Option<regex::bytes::Regex>,
    /// For `syslog`: the day on which the log was last written. RFC 3164 has no year; with this
    /// day it is known, without it such records have only a time of day.
    pub written: Option<Date>,
}

/// Which layout was chosen, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detection {
    /// The layout.
    pub format: Format,
    /// What decided it, as a clause: "the line has the columns of …".
    pub reason: &'static str,
    /// The line that decided.
    pub position: Position,
}

/// One layout: says what each line is. It may keep state between lines (a date, an evidence).
pub trait Layout: std::fmt::Debug + Send {
    /// Which one it is.
    fn format(&self) -> Format;
    /// What the line is. The line has no newline, no carriage returns at its ends, and is not blank.
    fn read<'a>(&'a mut self, line: &'a [u8]) -> Class<'a>;
    /// Whether a blank line ends the record before it.
    fn blank(&mut self) -> Follow {
        Follow::Nothing
    }
}

/// Reads lines by one layout, or finds the layout first.
#[derive(Debug)]
pub struct Reader {
    layout: Box<dyn Layout>,
    options: Options,
    decided: bool,
    detection: Option<Detection>,
}

/// Says why a line is of a layout, as a clause, or that it may be of another.
type Claim = fn(&[u8]) -> Option<&'static str>;

/// Lines of a launcher before the first event in JSON: some dozens.
const JSON_BEGINS_WITHIN: u64 = 100;

/// The claims in the order in which they are asked: layouts with marks that nothing else has
/// before those with weaker ones.
const CLAIMS: [(Format, Claim); 12] = [
    (Format::Hardcopy, hardcopy::claims),
    (Format::LibertyJson, liberty_json::claims),
    (Format::Json, json::claims),
    (Format::Dlog, dlog::claims),
    (Format::Opercmd, opercmd::claims),
    (Format::Mvs38j, mvs38j::claims),
    (Format::Vs1, vs1::claims),
    (Format::Joblog, joblog::claims),
    (Format::Hercules, hercules::claims),
    (Format::Liberty, liberty::claims),
    (Format::Hardcopy, hardcopy::claims_loosely),
    (Format::Syslog, syslog::claims),
];

impl Reader {
    /// A reader for these options.
    #[must_use]
    pub fn new(options: &Options) -> Reader {
        let layout = layout(options.format.unwrap_or(Format::Plain), options);
        Reader { layout, options: options.clone(), decided: options.format.is_some(), detection: None }
    }

    /// What the line is. A blank line is a header without text in every layout.
    pub fn read<'a>(&'a mut self, line: &'a [u8], position: Position) -> (Format, Class<'a>) {
        let format = self.layout.format();
        if line.iter().all(|b| matches!(b, b' ' | b'\t')) {
            let record = Record::bare(Kind::Header, format, &line[..0]);
            return (format, Class::Head { record, bytes: line, follow: self.layout.blank() });
        }
        if !self.decided {
            self.decide(line, position);
        } else if format == Format::Liberty && self.options.format.is_none() && line.starts_with(b"{") {
            // A console log in JSON begins with lines of the JVM and of the launcher that are not. Later on
            // such a line is what a program has printed, and must not make all others unreadable.
            let begun = self.detection.as_ref().map_or(position.line, |detection| detection.position.line);
            if position.line - begun <= JSON_BEGINS_WITHIN {
                self.reconsider(line, position);
            }
        }
        (self.layout.format(), self.layout.read(line))
    }

    /// Which layout `auto` has chosen, once it has.
    #[must_use]
    pub fn detection(&self) -> Option<&Detection> {
        self.detection.as_ref()
    }

    fn decide(&mut self, line: &[u8], position: Position) {
        if let Some((format, reason)) = claim(line) {
            self.layout = layout(format, &self.options);
            self.decided = true;
            self.detection = Some(Detection { format, reason, position });
        }
    }

    fn reconsider(&mut self, line: &[u8], position: Position) {
        if let Some(reason) = liberty_json::claims(line) {
            self.layout = layout(Format::LibertyJson, &self.options);
            self.detection = Some(Detection { format: Format::LibertyJson, reason, position });
        }
    }
}

/// The first layout that claims the line, and why.
fn claim(line: &[u8]) -> Option<(Format, &'static str)> {
    CLAIMS.iter().find_map(|(format, claims)| Some((*format, claims(line)?)))
}

fn layout(format: Format, options: &Options) -> Box<dyn Layout> {
    match format {
        Format::Hardcopy => Box::new(hardcopy::Hardcopy::default()),
        Format::Dlog => Box::new(dlog::Dlog::default()),
        Format::Joblog => Box::new(joblog::Joblog::default()),
        Format::Mvs38j => Box::new(mvs38j::Mvs38j::default()),
        Format::Vs1 => Box::new(vs1::Vs1::default()),
        Format::Hercules => Box::new(hercules::Hercules::default()),
        Format::Opercmd => Box::new(opercmd::Opercmd::default()),
        Format::Liberty => Box::new(liberty::Liberty::default()),
        Format::LibertyJson => Box::new(liberty_json::LibertyJson::new(options)),
        Format::Syslog => Box::new(syslog::Syslog::new(options)),
        Format::Json => Box::new(json::Json::new(options)),
        Format::Plain => Box::new(plain::Plain::new(options)),
    }
}

#[cfg(test)]
pub(crate) mod testing;
