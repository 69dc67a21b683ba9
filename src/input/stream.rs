//! Bytes that come once and cannot be read again: beginning such a stream, waiting for it without
//! missing a stop, and reading it to its end.
//!
//! Layer: shell

use super::Arrival;
use super::output::{Closed, Output};
use crate::journal::FileKey;
use crate::limits::INPUT_CHUNK_BYTES;
use crate::record::Position;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

/// Chunks that are read of one stream before others have their turn.
pub(super) const TURN_CHUNKS: usize = 16;

/// What names the streams of a source for ever: the agent's session, and the source in it, since each source
/// numbers its own.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// No other agent on this journal has had this number.
    pub number: u64,
    /// Name of the source.
    pub source: Arc<str>,
}

impl Session {
    /// Begins a stream.
    pub fn begin(&self, output: &Output, name: &str) -> Result<u64, Closed> {
        let stream = output.next_stream();
        let file = FileKey(format!("session:{}:{}:{stream}", self.number, self.source).into());
        let at = Position { offset: 0, line: 1 };
        output.send(Arrival::Begun { stream, path: name.into(), file, at, head: String::new() })?;
        Ok(stream)
    }
}

/// What a turn of reading came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Everything that is there was read; more may come.
    Paused,
    /// There is more.
    More,
    /// The end of the input.
    End,
}

/// Reads what is there. The input must not block, or must have been found readable and give what it
/// has (`once`).
pub(super) fn read_turn(
    input: BorrowedFd<'_>,
    buffer: &mut [u8],
    stream: u64,
    output: &Output,
    turns: usize,
) -> TurnResult {
    for _ in 0..turns {
        match rustix::io::read(input, &mut *buffer) {
            Ok(0) => return Ok(Ok(Turn::End)),
            Ok(count) => output.send(Arrival::Bytes { stream, bytes: buffer[..count].to_vec() })?,
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                output.send(Arrival::Paused { stream })?;
                return Ok(Ok(Turn::Paused));
            }
            Err(error) => return Ok(Err(error.into())),
        }
    }
    Ok(Ok(Turn::More))
}

/// Outside: whether anybody still reads. Inside: what became of the input.
pub(super) type TurnResult = Result<io::Result<Turn>, Closed>;

/// Room for reading.
pub(super) fn buffer() -> Vec<u8> {
    vec![0; INPUT_CHUNK_BYTES]
}

/// Waits until one of the inputs is readable or has ended, and says which. `None`: none was within
/// the limit.
pub(super) fn wait(
    inputs: &[BorrowedFd<'_>],
    output: &Output,
    limit: Option<Timespec>,
) -> Result<io::Result<Option<Vec<bool>>>, Closed> {
    let stop = output.signal().as_fd();
    let mut fds: Vec<PollFd<'_>> = inputs.iter().map(|input| PollFd::from_borrowed_fd(*input, PollFlags::IN)).collect();
    fds.push(PollFd::from_borrowed_fd(stop.as_fd(), PollFlags::IN));
    loop {
        match poll(&mut fds, limit.as_ref()) {
            Ok(0) => return Ok(Ok(None)),
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(error) => return Ok(Err(error.into())),
        }
        let mut ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        if ready.pop() == Some(true) {
            return Err(Closed);
        }
        return Ok(Ok(Some(ready)));
    }
}

/// At once.
pub(super) const NO_TIME: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
