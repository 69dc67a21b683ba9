//! Syntax errors in words that say what to change. The parser reports all of them; of those on one
//! line, the first is the mistake and the others are its echo.
//!
//! Layer: core

use crate::diagnostic::{Diagnostic, id};
use crate::span::{Span, TextFile};
use toml::de::{DeTable, DeValue};

/// Where each error stands, and its diagnostic.
pub fn describe(file: &TextFile<'_>, root: &DeTable<'_>, errors: &[toml::de::Error]) -> (Vec<usize>, Vec<Diagnostic>) {
    let mut errors: Vec<_> = errors.iter().map(|e| (e.span().unwrap_or(0..0), e.message())).collect();
    errors.sort_by_key(|(span, _)| (span.start, span.end));
    errors.dedup_by_key(|(span, _)| file.line_of(span.start));
    let mut broken = Vec::new();
    let mut found = Vec::new();
    for (span, message) in &errors {
        if *message == "duplicate key" {
            found.push(key_twice(file, root, span));
        } else {
            broken.push(span.start);
            found.push(explain(file, span, message));
        }
    }
    (broken, found)
}

fn explain(file: &TextFile<'_>, span: &Span, message: &str) -> Diagnostic {
    let at = |span: Span| file.spot(&span);
    let rest = &file.text()[span.start.min(file.text().len())..];
    if message.starts_with("missing escaped value") {
        // The parser points behind the backslash.
        let escape: String = rest.chars().take(1).collect();
        let text = format!("`\\{escape}` is no escape that a string in double quotes knows");
        let start = span.start.saturating_sub(1);
        return Diagnostic::new(id::SYNTAX, at(start..span.start + escape.len()), &text)
            .help("write patterns in single quotes, '…': there a backslash is a backslash");
    }
    let new = |text: &str| Diagnostic::new(id::SYNTAX, at(span.clone()), text);
    match message {
        "string values must be quoted, expected literal string" if span.is_empty() => {
            new("here a value is missing").help("write a value behind the `=`")
        }
        "string values must be quoted, expected literal string" => new("a text must stand in quotes")
            .help(&format!("write '{}'", file.text().get(span.clone()).unwrap_or_default().trim())),
        "invalid basic string, expected `\"`" => new("this string has no closing `\"`"),
        "invalid literal string, expected `'`" => new("this string has no closing `'`"),
        "missing comma between key-value pairs, expected `,`" => new("a comma is missing before this key"),
        "missing comma between array elements, expected `,`" => new("a comma is missing before this item"),
        other => new(&format!("this is not TOML: {}", lower(other))),
    }
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|c| c.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// A key that is written twice, shown with the first one.
fn key_twice(file: &TextFile<'_>, root: &DeTable<'_>, span: &Span) -> Diagnostic {
    let name = file.text().get(span.clone()).unwrap_or_default();
    let diagnostic = Diagnostic::new(id::KEY_TWICE, file.spot(span), &format!("the key `{name}` is written twice"));
    let mut keys = Vec::new();
    collect(root, 0..file.text().len(), &mut keys);
    // The innermost table around the second key, and in it the nearest key of that name before.
    let name = name.trim_matches(['\'', '"']);
    let first = keys
        .into_iter()
        .filter(|k| k.name == name && k.span.start < span.start && k.table.contains(&span.start))
        .min_by_key(|k| (k.table.len(), std::cmp::Reverse(k.span.start)));
    match first {
        Some(first) => diagnostic.also(file.spot(&first.span).labelled("first written here")),
        None => diagnostic,
    }
}

struct Written<'a> {
    name: &'a str,
    span: Span,
    /// Extent of the inline table in which it stands, or of the file.
    table: Span,
}

fn collect<'a>(table: &'a DeTable<'_>, extent: Span, into: &mut Vec<Written<'a>>) {
    for (key, value) in table {
        into.push(Written { name: key.get_ref(), span: key.span(), table: extent.clone() });
        collect_value(value.get_ref(), value.span(), &extent, into);
    }
}

fn collect_value<'a>(value: &'a DeValue<'_>, span: Span, outer: &Span, into: &mut Vec<Written<'a>>) {
    match value {
        // A table with braces spans them; a table with a header spans only the header, and what
        // stands in it stands behind.
        DeValue::Table(table) => {
            let inside = table.iter().next().is_some_and(|(key, _)| span.contains(&key.span().start));
            collect(table, if inside { span } else { outer.clone() }, into);
        }
        DeValue::Array(items) => {
            for item in items.iter() {
                collect_value(item.get_ref(), item.span(), outer, into);
            }
        }
        _ => {}
    }
}
