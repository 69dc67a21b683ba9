//! One open file that is being read. Every read begins some bytes before the place where the last
//! one ended: if these bytes are gone or others, the file was truncated in between, even if it has
//! grown past the old size since.
//!
//! Layer: shell

use super::identity::{FileId, modified};
use super::memory::{Remembered, is_intact};
use super::patience::patiently;
use super::siblings::Print;
use crate::limits::{INPUT_CHUNK_BYTES, INPUT_COUNTED_BYTES_MAX, INPUT_HEAD_BYTES, LINE_BYTES_MAX};
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;
use std::time::Instant;

/// See the module text.
#[derive(Debug)]
pub(super) struct Follow {
    pub stream: u64,
    pub id: FileId,
    pub generation: u64,
    /// The name under which the source found it.
    pub path: PathBuf,
    /// The same as the system reports it.
    pub absolute: PathBuf,
    /// The same without symbolic links.
    pub real: PathBuf,
    pub file: File,
    /// The next byte to read.
    pub offset: u64,
    /// First bytes of the file.
    pub head: Vec<u8>,
    /// Bytes directly before `offset`.
    pub tail: Vec<u8>,
    /// Bytes were sent since the last `Paused`.
    pub moving: bool,
    /// When the file was found to have no name among the source's patterns.
    pub left: Option<Instant>,
    /// When bytes came last.
    pub active: Instant,
    /// A read failed, and the operator knows.
    pub failing: bool,
}

/// What a read found.
pub(super) enum Look {
    Data(Vec<u8>),
    End,
    Truncated,
}

impl Follow {
    /// Prepares reading at `offset`.
    pub fn open(file: File, id: FileId, path: PathBuf, offset: u64) -> io::Result<Follow> {
        let head = read_range(&file, 0, INPUT_HEAD_BYTES)?;
        let tail = tail_at(&file, offset)?;
        let now = Instant::now();
        let mut follow = Follow {
            stream: 0,
            id,
            generation: 0,
            path: PathBuf::new(),
            absolute: PathBuf::new(),
            real: PathBuf::new(),
            file,
            offset,
            head,
            tail,
            moving: false,
            left: None,
            active: now,
            failing: false,
        };
        follow.rename(path);
        Ok(follow)
    }

    /// Whether the file holds what stood before the place where reading begins.
    pub fn is_at(&self, old: Option<&Remembered>) -> io::Result<bool> {
        let tail = self.offset.min(INPUT_HEAD_BYTES as u64);
        let is_known = old.map_or(Ok(true), |old| is_intact(&self.file, old))?;
        Ok(is_known && self.tail.len() as u64 == tail)
    }

    /// Of a file of which nothing has been read: whether it still begins as has been told.
    pub fn begins_as_told(&self) -> io::Result<bool> {
        Ok(read_range(&self.file, 0, self.head.len())? == self.head)
    }

    /// It is known by this name from now on.
    pub fn rename(&mut self, path: PathBuf) {
        self.absolute = std::path::absolute(&path).unwrap_or_else(|_| path.clone());
        self.real = path.canonicalize().unwrap_or_else(|_| path.clone());
        self.path = path;
    }

    /// No name leads to it any more.
    pub fn is_unlinked(&self) -> bool {
        self.file.metadata().is_ok_and(|meta| meta.nlink() == 0)
    }

    /// Time of the last change.
    pub fn modified(&self) -> u64 {
        patiently(|| self.file.metadata()).as_ref().map_or(0, modified)
    }

    /// Reads what follows, at most one chunk. `buffer` is room for a chunk and a tail.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<Look> {
        let known = self.tail.len();
        let count = read_at(&self.file, &mut buffer[..known + INPUT_CHUNK_BYTES], self.offset - known as u64)?;
        if count < known || buffer[..known] != self.tail {
            return Ok(Look::Truncated);
        }
        if self.offset == 0 && (count < self.head.len() || buffer[..self.head.len()] != self.head) {
            return Ok(Look::Truncated);
        }
        if count == known {
            return Ok(Look::End);
        }
        let data = buffer[known..count].to_vec();
        self.tail.clear();
        self.tail.extend_from_slice(&buffer[count.saturating_sub(INPUT_HEAD_BYTES)..count]);
        self.advance(&data);
        Ok(Look::Data(data))
    }

    /// Takes note of bytes that were read at the offset.
    fn advance(&mut self, data: &[u8]) {
        let missing_from = self.head.len() as u64;
        if self.head.len() < INPUT_HEAD_BYTES && missing_from >= self.offset {
            let skip = usize::try_from(missing_from - self.offset).unwrap_or(usize::MAX);
            let more = data.iter().skip(skip).take(INPUT_HEAD_BYTES - self.head.len());
            self.head.extend(more);
        }
        self.offset += data.len() as u64;
        self.active = Instant::now();
        self.moving = true;
    }

    /// What a copy of the file must have.
    pub fn print(&self) -> Print<'_> {
        Print { head: &self.head, tail: &self.tail, offset: self.offset }
    }

    /// Something was read of the file, and still stands in it.
    pub fn still_holds(&self) -> bool {
        self.offset > 0 && patiently(|| tail_at(&self.file, self.offset)).is_ok_and(|tail| tail == self.tail)
    }

    /// How many NULs the file begins with; `None` if it has nothing else.
    pub fn nuls(&self, buffer: &mut [u8]) -> io::Result<Option<u64>> {
        let mut at = 0;
        loop {
            // Where holes can be told, hop over them.
            at = match rustix::fs::seek(&self.file, rustix::fs::SeekFrom::Data(at)) {
                Ok(data) => data,
                Err(rustix::io::Errno::NXIO) => return Ok(None),
                Err(_) => at,
            };
            let count = read_at(&self.file, &mut buffer[..INPUT_CHUNK_BYTES], at)?;
            if count == 0 {
                return Ok(None);
            }
            if let Some(nuls) = buffer[..count].iter().position(|byte| *byte != 0) {
                return Ok(Some(at + nuls as u64));
            }
            at += count as u64;
        }
    }

    /// Reading begins anew at `offset`, with a new stream. What cannot be read for long shows as an error of the next
    /// read.
    pub fn rewind(&mut self, offset: u64) {
        self.offset = offset;
        self.moving = false;
        self.head = patiently(|| read_range(&self.file, 0, INPUT_HEAD_BYTES)).unwrap_or_default();
        self.tail = patiently(|| tail_at(&self.file, offset)).unwrap_or_default();
    }
}

/// Reads until the buffer is full or the file ends.
pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    loop {
        match file.read_at(buffer, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// Bytes of the file, fewer where it ends.
pub(super) fn read_range(file: &File, offset: u64, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; count];
    let mut filled = 0;
    while filled < count {
        match read_at(file, &mut bytes[filled..], offset + filled as u64)? {
            0 => break,
            more => filled += more,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// The bytes directly before the offset, by which the place is known again.
pub(super) fn tail_at(file: &File, offset: u64) -> io::Result<Vec<u8>> {
    let from = offset.saturating_sub(INPUT_HEAD_BYTES as u64);
    read_range(file, from, usize::try_from(offset - from).unwrap_or(0))
}

/// Number of the line that begins at `offset`, from 1; 0 if that would take too long to find out.
pub(super) fn line_at(file: &File, offset: u64, newline: Option<u8>) -> io::Result<u64> {
    let Some(newline) = newline else { return Ok(u64::from(offset == 0)) };
    if offset > INPUT_COUNTED_BYTES_MAX {
        return Ok(0);
    }
    let (mut at, mut lines) = (0, 0);
    let mut buffer = vec![0; INPUT_CHUNK_BYTES];
    while at < offset {
        let wanted = usize::try_from(offset - at).unwrap_or(usize::MAX).min(buffer.len());
        let count = read_at(file, &mut buffer[..wanted], at)?;
        if count == 0 {
            break;
        }
        lines += memchr::memchr_iter(newline, &buffer[..count]).count() as u64;
        at += count as u64;
    }
    Ok(lines + 1)
}

/// First byte of the last line that has no end yet: where a reader starts that wants new lines only,
/// and whole ones.
pub(super) fn last_line_start(file: &File, size: u64, newline: Option<u8>) -> io::Result<u64> {
    let Some(newline) = newline else { return Ok(size) };
    let floor = size.saturating_sub(LINE_BYTES_MAX as u64);
    let mut end = size;
    while end > floor {
        let from = end.saturating_sub(4096).max(floor);
        let bytes = read_range(file, from, usize::try_from(end - from).unwrap_or(0))?;
        if let Some(at) = memchr::memrchr(newline, &bytes) {
            return Ok(from + at as u64 + 1);
        }
        end = from;
    }
    Ok(if floor == 0 { 0 } else { size })
}

/// The bytes as checkpoints carry them.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The same, read back; what is not hexadecimal ends it.
pub(super) fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().map_while(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
