//! messages.log as the story's onlooker reads it: lines as they come, with their time by the clock.
//! Layer: shell
//!
//! This is not wtor's reader on purpose: what is measured is not measured with itself.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// A line that carries a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The time that it states, to the millisecond.
    pub at: SystemTime,
    /// Message id.
    pub id: String,
    /// From the id on.
    pub text: String,
}

/// Follows the log of the next start.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    old: Option<u64>,
    offset: u64,
    partial: Vec<u8>,
}

impl Tail {
    /// What is in the file now belongs to an earlier start: the server will rename it.
    #[must_use]
    pub fn of_next_start(path: &Path) -> Tail {
        let old = fs::metadata(path).ok().map(|meta| meta.ino());
        Tail { path: path.to_owned(), old, offset: 0, partial: Vec::new() }
    }

    /// The messages that have come since the last time.
    pub fn poll(&mut self) -> Vec<Line> {
        // A log that is not there yet, or cannot be read for now, has nothing new.
        let Ok(mut file) = File::open(&self.path) else { return Vec::new() };
        let old = file.metadata().is_ok_and(|meta| Some(meta.ino()) == self.old);
        if old || file.seek(SeekFrom::Start(self.offset)).is_err() {
            return Vec::new();
        }
        let before = self.partial.len();
        let _ = file.read_to_end(&mut self.partial);
        self.offset += (self.partial.len() - before) as u64;
        let whole = self.partial.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let rest = self.partial.split_off(whole);
        let text = std::mem::replace(&mut self.partial, rest);
        String::from_utf8_lossy(&text).lines().filter_map(line).collect()
    }
}

/// `[11/21/26, 22:18:08:180 UTC] 00000001 some.class A CWWKE0001I: The server ...`
fn line(line: &str) -> Option<Line> {
    let (stamp, rest) = line.strip_prefix('[')?.split_once(']')?;
    let text = rest.split_once(char::is_whitespace)?.1;
    let start = text.match_indices(": ").find_map(|(colon, _)| {
        let start = text[..colon].rfind(' ')? + 1;
        is_message_id(&text[start..colon]).then_some(start)
    })?;
    let text = &text[start..];
    let id = text.split(':').next()?.to_owned();
    Some(Line { at: instant(stamp)?, id, text: text.to_owned() })
}

fn is_message_id(word: &str) -> bool {
    let shape = word.len() == 10 && word.is_ascii();
    shape && word[..5].bytes().all(|b| b.is_ascii_alphanumeric()) && word[5..9].bytes().all(|b| b.is_ascii_digit())
}

/// The default format in the C locale, month first, in this machine's zone.
fn instant(stamp: &str) -> Option<SystemTime> {
    let mut numbers = stamp.split(|c: char| !c.is_ascii_digit()).filter(|word| !word.is_empty());
    let mut next = || numbers.next()?.parse::<i16>().ok();
    let (month, day, year) = (next()?, next()?, 2000 + next()?);
    let (hour, minute, second, millis) = (next()?, next()?, next()?, next()?);
    let small = |number: i16| i8::try_from(number).ok();
    let civil = DateTime::new(
        year,
        small(month)?,
        small(day)?,
        small(hour)?,
        small(minute)?,
        small(second)?,
        i32::from(millis) * 1_000_000,
    );
    let zoned = civil.ok()?.to_zoned(TimeZone::system()).ok()?;
    Some(zoned.timestamp().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_apart() {
        let read = line("[11/21/26, 22:18:08:180 UTC] 00000001 a.b.Cmd   A CWWKZ0001I: Application app: x started.");
        let read = read.expect("a message");
        assert_eq!(read.id, "CWWKZ0001I");
        assert_eq!(read.text, "CWWKZ0001I: Application app: x started.");
        let millis = read.at.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_millis() % 60_000;
        assert_eq!(millis, 8_180);
        assert_eq!(line("java.version = 17.0.15"), None);
    }
}
