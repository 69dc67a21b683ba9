//! Templates from TOML: that they parse, and that every name in them stands for something.
//!
//! Layer: core

use crate::diagnostic::id;
use crate::document::{Document, Key, Text};
use crate::rule::{Field, Template};
use crate::span::Span;
use std::ops::Range;

/// The names that a template may use.
#[derive(Clone, Debug)]
pub struct KnownNames {
    names: Vec<String>,
    /// What they are, for the message.
    what: &'static str,
    /// False where some of them could not be read, so that an unknown one may be right.
    sure: bool,
}

impl KnownNames {
    /// Names of a rule's captures, and the fields.
    pub fn of_rule<'n>(captures: impl Iterator<Item = &'n str>) -> KnownNames {
        KnownNames::with_fields(captures, "neither a capture of this rule nor a field of the record")
    }

    /// Names of a job's parameters, and the fields.
    pub fn of_job<'n>(params: impl Iterator<Item = &'n str>) -> KnownNames {
        KnownNames::with_fields(params, "neither a parameter of this job nor a field of the record")
    }

    /// Any name will do: what defines them could not be read.
    #[must_use]
    pub fn unsure() -> KnownNames {
        KnownNames { names: Vec::new(), what: "", sure: false }
    }

    fn with_fields<'n>(names: impl Iterator<Item = &'n str>, what: &'static str) -> KnownNames {
        let fields = Field::ALL.iter().map(|field| field.name());
        KnownNames { names: names.chain(fields).map(str::to_owned).collect(), what, sure: true }
    }

    /// Notes a name that is not known; true if it is.
    fn check(&self, text: &Text<'_>, name: &str, at: Range<usize>) -> bool {
        self.check_at(text.doc(), name, &text.part(at.start, at.len()))
    }

    /// The same for a text that is a name.
    pub fn check_text(&self, text: &Text<'_>) -> bool {
        self.check(text, text.as_str(), 0..text.as_str().len())
    }

    /// The same for a name that is a key.
    pub fn check_key(&self, doc: &Document<'_>, key: &Key<'_>) -> bool {
        self.check_at(doc, key.name, &key.span)
    }

    fn check_at(&self, doc: &Document<'_>, name: &str, span: &Span) -> bool {
        if !self.sure || self.names.iter().any(|known| known == name) {
            return true;
        }
        let mistake = doc.mistake(id::UNKNOWN_VALUE, span, &format!("`{name}` is {}", self.what));
        let mistake = match MEANT.iter().find(|(theirs, _)| *theirs == name) {
            Some((_, ours)) => mistake.help(&format!("did you mean `{ours}`?")),
            None => mistake.did_you_mean(name, self.names.iter().map(String::as_str)),
        };
        doc.note(span, mistake);
        false
    }
}

/// What people write for our fields, and our fields.
const MEANT: [(&str, &str); 5] =
    [("id", "message_id"), ("msgid", "message_id"), ("job", "job_name"), ("host", "system"), ("message", "text")];

/// A template that is the whole text.
#[must_use]
pub fn template(text: &Text<'_>, names: &KnownNames) -> Option<Template> {
    template_in(text, 0..text.as_str().len(), names)
}

/// A template that is a part of the text.
#[must_use]
pub fn template_in(text: &Text<'_>, part: Range<usize>, names: &KnownNames) -> Option<Template> {
    let source = &text.as_str()[part.clone()];
    let note = |at: usize, length: usize, why: &str| {
        let span = text.part(part.start + at, length);
        text.doc().error(id::TEMPLATE, &span, why);
    };
    if let Some(at) = source.find('\0') {
        note(at, 1, "this text has a NUL, which no process can be given");
        return None;
    }
    match Template::parse(source) {
        Ok(template) => {
            let used = template.names();
            let unknown = used.filter(|(name, at)| {
                let start = part.start + at;
                !names.check(text, name, start..start + name.len() + "${}".len())
            });
            (unknown.count() == 0).then_some(template)
        }
        Err((why, at)) => {
            note(at, 2, &format!("this template does not parse: {why}"));
            None
        }
    }
}
