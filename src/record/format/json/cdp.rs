//! The console event of IBM Z Common Data Provider as comma-separated values: record type, ASID,
//! `yyddd hh.mm.ss.ttt zone`, system, job id, console, 128 routing bits, flags, job name, a byte,
//! and the text in quotes. The meaning of some columns is inferred from a real event.
//!
//! Layer: core

use super::super::super::assemble::{Class, Follow};
use super::super::super::{Format, Kind, Record, RoutingCodes, trim};
use super::super::stamp;
use super::super::text::{begins_with_id, split_ident, with_text};

const COLUMNS: usize = 10;

/// True for such a text.
pub(super) fn is_event(text: &[u8]) -> bool {
    let shape = matches!(text, [b'A'..=b'Z', b'A'..=b'Z' | b' ', b',', ..]);
    shape && columns(text).is_some_and(|c| stamp::cdp(trim(c[2])).is_some() && c[6].iter().all(u8::is_ascii_hexdigit))
}

fn columns(text: &[u8]) -> Option<[&[u8]; COLUMNS + 1]> {
    let mut parts = text.splitn(COLUMNS + 1, |b| *b == b',');
    let mut columns = [&text[..0]; COLUMNS + 1];
    for column in &mut columns {
        *column = parts.next()?;
    }
    Some(columns)
}

/// The text with its last column out of the quotes, and quotes that are doubled in it single.
pub(super) fn unquoted(text: &[u8]) -> Vec<u8> {
    let Some([.., quoted]) = columns(text) else { return text.to_vec() };
    let body = quoted.strip_prefix(b"\"").unwrap_or(quoted);
    let body = body.strip_suffix(b"\"").unwrap_or(body);
    let mut out = text[..text.len() - quoted.len()].to_vec();
    let mut after_quote = false;
    for &byte in body {
        after_quote = byte == b'"' && !after_quote;
        if byte != b'"' || after_quote {
            out.push(byte);
        }
    }
    out
}

/// The record of such a text without its quotes.
pub(super) fn read(text: &[u8]) -> Class<'_> {
    let bare = Record::bare(Kind::Message, Format::Json, text);
    let Some([kind, _asid, time, system, task, console, routing, flags, job, _, body]) = columns(text) else {
        return Class::Head { record: bare, bytes: text, follow: Follow::Nothing };
    };
    let kind = match kind {
        // An alert product's messages come as commands, too; a command does not begin with an id.
        [_, b'C' | b'I'] if !begins_with_id(trim(body)) => Kind::Command,
        [b'W', _] => Kind::Wtor,
        [_, b'R'] => Kind::Response,
        _ => Kind::Message,
    };
    let some = |field| Some(trim(field)).filter(|f| !f.is_empty());
    let (job_id, name) = split_ident(task);
    let record = Record {
        kind,
        text: trim(body),
        time: stamp::cdp(trim(time)),
        system: some(system),
        job_id,
        console: some(console).or(name),
        routing: routing.get(..7).and_then(RoutingCodes::from_hex),
        flags: some(flags).filter(|f| f.len() == 8),
        job_name: some(job),
        ..bare
    };
    let record = if kind == Kind::Command { record } else { with_text(record, body) };
    Class::Head { record, bytes: text, follow: Follow::Nothing }
}
