//! UDP and Unix datagrams: all of a source are one stream; each datagram is at least one line.
//!
//! A sender does not wait: what comes faster than it is read is dropped by the system, unseen. Where
//! that matters, a stream is the right source.
//!
//! Layer: shell

use super::Arrival;
use super::fifo::named;
use super::listener::{SocketFile, remove_stale};
use super::output::{Closed, Output};
use super::stream::{Session, wait};
use crate::limits::{INPUT_CHUNK_BYTES, INPUT_DATAGRAM_BYTES_MAX};
use std::io;
use std::net::UdpSocket;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixDatagram;
use std::path::Path;

/// A socket that takes datagrams. See the module text.
pub(super) enum Datagrams {
    Udp(UdpSocket),
    Unix(UnixDatagram, SocketFile),
}

impl Datagrams {
    /// Binds at once, so that what is wrong with the address is an error of the start.
    pub fn udp(address: &str) -> io::Result<Datagrams> {
        let socket = UdpSocket::bind(address).map_err(|error| named(Path::new(address), &error))?;
        socket.set_nonblocking(true)?;
        Ok(Datagrams::Udp(socket))
    }

    /// The same for a Unix socket.
    pub fn unix(path: &Path) -> io::Result<Datagrams> {
        remove_stale(path)?;
        let socket = UnixDatagram::bind(path).map_err(|error| named(path, &error))?;
        let file = SocketFile(path.to_owned());
        socket.set_nonblocking(true)?;
        Ok(Datagrams::Unix(socket, file))
    }

    /// Where it listens; the port is the real one even if the system chose it.
    pub fn address(&self) -> String {
        match self {
            Datagrams::Udp(socket) => socket.local_addr().map_or_else(|_| "udp".to_owned(), |a| a.to_string()),
            Datagrams::Unix(_, file) => file.0.to_string_lossy().into_owned(),
        }
    }

    pub fn run(self, session: &Session, newline: u8, output: &Output) {
        // Closed: nobody is left to tell.
        let _: Result<(), Closed> = self.receive_all(session, newline, output);
    }

    fn receive_all(&self, session: &Session, newline: u8, output: &Output) -> Result<(), Closed> {
        let name = self.address();
        let stream = session.begin(output, &name)?;
        let mut room = vec![0; INPUT_DATAGRAM_BYTES_MAX + 1];
        let mut bytes = Vec::new();
        loop {
            let waited = wait(&[self.as_fd()], output, None)?;
            let mut received = waited.map(|_| 0);
            while bytes.len() < INPUT_CHUNK_BYTES && received.is_ok() {
                received = self.receive(&mut room);
                let Ok(count) = received else { break };
                let kept = count.min(INPUT_DATAGRAM_BYTES_MAX);
                bytes.extend_from_slice(&room[..kept]);
                if kept > 0 && room[kept - 1] != newline {
                    bytes.push(newline);
                }
                if kept < count {
                    let text = format!("A datagram was longer than {INPUT_DATAGRAM_BYTES_MAX} bytes and is cut.");
                    output.problem("WTR133W", Path::new(&name), text)?;
                }
            }
            if !bytes.is_empty() {
                output.send(Arrival::Bytes { stream, bytes: std::mem::take(&mut bytes) })?;
            }
            match received {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => output.send(Arrival::Paused { stream })?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    output.problem("WTR131E", Path::new(&name), format!("The listener fails: {error}."))?;
                    output.send(Arrival::Ended { stream })?;
                    return output.send(Arrival::Finished);
                }
            }
        }
    }

    fn receive(&self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Datagrams::Udp(socket) => socket.recv(room),
            Datagrams::Unix(socket, _) => socket.recv(room),
        }
    }

    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Datagrams::Udp(socket) => socket.as_fd(),
            Datagrams::Unix(socket, _) => socket.as_fd(),
        }
    }
}
