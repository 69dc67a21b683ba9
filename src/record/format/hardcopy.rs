//! SYSLOG and OPERLOG as JES2/MCS write them: `tcrrrrrrr sysname date time ident flags text`, with
//! HCFORMAT(YEAR) or (CENTURY), with or without a carriage-control column, with SDSF page headings,
//! and cut at the left by a scrolled panel.
//!
//! Source of the columns: MVS System Messages, "Messages sent to hardcopy log in JES2 system"; the
//! flag digits by IHAHCLOG. Where a line does not keep to the columns it is read by its words.
//!
//! Layer: core

use super::super::assemble::{Class, Follow};
use super::super::{Format, Kind, Record, RoutingCodes, find_message_id, trim, trim_end};
use super::Layout;
use crate::time::{Date, Fraction, Stamp};

/// The layout. It keeps no state: each line tells its own columns.
#[derive(Debug, Default)]
pub struct Hardcopy;

/// Says why a line is certainly of this layout.
pub fn claims(line: &[u8]) -> Option<&'static str> {
    if is_page_heading(line) {
        return Some("the line is an SDSF SYSLOG page heading");
    }
    let line = without_control(line);
    if Columns::of(line).is_some_and(|c| c.flags(line).is_some()) {
        return Some("the line has the columns of a JES2 hardcopy record");
    }
    if part(line).is_some() && matches!(line.get(..2), Some([b'D' | b'L' | b'E', b' ' | b'R'])) && line.len() > 44 {
        return Some("the line has connect id and flags of a hardcopy data line");
    }
    if stamped_words(line).is_some() {
        return Some("the line has the fields of a hardcopy record, though not their columns");
    }
    cut_left(line).map(|_| "the line is a hardcopy record cut at the left")
}

impl Layout for Hardcopy {
    fn format(&self) -> Format {
        Format::Hardcopy
    }

    fn read<'a>(&'a mut self, line: &'a [u8]) -> Class<'a> {
        if is_page_heading(line) {
            return alone(Kind::Header, trim(line), line);
        }
        let line = without_control(line);
        match line.first() {
            Some(b'N' | b'W' | b'M' | b'O' | b'X') => {
                if let Some(columns) = Columns::of(line) {
                    return stamped(line, columns);
                }
                stamped_words(line)
            }
            Some(b'D' | b'L' | b'E') => part(line),
            Some(b'S') if continuation(line).is_some() => continuation(line).map(Class::Join),
            _ => None,
        }
        .or_else(|| cut_left(line))
        .or_else(|| indented(line))
        .unwrap_or_else(|| {
            alone(if trim(line).is_empty() { Kind::Header } else { Kind::Unparsed }, trim_end(line), line)
        })
    }
}

fn alone<'a>(kind: Kind, text: &'a [u8], bytes: &'a [u8]) -> Class<'a> {
    Class::Head { record: Record::bare(kind, Format::Hardcopy, text), bytes, follow: Follow::Nothing }
}

fn is_page_heading(line: &[u8]) -> bool {
    line.len() > 20
        && matches!(line[0], b'1' | b' ' | b'0' | b'-')
        && memchr::memmem::find(&line[..line.len().min(60)], b"SDSF").is_some()
        && memchr::memmem::find(line, b" PRINT ").is_some()
}

/// The line without a carriage-control column before its record type.
fn without_control(line: &[u8]) -> &[u8] {
    match line {
        [b' ' | b'0' | b'1' | b'-' | b'+', rest @ ..] if starts_with_type(rest) => rest,
        _ => line,
    }
}

fn starts_with_type(line: &[u8]) -> bool {
    matches!(line, [b'N' | b'M' | b'S' | b'D' | b'L' | b'E' | b'O' | b'W' | b'X', b' ' | b'C' | b'R' | b'I', ..])
        && line.len() > 18
        && matches!(line[2], b'0'..=b'9' | b'A'..=b'F' | b' ')
}

/// Where the fields behind the date stand: the date has 5 digits (YEAR) or 7 (CENTURY).
#[derive(Clone, Copy)]
struct Columns {
    date: usize,
}

impl Columns {
    /// The columns of a line with date and time, if it keeps to them.
    fn of(line: &[u8]) -> Option<Columns> {
        if line.len() < 36 || line[9] != b' ' || line[18] != b' ' {
            return None;
        }
        let date = match (line[24], line[26], line[27], line[29]) {
            (b' ', _, b':', _) => 5,
            (_, b' ', _, b':') => 7,
            _ => return None,
        };
        Some(Columns { date })
    }

    /// Offset of a field that stands `column` bytes (from 0) into the line in HCFORMAT(YEAR).
    fn at(self, column: usize) -> usize {
        column + self.date - 5
    }

    /// The 8 flag digits.
    fn flags(self, line: &[u8]) -> Option<&[u8]> {
        let flags = line.get(self.at(46)..self.at(54))?;
        flags.iter().all(u8::is_ascii_hexdigit).then_some(flags)
    }
}

/// A record with date and time, in its columns.
fn stamped(line: &[u8], columns: Columns) -> Class<'_> {
    let Some(flags) = columns.flags(line) else {
        return stamped_words(line).unwrap_or_else(|| alone(Kind::Unparsed, trim_end(line), line));
    };
    let fields = Fields {
        routing: &line[2..9],
        system: &line[10..18],
        date: &line[19..19 + columns.date],
        time: &line[columns.at(25 + 1) - 1..columns.at(36)],
        ident: &line[columns.at(37)..columns.at(45)],
        flags,
        text: line.get(columns.at(55)..).unwrap_or_default(),
    };
    head(line, &fields)
}

/// The fields of a record with date and time, as they stand in the line.
struct Fields<'a> {
    routing: &'a [u8],
    system: &'a [u8],
    date: &'a [u8],
    time: &'a [u8],
    ident: &'a [u8],
    flags: &'a [u8],
    text: &'a [u8],
}

fn head<'a>(line: &'a [u8], fields: &Fields<'a>) -> Class<'a> {
    let is_command = matches!(line[1], b'C' | b'I');
    let kind = match line[..2] {
        [b'W', _] => Kind::Wtor,
        [_, b'C' | b'I'] => Kind::Command,
        [_, b'R'] => Kind::Response,
        _ => Kind::Message,
    };
    let ident = Some(trim(fields.ident)).filter(|i| !i.is_empty());
    let (job_id, console) = match ident {
        Some(id) if is_job_id(id) => (Some(id), None),
        other => (None, other),
    };
    let blank = Record::bare(kind, Format::Hardcopy, trim(fields.text));
    let record = Record {
        system: Some(trim(fields.system)).filter(|s| !s.is_empty()),
        job_id,
        console,
        routing: RoutingCodes::from_hex(fields.routing),
        flags: Some(fields.flags),
        time: stamp(fields.date, trim(fields.time)),
        ..blank
    };
    let record = if is_command { record } else { with_text(record, fields.text) };
    let follow = if line[0] == b'M' { Follow::Parts } else { Follow::Directly };
    Class::Head { record, bytes: line, follow }
}

/// Takes marks, reply id, message id and inner id off a message text.
pub fn with_text<'a>(record: Record<'a>, text: &'a [u8]) -> Record<'a> {
    let text = trim(text);
    let (mark, text) = match text {
        [mark @ (b'*' | b'@' | b'+'), rest @ ..] if !rest.is_empty() && !rest.starts_with(b"*") => (Some(*mark), rest),
        _ => (None, text),
    };
    let asks = record.kind == Kind::Wtor || matches!(mark, Some(b'*' | b'@'));
    let (reply_id, text) = match reply_id(text) {
        Some((id, rest)) if asks => (Some(id), rest),
        _ => (None, text),
    };
    let (mark, text) = match text {
        [b'+', rest @ ..] if find_message_id(rest).is_some() => (mark.or(Some(b'+')), rest),
        _ => (mark, text),
    };
    let message_id = find_message_id(text);
    let inner_id = message_id.filter(|id| *id == b"IEF196I").and_then(|id| inner(&text[id.len()..]));
    let kind = if reply_id.is_some() { Kind::Wtor } else { record.kind };
    Record { kind, mark, reply_id, message_id, inner_id, text, ..record }
}

/// The reply id, two to four digits, that a WTOR's text begins with, and the text behind it.
fn reply_id(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let digits = text.iter().position(|b| !b.is_ascii_digit())?;
    let rest = &text[digits..];
    ((2..=4).contains(&digits) && rest.starts_with(b" ")).then(|| (&text[..digits], trim(rest)))
}

/// The id of the message that IEF196I carries.
fn inner(rest: &[u8]) -> Option<&[u8]> {
    find_message_id(trim(rest))
}

/// True for JES job ids: `JOB12345`, `J0126429`, `STC05049`, `STC   17`, `TSU00012`.
pub fn is_job_id(ident: &[u8]) -> bool {
    let digits = match ident {
        [b'J', b'O', b'B', rest @ ..] | [b'S', b'T', b'C', rest @ ..] | [b'T', b'S', b'U', rest @ ..] => rest,
        [b'J' | b'S' | b'T', rest @ ..] if rest.len() >= 5 => rest,
        _ => return false,
    };
    let digits = trim(digits);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

fn stamp(date: &[u8], time: &[u8]) -> Option<Stamp> {
    let year_digits = date.len().checked_sub(3)?;
    let year = number(&date[..year_digits])?;
    let year = match year_digits {
        // Two digits of a year: the log of a running system is of this century, or (98.325) of the last.
        2 => year + if year < 70 { 2000 } else { 1900 },
        _ => year,
    };
    let date = Date::from_julian(year as i32, number(&date[year_digits..])? as u16);
    time_of_day(time, b':', date)
}

/// Reads `hh:mm:ss`, perhaps with a fraction, with the given separator.
pub fn time_of_day(time: &[u8], separator: u8, date: Option<Date>) -> Option<Stamp> {
    let [h1, h2, s1, m1, m2, s2, c1, c2, fraction @ ..] = time else { return None };
    if *s1 != separator || *s2 != separator {
        return None;
    }
    let two = |a: u8, b: u8| number(&[if a == b' ' { b'0' } else { a }, b]).map(|n| n as u8);
    let fraction = match fraction {
        [] => Fraction::default(),
        [b'.', digits @ ..] if digits.len() <= 6 => Fraction { value: number(digits)?, digits: digits.len() as u8 },
        _ => return None,
    };
    Stamp::new(date, two(*h1, *h2)?, two(*m1, *m2)?, two(*c1, *c2)?, fraction)
}

/// An unsigned number of decimal digits only.
pub fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    digits.iter().try_fold(0u32, |n, d| d.is_ascii_digit().then(|| n * 10 + u32::from(d - b'0')))
}

/// A data, label or end line: connect id, flags, text. The columns vary by a few (YEAR, CENTURY,
/// printed), the order does not.
fn part(line: &[u8]) -> Option<Class<'_>> {
    let rest = line.get(2..)?;
    let from = 2 + rest.iter().position(|b| *b != b' ')?;
    let id = line.get(from..from + 3).filter(|id| id.iter().all(u8::is_ascii_digit))?;
    let behind = line.get(from + 3..)?;
    let flags_at = from + 3 + behind.iter().position(|b| *b != b' ').unwrap_or(behind.len());
    if flags_at == from + 3 {
        return None;
    }
    let flags = line.get(flags_at..flags_at + 8)?;
    if !flags.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let text = line.get(flags_at + 10..).unwrap_or_default();
    Some(Class::Part { connect_id: id, text, last: line[0] == b'E' })
}

/// The text of an S record, from the text column on.
fn continuation(line: &[u8]) -> Option<&[u8]> {
    let blanks = line[1..].iter().take_while(|b| **b == b' ').count();
    if blanks >= 54 {
        return Some(&line[56.min(line.len())..]);
    }
    // Ident and flags repeated: the text stands behind the flags, as on a data line.
    let flags = line.get(46..54).filter(|f| f.iter().all(u8::is_ascii_hexdigit))?;
    let _ = flags;
    line.get(56..)
}

/// A record with date and time read by its words: systems with doctored names, shifted columns.
fn stamped_words(line: &[u8]) -> Option<Class<'_>> {
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
    // Some copies end the flags with dots.
    let hex = flags.iter().position(|b| *b == b'.').unwrap_or(flags.len());
    if !is_flags(&flags[..hex]) {
        return None;
    }
    let text = &line[words.at..];
    Some(head(line, &Fields { routing, system, date, time, ident, flags: &flags[..hex], text }))
}

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

/// A record copied from a panel that was scrolled to the right: it begins with the time, or with
/// the last four digits of the flags.
fn cut_left(line: &[u8]) -> Option<Class<'_>> {
    if let Some(time) = line.get(..11).and_then(|t| time_of_day(t, b':', None))
        && let Some(flags) = line.get(21..29).filter(|f| f.iter().all(u8::is_ascii_hexdigit))
    {
        let ident = Some(trim(&line[12..20])).filter(|i| !i.is_empty());
        let (job_id, console) = if ident.is_some_and(is_job_id) { (ident, None) } else { (None, ident) };
        let bare = Record::bare(Kind::Message, Format::Hardcopy, b"");
        let record = Record { time: Some(time), job_id, console, flags: Some(flags), ..bare };
        let record = with_text(record, line.get(30..).unwrap_or_default());
        let follow = if ends_with_connect_id(record.text) { Follow::Parts } else { Follow::Directly };
        return Some(Class::Head { record, bytes: line, follow });
    }
    let digits = line.get(..4)?.iter().all(u8::is_ascii_hexdigit);
    if !digits || line.get(4..6) != Some(b"  ") || line.get(6).is_none_or(|b| *b == b' ') {
        return None;
    }
    let record = with_text(Record::bare(Kind::Message, Format::Hardcopy, b""), &line[6..]);
    Some(Class::Head { record, bytes: line, follow: Follow::Directly })
}

fn ends_with_connect_id(text: &[u8]) -> bool {
    text.len() > 4 && text[text.len() - 3..].iter().all(u8::is_ascii_digit) && text[text.len() - 4] == b' '
}

/// A line of a cut copy that begins with blanks continues the record before it.
fn indented(line: &[u8]) -> Option<Class<'_>> {
    (line.starts_with(b"      ") && !trim(line).is_empty()).then(|| Class::Further(line))
}
