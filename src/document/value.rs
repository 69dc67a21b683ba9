//! One value of a document: asked for as what it must be, with the mistake noted if it is not.
//!
//! Layer: core

use super::{Document, Table};
use crate::diagnostic::{Diagnostic, id};
use crate::span::{Place, Span, Spot};
use crate::time::parse_duration;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;
use toml::de::DeValue;

/// A value, with the key it stands under.
#[derive(Clone, Copy, Debug)]
pub struct Value<'d> {
    doc: &'d Document<'d>,
    key: &'d str,
    value: &'d DeValue<'d>,
    start: usize,
    end: usize,
}

/// A string, and how its characters lie in the file.
#[derive(Clone, Copy, Debug)]
pub struct Text<'d> {
    doc: &'d Document<'d>,
    text: &'d str,
    start: usize,
    end: usize,
    /// Where its first character stands, if every byte stands in the file as it is: not so in a
    /// string with escapes.
    inside: Option<usize>,
}

impl<'d> Value<'d> {
    pub(super) fn new(doc: &'d Document<'d>, key: &'d str, value: &'d DeValue<'d>, span: Span) -> Value<'d> {
        Value { doc, key, value, start: span.start, end: span.end }
    }

    /// Where it stands.
    #[must_use]
    pub fn span(&self) -> Span {
        self.start..self.end
    }

    /// The document.
    #[must_use]
    pub fn doc(&self) -> &'d Document<'d> {
        self.doc
    }

    /// A string. `wanted` says what kind: "a job's name in quotes".
    #[must_use]
    pub fn text(self, wanted: &str) -> Option<Text<'d>> {
        match self.value {
            DeValue::String(text) => Some(Text::new(self, text)),
            _ => self.wrong(wanted),
        }
    }

    /// A string with something in it.
    #[must_use]
    pub fn filled_text(self, wanted: &str) -> Option<Text<'d>> {
        let text = self.text(wanted)?;
        if text.text.trim().is_empty() {
            self.error(id::EMPTY, &format!("`{}` is empty, and must be {wanted}", self.key));
            return None;
        }
        Some(text)
    }

    /// A string as a text of its own; for values of which only the text matters.
    #[must_use]
    pub fn string(self) -> Option<String> {
        self.text("a text in quotes").map(|text| text.text.to_owned())
    }

    /// True or false.
    #[must_use]
    pub fn boolean(self) -> Option<bool> {
        match self.value {
            DeValue::Boolean(value) => Some(*value),
            _ => self.wrong("true or false"),
        }
    }

    /// True or false, or nothing noted.
    #[must_use]
    pub fn as_boolean(self) -> Option<bool> {
        self.value.as_bool()
    }

    /// True if it is a string.
    #[must_use]
    pub fn is_text(self) -> bool {
        self.value.is_str()
    }

    /// The text of a string, or nothing noted.
    #[must_use]
    pub fn as_text(self) -> Option<&'d str> {
        self.value.as_str()
    }

    /// A whole number in a range.
    #[must_use]
    pub fn integer(self, range: RangeInclusive<i64>) -> Option<i64> {
        let wanted = format!("a whole number from {} to {}", range.start(), range.end());
        let DeValue::Integer(number) = self.value else { return self.wrong(&wanted) };
        match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) if range.contains(&number) => Some(number),
            _ => {
                self.error(id::OUT_OF_RANGE, &format!("`{}` must be {wanted}", self.key));
                None
            }
        }
    }

    /// A number in a range, whole or not.
    #[must_use]
    pub fn number(self, range: RangeInclusive<f64>) -> Option<f64> {
        let wanted = format!("a number from {} to {}", range.start(), range.end());
        let number = match self.value {
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok().map(|n| n as f64),
            DeValue::Float(number) => number.as_str().replace('_', "").parse().ok(),
            _ => return self.wrong(&wanted),
        };
        let number = number.filter(|n| range.contains(n));
        if number.is_none() {
            self.error(id::OUT_OF_RANGE, &format!("`{}` must be {wanted}", self.key));
        }
        number
    }

    /// The items of a list, or the value itself where one stands for a list of one.
    #[must_use]
    pub fn items(self) -> Vec<Value<'d>> {
        match self.value {
            DeValue::Array(items) => self.of(items),
            _ => vec![self],
        }
    }

    /// The items of a list that must have some.
    #[must_use]
    pub fn filled_items(self) -> Vec<Value<'d>> {
        let items = self.items();
        if items.is_empty() {
            self.error(id::EMPTY, &format!("`{}` is an empty list; name at least one, or leave the key out", self.key));
        }
        items
    }

    /// The items of a list; a single value is a mistake.
    #[must_use]
    pub fn list(self, wanted: &str) -> Option<Vec<Value<'d>>> {
        match self.value {
            DeValue::Array(items) => Some(self.of(items)),
            _ => self.wrong(wanted),
        }
    }

    /// The items of a list, or nothing noted.
    #[must_use]
    pub fn as_list(self) -> Option<Vec<Value<'d>>> {
        self.value.as_array().map(|items| self.of(items))
    }

    /// A number, true or false, as JSON has it.
    #[must_use]
    pub fn plain_json(self) -> Option<serde_json::Value> {
        match self.value {
            DeValue::Boolean(value) => Some((*value).into()),
            DeValue::Integer(_) => self.integer(i64::MIN..=i64::MAX).map(Into::into),
            DeValue::Float(_) => self.number(f64::MIN..=f64::MAX).map(Into::into),
            _ => self.wrong("a text, a number, true or false, a list or a table"),
        }
    }

    /// Writes what it says, in one way of writing.
    pub(super) fn say(self, out: &mut impl fmt::Write) -> fmt::Result {
        say(self.value, out)
    }

    fn of(self, items: &'d toml::de::DeArray<'d>) -> Vec<Value<'d>> {
        items.iter().map(|item| Value::new(self.doc, self.key, item.get_ref(), item.span())).collect()
    }

    /// A table; `what` is what messages call it.
    #[must_use]
    pub fn table(self, what: &'static str) -> Option<Table<'d>> {
        match self.value {
            DeValue::Table(table) => Some(Table::new(self.doc, table, self.span(), what)),
            _ => self.wrong("a table, `{ … }`"),
        }
    }

    /// True if it is a table.
    #[must_use]
    pub fn is_table(self) -> bool {
        self.value.is_table()
    }

    /// One of some words; `find` knows them.
    #[must_use]
    pub fn word<T>(self, words: &[&str], find: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = self.text("a word in quotes")?;
        let found = find(text.text);
        if found.is_none() {
            let known: Vec<String> = words.iter().map(|w| format!("`{w}`")).collect();
            let mistake = self.mistake(id::UNKNOWN_WORD, &format!("`{}` cannot be `{}`", self.key, text.text));
            let mistake = mistake.did_you_mean(text.text, words.iter().copied());
            let mistake = if mistake.help.is_some() {
                mistake
            } else {
                mistake.help(&format!("use one of {}", known.join(", ")))
            };
            self.doc.note(&self.span(), mistake);
        }
        found
    }

    /// A duration with its unit.
    #[must_use]
    pub fn duration(self) -> Option<Duration> {
        let text = self.text("a duration in quotes, such as \"30s\"")?;
        let why = match parse_duration(text.text) {
            Ok(duration) => return Some(duration),
            Err(why) => why,
        };
        self.error(id::DURATION, &format!("the duration `{}` does not read: {why}", self.key));
        None
    }

    /// A duration that is longer than nothing.
    #[must_use]
    pub fn span_of_time(self) -> Option<Duration> {
        let duration = self.duration()?;
        if duration.is_zero() {
            self.error(id::OUT_OF_RANGE, &format!("`{}` must be longer than nothing", self.key));
        }
        Some(duration).filter(|duration| !duration.is_zero())
    }

    /// A size in bytes with its unit.
    #[must_use]
    pub fn size(self) -> Option<usize> {
        let text = self.text("a size in quotes, such as \"64KiB\"")?;
        let why = match parse_size(text.text) {
            Ok(size) => return Some(size),
            Err(why) => why,
        };
        self.error(id::SIZE, &format!("the size `{}` does not read: {why}", self.key));
        None
    }

    /// A mistake about it, not yet noted.
    #[must_use]
    pub fn mistake(&self, id: &'static str, text: &str) -> Diagnostic {
        self.doc.mistake(id, &self.span(), text)
    }

    /// Notes a mistake about it.
    pub fn error(&self, id: &'static str, text: &str) {
        self.doc.error(id, &self.span(), text);
    }

    /// Notes that it should be something else.
    pub fn wrong<T>(&self, wanted: &str) -> Option<T> {
        let is = match self.value {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or time without quotes",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.error(id::WRONG_TYPE, &format!("`{}` must be {wanted}; this is {is}", self.key));
        None
    }
}

fn say(value: &DeValue<'_>, out: &mut impl fmt::Write) -> fmt::Result {
    match value {
        DeValue::String(text) => write!(out, "{text:?}"),
        DeValue::Integer(number) => write!(out, "{}r{}", number.as_str(), number.radix()),
        DeValue::Float(number) => out.write_str(number.as_str()),
        DeValue::Boolean(value) => write!(out, "{value}"),
        DeValue::Datetime(value) => write!(out, "{value}"),
        DeValue::Array(items) => {
            out.write_char('[')?;
            for item in items {
                say(item.get_ref(), out)?;
                out.write_char(',')?;
            }
            out.write_char(']')
        }
        // Its keys come in their order, and not in that of the file.
        DeValue::Table(table) => {
            out.write_char('{')?;
            for (key, value) in table {
                write!(out, "{:?}=", key.get_ref())?;
                say(value.get_ref(), out)?;
                out.write_char(',')?;
            }
            out.write_char('}')
        }
    }
}

impl<'d> Text<'d> {
    fn new(value: Value<'d>, text: &'d str) -> Text<'d> {
        let written = &value.doc.file().text()[value.start..value.end];
        let quotes = if written.starts_with("'''") || written.starts_with("\"\"\"") { 3 } else { 1 };
        // A newline directly behind three quotes does not belong to the string.
        let first = written.get(quotes..).unwrap_or_default();
        let skipped = match quotes {
            3 if first.starts_with("\r\n") => 2,
            3 if first.starts_with('\n') => 1,
            _ => 0,
        };
        let inside = quotes + skipped;
        let same = written.get(inside..inside + text.len()) == Some(text);
        let inside = same.then_some(value.start + inside);
        Text { doc: value.doc, text, start: value.start, end: value.end, inside }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &'d str {
        self.text
    }

    /// Where the string stands, quotes included.
    #[must_use]
    pub fn span(&self) -> Span {
        self.start..self.end
    }

    /// Where a part of it stands in the file; the whole string if it is written with escapes.
    #[must_use]
    pub fn part(&self, offset: usize, length: usize) -> Span {
        match self.inside {
            Some(inside) => inside + offset..inside + offset + length,
            None => self.span(),
        }
    }

    /// True if a part of it has a place of its own.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        self.inside.is_some()
    }

    /// The document.
    #[must_use]
    pub fn doc(&self) -> &'d Document<'d> {
        self.doc
    }

    /// Where it begins.
    #[must_use]
    pub fn place(&self) -> Place {
        self.doc.file().place(self.start)
    }

    /// Where it stands, to be shown.
    #[must_use]
    pub fn spot(&self) -> Spot {
        self.doc.file().spot(&self.span())
    }

    /// A mistake about it, not yet noted.
    #[must_use]
    pub fn mistake(&self, id: &'static str, text: &str) -> Diagnostic {
        self.doc.mistake(id, &self.span(), text)
    }

    /// Notes a mistake about it.
    pub fn note(&self, diagnostic: Diagnostic) {
        self.doc.note(&self.span(), diagnostic);
    }
}

/// Reads a size: a number and `B`, `KiB`, `MiB` or `GiB`.
fn parse_size(text: &str) -> Result<usize, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: usize = number.parse().map_err(|_| format!("expected a number before the unit in `{text}`"))?;
    let unit = match unit.trim() {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "" => return Err(format!("`{number}` has no unit; write for example `{number}KiB`")),
        other => return Err(format!("unknown unit `{other}`; use B, KiB, MiB or GiB")),
    };
    number.checked_mul(unit).ok_or_else(|| "it is too large".to_owned())
}
