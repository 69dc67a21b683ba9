//! A stream of bytes -> records: splits lines, decodes EBCDIC, reads each line by the layout and
//! assembles. The same for a growing file, a saved one and a socket; how the bytes were cut into
//! chunks makes no difference to the records.
//!
//! Layer: core

use super::assemble::{Assembler, Flush, Line};
use super::ebcdic;
use super::format::{Detection, Options, Reader};
use super::{Position, Record};
use crate::limits::{EBCDIC_LINE_BYTES_USUAL, LINE_BYTES_MAX};

/// A character set of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// ASCII, UTF-8 or any superset of ASCII; newline X'0A'.
    Ascii,
    /// EBCDIC code page 1047; newline X'15' or X'25'.
    Ibm1047,
    /// EBCDIC code page 037; newline X'15' or X'25'.
    Ibm037,
}

/// One stream in progress. See the module text.
#[derive(Debug)]
pub struct Stream {
    reader: Reader,
    assembler: Assembler,
    /// The bytes of a line that is not complete, up to the length of a line; before the character
    /// set is known, all bytes so far.
    carry: Vec<u8>,
    /// Bytes of that line beyond its greatest length. They are passed over, and counted.
    passed_over: u64,
    /// A line decoded from EBCDIC.
    decoded: Vec<u8>,
    /// Position of the first byte that has not been part of a complete line.
    at: Position,
    encoding: Option<Encoding>,
    /// The input was found to be EBCDIC, and no line so far has given its code page away.
    seeks_code_page: bool,
    record_length: Option<usize>,
    /// Length of the first line, once it is complete.
    first_line: Option<u64>,
}

impl Stream {
    /// A stream that begins at `start` of its file (line numbers from 1).
    #[must_use]
    pub fn new(options: &Options, start: Position) -> Stream {
        Stream {
            reader: Reader::new(options),
            assembler: Assembler::default(),
            carry: Vec::new(),
            passed_over: 0,
            decoded: Vec::new(),
            at: start,
            encoding: options.encoding,
            seeks_code_page: false,
            record_length: options.record_length.filter(|n| (1..=LINE_BYTES_MAX).contains(n)),
            first_line: None,
        }
    }

    /// Takes the next bytes; gives every record that they complete to `sink`.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut dyn FnMut(&Record<'_>)) {
        match self.encoding {
            Some(encoding) => self.split(bytes, encoding, sink),
            None => {
                // No more than the prefix is copied: the rest stays where it is.
                let room = ebcdic::PREFIX_BYTES_MAX.saturating_sub(self.carry.len());
                let (prefix, rest) = bytes.split_at(room.min(bytes.len()));
                self.carry.extend_from_slice(prefix);
                self.recognise(false, sink);
                if let Some(encoding) = self.encoding {
                    self.split(rest, encoding, sink);
                }
            }
        }
    }

    /// Decides the character set, if the bytes so far suffice, and reads them.
    fn recognise(&mut self, complete: bool, sink: &mut dyn FnMut(&Record<'_>)) {
        self.encoding = ebcdic::recognise(&self.carry, complete);
        self.seeks_code_page = self.encoding == Some(Encoding::Ibm1047);
        if let Some(encoding) = self.encoding {
            let prefix = std::mem::take(&mut self.carry);
            self.split(&prefix, encoding, sink);
        }
    }

    fn split(&mut self, bytes: &[u8], encoding: Encoding, sink: &mut dyn FnMut(&Record<'_>)) {
        match (self.record_length, encoding) {
            (Some(length), _) => self.split_records(bytes, length, sink),
            (None, Encoding::Ascii) => self.split_lines(bytes, |rest| memchr::memchr(b'\n', rest), sink),
            (None, _) => {
                let [nl, lf] = ebcdic::NEWLINES;
                self.split_lines(bytes, |rest| memchr::memchr2(nl, lf, rest), sink);
            }
        }
    }

    fn split_lines(
        &mut self,
        bytes: &[u8],
        newline: impl Fn(&[u8]) -> Option<usize>,
        sink: &mut dyn FnMut(&Record<'_>),
    ) {
        let mut rest = bytes;
        if !self.carry.is_empty() {
            let Some(end) = newline(rest) else { return self.keep(rest) };
            self.keep(&rest[..end]);
            self.carried_line(1, sink);
            rest = &rest[end + 1..];
        }
        while let Some(end) = newline(rest) {
            let kept = end.min(LINE_BYTES_MAX);
            self.line(&rest[..kept], (end - kept) as u64 + 1, end > kept, sink);
            rest = &rest[end + 1..];
        }
        self.keep(rest);
    }

    fn split_records(&mut self, bytes: &[u8], length: usize, sink: &mut dyn FnMut(&Record<'_>)) {
        let mut rest = bytes;
        while self.carry.len() + rest.len() >= length {
            let (here, behind) = rest.split_at(length.saturating_sub(self.carry.len()));
            if self.carry.is_empty() {
                self.line(here, 0, false, sink);
            } else {
                self.keep(here);
                self.carried_line(0, sink);
            }
            rest = behind;
        }
        self.keep(rest);
    }

    /// Releases what is held back for a continuation, or everything; at the end of the input the
    /// last line needs no newline.
    pub fn flush(&mut self, how: Flush, sink: &mut dyn FnMut(&Record<'_>)) {
        if how == Flush::Everything {
            if self.encoding.is_none() {
                self.recognise(true, sink);
            }
            if !self.carry.is_empty() {
                self.carried_line(0, sink);
            }
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

    /// The character set: as given, or as recognised once the first line was seen. Of EBCDIC, the code page
    /// may change once, at the first line with square brackets.
    #[must_use]
    pub fn encoding(&self) -> Option<Encoding> {
        self.encoding
    }

    /// What to ask of whoever has set the source up, if it seems to have records of one length, and nothing says
    /// which: it is EBCDIC, and has no newline where every log has one. A sentence without a period.
    #[must_use]
    pub fn lacks_record_length(&self) -> Option<String> {
        let first = self.first_line.unwrap_or(self.carry.len() as u64 + self.passed_over);
        let is_ebcdic = matches!(self.encoding, Some(Encoding::Ibm1047 | Encoding::Ibm037));
        let lacks = is_ebcdic && self.record_length.is_none() && first > EBCDIC_LINE_BYTES_USUAL;
        let bytes = EBCDIC_LINE_BYTES_USUAL;
        lacks.then(|| {
            format!(
                "this is EBCDIC, and its first {bytes} bytes have no newline (X'15'): it may have records of one length"
            )
        })
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = LINE_BYTES_MAX.saturating_sub(self.carry.len());
        let kept = bytes.len().min(room);
        self.carry.extend_from_slice(&bytes[..kept]);
        self.passed_over += (bytes.len() - kept) as u64;
    }

    fn carried_line(&mut self, newline: u64, sink: &mut dyn FnMut(&Record<'_>)) {
        let mut line = std::mem::take(&mut self.carry);
        let more = std::mem::take(&mut self.passed_over);
        self.line(&line, more + newline, more > 0, sink);
        line.clear();
        self.carry = line;
    }

    /// Reads one line, which takes `more` bytes beyond those given: what was cut off, and its
    /// newline.
    fn line(&mut self, line: &[u8], more: u64, cut: bool, sink: &mut dyn FnMut(&Record<'_>)) {
        let position = self.at;
        self.first_line.get_or_insert(line.len() as u64 + more);
        self.at.offset += line.len() as u64 + more;
        self.at.line += 1;
        if self.seeks_code_page
            && let Some(page) = ebcdic::code_page(line)
        {
            self.encoding = Some(page);
            self.seeks_code_page = false;
        }
        let mut decoded = std::mem::take(&mut self.decoded);
        let line = match self.encoding {
            None | Some(Encoding::Ascii) => line,
            Some(encoding) => {
                decoded.clear();
                ebcdic::decode(line, encoding, &mut decoded);
                &decoded
            }
        };
        let (format, class) = self.reader.read(strip_control(line), position);
        self.assembler.take(&class, Line { position, format, cut }, sink);
        self.decoded = decoded;
    }
}

/// The line without carriage returns at either end, form feeds and NULs before it, and a UTF-8
/// byte order mark.
fn strip_control(line: &[u8]) -> &[u8] {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let from = line.iter().position(|b| !matches!(b, b'\r' | 0x0c | 0)).unwrap_or(line.len());
    let to = line.iter().rposition(|b| *b != b'\r').map_or(from, |i| i + 1);
    &line[from..to.max(from)]
}

#[cfg(test)]
mod tests;
