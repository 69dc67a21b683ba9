//! Which file it is, whatever its name: device, inode, and the time of birth, which tells a file
//! from a later one in the same inode. The generation counts how often its content was thrown away.
//!
//! Layer: shell

use crate::journal::FileKey;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::UNIX_EPOCH;

/// Identity of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct FileId {
    pub dev: u64,
    pub ino: u64,
    /// Nanoseconds since 1970; 0 where the file system does not keep it.
    pub birth: u64,
}

impl FileId {
    pub fn of(meta: &Metadata) -> FileId {
        let birth = meta.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let birth = birth.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(0));
        FileId { dev: meta.dev(), ino: meta.ino(), birth }
    }

    /// `dev:ino:birth:generation`, the first three in hexadecimal.
    pub fn key(&self, generation: u64) -> FileKey {
        FileKey(format!("{:x}:{:x}:{:x}:{generation}", self.dev, self.ino, self.birth).into())
    }

    /// The same, read back; `None` for the key of a stream.
    pub fn parse(key: &FileKey) -> Option<(FileId, u64)> {
        let mut parts = key.0.split(':');
        let mut hex = || u64::from_str_radix(parts.next()?, 16).ok();
        let id = FileId { dev: hex()?, ino: hex()?, birth: hex()? };
        let generation = parts.next()?.parse().ok()?;
        parts.next().is_none().then_some((id, generation))
    }

    /// Whether the two can be the same file. Device numbers of some file systems (NFS, btrfs, device
    /// mapper) change over a reboot; inode and birth together do not.
    pub fn may_be(&self, other: &FileId) -> bool {
        let birth_agrees = self.birth == other.birth || self.birth == 0 || other.birth == 0;
        let device_agrees = self.dev == other.dev || (self.birth != 0 && self.birth == other.birth);
        self.ino == other.ino && birth_agrees && device_agrees
    }
}

/// When the file began, for putting rotated files in order: its birth, else its last change, which
/// is as good for files that are no longer written to.
pub(super) fn age_key(meta: &Metadata) -> u64 {
    let id = FileId::of(meta);
    if id.birth != 0 { id.birth } else { modified(meta) }
}

/// Time of the last change in nanoseconds.
pub(super) fn modified(meta: &Metadata) -> u64 {
    u64::try_from(meta.mtime()).unwrap_or(0) * 1_000_000_000 + u64::try_from(meta.mtime_nsec()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_back() {
        let id = FileId { dev: 0xfe00, ino: 77, birth: 1_795_299_772_534_880_386 };
        assert_eq!(FileId::parse(&id.key(3)), Some((id, 3)));
        assert_eq!(FileId::parse(&FileKey("session:1:2".into())), None);
        assert_eq!(FileId::parse(&FileKey("1:2:3:4:5".into())), None);
    }

    #[test]
    fn a_reused_inode_is_another_file() {
        let id = FileId { dev: 1, ino: 2, birth: 3 };
        assert!(id.may_be(&FileId { dev: 9, ..id }), "device renumbered at a reboot");
        assert!(!id.may_be(&FileId { birth: 4, ..id }));
        assert!(id.may_be(&FileId { birth: 0, ..id }), "unknown birth: the head decides");
        assert!(!FileId { birth: 0, ..id }.may_be(&FileId { birth: 0, dev: 9, ..id }));
    }
}
