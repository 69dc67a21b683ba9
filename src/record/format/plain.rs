//! Any text: each line is a message; its first word is the message id if it looks like one.
//!
//! Layer: core

use super::super::assemble::{Class, Follow};
use super::super::{Format, Kind, Record, find_message_id, trim_end};
use super::Layout;

/// The layout.
#[derive(Debug, Default)]
pub struct Plain;

impl Layout for Plain {
    fn format(&self) -> Format {
        Format::Plain
    }

    fn read<'a>(&'a mut self, line: &'a [u8]) -> Class<'a> {
        let text = trim_end(line);
        let record = Record { message_id: find_message_id(text), ..Record::bare(Kind::Message, Format::Plain, text) };
        Class::Head { record, bytes: line, follow: Follow::Nothing }
    }
}
