//! The first look of a source: what has become of the files that the journal knows while the agent
//! was down. Renamed files are found again by identity and their rest is read, truncated ones by their copies;
//! what was begun and rotated meanwhile is found by name and age; then comes what has the names now.
//!
//! Layer: shell

use super::identity::{FileId, age_key, modified};
use super::memory::{Found, Remembered, is_intact};
use super::missed::{Begin, judge};
use super::names::{self, Named, Seen, is_glob};
use super::patience::patiently;
use super::siblings::{self, Beside, Print, Sibling};
use super::truncation::{cut_size, told_copy, told_cut, told_lost};
use super::{Closed, Files, open_beside};
use crate::input::{Arrival, From};
use std::collections::{BTreeSet, HashMap};
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often the names are looked up until they hold still.
const LOOKS: usize = 100;

/// Something to be read before what has the names now.
struct Past {
    /// When it was written.
    when: (u64, FileId),
    what: What,
}

enum What {
    /// A file without a name among the patterns.
    File(PathBuf, Metadata),
    /// A copy of what is read elsewhere.
    Copy(Sibling),
    /// What was not read of a file, in a copy of it.
    Rest { old: Remembered, copy: Sibling, is_there: bool },
}

/// A file of the journal, and what has become of it.
struct Known {
    old: Remembered,
    /// Where it is now. None if it is gone.
    at: Option<Located>,
}

struct Located {
    path: PathBuf,
    meta: Metadata,
    is_named: bool,
    /// It still holds what was read of it.
    is_intact: bool,
}

impl Known {
    fn is_intact(&self) -> bool {
        self.at.as_ref().is_some_and(|at| at.is_intact)
    }
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
            all_beside.extend(Beside::look(path, holder, |_| false).map(|beside| (path.clone(), beside)));
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
        self.watch_more()?;
        let seen = std::mem::take(&mut self.at_start);
        self.trouble(&seen)?;
        if self.memory.from == From::Checkpoint {
            let mut pasts = self.pasts(&seen)?;
            pasts.sort_by_key(|past| past.when);
            self.read_pasts(pasts, &seen)?;
        }
        for named in &seen.files {
            self.begin_now(named)?;
        }
        self.watch_more()?;
        self.note_siblings()?;
        let names: Vec<PathBuf> = self.beside.keys().cloned().collect();
        names.iter().try_for_each(|name| self.mark_accounted(name))
    }

    fn read_pasts(&mut self, pasts: Vec<Past>, seen: &Seen) -> Result<(), Closed> {
        let named = seen.files.iter().map(|new| Begin::named(new, at_start(new)));
        let past = pasts.iter().filter_map(|past| match &past.what {
            What::File(path, meta) => Some(Begin::at(path, meta)),
            What::Rest { .. } | What::Copy(_) => None,
        });
        // What the journal knows has its turn: of a file that was truncated, the rest comes before.
        let unknown = |begin: &Begin<'_>| self.memory.of(&begin.id).is_none();
        let mut unknown: Vec<Begin<'_>> = past.chain(named).filter(unknown).collect();
        let mut begun = self.begin_all(&mut unknown)?;
        for past in pasts {
            match past.what {
                What::File(path, meta) => {
                    let begin = Begin::at(&path, &meta);
                    let id = begin.id;
                    begun.extend(self.begin_all(&mut [begin])?);
                    self.drain_past(&begun, &id)?;
                }
                What::Copy(copy) => self.mark(&copy)?,
                What::Rest { old, copy, is_there } => {
                    let size = self.read_rest(&old, &copy)?;
                    // A file that was copied and deleted is rotated as if it had been renamed: nothing is lost.
                    if is_there {
                        let text = told_copy(old.offset, size, &copy.path);
                        self.output.problem("WTR102W", &old.path, text)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn begin_now(&mut self, named: &Named) -> Result<(), Closed> {
        if self.followed(&named.id).is_none() {
            self.begin_all(&mut [Begin::named(named, at_start(named))])?;
        }
        match self.followed(&named.id) {
            Some(index) => self.drain(index),
            None => {
                // It cannot be opened, or has been renamed since. It is still a file that was there.
                self.memory.was_there(named);
                Ok(())
            }
        }
    }

    /// Everything that is to be read before what has the names now.
    fn pasts(&mut self, seen: &Seen) -> Result<Vec<Past>, Closed> {
        let known: Vec<Known> = self
            .memory
            .files()
            .filter(|old| !seen.unclear.contains_key(&old.path))
            .map(|old| Known { at: locate(old, seen), old: old.clone() })
            .collect();
        let mut pasts = Vec::new();
        for (at, old) in known.iter().filter_map(|known| Some((known.at.as_ref()?, &known.old))) {
            if !at.is_named && at.is_intact && (at.meta.len() != old.offset || self.is_recent(old, &at.meta)) {
                // Of a file of which nothing was read other content may have been thrown away before.
                let when = if old.offset > 0 { age_key(&at.meta) } else { modified(&at.meta) };
                pasts.push(Past::file(at.path.clone(), at.meta.clone(), when));
            } else if !at.is_named && at.is_intact && !old.done {
                // It was read to its end, and its writer has had time to notice.
                self.output.send(Arrival::Gone { file: old.id.key(old.generation) })?;
                self.memory.finish(&old.id);
            }
        }
        let mut bases: BTreeSet<&Path> = seen.files.iter().map(|named| named.path.as_path()).collect();
        bases.extend(self.patterns.iter().filter(|pattern| !is_glob(pattern)).map(Path::new));
        // Names of which nothing is there any more.
        for Known { old, .. } in known.iter().filter(|known| !known.old.done) {
            if !bases.iter().any(|base| siblings::belongs(&old.path, base)) {
                bases.insert(&old.path);
            }
        }
        let mut settled = BTreeSet::new();
        let bases: Vec<PathBuf> = bases.into_iter().map(Path::to_owned).collect();
        for base in bases {
            let group = known.iter().filter(|known| siblings::belongs(&known.old.path, &base)).collect::<Vec<_>>();
            if !group.is_empty() {
                self.pasts_of(&base, &group, seen, &mut settled, &mut pasts)?;
            }
        }
        Ok(pasts)
    }

    /// The same for one name, of which some files are known.
    fn pasts_of(
        &mut self,
        base: &Path,
        group: &[&Known],
        seen: &Seen,
        settled: &mut BTreeSet<FileId>,
        pasts: &mut Vec<Past>,
    ) -> Result<(), Closed> {
        let all = siblings::rotated(base);
        let mut open = self.unaccounted(base, group, seen, &all);
        let mut packed_since = changed_last(base, group);
        let lost = group.iter().filter(|known| !known.is_intact());
        for Known { old, at } in lost {
            if !settled.insert(old.id) {
                continue;
            }
            let copy = self.copy_of_known(old, &all, group);
            open.retain(|sibling| copy.as_ref().is_none_or(|copy| copy.id != sibling.id));
            match copy {
                Some(copy) if old.done => pasts.push(Past::copy(copy)),
                Some(copy) => {
                    packed_since = packed_since.max(copy.modified);
                    let when = (copy.modified, copy.id);
                    let what = What::Rest { old: old.clone(), copy, is_there: at.is_some() };
                    pasts.push(Past { when, what });
                }
                None if old.done => {}
                None => {
                    packed_since = u64::MAX;
                    self.tell_lost(old, at.as_ref())?;
                }
            }
            self.memory.finish(&old.id);
            // A file that was truncated and moved to a name that tells nothing.
            if let Some(at) = at.as_ref().filter(|at| !at.is_named && !all.iter().any(|other| other.id == old.id)) {
                pasts.push(Past::file(at.path.clone(), at.meta.clone(), modified(&at.meta)));
            }
        }
        let holder = seen.files.iter().find(|named| named.path == base);
        if holder.is_some_and(|holder| nothing_was_rotated(holder, group)) {
            return Ok(());
        }
        // What has come since the names were seen is found between looks.
        if let Some(beside) = self.beside.get(base) {
            open.retain(|sibling| beside.has(sibling));
        }
        let (packed, open): (Vec<Sibling>, Vec<Sibling>) = open.into_iter().partition(|sibling| sibling.packed);
        for sibling in packed.iter().filter(|sibling| sibling.modified >= packed_since) {
            self.say_packed(sibling)?;
        }
        let holder = holder.and_then(|named| open_beside(&named.path).ok());
        let judged = judge(&open, &all, holder.as_ref().as_slice());
        pasts.extend(judged.copies.into_iter().map(Past::copy));
        let unread = judged
            .unread
            .into_iter()
            .filter_map(|read| Some((patiently(|| std::fs::metadata(&read.path)).ok()?, read)));
        pasts.extend(unread.map(|(meta, read)| Past::file(read.path, meta, read.modified)));
        Ok(())
    }

    /// Files beside a name that are not accounted for: younger than all that is known of it, or copied over one
    /// that is.
    fn unaccounted(&self, base: &Path, group: &[&Known], seen: &Seen, all: &[Sibling]) -> Vec<Sibling> {
        let youngest = group.iter().map(|known| known.old.id.birth).max().unwrap_or(0);
        // Where there are no births, a successor was changed last when its predecessor was no longer.
        let changed = changed_last(base, group);
        let floor = if youngest > 0 { youngest } else { changed };
        let is_open = |sibling: &&Sibling| match group.iter().find(|known| known.old.id.may_be(&sibling.id)) {
            Some(known) => !known.is_intact(),
            // Until a first look was completed, what was there before is not known from what came since.
            None if self.memory.first_run => false,
            // A directory that was restored has births without meaning.
            None => floor > 0 && sibling.age >= floor && sibling.modified >= changed,
        };
        let is_named = |sibling: &Sibling| seen.files.iter().any(|named| named.id == sibling.id);
        let open = all.iter().filter(|sibling| sibling.size > 0 && !is_named(sibling)).filter(is_open);
        open.cloned().collect()
    }

    /// The copy that holds what was read of a file.
    fn copy_of_known(&self, old: &Remembered, all: &[Sibling], group: &[&Known]) -> Option<Sibling> {
        if old.head.is_empty() {
            return None;
        }
        // A position is the beginning of a line.
        let tail = self.memory.newline.filter(|_| old.offset > 0);
        let print = Print { head: &old.head, tail: tail.as_slice(), offset: old.offset };
        let may_be = |sibling: &&Sibling| {
            let is_younger = sibling.id != old.id && sibling.id.birth >= old.id.birth && old.id.birth > 0;
            let is_known = group.iter().any(|known| known.is_intact() && known.old.id.may_be(&sibling.id));
            // Of one that is done only the same is a copy: it was read to its end.
            is_younger && !is_known && (!old.done || sibling.size == old.offset)
        };
        let candidates: Vec<Sibling> = all.iter().filter(may_be).cloned().collect();
        print.find(&candidates).cloned()
    }

    /// What was written to a known file behind what was read is not to be found.
    fn tell_lost(&mut self, old: &Remembered, at: Option<&Located>) -> Result<(), Closed> {
        let offset = old.offset;
        let Some(at) = at else {
            let text = format!("The file is gone; what was written behind byte {offset} while nobody read it is lost.");
            self.output.problem("WTR105W", &old.path, text)?;
            return self.output.send(Arrival::Gone { file: old.id.key(old.generation) });
        };
        let cut =
            open_beside(&at.path).and_then(|file| patiently(|| cut_size(&file, offset, &old.head))).unwrap_or(None);
        let text = cut.map_or_else(|| told_lost(offset), |size| told_cut(offset, size));
        if let Some(offset) = cut {
            let generation = old.generation + 1;
            self.memory.remember(Remembered { generation, offset, line: 0, ..old.clone() });
        }
        self.output.problem("WTR102W", &at.path, text)
    }

    /// The file was written to so lately that its writer may not have noticed the renaming.
    fn is_recent(&self, old: &Remembered, meta: &Metadata) -> bool {
        let age = meta.modified().ok().and_then(|time| time.elapsed().ok()).unwrap_or(Duration::ZERO);
        !old.done && age < self.linger
    }
}

impl Past {
    fn file(path: PathBuf, meta: Metadata, when: u64) -> Past {
        Past { when: (when, FileId::of(&meta)), what: What::File(path, meta) }
    }

    fn copy(copy: Sibling) -> Past {
        Past { when: (u64::MAX, copy.id), what: What::Copy(copy) }
    }
}

fn at_start(named: &Named) -> Found {
    Found::AtStart { size: named.meta.len() }
}

/// Where a known file is now.
fn locate(old: &Remembered, seen: &Seen) -> Option<Located> {
    let named = seen.files.iter().find(|named| named.id.may_be(&old.id));
    // It may have lost the name since it was seen.
    let meta = |named: &Named| patiently(|| std::fs::metadata(&named.path));
    let still = |named: &&Named| meta(named).is_ok_and(|meta| FileId::of(&meta) == named.id);
    let named = named.filter(still);
    let (path, meta) = match named {
        Some(named) => (named.path.clone(), named.meta.clone()),
        None => siblings::with_identity(&old.path, &old.id)?,
    };
    // What cannot be opened is told of when it is begun.
    let is_intact = open_beside(&path).and_then(|file| patiently(|| is_intact(&file, old))).unwrap_or(true);
    Some(Located { path, meta, is_named: named.is_some(), is_intact })
}

/// When the last file of this name was changed last, if it lost the name and still holds what was read of it:
/// nothing is changed before that which came after.
fn changed_last(base: &Path, group: &[&Known]) -> u64 {
    let last = group.iter().filter(|known| known.old.path == base).max_by_key(|known| known.old.id.birth);
    let at = last
        .filter(|known| known.old.offset > 0)
        .and_then(|known| known.at.as_ref())
        .filter(|at| at.is_intact && !at.is_named);
    at.map_or(0, |at| modified(&at.meta))
}

/// The file that has the name had it when it was read last, and still holds what was read.
fn nothing_was_rotated(holder: &Named, group: &[&Known]) -> bool {
    let known = group.iter().find(|known| known.old.id.may_be(&holder.id));
    known.is_some_and(|known| known.is_intact() && known.old.offset > 0)
}
