//! Templates from TOML: that they parse, and that every name in them stands for something.
//!
//! Layer: core

use crate::diagnostic::{closest, id};
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
    /// What may stand behind `situation.`; none where there is no situation.
    situation: Option<&'static [&'static str]>,
}

impl KnownNames {
    /// Names of a rule's captures, and the fields.
    pub fn of_rule<'n>(captures: impl Iterator<Item = &'n str>) -> KnownNames {
        KnownNames::with_fields(captures, "neither a capture of this rule nor a field of the record")
    }

    /// Names of a rule that no record begins.
    #[must_use]
    pub fn of_schedule() -> KnownNames {
        let names = [Field::Time, Field::Text, Field::Source].map(|field| field.name().to_owned());
        let what = "not known to a rule on a schedule, which has no record";
        KnownNames { names: names.into(), what, sure: true, situation: None }
    }

    /// Names of a job's parameters, and the fields.
    pub fn of_job<'n>(params: impl Iterator<Item = &'n str>) -> KnownNames {
        KnownNames::with_fields(params, "neither a parameter of this job nor a field of the record")
    }

    /// Any name will do: what defines them could not be read.
    #[must_use]
    pub fn unsure() -> KnownNames {
        KnownNames { names: Vec::new(), what: "", sure: false, situation: None }
    }

    fn with_fields<'n>(names: impl Iterator<Item = &'n str>, what: &'static str) -> KnownNames {
        let fields = Field::ALL.iter().map(|field| field.name());
        let names = names.chain(fields).map(str::to_owned).collect();
        KnownNames { names, what, sure: true, situation: None }
    }

    /// The same with further names.
    #[must_use]
    pub fn and<'n>(mut self, more: impl Iterator<Item = &'n str>) -> KnownNames {
        self.names.extend(more.map(str::to_owned));
        self
    }

    /// The same with the values of a situation, and what its further records capture.
    #[must_use]
    pub fn with_values(
        &self,
        situation: &'static [&'static str],
        captures: impl IntoIterator<Item = String>,
    ) -> KnownNames {
        let mut names = self.clone();
        names.situation = Some(situation);
        names.names.extend(captures);
        names
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
        match name.split_once('.') {
            Some(("each", of)) if self.gives_records() => return self.check_at(doc, of, span),
            Some(("situation" | "each", _)) => return self.check_value(doc, name, span),
            _ => {}
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

impl KnownNames {
    /// True if a situation has records, and not only a key.
    fn gives_records(&self) -> bool {
        self.situation.is_some_and(|values| values.len() > 1)
    }

    /// Notes a value that this rule's situations do not have; true if they have it.
    fn check_value(&self, doc: &Document<'_>, name: &str, span: &Span) -> bool {
        let given = self.situation.unwrap_or_default();
        let value = name.strip_prefix("situation.").unwrap_or_default();
        if given.contains(&value) {
            return true;
        }
        let help = match closest(value, given.iter().copied()) {
            Some(near) => format!("did you mean `situation.{near}`?"),
            None if given.is_empty() => "it asks for one record only".into(),
            None => format!("it has `situation.{}`", given.join("`, `situation.")),
        };
        let mistake = doc.mistake(id::UNKNOWN_VALUE, span, &format!("`{name}` has no value in this rule")).help(&help);
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
