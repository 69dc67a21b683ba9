//! Starting and stopping a source, whatever its kind.
//!
//! Layer: shell

use super::datagram::Datagrams;
use super::fifo::Fifo;
use super::listener::Listener;
use super::output::Output;
use super::signal::Signal;
use super::spec::{Kind, Spec};
use super::stream::Session;
use super::{Arrival, Known, command, file, stdin};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;

/// A running source. Dropping it stops the source as [`Handle::stop`] does.
#[derive(Debug)]
pub struct Handle {
    signal: Arc<Signal>,
    thread: Option<JoinHandle<()>>,
    address: Option<String>,
}

impl Handle {
    /// Ends the source and waits for its thread. What lies in the channel stays there; if the
    /// channel is full and nobody reads it, the source gives up after half a second.
    pub fn stop(mut self) {
        self.end();
    }

    /// Tells the source to end, and does not wait for it: its thread may be waiting for the caller.
    pub fn leave(mut self) {
        self.signal.stop();
        drop(self.thread.take());
    }

    /// Looks for changes of files at once, as if the poll were due.
    pub fn look(&self) {
        self.signal.wake(|wake| {
            wake.names = true;
            wake.all = true;
        });
    }

    /// Where a network source listens: the port is the real one even if the system chose it.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }

    /// The source has ended by itself, or its reader has gone.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    fn end(&mut self) {
        self.signal.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            // The panic has been reported by the panic hook of its thread.
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.end();
    }
}

/// Starts a source. `session` numbers the runs of the agent on this journal: it makes the keys of
/// streams that cannot be read again unique. The source ends when it is stopped or when the
/// receiver is dropped.
///
/// # Errors
/// What makes the source impossible and will not pass by itself: a port that is taken, no such
/// FIFO, no thread. A file that is missing or cannot be read is waited for instead.
pub fn start(spec: Spec, known: Known, session: u64, sink: SyncSender<Arrival>) -> io::Result<Handle> {
    let signal = Arc::new(Signal::new()?);
    let output = Output::new(sink, Arc::clone(&signal));
    let session = Session { number: session, source: spec.name.clone() };
    let newline = spec.newline.unwrap_or(b'\n');
    let mut address = None;
    let body: Box<dyn FnOnce() + Send> = match &spec.kind {
        Kind::Files { patterns } => {
            let files = file::Files::new(&spec, patterns, known, output);
            Box::new(move || files.run())
        }
        Kind::Stdin => Box::new(move || stdin::run(&session, &output)),
        Kind::Fifo(path) => {
            let fifo = Fifo::open(path, newline)?;
            Box::new(move || fifo.run(&session, &output))
        }
        Kind::Command(argv) => {
            let command = command::Source { argv: argv.clone(), retry: spec.retry };
            Box::new(move || command.run(&session, &output))
        }
        Kind::Tcp(at) => {
            let listener = Listener::tcp(at)?;
            address = Some(listener.address());
            Box::new(move || listener.run(&session, &output))
        }
        Kind::Unix(path) => {
            let listener = Listener::unix(path)?;
            Box::new(move || listener.run(&session, &output))
        }
        Kind::Udp(at) => {
            let socket = Datagrams::udp(at)?;
            address = Some(socket.address());
            Box::new(move || socket.run(&session, newline, &output))
        }
        Kind::UnixDatagram(path) => {
            let socket = Datagrams::unix(path)?;
            Box::new(move || socket.run(&session, newline, &output))
        }
    };
    let name = format!("input {}", spec.name);
    let thread = std::thread::Builder::new().name(name).spawn(body)?;
    Ok(Handle { signal, thread: Some(thread), address })
}
