//! Hardcopy records that do not keep to their columns: doctored names, panels scrolled to the
//! right before they were copied, and lines that another tool forwards.
//!
//! Layer: core

use super::super::super::assemble::{Class, Follow};
use super::super::super::{Format, Kind, Record, find_message_id, trim, trim_end};
use super::super::stamp::{julian_date, number, time_of_day};
use super::super::text::{begins_with_id, is_command, is_job_id, split_ident, with_text};
use super::{Fields, head, id_and_flags};

/// Says why a line is a cut or forwarded copy.
pub(super) fn claims(line: &[u8]) -> Option<&'static str> {
    if from_time(line).is_some() {
        return Some("the line is a hardcopy record cut at the left before its time");
    }
    if let Some((digits, text)) = flag_digits(line)
        && digits[0] == b'0'
        && (begins_with_id(text) || is_command(text))
    {
        return Some("the line is a hardcopy record cut at the left, with the last four digits of its flags");
    }
    if let Some((_, text)) = forwarded(line)
        && begins_with_id(behind_mark(trim(text)))
    {
        return Some("the line is a console message behind a forwarder's `host : H` prefix");
    }
    let (_, _, text) = traced(line)?;
    begins_with_id(behind_mark(trim(text))).then_some("the line has job id, flags and text, as in the master trace")
}

/// A line of a cut or forwarded copy. `after_loose` says that the record before it was one: then
/// a line that begins with blanks continues that record.
pub(super) fn read(line: &[u8], after_loose: bool) -> Option<Class<'_>> {
    if let Some(class) = from_time(line) {
        return Some(class);
    }
    if let Some((_, text)) = flag_digits(line) {
        let bare = Record::bare(Kind::Message, Format::Hardcopy, trim(text));
        let is_echo = find_message_id(text).is_none() && is_command(text);
        let record = if is_echo { Record { kind: Kind::Command, ..bare } } else { with_text(bare, &line[5..]) };
        return Some(Class::Head { record, bytes: line, follow: Follow::Body });
    }
    if let Some((host, text)) = forwarded(line) {
        if text.starts_with(b"     ") {
            return Some(Class::Further(text));
        }
        let bare = Record::bare(Kind::Message, Format::Hardcopy, b"");
        let record = with_text(Record { system: Some(host), ..bare }, text);
        return Some(Class::Head { record, bytes: line, follow: Follow::Directly });
    }
    if let Some((job_id, flags, text)) = traced(line) {
        let bare = Record::bare(Kind::Message, Format::Hardcopy, b"");
        let record = with_text(Record { job_id: Some(job_id), flags: Some(flags), ..bare }, text);
        return Some(Class::Head { record, bytes: line, follow: Follow::Body });
    }
    let text = line.trim_ascii_start();
    if line.starts_with(b"   ")
        && let Some((id, text)) = id_and_flags(text)
    {
        return Some(Class::Part { connect_id: id, text, last: false });
    }
    (after_loose && line.starts_with(b"   ")).then_some(Class::Further(line))
}

/// The text behind an action mark.
fn behind_mark(text: &[u8]) -> &[u8] {
    match text {
        [b'*' | b'@' | b'+', rest @ ..] => rest,
        _ => text,
    }
}

/// A line of the master trace: `STC18213 00000090 $HASP373 …`, job id, flags and text.
fn traced(line: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let job_id = line.get(..8).filter(|id| is_job_id(id))?;
    let flags = line.get(9..17).filter(|f| f.iter().all(u8::is_ascii_hexdigit))?;
    (line[8] == b' ' && line.get(17) == Some(&b' ')).then(|| (job_id, flags, &line[17..]))
}

/// A record with date and time read by its words.
pub(super) fn stamped(line: &[u8]) -> Option<Class<'_>> {
    if !matches!(line, [b'N' | b'W' | b'M' | b'O' | b'X', b' ' | b'C' | b'R' | b'I', ..]) {
        return None;
    }
    let mut words = Words { line, at: 2 };
    let routing = words.next().filter(|w| w.len() == 7 && w.iter().all(u8::is_ascii_hexdigit))?;
    let system = words.next()?;
    let date = words.next().filter(|w| matches!(w.len(), 5 | 7) && number(w).is_some())?;
    let time = words.next().filter(|w| time_of_day(w, b':', None).is_some())?;
    let (mut ident, mut flags) = (&line[..0], words.next()?);
    if !is_flags(flags) {
        (ident, flags) = (flags, words.next()?);
    }
    if !is_flags(flags) {
        return None;
    }
    let behind = &line[words.at + 8 - flags.len()..];
    // The special column is the second byte behind the flags, or the first behind their dots.
    let dots = behind.iter().take_while(|b| **b == b'.').count();
    let text = if dots > 0 { &behind[dots..] } else { behind.get(1..).unwrap_or_default() };
    Some(head(line, &Fields { routing, system, date: julian_date(date), time, ident, flags: &flags[..8], text }))
}

/// The 8 flag digits; some copies in manuals end them with dots.
fn is_flags(word: &[u8]) -> bool {
    let hex = word.iter().position(|b| *b == b'.').unwrap_or(word.len());
    hex == 8 && word[..8].iter().all(u8::is_ascii_hexdigit)
}

struct Words<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = &self.line[self.at..];
        let from = self.at + rest.iter().position(|b| *b != b' ')?;
        let to = self.line[from..].iter().position(|b| *b == b' ').map_or(self.line.len(), |n| from + n);
        self.at = to;
        Some(&self.line[from..to])
    }
}

/// A record copied from a panel that was scrolled to the right until it began with the time.
fn from_time(line: &[u8]) -> Option<Class<'_>> {
    let time = line.get(..11).and_then(|t| time_of_day(t, b':', None))?;
    let flags = line.get(21..29).filter(|f| f.iter().all(u8::is_ascii_hexdigit))?;
    let (job_id, console) = split_ident(&line[12..20]);
    let bare = Record::bare(Kind::Message, Format::Hardcopy, b"");
    let record = Record { time: Some(time), job_id, console, flags: Some(flags), ..bare };
    let text = line.get(30..).unwrap_or_default();
    // Commands can only be told by their issuer: the record type was cut off.
    let record = match console {
        Some(_) if !begins_with_id(trim(text)) && is_command(trim(text)) => {
            Record { kind: Kind::Command, text: trim(text), ..record }
        }
        _ => with_text(record, text),
    };
    Some(Class::Head { record, bytes: line, follow: Follow::Body })
}

/// The last four digits of the flags, and the text behind them.
fn flag_digits(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let digits = line.get(..4).filter(|d| d.iter().all(u8::is_ascii_hexdigit))?;
    let special = matches!(line.get(4..6)?, [b' ', b' ' | b'*' | b'@' | b'+']);
    (special && line.get(6).is_some_and(|b| *b != b' ')).then(|| (digits, trim_end(&line[6..])))
}

/// `<host>  : H ` before the text, and a comma behind it, as one forwarder writes them.
fn forwarded(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = line.iter().take(80).position(|b| *b == b' ').filter(|n| *n > 0)?;
    let rest = line[at..].trim_ascii_start().strip_prefix(b": H ")?;
    let text = trim_end(rest);
    Some((&line[..at], text.strip_suffix(b",").unwrap_or(text)))
}
