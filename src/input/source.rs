//! Starting and stopping a source, whatever its kind.
//!
//! Layer: shell

use super::output::Output;
use super::signal::Signal;
use super::spec::{Kind, Spec};
use super::{Arrival, Known, file, stdin};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;

/// A running source. Dropping it stops the source as [`Handle::stop`] does.
#[derive(Debug)]
pub struct Handle {
    signal: Arc<Signal>,
    thread: Option<JoinHandle<()>>,
}

impl Handle {
    /// Ends the source and waits for its thread. What lies in the channel stays there; if the
    /// channel is full and nobody reads it, the source gives up after half a second.
    pub fn stop(mut self) {
        self.end();
    }

    /// Looks for changes of files at once, as if the poll were due.
    pub fn look(&self) {
        self.signal.wake(|wake| {
            wake.names = true;
            wake.all = true;
        });
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
    let name = format!("input {}", spec.name);
    let body: Box<dyn FnOnce() + Send> = match spec.kind.clone() {
        Kind::Files { patterns } => {
            let files = file::Files::new(&spec, &patterns, known, output);
            Box::new(move || files.run())
        }
        Kind::Stdin => Box::new(move || stdin::run(session, &output)),
        Kind::Fifo(_) | Kind::Command(_) | Kind::Tcp(_) | Kind::Udp(_) | Kind::Unix(_) => {
            return Err(io::ErrorKind::Unsupported.into());
        }
    };
    let thread = std::thread::Builder::new().name(name).spawn(body)?;
    Ok(Handle { signal, thread: Some(thread) })
}
