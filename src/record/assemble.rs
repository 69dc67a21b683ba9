//! Physical lines -> logical messages. A layout says what each line is; this joins S
//! continuations, stack traces and other further lines to the record before them, and the lines of
//! multi-line messages by connect id, however they interleave. Nothing is ever dropped: what
//! belongs to nothing becomes an orphan.
//!
//! Layer: core

mod held;

use super::{Format, Kind, Position, Record, trim_end};
use crate::limits::{OPEN_MESSAGE_SPAN_LINES, OPEN_MESSAGES_MAX, OVERLAPPING_MESSAGES_MAX};
use held::{Held, key_of};

/// What a layout found a line to be.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "most lines are heads, and a box would allocate for each")]
pub enum Class<'a> {
    /// A record begins. All its fields lie in `bytes`, which is the line or the layout's scratch.
    Head {
        /// The fields.
        record: Record<'a>,
        /// What they lie in.
        bytes: &'a [u8],
        /// What may come after it.
        follow: Follow,
    },
    /// A line of a multi-line message, joined by its connect id.
    Part {
        /// Connect id as written.
        connect_id: &'a [u8],
        /// The text, leading blanks kept.
        text: &'a [u8],
        /// True for the end line.
        last: bool,
    },
    /// The rest of the text of the record just before (an S record, a wrapped line).
    Join {
        /// More of the text.
        text: &'a [u8],
        /// The level, where the line before was broken ahead of it.
        level: Option<&'a [u8]>,
    },
    /// A further line of the record just before.
    Further(&'a [u8]),
}

impl<'a> Class<'a> {
    /// A record of one line that nothing follows.
    #[must_use]
    pub fn alone(kind: Kind, format: Format, text: &'a [u8], bytes: &'a [u8]) -> Class<'a> {
        Class::Head { record: Record::bare(kind, format, text), bytes, follow: Follow::Nothing }
    }

    /// More of the text of the record before.
    #[must_use]
    pub fn join(text: &'a [u8]) -> Class<'a> {
        Class::Join { text, level: None }
    }
}

/// What may come after a head line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// Nothing: the record is complete.
    Nothing,
    /// Nothing; and the record before it is not completed by it: a blank line in a stack trace.
    Aside,
    /// Continuations, directly behind it.
    Directly,
    /// Further lines, directly behind it, without the connect id that ends its text.
    Display,
    /// Parts with its connect id, directly or a few lines behind it, and no end line.
    Body,
    /// Parts with its connect id, at any distance, until an end line.
    Parts,
}

/// How much to release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// The record that only waited for a continuation (the input has gone quiet).
    Settled,
    /// That, and multi-line messages without an end line (end of input, or a long silence).
    Everything,
}

/// The physical line that a class was found for.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// Where it begins.
    pub position: Position,
    /// The layout that read it.
    pub format: Format,
    /// True if it was longer than a line may be, and was cut.
    pub cut: bool,
}

/// Lines that may come between the first line of a message without an end line and its parts.
const BODY_SPAN_LINES: u64 = 4;

/// Joins lines to records. See the module text.
#[derive(Debug, Default)]
pub struct Assembler {
    /// The record just before, while `is_pending`; its buffers are kept for the next one.
    pending: Held,
    is_pending: bool,
    open: Vec<Held>,
    spare: Vec<Held>,
    /// Messages that are complete and had lines behind the first line of one that is still open: first
    /// and last line, by first line.
    overlapping: Vec<(Position, Position)>,
}

impl Assembler {
    /// Takes what one line was found to be; gives every record that this completes to `sink`.
    pub fn take(&mut self, class: &Class<'_>, line: Line, sink: &mut dyn FnMut(&Record<'_>)) {
        match class {
            Class::Head { record, bytes, follow } => {
                let record = Record { position: line.position, incomplete: record.incomplete || line.cut, ..*record };
                match follow {
                    Follow::Aside => sink(&record),
                    Follow::Nothing => {
                        self.release_pending(sink);
                        sink(&record);
                    }
                    _ => {
                        self.release_pending(sink);
                        self.pending.fill(&record, bytes, *follow);
                        self.is_pending = true;
                    }
                }
            }
            Class::Part { connect_id, text, last } => self.part(connect_id, text, *last, line, sink),
            Class::Join { text, .. } | Class::Further(text) if !(self.is_pending && self.pending.has_room()) => {
                self.orphan(text, None, line, sink);
            }
            Class::Join { text, level } => self.pending.join(text, *level, line.cut),
            Class::Further(text) => self.pending.further_line(text, line.cut),
        }
        if !self.open.is_empty() {
            self.expire(line.position, sink);
        }
    }

    /// Releases what is held.
    pub fn flush(&mut self, how: Flush, sink: &mut dyn FnMut(&Record<'_>)) {
        self.release_pending(sink);
        let (due, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.open)
            .into_iter()
            .partition(|held| how == Flush::Everything || held.follow == Follow::Body);
        self.open = kept;
        for held in due {
            self.release(held, sink);
        }
    }

    /// Where a reader must start again: at the first line of the oldest record still held, or of one that
    /// is complete but has lines behind that line, which by themselves would be orphans.
    #[must_use]
    pub fn held_from(&self) -> Option<Position> {
        let pending = self.is_pending.then(|| self.pending.position());
        let mut from = self.open.iter().map(Held::position).chain(pending).min()?;
        for (first, last) in self.overlapping.iter().rev() {
            if *first < from && from <= *last {
                from = *first;
            }
        }
        Some(from)
    }

    /// A message that was open is complete.
    fn completed(&mut self, first: Position, last: Position) {
        if self.open.is_empty() {
            return self.overlapping.clear();
        }
        let at = self.overlapping.partition_point(|(other, _)| *other < first);
        self.overlapping.insert(at, (first, last));
        if self.overlapping.len() > OVERLAPPING_MESSAGES_MAX {
            let (first, last) = self.overlapping.remove(0);
            let (second, end) = self.overlapping[0];
            self.overlapping[0] = (first.min(second), last.max(end));
        }
        if let Some(from) = self.held_from() {
            self.overlapping.retain(|(_, last)| *last >= from);
        }
    }

    /// True if a record waits only to see whether the next line continues it.
    #[must_use]
    pub fn has_pending(&self) -> bool {
        self.is_pending || self.open.iter().any(|held| held.follow == Follow::Body)
    }

    /// The pending record is not continued: give it out, or keep it open for its parts.
    fn release_pending(&mut self, sink: &mut dyn FnMut(&Record<'_>)) {
        if !std::mem::take(&mut self.is_pending) {
            return;
        }
        match self.pending.follow {
            Follow::Parts => self.keep_pending_open(sink),
            Follow::Body if self.pending.key().is_some() => self.keep_pending_open(sink),
            _ => sink(&self.pending.record(false)),
        }
    }

    /// Gives a record out. One whose end line should have come and did not is incomplete.
    fn release(&mut self, held: Held, sink: &mut dyn FnMut(&Record<'_>)) {
        sink(&held.record(held.follow == Follow::Parts));
        self.completed(held.position(), held.last);
        self.recycle(held);
    }

    /// Keeps the pending message open for its parts. The same connect id again on the same system means that
    /// the older message has ended without an end line: the ids have three digits and come back.
    fn keep_pending_open(&mut self, sink: &mut dyn FnMut(&Record<'_>)) {
        let mut held = std::mem::replace(&mut self.pending, self.spare.pop().unwrap_or_default());
        held.connect = held.key();
        held.last = held.position();
        let superseded =
            |old: &Held| held.connect.is_some() && old.connect == held.connect && old.system() == held.system();
        let old = self.open.iter().position(superseded);
        if let Some(at) = old.or((self.open.len() == OPEN_MESSAGES_MAX).then_some(0)) {
            let old = self.open.remove(at);
            self.release(old, sink);
        }
        self.open.push(held);
    }

    fn part(&mut self, id: &[u8], text: &[u8], last: bool, line: Line, sink: &mut dyn FnMut(&Record<'_>)) {
        let key = key_of(id);
        let pending_key = self.is_pending.then(|| self.pending.key());
        let is_open = self.open.iter().any(|held| held.connect == key);
        let has_parts = matches!(self.pending.follow, Follow::Parts | Follow::Body);
        // Three digits may end any text; they are a connect id for certain where the message has parts.
        let fits_by_key = pending_key == Some(key) && (has_parts || !is_open);
        let pending_fits = fits_by_key || !is_open && has_parts && pending_key == Some(None);
        if !pending_fits {
            self.release_pending(sink);
        } else if self.pending.follow == Follow::Body && self.pending.has_room() {
            return self.pending.part(id, text, line.cut);
        } else {
            self.pending.connect = key;
            self.is_pending = false;
            self.keep_pending_open(sink);
        }
        let found = self.open.iter().rposition(|held| held.connect == key);
        let found = found.or_else(|| self.open.iter().rposition(|held| held.connect.is_none()));
        let Some(at) = found else { return self.orphan(text, Some(id), line, sink) };
        let held = &mut self.open[at];
        held.connect = key;
        held.last = line.position;
        held.part(id, text, line.cut);
        if last || !held.has_room() {
            let held = self.open.remove(at);
            sink(&held.record(!last));
            self.completed(held.position(), held.last);
            self.recycle(held);
        }
    }

    /// Completes messages whose end line is overdue, so that they cannot hold back a checkpoint.
    fn expire(&mut self, now: Position, sink: &mut dyn FnMut(&Record<'_>)) {
        let overdue = |held: &Held| {
            let span = if held.follow == Follow::Body { BODY_SPAN_LINES } else { OPEN_MESSAGE_SPAN_LINES };
            now.line.saturating_sub(held.position().line) > span
        };
        while let Some(at) = self.open.iter().position(overdue) {
            let held = self.open.remove(at);
            self.release(held, sink);
        }
    }

    /// A line that belongs to nothing. It ends the record before it, which it does not continue.
    fn orphan(&mut self, text: &[u8], id: Option<&[u8]>, line: Line, sink: &mut dyn FnMut(&Record<'_>)) {
        self.release_pending(sink);
        let bare = Record::bare(Kind::Orphan, line.format, trim_end(text));
        sink(&Record { connect_id: id, position: line.position, incomplete: line.cut, ..bare });
    }

    fn recycle(&mut self, held: Held) {
        if self.spare.len() < 4 && held.capacity() < 1 << 16 {
            self.spare.push(held);
        }
    }
}

#[cfg(test)]
mod tests;
