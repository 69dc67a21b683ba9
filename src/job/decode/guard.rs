//! What a job may have of the machine, from TOML: variables of the agent, secrets, and another user.
//!
//! Layer: core

use super::variable;
use crate::diagnostic::id;
use crate::document::Value;
use crate::secret::{Reference, reference};

/// Names of variables.
pub fn keep_env(value: Value<'_>) -> Option<Vec<String>> {
    let name = |item: Value<'_>| {
        let text = item.text("the name of a variable in quotes")?;
        variable(item, text.as_str(), &text.span())
    };
    let names: Vec<_> = value.list("a list of names of variables")?.into_iter().map(name).collect();
    names.into_iter().collect()
}

/// Variable = where its value is found.
pub fn secrets(value: Value<'_>) -> Option<Vec<(String, Reference)>> {
    let entries = value.table("`secrets`")?.take_rest();
    let secret = |(key, value): (crate::document::Key<'_>, Value<'_>)| {
        let name = variable(value, key.name, &key.span);
        let reference = reference(value)?;
        Some((name?, reference))
    };
    let all: Vec<_> = entries.into_iter().map(secret).collect();
    all.into_iter().collect()
}

/// A user by name. It is written here and nowhere else: no text of a log can choose who a job is.
pub fn user(value: Value<'_>) -> Option<String> {
    let text = value.filled_text("the name of a user in quotes")?;
    let name = text.as_str();
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    if !name.bytes().all(good) || name.starts_with('-') {
        text.note(text.mistake(id::BAD_NAME, &format!("`{name}` cannot be the name of a user")));
        return None;
    }
    Some(name.to_owned())
}
