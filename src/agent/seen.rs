//! Which records have been decided, as far as they could be read again: from the checkpoint of
//! their file on. What lies before it will never come back and is forgotten.
//!
//! Layer: core

use crate::journal::{Checkpoint, FileKey, Origin};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(Debug, Default)]
pub(super) struct SeenPositions {
    files: BTreeMap<FileKey, File>,
    /// What has been decided about records that were handed over later. Such an occasion is over with the event.
    later: BTreeSet<(FileKey, u64, Arc<str>)>,
}

#[derive(Debug)]
struct File {
    read: Checkpoint,
    decided: BTreeSet<(u64, Arc<str>)>,
    /// The latest record that a final rule took, and that rule. The matches of a record come one after the other,
    /// also when it is read again, so that nothing of this need be known after a restart.
    taken: Option<(u64, Arc<str>)>,
}

impl File {
    fn new(read: Checkpoint) -> File {
        File { read, decided: BTreeSet::new(), taken: None }
    }
}

impl SeenPositions {
    pub(super) fn new(checkpoints: Vec<Checkpoint>, decided: BTreeSet<(Arc<str>, FileKey, u64)>) -> SeenPositions {
        let mut files: BTreeMap<FileKey, File> = BTreeMap::new();
        for read in checkpoints {
            files.insert(read.file.clone(), File::new(read));
        }
        for (rule, file, offset) in decided {
            if let Some(file) = files.get_mut(&file) {
                file.decided.insert((offset, rule));
            }
        }
        SeenPositions { files, later: BTreeSet::new() }
    }

    /// True if this rule has not yet decided about the record at this place, on the same occasion. What lies before
    /// the checkpoint was read and decided, by whatever policy was then in force.
    pub(super) fn is_new(&self, rule: &Arc<str>, origin: &Origin) -> bool {
        let occasion = origin.file.occasion();
        if occasion.is_handed_over() {
            return !self.later.contains(&(occasion, origin.offset, rule.clone()));
        }
        let Some(file) = self.files.get(&occasion) else { return true };
        origin.offset >= file.read.offset && !file.decided.contains(&(origin.offset, rule.clone()))
    }

    /// A rule has decided about a record. It need not be remembered if the record is not read again: it lies before
    /// the position, or in a file that is gone (time alone decides about old records, too).
    pub(super) fn decided(&mut self, rule: &Arc<str>, origin: &Origin) {
        let occasion = origin.file.occasion();
        let key = (origin.offset, rule.clone());
        if occasion.is_handed_over() {
            self.later.insert((occasion, key.0, key.1));
        } else if let Some(file) = self.files.get_mut(&occasion).filter(|file| key.0 >= file.read.offset) {
            file.decided.insert(key);
        }
    }

    /// The event has had all its effects.
    pub(super) fn occasions_are_over(&mut self) {
        self.later.clear();
    }

    /// A final rule takes a record, after all before it have seen it.
    pub(super) fn take(&mut self, rule: &Arc<str>, origin: &Origin) {
        if let Some(file) = self.files.get_mut(&origin.file) {
            file.taken = Some((origin.offset, rule.clone()));
        }
    }

    /// The final rule that took the record, if its matches are those that come now.
    pub(super) fn taken_by(&self, origin: &Origin) -> Option<&Arc<str>> {
        let (offset, rule) = self.files.get(&origin.file)?.taken.as_ref()?;
        (*offset == origin.offset).then_some(rule)
    }

    /// True if a decision of this name about the record is known.
    pub(super) fn knows(&self, label: &Arc<str>, origin: &Origin) -> bool {
        let file = self.files.get(&origin.file);
        file.is_some_and(|file| file.decided.contains(&(origin.offset, label.clone())))
    }

    /// A file has been read this far. True if that is news.
    pub(super) fn read(&mut self, read: Checkpoint) -> bool {
        let Some(file) = self.files.get_mut(&read.file) else {
            self.files.insert(read.file.clone(), File::new(read));
            return true;
        };
        // A match carries the position before its chunk, which may be behind what is known.
        if read.offset < file.read.offset || read == file.read {
            return false;
        }
        file.decided = file.decided.split_off(&(read.offset, Arc::from("")));
        file.read = read;
        true
    }

    /// Nothing more is expected of the file. Gives its last position, if there is one that does not say so.
    pub(super) fn done(&mut self, file: &FileKey) -> Option<Checkpoint> {
        let read = self.files.remove(file)?.read;
        (!read.done).then_some(Checkpoint { done: true, ..read })
    }

    pub(super) fn decisions(&self) -> usize {
        self.files.values().map(|file| file.decided.len()).sum()
    }

    pub(super) fn checkpoints(&self) -> impl Iterator<Item = &Checkpoint> {
        self.files.values().map(|file| &file.read)
    }
}
