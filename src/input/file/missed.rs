//! What came and went with a name while nobody looked: rotated files, and copies of content that was thrown away
//! since. It is found among the files beside the name, and is read before what has the name now.
//!
//! A file beside the name is *accounted for* when it has been read, or when it was there before there was
//! anything to miss. Any other is read as a whole, unless all of it stands in a file that is read anyway.
//!
//! Layer: shell

use super::follow::{Follow, read_range};
use super::identity::{FileId, age_key};
use super::memory::{Found, Remembered, is_intact};
use super::names::Named;
use super::patience::patiently;
use super::siblings::{self, Beside, Sibling, is_in};
use super::{Closed, Files, open_beside, to_hex};
use crate::input::Arrival;
use crate::input::output::name_of;
use crate::limits::INPUT_HEAD_BYTES;
use crate::record::Position;
use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, UNIX_EPOCH};

/// The file that has the name now.
fn holder(path: &Path) -> Option<FileId> {
    patiently(|| std::fs::metadata(path)).ok().map(|meta| FileId::of(&meta))
}

/// A file that is to be begun.
pub(super) struct Begin<'a> {
    path: PathBuf,
    age: u64,
    pub id: FileId,
    /// The name that it has, if it still has one, and how it was found.
    named: Option<(&'a Named, Found)>,
}

impl<'a> Begin<'a> {
    pub fn past(sibling: &Sibling) -> Begin<'a> {
        Begin { path: sibling.path.clone(), age: sibling.age, id: sibling.id, named: None }
    }

    pub fn at(path: &Path, meta: &Metadata) -> Begin<'a> {
        Begin { path: path.to_owned(), age: age_key(meta), id: FileId::of(meta), named: None }
    }

    pub fn named(named: &'a Named, found: Found) -> Begin<'a> {
        Begin { named: Some((named, found)), ..Begin::at(&named.path, &named.meta) }
    }
}

/// What is to be done about files beside a name that are not accounted for.
#[derive(Default)]
pub(super) struct Judged {
    /// To be read as a whole, in the order in which they were written.
    pub unread: Vec<Sibling>,
    /// All that they hold stands in other files beside the name.
    pub copies: Vec<Sibling>,
}

/// `open` are those of `all` that are not accounted for. What stands in a file that has a name now is left open:
/// it may be thrown away there, and be needed.
pub(super) fn judge(open: &[Sibling], all: &[Sibling], named: &[&File]) -> Judged {
    let mut judged = Judged { unread: Vec::new(), copies: Vec::new() };
    for (index, sibling) in open.iter().enumerate() {
        let holds_more = |other: &Sibling| match open.iter().position(|open| open.id == other.id) {
            Some(at) => (other.size, index) > (sibling.size, at),
            None => true,
        };
        let mut others = all.iter().filter(|other| other.id != sibling.id && !other.packed && holds_more(other));
        if named.iter().any(|file| is_in(sibling, file)) {
            continue;
        }
        let is_copy = others.any(|other| open_beside(&other.path).is_ok_and(|file| is_in(sibling, &file)));
        if is_copy { &mut judged.copies } else { &mut judged.unread }.push(sibling.clone());
    }
    judged.unread.sort_by_key(|sibling| (sibling.modified, sibling.age, sibling.id));
    judged
}

impl Files {
    /// Begins a file that has got a name, and reads what has been rotated away from that name between two looks.
    pub(super) fn begin_new(&mut self, new: &Named) -> Result<(), Closed> {
        let judged = self.missed(&new.path)?;
        if holder(&new.path) != Some(new.id) {
            // What is a copy of a file that has just got the name is not begun before that file.
            return self.begin_named(new, Found::Later).map(drop);
        }
        self.read_judged(&judged, Some(Begin::named(new, Found::Later)))
    }

    /// Reads what has been rotated away from the name of a file, before the first bytes of the file itself.
    pub(super) fn read_missed_before(&mut self, index: usize) -> Result<(), Closed> {
        let path = self.follows[index].path.clone();
        let mut judged = self.missed(&path)?;
        let follow = &self.follows[index];
        if holder(&path) != Some(follow.id) {
            // It is rotated itself: what was written later comes later.
            let changed = follow.modified();
            judged.unread.retain(|sibling| sibling.modified <= changed);
        }
        self.read_judged(&judged, None)
    }

    fn read_judged(&mut self, judged: &Judged, new: Option<Begin<'_>>) -> Result<(), Closed> {
        let mut files: Vec<Begin<'_>> = judged.unread.iter().map(Begin::past).chain(new).collect();
        let pasts = self.begin_all(&mut files)?;
        for sibling in &judged.unread {
            self.drain_past(&pasts, &sibling.id)?;
        }
        judged.copies.iter().try_for_each(|copy| self.mark(copy))
    }

    /// Begins files in the order of their age, before anything is read of them: so the journal never knows a file and
    /// not an older one that is still to be read. Gives those of them that have no name any more.
    pub(super) fn begin_all(&mut self, files: &mut [Begin<'_>]) -> Result<HashMap<FileId, usize>, Closed> {
        let mut pasts = HashMap::new();
        files.sort_by_key(|file| (file.age, file.id));
        for file in files {
            let found = match file.named {
                Some((named, found)) if self.begin_named(named, found)? => found,
                Some(_) => continue,
                None => Found::Later,
            };
            if self.followed(&file.id).is_some() {
                continue;
            }
            // It may have lost its name since it was seen.
            let Some((path, _)) = siblings::with_identity(&file.path, &file.id) else { continue };
            let opened = patiently(|| self.open_at(&path, file.id, found));
            if let Some(index) = self.begin_opened(&path, opened)? {
                self.follows[index].left = Some(Instant::now());
                pasts.insert(file.id, index);
            }
        }
        Ok(pasts)
    }

    /// Reads one of the files that were begun to its end.
    pub(super) fn drain_past(&mut self, pasts: &HashMap<FileId, usize>, id: &FileId) -> Result<(), Closed> {
        pasts.get(id).map_or(Ok(()), |index| self.drain(*index))
    }

    /// What beside the name is not accounted for. What is compressed is told.
    fn missed(&mut self, path: &Path) -> Result<Judged, Closed> {
        let Some(beside) = self.beside.get(path) else { return Ok(Judged::default()) };
        let all = siblings::rotated(path);
        let open: Vec<Sibling> = all
            .iter()
            .filter(|sibling| sibling.size > 0 && !beside.has(sibling))
            .filter(|sibling| self.followed(&sibling.id).is_none() && !self.is_done(sibling))
            .cloned()
            .collect();
        if open.is_empty() {
            return Ok(Judged::default());
        }
        let (packed, open): (Vec<Sibling>, Vec<Sibling>) = open.into_iter().partition(|sibling| sibling.packed);
        self.tell_packed(path, &packed)?;
        // What was read to its end and has no name any more is not thrown away: its copies are not needed.
        let (left, named): (Vec<&Follow>, Vec<&Follow>) = self.follows.iter().partition(|old| old.left.is_some());
        let holder = open_beside(path).ok();
        let named: Vec<&File> = named.iter().map(|follow| &follow.file).chain(&holder).collect();
        let mut judged = judge(&open, &all, &named);
        let is_read = |sibling: &Sibling| left.iter().any(|follow| is_in(sibling, &follow.file));
        let (read, unread): (Vec<Sibling>, Vec<Sibling>) = judged.unread.into_iter().partition(is_read);
        judged.copies.extend(read);
        judged.unread = unread.into_iter().filter(|sibling| !self.is_copy_of_cut(sibling)).collect();
        if let Some(beside) = self.beside.get_mut(path) {
            packed.iter().for_each(|sibling| beside.account(sibling));
        }
        Ok(judged)
    }

    /// Whether it holds what was read of a file that has been truncated since: then only its rest is to be read.
    fn is_copy_of_cut(&self, sibling: &Sibling) -> bool {
        let cut = self.follows.iter().filter(|follow| follow.offset > 0 && !follow.still_holds());
        open_beside(&sibling.path).is_ok_and(|file| cut.into_iter().any(|follow| follow.print().fits(&file)))
    }

    /// Compressing keeps the time of the last change: an older file that is compressed only now is not what we
    /// look for. And the file that we hold open may itself have been compressed.
    fn tell_packed(&self, path: &Path, packed: &[Sibling]) -> Result<(), Closed> {
        let predecessor = self.follows.iter().rev().find(|follow| follow.left.is_some() && follow.path == path);
        let Some(old) = predecessor else { return Ok(()) };
        let changed = old.modified();
        let late: Vec<&Sibling> = packed.iter().filter(|sibling| sibling.modified >= changed).collect();
        match late.last() {
            Some(last) if late.len() > usize::from(old.is_unlinked()) => self.say_packed(last),
            _ => Ok(()),
        }
    }

    pub(super) fn say_packed(&self, sibling: &Sibling) -> Result<(), Closed> {
        let text = "A rotated file was compressed before it could be read; its lines are lost.".to_owned();
        self.output.problem("WTR104W", &sibling.path, text)
    }

    /// Whether nothing more is to be expected of a rotated file than has been read.
    pub(super) fn is_done(&self, sibling: &Sibling) -> bool {
        let modified = UNIX_EPOCH + Duration::from_nanos(sibling.modified);
        let recent = || modified.elapsed().is_ok_and(|age| age < self.linger);
        let is_same =
            |old| open_beside(&sibling.path).and_then(|file| patiently(|| is_intact(&file, old))).unwrap_or(true);
        let known = self.memory.of(&sibling.id);
        known.is_some_and(|old| sibling.size == old.offset && (old.done || !recent()) && is_same(old))
    }

    /// Remembers which rotated files beside each name are accounted for, while what was read of the file that has
    /// the name still stands in it: copies that are made of it from now on are new.
    pub(super) fn note_siblings(&mut self) -> Result<(), Closed> {
        for index in 0..self.follows.len() {
            let follow = &self.follows[index];
            let old = self.beside.get(&follow.path);
            if follow.left.is_some() || old.is_some_and(|beside| beside.is_fresh(&follow.path)) {
                continue;
            }
            let is_open = |sibling: &Sibling| {
                let is_new = old.is_some_and(|old| !old.has(sibling));
                let is_read = || self.followed(&sibling.id).is_some() || self.is_done(sibling);
                let may_be_needed = || sibling.size == 0 || follow.offset == 0 || is_in(sibling, &follow.file);
                is_new && !is_read() && may_be_needed()
            };
            let beside = Beside::look(&follow.path, Some(follow.id), is_open);
            if let Some(beside) = beside
                && (old.is_none() || follow.offset == 0 || follow.still_holds())
            {
                let path = follow.path.clone();
                self.beside.insert(path.clone(), beside);
                self.mark_accounted(&path)?;
            }
        }
        Ok(())
    }

    /// Lets the journal know of the youngest file beside the name that is accounted for: what is younger at the
    /// next start is not.
    pub(super) fn mark_accounted(&mut self, path: &Path) -> Result<(), Closed> {
        let Some(beside) = self.beside.get(path) else { return Ok(()) };
        let all = siblings::rotated(path);
        let holder = open_beside(path).ok();
        let is_needed = |sibling: &Sibling| holder.as_ref().is_some_and(|file| is_in(sibling, file));
        let is_accounted = |sibling: &&Sibling| beside.has(sibling) && !is_needed(sibling);
        let (accounted, open): (Vec<&Sibling>, Vec<&Sibling>) = all.iter().partition(is_accounted);
        let open = open.iter().filter(|sibling| self.memory.of(&sibling.id).is_none());
        let first_open = open.map(|sibling| sibling.age).min().unwrap_or(u64::MAX);
        let youngest = accounted.iter().map(|sibling| sibling.age).filter(|age| *age < first_open).max();
        let unknown = |sibling: &Sibling| {
            let is_known = self.memory.of(&sibling.id).is_some() || self.followed(&sibling.id).is_some();
            Some(sibling.age) == youngest && !is_known
        };
        let unknown: Vec<Sibling> = accounted.into_iter().filter(|sibling| unknown(sibling)).cloned().collect();
        unknown.iter().try_for_each(|sibling| self.mark(sibling))
    }

    /// Lets the journal know that nothing is to be expected of a file that nobody writes to.
    pub(super) fn mark(&mut self, sibling: &Sibling) -> Result<(), Closed> {
        let Ok(head) = open_beside(&sibling.path).and_then(|file| patiently(|| read_range(&file, 0, INPUT_HEAD_BYTES)))
        else {
            return Ok(());
        };
        let (id, path, offset) = (sibling.id, sibling.path.clone(), sibling.size);
        let generation = match self.memory.of(&id) {
            Some(old) => old.generation + u64::from(offset < old.offset || !head.starts_with(&old.head)),
            None => 0,
        };
        let stream = self.output.next_stream();
        let at = Position { offset, line: 0 };
        let file = id.key(generation);
        self.output.send(Arrival::Begun { stream, path: name_of(&path), file, at, head: to_hex(&head) })?;
        self.output.send(Arrival::Ended { stream })?;
        self.memory.remember(Remembered { id, generation, path, offset, line: 0, head, done: true });
        Ok(())
    }
}
