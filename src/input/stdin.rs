//! Standard input: one stream, then [`Arrival::Finished`].
//!
//! Layer: shell

use super::Arrival;
use super::output::{Closed, Output};
use super::stream::{NO_TIME, Session, Turn, buffer, read_turn, wait};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

pub(super) fn run(session: &Session, output: &Output) {
    // Closed: nobody is left to tell.
    let _: Result<(), Closed> = (|| {
        let stream = session.begin(output, "stdin")?;
        if let Err(error) = read_to_end(io::stdin().as_fd(), stream, output)? {
            output.problem("WTR110E", Path::new("stdin"), format!("Standard input cannot be read: {error}."))?;
        }
        output.send(Arrival::Ended { stream })?;
        output.send(Arrival::Finished)
    })();
}

/// Standard input is shared with other processes, so it must not be made non-blocking: each read is
/// preceded by a look whether there is something to read.
fn read_to_end(input: BorrowedFd<'_>, stream: u64, output: &Output) -> Result<io::Result<()>, Closed> {
    let mut buffer = buffer();
    let mut moving = false;
    loop {
        match wait(&[input], output, moving.then_some(NO_TIME))? {
            Ok(Some(_)) => {}
            Ok(None) => {
                output.send(Arrival::Paused { stream })?;
                moving = false;
                continue;
            }
            Err(error) => return Ok(Err(error)),
        }
        match read_turn(input, &mut buffer, stream, output, 1)? {
            Ok(Turn::End) => return Ok(Ok(())),
            Ok(turn) => moving = turn == Turn::More,
            Err(error) => return Ok(Err(error)),
        }
    }
}
