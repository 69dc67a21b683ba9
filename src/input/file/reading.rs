//! Reading what is new in the open files, each in its turn.
//!
//! Layer: shell

use super::follow::{Look, to_hex};
use super::{Closed, Files};
use crate::input::Arrival;
use crate::input::signal::Wake;
use std::io;

/// Chunks that are read of one file before the next has its turn.
const TURN_CHUNKS: usize = 16;

impl Files {
    /// Reads what may have grown.
    pub(super) fn read(&mut self, wake: &Wake) -> Result<(), Closed> {
        self.busy = false;
        for index in 0..self.follows.len() {
            let follow = &self.follows[index];
            let named = wake.files.contains(&follow.absolute) || wake.files.contains(&follow.real);
            // Files that have left, or may be reached by other names, are few: look at them each time.
            if wake.all || wake.names || named || follow.left.is_some() {
                self.read_turn(index, TURN_CHUNKS)?;
            }
        }
        Ok(())
    }

    pub(super) fn drain(&mut self, index: usize) -> Result<(), Closed> {
        self.read_turn(index, usize::MAX)
    }

    /// Reads one file to its end, or up to so many chunks.
    fn read_turn(&mut self, index: usize, chunks: usize) -> Result<(), Closed> {
        for _ in 0..chunks {
            if self.output.signal().is_stopped() {
                return Err(Closed);
            }
            let follow = &self.follows[index];
            if follow.offset == 0 && follow.generation > 0 && !follow.begins_as_told().unwrap_or(true) {
                self.truncated(index)?;
                continue;
            }
            let follow = &self.follows[index];
            if follow.offset == 0 && follow.generation > 0 && !self.pass_nuls(index)? {
                return self.still_empty(index);
            }
            let follow = &mut self.follows[index];
            let (heads, is_first) = (follow.head.len(), follow.offset == 0);
            match follow.read(&mut self.buffer) {
                Ok(Look::Data(bytes)) => {
                    if is_first {
                        self.read_missed_before(index)?;
                    }
                    let follow = &self.follows[index];
                    let stream = follow.stream;
                    let head = (follow.head.len() > heads).then(|| to_hex(&follow.head));
                    if let Some(head) = head {
                        self.output.send(Arrival::Head { stream, head })?;
                    }
                    self.output.send(Arrival::Bytes { stream, bytes })?;
                }
                Ok(Look::End) => {
                    follow.failing = false;
                    if is_first {
                        self.still_empty(index)?;
                    }
                    return self.pause(index);
                }
                Ok(Look::Truncated) => {
                    self.truncated(index)?;
                    if self.follows[index].failing {
                        return Ok(());
                    }
                }
                Err(error) => return self.read_failed(index, &error),
            }
        }
        self.busy = true;
        Ok(())
    }

    /// What has come and gone in a file that is empty again is beside it.
    fn still_empty(&mut self, index: usize) -> Result<(), Closed> {
        let path = &self.follows[index].path;
        let is_fresh = self.beside.get(path).is_some_and(|beside| beside.is_fresh(path));
        if is_fresh { Ok(()) } else { self.read_missed_before(index) }
    }

    fn pause(&mut self, index: usize) -> Result<(), Closed> {
        let follow = &mut self.follows[index];
        if std::mem::take(&mut follow.moving) {
            let stream = follow.stream;
            self.output.send(Arrival::Paused { stream })?;
        }
        Ok(())
    }

    pub(super) fn read_failed(&mut self, index: usize, error: &io::Error) -> Result<(), Closed> {
        let follow = &mut self.follows[index];
        if std::mem::replace(&mut follow.failing, true) {
            return Ok(());
        }
        let offset = follow.offset;
        let text =
            format!("The file cannot be read at byte {offset}: {error}. It is tried again every {:?}.", self.poll);
        self.output.problem("WTR100W", &self.follows[index].path, text)
    }
}
