//! Samples from TOML: lines on which a rule must fire, and lines on which it must be quiet.
//!
//! Layer: core

use super::template::KnownNames;
use crate::diagnostic::id;
use crate::document::Value;
use crate::record::Format;
use crate::rule::Sample;

/// The samples of a rule, or none if there is a mistake in one.
pub fn samples(value: Value<'_>, names: &KnownNames) -> Option<Vec<Sample>> {
    let all: Vec<Option<Sample>> = value.items().into_iter().map(|item| sample(item, names)).collect();
    all.into_iter().collect()
}

fn sample(value: Value<'_>, names: &KnownNames) -> Option<Sample> {
    let doc = value.doc();
    let mut table = value.table("a sample")?;
    let (fires, quiet) = (table.take("fires"), table.take("quiet"));
    let with = table.take_entry("with");
    let words = Format::ALL.map(Format::name);
    let format = table.take("format").map_or(Some(None), |format| format.word(&words, Format::named).map(Some));
    let source = table.take("source").map_or(Some(None), |source| source.string().map(Some));
    let server = table.take("server").map_or(Some(None), |server| server.string().map(Some));
    let whole = table.is_empty();
    table.finish_with(&[("match", "fires"), ("line", "fires"), ("lines", "fires"), ("expect", "with")]);
    let (lines, fires) = match (fires, quiet) {
        (Some(lines), None) => (lines, true),
        (None, Some(lines)) => (lines, false),
        (Some(_), Some(quiet)) => {
            quiet.error(id::ONE_OF, "a sample has either `fires` or `quiet`, not both");
            return None;
        }
        (None, None) => {
            if whole {
                value.error(id::ONE_OF, "this sample has neither `fires` nor `quiet`");
            }
            return None;
        }
    };
    let with = match with {
        None => Some(Vec::new()),
        Some((key, _)) if !fires => {
            doc.error(id::ONE_OF, &key.span, "`with` says what is captured, and a quiet sample captures nothing");
            None
        }
        Some((_, value)) => captures(value, names),
    };
    let text = lines.filled_text("lines of a log in single quotes")?;
    // A closing ''' on a line of its own leaves a newline that is no line of the log.
    let lines = text.as_str().strip_suffix('\n').unwrap_or(text.as_str()).to_owned();
    let place = doc.file().place(value.span().start);
    whole.then_some(Sample { lines, format: format?, fires, with: with?, source: source?, server: server?, place })
}

fn captures(value: Value<'_>, names: &KnownNames) -> Option<Vec<(String, String)>> {
    let entries = value.table("`with`")?.take_rest();
    let mut with = Vec::new();
    let mut whole = true;
    for (key, value) in entries {
        whole &= names.check_key(value.doc(), &key);
        match value.string() {
            Some(value) => with.push((key.name.to_owned(), value)),
            None => whole = false,
        }
    }
    whole.then_some(with)
}
