//! Liberty's logs as text: messages.log in SIMPLE (once BASIC) and TBASIC, console.log in DEV, the
//! header block, the launcher's line, stack traces, and the build log of z/OS Connect.
//!
//! Sources: Open Liberty, "Logging and tracing" (formats and levels); issue ci.maven 1923 (one
//! event in each format). How the stamps are read is in `liberty/date.rs`.
//!
//! Layer: core

mod date;

use super::super::assemble::{Class, Follow};
use super::super::{Format, Kind, Record, find_message_id, trim, trim_end};
use super::Layout;
use super::plain::is_rule;
use date::Dates;

/// The layout.
#[derive(Debug, Default)]
pub struct Liberty {
    dates: Dates,
    state: State,
    /// The last line with a stamp ended before its level: the next one begins with it.
    broken: bool,
}

/// What the lines before were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// No message yet: lines of the JVM.
    #[default]
    Start,
    /// Between the two rows of asterisks, with the number of lines that may still come.
    Header(u8),
    /// A message, which further lines continue.
    Message,
    /// A log of z/OS Connect's build, between whose messages stands the output of other tools.
    Build,
}

/// Longest header block.
const HEADER_LINES_MAX: u8 = 40;

/// Says why a line is certainly of this layout.
pub fn claims(line: &[u8]) -> Option<&'static str> {
    if let Some((stamp, rest)) = bracketed(line)
        && is_stamp(stamp)
    {
        if thread(rest).is_some() {
            return Some("the line has the stamp and thread id of a Liberty message");
        }
        if build_text(rest).is_some() {
            return Some("the line has the stamp of a z/OS Connect build log");
        }
    }
    if let Some((level, text)) = development(line)
        && (is_level_name(level) || !level.is_ascii() || level.len() >= LEVEL_WIDTH)
        && begins_with_colon_id(text)
    {
        return Some("the line has the level and message id of a Liberty console");
    }
    if line.starts_with(b"Launching ") && memchr::memmem::find(line, b"/wlp-").is_some() {
        return Some("the line is the first of a Liberty console");
    }
    let is_product = line.starts_with(b"product = ") && memchr::memmem::find(line, b"(wlp-").is_some();
    is_product.then_some("the line is from the header block of a Liberty log")
}

impl Layout for Liberty {
    fn format(&self) -> Format {
        Format::Liberty
    }

    fn read<'a>(&'a mut self, line: &'a [u8]) -> Class<'a> {
        if let Some(class) = self.stamped(line) {
            return class;
        }
        if let State::Header(left) = self.state {
            return self.header_line(line, left);
        }
        if is_rule(trim_end(line)) && line[0] == b'*' || line.starts_with(b"product = ") {
            self.state = State::Header(HEADER_LINES_MAX);
            return header(line);
        }
        if let Some((level, text)) = development(line)
            && (is_level_name(level) || begins_with_colon_id(text))
        {
            self.state = State::Message;
            // The names of the levels begin with their letters, but for that of System.err.
            let level = trim(level);
            let level = if level != b"err" && is_level_name(level) { &level[..1] } else { level };
            let record = Record { level: Some(level), ..message(text) };
            return Class::Head { record, bytes: line, follow: Follow::Directly };
        }
        if line.starts_with(b"Launching ") && self.state == State::Start {
            return header(line);
        }
        match self.state {
            State::Message => self.further(line),
            State::Build if begins_with_colon_id(line) => {
                Class::Head { record: message(line), bytes: line, follow: Follow::Nothing }
            }
            _ => Class::alone(Kind::Unparsed, Format::Liberty, trim_end(line), line),
        }
    }

    fn blank(&mut self) -> Follow {
        Follow::Aside
    }
}

fn message(text: &[u8]) -> Record<'_> {
    let text = trim(text);
    Record { message_id: find_message_id(text), ..Record::bare(Kind::Message, Format::Liberty, text) }
}

fn header(line: &[u8]) -> Class<'_> {
    Class::alone(Kind::Header, Format::Liberty, trim_end(line), line)
}

impl Liberty {
    fn header_line<'a>(&mut self, line: &'a [u8], left: u8) -> Class<'a> {
        self.dates.read_header(line);
        let ends = left == 0 || is_rule(trim_end(line));
        self.state = if ends { State::Start } else { State::Header(left - 1) };
        header(line)
    }

    /// A line that begins with a stamp.
    fn stamped<'a>(&mut self, line: &'a [u8]) -> Option<Class<'a>> {
        // Docker and Maven may write their own level before it.
        let (stamp, rest) = bracketed(without_maven(line))?;
        if !is_stamp(stamp) {
            return None;
        }
        if let Some(text) = build_text(rest) {
            self.state = State::Build;
            let record = Record { time: self.dates.read(stamp), ..message(text) };
            return Some(Class::Head { record, bytes: line, follow: Follow::Nothing });
        }
        let rest = thread(rest)?;
        self.state = State::Message;
        let time = self.dates.read(stamp);
        let (level, text) = level_and_text(rest);
        self.broken = level.is_none();
        let record = Record { time, level, ..message(text) };
        Some(Class::Head { record, bytes: line, follow: Follow::Directly })
    }

    /// A line that continues the message before it; or the rest of its first line, where a copy
    /// was wrapped before the level.
    fn further<'a>(&mut self, line: &'a [u8]) -> Class<'a> {
        if std::mem::take(&mut self.broken)
            && let Some((level, text)) = leading_level(line)
        {
            return Class::Join { text, level: Some(level) };
        }
        Class::Further(line)
    }
}

/// True for what can be a stamp: one that can be read, or one of a locale that writes it in words
/// or in other digits. The thread id behind it makes it sure.
fn is_stamp(stamp: &[u8]) -> bool {
    let digits = stamp.iter().filter(|b| b.is_ascii_digit() || !b.is_ascii()).count();
    date::is_stamp(stamp) || digits >= 8 && stamp.contains(&b':')
}

/// What stands in brackets at the beginning of a line, and what behind them.
fn bracketed(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = line.strip_prefix(b"[")?;
    let end = inner.iter().take(64).position(|b| *b == b']')?;
    Some((&inner[..end], &inner[end + 1..]))
}

/// The line without Maven's `[INFO] ` before another bracket.
fn without_maven(line: &[u8]) -> &[u8] {
    match bracketed(line) {
        Some((b"INFO" | b"WARNING" | b"ERROR", rest)) if rest.starts_with(b" [") => &rest[1..],
        _ => line,
    }
}

/// Level and text of a DEV line, `[AUDIT   ] CWWKF0011I: …`.
fn development(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (level, rest) = bracketed(without_maven(line))?;
    let word = trim(level);
    let is_word = !word.is_empty() && word.iter().all(|b| b.is_ascii_alphabetic() || !b.is_ascii());
    (is_word && rest.starts_with(b" ")).then_some((level, rest))
}

/// True for Liberty's names of levels. They are padded to eight columns; Maven's are not.
fn is_level_name(level: &[u8]) -> bool {
    matches!(trim(level), b"AUDIT" | b"INFO" | b"WARNING" | b"ERROR" | b"FATAL" | b"err")
}

/// True for a text that begins with an id and a colon.
fn begins_with_colon_id(text: &[u8]) -> bool {
    let text = trim(text);
    find_message_id(text).is_some_and(|id| text.get(id.len()) == Some(&b':'))
}

/// What stands behind the thread id, 8 hex digits.
fn thread(rest: &[u8]) -> Option<&[u8]> {
    let rest = rest.strip_prefix(b" ")?;
    let digits = rest.get(..8)?.iter().all(u8::is_ascii_hexdigit);
    (digits && rest.get(8).is_none_or(|b| *b == b' ')).then(|| rest.get(9..).unwrap_or_default())
}

/// The text of a line of a build log: `[stamp] - BAQW0056I: …`.
fn build_text(rest: &[u8]) -> Option<&[u8]> {
    rest.strip_prefix(b" - ").filter(|text| begins_with_colon_id(text))
}

/// Columns of the level in DEV, to which also translated levels are padded.
const LEVEL_WIDTH: usize = 8;

/// Columns of the logger's name in SIMPLE.
const LOGGER_WIDTH: usize = 60;

/// The level letters: those of messages, and those of trace.
fn is_level(byte: u8) -> bool {
    b"FEWAICORDV123<>".contains(&byte)
}

/// Level and text of a line behind its thread: the logger's name stands before them, 60 columns
/// wide, 13 in TBASIC, or not at all in some copies; and the level may be missing.
fn level_and_text(rest: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let rest = behind_object(rest);
    if let [b' ', level, b' ', ..] | [b' ', level] = rest.get(LOGGER_WIDTH..).unwrap_or_default()
        && is_level(*level)
    {
        return (Some(&rest[LOGGER_WIDTH + 1..=LOGGER_WIDTH + 1]), &rest[LOGGER_WIDTH + 2..]);
    }
    if let Some((level, text)) = leading_level(rest) {
        return (Some(level), text);
    }
    let name = rest.iter().position(|b| *b == b' ').unwrap_or(rest.len());
    match leading_level(rest[name..].trim_ascii_start()) {
        Some((level, text)) => (Some(level), text),
        // Without a level only an id can tell the text from the logger.
        None if find_message_id(rest).is_some() => (None, rest),
        None => (None, &rest[name..]),
    }
}

/// What stands behind the identity of an object, which trace.log has before the logger
/// (`id=1a2b3c4d `).
fn behind_object(rest: &[u8]) -> &[u8] {
    match rest.strip_prefix(b"id=") {
        Some(id) => id[id.iter().position(|b| *b == b' ').unwrap_or(id.len())..].trim_ascii_start(),
        None => rest,
    }
}

/// A level letter at the beginning, and the text behind it.
fn leading_level(text: &[u8]) -> Option<(&[u8], &[u8])> {
    match text {
        [level, b' ', ..] | [level] if is_level(*level) => Some((&text[..1], &text[1..])),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
