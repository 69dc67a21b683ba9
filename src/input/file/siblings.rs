//! The other files of a directory: rotated predecessors of a log, found by identity or by name, and
//! copies that were made before a truncation, found by content.
//!
//! Layer: shell

use super::follow::read_range;
use super::identity::{FileId, age_key, modified};
use super::names::{Named, look};
use super::open_beside;
use super::patience::patiently;
use super::watch::parent;
use crate::limits::INPUT_HEAD_BYTES;
use std::collections::HashMap;
use std::fs::{DirEntry, File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirEntryExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A file that by its name is a rotated form of another.
#[derive(Clone, Debug)]
pub(super) struct Sibling {
    pub path: PathBuf,
    pub id: FileId,
    pub size: u64,
    /// Time of its last change.
    pub modified: u64,
    /// For putting siblings in the order in which they were written.
    pub age: u64,
    /// It is compressed.
    pub packed: bool,
}

/// The rotated forms of `path` in its directory, oldest first; if it is a symbolic link, those of the file that it
/// leads to as well. None if the directory cannot be read: whoever asks has something better to complain about.
pub(super) fn rotated(path: &Path) -> Vec<Sibling> {
    let mut found = rotated_here(path);
    if let Some(real) = leads_to(path) {
        found.extend(rotated_here(&real));
    }
    found.sort_by_key(|sibling| (sibling.age, sibling.id));
    found.dedup_by_key(|sibling| sibling.id);
    found
}

fn rotated_here(path: &Path) -> Vec<Sibling> {
    let Some(base) = path.file_name() else { return Vec::new() };
    entries(path)
        .filter_map(|entry| {
            let packed = rotation_of(entry.file_name().as_bytes(), base.as_bytes())? == Form::Packed;
            let meta = regular(&entry)?;
            Some(Sibling {
                path: entry.path(),
                id: FileId::of(&meta),
                size: meta.len(),
                modified: modified(&meta),
                age: age_key(&meta),
                packed,
            })
        })
        .collect()
}

fn leads_to(path: &Path) -> Option<PathBuf> {
    path.symlink_metadata().ok().filter(Metadata::is_symlink)?;
    path.canonicalize().ok()
}

/// Whether one path is by its name a rotated form of the other.
pub(super) fn is_rotated(path: &Path, base: &Path) -> bool {
    let names = path.file_name().zip(base.file_name());
    parent(path) == parent(base)
        && names.is_some_and(|(name, base)| rotation_of(name.as_bytes(), base.as_bytes()).is_some())
}

/// A log and a copy of it that these patterns both cover, if there is one: a log that is older than a rotated form of
/// it was not renamed, but copied and truncated. Where the file system keeps no births nothing can be told.
pub fn covered_copy(patterns: &[String]) -> Option<(PathBuf, PathBuf)> {
    let files = look(patterns).files;
    let is_copy = |copy: &Named, log: &Named| {
        let names = copy.path.file_name().zip(log.path.file_name());
        let form = names.and_then(|(copy, log)| rotation_of(copy.as_bytes(), log.as_bytes()));
        let older = log.id.birth != 0 && log.id.birth < copy.id.birth;
        older && form == Some(Form::Plain) && parent(&copy.path) == parent(&log.path)
    };
    let of_log = |log: &Named| files.iter().find(|copy| is_copy(copy, log)).map(|copy| copy.path.clone());
    files.iter().find_map(|log| Some((log.path.clone(), of_log(log)?)))
}

/// Whether a file of that path has had the name `base`, or is a rotated form of it.
pub(super) fn belongs(path: &Path, base: &Path) -> bool {
    path == base || is_rotated(path, base) || leads_to(base).is_some_and(|real| is_rotated(path, &real))
}

/// The file with this identity in the directory of `path`, under whatever name.
pub(super) fn with_identity(path: &Path, id: &FileId) -> Option<(PathBuf, Metadata)> {
    entries(path).filter(|entry| entry.ino() == id.ino).find_map(|entry| {
        let meta = regular(&entry)?;
        id.may_be(&FileId::of(&meta)).then(|| (entry.path(), meta))
    })
}

/// What a copy of a file must have: the first bytes, at least this size, and, if they are known, the
/// bytes that end at this place.
pub(super) struct Print<'a> {
    pub head: &'a [u8],
    pub tail: &'a [u8],
    pub offset: u64,
}

impl Print<'_> {
    /// Whether the file begins like the original and is the same just before the offset.
    pub fn fits(&self, file: &File) -> bool {
        let Some(from) = self.offset.checked_sub(self.tail.len() as u64) else { return false };
        let read = |offset, count| patiently(|| read_range(file, offset, count));
        let is = |offset, bytes: &[u8]| read(offset, bytes.len()).is_ok_and(|found| found == bytes);
        let long = patiently(|| file.metadata()).is_ok_and(|meta| meta.len() >= self.offset);
        long && is(0, self.head) && is(from, self.tail)
    }

    /// The copy among these, oldest first. Copies of a file that went on growing all fit: the longest has most.
    pub fn find<'s>(&self, siblings: &'s [Sibling]) -> Option<&'s Sibling> {
        let fits = |sibling: &&Sibling| open_beside(&sibling.path).is_ok_and(|file| self.fits(&file));
        let mut fitting = siblings.iter().filter(|sibling| !sibling.packed && sibling.size > 0).filter(fits);
        let first = fitting.next()?;
        let holds_first = |next: &Sibling| open_beside(&next.path).is_ok_and(|file| is_in(first, &file));
        let longer = fitting.filter(|next| next.size > first.size && holds_first(next));
        Some(longer.max_by_key(|next| next.size).unwrap_or(first))
    }
}

/// Whether the other file begins with all that the sibling holds, as far as the first and last bytes tell: the
/// sibling is a copy of it, or one in the making.
pub(super) fn is_in(sibling: &Sibling, other: &File) -> bool {
    let Ok(file) = open_beside(&sibling.path) else { return false };
    let last = usize::try_from(sibling.size).unwrap_or(usize::MAX).min(INPUT_HEAD_BYTES);
    let read = |file: &File, offset| patiently(|| read_range(file, offset, last)).ok();
    let same = |offset| {
        let (ours, theirs) = (read(&file, offset), read(other, offset));
        ours.as_ref().is_some_and(|bytes| bytes.len() == last) && ours == theirs
    };
    same(0) && same(sibling.size - last as u64)
}

/// The rotated files beside a name that are accounted for: read, or there before there was anything to miss.
#[derive(Debug)]
pub(super) struct Beside {
    /// With the time of the last change: a copy may be made over an older one.
    files: HashMap<FileId, u64>,
    /// Change time of the directory at that time, if it was old enough to tell later changes by it.
    directory: Option<u64>,
}

/// Two changes of a directory within one tick of the file system's clock have the same time.
const TICK: Duration = Duration::from_secs(2);

impl Beside {
    /// Looks now. What is found counts only if the name still stands for `holder` afterwards: else
    /// some of it may be what has held the name in between, and has not been read. For the same reason what is
    /// `open` is left out.
    pub fn look(path: &Path, holder: Option<FileId>, is_open: impl Fn(&Sibling) -> bool) -> Option<Beside> {
        let directory = patiently(|| std::fs::metadata(parent(path))).ok();
        let (open, accounted): (Vec<_>, Vec<_>) = rotated(path).into_iter().partition(is_open);
        if patiently(|| std::fs::metadata(path)).ok().map(|meta| FileId::of(&meta)) != holder {
            return None;
        }
        let settled = |meta: &Metadata| {
            leads_to(path).is_none() && meta.modified().is_ok_and(|time| time.elapsed().is_ok_and(|age| age > TICK))
        };
        let directory = directory.filter(|meta| open.is_empty() && settled(meta)).map(|meta| modified(&meta));
        Some(Beside { files: accounted.iter().map(|sibling| (sibling.id, sibling.modified)).collect(), directory })
    }

    /// Nothing more is to be done about the file.
    pub fn account(&mut self, sibling: &Sibling) {
        self.files.insert(sibling.id, sibling.modified);
    }

    /// Whether the file was there, as it is now.
    pub fn has(&self, sibling: &Sibling) -> bool {
        self.files.get(&sibling.id) == Some(&sibling.modified)
    }

    /// Whether another look would find nothing else.
    pub fn is_fresh(&self, path: &Path) -> bool {
        let now = std::fs::metadata(parent(path)).ok().as_ref().map(modified);
        self.directory.is_some() && self.directory == now
    }
}

fn entries(path: &Path) -> impl Iterator<Item = DirEntry> {
    let list = || std::fs::read_dir(parent(path))?.collect::<io::Result<Vec<DirEntry>>>();
    patiently(list).into_iter().flatten()
}

fn regular(entry: &DirEntry) -> Option<Metadata> {
    let meta = patiently(|| entry.metadata()).ok()?;
    meta.is_file().then_some(meta)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Plain,
    Packed,
}

/// Whether `name` is made from `base` by a rotation: `base.1`, `base-20251121.gz`, or with the stamp
/// before the extension, as Liberty does it: `messages_25.11.21_22.15.27.0.log`.
fn rotation_of(name: &[u8], base: &[u8]) -> Option<Form> {
    const PACKED: [&[u8]; 7] = [b".gz", b".bz2", b".xz", b".zst", b".lz4", b".Z", b".zip"];
    let plain = PACKED.iter().find_map(|ending| name.strip_suffix(*ending));
    let (name, form) = plain.map_or((name, Form::Plain), |plain| (plain, Form::Packed));
    if name == base {
        return (form == Form::Packed).then_some(form);
    }
    let after_base = name.strip_prefix(base).is_some_and(is_stamp);
    let dot = memchr::memrchr(b'.', base).filter(|dot| *dot > 0);
    let before_extension = dot.is_some_and(|dot| {
        let (stem, extension) = base.split_at(dot);
        name.strip_prefix(stem).and_then(|rest| rest.strip_suffix(extension)).is_some_and(is_stamp)
    });
    (after_base || before_extension).then_some(form)
}

/// A number, a date or a word for "old", behind a separator.
fn is_stamp(text: &[u8]) -> bool {
    let separated = matches!(text.first(), Some(b'.' | b'_' | b'-' | b'~'));
    let stamp = text.iter().all(|b| b.is_ascii_digit() || b"._-:+TZ~".contains(b));
    separated && (stamp || matches!(&text[1..], b"old" | b"bak" | b"prev" | b"save"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rotated_files() {
        let plain = ["messages.log.1", "messages.log-20251121", "messages_25.11.21_22.15.27.0.log", "messages.1.log"];
        for name in plain.into_iter().chain(["messages.log~", "messages.log.old"]) {
            assert_eq!(rotation_of(name.as_bytes(), b"messages.log"), Some(Form::Plain), "{name}");
        }
        for name in ["messages.log.2.gz", "messages.log-20251121.zst", "messages.log.gz"] {
            assert_eq!(rotation_of(name.as_bytes(), b"messages.log"), Some(Form::Packed), "{name}");
        }
        for name in ["messages.log", "messages2.log", "messages_audit.log", "trace.log", "messages.log.1.tmp", "x"] {
            assert_eq!(rotation_of(name.as_bytes(), b"messages.log"), None, "{name}");
        }
        assert_eq!(rotation_of(b"syslog.1", b"syslog"), Some(Form::Plain));
        assert_eq!(rotation_of(b".log.1", b".log"), Some(Form::Plain));
    }
}
