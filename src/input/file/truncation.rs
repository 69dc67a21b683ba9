//! Files whose content was thrown away under their name (`copytruncate`, `> log`). What was read is
//! over; what was not read is looked for in a copy; the rest begins as another generation.
//!
//! What is written between the copy and the truncation is lost for everybody. It cannot even be
//! counted, so the operator is told each time.
//!
//! Layer: shell

use super::follow::{Follow, Look, read_range};
use super::memory::Remembered;
use super::patience::patiently;
use super::siblings::{self, Sibling};
use super::{Closed, Files, open_file, to_hex};
use crate::input::Arrival;
use crate::input::output::name_of;
use crate::limits::INPUT_HEAD_BYTES;
use crate::record::Position;
use std::fs::File;
use std::io;
use std::path::Path;

impl Files {
    /// The file no longer holds what was read of it. What came and went after that is found when its first bytes
    /// are read (see [`super::missed`]).
    pub(super) fn truncated(&mut self, index: usize) -> Result<(), Closed> {
        let follow = &self.follows[index];
        // First of all, because the file may grow meanwhile.
        let cut = match cut_size(&follow.file, follow.offset, &follow.head) {
            Ok(cut) => cut,
            Err(error) => return self.read_failed(index, &error),
        };
        let (stream, offset, path) = (follow.stream, follow.offset, follow.path.clone());
        let copy = self.copy_of(follow);
        // A copy that was found before its truncation was is read as a file of its own.
        let is_read = |copy: &Sibling| self.followed(&copy.id).is_some() || self.is_done(copy);
        let unread = copy.clone().filter(|copy| !is_read(copy));
        let (text, at) = match (&copy, cut) {
            (Some(copy), _) => {
                let size = unread.as_ref().map_or(Ok(0), |copy| self.read_copy(copy, stream, offset))?;
                (told_copy(offset, size, &copy.path), 0)
            }
            (None, Some(size)) => (told_cut(offset, size), size),
            (None, None) => (told_lost(offset), 0),
        };
        self.output.problem("WTR102W", &path, text)?;
        self.renew(index, at, unread)
    }

    /// The copy that was made of a file before it was truncated.
    fn copy_of(&self, follow: &Follow) -> Option<Sibling> {
        // The file may have been renamed as well; copies are named after the log.
        let bases = self.beside.keys().filter(|base| **base != follow.path && siblings::belongs(&follow.path, base));
        let mut siblings: Vec<Sibling> = bases.chain([&follow.path]).flat_map(|base| siblings::rotated(base)).collect();
        siblings.sort_by_key(|sibling| (sibling.age, sibling.id));
        siblings.dedup_by_key(|sibling| sibling.id);
        let siblings = siblings.into_iter().filter(|sibling| sibling.id != follow.id);
        let is_accounted = |sibling: &Sibling| self.beside.values().any(|beside| beside.has(sibling));
        let (mut old, new): (Vec<Sibling>, Vec<Sibling>) = siblings.partition(is_accounted);
        let print = follow.print();
        // One that was there before is less likely, the longer it was there the less.
        old.reverse();
        print.find(&new).or_else(|| print.find(&old)).cloned()
    }

    /// Ends a generation of a file, with the copy that its rest was in, and begins another, so that a key is never
    /// used for other bytes. Whoever dies in between finds the copy again, read to its end.
    fn renew(&mut self, index: usize, offset: u64, copy: Option<Sibling>) -> Result<(), Closed> {
        self.output.send(Arrival::Ended { stream: self.follows[index].stream })?;
        if let Some(copy) = copy {
            self.mark(&copy)?;
        }
        let follow = &mut self.follows[index];
        follow.generation += 1;
        follow.rewind(offset);
        // Behind a hole there is the first line.
        let is_hole = follow.tail.iter().all(|byte| *byte == 0);
        let line = if is_hole { 1 } else { self.memory.line_at(&follow.file, offset).unwrap_or(0) };
        Files::begin(&self.output, follow, Position { offset, line })
    }

    /// At the beginning of a file that was truncated: a writer that does not append goes on at its old
    /// offset and leaves NULs before it, which are passed over. False if there is nothing else yet.
    pub(super) fn pass_nuls(&mut self, index: usize) -> Result<bool, Closed> {
        let follow = &self.follows[index];
        let found = match follow.nuls(&mut self.buffer) {
            Ok(found) => found,
            Err(error) => return self.read_failed(index, &error).map(|()| false),
        };
        match found {
            None => Ok(false),
            Some(0) => Ok(true),
            Some(count) => {
                let text = format!("{count} NUL bytes were passed over: the writer does not append.");
                self.output.problem("WTR103W", &follow.path, text)?;
                self.renew(index, count, None).map(|()| true)
            }
        }
    }

    /// Reads what a known file held that is found, at a start, in a copy of it only.
    pub(super) fn read_rest(&mut self, old: &Remembered, copy: &Sibling) -> Result<u64, Closed> {
        let stream = self.output.next_stream();
        let at = Position { offset: old.offset, line: old.line };
        let (file, head) = (old.id.key(old.generation), to_hex(&old.head));
        self.output.send(Arrival::Begun { stream, path: name_of(&old.path), file, at, head })?;
        let size = self.read_copy(copy, stream, old.offset)?;
        self.output.send(Arrival::Ended { stream })?;
        self.mark(copy)?;
        Ok(size)
    }

    /// Gives what a copy holds from this offset on as bytes of the stream. How much that is.
    fn read_copy(&mut self, copy: &Sibling, stream: u64, offset: u64) -> Result<u64, Closed> {
        let open = || Follow::open(open_file(&copy.path)?, copy.id, copy.path.clone(), offset);
        let opened = patiently(open);
        let (read, error) = match opened {
            Ok(mut follow) => loop {
                match patiently(|| follow.read(&mut self.buffer)) {
                    Ok(Look::Data(bytes)) => self.output.send(Arrival::Bytes { stream, bytes })?,
                    Ok(Look::End | Look::Truncated) => break (follow.offset - offset, None),
                    Err(error) => break (follow.offset - offset, Some(error)),
                }
            },
            Err(error) => (0, Some(error)),
        };
        if let Some(error) = error {
            let text = format!("The copy cannot be read at byte {}: {error}; its rest is lost.", offset + read);
            self.output.problem("WTR100W", &copy.path, text)?;
        }
        Ok(read)
    }
}

/// Where the next generation begins if the file was merely cut: it is shorter, but begins with the
/// same bytes, and with enough of them to be sure. What stands in it has been read.
pub(super) fn cut_size(file: &File, offset: u64, head: &[u8]) -> io::Result<Option<u64>> {
    let size = file.metadata()?.len();
    let is_cut = size < offset && head.len() >= INPUT_HEAD_BYTES && read_range(file, 0, head.len())? == head;
    Ok(is_cut.then_some(size))
}

pub(super) fn told_copy(offset: u64, size: u64, copy: &Path) -> String {
    let copy = copy.display();
    format!(
        "The file was truncated after byte {offset} had been read; {size} further bytes were read from its copy \
         {copy}. What was written between the copy and the truncation cannot be known."
    )
}

pub(super) fn told_cut(offset: u64, size: u64) -> String {
    format!(
        "The file was cut to {size} bytes after byte {offset} had been read; it begins as before, so what stands in \
         it is taken as read."
    )
}

pub(super) fn told_lost(offset: u64) -> String {
    format!("The file was truncated; what was written behind byte {offset} before that cannot be known.")
}
