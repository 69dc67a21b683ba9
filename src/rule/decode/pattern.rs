//! Patterns from TOML: words, globs, lists of them, and regular expressions with the place of a
//! mistake inside the string.
//!
//! Layer: core

use crate::diagnostic::id;
use crate::document::{Text, Value};
use crate::rule::{Pattern, TextPattern};

/// A pattern of fewer characters, each counted as often as it is repeated, compiles to well below
/// the limit of 10 MB: a state takes some tens of bytes.
const SMALL: usize = 20_000;

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
    if may_be_large(text.as_str()) && pattern.compile().is_err() {
        let mistake = text.mistake(id::PATTERN_SIZE, "this pattern is too large when it is compiled");
        text.note(mistake.help("repeat less: `{1,1000}` of a long part is a thousand copies of it"));
        return None;
    }
    Some(pattern)
}

/// Compiling costs a hundred times what reading costs, and is put off until a record needs the
/// pattern. Only one that might be too large is compiled to see.
fn may_be_large(pattern: &str) -> bool {
    let count = |braces: &str| {
        let numbers = braces.split(|c: char| !c.is_ascii_digit());
        numbers.filter_map(|n| n.parse::<usize>().ok()).max().unwrap_or(1).max(1)
    };
    let repeated = pattern
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .fold(pattern.len(), |size, (braces, _)| size.saturating_mul(count(braces)));
    // With Unicode classes a single `\w` is hundreds of states.
    let unicode = pattern.contains("(?") && pattern.contains('u');
    repeated > if unicode { SMALL / 1000 } else { SMALL }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_be_large_is_compiled() {
        assert!(!may_be_large(r"job (?<name>\S{1,8}) step [A-Z]{3}"));
        assert!(may_be_large("((a{1,1000}){1,1000})") && may_be_large(r"(?u)\w{1,1000}"));
        let refused = |pattern: &str| TextPattern::new(pattern).is_ok_and(|p| p.compile().is_err());
        assert!(refused(r"(?u)\w{1000}") && may_be_large(r"(?u)\w{1000}"));
        assert!(!refused(&"[^a]{100}".repeat(2)) && !refused(&"x.".repeat(SMALL / 2)));
    }
}
