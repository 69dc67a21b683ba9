//! Patterns from TOML: words, globs, lists of them, and regular expressions with the place of a
//! mistake inside the string.
//!
//! Layer: core

use crate::diagnostic::id;
use crate::document::{Text, Value};
use crate::rule::{Pattern, TextPattern};

/// Shorter patterns without counted repetitions cannot compile to more than a few hundred KiB.
const SMALL: usize = 500;

/// A word, a `{ regex = '…' }`, or a list of them.
pub fn patterns(value: Value<'_>) -> Option<Vec<Pattern>> {
    let items = value.filled_items();
    let patterns: Vec<Pattern> = items.iter().filter_map(|item| pattern(*item)).collect();
    (!patterns.is_empty() && patterns.len() == items.len()).then_some(patterns)
}

fn pattern(value: Value<'_>) -> Option<Pattern> {
    if !value.is_table() {
        let text = value.filled_text("a word in quotes, or a list of words")?;
        return Some(Pattern::word(text.as_str()));
    }
    let mut table = value.table("a pattern")?;
    let regex = table.require("regex").and_then(|regex| text_pattern(regex));
    table.finish_with(&[("text", "regex"), ("pattern", "regex")]);
    regex.map(Pattern::Regex)
}

/// A regular expression.
#[must_use]
pub fn text_pattern(value: Value<'_>) -> Option<TextPattern> {
    let text = value.filled_text("a pattern in single quotes, '…'")?;
    match TextPattern::new(text.as_str()) {
        Ok(pattern) => checked(&text, pattern),
        Err((why, at)) => {
            let width = text.as_str()[at.min(text.as_str().len())..].chars().next().map_or(0, char::len_utf8);
            let span = text.part(at, width);
            let mistake = text.doc().mistake(id::PATTERN, &span, &format!("this pattern does not parse: {why}"));
            let mistake = match text.is_literal() {
                true => mistake,
                false => mistake.help("write it in single quotes, '…', where a backslash is a backslash"),
            };
            text.doc().note(&span, mistake);
            None
        }
    }
}

fn checked(text: &Text<'_>, pattern: TextPattern) -> Option<TextPattern> {
    let bad = |name: &str| !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if let Some(name) = pattern.names().iter().find(|name| bad(name)) {
        let at = text.as_str().find(&**name).unwrap_or(0);
        let span = text.part(at, name.len());
        let mistake = text.doc().mistake(id::CAPTURE_NAME, &span, &format!("the capture `{name}` has a bad name"));
        text.doc().note(&span, mistake.help("a capture's name is made of letters, digits and `_`"));
        return None;
    }
    let may_be_large = text.as_str().contains('{') || text.as_str().len() > SMALL;
    if may_be_large && pattern.compile().is_err() {
        let mistake = text.mistake(id::PATTERN_SIZE, "this pattern is too large when it is compiled");
        text.note(mistake.help("repeat less: `{1,1000}` of a long part is a thousand copies of it"));
        return None;
    }
    Some(pattern)
}
