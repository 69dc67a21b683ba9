//! Physical lines -> logical messages. A layout says what each line is; this joins S
//! continuations, stack traces and other further lines to the record before them, and the lines of
//! multi-line messages by connect id, however they interleave. Nothing is ever dropped: what
//! belongs to nothing becomes an orphan.
//!
//! Layer: core

use super::{Format, Kind, Position, Record, trim_end};
use crate::limits::{MESSAGE_BYTES_MAX, MESSAGE_LINES_MAX, OPEN_MESSAGE_SPAN_LINES, OPEN_MESSAGES_MAX};

/// What a layout found a line to be.
#[derive(Debug)]
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
    /// The rest of the text of the record just before (an S record).
    Join(&'a [u8]),
    /// A further line of the record just before.
    Further(&'a [u8]),
}

/// What may come after a head line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// Nothing: the record is complete.
    Nothing,
    /// Continuations, directly behind it.
    Directly,
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

/// Joins lines to records. See the module text.
#[derive(Debug, Default)]
pub struct Assembler {
    pending: Option<Held>,
    open: Vec<Held>,
    spare: Vec<Held>,
    format: Option<Format>,
}

impl Assembler {
    /// Takes what one line was found to be; gives every record that this completes to `sink`.
    pub fn take(&mut self, class: &Class<'_>, position: Position, format: Format, sink: &mut dyn FnMut(&Record<'_>)) {
        self.format = Some(format);
        match class {
            Class::Head { record, bytes, follow } => {
                self.release_pending(sink);
                match follow {
                    Follow::Nothing => sink(&Record { position, ..*record }),
                    _ => self.hold(record, bytes, *follow, position),
                }
            }
            Class::Part { connect_id, text, last } => self.part(connect_id, text, *last, position, sink),
            Class::Join(text) => match &mut self.pending {
                Some(held) if held.has_room() => held.join(text),
                _ => orphan(text, None, position, format, sink),
            },
            Class::Further(text) => match &mut self.pending {
                Some(held) if held.has_room() => held.add_line(text),
                _ => orphan(text, None, position, format, sink),
            },
        }
        self.expire(position, sink);
    }

    /// Releases what is held.
    pub fn flush(&mut self, how: Flush, sink: &mut dyn FnMut(&Record<'_>)) {
        self.release_pending(sink);
        if how == Flush::Everything {
            for held in std::mem::take(&mut self.open) {
                sink(&held.record(true));
            }
        }
    }

    /// Position of the first line of the oldest record still held.
    #[must_use]
    pub fn held_from(&self) -> Option<Position> {
        self.pending.iter().chain(&self.open).map(|held| held.fields.position).min()
    }

    /// True if a record waits only to see whether the next line continues it.
    #[must_use]
    pub fn has_pending(&self) -> bool {
        self.pending.is_some()
    }

    fn hold(&mut self, record: &Record<'_>, bytes: &[u8], follow: Follow, position: Position) {
        let mut held = self.spare.pop().unwrap_or_default();
        held.fill(record, bytes, follow, position);
        self.pending = Some(held);
    }

    /// The pending record is not continued: give it out, or keep it open for its parts.
    fn release_pending(&mut self, sink: &mut dyn FnMut(&Record<'_>)) {
        let Some(held) = self.pending.take() else { return };
        if held.follow == Follow::Parts {
            // The same connect id again means that the older message has ended without an end line.
            let key = held.trailing_id();
            if let Some(at) = self.open.iter().position(|o| key.is_some() && o.connect == key) {
                let old = self.open.remove(at);
                sink(&old.record(true));
            }
            self.open_message(Held { connect: key, ..held }, sink);
        } else {
            sink(&held.record(false));
            self.recycle(held);
        }
    }

    fn open_message(&mut self, held: Held, sink: &mut dyn FnMut(&Record<'_>)) {
        if self.open.len() == OPEN_MESSAGES_MAX {
            let oldest = self.open.remove(0);
            sink(&oldest.record(true));
        }
        self.open.push(held);
    }

    fn part(&mut self, id: &[u8], text: &[u8], last: bool, position: Position, sink: &mut dyn FnMut(&Record<'_>)) {
        let key = key_of(id);
        let pending_fits = self.pending.as_ref().is_some_and(|held| {
            held.trailing_id() == key
                || held.connect == key && key.is_some()
                || held.follow == Follow::Parts && held.trailing_id().is_none()
        });
        if pending_fits && let Some(held) = self.pending.take() {
            self.open_message(Held { connect: held.trailing_id(), ..held }, sink);
        } else {
            self.release_pending(sink);
        }
        let found = self.open.iter().rposition(|held| held.connect == key);
        let found = found.or_else(|| self.open.iter().rposition(|held| held.connect.is_none()));
        let Some(at) = found else {
            return orphan(text, Some(id), position, self.format.unwrap_or(Format::Hardcopy), sink);
        };
        let held = &mut self.open[at];
        held.connect = key;
        held.adopt_connect_id(id);
        held.add_line(text);
        if last || !held.has_room() {
            let held = self.open.remove(at);
            sink(&held.record(!last));
            self.recycle(held);
        }
    }

    /// Completes messages whose end line is overdue, so that they cannot hold back a checkpoint.
    fn expire(&mut self, now: Position, sink: &mut dyn FnMut(&Record<'_>)) {
        while let Some(oldest) = self.open.first() {
            if now.line.saturating_sub(oldest.fields.position.line) <= OPEN_MESSAGE_SPAN_LINES {
                return;
            }
            let held = self.open.remove(0);
            sink(&held.record(true));
        }
    }

    fn recycle(&mut self, held: Held) {
        if self.spare.len() < 4 && held.bytes.capacity() + held.further.capacity() < 1 << 16 {
            self.spare.push(held);
        }
    }
}

fn orphan(text: &[u8], id: Option<&[u8]>, position: Position, format: Format, sink: &mut dyn FnMut(&Record<'_>)) {
    sink(&Record { connect_id: id, position, ..Record::bare(Kind::Orphan, format, trim_end(text)) });
}

/// Connect ids compare as numbers.
fn key_of(id: &[u8]) -> Option<u16> {
    std::str::from_utf8(id).ok()?.trim().parse().ok()
}

/// A record that is not complete yet: a copy of its bytes, and where its fields lie in them.
#[derive(Debug)]
struct Held {
    bytes: Vec<u8>,
    further: Vec<u8>,
    lines: usize,
    fields: Record<'static>,
    places: [Option<(u32, u32)>; PLACES],
    follow: Follow,
    connect: Option<u16>,
}

impl Default for Held {
    fn default() -> Held {
        Held {
            bytes: Vec::new(),
            further: Vec::new(),
            lines: 0,
            fields: Record::bare(Kind::Message, Format::Hardcopy, b""),
            places: [None; PLACES],
            follow: Follow::Nothing,
            connect: None,
        }
    }
}

const PLACES: usize = 11;
const TEXT: usize = 0;
const CONNECT_ID: usize = 8;

impl Held {
    fn fill(&mut self, record: &Record<'_>, bytes: &[u8], follow: Follow, position: Position) {
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
        self.further.clear();
        self.lines = 0;
        let place = |field: Option<&[u8]>| field.map(|f| place_in(bytes, f));
        self.places = [
            place(Some(record.text)),
            place(record.message_id),
            place(record.inner_id),
            place(record.system),
            place(record.job_name),
            place(record.job_id),
            place(record.console),
            place(record.reply_id),
            place(record.connect_id),
            place(record.flags),
            place(record.level),
        ];
        let bare = Record::bare(record.kind, record.format, b"");
        let Record { routing, mark, time, incomplete, .. } = *record;
        self.fields = Record { routing, mark, time, incomplete, position, ..bare };
        self.follow = follow;
        self.connect = record.connect_id.and_then(key_of);
        for line in record.lines() {
            self.add_line(line);
        }
    }

    fn record(&self, incomplete: bool) -> Record<'_> {
        let get = |i: usize| self.places[i].map(|(from, to)| &self.bytes[from as usize..to as usize]);
        Record {
            text: get(TEXT).unwrap_or_default(),
            message_id: get(1),
            inner_id: get(2),
            system: get(3),
            job_name: get(4),
            job_id: get(5),
            console: get(6),
            reply_id: get(7),
            connect_id: get(CONNECT_ID),
            flags: get(9),
            level: get(10),
            further: (self.lines > 0).then_some(&self.further[..]),
            incomplete: incomplete || self.fields.incomplete,
            ..self.fields
        }
    }

    fn text(&self) -> &[u8] {
        self.places[TEXT].map_or(&[], |(from, to)| &self.bytes[from as usize..to as usize])
    }

    fn has_room(&self) -> bool {
        self.lines < MESSAGE_LINES_MAX && self.bytes.len() + self.further.len() < MESSAGE_BYTES_MAX
    }

    /// The three digits that end the text of the first line of a multi-line message.
    fn trailing_id(&self) -> Option<u16> {
        let text = self.text();
        let at = text.len().checked_sub(3)?;
        let alone = at == 0 || text[at - 1] == b' ';
        (alone && text[at..].iter().all(u8::is_ascii_digit)).then(|| key_of(&text[at..])).flatten()
    }

    /// Takes the connect id off the text, where a part has proved that it is one.
    fn adopt_connect_id(&mut self, id: &[u8]) {
        if self.places[CONNECT_ID].is_some() {
            return;
        }
        if let (Some((from, to)), true) = (self.places[TEXT], self.trailing_id() == key_of(id)) {
            let kept = trim_end(&self.bytes[from as usize..to as usize - 3]).len() as u32;
            self.places[TEXT] = Some((from, from + kept));
            self.places[CONNECT_ID] = Some((to - 3, to));
        } else {
            let at = self.bytes.len() as u32;
            self.bytes.extend_from_slice(id);
            self.places[CONNECT_ID] = Some((at, at + id.len() as u32));
        }
    }

    /// Continues the text. The blank at which the writer broke the line was cut off with the other
    /// blanks at its end, unless the line was full.
    fn join(&mut self, more: &[u8]) {
        let more = trim_end(more);
        let (from, to) = self.places[TEXT].unwrap_or((0, 0));
        self.bytes.truncate(to as usize);
        let full = to - from >= FULL_TEXT;
        if to > from && !full && !more.starts_with(b" ") {
            self.bytes.push(b' ');
        }
        self.bytes.extend_from_slice(more);
        self.places[TEXT] = Some((from, self.bytes.len() as u32));
        if self.places[1].is_none()
            && let Some(id) = super::find_message_id(&self.bytes[from as usize..])
        {
            self.places[1] = Some((from, from + id.len() as u32));
        }
    }

    fn add_line(&mut self, text: &[u8]) {
        if self.lines > 0 {
            self.further.push(b'\n');
        }
        self.further.extend_from_slice(trim_end(text));
        self.lines += 1;
    }
}

/// Text columns of one hardcopy record (57-126).
const FULL_TEXT: u32 = 70;

/// Where `field` lies in `bytes`; an empty field lies at the end.
fn place_in(bytes: &[u8], field: &[u8]) -> (u32, u32) {
    let from = (field.as_ptr() as usize).wrapping_sub(bytes.as_ptr() as usize);
    if field.is_empty() || from > bytes.len() {
        debug_assert!(field.is_empty(), "a layout gave a field that is not in its line");
        return (bytes.len() as u32, bytes.len() as u32);
    }
    (from as u32, (from + field.len()) as u32)
}
