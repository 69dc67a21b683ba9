//! Where records stand, for ever: which file, which offset; and how far each file has been read.
//!
//! Layer: core

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What makes a byte offset mean the same thing for ever: which file, not which name. For a file it
/// is device, inode and a generation that grows when the file is truncated; for a stream that cannot
/// be read again, a number that no other stream of the journal has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FileKey(pub Arc<str>);

impl FileKey {
    /// The same file, for a decision that another rule has handed over. `later` tells apart what that rule hands
    /// over when the record has long been read: each time, from 1, is an occasion of its own.
    #[must_use]
    pub fn handed_over_by(&self, rule: &str, later: Option<usize>) -> FileKey {
        let later = later.map(|time| format!(".{time}")).unwrap_or_default();
        FileKey(format!("by {rule}{later}: {}", self.0).into())
    }

    /// True if another rule handed the record over.
    #[must_use]
    pub fn is_handed_over(&self) -> bool {
        handed(&self.0).is_some()
    }

    /// The file of the record itself.
    #[must_use]
    pub fn record(&self) -> &str {
        let mut rest = &*self.0;
        while let Some((_, file)) = handed(rest) {
            rest = file;
        }
        rest
    }

    /// On what occasion a rule decides: as the record was read, whatever rules it has gone through, or when it was
    /// handed over later. A rule decides once on one occasion.
    #[must_use]
    pub fn occasion(&self) -> FileKey {
        let mut rest = &*self.0;
        while let Some((rule, file)) = handed(rest) {
            if rule.contains('.') {
                break;
            }
            rest = file;
        }
        if rest.len() == self.0.len() { self.clone() } else { FileKey(rest.into()) }
    }
}

/// The rule that handed the record over, and the file that it had it from.
fn handed(key: &str) -> Option<(&str, &str)> {
    let is_of_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
    let (rule, file) = key.strip_prefix("by ")?.split_once(": ")?;
    rule.bytes().all(is_of_name).then_some((rule, file))
}

/// Where a matched record came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Name of the source in `wtor.toml`.
    pub source: Arc<str>,
    /// Path of the file, or address of the peer, when it was read.
    pub path: Arc<str>,
    /// The file itself.
    pub file: FileKey,
    /// Byte offset of the record's first line.
    pub offset: u64,
    /// Its line number, from 1.
    pub line: u64,
}

impl Origin {
    /// False for the record of `other` itself, and for one that stands before it in the same file: after a
    /// restart such records are read again, and they follow nothing.
    #[must_use]
    pub fn is_behind(&self, other: &Origin) -> bool {
        self.file.record() != other.file.record() || self.offset > other.offset
    }
}

/// How far a source has been read: everything before `position` is decided and recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Name of the source.
    pub source: Arc<str>,
    /// Path under which the file was last seen.
    pub path: Arc<str>,
    /// The file itself.
    pub file: FileKey,
    /// First byte that must be read again after a restart.
    pub offset: u64,
    /// Its line number, from 1.
    pub line: u64,
    /// The first bytes of the file (at most 256, in hex), by which a new file in a reused inode is
    /// told from the old one; empty where there is no file.
    pub head: String,
    /// It was read to its end, and nothing more is expected of it: a rotated file whose time is over, a copy, a
    /// file that is gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub done: bool,
}

impl Checkpoint {
    /// A source has looked at its files for the first time. Without it, an agent that died before there
    /// was any file would come back as if it had never watched, and pass over what it has missed.
    #[must_use]
    pub fn looked(source: &Arc<str>) -> Checkpoint {
        let file = FileKey(format!("looked {source}").into());
        Checkpoint {
            source: source.clone(),
            path: "".into(),
            file,
            offset: 0,
            line: 0,
            head: String::new(),
            done: false,
        }
    }

    /// True if it says how far a file or stream was read.
    #[must_use]
    pub fn is_of_file(&self) -> bool {
        !self.path.is_empty()
    }
}
