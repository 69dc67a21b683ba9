//! A shell line with places for values, in which no value can become shell syntax: a place must
//! stand outside quotes, and its value is put in as one quoted word.
//!
//! Layer: core

use crate::rule::{Captures, Piece, Template};

/// A shell line, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShellLine(Template);

impl ShellLine {
    /// Checks that every place stands where one quoted word is safe: outside quotes, backquotes,
    /// comments and here-documents.
    ///
    /// # Errors
    /// What is wrong, and the byte offset in the line as written.
    pub fn new(template: Template) -> Result<ShellLine, (String, usize)> {
        let mut context = Context::Plain;
        let mut before = ' ';
        for piece in template.pieces() {
            match piece {
                Piece::Text(text) => (context, before) = context.after(text, before),
                Piece::Value { name, offset } => {
                    if let Some(place) = context.forbids() {
                        let why = format!("`${{{name}}}` stands {place}, where its value cannot be quoted");
                        return Err((why, *offset));
                    }
                    if before == '\\' || before == '$' {
                        return Err((
                            format!("`{before}` stands before `${{{name}}}` and would change its quotes"),
                            *offset,
                        ));
                    }
                    before = 'x';
                }
            }
        }
        Ok(ShellLine(template))
    }

    /// The template as written.
    #[must_use]
    pub fn template(&self) -> &Template {
        &self.0
    }

    /// The line with every value as one quoted word.
    #[must_use]
    pub fn fill(&self, values: &Captures) -> String {
        self.0.fill_with(|name| quote(values.get(name).unwrap_or_default()))
    }
}

/// One word for a POSIX shell, whatever the text is: in single quotes, which protect everything but
/// themselves.
#[must_use]
pub fn quote(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'/' | b':' | b',' | b'@' | b'+' | b'-');
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\0', "\u{fffd}").replace('\'', r"'\''"))
}

/// Where in a shell line we are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    Plain,
    Single,
    Double,
    Backquote,
    Comment,
    HereDocument,
    Arithmetic,
    DollarQuote,
}

impl Context {
    /// Why a value cannot stand here.
    fn forbids(self) -> Option<&'static str> {
        match self {
            Context::Plain => None,
            Context::Single => Some("in single quotes"),
            Context::Double => Some("in double quotes"),
            Context::Backquote => Some("in backquotes"),
            Context::Comment => Some("in a comment"),
            Context::HereDocument => Some("behind a here-document"),
            Context::Arithmetic => Some("in or behind `((`, `$[` or `[[`, which evaluate text"),
            Context::DollarQuote => Some("in or behind `$'`"),
        }
    }

    /// The context after `text`, and its last character; `last` is the character before it.
    fn after(mut self, text: &str, mut last: char) -> (Context, char) {
        for c in text.chars() {
            let escaped = last == '\\' && self != Context::Single;
            if escaped {
                last = 'x';
                continue;
            }
            self = match (self, c) {
                // What follows these is told apart by no rule as short as this one, so nothing may follow:
                // in arithmetic single quotes protect nothing (and where sh is bash, numbers are evaluated
                // once more, subscripts with commands in them included), and in `$'` a backslash does.
                (Context::Plain, '(') if last == '(' => Context::Arithmetic,
                (Context::Plain, '[') if matches!(last, '$' | '[') => Context::Arithmetic,
                (Context::Plain, '\'') if last == '$' => Context::DollarQuote,
                (Context::Plain, '\'') => Context::Single,
                (Context::Plain, '"') => Context::Double,
                (Context::Plain, '`') => Context::Backquote,
                (Context::Plain, '#') if last.is_whitespace() || matches!(last, ';' | '&' | '|' | '(') => {
                    Context::Comment
                }
                (Context::Plain, '<') if last == '<' => Context::HereDocument,
                (Context::Single, '\'')
                | (Context::Double, '"')
                | (Context::Backquote, '`')
                | (Context::Comment, '\n') => Context::Plain,
                (same, _) => same,
            };
            last = c;
        }
        (self, last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(source: &str) -> Result<ShellLine, (String, usize)> {
        ShellLine::new(Template::parse(source).expect("a template"))
    }

    #[test]
    fn a_value_is_one_word_whatever_it_is() {
        let mut values = Captures::default();
        for hostile in ["; rm -rf /", "$(id)", "`id`", "a'b", "a\nb", "", "-x", "*", "~", "a\\"] {
            values.set("v", hostile.as_bytes());
            let shell = line("printf %s ${v}").expect("plain").fill(&values);
            let out = duct::cmd!("/bin/sh", "-c", &shell).read().expect("runs");
            assert_eq!(out, hostile.trim_end_matches('\n'), "{shell}");
        }
    }

    #[test]
    fn a_value_must_stand_outside_quotes() {
        for bad in [
            "echo \"${v}\"",
            "echo '${v}'",
            "echo `echo ${v}`",
            "echo # ${v}",
            "cat <<E\n${v}\nE",
            "echo \\${v}",
            "echo \"a\\\" ${v}\"",
            "echo $((${v} + 1))",
            "echo $(( 1 )) ${v}",
            "((x = ${v}))",
            "echo $[${v}]",
            "[[ ${v} -eq 1 ]]",
            r"echo $'it\'s' ${v} 'x'",
        ] {
            assert!(line(bad).is_err(), "{bad}");
        }
        for good in [
            "echo ${v}",
            "echo 'a'${v}\"b\"",
            "echo \\\\; x ${v}",
            "echo a#b ${v}",
            "echo '#' ${v}",
            "( (echo ${v}))",
            "[ ${v} = 1 ]",
        ] {
            assert!(line(good).is_ok(), "{good}");
        }
    }
}
