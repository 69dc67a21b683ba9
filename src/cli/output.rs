//! What is printed: text that steers no terminal, and JSON that does not either. Logs, file names and
//! what jobs have printed are other people's words.
//!
//! Layer: shell

use super::{Done, Exit, Failure};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{self, Write as _};

/// Lines of text in which nothing but newlines and tabs steers anything.
pub(super) fn harmless(text: &str) -> String {
    let harmless = |c: char| if c == '\n' { c } else { shown(c) };
    text.chars().map(harmless).collect()
}

fn shown(c: char) -> char {
    if (c.is_control() && c != '\t') || turns_text_round(c) { '\u{fffd}' } else { c }
}

/// Unicode's controls of direction, by which a line shows other words than it has.
fn turns_text_round(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// One object as one line. JSON escapes control characters only up to U+001F; terminals know more.
pub(super) fn json_line(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value).unwrap_or_default();
    let steers = |c: char| c.is_control() || turns_text_round(c) || matches!(c, '\u{2028}' | '\u{2029}');
    if !text.contains(steers) {
        return text;
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if steers(c) {
            // All of them lie in the basic plane, and outside strings JSON has none of them.
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
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
