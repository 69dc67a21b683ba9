//! A TOML file as a tree with places. Whoever decodes it asks for keys by name and says what each
//! must be; every mistake is noted with its place and decoding goes on, so that one reading finds
//! all of them.
//!
//! Layer: core

mod syntax;
mod value;

pub use value::{Text, Value};

use crate::diagnostic::{Diagnostic, closest, id};
use crate::span::{Fingerprint, Span, TextFile};
use std::cell::RefCell;
use std::fmt::Write as _;
use std::sync::Arc;
use toml::Spanned;
use toml::de::DeTable;

/// A file of TOML, and the mistakes found in it so far.
#[derive(Debug)]
pub struct Document<'t> {
    file: TextFile<'t>,
    root: DeTable<'t>,
    /// Where syntax errors stand.
    broken: Vec<usize>,
    syntax: Vec<Diagnostic>,
    /// Span with each, so that syntax errors can silence them.
    found: RefCell<Vec<(Span, Diagnostic)>>,
}

impl<'t> Document<'t> {
    /// Reads a text. A text that is no TOML gives a document too: of what could be read.
    #[must_use]
    pub fn parse(name: &str, text: &'t str) -> Document<'t> {
        let file = TextFile::new(name, text);
        let (root, errors) = DeTable::parse_recoverable(text);
        let root = root.into_inner();
        let (broken, syntax) = syntax::describe(&file, &root, &errors);
        Document { file, root, broken, syntax, found: RefCell::default() }
    }

    /// The file.
    pub fn file(&self) -> &TextFile<'t> {
        &self.file
    }

    /// The whole file as a table; `what` is what messages call it.
    pub fn root(&self, what: &'static str) -> Table<'_> {
        Table::new(self, &self.root, 0..0, what)
    }

    /// A mistake at a range, not yet noted.
    pub fn mistake(&self, id: &'static str, span: &Span, text: &str) -> Diagnostic {
        Diagnostic::new(id, self.file.spot(span), text)
    }

    /// Notes a mistake.
    pub fn note(&self, span: &Span, diagnostic: Diagnostic) {
        self.found.borrow_mut().push((span.clone(), diagnostic));
    }

    /// Notes a mistake that needs no more words.
    pub fn error(&self, id: &'static str, span: &Span, text: &str) {
        self.note(span, self.mistake(id, span, text));
    }

    /// True if something is wrong with its syntax.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        !self.syntax.is_empty()
    }

    /// Every mistake. Where the syntax is broken the rest of that section says nothing: its values
    /// are guesses.
    #[must_use]
    pub fn finish(self) -> Vec<Diagnostic> {
        let broken: Vec<Span> = self.broken.iter().map(|at| self.section(*at)).collect();
        let silenced = |(span, diagnostic): &(Span, Diagnostic)| {
            let missing = diagnostic.id == id::MISSING_KEY && !broken.is_empty();
            missing || broken.iter().any(|b| b.start <= span.start && span.start < b.end)
        };
        let mut all = self.syntax;
        let found = self.found.into_inner();
        all.extend(found.into_iter().filter(|f| !silenced(f)).map(|(_, diagnostic)| diagnostic));
        all
    }

    /// The lines from one `[header]` to the next, around a byte.
    fn section(&self, at: usize) -> Span {
        let text = self.file.text();
        let mut start = 0;
        let mut offset = 0;
        for line in text.split_inclusive('\n') {
            if line.trim_start().starts_with('[') {
                if offset > at {
                    return start..offset;
                }
                start = offset;
            }
            offset += line.len();
        }
        start..text.len() + 1
    }
}

/// A key as written.
#[derive(Clone, Debug)]
pub struct Key<'d> {
    /// The key.
    pub name: &'d str,
    /// Where it stands.
    pub span: Span,
}

/// A table that is being decoded: each key is taken once, and what is left is unknown.
#[derive(Debug)]
pub struct Table<'d> {
    doc: &'d Document<'d>,
    what: &'static str,
    span: Span,
    left: Vec<(Key<'d>, Value<'d>)>,
    asked: Vec<&'static str>,
    missing: Vec<&'static str>,
}

impl<'d> Table<'d> {
    fn new(doc: &'d Document<'d>, table: &'d DeTable<'d>, span: Span, what: &'static str) -> Table<'d> {
        let entry = |(key, value): (&'d Spanned<_>, &'d Spanned<_>)| {
            let key: (&'d std::borrow::Cow<'d, str>, Span) = (key.get_ref(), key.span());
            let value = Value::new(doc, key.0, value.get_ref(), value.span());
            (Key { name: key.0, span: key.1 }, value)
        };
        let mut left: Vec<_> = table.iter().map(entry).collect();
        left.sort_by_key(|(key, _)| key.span.start);
        Table { doc, what, span, left, asked: Vec::new(), missing: Vec::new() }
    }

    /// The document.
    #[must_use]
    pub fn doc(&self) -> &'d Document<'d> {
        self.doc
    }

    /// Where the table stands: its braces, or its header.
    #[must_use]
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// Hash of what is left in it but for these keys: of what it says, and not of how it is written. Comments, blanks,
    /// and the order of keys make no difference.
    #[must_use]
    pub fn meaning(&self, without: &[&str]) -> Arc<str> {
        let mut said: Vec<_> = self.left.iter().filter(|(key, _)| !without.contains(&key.name)).collect();
        said.sort_unstable_by_key(|(key, _)| key.name);
        let mut hash = Fingerprint::default();
        for (key, value) in said {
            // Writing to a hash does not fail.
            _ = write!(hash, "{:?}=", key.name).and_then(|()| value.say(&mut hash));
        }
        hash.digits()
    }

    /// True if nothing is left in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// The value of a key, if it is there.
    pub fn take(&mut self, key: &'static str) -> Option<Value<'d>> {
        self.take_entry(key).map(|(_, value)| value)
    }

    /// The key as it is written, and its value.
    pub fn take_entry(&mut self, key: &'static str) -> Option<(Key<'d>, Value<'d>)> {
        self.asked.push(key);
        let at = self.left.iter().position(|(k, _)| k.name == key)?;
        Some(self.left.remove(at))
    }

    /// The value of a key that must be there. That it is not is said by [`Table::finish`], since a
    /// misspelt key explains a missing one.
    pub fn require(&mut self, key: &'static str) -> Option<Value<'d>> {
        let value = self.take(key);
        if value.is_none() {
            self.missing.push(key);
        }
        value
    }

    /// Everything that is left, for tables whose keys are names.
    pub fn take_rest(&mut self) -> Vec<(Key<'d>, Value<'d>)> {
        std::mem::take(&mut self.left)
    }

    /// Says which keys are missing, and of every key that nobody asked for that it is unknown.
    /// `meant` are words that people write for a key: (theirs, ours).
    pub fn finish_with(mut self, meant: &[(&str, &str)]) {
        for (key, _) in &self.left {
            let text = format!("unknown key `{}` in {}", key.name, self.what);
            let theirs = key.name.to_lowercase();
            let ours = meant.iter().find(|(word, _)| *word == theirs).map(|(_, ours)| *ours);
            let ours = ours.or_else(|| closest(key.name, self.asked.iter().copied()));
            let help = match ours {
                Some(ours) => format!("did you mean `{ours}`?"),
                None => self.keys(),
            };
            self.missing.retain(|missing| ours.is_none_or(|ours| ours.trim_matches(['[', ']']) != *missing));
            self.doc.note(&key.span, self.doc.mistake(id::UNKNOWN_KEY, &key.span, &text).help(&help));
        }
        for key in &self.missing {
            self.doc.error(id::MISSING_KEY, &self.span, &format!("{} has no `{key}`", self.what));
        }
    }

    /// The same without such words.
    pub fn finish(self) {
        self.finish_with(&[]);
    }

    fn keys(&self) -> String {
        let keys: Vec<String> = self.asked.iter().map(|key| format!("`{key}`")).collect();
        format!("{} knows {}", self.what, keys.join(", "))
    }
}
