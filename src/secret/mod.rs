//! Secrets: a job names the file or the variable that holds one, and never holds it itself. Whoever has
//! read a secret masks it in everything that is kept or shown. Reading them is `action`'s work.
//!
//! Layer: core

mod mask;

pub use mask::{MASK, Mask, mask};

use crate::diagnostic::id;
use crate::document::Value;
use std::fmt;

/// Where a secret is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// The content of a file, without newlines at its end.
    File(String),
    /// A variable in the environment of the agent.
    Env(String),
}

/// The value of a secret. It is shown nowhere, not even by `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a value.
    #[must_use]
    pub fn new(value: String) -> Secret {
        Secret(value)
    }

    /// The value, for whoever must hand it over.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// Reads `{ file = "…" }` or `{ env = "…" }`; a mistake is noted. A secret that is written down in its
/// place is one.
#[must_use]
pub fn reference(value: Value<'_>) -> Option<Reference> {
    const HELP: &str = "name where it is: `{ file = \"/etc/wtor/token\" }` or `{ env = \"NAME\" }`";
    if !value.is_table() {
        let mistake = value.mistake(id::WRONG_TYPE, "a secret is not written down here");
        value.doc().note(&value.span(), mistake.help(HELP));
        return None;
    }
    let mut table = value.table("a secret")?;
    let file = table.take("file");
    let env = table.take("env");
    let whole = table.is_empty();
    table.finish_with(&[("path", "file"), ("variable", "env"), ("var", "env")]);
    let found = match (file, env) {
        (Some(file), None) => file.filled_text("a path in quotes").map(|text| Reference::File(text.as_str().into())),
        (None, Some(env)) => {
            env.filled_text("the name of a variable in quotes").map(|text| Reference::Env(text.as_str().into()))
        }
        // A misspelt key has been told.
        _ if !whole => None,
        _ => {
            let mistake = value.mistake(id::ONE_OF, "a secret is in a file or in a variable: one of `file` and `env`");
            value.doc().note(&value.span(), mistake.help(HELP));
            None
        }
    };
    found.filter(|_| whole)
}
