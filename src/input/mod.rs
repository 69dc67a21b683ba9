//! Sources: bytes of growing files, streams, commands and sockets. A source never reads records; it
//! gives bytes in order, says when the input pauses, and knows where each byte stood.
//!
//! [`start`] begins a source on threads of its own; what arrives goes into a bounded channel, so a
//! slow reader stops the source and nothing is lost. Begin with [`Arrival`]: it is the contract.
//!
//! Layer: shell

mod spec;

mod file;

mod command;
mod datagram;
mod fifo;
mod listener;
mod stderr;
mod stdin;
mod stream;

mod output;
mod signal;
mod source;

pub use file::covered_copy;
pub use source::{Handle, start};
pub use spec::{Kind, Spec};

pub use crate::config::From;

use crate::journal::{Checkpoint, FileKey};
use crate::record::Position;
use std::sync::Arc;

/// What a source reports, in order. A source has one or more streams: one a file, one a connection.
///
/// Of one stream arrives `Begun`, then `Bytes` that lie directly behind each other, then `Ended`;
/// `Paused` and `Head` between. Streams may overlap in time (a writer may go on writing to a file
/// that has been renamed while its successor grows), but what a rotated file held when its
/// successor was found always arrives before the first byte of the successor.
///
/// What the reader owes the journal, so that nothing is lost and nothing comes twice:
/// - at `Begun`, a [`Checkpoint`] of `at` (soon, not necessarily synced): it makes the next start
///   a known one, and holds the place of a file whose lines never match;
/// - at `Ended` and at `Gone`, after its records are recorded, that the file is [done](Checkpoint::done): by
///   it rotated files and copies are known again, so that nothing of them is read twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// A stream begins: a file was opened, a peer connected, a command started.
    Begun {
        /// Number of the stream in this source, never used again while the source runs.
        stream: u64,
        /// Path of the file, or a name for the peer.
        path: Arc<str>,
        /// Which file it is.
        file: FileKey,
        /// Where reading starts. Line 0 means that the line number is not known: the part that was
        /// passed over was too long to be counted.
        at: Position,
        /// First bytes of the file, hex (see [`Checkpoint::head`]); may be empty.
        head: String,
    },
    /// More of the first bytes of the file are known, because it was shorter than they are when the
    /// stream began. Follows the bytes that it is made of.
    Head {
        /// The stream.
        stream: u64,
        /// All that is known, hex; to be kept in the next checkpoints.
        head: String,
    },
    /// The next bytes of the stream.
    Bytes {
        /// The stream.
        stream: u64,
        /// Directly behind the last ones.
        bytes: Vec<u8>,
    },
    /// There is nothing more to read for now. Comes once after the bytes that reach the end.
    Paused {
        /// The stream.
        stream: u64,
    },
    /// The stream is over: the file was replaced and read to its end, the peer has gone.
    Ended {
        /// The stream.
        stream: u64,
    },
    /// The source has begun every file that was there when it started; comes once. Whoever remembers it
    /// knows that a file which appears later, even while no agent runs, is new.
    Looked,
    /// A file of the journal is not there any more, or was read to its end before it was replaced.
    Gone {
        /// The file.
        file: FileKey,
    },
    /// Something an operator should know: a file vanished, was truncated, cannot be read.
    Problem(Problem),
    /// The source will give nothing more (standard input at its end).
    Finished,
}

/// A condition of a source that an operator should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Message id, documented in docs/messages.md.
    pub id: &'static str,
    /// Path or peer.
    pub path: Arc<str>,
    /// A sentence with a period.
    pub text: String,
}

/// What the journal knows of a source when it starts.
#[derive(Clone, Debug)]
pub struct Known {
    /// How far each file has been read; several generations of a file are fine.
    pub checkpoints: Vec<Checkpoint>,
    /// No run of this source has left any trace, so a file that exists is old, not missed.
    pub first_run: bool,
}

impl Known {
    /// Nothing: the first run.
    #[must_use]
    pub fn nothing() -> Known {
        Known { checkpoints: Vec::new(), first_run: true }
    }

    /// What earlier runs have left. Until one has begun every file that was there, the next is a first one.
    #[must_use]
    pub fn of(checkpoints: Vec<Checkpoint>) -> Known {
        Known { first_run: checkpoints.iter().all(Checkpoint::is_of_file), checkpoints }
    }
}

/// The Liberty server that a log belongs to, from its path: `…/servers/NAME/logs/messages.log`.
#[must_use]
pub fn server_of(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').collect();
    let found = parts.windows(3).rev().find(|w| w[0] == "servers" && w[2] == "logs");
    found.map(|w| w[1].to_owned()).filter(|name| !name.is_empty())
}
