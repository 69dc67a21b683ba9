//! TCP and Unix stream listeners: each connection is a stream. One thread waits for all of them.
//!
//! Layer: shell

use super::Arrival;
use super::fifo::named;
use super::output::{Closed, Output};
use super::stream::{Session, TURN_CHUNKS, Turn, buffer, read_turn, wait};
use crate::limits::INPUT_CONNECTIONS_MAX;
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// After a failed `accept` (no descriptors left) there is a rest, or it would fail without end.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// A socket that is listened to. See the module text.
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, SocketFile),
}

/// A socket in the file system; removed when the source ends.
pub(super) struct SocketFile(pub PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // It may have been removed by hand; the next start removes what is left over.
        let _ = std::fs::remove_file(&self.0);
    }
}

struct Connection {
    socket: OwnedFd,
    stream: u64,
    peer: String,
}

impl Listener {
    /// Listens at once, so that what is wrong with the address is an error of the start.
    pub fn tcp(address: &str) -> io::Result<Listener> {
        let listener = TcpListener::bind(address).map_err(|error| named(Path::new(address), &error))?;
        listener.set_nonblocking(true)?;
        Ok(Listener::Tcp(listener))
    }

    /// The same for a Unix socket.
    pub fn unix(path: &Path) -> io::Result<Listener> {
        remove_stale(path)?;
        let listener = UnixListener::bind(path).map_err(|error| named(path, &error))?;
        let file = SocketFile(path.to_owned());
        listener.set_nonblocking(true)?;
        Ok(Listener::Unix(listener, file))
    }

    /// Where it listens; the port is the real one even if the system chose it.
    pub fn address(&self) -> String {
        match self {
            Listener::Tcp(listener) => listener.local_addr().map_or_else(|_| "tcp".to_owned(), |a| a.to_string()),
            Listener::Unix(_, file) => file.0.to_string_lossy().into_owned(),
        }
    }

    pub fn run(self, session: &Session, output: &Output) {
        // Closed: nobody is left to tell.
        let _: Result<(), Closed> = self.serve(session, output);
    }

    fn serve(&self, session: &Session, output: &Output) -> Result<(), Closed> {
        let name = self.address();
        let mut connections: Vec<Connection> = Vec::new();
        let mut buffer = buffer();
        let mut full = false;
        loop {
            let mut inputs: Vec<BorrowedFd<'_>> = connections.iter().map(|peer| peer.socket.as_fd()).collect();
            inputs.push(self.as_fd());
            let mut ready = match wait(&inputs, output, None)? {
                Ok(ready) => ready.unwrap_or_default(),
                Err(error) => {
                    output.problem("WTR131E", Path::new(&name), format!("The listener fails: {error}."))?;
                    return output.send(Arrival::Finished);
                }
            };
            let waiting = ready.pop().unwrap_or(false);
            serve_ready(&mut connections, &ready, &mut buffer, output)?;
            if waiting {
                full = self.accept_all(&mut connections, full, session, output)?;
            }
        }
    }

    /// Takes new connections; gives whether the limit is reached.
    fn accept_all(
        &self,
        connections: &mut Vec<Connection>,
        full: bool,
        session: &Session,
        output: &Output,
    ) -> Result<bool, Closed> {
        let mut full = full;
        loop {
            let (socket, peer) = match self.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(full),
                // The peer has already gone.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(error) => {
                    let text = format!("A connection cannot be accepted: {error}.");
                    output.problem("WTR131E", Path::new(&self.address()), text)?;
                    output.signal().wait_until(Instant::now() + ACCEPT_REST);
                    return Ok(full);
                }
            };
            if connections.len() < INPUT_CONNECTIONS_MAX {
                full = false;
                let stream = session.begin(output, &peer)?;
                connections.push(Connection { socket, stream, peer });
            } else if !std::mem::replace(&mut full, true) {
                let text = format!("The limit of {INPUT_CONNECTIONS_MAX} connections is reached; {peer} is refused.");
                output.problem("WTR130W", Path::new(&self.address()), text)?;
            }
        }
    }

    fn accept(&self) -> io::Result<(OwnedFd, String)> {
        match self {
            Listener::Tcp(listener) => {
                let (socket, peer) = listener.accept()?;
                socket.set_nonblocking(true)?;
                Ok((socket.into(), peer.to_string()))
            }
            Listener::Unix(listener, file) => {
                let (socket, _) = listener.accept()?;
                socket.set_nonblocking(true)?;
                Ok((socket.into(), file.0.to_string_lossy().into_owned()))
            }
        }
    }

    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Listener::Tcp(listener) => listener.as_fd(),
            Listener::Unix(listener, _) => listener.as_fd(),
        }
    }
}

/// Gives each connection that has something its turn.
fn serve_ready(
    connections: &mut Vec<Connection>,
    ready: &[bool],
    buffer: &mut [u8],
    output: &Output,
) -> Result<(), Closed> {
    let mut ended = Vec::new();
    for (index, peer) in connections.iter().enumerate().filter(|(index, _)| ready.get(*index) == Some(&true)) {
        match read_turn(peer.socket.as_fd(), buffer, peer.stream, output, TURN_CHUNKS)? {
            Ok(Turn::Paused | Turn::More) => {}
            Ok(Turn::End) => ended.push(index),
            Err(error) => {
                output.problem("WTR132W", Path::new(&peer.peer), format!("The connection is broken: {error}."))?;
                ended.push(index);
            }
        }
    }
    for index in ended.into_iter().rev() {
        let stream = connections.remove(index).stream;
        output.send(Arrival::Ended { stream })?;
    }
    Ok(())
}

/// Removes a socket that an agent left behind which was killed; not one that is in use.
pub(super) fn remove_stale(path: &Path) -> io::Result<()> {
    let Ok(meta) = std::fs::symlink_metadata(path) else { return Ok(()) };
    if !meta.file_type().is_socket() {
        return Ok(());
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(|error| named(path, &error))
        }
        _ => Ok(()),
    }
}
