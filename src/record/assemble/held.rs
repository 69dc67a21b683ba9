//! A record that is not complete yet: a copy of its bytes, where its fields lie in them, and its
//! further lines so far.
//!
//! Layer: core

use super::super::{Format, Kind, Position, Record, find_message_id, trim_end};
use super::Follow;
use crate::limits::{MESSAGE_BYTES_MAX, MESSAGE_LINES_MAX};

/// Connect ids compare as numbers.
pub(super) fn key_of(id: &[u8]) -> Option<u16> {
    std::str::from_utf8(id).ok()?.trim().parse().ok()
}

/// See the module text.
#[derive(Debug)]
pub(super) struct Held {
    bytes: Vec<u8>,
    further: Vec<u8>,
    lines: usize,
    fields: Record<'static>,
    places: [Option<(u32, u32)>; PLACES],
    pub(super) follow: Follow,
    pub(super) connect: Option<u16>,
    /// Its last line so far, once it is open.
    pub(super) last: Position,
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
            last: Position::default(),
        }
    }
}

const PLACES: usize = 11;
const TEXT: usize = 0;
const MESSAGE_ID: usize = 1;
const SYSTEM: usize = 3;
const CONNECT_ID: usize = 8;
const LEVEL: usize = 10;

/// Text columns of one hardcopy record (57-126).
const FULL_TEXT: u32 = 70;

impl Held {
    pub(super) fn fill(&mut self, record: &Record<'_>, bytes: &[u8], follow: Follow) {
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
        let Record { routing, mark, time, position, incomplete, physical_lines, .. } = *record;
        self.fields = Record { routing, mark, time, position, incomplete, physical_lines, ..bare };
        self.follow = follow;
        self.connect = record.connect_id.and_then(key_of);
        for line in record.lines() {
            self.add_line(line);
        }
    }

    pub(super) fn record(&self, incomplete: bool) -> Record<'_> {
        let get = |i: usize| self.place(i);
        Record {
            text: get(TEXT).unwrap_or_default(),
            message_id: get(MESSAGE_ID),
            inner_id: get(2),
            system: get(SYSTEM),
            job_name: get(4),
            job_id: get(5),
            console: get(6),
            reply_id: get(7),
            connect_id: get(CONNECT_ID),
            flags: get(9),
            level: get(LEVEL),
            further: (self.lines > 0).then_some(&self.further[..]),
            incomplete: incomplete || self.fields.incomplete,
            ..self.fields
        }
    }

    fn place(&self, which: usize) -> Option<&[u8]> {
        self.places[which].map(|(from, to)| &self.bytes[from as usize..to as usize])
    }

    pub(super) fn position(&self) -> Position {
        self.fields.position
    }

    pub(super) fn system(&self) -> Option<&[u8]> {
        self.place(SYSTEM)
    }

    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity() + self.further.capacity()
    }

    pub(super) fn has_room(&self) -> bool {
        self.lines < MESSAGE_LINES_MAX && self.bytes.len() + self.further.len() < MESSAGE_BYTES_MAX
    }

    /// The connect id: as found, or else the three digits that end the text.
    pub(super) fn key(&self) -> Option<u16> {
        self.connect.or_else(|| self.trailing_id())
    }

    /// The three digits that end the text of the first line of a multi-line message.
    fn trailing_id(&self) -> Option<u16> {
        let text = self.place(TEXT)?;
        let at = text.len().checked_sub(3)?;
        let alone = at == 0 || text[at - 1] == b' ';
        (alone && text[at..].iter().all(u8::is_ascii_digit)).then(|| key_of(&text[at..])).flatten()
    }

    /// Takes the connect id off the text, where a further line has proved that it is one.
    fn adopt_connect_id(&mut self, id: Option<&[u8]>) {
        if self.places[CONNECT_ID].is_some() {
            return;
        }
        let trailing = self.trailing_id();
        if let (Some((from, to)), Some(trailing)) = (self.places[TEXT], trailing)
            && id.is_none_or(|id| key_of(id) == Some(trailing))
        {
            let kept = trim_end(&self.bytes[from as usize..to as usize - 3]).len() as u32;
            self.places[TEXT] = Some((from, from + kept));
            self.places[CONNECT_ID] = Some((to - 3, to));
            self.connect = Some(trailing);
        } else if let Some(id) = id {
            self.places[CONNECT_ID] = Some(self.append(id));
            self.connect = key_of(id);
        }
    }

    fn append(&mut self, bytes: &[u8]) -> (u32, u32) {
        let at = self.bytes.len() as u32;
        self.bytes.extend_from_slice(bytes);
        (at, at + bytes.len() as u32)
    }

    /// Continues the text. The blank at which the writer broke the line was cut off with the other
    /// blanks at its end, unless the line was full or the rest begins with it.
    pub(super) fn join(&mut self, more: &[u8], level: Option<&[u8]>, cut: bool) {
        self.count(cut);
        let more = trim_end(more);
        let (from, to) = self.places[TEXT].unwrap_or((0, 0));
        let full = to - from >= FULL_TEXT;
        let blank = to > from && !full && !more.is_empty() && !more.starts_with(b" ");
        // Other fields may lie behind the text: the longer text gets a place of its own.
        let moved = self.append(b"").0;
        self.bytes.extend_from_within(from as usize..to as usize);
        if blank {
            self.bytes.push(b' ');
        }
        self.bytes.extend_from_slice(if to > from { more } else { more.trim_ascii_start() });
        let text = (moved, self.bytes.len() as u32);
        self.places[TEXT] = Some(text);
        if self.places[MESSAGE_ID].is_none() && self.fields.kind != Kind::Command {
            let id = find_message_id(&self.bytes[text.0 as usize..]).map(|id| id.len() as u32);
            self.places[MESSAGE_ID] = id.map(|length| (text.0, text.0 + length));
        }
        if let (Some(level), None) = (level, self.places[LEVEL]) {
            self.places[LEVEL] = Some(self.append(level));
        }
    }

    /// Takes a line that carries the connect id.
    pub(super) fn part(&mut self, id: &[u8], text: &[u8], cut: bool) {
        self.adopt_connect_id(Some(id));
        self.count(cut);
        self.add_line(text);
    }

    /// Takes a line directly behind the record.
    pub(super) fn further_line(&mut self, text: &[u8], cut: bool) {
        if self.follow == Follow::Display {
            self.adopt_connect_id(None);
        }
        self.count(cut);
        self.add_line(text);
    }

    fn count(&mut self, cut: bool) {
        self.fields.physical_lines += 1;
        self.fields.incomplete |= cut;
    }

    fn add_line(&mut self, text: &[u8]) {
        if self.lines > 0 {
            self.further.push(b'\n');
        }
        self.further.extend_from_slice(trim_end(text));
        self.lines += 1;
    }
}

/// Where `field` lies in `bytes`; an empty field lies at the end.
fn place_in(bytes: &[u8], field: &[u8]) -> (u32, u32) {
    let from = (field.as_ptr() as usize).wrapping_sub(bytes.as_ptr() as usize);
    if field.is_empty() || from > bytes.len() {
        debug_assert!(field.is_empty(), "a layout gave a field that is not in its line");
        return (bytes.len() as u32, bytes.len() as u32);
    }
    (from as u32, (from + field.len()) as u32)
}
