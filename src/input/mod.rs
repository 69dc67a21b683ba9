//! Sources: bytes of growing files, streams, commands and sockets. A source never reads records; it
//! gives bytes in order, says when the input pauses, and knows where each byte stood.
//!
//! Layer: shell

use crate::journal::{Checkpoint, FileKey};
use crate::record::Position;
use std::sync::Arc;

/// What a source reports, in order. A source has one or more streams: one a file, one a connection.
#[derive(Clone, Debug)]
pub enum Arrival {
    /// A stream begins: a file was opened, a peer connected, a command started.
    Begun {
        /// Number of the stream in this source, never used again.
        stream: u64,
        /// Path of the file, or a name for the peer.
        path: Arc<str>,
        /// Which file it is.
        file: FileKey,
        /// Where reading starts.
        at: Position,
        /// First bytes of the file, hex (see [`Checkpoint::head`]); may be empty.
        head: String,
    },
    /// The next bytes of the stream.
    Bytes {
        /// The stream.
        stream: u64,
        /// Directly behind the last ones.
        bytes: Vec<u8>,
    },
    /// There is nothing more to read for now.
    Paused {
        /// The stream.
        stream: u64,
    },
    /// The stream is over: the file was replaced and read to its end, the peer has gone.
    Ended {
        /// The stream.
        stream: u64,
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

/// Where a source starts in a file that it sees for the first time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum From {
    /// Where the journal says; a file that the journal does not know, at its end when the agent
    /// starts, at its beginning when it appears later.
    #[default]
    Checkpoint,
    /// At its end.
    End,
    /// At its beginning.
    Start,
}

/// What the journal knows of a source when it starts.
pub type Known = Vec<Checkpoint>;

/// The Liberty server that a log belongs to, from its path: `…/servers/NAME/logs/messages.log`.
#[must_use]
pub fn server_of(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').collect();
    let found = parts.windows(3).rev().find(|w| w[0] == "servers" && w[2] == "logs");
    found.map(|w| w[1].to_owned()).filter(|name| !name.is_empty())
}
