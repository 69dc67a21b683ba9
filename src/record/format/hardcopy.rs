//! SYSLOG and OPERLOG as JES2/MCS write them: `tcrrrrrrr sysname date time ident flags text`, with
//! HCFORMAT(YEAR) or (CENTURY), with or without a carriage-control column, with SDSF headings. What
//! does not keep to the columns (cut copies, forwarded lines) is read in `hardcopy/loose.rs`.
//!
//! Source of the columns: MVS System Messages, "Messages sent to hardcopy log in JES2 system"; the
//! flag digits by IHAHCLOG (SYS1.MODGEN).
//!
//! Layer: core

mod loose;

use super::super::assemble::{Class, Follow};
use super::super::{Format, Kind, Record, RoutingCodes, trim, trim_end};
use super::Layout;
use super::stamp::{Days, time_of_day};
use super::text::{split_ident, with_text};
use crate::time::Date;

/// The layout.
#[derive(Debug)]
pub struct Hardcopy {
    /// Digits of the date in the last record that had one. S records have no date, so that only
    /// this tells where their text begins.
    date: usize,
    days: Days,
    /// The last record was read from a cut or forwarded copy, whose further lines are indented.
    loose: bool,
}

impl Default for Hardcopy {
    fn default() -> Hardcopy {
        Hardcopy { date: YEAR, days: Days::default(), loose: false }
    }
}

/// Digits of a date `yyddd` (HCFORMAT YEAR).
const YEAR: usize = 5;

/// Says why a line is certainly of this layout.
pub fn claims(line: &[u8]) -> Option<&'static str> {
    if is_heading(line) {
        return Some("the line is an SDSF heading of a SYSLOG or OPERLOG");
    }
    let line = without_control(line);
    if Columns::of(line).is_some_and(|c| c.flags(line).is_some()) {
        return Some("the line has the columns of a JES2 hardcopy record");
    }
    if matches!(line.get(..2), Some([b'D' | b'L' | b'E', b' ' | b'R'])) && line.len() > 44 && part(line).is_some() {
        return Some("the line has connect id and flags of a hardcopy data line");
    }
    loose::stamped(line).map(|_| "the line has the fields of a hardcopy record, though not their columns")
}

/// Says why a line is probably a cut or forwarded copy of this layout; asked after the layouts
/// that are sure of themselves.
pub fn claims_loosely(line: &[u8]) -> Option<&'static str> {
    loose::claims(line)
}

impl Layout for Hardcopy {
    fn format(&self) -> Format {
        Format::Hardcopy
    }

    fn read<'a>(&'a mut self, line: &'a [u8]) -> Class<'a> {
        let whole = line;
        let line = without_control(line);
        let found = match line.first() {
            Some(b'N' | b'W' | b'M' | b'O' | b'X') => match Columns::of(line) {
                Some(columns) => {
                    self.date = columns.date;
                    stamped(line, columns, &mut self.days)
                }
                None => loose::stamped(line),
            },
            Some(b'D' | b'L' | b'E') => part(line),
            Some(b'S') => continuation(line, self.date).map(Class::join),
            _ => None,
        };
        if let Some(class) = found {
            self.loose = false;
            return class;
        }
        if is_heading(whole) {
            return Class::alone(Kind::Header, Format::Hardcopy, trim(whole), whole);
        }
        if let Some(class) = loose::read(whole, self.loose) {
            self.loose = true;
            return class;
        }
        Class::alone(Kind::Unparsed, Format::Hardcopy, trim_end(whole), whole)
    }
}

/// True for SDSF's page headings in a print, and the lines of its panel in a copied screen.
fn is_heading(line: &[u8]) -> bool {
    let has = |word: &[u8]| memchr::memmem::find(line, word).is_some();
    let text = trim(line.strip_prefix(b"1").unwrap_or(line));
    text.starts_with(b"SDSF ") && (has(b" SYSLOG") || has(b" OPERLOG") || has(b" PRINT "))
        || text.starts_with(b"COMMAND INPUT ===>")
        || text.starts_with(b"***") && (has(b" TOP OF DATA ") || has(b" BOTTOM OF DATA "))
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
        column + self.date - YEAR
    }

    /// The 8 flag digits.
    fn flags(self, line: &[u8]) -> Option<&[u8]> {
        let flags = line.get(self.at(46)..self.at(54))?;
        flags.iter().all(u8::is_ascii_hexdigit).then_some(flags)
    }
}

/// A record with date and time, in its columns; by its words where the flags are not in theirs.
fn stamped<'a>(line: &'a [u8], columns: Columns, days: &mut Days) -> Option<Class<'a>> {
    let Some(flags) = columns.flags(line) else { return loose::stamped(line) };
    let fields = Fields {
        routing: &line[2..9],
        system: &line[10..18],
        date: days.read(&line[19..19 + columns.date]),
        time: &line[columns.at(25)..columns.at(36)],
        ident: &line[columns.at(37)..columns.at(45)],
        flags,
        text: line.get(columns.at(55)..).unwrap_or_default(),
    };
    Some(head(line, &fields))
}

/// The fields of a record with date and time, as they stand in the line.
struct Fields<'a> {
    routing: &'a [u8],
    system: &'a [u8],
    date: Option<Date>,
    time: &'a [u8],
    ident: &'a [u8],
    flags: &'a [u8],
    /// From the special column on, which is the byte before the text.
    text: &'a [u8],
}

fn head<'a>(line: &'a [u8], fields: &Fields<'a>) -> Class<'a> {
    // Some sites' consoles echo commands with `-` or `=` in the special column.
    let is_echo = matches!(fields.text, [b'-' | b'=', next, ..] if *next != b' ');
    let kind = match line[..2] {
        // An O record is what an operator entered by the LOG command.
        [b'O', _] | [_, b'C' | b'I'] => Kind::Command,
        [b'W', _] => Kind::Wtor,
        [_, b'R'] => Kind::Response,
        _ if is_echo => Kind::Command,
        _ => Kind::Message,
    };
    let (job_id, console) = split_ident(fields.ident);
    let text = if is_echo { trim(&fields.text[1..]) } else { trim(fields.text) };
    let record = Record {
        system: Some(trim(fields.system)).filter(|s| !s.is_empty()),
        job_id,
        console,
        routing: RoutingCodes::from_hex(fields.routing),
        flags: Some(fields.flags),
        time: time_of_day(trim(fields.time), b':', fields.date),
        ..Record::bare(kind, Format::Hardcopy, text)
    };
    let record = if kind == Kind::Command { record } else { with_text(record, fields.text) };
    let follow = if line[0] == b'M' { Follow::Parts } else { Follow::Directly };
    Class::Head { record, bytes: line, follow }
}

/// A data, label or end line: connect id, flags, text. The columns vary by a few (YEAR, CENTURY,
/// printed), the order does not.
fn part(line: &[u8]) -> Option<Class<'_>> {
    let rest = line.get(2..)?;
    let from = 2 + rest.iter().position(|b| *b != b' ')?;
    let (id, text) = id_and_flags(line.get(from..)?)?;
    Some(Class::Part { connect_id: id, text, last: line[0] == b'E' })
}

/// Reads `602 00000290  text`: connect id, blanks, flags, text.
fn id_and_flags(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let id = rest.get(..3).filter(|id| id.iter().all(u8::is_ascii_digit))?;
    let behind = rest.get(3..)?;
    let blanks = behind.iter().position(|b| *b != b' ').filter(|n| *n > 0)?;
    let flags = behind.get(blanks..blanks + 8)?;
    let text = behind.get(blanks + 10..).unwrap_or_default();
    flags.iter().all(u8::is_ascii_hexdigit).then_some((id, text))
}

/// The text of an S record: it stands in the text column, behind blanks or behind a repeated
/// ident and flags.
fn continuation(line: &[u8], date: usize) -> Option<&[u8]> {
    let columns = Columns { date };
    let typed = matches!(line.get(1), Some(b' ' | b'C' | b'R' | b'I'));
    typed.then_some(())?;
    let blank = line[2..line.len().min(columns.at(54))].iter().all(|b| *b == b' ');
    (blank && line.len() > 30 || columns.flags(line).is_some()).then(|| line.get(columns.at(56)..).unwrap_or_default())
}

#[cfg(test)]
mod tests;
