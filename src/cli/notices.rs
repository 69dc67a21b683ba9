//! The agent's own log on standard output. It is written by a thread of its own: whoever does not read
//! it (a stopped terminal, a full pipe) does not keep the agent from acting.
//!
//! Layer: shell

use super::output::json_line;
use crate::agent::Notice;
use crate::limits::NOTICES_WAITING_MAX;
use crate::span::visible;
use serde_json::json;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

/// How long the end of the program waits for a reader that stands still.
const LAST_WORDS_WAIT: Duration = Duration::from_secs(1);

/// Says notices without ever waiting for their reader.
pub(super) struct Notices {
    lines: SyncSender<String>,
    /// Ends when everything has been written.
    written: Receiver<()>,
    as_json: bool,
    left_out: u64,
}

impl Notices {
    pub(super) fn start(as_json: bool) -> io::Result<Notices> {
        let (lines, waiting) = sync_channel::<String>(NOTICES_WAITING_MAX);
        let (done, written) = sync_channel(0);
        std::thread::Builder::new().name("notices".into()).spawn(move || {
            for line in waiting {
                // A log that cannot be written is no reason to stop acting.
                let _ = writeln!(io::stdout(), "{line}");
            }
            drop(done);
        })?;
        Ok(Notices { lines, written, as_json, left_out: 0 })
    }

    pub(super) fn say(&mut self, notice: &Notice) {
        if self.left_out > 0 {
            let text = format!("{} messages were left out here, since nobody read them.", self.left_out);
            let gap = Notice { id: "WTR313W", at: notice.at, text, fields: Vec::new() };
            if self.lines.try_send(self.line(&gap)).is_ok() {
                self.left_out = 0;
            }
        }
        if let Err(TrySendError::Full(_)) = self.lines.try_send(self.line(notice)) {
            self.left_out += 1;
        }
    }

    /// One of our own messages as a line.
    fn line(&self, notice: &Notice) -> String {
        if self.as_json {
            let fields: serde_json::Map<_, _> =
                notice.fields.iter().map(|(k, v)| ((*k).to_owned(), json!(v))).collect();
            let at = format!("{}Z", notice.at);
            return json_line(&json!({ "at": at, "id": notice.id, "text": notice.text, "fields": fields }));
        }
        let mut line = format!("{}Z {} {}", notice.at, notice.id, notice.text);
        for (key, value) in &notice.fields {
            let _ = write!(line, " {key}={value}");
        }
        visible(&line.replace('\n', " "))
    }

    /// Lets the last lines be written, if they are read.
    pub(super) fn finish(self) {
        drop(self.lines);
        let _ = self.written.recv_timeout(LAST_WORDS_WAIT);
    }
}
