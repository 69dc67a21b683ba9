//! The system's reports of changes. They only wake the source, which then looks for itself: a report
//! that is lost or late costs time up to the next poll, never a line.
//!
//! Layer: shell

use super::identity::FileId;
use crate::input::signal::{Signal, Wake};
use notify::event::{EventKind, ModifyKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// See the module text.
pub(super) struct Watch {
    watcher: Option<RecommendedWatcher>,
    /// What is watched, and which directory that was: a watch stays with the inode, not the name.
    watched: HashMap<PathBuf, FileId>,
    /// Why reports are missing, until the operator has been told.
    trouble: Option<(PathBuf, String)>,
    /// It has been told.
    told: bool,
}

impl Watch {
    pub fn new(wanted: bool, signal: Arc<Signal>) -> Watch {
        let mut watch = Watch { watcher: None, watched: HashMap::new(), trouble: None, told: false };
        if wanted {
            match notify::recommended_watcher(move |event| signal.wake(|wake| note(event, wake))) {
                Ok(watcher) => watch.watcher = Some(watcher),
                Err(error) => watch.trouble = Some((PathBuf::new(), error.to_string())),
            }
        }
        watch
    }

    /// Watches these directories and no others. A change after this call wakes the source. True if one of them was
    /// not watched before.
    pub fn set(&mut self, wanted: &BTreeSet<PathBuf>) -> bool {
        let Some(watcher) = &mut self.watcher else { return false };
        let mut is_more = false;
        self.watched.retain(|path, _| {
            let keep = wanted.contains(path);
            if !keep {
                // The directory may be gone, and its watch with it.
                let _ = watcher.unwatch(path);
            }
            keep
        });
        for path in wanted {
            let Ok(id) = std::fs::metadata(path).map(|meta| FileId::of(&meta)) else { continue };
            match self.watched.get(path) {
                Some(old) if *old == id => continue,
                Some(_) => {
                    let _ = watcher.unwatch(path);
                }
                None => {}
            }
            match watcher.watch(path, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.watched.insert(path.clone(), id);
                    is_more = true;
                }
                Err(error) => self.trouble = Some((path.clone(), error.to_string())),
            }
        }
        is_more
    }

    /// What the operator should know, once.
    pub fn take_trouble(&mut self) -> Option<(PathBuf, String)> {
        let trouble = self.trouble.take()?;
        (!std::mem::replace(&mut self.told, true)).then_some(trouble)
    }
}

fn note(event: notify::Result<Event>, wake: &mut Wake) {
    let Ok(event) = event else {
        wake.all = true;
        return;
    };
    if event.need_rescan() {
        wake.all = true;
        wake.names = true;
    }
    match event.kind {
        // Our own opening and reading is reported too.
        EventKind::Access(_) => {}
        EventKind::Modify(ModifyKind::Data(_)) => wake.files.extend(event.paths),
        _ => wake.names = true,
    }
}

/// The directory of a path, which may be relative.
pub(super) fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
