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
    /// What is wrong with each place that does not, and its byte offset in the line as written.
    pub fn new(template: Template) -> Result<ShellLine, Vec<(String, usize)>> {
        let mut context = Context::Plain;
        let mut before = ' ';
        let mut wrong = Vec::new();
        for piece in template.pieces() {
            match piece {
                Piece::Text(text) => (context, before) = context.after(text, before),
                Piece::Value { name, offset } => {
                    if let Some(place) = context.forbids() {
                        let why = format!("`${{{name}}}` stands {place}, where its value cannot be quoted");
                        wrong.push((why, *offset));
                    } else if before == '\\' || before == '$' {
                        let why = format!("`{before}` stands before `${{{name}}}` and would change its quotes");
                        wrong.push((why, *offset));
                    }
                    before = 'x';
                }
            }
        }
        if wrong.is_empty() { Ok(ShellLine(template)) } else { Err(wrong) }
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

/// Where in a shell line we are. What no rule as short as these tells apart is [`Context::Nested`] and has no end:
/// a value that is refused can be written otherwise, and one that is wrongly accepted is a command of others.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    Plain,
    Single,
    Double,
    Backquote,
    Comment,
    /// In `${NAME}`, and in `"${NAME}"`.
    Brace,
    BraceInDouble,
    HereDocument,
    Arithmetic,
    DollarQuote,
    Nested,
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
            Context::Brace | Context::BraceInDouble => Some("in `${`"),
            Context::HereDocument => Some("behind a here-document"),
            Context::Arithmetic => Some("in or behind `((`, `$[`, `[[` or a subscript, which evaluate text"),
            Context::DollarQuote => Some("in or behind `$'`"),
            Context::Nested => Some("behind a substitution in quotes, quotes in backquotes, or the like"),
        }
    }

    /// The context after `text`, and its last character; `last` is the character before it.
    fn after(mut self, text: &str, mut last: char) -> (Context, char) {
        // Behind a backslash: the character before that.
        let mut escaped = None;
        for c in text.chars() {
            if let Some(before) = escaped.take() {
                // To a shell, a backslash and a newline are not there at all.
                last = if c == '\n' { before } else { 'x' };
            } else if c == '\\' && matches!(self, Context::Plain | Context::Double) {
                escaped = Some(last);
            } else {
                self = self.next(last, c);
                last = c;
            }
        }
        (self, if escaped.is_some() { '\\' } else { last })
    }

    /// The context after one character that no backslash protects.
    fn next(self, last: char, c: char) -> Context {
        use Context::*;
        match (self, c) {
            // In arithmetic single quotes protect nothing, and where sh is bash, numbers are evaluated once
            // more, subscripts with commands in them included; in `$'` a backslash protects the quote.
            (Plain, '(') if last == '(' => Arithmetic,
            (Plain, '[') if matches!(last, '$' | '[' | '_') || last.is_alphanumeric() => Arithmetic,
            (Plain, '\'') if last == '$' => DollarQuote,
            (Plain, '{') if last == '$' => Brace,
            (Plain, '\'') => Single,
            (Plain, '"') => Double,
            (Plain, '`') => Backquote,
            (Plain, '#') if matches!(last, ' ' | '\t' | '\n' | ';' | '&' | '|' | '(') => Comment,
            // A comment behind an operator, and none at the end of a substitution; shells differ in blanks.
            (Plain, '#') if matches!(last, ')' | '<' | '>') || last.is_whitespace() || last.is_control() => Nested,
            (Plain, '<') if last == '<' => HereDocument,
            // Quotes in a substitution in quotes begin anew.
            (Double, '(' | '[') if last == '$' => Nested,
            (Double, '`') => Nested,
            (Double, '{') if last == '$' => BraceInDouble,
            (Brace, '}') => Plain,
            (BraceInDouble, '}') => Double,
            (Brace | BraceInDouble, c) if c != '_' && !c.is_ascii_alphanumeric() => Nested,
            (Backquote, '\'' | '"' | '\\' | '<' | '#') => Nested,
            (Single, '\'') | (Double, '"') | (Backquote, '`') | (Comment, '\n') => Plain,
            (same, _) => same,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(source: &str) -> Result<ShellLine, Vec<(String, usize)>> {
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
            // Found by fuzzing: what is not there, what nests, what is no comment to every shell.
            "echo \\\n#${v}",
            "echo # \\\n'\n${v}'",
            "echo $\\\n((${v}))",
            "cat <\\\n<E\n${v}\nE",
            "echo \"`echo \"${v}\"`\"",
            "echo \"$(echo \"${v}\")\"",
            "echo `echo '`${v}'`",
            "echo $${a:${v}}",
            "echo \"$${a-\"${v}\"}\"",
            "a[${v}]=1",
            "(echo a)#'\n'${v}",
            "echo a\r#'\n${v}",
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
            "echo $(echo ${v}) \\\n ${v}",
            "echo \"$${HOME}/$USER\" $${HOME} ${v}",
            "echo `date` ${v}",
        ] {
            assert!(line(good).is_ok(), "{good}");
        }
    }
}
