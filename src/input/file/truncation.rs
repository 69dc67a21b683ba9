//! Files whose content was thrown away under their name (`copytruncate`, `> log`). What was read is
//! over; what was not read is looked for in a copy; the rest begins as another generation.
//!
//! What is written between the copy and the truncation is lost for everybody. It cannot even be
//! counted, so the operator is told each time.
//!
//! Layer: shell

use super::follow::{Follow, Look, read_range};
use super::identity::FileId;
use super::memory::Remembered;
use super::siblings::{self, Print};
use super::{Closed, Files, open_file};
use crate::input::Arrival;
use crate::input::output::name_of;
use crate::limits::INPUT_HEAD_BYTES;
use crate::record::Position;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

impl Files {
    /// The file no longer holds what was read of it.
    pub(super) fn truncated(&mut self, index: usize) -> Result<(), Closed> {
        let follow = &self.follows[index];
        // First of all, because the file may grow meanwhile.
        let cut = match cut_size(&follow.file, follow.offset, &follow.head) {
            Ok(cut) => cut,
            Err(error) => return self.read_failed(index, &error),
        };
        let (stream, offset, path) = (follow.stream, follow.offset, follow.path.clone());
        let print = Print { head: &follow.head, tail: &follow.tail, offset };
        let copy = find_copy(&[&follow.path, &follow.real], &follow.id, &print, |_| true).pop();
        let text = match (copy, cut) {
            (Some((copy, file)), _) => {
                let size = self.read_copy(file, &copy, stream, offset)?;
                told_copy(offset, size, &copy)
            }
            (None, Some(size)) => told_cut(offset, size),
            (None, None) => told_lost(offset),
        };
        self.output.problem("WTR102W", &path, text)?;
        self.renew(index, cut.unwrap_or(0))
    }

    /// Begins another generation of a file, then ends the one before it: so the journal knows of the
    /// file at every moment, and a key is never used for other bytes.
    fn renew(&mut self, index: usize, offset: u64) -> Result<(), Closed> {
        let follow = &mut self.follows[index];
        let stream = follow.stream;
        follow.generation += 1;
        follow.rewind(offset);
        // Behind a hole there is the first line.
        let is_hole = follow.tail.iter().all(|byte| *byte == 0);
        let line = if is_hole { 1 } else { self.memory.line_at(&follow.file, offset).unwrap_or(0) };
        Files::begin(&self.output, follow, Position { offset, line })?;
        self.output.send(Arrival::Ended { stream })
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
                self.renew(index, count).map(|()| true)
            }
        }
    }

    /// At a start, a known file is found to be truncated. Its unread rest may be in a copy, which
    /// must be younger than the file itself: older ones were renamed, not copied. Gives the stream
    /// of that rest, which is to end when the next generation has begun.
    pub(super) fn truncated_meanwhile(&mut self, now: &Follow, lost: &Remembered) -> Result<Option<u64>, Closed> {
        let print = Print { head: &lost.head, tail: &[], offset: lost.offset };
        let mut copies = if lost.head.is_empty() || now.id.birth == 0 {
            Vec::new()
        } else {
            // The file may have been renamed as well; copies are named after the log.
            let bases = self.beside.keys().filter(|base| siblings::is_rotated(&now.path, base));
            let paths: Vec<&Path> = bases.chain([&lost.path, &now.path, &now.real]).map(PathBuf::as_path).collect();
            find_copy(&paths, &now.id, &print, |id| id.birth >= now.id.birth)
        };
        let mut rest = None;
        let text = match (copies.pop(), copies.is_empty()) {
            (Some((copy, file)), true) => {
                let stream = *rest.insert(self.output.next_stream());
                let at = Position { offset: lost.offset, line: lost.line };
                let head = super::to_hex(&lost.head);
                let key = lost.id.key(lost.generation);
                self.output.send(Arrival::Begun { stream, path: name_of(&lost.path), file: key, at, head })?;
                let size = self.read_copy(file, &copy, stream, lost.offset)?;
                told_copy(lost.offset, size, &copy)
            }
            _ => told_lost(lost.offset),
        };
        self.output.problem("WTR102W", &now.path, text)?;
        Ok(rest)
    }

    /// Gives the rest of a copy as bytes of the stream, and remembers that the copy has been read.
    fn read_copy(&mut self, file: File, copy: &Path, stream: u64, offset: u64) -> Result<u64, Closed> {
        let opened = file.metadata().and_then(|meta| Follow::open(file, FileId::of(&meta), copy.to_owned(), offset));
        let Ok(mut follow) = opened else { return Ok(0) };
        while let Ok(Look::Data(bytes)) = follow.read(&mut self.buffer) {
            self.output.send(Arrival::Bytes { stream, bytes })?;
        }
        let read = follow.offset - offset;
        let Follow { id, path, offset, head, .. } = follow;
        self.memory.remember(Remembered { id, generation: 0, path, offset, line: 0, head, is_copy: true });
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

fn told_copy(offset: u64, size: u64, copy: &Path) -> String {
    let copy = copy.display();
    format!(
        "The file was truncated after byte {offset} had been read; {size} further bytes were read from its copy \
         {copy}. What was written between the copy and the truncation cannot be known."
    )
}

fn told_cut(offset: u64, size: u64) -> String {
    format!(
        "The file was cut to {size} bytes after byte {offset} had been read; it begins as before, so what stands in \
         it is taken as read."
    )
}

fn told_lost(offset: u64) -> String {
    format!("The file was truncated; what was written behind byte {offset} before that cannot be known.")
}

/// Copies of the file with this identity and these names that hold at least what was read.
fn find_copy(
    paths: &[&Path],
    id: &FileId,
    print: &Print<'_>,
    accept: impl Fn(&FileId) -> bool,
) -> Vec<(PathBuf, File)> {
    let mut siblings: Vec<_> = paths.iter().flat_map(|path| siblings::rotated(path)).collect();
    siblings.sort_by_key(|sibling| (sibling.age, sibling.id));
    siblings.dedup_by_key(|sibling| sibling.id);
    siblings
        .into_iter()
        .filter(|sibling| !sibling.packed && sibling.id != *id && sibling.size >= print.offset && accept(&sibling.id))
        .filter_map(|sibling| Some((open_file(&sibling.path).ok()?, sibling.path)))
        .filter(|(file, _)| print.fits(file))
        .map(|(file, path)| (path, file))
        .collect()
}
