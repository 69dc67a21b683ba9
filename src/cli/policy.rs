//! Finding the configuration, the rules and the jobs, and saying what is wrong with them.
//!
//! Layer: shell

use super::Failure;
use super::args::PolicyArgs;
use crate::action::{Allowed, Site};
use crate::config::{Config, Input, Source};
use crate::diagnostic::{Diagnostic, has_errors, render_full, summary};
use crate::load::{self, Loaded, Texts};
use crate::policy::Policy;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The configuration, and what was found wrong in it.
pub(super) struct Found {
    pub(super) config: Config,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Where the paths in it start from: the directory of wtor.toml.
    pub(super) base: PathBuf,
    /// The wtor.toml that was read, if there is one.
    pub(super) file: Option<PathBuf>,
}

impl Found {
    /// The defaults.
    fn nothing() -> Found {
        Found { config: Config::default(), diagnostics: Vec::new(), base: PathBuf::new(), file: None }
    }

    /// The source whose files this is one of.
    pub(super) fn source_of(&self, file: &str) -> Option<&Source> {
        let file = std::path::absolute(file).ok()?;
        let covers = |pattern: &String| {
            let path = std::path::absolute(self.base.join(pattern)).unwrap_or_default();
            path == file || glob::Pattern::new(&path.to_string_lossy()).is_ok_and(|glob| glob.matches_path(&file))
        };
        self.config.sources.iter().find(|source| match &source.input {
            Input::Files(patterns) => patterns.iter().any(covers),
            _ => false,
        })
    }

    /// What jobs may have of this machine.
    pub(super) fn site(&self) -> Site {
        Site { allowed: Allowed::only(self.config.programs.as_deref()), mail: self.config.mail.clone() }
    }
}

/// Reads wtor.toml: the one that is named, else the one in this directory, else the defaults.
pub(super) fn config(named: Option<&Path>) -> Result<Found, Failure> {
    let path = named.unwrap_or(Path::new("wtor.toml"));
    // A link that leads nowhere is there, and a mistake.
    match path.symlink_metadata() {
        Err(error) if named.is_none() && error.kind() == ErrorKind::NotFound => return Ok(Found::nothing()),
        Err(error) => return Err(Failure::about(path.display(), error)),
        Ok(_) => {}
    }
    let mut texts = Texts::default();
    texts.read(path, &path.display().to_string());
    let mut found = Found { file: Some(path.to_owned()), diagnostics: texts.unread, ..Found::nothing() };
    found.base = path.parent().map(Path::to_owned).unwrap_or_default();
    for (name, text) in texts.files {
        let (config, mistakes) = Config::load(&name, &text);
        found.config = config.unwrap_or_default();
        found.diagnostics.extend(mistakes);
    }
    Ok(found)
}

/// The configuration for a command that needs nothing else of it.
pub(super) fn good_config(named: Option<&Path>) -> Result<Found, Failure> {
    let found = config(named)?;
    if has_errors(&found.diagnostics) {
        return Err(Failure(format!("the configuration has mistakes\n{}", render_full(&found.diagnostics))));
    }
    Ok(found)
}

/// Reads the policy that the flags or the configuration name, with everything that was found.
pub(super) fn load(args: &PolicyArgs) -> Result<(Found, Loaded), Failure> {
    // With both directories named nothing else is needed: other programs call it so.
    let found = match (&args.rules, &args.jobs, &args.config) {
        (Some(_), Some(_), None) => Found::nothing(),
        _ => config(args.config.as_deref())?,
    };
    let (rules, jobs) = directories(args, &found);
    let mut loaded = load::policy(&rules, &jobs, &found.site()).map_err(|e| Failure(e.to_string()))?;
    loaded.diagnostics.splice(0..0, found.diagnostics.iter().cloned());
    if has_errors(&loaded.diagnostics) {
        loaded.policy = None;
    }
    Ok((found, loaded))
}

/// The same for an agent that will obey it: if that is root, nobody else may be able to write any of it.
pub(super) fn load_to_obey(args: &PolicyArgs) -> Result<(Found, Loaded), Failure> {
    let (found, mut loaded) = load(args)?;
    if rustix::process::geteuid().is_root() {
        let (rules, jobs) = directories(args, &found);
        let paths = found.file.iter().chain([&rules, &jobs]).map(PathBuf::as_path);
        let open = load::open_to_others(paths).map_err(|e| Failure(e.to_string()))?;
        loaded.policy = loaded.policy.filter(|_| open.is_empty());
        loaded.diagnostics.extend(open);
    }
    Ok((found, loaded))
}

/// The directories of rules and of jobs.
pub(super) fn directories(args: &PolicyArgs, found: &Found) -> (PathBuf, PathBuf) {
    let rules = args.rules.clone().unwrap_or_else(|| found.base.join(&found.config.rules));
    let jobs = args.jobs.clone().unwrap_or_else(|| found.base.join(&found.config.jobs));
    (rules, jobs)
}

/// The policy of what was read, or none after its mistakes have been printed. Warnings are printed by `check`
/// only.
pub(super) fn or_report(loaded: &mut Loaded) -> Option<Policy> {
    if loaded.policy.is_none() {
        super::complain(&report(loaded, "nothing is in force"));
    }
    loaded.policy.take()
}

/// Everything that was found, and what is in force.
pub(super) fn report(loaded: &Loaded, in_force: &str) -> String {
    let mut text = render_full(&loaded.diagnostics);
    if !text.is_empty() {
        text.push('\n');
    }
    text + &summary(&files(loaded), &loaded.diagnostics, in_force)
}

/// `2 rule files and 1 job file`.
pub(super) fn files(loaded: &Loaded) -> String {
    let count = |n: usize, what: &str| format!("{n} {what} file{}", if n == 1 { "" } else { "s" });
    format!("{} and {}", count(loaded.rules.len(), "rule"), count(loaded.job_files, "job"))
}
