//! The layouts, one file each, and how `auto` chooses among them: by the first line that one of
//! them claims beyond doubt, and then sticks to it.
//!
//! Layer: core

mod hardcopy;
mod plain;

use super::assemble::Class;
use super::{Encoding, Position};

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
    /// All formats, in the order in which `auto` asks them.
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
    /// What the line is. The line has no newline, no carriage returns at its ends.
    fn read<'a>(&'a mut self, line: &'a [u8]) -> Class<'a>;
}

/// Reads lines by one layout, or finds the layout first.
#[derive(Debug)]
pub struct Reader {
    layout: Box<dyn Layout>,
    options: Options,
    decided: bool,
    detection: Option<Detection>,
}

/// For each layout that `auto` knows, in the order in which they are asked: why it claims a line.
type Claim = fn(&[u8]) -> Option<&'static str>;
const CLAIMS: [(Format, Claim); 1] = [(Format::Hardcopy, hardcopy::claims)];

impl Reader {
    /// A reader for these options.
    #[must_use]
    pub fn new(options: &Options) -> Reader {
        let layout = layout(options.format.unwrap_or(Format::Plain), options);
        Reader { layout, options: options.clone(), decided: options.format.is_some(), detection: None }
    }

    /// What the line is.
    pub fn read<'a>(&'a mut self, line: &'a [u8], position: Position) -> (Format, Class<'a>) {
        if !self.decided {
            self.decide(line, position);
        }
        (self.layout.format(), self.layout.read(line))
    }

    /// Which layout `auto` has chosen, once it has.
    #[must_use]
    pub fn detection(&self) -> Option<&Detection> {
        self.detection.as_ref()
    }

    fn decide(&mut self, line: &[u8], position: Position) {
        let claim = CLAIMS.iter().find_map(|(format, claims)| Some((*format, claims(line)?)));
        if let Some((format, reason)) = claim {
            self.layout = layout(format, &self.options);
            self.decided = true;
            self.detection = Some(Detection { format, reason, position });
        }
    }
}

fn layout(format: Format, _options: &Options) -> Box<dyn Layout> {
    match format {
        Format::Hardcopy => Box::new(hardcopy::Hardcopy),
        _ => Box::new(plain::Plain),
    }
}
