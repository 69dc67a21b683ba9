//! Files that grow, followed through everything that happens to logs: rename, create, truncation
//! after copying, deletion, reappearance, symbolic links that move, names that come late.
//!
//! The source thread sleeps until the system reports a change or the poll is due. Then it looks:
//! names first (`look`), so that a file that has lost its name is read to its end before the file
//! that took the name is begun; then bytes (`read`). Looking is idempotent: it compares what is
//! there with what is open, and never trusts a report.
//!
//! Layer: shell

mod follow;
mod identity;
mod memory;
mod missed;
mod names;
mod patience;
mod reading;
mod restart;
mod siblings;
mod truncation;
mod watch;

#[cfg(test)]
mod tests;

pub use self::siblings::covered_copy;

use self::follow::{Follow, to_hex};
use self::identity::FileId;
use self::memory::{Found, Memory, Placement, Remembered};
use self::names::{Named, Seen};
use self::patience::patiently;
use self::siblings::Beside;
use self::watch::Watch;
use super::output::{Closed, Output, name_of};
use super::signal::Wake;
use super::spec::Spec;
use super::{Arrival, Known};
use crate::limits::{
    INPUT_CHUNK_BYTES, INPUT_DIRECTORIES_MAX, INPUT_FILES_MAX, INPUT_HEAD_BYTES, INPUT_LEAVING_FILES_MAX,
};
use crate::record::Position;
use rustix::fs::OFlags;
use std::collections::{BTreeSet, HashMap};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

type Open = Box<dyn Fn(&Path) -> io::Result<File> + Send>;
type Opened = (Follow, Placement);

/// A source of files. See the module text.
pub(super) struct Files {
    patterns: Vec<String>,
    poll: Duration,
    linger: Duration,
    memory: Memory,
    output: Output,
    watch: Watch,
    open: Open,
    follows: Vec<Follow>,
    /// Of each name that was seen: the rotated files beside it that are accounted for. What is there beyond these
    /// has been rotated between two looks.
    beside: HashMap<PathBuf, Beside>,
    /// Names in trouble, and the trouble that the operator knows of.
    troubled: HashMap<PathBuf, String>,
    /// The names as they were when the source was started, for the first look.
    at_start: Seen,
    buffer: Vec<u8>,
    /// There is more to read than one turn's worth.
    busy: bool,
}

impl Files {
    /// Looks at the names at once: what is written from now on is new, and will be read.
    pub fn new(spec: &Spec, patterns: &[String], known: Known, output: Output) -> Files {
        let mut watch = Watch::new(spec.notify, output.shared_signal());
        watch.set(&names::directories(patterns, INPUT_DIRECTORIES_MAX));
        let (at_start, beside) = restart::look_at_start(patterns);
        Files {
            at_start,
            patterns: patterns.to_vec(),
            poll: spec.poll,
            linger: spec.linger,
            memory: Memory::new(known, spec.from, spec.newline),
            output,
            watch,
            open: Box::new(open_file),
            follows: Vec::new(),
            beside,
            troubled: HashMap::new(),
            buffer: vec![0; INPUT_CHUNK_BYTES + INPUT_HEAD_BYTES],
            busy: false,
        }
    }

    pub fn run(mut self) {
        // Closed: nobody is left to read for.
        let _: Result<(), Closed> = self.follow_all();
    }

    fn follow_all(&mut self) -> Result<(), Closed> {
        self.first_look()?;
        self.output.send(Arrival::Looked)?;
        let everything = Wake { all: true, ..Wake::default() };
        self.read(&everything)?;
        let mut next_poll = Instant::now() + self.poll;
        loop {
            let deadline = if self.busy { Instant::now() } else { self.next_deadline(next_poll) };
            let wake = self.output.signal().wait_until(deadline);
            if self.output.signal().is_stopped() {
                return Ok(());
            }
            let polled = Instant::now() >= next_poll;
            if polled || wake.as_ref().is_some_and(|wake| wake.names) {
                self.look()?;
                next_poll = Instant::now() + self.poll;
            }
            match wake {
                Some(wake) if !polled && !self.busy => self.read(&wake)?,
                _ => self.read(&everything)?,
            }
            self.retire()?;
        }
    }

    /// The poll, or the moment at which a file may be given up.
    fn next_deadline(&self, next_poll: Instant) -> Instant {
        let quiet = self.follows.iter().filter_map(|follow| Some(follow.left?.max(follow.active) + self.linger));
        quiet.min().map_or(next_poll, |quiet| quiet.min(next_poll))
    }

    /// Directories of the patterns, and of files that are reached through symbolic links. True if there are more.
    fn watch_names(&mut self) -> Result<bool, Closed> {
        let mut wanted: BTreeSet<PathBuf> = names::directories(&self.patterns, INPUT_DIRECTORIES_MAX);
        for follow in self.follows.iter().filter(|follow| follow.left.is_none()) {
            let linked = follow.path.symlink_metadata().is_ok_and(|meta| meta.is_symlink());
            if linked && wanted.len() < INPUT_DIRECTORIES_MAX {
                wanted.insert(watch::parent(&follow.real).to_owned());
            }
        }
        let is_more = self.watch.set(&wanted);
        if let Some((path, why)) = self.watch.take_trouble() {
            let poll = self.poll;
            let text = format!("The system does not report changes ({why}); files are looked at every {poll:?}.");
            self.output.problem("WTR106W", &path, text)?;
        }
        Ok(is_more)
    }

    /// The same after the names were looked up: where more is watched they are looked up again.
    fn watch_more(&mut self) -> Result<(), Closed> {
        if self.watch_names()? {
            self.output.signal().wake(|wake| wake.names = true);
        }
        Ok(())
    }

    /// Compares the names with the open files: begins what is new, and lets go of what has left.
    fn look(&mut self) -> Result<(), Closed> {
        self.watch_names()?;
        let seen = names::look(&self.patterns);
        self.trouble(&seen)?;
        self.note_names(&seen);
        let new: Vec<Named> = seen.files.into_iter().filter(|named| self.followed(&named.id).is_none()).collect();
        if !new.is_empty() {
            for index in 0..self.follows.len() {
                self.drain(index)?;
            }
            for named in &new {
                self.begin_new(named)?;
            }
            // A file may have been reached through a link to a directory that was not watched when we looked.
            self.watch_more()?;
        }
        self.note_siblings()
    }

    /// Brings the names of the open files up to date.
    fn note_names(&mut self, seen: &Seen) {
        let now = Instant::now();
        for follow in &mut self.follows {
            let mut names = seen.files.iter().filter(|named| named.id == follow.id);
            if let Some(named) = names.next() {
                follow.left = None;
                if follow.path != named.path {
                    follow.rename(named.path.clone());
                }
            } else if !seen.unclear.contains_key(&follow.path) {
                follow.left.get_or_insert(now);
            }
        }
    }

    /// Begins a file that has a name. False if there are too many of them.
    fn begin_named(&mut self, named: &Named, found: Found) -> Result<bool, Closed> {
        let current = self.follows.iter().filter(|follow| follow.left.is_none()).count();
        if current >= INPUT_FILES_MAX {
            let why = format!("the limit of {INPUT_FILES_MAX} files is reached");
            self.say_trouble(&named.path, "WTR107W", why)?;
            return Ok(false);
        }
        let opened = self.open_at(&named.path, named.id, found);
        self.begin_opened(&named.path, opened)?;
        Ok(true)
    }

    /// Opens the file of that name; `None` if the name now stands for another one than was expected.
    fn open_at(&self, path: &Path, expected: FileId, found: Found) -> io::Result<Option<Opened>> {
        let file = (self.open)(path)?;
        let id = FileId::of(&file.metadata()?);
        if expected != id {
            return Ok(None);
        }
        let mut placement = self.memory.place(&file, &id, found)?;
        let mut follow = Follow::open(file, id, path.to_owned(), placement.at.offset)?;
        // It may be truncated while we look.
        while !placement.is_truncated && !follow.is_at(placement.old.as_ref())? {
            placement = self.memory.place(&follow.file, &id, found)?;
            follow.rewind(placement.at.offset);
        }
        Ok(Some((follow, placement)))
    }

    /// Begins the stream of a file that was opened. `None` if that was not possible, if it is open already, or
    /// if the name stood for another file than was expected: then the names are looked at again.
    fn begin_opened(&mut self, path: &Path, opened: io::Result<Option<Opened>>) -> Result<Option<usize>, Closed> {
        let (mut follow, placement) = match opened {
            Ok(Some(opened)) => opened,
            Ok(None) => {
                self.output.signal().wake(|wake| wake.names = true);
                return Ok(None);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                self.say_trouble(path, "WTR100W", error.to_string())?;
                return Ok(None);
            }
        };
        if self.followed(&follow.id).is_some() {
            return Ok(None);
        }
        self.clear_trouble(path)?;
        let Placement { at, generation, old, is_truncated } = placement;
        follow.generation = generation;
        if let Some(old) = old.filter(|_| is_truncated) {
            follow.head = old.head;
            // A position is the beginning of a line.
            follow.tail = self.memory.newline.into_iter().filter(|_| at.offset > 0).collect();
        }
        Files::begin(&self.output, &mut follow, at)?;
        self.follows.push(follow);
        let index = self.follows.len() - 1;
        if is_truncated {
            self.truncated(index)?;
        }
        Ok(Some(index))
    }

    /// Announces the stream.
    fn begin(output: &Output, follow: &mut Follow, at: Position) -> Result<(), Closed> {
        follow.stream = output.next_stream();
        output.send(Arrival::Begun {
            stream: follow.stream,
            path: name_of(&follow.path),
            file: follow.id.key(follow.generation),
            at,
            head: to_hex(&follow.head),
        })
    }

    fn followed(&self, id: &FileId) -> Option<usize> {
        self.follows.iter().position(|follow| follow.id == *id)
    }

    /// Gives up files that have left and been quiet for long enough, or are too many.
    fn retire(&mut self) -> Result<(), Closed> {
        let now = Instant::now();
        let leaving = self.follows.iter().filter(|follow| follow.left.is_some()).count();
        let mut excess = leaving.saturating_sub(INPUT_LEAVING_FILES_MAX);
        let mut index = 0;
        while index < self.follows.len() {
            let follow = &self.follows[index];
            let quiet = follow.left.is_some_and(|left| now >= left.max(follow.active) + self.linger);
            let surplus = follow.left.is_some() && excess > 0;
            if !quiet && !surplus {
                index += 1;
                continue;
            }
            excess = excess.saturating_sub(1);
            self.drain(index)?;
            let follow = self.follows.remove(index);
            self.end(follow)?;
        }
        Ok(())
    }

    fn end(&mut self, follow: Follow) -> Result<(), Closed> {
        let replaced = self.follows.iter().any(|other| other.left.is_none() && other.path == follow.path);
        self.output.send(Arrival::Ended { stream: follow.stream })?;
        if !replaced {
            let text = "The file was removed or renamed, and no other has taken its name; it is waited for.";
            self.output.problem("WTR109W", &follow.path, text.to_owned())?;
        }
        let Follow { id, generation, path, offset, head, .. } = follow;
        self.memory.remember(Remembered { id, generation, path, offset, line: 0, head, done: true });
        Ok(())
    }

    /// Tells the operator of names that cannot be used, once, and when they can again.
    fn trouble(&mut self, seen: &Seen) -> Result<(), Closed> {
        for (path, why) in &seen.unclear {
            self.say_trouble(path, "WTR100W", why.clone())?;
        }
        Ok(())
    }

    fn say_trouble(&mut self, path: &Path, id: &'static str, why: String) -> Result<(), Closed> {
        if self.troubled.get(path) == Some(&why) {
            return Ok(());
        }
        let text = format!("The file cannot be followed: {why}. It is tried again every {:?}.", self.poll);
        self.troubled.insert(path.to_owned(), why);
        self.output.problem(id, path, text)
    }

    fn clear_trouble(&mut self, path: &Path) -> Result<(), Closed> {
        if self.troubled.remove(path).is_none() {
            return Ok(());
        }
        self.output.problem("WTR101I", path, "The file can be read now.".to_owned())
    }
}

/// Opens what lies beside a log.
fn open_beside(path: &Path) -> io::Result<File> {
    patiently(|| open_file(path))
}

fn open_file(path: &Path) -> io::Result<File> {
    // A FIFO of that name must not hold up the source.
    OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits() as i32).open(path)
}
