//! What is remembered of files that are not open: the journal's checkpoints, and files that were
//! given up while the source runs. It says where reading begins in a file that has been found.
//!
//! Layer: shell

use super::follow::{from_hex, last_line_start, line_at, read_range};
use super::identity::FileId;
use super::names::Named;
use crate::input::{From, Known};
use crate::limits::INPUT_REMEMBERED_FILES_MAX;
use crate::record::Position;
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::PathBuf;

/// A file as it was when it was read last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Remembered {
    pub id: FileId,
    pub generation: u64,
    pub path: PathBuf,
    pub offset: u64,
    /// Number of the line at the offset; 0 if unknown.
    pub line: u64,
    pub head: Vec<u8>,
    /// It was read to its end, and nothing more is expected of it.
    pub done: bool,
}

/// See the module text.
#[derive(Debug)]
pub(super) struct Memory {
    files: VecDeque<Remembered>,
    pub from: From,
    pub first_run: bool,
    pub newline: Option<u8>,
}

/// Where reading begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Placement {
    pub at: Position,
    pub generation: u64,
    /// What is known of the file, if reading goes on where it was.
    pub old: Option<Remembered>,
    /// The file is known and not done, but what was read of it is no longer there.
    pub is_truncated: bool,
}

/// When a file was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It was there when the source started.
    AtStart {
        /// It had this size then; what has been written since is new.
        size: u64,
    },
    /// It has appeared since.
    Later,
}

impl Memory {
    pub fn new(known: Known, from: From, newline: Option<u8>) -> Memory {
        let mut memory = Memory { files: VecDeque::new(), from, first_run: known.first_run, newline };
        for checkpoint in known.checkpoints {
            // Checkpoints of streams have other keys; the source may have changed its kind.
            let Some((id, generation)) = FileId::parse(&checkpoint.file) else { continue };
            memory.remember(Remembered {
                id,
                generation,
                path: PathBuf::from(&*checkpoint.path),
                offset: checkpoint.offset,
                line: checkpoint.line,
                head: from_hex(&checkpoint.head),
                done: checkpoint.done,
            });
        }
        memory
    }

    /// Keeps the latest of what is known of a file.
    pub fn remember(&mut self, file: Remembered) {
        if let Some(old) = self.files.iter_mut().find(|old| old.id == file.id) {
            if (old.generation, old.offset) <= (file.generation, file.offset) {
                *old = file;
            }
            return;
        }
        if self.files.len() >= INPUT_REMEMBERED_FILES_MAX {
            self.files.pop_front();
        }
        self.files.push_back(file);
    }

    /// What was read of the file is over, and its end has been found or told.
    pub fn finish(&mut self, id: &FileId) {
        if let Some(old) = self.files.iter_mut().find(|old| old.id == *id) {
            old.done = true;
        }
    }

    /// A file that was there at the start, and could not be opened by its name: what it holds now counts as what
    /// it held at the start.
    pub fn was_there(&mut self, named: &Named) {
        if (self.from == From::End || self.skips_unknown()) && self.of(&named.id).is_none() {
            let (id, path, offset) = (named.id, named.path.clone(), named.meta.len());
            self.remember(Remembered { id, generation: 0, path, offset, line: 0, head: Vec::new(), done: false });
        }
    }

    pub fn files(&self) -> impl Iterator<Item = &Remembered> {
        self.files.iter()
    }

    /// What is remembered of this file.
    pub fn of(&self, id: &FileId) -> Option<&Remembered> {
        self.files.iter().find(|file| file.id == *id).or_else(|| self.files.iter().find(|file| file.id.may_be(id)))
    }

    /// Where reading of an open file begins.
    pub fn place(&self, file: &File, id: &FileId, found: Found) -> io::Result<Placement> {
        let old = self.of(id);
        let intact = match old {
            Some(old) => is_intact(file, old)?,
            None => true,
        };
        let skip = match found {
            Found::AtStart { size } if self.from == From::End => Some(size),
            Found::AtStart { size } if self.skips_unknown() && old.is_none() => Some(size),
            _ => None,
        };
        let again = found != Found::Later && self.from == From::Start;
        let goes_on = |old: &&Remembered| (intact || !old.done) && skip.is_none() && !again;
        let resumed = old.filter(goes_on);
        let is_truncated = resumed.is_some() && !intact;
        let generation = old.map_or(0, |old| old.generation + u64::from(!intact && !is_truncated));
        let at = match (old, skip) {
            (_, Some(size)) => self.end_of(file, size)?,
            (Some(old), None) if is_truncated => Position { offset: old.offset, line: old.line },
            (Some(old), None) if intact && !again => self.resume(file, old)?,
            _ => Position { offset: 0, line: 1 },
        };
        Ok(Placement { at, generation, old: resumed.cloned(), is_truncated })
    }

    /// Files that nobody knows were there before the source was.
    fn skips_unknown(&self) -> bool {
        self.from == From::Checkpoint && self.first_run
    }

    fn resume(&self, file: &File, old: &Remembered) -> io::Result<Position> {
        let line = if old.line > 0 { old.line } else { line_at(file, old.offset, self.newline)? };
        Ok(Position { offset: old.offset, line })
    }

    fn end_of(&self, file: &File, size: u64) -> io::Result<Position> {
        let size = size.min(file.metadata()?.len());
        let offset = last_line_start(file, size, self.newline)?;
        Ok(Position { offset, line: line_at(file, offset, self.newline)? })
    }

    /// Line number at an offset of a file.
    pub fn line_at(&self, file: &File, offset: u64) -> io::Result<u64> {
        line_at(file, offset, self.newline)
    }
}

/// Whether the file still holds what was read of it, as far as its size and first bytes tell.
pub(super) fn is_intact(file: &File, old: &Remembered) -> io::Result<bool> {
    Ok(file.metadata()?.len() >= old.offset && read_range(file, 0, old.head.len())? == old.head)
}
