//! The files of the simulated world: hardcopy logs with single messages, continuations and multi-line
//! messages that interleave, written in blocks, rotated and deleted. Beside each file a straight reading of
//! it, without chunks, crashes or restarts: what each rule can match at all, and with which captures.

use crate::policy;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use wtor::journal::FileKey;
use wtor::policy::Target;
use wtor::record::{Flush, Format, Options, Position, Stream};
use wtor::rule::{Captures, Further, Seen};
use wtor::time::Date;

/// Name of the one source.
pub const SOURCE: &str = "sim";
/// The day of all lines.
const DAY: (i32, u16) = (2026, 325);

/// The beginning of that day, as engine time.
pub fn midnight() -> i64 {
    Date::from_julian(DAY.0, DAY.1).map_or(0, |date| date.days() * 86_400_000_000)
}

pub fn options() -> Options {
    Options { format: Some(Format::Hardcopy), ..Options::default() }
}

/// One file.
#[derive(Debug)]
pub struct LogFile {
    pub key: FileKey,
    pub path: Arc<str>,
    pub bytes: Vec<u8>,
    /// Another one has taken its name: nothing more is written to it.
    pub rotated: bool,
    pub deleted: bool,
    /// What a straight reading matches: by offset and rule.
    pub hits: BTreeMap<(u64, Arc<str>), Captures>,
    /// What else it is to rules that correlate: by offset.
    pub further: BTreeMap<u64, Vec<(Arc<str>, Further, Captures)>>,
    straight: Stream,
    open: Vec<u16>,
}

impl LogFile {
    pub fn new(number: usize) -> LogFile {
        LogFile {
            key: FileKey(format!("1-{number}-0").into()),
            path: format!("sim.log.{number}").into(),
            bytes: Vec::new(),
            rotated: false,
            deleted: false,
            hits: BTreeMap::new(),
            further: BTreeMap::new(),
            straight: Stream::new(&options(), Position { offset: 0, line: 1 }),
            open: Vec::new(),
        }
    }

    /// A block is written at once.
    pub fn write(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
        self.read_straight(|stream, sink| stream.feed(text.as_bytes(), sink));
        self.read_straight(|stream, sink| stream.flush(Flush::Settled, sink));
    }

    fn read_straight(&mut self, read: impl FnOnce(&mut Stream, &mut dyn FnMut(&wtor::record::Record<'_>))) {
        let matcher = &policy::variants()[0].matcher;
        let (hits, meets) = (&mut self.hits, &mut self.further);
        read(&mut self.straight, &mut |record| {
            let seen = Seen { record, source: SOURCE, server: None };
            let at = record.position.offset;
            matcher.hits(seen, &mut |hit| match hit.target() {
                Target::Rule(rule) => drop(hits.insert((at, rule), hit.condition.captures(seen))),
                Target::Further { rule, further } => {
                    meets.entry(at).or_default().push((rule, further, hit.condition.captures(seen)));
                }
                Target::Expected { .. } => {}
            });
        });
    }

    /// Ends every multi-line message.
    pub fn end_messages(&mut self) {
        while let Some(id) = self.open.pop() {
            self.write(&part('E', id, "END"));
        }
    }

    /// Some lines of a kind that a number chooses.
    pub fn block(&mut self, kind: u32, second: i64, job: u32, serial: u64) {
        let mut text = String::new();
        match kind {
            0..=3 => text += &line(second, job, &format!("SIM0001I number {serial}")),
            4 => text += &line(second, job, &format!("SIM0002I held {serial}")),
            5 => text += &line(second, job, &format!("SIM0003I again {serial}")),
            6 => text += &line(second, job, &format!("SIM0004I to be proved {serial}")),
            7 => text += &line(second, job, "SIM0006I only sometimes of interest"),
            8 => text += &line(second, job, "SIM0010I the first proof"),
            9 => text += &line(second, job, "SIM0011I the second proof"),
            10 => {
                text += &line(second, job, &format!("SIM0001I a long one, number {serial}"));
                text += "S                                                          and its end\n";
            }
            11 | 12 if self.open.len() < 4 => {
                let id = (serial % 900 + 100) as u16;
                text += &line(second, job, &format!("SIM0007I DISPLAY {id:03}")).replacen('N', "M", 1);
                self.open.push(id);
            }
            13 | 14 if !self.open.is_empty() => {
                let id = self.open[serial as usize % self.open.len()];
                text += &part('D', id, &format!("JOBS={serial}"));
            }
            15 | 16 if !self.open.is_empty() => {
                let id = self.open.remove(serial as usize % self.open.len());
                text += &part('E', id, &format!("LAST JOBS={serial}"));
            }
            17 => text += &part('D', 99, "of a message that nobody began"),
            18..=20 => text += &line(second, job, &format!("SIM0020I one of several, {serial}")),
            21 | 22 => text += &line(second, job, "SIM0021I the second"),
            23 | 24 => text += &line(second, job, "SIM0022I the last"),
            25 => text += &line(second, job, "SIM0023I all over again"),
            26 | 27 => text += &line(second, job, &format!("SIM0030I hand it over, {serial}")),
            28 => text += &line(second, job, "SIM0031I hand it over, too"),
            29 => text += &line(second, job, "SIM0032I quiet, please"),
            30 => text += &line(second, job, "SIM0033I loud again"),
            _ => text += &line(second, job, "SIM9999I nobody asks"),
        }
        self.write(&text);
    }
}

/// A hardcopy line.
pub fn line(second: i64, job: u32, text: &str) -> String {
    let (year, day) = DAY;
    let (h, m, s) = (second / 3600 % 24, second / 60 % 60, second % 60);
    format!("N 4000000 SYS1     {year}{day:03} {h:02}:{m:02}:{s:02}.00 STC{job:05} 00000090  {text}\n")
}

fn part(kind: char, id: u16, text: &str) -> String {
    let mut line = format!("{kind}                                         {id:03} 00000090  ");
    let _ = writeln!(line, "{text}");
    line
}
