//! The thread that writes the journal: takes batches, commits all that have queued up as one
//! transaction, and says when they are on disk. While the disk refuses it says so, tries again and
//! skips nothing: no later batch is written before an earlier one.
//!
//! Layer: shell

use super::{Error, Pruned, Store};
use crate::journal::Entry;
use crate::limits::{JOURNAL_GROUP_ENTRIES, JOURNAL_RETRY_PAUSE};
use crate::time::Timestamp;
use std::collections::VecDeque;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What the writer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// This batch and all before it are on disk.
    Durable(u64),
    /// The journal cannot be written for now; it is tried again and again. Said once for every reason
    /// in a row.
    Stalled {
        /// Message id, documented in docs/messages.md.
        id: &'static str,
        /// Why, as a sentence without a period.
        reason: String,
    },
    /// It can be written again.
    Resumed,
    /// It cannot be written any more, and trying again cannot help: damage, or a fault of ours. The
    /// agent must stop; nothing more is written, and nothing more becomes durable.
    Broken {
        /// Message id, documented in docs/messages.md.
        id: &'static str,
        /// Why, as a sentence without a period.
        reason: String,
    },
    /// Pruning is done; what it has deleted.
    Pruned(Pruned),
}

impl Report {
    /// What an operator should be told of it, if anything: message id, and a sentence without a period.
    #[must_use]
    pub fn notice(&self) -> Option<(&'static str, String)> {
        match self {
            Report::Durable(_) => None,
            Report::Stalled { id, reason } => {
                Some((id, format!("{reason}; nothing new is started until it can be written")))
            }
            Report::Resumed => Some(("WTR210I", "the journal can be written again".into())),
            Report::Broken { id, reason } => Some((id, format!("{reason}; the agent stops acting"))),
            Report::Pruned(Pruned { runs, decisions, .. }) => {
                Some(("WTR211I", format!("the journal has let go of {runs} runs and {decisions} decisions")))
            }
        }
    }
}

/// The writing thread. Batches must be given in the order of their numbers.
pub struct Writer {
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

enum Request {
    Append { batch: u64, entries: Vec<Entry> },
    Prune { before: Timestamp },
}

impl Writer {
    /// Starts the thread, which owns the store from now on and calls `report`; nothing is written while
    /// a call of it lasts.
    ///
    /// The queue has no bound of its own: whoever appends knows how many batches are not yet durable,
    /// and must stop asking beyond its limit.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(store: Store, report: impl FnMut(Report) + Send + 'static) -> std::io::Result<Writer> {
        Writer::with_pause(store, JOURNAL_RETRY_PAUSE, report)
    }

    pub(super) fn with_pause(
        store: Store,
        pause: Duration,
        report: impl FnMut(Report) + Send + 'static,
    ) -> std::io::Result<Writer> {
        let (requests, queue) = mpsc::channel();
        let mut work = Work { store, queue, report: Box::new(report), pause, waiting: VecDeque::new(), prune: None };
        let thread = thread::Builder::new().name("journal".into()).spawn(move || work.run())?;
        Ok(Writer { requests: Some(requests), thread: Some(thread) })
    }

    /// Queues a batch; never waits. What is queued after [`Report::Broken`] is dropped.
    pub fn append(&self, batch: u64, entries: Vec<Entry>) {
        self.request(Request::Append { batch, entries });
    }

    /// Asks for pruning (see [`Store::prune`]), which is done bit by bit whenever nothing is queued.
    pub fn prune(&self, before: Timestamp) {
        self.request(Request::Prune { before });
    }

    fn request(&self, request: Request) {
        if let Some(requests) = &self.requests {
            // The thread is gone only after it has said that the journal is broken.
            let _ = requests.send(request);
        }
    }

    /// Writes what is queued and closes the journal. If the disk refuses, what is left is tried once
    /// more and then given up: it was never reported durable.
    pub fn close(mut self) {
        self.finish();
    }

    fn finish(&mut self) {
        drop(self.requests.take());
        if let Some(thread) = self.thread.take() {
            // A panic over there has been printed over there.
            let _ = thread.join();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.finish();
    }
}

struct Work {
    store: Store,
    queue: Receiver<Request>,
    report: Box<dyn FnMut(Report) + Send>,
    pause: Duration,
    /// Taken from the queue and not yet on disk, oldest first.
    waiting: VecDeque<(u64, Vec<Entry>)>,
    prune: Option<(Timestamp, Pruned)>,
}

/// Why the thread ends.
struct Over;

impl Work {
    fn run(&mut self) {
        while self.take().is_ok() && self.commit().is_ok() {}
    }

    /// Waits until there is a batch, pruning meanwhile, and takes what has queued up.
    fn take(&mut self) -> Result<(), Over> {
        while self.waiting.is_empty() {
            let request = match self.queue.try_recv() {
                Ok(request) => request,
                Err(TryRecvError::Disconnected) => return Err(Over),
                Err(TryRecvError::Empty) if self.prune.is_some() => {
                    self.prune_some();
                    continue;
                }
                Err(TryRecvError::Empty) => self.queue.recv().map_err(|_| Over)?,
            };
            self.accept(request);
        }
        while let Ok(request) = self.queue.try_recv() {
            self.accept(request);
        }
        Ok(())
    }

    fn accept(&mut self, request: Request) {
        match request {
            Request::Append { batch, entries } => self.waiting.push_back((batch, entries)),
            Request::Prune { before } => self.prune = Some((before, Pruned::default())),
        }
    }

    /// Commits all that is waiting, in groups.
    fn commit(&mut self) -> Result<(), Over> {
        let mut alone = false;
        while !self.waiting.is_empty() {
            let count = if alone { 1 } else { self.group() };
            match self.store.append_all(self.waiting.iter().take(count).flat_map(|(_, entries)| entries)) {
                Ok(()) => {
                    let last = self.waiting.drain(..count).next_back();
                    if let Some((batch, _)) = last {
                        (self.report)(Report::Durable(batch));
                    }
                }
                Err(error) if error.is_transient() => self.stall(error)?,
                // One of these batches is wrong. Those before it are not, and may have been promised.
                Err(_) if count > 1 => alone = true,
                Err(error) => {
                    (self.report)(Report::Broken { id: error.id(), reason: error.to_string() });
                    return Err(Over);
                }
            }
        }
        Ok(())
    }

    /// How many of the waiting batches go into the next transaction.
    fn group(&self) -> usize {
        let mut entries = 0;
        let fits = |(_, batch): &&(u64, Vec<Entry>)| {
            entries += batch.len();
            entries <= JOURNAL_GROUP_ENTRIES
        };
        self.waiting.iter().take_while(fits).count().max(1)
    }

    /// Tries the oldest batch again after every pause, until the disk takes it; the queue is taken in
    /// meanwhile.
    fn stall(&mut self, error: Error) -> Result<(), Over> {
        let mut said = String::new();
        let mut error = error;
        loop {
            let reason = error.to_string();
            if reason != said {
                (self.report)(Report::Stalled { id: error.id(), reason: reason.clone() });
                said = reason;
            }
            let closing = self.pause();
            let Some((batch, entries)) = self.waiting.front() else { return Ok(()) };
            let batch = *batch;
            match self.store.append(entries) {
                Ok(()) => {
                    self.waiting.pop_front();
                    (self.report)(Report::Resumed);
                    (self.report)(Report::Durable(batch));
                    return Ok(());
                }
                Err(next) if next.is_transient() && !closing => error = next,
                Err(next) if next.is_transient() => return Err(Over),
                // Told by the next round of `commit`.
                Err(_) => return Ok(()),
            }
        }
    }

    /// Waits for the pause, taking in what is queued. True if nobody can queue any more.
    fn pause(&mut self) -> bool {
        let until = Instant::now() + self.pause;
        loop {
            match self.queue.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(request) => self.accept(request),
                Err(RecvTimeoutError::Timeout) => return false,
                Err(RecvTimeoutError::Disconnected) => return true,
            }
        }
    }

    /// One round of pruning. A failure ends it: whatever is wrong, the next commit will say so, and
    /// pruning is asked for again in time.
    fn prune_some(&mut self) {
        let Some((before, mut total)) = self.prune.take() else { return };
        let Ok(round) = self.store.prune(before) else { return };
        total.runs += round.runs;
        total.decisions += round.decisions;
        total.checkpoints += round.checkpoints;
        if round.more {
            self.prune = Some((before, total));
        } else {
            (self.report)(Report::Pruned(total));
        }
    }
}
