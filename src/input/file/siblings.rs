//! The other files of a directory: rotated predecessors of a log, found by identity or by name, and
//! copies that were made before a truncation, found by content.
//!
//! Layer: shell

use super::follow::read_range;
use super::identity::{FileId, age_key, modified};
use super::watch::parent;
use std::collections::HashSet;
use std::fs::{DirEntry, File, Metadata};
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

/// The rotated forms of `path` in its directory, oldest first. None if the directory cannot be
/// read: whoever asks has something better to complain about.
pub(super) fn rotated(path: &Path) -> Vec<Sibling> {
    let Some(base) = path.file_name() else { return Vec::new() };
    let mut found: Vec<Sibling> = entries(path)
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
        .collect();
    found.sort_by_key(|sibling| (sibling.age, sibling.id));
    found
}

/// Whether one path is by its name a rotated form of the other.
pub(super) fn is_rotated(path: &Path, base: &Path) -> bool {
    let names = path.file_name().zip(base.file_name());
    parent(path) == parent(base)
        && names.is_some_and(|(name, base)| rotation_of(name.as_bytes(), base.as_bytes()).is_some())
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
        let from = self.offset - self.tail.len() as u64;
        let is = |offset, bytes: &[u8]| read_range(file, offset, bytes.len()).is_ok_and(|found| found == bytes);
        is(0, self.head) && is(from, self.tail)
    }
}

/// The rotated files that lay beside a name when it was last looked at.
#[derive(Debug)]
pub(super) struct Beside {
    files: HashSet<FileId>,
    /// Change time of the directory at that time, if it was old enough to tell later changes by it.
    directory: Option<u64>,
}

/// Two changes of a directory within one tick of the file system's clock have the same time.
const TICK: Duration = Duration::from_secs(2);

impl Beside {
    /// Looks now. What is found counts only if the name still stands for `holder` afterwards: else
    /// some of it may be what has held the name in between, and has not been read.
    pub fn look(path: &Path, holder: Option<FileId>) -> Option<Beside> {
        let directory = std::fs::metadata(parent(path)).ok();
        let files = rotated(path).into_iter().map(|sibling| sibling.id).collect();
        if std::fs::metadata(path).ok().map(|meta| FileId::of(&meta)) != holder {
            return None;
        }
        let settled = |meta: &Metadata| meta.modified().is_ok_and(|time| time.elapsed().is_ok_and(|age| age > TICK));
        let directory = directory.filter(settled).map(|meta| modified(&meta));
        Some(Beside { files, directory })
    }

    /// Whether the file was there.
    pub fn has(&self, id: &FileId) -> bool {
        self.files.contains(id)
    }

    /// Whether another look would find nothing else.
    pub fn is_fresh(&self, path: &Path) -> bool {
        let now = std::fs::metadata(parent(path)).ok().as_ref().map(modified);
        self.directory.is_some() && self.directory == now
    }
}

fn entries(path: &Path) -> impl Iterator<Item = DirEntry> {
    std::fs::read_dir(parent(path)).into_iter().flatten().flatten()
}

fn regular(entry: &DirEntry) -> Option<Metadata> {
    let meta = entry.metadata().ok()?;
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
