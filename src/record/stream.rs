//! A stream of bytes -> records: splits lines, decodes EBCDIC, reads each line by the layout and
//! assembles. The same for a growing file, a saved one and a socket; how the bytes were cut into
//! chunks makes no difference to the records.
//!
//! Layer: core

use super::assemble::{Assembler, Flush};
use super::format::{Detection, Options, Reader};
use super::{Position, Record};
use crate::limits::LINE_BYTES_MAX;

/// A character set of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// ASCII, UTF-8 or any superset of ASCII; newline X'0A'.
    Ascii,
    /// EBCDIC code page 1047; newline X'15'.
    Ibm1047,
    /// EBCDIC code page 037; newline X'15'.
    Ibm037,
}

/// One stream in progress. See the module text.
#[derive(Debug)]
pub struct Stream {
    reader: Reader,
    assembler: Assembler,
    carry: Vec<u8>,
    /// Position of the first byte that has not been part of a complete line.
    at: Position,
    newline: u8,
}

impl Stream {
    /// A stream that begins at `start` of its file (line numbers from 1).
    #[must_use]
    pub fn new(options: &Options, start: Position) -> Stream {
        let newline = match options.encoding {
            Some(Encoding::Ibm1047 | Encoding::Ibm037) => 0x15,
            _ => b'\n',
        };
        Stream { reader: Reader::new(options), assembler: Assembler::default(), carry: Vec::new(), at: start, newline }
    }

    /// Takes the next bytes; gives every record that they complete to `sink`.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut dyn FnMut(&Record<'_>)) {
        let mut rest = bytes;
        if !self.carry.is_empty() {
            let Some(end) = memchr::memchr(self.newline, rest) else {
                return self.keep(rest);
            };
            let mut line = std::mem::take(&mut self.carry);
            line.extend_from_slice(&rest[..end]);
            self.line(&line, true, sink);
            line.clear();
            self.carry = line;
            rest = &rest[end + 1..];
        }
        while let Some(end) = memchr::memchr(self.newline, rest) {
            self.line(&rest[..end], true, sink);
            rest = &rest[end + 1..];
        }
        self.keep(rest);
    }

    /// Releases what is held back for a continuation, or everything; at the end of the input the
    /// last line needs no newline.
    pub fn flush(&mut self, how: Flush, sink: &mut dyn FnMut(&Record<'_>)) {
        if how == Flush::Everything && !self.carry.is_empty() {
            let line = std::mem::take(&mut self.carry);
            self.line(&line, false, sink);
        }
        self.assembler.flush(how, sink);
    }

    /// Releases multi-line messages whose end line does not come; the unfinished last line stays.
    pub fn release_open(&mut self, sink: &mut dyn FnMut(&Record<'_>)) {
        self.assembler.flush(Flush::Everything, sink);
    }

    /// Where a reader must start again so that no record is lost: the first line of the oldest
    /// record that is not complete, or the first byte that was not read.
    #[must_use]
    pub fn resume_position(&self) -> Position {
        self.assembler.held_from().unwrap_or(self.at)
    }

    /// How far the stream has been read, in whole lines.
    #[must_use]
    pub fn position(&self) -> Position {
        self.at
    }

    /// True if a record waits only to see whether more of it follows.
    #[must_use]
    pub fn has_pending(&self) -> bool {
        self.assembler.has_pending()
    }

    /// Which layout `auto` has chosen, once it has.
    #[must_use]
    pub fn detection(&self) -> Option<&Detection> {
        self.reader.detection()
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = LINE_BYTES_MAX.saturating_sub(self.carry.len());
        self.carry.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn line(&mut self, line: &[u8], ended: bool, sink: &mut dyn FnMut(&Record<'_>)) {
        let position = self.at;
        self.at.offset += line.len() as u64 + u64::from(ended);
        self.at.line += 1;
        let line = strip_control(line);
        let (format, class) = self.reader.read(line, position);
        self.assembler.take(&class, position, format, sink);
    }
}

/// The line without carriage returns at either end and form feeds before it.
fn strip_control(line: &[u8]) -> &[u8] {
    let from = line.iter().position(|b| !matches!(b, b'\r' | 0x0c)).unwrap_or(line.len());
    let to = line.iter().rposition(|b| *b != b'\r').map_or(from, |i| i + 1);
    &line[from..to.max(from)]
}
