//! Places in files that people write: byte ranges become lines, columns and excerpts.
//!
//! Layer: core

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Where something was written: file as the user named it, line and column from 1; line 0 is the file as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Path of the file.
    pub file: Arc<str>,
    /// Line, from 1; 0 for the whole file.
    pub line: u32,
    /// Column in characters, from 1; 0 for the whole file.
    pub column: u32,
}

/// A range of bytes in a file.
pub type Span = Range<usize>;

/// A file that a person wrote.
#[derive(Clone, Debug)]
pub struct TextFile<'t> {
    name: Arc<str>,
    text: &'t str,
    /// Byte offset at which each line begins; never empty.
    lines: Vec<usize>,
}

/// A stretch of one line, ready to be shown without the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// File, line, column of its first character.
    pub place: Place,
    /// The line, with control characters made visible.
    pub excerpt: String,
    /// Characters to underline; at least 1.
    pub width: usize,
    /// Said beside the carets.
    pub label: Option<String>,
}

impl<'t> TextFile<'t> {
    /// The file of that name, as the user would name it.
    #[must_use]
    pub fn new(name: &str, text: &'t str) -> TextFile<'t> {
        let starts = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1);
        TextFile { name: name.into(), text, lines: std::iter::once(0).chain(starts).collect() }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &'t str {
        self.text
    }

    /// Line (from 1) and column (in characters, from 1) of a byte.
    #[must_use]
    pub fn place(&self, offset: usize) -> Place {
        let offset = self.boundary(offset);
        let line = self.line_of(offset);
        let column = self.text[self.lines[line]..offset].chars().count() + 1;
        Place { file: self.name.clone(), line: number(line + 1), column: number(column) }
    }

    /// The stretch to show for a range: its part on its first line.
    #[must_use]
    pub fn spot(&self, span: &Span) -> Spot {
        let start = self.boundary(span.start);
        let line = self.line_text(self.line_of(start));
        let line_end = self.lines[self.line_of(start)] + line.len();
        let end = self.boundary(span.end.min(line_end).max(start));
        let width = self.text[start..end].chars().count().max(1);
        Spot { place: self.place(start), excerpt: visible(line), width, label: None }
    }

    /// The word, or the text in quotes, that stands at a place of this file.
    #[must_use]
    pub fn spot_at(&self, place: &Place) -> Spot {
        let line = self.lines.get(place.line.saturating_sub(1) as usize).copied().unwrap_or(self.text.len());
        let before = self.text[line..].char_indices().nth(place.column.saturating_sub(1) as usize);
        let start = before.map_or(self.text.len(), |(at, _)| line + at);
        let rest = &self.text[start..];
        let length = match rest.chars().next() {
            Some(quote @ ('\'' | '"')) => rest[1..].find(quote).map_or(rest.len(), |end| end + 2),
            _ => rest.find(char::is_whitespace).unwrap_or(rest.len()),
        };
        self.spot(&(start..start + length))
    }

    /// The offset, or the start of the character that it lies in, or the end.
    fn boundary(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }

    /// Index of the line, from 0, in which a byte stands.
    pub(crate) fn line_of(&self, offset: usize) -> usize {
        self.lines.partition_point(|start| *start <= offset).saturating_sub(1)
    }

    /// A line without its newline.
    fn line_text(&self, line: usize) -> &'t str {
        let end = self.lines.get(line + 1).map_or(self.text.len(), |next| next - 1);
        let text = &self.text[self.lines[line]..end];
        text.strip_suffix('\r').unwrap_or(text)
    }
}

impl Spot {
    /// A file or directory as a whole, of which nothing is shown.
    #[must_use]
    pub fn whole(name: &str) -> Spot {
        let place = Place { file: visible(name).into(), line: 0, column: 0 };
        Spot { place, excerpt: String::new(), width: 0, label: None }
    }

    /// The same with words beside the carets.
    #[must_use]
    pub fn labelled(self, label: &str) -> Spot {
        Spot { label: Some(label.to_owned()), ..self }
    }
}

/// One line of text, with what steers replaced one for one: an excerpt can neither steer a terminal, nor
/// shift its carets, nor begin a line that looks like one of ours. Tabs stay.
#[must_use]
pub fn visible(text: &str) -> String {
    text.chars().map(|c| if steers(c) && c != '\t' { '\u{fffd}' } else { c }).collect()
}

/// True for characters by which a text does more than stand there: control characters, line separators,
/// those that turn the direction of text, and those that nobody sees, by which two words look the same.
#[must_use]
pub fn steers(c: char) -> bool {
    let unseen = matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
    );
    c.is_control() || unseen || matches!(c, '\u{2028}'..='\u{202e}')
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Twelve hex digits by which a text is known again.
#[must_use]
pub fn fingerprint(text: &str) -> Arc<str> {
    let mut hash = Fingerprint::default();
    hash.add(text.as_bytes());
    hash.digits()
}

/// A hash that is the same on every machine and in every release: FNV-1a. Not a protection.
#[derive(Debug)]
pub struct Fingerprint(u64);

impl Default for Fingerprint {
    fn default() -> Fingerprint {
        Fingerprint(0xcbf2_9ce4_8422_2325)
    }
}

impl Fingerprint {
    /// Takes more bytes in. What comes in two calls is as what comes in one.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    }

    /// The whole hash.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.0
    }

    /// Twelve hex digits.
    #[must_use]
    pub fn digits(&self) -> Arc<str> {
        format!("{:012x}", self.0 >> 16).into()
    }
}

impl fmt::Write for Fingerprint {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.add(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let file = TextFile::new("a.toml", "eins\r\nä = 'ß' x\n\n");
        let spot = file.spot(&(11..15));
        assert_eq!((spot.place.line, spot.place.column, spot.width), (2, 5, 3));
        assert_eq!(spot.excerpt, "ä = 'ß' x");
        let end = file.spot(&(99..100));
        assert_eq!((end.place.line, end.place.column, end.width, end.excerpt.as_str()), (4, 1, 1, ""));
        let at = |offset| file.spot_at(&file.place(offset));
        assert_eq!((at(11).place.column, at(11).width, at(6).width, at(99).width), (5, 3, 1, 1));
    }

    #[test]
    fn a_span_over_lines_shows_the_first() {
        let file = TextFile::new("a.toml", "ab\ncd");
        assert_eq!((file.spot(&(1..5)).width, file.spot(&(2..5)).width), (1, 1));
    }
}
