//! A FIFO: writers come and go, the source stays. While no writer has it open nothing can arrive;
//! the next one continues the stream, unless the last one left a line without an end.
//!
//! Layer: shell

use super::Arrival;
use super::output::{Closed, Output};
use super::stream::{Session, TURN_CHUNKS, Turn, buffer, wait};
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// An open FIFO.
pub(super) struct Fifo {
    path: PathBuf,
    file: File,
    newline: u8,
}

/// What has been read of the stream at hand.
struct Reading {
    stream: Option<u64>,
    /// The last byte was the end of a line.
    at_line: bool,
}

impl Fifo {
    pub fn open(path: &Path, newline: u8) -> io::Result<Fifo> {
        let file = open(path).map_err(|error| named(path, &error))?;
        Ok(Fifo { path: path.to_owned(), file, newline })
    }

    pub fn run(mut self, session: &Session, output: &Output) {
        // Closed: nobody is left to tell.
        let _: Result<(), Closed> = self.read_writers(session, output);
    }

    fn read_writers(&mut self, session: &Session, output: &Output) -> Result<(), Closed> {
        let mut buffer = buffer();
        let mut reading = Reading { stream: None, at_line: true };
        loop {
            let result = match wait(&[self.file.as_fd()], output, None)? {
                Ok(_) => self.read_turn(&mut buffer, &mut reading, session, output)?,
                Err(error) => Err(error),
            };
            let reopened = match result {
                Ok(Turn::Paused | Turn::More) => continue,
                // After the last writer has gone `poll` would return at once for ever. The new
                // descriptor comes before the old one goes, so the pipe's content survives.
                Ok(Turn::End) => open(&self.path),
                Err(error) => Err(error),
            };
            match reopened {
                Ok(file) => self.file = file,
                Err(error) => {
                    let text = format!("The FIFO cannot be read any more: {error}.");
                    output.problem("WTR111E", &self.path, text)?;
                    return output.send(Arrival::Finished);
                }
            }
            if !reading.at_line
                && let Some(stream) = reading.stream.take()
            {
                output.send(Arrival::Ended { stream })?;
                reading.at_line = true;
            }
        }
    }

    fn read_turn(
        &self,
        buffer: &mut [u8],
        reading: &mut Reading,
        session: &Session,
        output: &Output,
    ) -> Result<io::Result<Turn>, Closed> {
        for _ in 0..TURN_CHUNKS {
            let (count, turn) = match rustix::io::read(&self.file, &mut *buffer) {
                Ok(count) => (count, Turn::End),
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => (0, Turn::Paused),
                Err(error) => return Ok(Err(error.into())),
            };
            if count == 0 {
                if let Some(stream) = reading.stream {
                    output.send(Arrival::Paused { stream })?;
                }
                return Ok(Ok(turn));
            }
            let stream = match reading.stream {
                Some(stream) => stream,
                None => *reading.stream.insert(session.begin(output, &self.path.to_string_lossy())?),
            };
            reading.at_line = buffer[count - 1] == self.newline;
            output.send(Arrival::Bytes { stream, bytes: buffer[..count].to_vec() })?;
        }
        Ok(Ok(Turn::More))
    }
}

fn open(path: &Path) -> io::Result<File> {
    if !std::fs::metadata(path)?.file_type().is_fifo() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a FIFO"));
    }
    // Without this the open waits for a writer.
    OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits() as i32).open(path)
}

/// The error with the path that it is about.
pub(super) fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
