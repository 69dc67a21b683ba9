//! `wtor send`: the process of a step that sends. Standard input says what, the answer of the server goes to
//! standard output as it is, and the exit status is the condition code.
//!
//! Layer: shell

use super::output::{complain, written};
use super::{Done, Exit, Failure};
use std::io::{self, Read, Write as _};

pub(super) fn send() -> Done {
    let mut request = String::new();
    io::stdin().read_to_string(&mut request).map_err(|e| Failure::about("standard input", e))?;
    let sent = crate::send::send(&request);
    // Bytes of others, which are kept as the output of a step and shown as such.
    written(io::stdout().write_all(&sent.answer))?;
    if let Some(why) = sent.why {
        complain(&format!("{why}\n"));
    }
    Ok(Exit::Sent(sent.code))
}
