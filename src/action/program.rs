//! Which file a step executes, with which environment, found before it is started: so that an error
//! names the cause, and so that the program can be started without copying the agent's page tables
//! (the standard library can use `posix_spawn` only for a program that it need not look up).
//!
//! Layer: shell

use super::attempt::Attempt;
use super::user::User;
use crate::job::PlannedStep;
use crate::secret::Secret;
use rustix::fs::{Access, access};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// What every step gets of the agent's own environment, beside variables that begin with `LC_`: a
/// program needs these to find others and to speak the language of the place. Anything else may be a
/// secret of the agent, or of whoever has started it.
const KEPT: [&str; 9] = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR"];

/// The environment of a step: a little of the agent's own, then its user's, the plan's, the secrets, and
/// what names the attempt. The last one wins, so that no capture can pose as the number of the run.
///
/// # Errors
/// A name that no process can be given.
pub(super) fn environment(
    attempt: &Attempt<'_>,
    step: &PlannedStep,
    user: Option<&User>,
    secrets: &[Secret],
) -> Result<HashMap<OsString, OsString>, String> {
    let plan = &attempt.plan;
    let kept = |name: &OsStr| {
        name.to_str().is_some_and(|n| KEPT.contains(&n) || n.starts_with("LC_") || plan.keep_env.iter().any(|k| k == n))
    };
    let mut all: HashMap<OsString, OsString> = std::env::vars_os().filter(|(name, _)| kept(name)).collect();
    all.extend(user.iter().flat_map(|user| user.environment()).map(|(name, value)| (name.into(), value.into())));
    for (name, value) in &step.env {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(format!("WTR253E `{}` cannot be the name of a variable", name.escape_debug()));
        }
        all.insert(name.into(), value.into());
    }
    let secrets = plan.secrets.iter().zip(secrets);
    all.extend(secrets.map(|((name, _), secret)| (name.into(), secret.reveal().into())));
    all.insert("WTOR_RUN".into(), attempt.run.to_string().into());
    all.insert("WTOR_ATTEMPT".into(), attempt.attempt.to_string().into());
    Ok(all)
}

/// The file to execute: as it stands if it has a slash (a relative one counts from the step's working
/// directory), else looked up in the step's own `PATH`.
///
/// # Errors
/// Why there is none.
pub(super) fn find(step: &PlannedStep, env: &HashMap<OsString, OsString>) -> Result<PathBuf, String> {
    let name = step.argv.first().map(String::as_str).unwrap_or_default();
    if name.is_empty() {
        return Err("WTR250E the step names no program".into());
    }
    let cwd = Path::new(step.cwd.as_deref().unwrap_or(""));
    if name.contains('/') {
        return Ok(cwd.join(name));
    }
    let path = env.get(OsStr::new("PATH")).cloned().unwrap_or_else(|| "/usr/bin:/bin".into());
    let mut forbidden = None;
    for folder in std::env::split_paths(&path) {
        let file = cwd.join(folder).join(name);
        if !file.is_file() {
            continue;
        }
        if access(&file, Access::EXEC_OK).is_ok() {
            return Ok(file);
        }
        forbidden.get_or_insert(file);
    }
    Err(match forbidden {
        Some(file) => format!("WTR250E `{}` is not executable", file.display()),
        None => format!("WTR250E program `{name}` was not found in PATH `{}`", path.display()),
    })
}

/// The program that runs here, for a step that it carries out itself: on Linux the very one that runs, even
/// where its file has been replaced by a newer one meanwhile.
///
/// # Errors
/// The system does not say where it is.
pub(super) fn own() -> Result<PathBuf, String> {
    let running = Path::new("/proc/self/exe");
    if running.exists() {
        return Ok(running.to_owned());
    }
    std::env::current_exe().map_err(|error| format!("WTR250E wtor's own program was not found: {error}"))
}

/// Why a program that could not be started could not, as well as can be told afterwards.
pub(super) fn why_not(step: &PlannedStep, file: &Path, error: &std::io::Error) -> String {
    if let Some(cwd) = &step.cwd
        && !Path::new(cwd).is_dir()
    {
        return format!("WTR251E working directory `{cwd}` does not exist");
    }
    let file = file.display();
    match error.kind() {
        std::io::ErrorKind::NotFound => format!("WTR250E program `{file}` was not found"),
        std::io::ErrorKind::PermissionDenied => format!("WTR250E `{file}` is not executable"),
        _ if error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => {
            format!("WTR252E `{file}` is no program; a script needs a first line such as `#!/bin/sh`")
        }
        _ if is_shortage(error) => no_room(error),
        _ => format!("WTR252E `{file}` could not be started: {error}"),
    }
}

/// What is said where the system has run out of something.
pub(super) fn no_room(error: &std::io::Error) -> String {
    format!("WTR254E the system has no room for another run: {error}")
}

fn is_shortage(error: &std::io::Error) -> bool {
    use rustix::io::Errno;
    let shortages = [Errno::AGAIN, Errno::MFILE, Errno::NFILE, Errno::NOMEM];
    shortages.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}
