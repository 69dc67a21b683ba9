//! What is printed: text that steers no terminal, and JSON that does not either. Logs, file names and
//! what jobs have printed are other people's words.
//!
//! Layer: shell

use super::{Done, Exit, Failure};
use crate::span::steers;
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{self, Write as _};

/// Lines of text in which nothing but newlines and tabs steers anything.
pub(super) fn harmless(text: &str) -> String {
    let shown = |c: char| if steers(c) && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

/// One object as one line. JSON escapes control characters only up to U+001F; terminals know more.
pub(super) fn json_line(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value).unwrap_or_default();
    if !text.contains(steers) {
        return text;
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if steers(c) {
            // Outside strings JSON has none of them.
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// Prints a text.
pub(super) fn print(text: &str) -> Done {
    written(io::stdout().write_all(harmless(text).as_bytes()))
}

/// Prints one object.
pub(super) fn print_json(value: &impl Serialize) -> Done {
    written(writeln!(io::stdout(), "{}", json_line(value)))
}

/// Tells people what is wrong. Where even that cannot be written, nobody is left to be told.
pub(super) fn complain(text: &str) {
    let _ = io::stderr().write_all(harmless(text).as_bytes());
}

/// Writing to a closed pipe (`wtor records … | head`) is the reader's way to say "enough".
pub(super) fn written(result: io::Result<()>) -> Done {
    match result {
        Ok(()) => Ok(Exit::Good),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Good),
        Err(error) => Err(Failure::about("standard output", error)),
    }
}
