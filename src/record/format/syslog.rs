//! UNIX syslog, RFC 3164 and 5424, as files and daemons write it, read by the crate syslog_loose;
//! and z/OS UNIX' syslogd with `-u`, which adds user and job: `host/user JOBNAME tag[pid]: text`.
//!
//! Source: z/OS Communications Server, syslogd (option -u); the two RFCs. RFC 3164 has no year:
//! without [`Options::written`] such records have only a time of day.
//!
//! Layer: core

use super::super::assemble::{Class, Follow};
use super::super::{Format, Kind, Record, trim, trim_end};
use super::plain::read_text;
use super::stamp::{iso, month, number, time_of_day};
use super::{Layout, Options};
use crate::time::{Date, Stamp};
use syslog_loose::Variant;

/// The layout.
#[derive(Debug)]
pub struct Syslog {
    written: Option<Date>,
    /// The line in UTF-8, where it was not.
    scratch: Vec<u8>,
    begun: bool,
}

/// Says why a line is certainly of this layout.
pub fn claims(line: &[u8]) -> Option<&'static str> {
    let (priority, rest) = priority(line);
    if priority.is_some() && matches!(rest, [b'1'..=b'9', b' ', b'-' | b'1'..=b'9', ..]) {
        return Some("the line is a syslog message of RFC 5424");
    }
    if header_of_3164(rest).is_some() {
        return Some("the line has month, day, time and host of a syslog message");
    }
    let (stamp, rest) = word(rest)?;
    let (_host, rest) = word(rest)?;
    let (tag, _) = word(rest)?;
    let sure = stamp.get(10) == Some(&b'T') && iso(stamp).is_some() && tag.ends_with(b":");
    sure.then_some("the line has ISO time, host and tag of a syslog message")
}

impl Syslog {
    /// The layout; the day on which the log was last written gives the year.
    #[must_use]
    pub fn new(options: &Options) -> Syslog {
        Syslog { written: options.written, scratch: Vec::new(), begun: false }
    }
}

impl Layout for Syslog {
    fn format(&self) -> Format {
        Format::Syslog
    }

    fn read<'a>(&'a mut self, line: &'a [u8]) -> Class<'a> {
        if claims(line).is_none() {
            let continues = self.begun && matches!(line[0], b' ' | b'\t');
            return if continues {
                Class::Further(line)
            } else {
                Class::alone(Kind::Unparsed, Format::Syslog, trim_end(line), line)
            };
        }
        self.begun = true;
        self.scratch.clear();
        self.scratch.extend_from_slice(String::from_utf8_lossy(line).as_bytes());
        let length = self.scratch.len();
        self.scratch.extend_from_slice(LETTERS);
        let (text, letters) = self.scratch.split_at(length);
        let bare = Record::bare(Kind::Message, Format::Syslog, trim_end(text));
        let record =
            with_user(bare, text, self.written).unwrap_or_else(|| by_library(bare, text, letters, self.written));
        Class::Head { record, bytes: &self.scratch, follow: Follow::Directly }
    }
}

/// Letters for the severities from 0 (emergency) to 7 (debug).
const LETTERS: &[u8; 8] = b"FFFEWIID";

/// A line as the library reads it.
fn by_library<'a>(bare: Record<'a>, line: &'a [u8], letters: &'a [u8], written: Option<Date>) -> Record<'a> {
    let text = std::str::from_utf8(line).unwrap_or_default();
    // The year is ours to find, and the library's zone would be that of this machine.
    let read = syslog_loose::parse_message_with_year_exact_tz(text, |_| LEAP_YEAR, Some(chrono::Utc), Variant::Either);
    let Ok(message) = read else { return bare };
    if let Some(record) = header_of_3164(priority(line).1).and_then(|header| header.untagged(bare, written)) {
        return record;
    }
    let some = |field: Option<&'a str>| field.map(str::as_bytes).filter(|f| !f.is_empty());
    let (priority, rest) = priority(line);
    let time = match header_of_3164(rest) {
        Some(header) => header.time(written),
        None => message.timestamp.and_then(|at| iso(at.to_rfc3339().as_bytes())),
    };
    // Without a priority the library's severity is a guess.
    let severity = priority.filter(|_| message.severity.is_some()).map(|p| usize::from(p % 8));
    let record = Record {
        time,
        system: some(message.hostname),
        job_name: some(message.appname),
        level: severity.map(|s| &letters[s..=s]),
        text: trim_end(message.msg.as_bytes()),
        ..bare
    };
    read_text(record)
}

/// In this year every day of any year exists.
const LEAP_YEAR: i32 = 2000;

/// `<13>` before a message, and the rest.
fn priority(line: &[u8]) -> (Option<u8>, &[u8]) {
    let read = || {
        let inner = line.strip_prefix(b"<")?;
        let end = inner.iter().take(4).position(|b| *b == b'>')?;
        let value = number(&inner[..end]).filter(|v| *v < 192)?;
        Some((u8::try_from(value).ok()?, &inner[end + 1..]))
    };
    read().map_or((None, line), |(value, rest)| (Some(value), rest))
}

/// The first word, and what stands behind the blank after it.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.trim_ascii_start();
    let end = text.iter().position(|b| *b == b' ')?;
    Some((&text[..end], &text[end + 1..]))
}

/// `Jul  1 09:00:55 host `, the beginning of a message of RFC 3164.
struct Header<'a> {
    month: u8,
    day: u8,
    /// Some write the year behind the day.
    year: Option<i32>,
    time: Stamp,
    host: &'a [u8],
    rest: &'a [u8],
}

fn header_of_3164(text: &[u8]) -> Option<Header<'_>> {
    let (name, rest) = word(text)?;
    let month = month(name).filter(|_| name.len() == 3)?;
    let (day, rest) = word(rest)?;
    let day = number(day).filter(|d| (1..=31).contains(d))? as u8;
    let (mut clock, mut rest) = word(rest)?;
    let mut year = None;
    if clock.len() == 4 {
        year = Some(i32::try_from(number(clock)?).ok()?);
        (clock, rest) = word(rest)?;
    }
    let time = time_of_day(clock.strip_suffix(b":").unwrap_or(clock), b':', None)?;
    let (host, rest) = word(rest)?;
    Date::new(year.unwrap_or(LEAP_YEAR), month, day)?;
    Some(Header { month, day, year, time, host, rest })
}

impl<'a> Header<'a> {
    /// A line that has no tag, whose first word the library would take for one: `last message
    /// repeated 2 times`. A tag has a colon behind it, or behind a version (`syslogd 1.4.1:`), or a
    /// process id.
    fn untagged(&self, bare: Record<'a>, written: Option<Date>) -> Option<Record<'a>> {
        let mut words = self.rest.split(|b| *b == b' ').take(2);
        let is_tag = |word: &[u8]| word.ends_with(b":") || word.ends_with(b"]") || word.contains(&b'[');
        if self.host.ends_with(b":") || words.any(is_tag) {
            return None;
        }
        let text = trim(self.rest);
        Some(read_text(Record { time: self.time(written), system: Some(self.host), text, ..bare }))
    }

    /// The time, with the year in which this day was the last time before the log was written.
    fn time(&self, written: Option<Date>) -> Option<Stamp> {
        let year = self.year.or_else(|| {
            let last = written?;
            // A day of grace: the writer's clock and zone need not be ours.
            let later = (self.month, self.day) > (last.month, last.day.saturating_add(1));
            Some(last.year - i32::from(later))
        });
        let date = year.and_then(|year| Date::new(year, self.month, self.day));
        Some(Stamp { date, ..self.time })
    }
}

/// A line of z/OS UNIX' syslogd with `-u`: user and job name stand behind the host.
fn with_user<'a>(bare: Record<'a>, line: &'a [u8], written: Option<Date>) -> Option<Record<'a>> {
    let (_, rest) = priority(line);
    let header = header_of_3164(rest)?;
    let slash = header.host.iter().position(|b| *b == b'/')?;
    let (job, rest) = word(header.rest)?;
    let is_job = (1..=8).contains(&job.len())
        && job.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b"$#@".contains(b));
    let (tag, text) = word(rest)?;
    (is_job && tag.ends_with(b":")).then(|| {
        let time = header.time(written);
        let record =
            Record { time, system: Some(&header.host[..slash]), job_name: Some(job), text: trim(text), ..bare };
        read_text(record)
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{brief, brief_of, column, detected, records};
    use super::*;

    const LOG: &str = "<34>Oct 11 22:14:15 mymachine su[17]: ABC001I 'su root' failed
Feb 29 05:00:01 host sshd(pam_unix)[19939]: check pass; user unknown
<165>1 2003-10-11T22:14:15.003Z host.example.com evntslog - ID47 [exampleSDID@32473 iut=\"3\"] An event
2023-12-15T12:00:00.123456+01:00 host app[12]: +CWWKF0011I: ready
Oct 11 22:14:16 zos1/USER1 MYJOB1 ftpd[65552]: EZYFT18I Using catalog
\tmore of it
nothing of the kind
";

    #[test]
    fn lines_of_both_standards() {
        let want = [
            "message|-|-|ABC001I|ABC001I 'su root' failed|-",
            "message|-|-|-|check pass; user unknown|-",
            "message|-|-|-|An event|-",
            "message|+|-|CWWKF0011I|CWWKF0011I: ready|-",
            "message|-|-|-|EZYFT18I Using catalog|\tmore of it",
            "unparsed|-|-|-|nothing of the kind|-",
        ];
        let mut want = want.map(String::from);
        want[4] = want[4].replace("|-|-|-|E", "|-|-|EZYFT18I|E");
        assert_eq!(brief(Format::Syslog, LOG), want);
        assert_eq!(
            column(Format::Syslog, "system", LOG)[..5],
            ["mymachine", "host", "host.example.com", "host", "zos1"]
        );
        assert_eq!(column(Format::Syslog, "job_name", LOG)[..5], ["su", "sshd(pam_unix)", "evntslog", "app", "MYJOB1"]);
        assert_eq!(column(Format::Syslog, "level", LOG)[..3], ["F", "null", "I"]);
        let times =
            ["22:14:15", "05:00:01", "2003-10-11T22:14:15.003Z", "2023-12-15T12:00:00.123456+01:00", "22:14:16"];
        assert_eq!(column(Format::Syslog, "time", LOG)[..5], times);
        for line in LOG.lines().take(5) {
            assert_eq!(detected(line), Some((Format::Syslog, 1)), "{line}");
        }
    }

    #[test]
    fn a_word_without_a_colon_is_no_tag() {
        let text = "Feb 29 05:00:01 host last message repeated 2 times
Feb 29 05:00:01 host syslogd 1.4.1: restart.
Feb 29 05:00:01 10.0.0.99 ABC001I use it
";
        assert_eq!(column(Format::Syslog, "job_name", text), ["null", "syslogd", "null"]);
        assert_eq!(
            column(Format::Syslog, "text", text),
            ["last message repeated 2 times", "1.4.1: restart.", "ABC001I use it"]
        );
    }

    #[test]
    fn the_day_of_writing_gives_the_year() {
        let options = Options { format: Some(Format::Syslog), written: Date::new(2024, 3, 5), ..Options::default() };
        let got = records(&options, LOG.as_bytes());
        assert_eq!((&got[0]["time"], &got[1]["time"]), (&"2023-10-11T22:14:15".into(), &"2024-02-29T05:00:01".into()));
        assert_eq!(brief_of(&got[0]), "message|-|-|ABC001I|ABC001I 'su root' failed|-");
    }
}
