//! What a source is: plain data, made from the configuration.
//!
//! Layer: shell

use super::From;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// One source. The public fields are for reading and for struct update; [`Spec::new`] has the
/// defaults.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Name in `wtor.toml`.
    pub name: Arc<str>,
    /// Where the bytes come from.
    pub kind: Kind,
    /// Where to start in files.
    pub from: From,
    /// Files are looked at this often even if the system reports no change: network file systems
    /// never do.
    pub poll: Duration,
    /// Ask the system to report changes. Without it there is only the poll.
    pub notify: bool,
    /// A file that was renamed or deleted is still read until nothing came for this long: its
    /// writer may hold it open.
    pub linger: Duration,
    /// The wait before a command that has ended is started again; it doubles each time.
    pub retry: Duration,
    /// The byte that ends a line: to count the lines that are passed over, to begin at a line's
    /// first byte when reading starts at the end, and to end a datagram. `None` if the input has
    /// records of fixed length.
    pub newline: Option<u8>,
}

impl Spec {
    /// A source with the defaults.
    #[must_use]
    pub fn new(name: &str, kind: Kind) -> Spec {
        Spec {
            name: name.into(),
            kind,
            from: From::default(),
            poll: Duration::from_secs(1),
            notify: true,
            linger: Duration::from_secs(10),
            retry: Duration::from_secs(1),
            newline: Some(b'\n'),
        }
    }
}

/// Where the bytes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Growing files: paths or globs (`*`, `?`, `[...]`, `**`).
    Files {
        /// A path that exists is taken as it is even if it has the characters of a glob.
        patterns: Vec<String>,
    },
    /// Standard input, to its end.
    Stdin,
    /// A FIFO that exists; it stays open while writers come and go.
    Fifo(PathBuf),
    /// Standard output of a command, started again whenever it ends.
    Command(Vec<String>),
    /// A listener; each connection is a stream.
    Tcp(String),
    /// Datagrams; all of them are one stream.
    Udp(String),
    /// A Unix socket at this path; each connection is a stream.
    Unix(PathBuf),
    /// A Unix socket for datagrams; all of them are one stream.
    UnixDatagram(PathBuf),
}
