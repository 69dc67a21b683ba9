//! Files that people write, as texts. What cannot be read is a mistake like any other: it stands beside those of the
//! files that can, and hides none of them.
//!
//! Layer: shell

use crate::diagnostic::{Diagnostic, id};
use crate::span::{Spot, TextFile};
use std::fs::{self, FileType};
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

/// A file that was read: its name as the user would write it, and its text.
pub type NamedText = (String, String);

/// What reading files gave.
#[derive(Debug, Default)]
pub struct Texts {
    /// The files that could be read, by name. What is not UTF-8 in a text is replaced.
    pub files: Vec<NamedText>,
    /// Every file that is not UTF-8, and every file or directory that could not be read.
    pub unread: Vec<Diagnostic>,
}

impl Texts {
    /// Every file of a directory and below it that is wanted; or the one file that is named, or nothing if there is
    /// no such thing.
    pub(super) fn below(path: &Path, wanted: &dyn Fn(&Path) -> bool) -> Texts {
        let mut paths = Vec::new();
        let unread = walk(path, &mut |found, is_dir| {
            if !is_dir && (found == path || wanted(found)) {
                paths.push(found.to_owned());
            }
        });
        let mut texts = Texts { files: Vec::new(), unread };
        paths.sort();
        paths.iter().for_each(|path| texts.read(path, &path.display().to_string()));
        texts
    }

    /// Reads a file, which messages call `name`.
    pub fn read(&mut self, path: &Path, name: &str) {
        let bytes = match regular(path) {
            Ok(bytes) => bytes,
            Err(why) => return self.unread.push(Diagnostic::new(id::UNREADABLE, Spot::whole(name), &why)),
        };
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                // Before the first bad byte the replaced text is the same as the file.
                let at = error.utf8_error().valid_up_to();
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                let what = format!("this is not UTF-8: byte {:#04x}", error.as_bytes()[at]);
                let mistake = Diagnostic::new(id::NOT_UTF8, TextFile::new(name, &text).spot(&(at..at + 1)), &what);
                self.unread.push(mistake.help("save the file as UTF-8"));
                text
            }
        };
        self.files.push((name.to_owned(), text));
    }
}

/// The bytes of a regular file, links followed, or why there are none. Nothing else is opened: a FIFO would keep
/// us waiting for a writer.
fn regular(path: &Path) -> Result<Vec<u8>, String> {
    let kind = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    match word(kind.file_type()) {
        Some(word) => Err(format!("this is a {word}, not a file")),
        None => fs::read(path).map_err(|error| unreadable(path, &error)),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    match fs::read_link(path) {
        Ok(target) => format!("this link leads to `{}`, which cannot be read: {error}", target.display()),
        Err(_) => format!("this cannot be read: {error}"),
    }
}

/// What it is, if it is no regular file.
fn word(kind: FileType) -> Option<&'static str> {
    let words = [(kind.is_dir(), "directory"), (kind.is_fifo(), "FIFO"), (kind.is_socket(), "socket")];
    let word = words.into_iter().find_map(|(is, word)| is.then_some(word));
    word.or((!kind.is_file()).then_some("device"))
}

/// A directory and everything below it, the directory first; or the one file that is named. Each is visited with
/// whether it is a directory; a link that leads nowhere is none. Gives what could not be looked at or read: it may be
/// a directory of rules.
pub(super) fn walk(path: &Path, visit: &mut dyn FnMut(&Path, bool)) -> Vec<Diagnostic> {
    let mistake = |error: &io::Error| {
        let spot = Spot::whole(&path.display().to_string());
        vec![Diagnostic::new(id::UNREADABLE, spot, &unreadable(path, error))]
    };
    let is_dir = match fs::metadata(path) {
        Ok(meta) => meta.is_dir(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match path.symlink_metadata() {
            Ok(_) => false,
            Err(_) => return Vec::new(),
        },
        Err(error) => return mistake(&error),
    };
    visit(path, is_dir);
    if !is_dir {
        return Vec::new();
    }
    let entries = match fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
        Ok(entries) => entries,
        Err(error) => return mistake(&error),
    };
    // Editors leave `.#x.toml` and `x.toml~` behind; those are nobody's rules.
    let shown = entries.into_iter().filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
    let paths: Vec<PathBuf> = shown.map(|entry| entry.path()).collect();
    paths.iter().flat_map(|path| walk(path, visit)).collect()
}
