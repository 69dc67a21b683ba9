//! The first look of a source: what has become of the files that the journal knows while the agent
//! was down. Renamed files are found again by identity and their rest is read; files that were
//! begun and rotated meanwhile are found by name and age; then comes what has the names now.
//!
//! Layer: shell

use super::follow::read_range;
use super::identity::{FileId, age_key, modified};
use super::memory::{Found, Remembered};
use super::names::{Named, Seen, is_glob};
use super::siblings::{self, Print};
use super::{Closed, Files, open_file};
use crate::input::{Arrival, From};
use crate::limits::INPUT_HEAD_BYTES;
use std::collections::BTreeMap;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A writer may go on with a renamed file for a moment while its successor is there.
const OVERLAP_NANOSECONDS: u64 = 100_000_000;

/// What is to be read first, in the order of age.
enum Item {
    /// A file without a name among the patterns.
    Past(PathBuf),
    /// A file with such a name.
    Now(Named),
}

/// Where a file of the journal is now, if it is anywhere.
type Located = Option<(PathBuf, Metadata)>;

impl Files {
    pub(super) fn first_look(&mut self) -> Result<(), Closed> {
        self.watch_names()?;
        let seen = std::mem::take(&mut self.at_start);
        self.trouble(&seen)?;
        for path in self.patterns.iter().filter(|pattern| !is_glob(pattern)).map(PathBuf::from) {
            let holder = std::fs::metadata(&path).ok().map(|meta| FileId::of(&meta));
            self.beside.entry(path.clone()).or_default().refresh(&path, holder);
        }
        let mut items = match self.memory.from {
            From::Checkpoint => self.pasts(&seen)?,
            From::End | From::Start => Vec::new(),
        };
        items.extend(seen.files.into_iter().map(|named| (age_key(&named.meta), Item::Now(named))));
        items.sort_by_key(|(age, _)| *age);
        for (_, item) in items {
            match item {
                Item::Past(path) => self.begin_past(&path)?,
                Item::Now(named) => self.begin_now(&named)?,
            }
        }
        self.watch_names()?;
        self.note_siblings();
        Ok(())
    }

    fn begin_now(&mut self, named: &Named) -> Result<(), Closed> {
        self.begin_named(named, Found::AtStart { size: named.meta.len() })?;
        match self.followed(&named.id) {
            Some(index) => self.drain(index),
            None => {
                // It cannot be opened yet. When it can, it is still a file that was there.
                self.memory.was_there(named);
                Ok(())
            }
        }
    }

    /// Files that had a name when the agent went down, and those that had it in between.
    fn pasts(&mut self, seen: &Seen) -> Result<Vec<(u64, Item)>, Closed> {
        let known: Vec<Remembered> = self.memory.files().cloned().collect();
        let absent: Vec<&Remembered> =
            known.iter().filter(|old| !seen.files.iter().any(|named| named.id.may_be(&old.id))).collect();
        let mut items = Vec::new();
        let mut last: BTreeMap<&Path, (&Remembered, Located)> = BTreeMap::new();
        for old in absent {
            if seen.unclear.contains_key(&old.path) {
                continue;
            }
            let found = siblings::with_identity(&old.path, &old.id);
            if let Some((path, meta)) = &found
                && (meta.len() != old.offset || self.is_recent(meta))
            {
                items.push((age_key(meta), Item::Past(path.clone())));
            }
            if found.is_none() {
                self.gone(old)?;
            }
            let latest = last.get(old.path.as_path()).is_none_or(|(other, _)| other.id.birth <= old.id.birth);
            if latest {
                last.insert(&old.path, (old, found));
            }
        }
        for (path, (old, found)) in last {
            let upper = seen.files.iter().find(|named| named.path == path);
            let upper = upper.map_or(u64::MAX, |named| age_key(&named.meta));
            self.between(old, found, upper, seen, &mut items)?;
        }
        Ok(items)
    }

    /// Rotated files that were begun after `old` and before the file that has its name now.
    fn between(
        &self,
        old: &Remembered,
        found: Located,
        upper: u64,
        seen: &Seen,
        items: &mut Vec<(u64, Item)>,
    ) -> Result<(), Closed> {
        // Where a file was truncated, copies of it lie about which are younger than the file; only
        // what came after its last change can be a successor.
        let lower = match &found {
            Some((_, meta)) if old.generation > 0 => modified(meta).saturating_sub(OVERLAP_NANOSECONDS),
            Some((_, meta)) => age_key(meta),
            None if old.generation == 0 && old.id.birth > 0 => old.id.birth,
            None => return Ok(()),
        };
        let original = found.and_then(|(path, _)| open_file(&path).ok());
        let tail_from = old.offset.saturating_sub(INPUT_HEAD_BYTES as u64);
        let tail =
            original.and_then(|file| read_range(&file, tail_from, INPUT_HEAD_BYTES.min(old.offset as usize)).ok());
        for sibling in siblings::rotated(&old.path) {
            let in_time = sibling.age > lower && sibling.age <= upper;
            let named = seen.files.iter().any(|named| named.id == sibling.id);
            if !in_time || named || self.memory.of(&sibling.id).is_some() {
                continue;
            }
            if sibling.packed {
                let text = "A rotated file was compressed before it could be read; its lines are lost.".to_owned();
                self.output.problem("WTR104W", &sibling.path, text)?;
                continue;
            }
            let is_copy = old.offset > 0
                && tail.as_ref().is_some_and(|tail| {
                    let print = Print { head: &old.head, tail, offset: old.offset };
                    open_file(&sibling.path).is_ok_and(|file| print.fits(&file))
                });
            if !is_copy {
                items.push((sibling.age, Item::Past(sibling.path)));
            }
        }
        Ok(())
    }

    /// A file of the journal is nowhere to be found.
    fn gone(&self, old: &Remembered) -> Result<(), Closed> {
        let offset = old.offset;
        let text = format!("The file is gone; what was written behind byte {offset} while nobody read it is lost.");
        self.output.problem("WTR105W", &old.path, text)?;
        self.output.send(Arrival::Gone { file: old.id.key(old.generation) })
    }

    /// The file was written to so lately that its writer may not have noticed the renaming.
    fn is_recent(&self, meta: &Metadata) -> bool {
        let age = meta.modified().ok().and_then(|time| time.elapsed().ok()).unwrap_or(Duration::ZERO);
        age < self.linger
    }
}
