//! Reads secrets where a job says that they are, when they are needed and not before.
//!
//! Layer: shell

use crate::limits::SECRET_BYTES_MAX;
use crate::secret::{Reference, Secret};
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;

/// Bits of a file's mode by which anybody may read, write or execute it.
const ANYBODY: u32 = 0o007;

/// The value of a secret.
///
/// # Errors
/// Why there is none, with its message id: it cannot be read, it is empty or too long, or anybody may
/// read it.
pub fn read(name: &str, reference: &Reference) -> Result<Secret, String> {
    let refused = |why: String| format!("WTR256E the secret `{name}` cannot be had: {why}");
    let value = match reference {
        Reference::File(path) => file(path).map_err(|why| refused(format!("`{path}` {why}")))?,
        Reference::Env(variable) => match std::env::var(variable) {
            Ok(value) => value,
            Err(std::env::VarError::NotPresent) => {
                return Err(refused(format!("the agent has no variable `{variable}`")));
            }
            Err(std::env::VarError::NotUnicode(_)) => {
                return Err(refused(format!("the variable `{variable}` is not UTF-8 text")));
            }
        },
    };
    let value = value.trim_end_matches(['\n', '\r']);
    if value.is_empty() || value.contains('\0') {
        return Err(refused("it is empty, or has a NUL in it".into()));
    }
    Ok(Secret::new(value.to_owned()))
}

fn file(path: &str) -> Result<String, String> {
    let file = File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
    let mode = file.metadata().map_err(|error| format!("cannot be read: {error}"))?.permissions().mode();
    if mode & ANYBODY != 0 {
        return Err(format!("is open to anybody (mode {:04o}); take that away: chmod o= {path}", mode & 0o7777));
    }
    let mut bytes = Vec::new();
    let most = SECRET_BYTES_MAX as u64 + 1;
    file.take(most).read_to_end(&mut bytes).map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() > SECRET_BYTES_MAX {
        return Err(format!("is longer than {SECRET_BYTES_MAX} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned())
}
