//! What a command says on standard error, told to the operator line by line, but not without end.
//!
//! Layer: shell

use super::output::{Closed, Output};
use crate::limits::{INPUT_COMPLAINT_BYTES_MAX, INPUT_COMPLAINTS_MAX, INPUT_COMPLAINTS_WINDOW};
use rustix::io::Errno;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::time::Instant;

/// See the module text.
pub(super) struct Complaints {
    name: PathBuf,
    line: Vec<u8>,
    window: Instant,
    told: usize,
    left_out: u64,
}

impl Complaints {
    pub fn new(name: &str) -> Complaints {
        Complaints { name: PathBuf::from(name), line: Vec::new(), window: Instant::now(), told: 0, left_out: 0 }
    }

    /// Reads what is there; false at the end.
    pub fn read(&mut self, input: BorrowedFd<'_>, output: &Output) -> Result<bool, Closed> {
        let mut buffer = [0; 4096];
        loop {
            match rustix::io::read(input, &mut buffer) {
                Ok(0) => return Ok(false),
                Ok(count) => self.take(&buffer[..count], output)?,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(true),
                Err(_) => return Ok(false),
            }
        }
    }

    /// A line without an end is one too; so is the number of those left out.
    pub fn end(&mut self, output: &Output) -> Result<(), Closed> {
        if !self.line.is_empty() {
            self.tell(output)?;
        }
        self.tell_left_out(output)
    }

    fn take(&mut self, bytes: &[u8], output: &Output) -> Result<(), Closed> {
        for byte in bytes {
            if *byte == b'\n' {
                self.tell(output)?;
            } else if self.line.len() < INPUT_COMPLAINT_BYTES_MAX {
                self.line.push(*byte);
            }
        }
        Ok(())
    }

    fn tell(&mut self, output: &Output) -> Result<(), Closed> {
        let line = std::mem::take(&mut self.line);
        if self.window.elapsed() > INPUT_COMPLAINTS_WINDOW {
            self.tell_left_out(output)?;
            self.window = Instant::now();
            self.told = 0;
        }
        if self.told >= INPUT_COMPLAINTS_MAX {
            self.left_out += 1;
            return Ok(());
        }
        self.told += 1;
        let text = String::from_utf8_lossy(&line);
        let text: String =
            text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect();
        output.problem("WTR121I", &self.name, format!("The command says on standard error: {text}"))
    }

    fn tell_left_out(&mut self, output: &Output) -> Result<(), Closed> {
        match std::mem::take(&mut self.left_out) {
            0 => Ok(()),
            count => output.problem("WTR122W", &self.name, format!("{count} lines of standard error were left out.")),
        }
    }
}
