//! The way out of a source: numbers its streams and puts arrivals into the bounded channel. When
//! the channel is full the source waits, and reads nothing more meanwhile.
//!
//! Layer: shell

use super::signal::Signal;
use super::{Arrival, Problem};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::{Duration, Instant};

/// The reader has gone, or the source is to stop: there is nobody to read for.
#[derive(Debug)]
pub(super) struct Closed;

/// See the module text. Clones share the numbering.
#[derive(Clone)]
pub(super) struct Output {
    sink: SyncSender<Arrival>,
    signal: Arc<Signal>,
    streams: Arc<AtomicU64>,
}

/// After a stop, a full channel is given this long to take what was read: a file can be read again,
/// a socket cannot.
const STOP_GRACE: Duration = Duration::from_millis(500);

/// How long to rest while the channel is full. Whoever made it full has work for longer than this.
const FULL_REST: Duration = Duration::from_micros(500);

impl Output {
    pub fn new(sink: SyncSender<Arrival>, signal: Arc<Signal>) -> Output {
        Output { sink, signal, streams: Arc::new(AtomicU64::new(1)) }
    }

    /// The number of the next stream.
    pub fn next_stream(&self) -> u64 {
        self.streams.fetch_add(1, Ordering::Relaxed)
    }

    pub fn signal(&self) -> &Signal {
        &self.signal
    }

    /// For those who wake the source.
    pub fn shared_signal(&self) -> Arc<Signal> {
        Arc::clone(&self.signal)
    }

    pub fn send(&self, arrival: Arrival) -> Result<(), Closed> {
        let mut arrival = arrival;
        let mut give_up = None;
        loop {
            match self.sink.try_send(arrival) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Disconnected(_)) => return Err(Closed),
                Err(TrySendError::Full(back)) => arrival = back,
            }
            if self.signal.is_stopped() && Instant::now() > *give_up.get_or_insert_with(|| Instant::now() + STOP_GRACE)
            {
                return Err(Closed);
            }
            // `SyncSender` cannot wait with a limit, and waiting without one would hold up a stop.
            std::thread::sleep(FULL_REST);
        }
    }

    pub fn problem(&self, id: &'static str, path: &Path, text: String) -> Result<(), Closed> {
        self.send(Arrival::Problem(Problem { id, path: name_of(path), text }))
    }
}

/// A path as arrivals carry it.
pub(super) fn name_of(path: &Path) -> Arc<str> {
    path.to_string_lossy().into()
}
