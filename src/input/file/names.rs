//! The names that a source's patterns stand for at the moment, and the directories in which a change
//! of them would show.
//!
//! Layer: shell

use super::identity::FileId;
use std::collections::{BTreeSet, HashMap};
use std::fs::Metadata;
use std::io;
use std::path::{Component, Path, PathBuf};

/// What the patterns stand for.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Regular files, each once, in the order of their age.
    pub files: Vec<Named>,
    /// Names that are there but cannot be used, and why. Their files have not gone.
    pub unclear: HashMap<PathBuf, String>,
}

/// A file with its name.
#[derive(Debug)]
pub(super) struct Named {
    pub path: PathBuf,
    pub id: FileId,
    pub meta: Metadata,
}

/// True if the pattern has characters of a glob and is not a path that exists.
pub(super) fn is_glob(pattern: &str) -> bool {
    pattern.contains(['*', '?', '[']) && !Path::new(pattern).exists()
}

/// Looks all names up.
pub(super) fn look(patterns: &[String]) -> Seen {
    let mut seen = Seen::default();
    for pattern in patterns {
        if !is_glob(pattern) {
            take(PathBuf::from(pattern), &mut seen);
            continue;
        }
        match glob::glob(pattern) {
            Ok(paths) => {
                for path in paths {
                    match path {
                        Ok(path) => take(path, &mut seen),
                        Err(error) => {
                            seen.unclear.insert(error.path().to_owned(), error.error().to_string());
                        }
                    }
                }
            }
            Err(error) => {
                seen.unclear.insert(PathBuf::from(pattern), error.to_string());
            }
        }
    }
    seen.files.sort_by_cached_key(|named| (super::identity::age_key(&named.meta), named.id));
    seen
}

fn take(path: PathBuf, seen: &mut Seen) {
    match std::fs::metadata(&path) {
        Ok(meta) if meta.is_file() => {
            let id = FileId::of(&meta);
            if !seen.files.iter().any(|other| other.id == id) {
                seen.files.push(Named { path, id, meta });
            }
        }
        // A glob may well cover directories.
        Ok(meta) if meta.is_dir() => {}
        Ok(_) => {
            seen.unclear.insert(path, "it is not a regular file".to_owned());
        }
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
        Err(error) => {
            seen.unclear.insert(path, error.to_string());
        }
    }
}

/// The directories to be watched: for each pattern every directory on its way from the first glob
/// character on, and the nearest that exists for what is still to come.
pub(super) fn directories(patterns: &[String], limit: usize) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for pattern in patterns {
        let literal = !is_glob(pattern);
        let mut prefix = PathBuf::new();
        let parts: Vec<Component<'_>> = Path::new(pattern).components().collect();
        let mut deepest = PathBuf::from(".");
        for part in &parts[..parts.len().saturating_sub(1)] {
            prefix.push(part);
            let text = prefix.to_string_lossy();
            if literal || !is_glob(&text) {
                if prefix.is_dir() {
                    deepest.clone_from(&prefix);
                }
            } else if let Ok(paths) = glob::glob(&text) {
                let room = limit.saturating_sub(found.len());
                found.extend(paths.flatten().filter(|path| path.is_dir()).take(room));
            }
        }
        found.insert(deepest);
    }
    found
}
