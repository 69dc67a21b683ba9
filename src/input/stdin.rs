//! Standard input: one stream, then [`Arrival::Finished`].
//!
//! Layer: shell

use super::Arrival;
use super::output::{Closed, Output};
use crate::journal::FileKey;
use crate::limits::INPUT_CHUNK_BYTES;
use crate::record::Position;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

pub(super) fn run(session: u64, output: &Output) {
    let name = Path::new("stdin");
    // Closed: nobody is left to tell.
    let _: Result<(), Closed> = (|| {
        let stream = begin(session, output, "stdin")?;
        if let Err(error) = pump(&io::stdin(), stream, output)? {
            output.problem("WTR111E", name, format!("Standard input cannot be read: {error}."))?;
        }
        output.send(Arrival::Ended { stream })?;
        output.send(Arrival::Finished)
    })();
}

/// Begins a stream that cannot be read again.
pub(super) fn begin(session: u64, output: &Output, path: &str) -> Result<u64, Closed> {
    let stream = output.next_stream();
    let file = FileKey(format!("session:{session}:{stream}").into());
    let at = Position { offset: 0, line: 1 };
    output.send(Arrival::Begun { stream, path: path.into(), file, at, head: String::new() })?;
    Ok(stream)
}

/// Reads to the end of the input. `Paused` comes when nothing is there to be read.
pub(super) fn pump(input: &impl AsFd, stream: u64, output: &Output) -> Result<io::Result<()>, Closed> {
    let mut buffer = vec![0; INPUT_CHUNK_BYTES];
    let mut paused = true;
    loop {
        match wait(input, output, !paused) {
            Ok(Ready::Data) => {}
            Ok(Ready::Nothing) => {
                paused = true;
                output.send(Arrival::Paused { stream })?;
                continue;
            }
            Ok(Ready::Stop) => return Err(Closed),
            Err(error) => return Ok(Err(error)),
        }
        match rustix::io::read(input, &mut buffer) {
            Ok(0) => return Ok(Ok(())),
            Ok(count) => output.send(Arrival::Bytes { stream, bytes: buffer[..count].to_vec() })?,
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(error) => return Ok(Err(error.into())),
        }
        paused = false;
    }
}

enum Ready {
    Data,
    Nothing,
    Stop,
}

/// Waits until there is something to read; if only looking, not at all.
fn wait(input: &impl AsFd, output: &Output, only_look: bool) -> io::Result<Ready> {
    let stop = output.signal().as_fd();
    let mut fds = [PollFd::new(input, PollFlags::IN), PollFd::new(&stop, PollFlags::IN)];
    let limit = only_look.then_some(rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 });
    loop {
        match poll(&mut fds, limit.as_ref()) {
            Ok(0) => return Ok(Ready::Nothing),
            Ok(_) if !fds[1].revents().is_empty() => return Ok(Ready::Stop),
            Ok(_) => return Ok(Ready::Data),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
