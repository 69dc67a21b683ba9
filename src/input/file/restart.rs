//! The first look of a source: what has become of the files that the journal knows while the agent
//! was down. Renamed files are found again by identity and their rest is read; files that were
//! begun and rotated meanwhile are found by name and age; then comes what has the names now.
//!
//! Layer: shell

use super::follow::tail_at;
use super::identity::{age_key, modified};
use super::memory::{Found, Remembered, is_intact};
use super::names::{self, Named, Seen, is_glob};
use super::siblings::{self, Beside, Print};
use super::{Closed, Files, open_file};
use crate::input::{Arrival, From};
use std::collections::{BTreeSet, HashMap};
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often the names are looked up until they hold still.
const LOOKS: usize = 100;

/// What is to be read first, in the order of age.
enum Item {
    /// A file without a name among the patterns.
    Past(PathBuf),
    /// A file with such a name.
    Now(Named),
}

/// The names as they are now, with the rotated files beside them: what comes later is new.
pub(super) fn look_at_start(patterns: &[String]) -> (Seen, HashMap<PathBuf, Beside>) {
    let paths: Vec<PathBuf> = patterns.iter().filter(|pattern| !is_glob(pattern)).map(PathBuf::from).collect();
    let mut seen = names::look(patterns);
    let mut all_beside = HashMap::new();
    for _ in 0..LOOKS {
        all_beside.clear();
        for path in &paths {
            let holder = seen.files.iter().find(|named| named.path == *path).map(|named| named.id);
            all_beside.extend(Beside::look(path, holder).map(|beside| (path.clone(), beside)));
        }
        if all_beside.len() == paths.len() {
            break;
        }
        seen = names::look(patterns);
    }
    (seen, all_beside)
}

impl Files {
    pub(super) fn first_look(&mut self) -> Result<(), Closed> {
        self.watch_names()?;
        let seen = std::mem::take(&mut self.at_start);
        self.trouble(&seen)?;
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
                // It cannot be opened, or has been renamed since. It is still a file that was there.
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
        for old in absent {
            if seen.unclear.contains_key(&old.path) {
                continue;
            }
            match siblings::with_identity(&old.path, &old.id) {
                Some((path, meta)) if meta.len() != old.offset || self.is_recent(&meta) => {
                    items.push((age_key(&meta), Item::Past(path)));
                }
                Some(_) => {}
                None => self.gone(old)?,
            }
        }
        let mut bases: BTreeSet<&Path> = seen.files.iter().map(|named| named.path.as_path()).collect();
        bases.extend(self.patterns.iter().filter(|pattern| !is_glob(pattern)).map(Path::new));
        for base in bases {
            let holder = seen.files.iter().find(|named| named.path == base);
            // Files begin in the order of age: if this one is known, so were all before it.
            let is_known = holder.is_some_and(|named| self.memory.of(&named.id).is_some());
            let group = known.iter().filter(|old| old.path == base || siblings::is_rotated(&old.path, base));
            if let Some(last) = group.max_by_key(|old| old.id.birth)
                && !is_known
            {
                let upper = holder.map_or(u64::MAX, |named| age_key(&named.meta));
                self.between(base, last, upper, seen, &mut items)?;
            }
        }
        Ok(items)
    }

    /// Rotated forms of `base` that were begun after `old` and before the file that has the name now.
    fn between(
        &self,
        base: &Path,
        old: &Remembered,
        upper: u64,
        seen: &Seen,
        items: &mut Vec<(u64, Item)>,
    ) -> Result<(), Closed> {
        let found = siblings::with_identity(&old.path, &old.id);
        let file = found.as_ref().and_then(|(path, _)| open_file(path).ok());
        let intact = file.as_ref().is_some_and(|file| is_intact(file, old).unwrap_or(false));
        // Where a file was truncated, copies of it lie about which are younger than the file; only
        // what came after its last change can be a successor.
        let lower = match &found {
            // A file that is empty was changed last when it was copied.
            Some((_, meta)) if old.generation > 0 || !intact => modified(meta) + u64::from(meta.len() == 0),
            Some((_, meta)) => age_key(meta),
            None if old.generation == 0 && old.id.birth > 0 => old.id.birth,
            None => return Ok(()),
        };
        // A directory that was restored has births without meaning; and compressing keeps the time of
        // the last change. A successor was changed last when its predecessor was no longer.
        let changed = found.as_ref().map_or(0, |(_, meta)| modified(meta));
        let tail = file.filter(|_| intact).and_then(|file| tail_at(&file, old.offset).ok());
        let print = Print { head: &old.head, tail: tail.as_deref().unwrap_or_default(), offset: old.offset };
        for sibling in siblings::rotated(base) {
            // The clock of births is coarse: files that were begun within a tick have the same.
            let in_time = sibling.age >= lower && sibling.age <= upper && sibling.modified >= changed;
            let named = seen.files.iter().any(|named| named.id == sibling.id);
            if !in_time || named || self.memory.of(&sibling.id).is_some() {
                continue;
            }
            let is_copy = found.is_some()
                && old.offset > 0
                && open_file(&sibling.path).is_ok_and(|file| sibling.size >= old.offset && print.fits(&file));
            if sibling.packed {
                let text = "A rotated file was compressed before it could be read; its lines are lost.".to_owned();
                self.output.problem("WTR104W", &sibling.path, text)?;
            } else if !is_copy {
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
