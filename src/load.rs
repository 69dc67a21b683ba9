//! Reads configuration, rules and jobs from disk: all or nothing, and every mistake at once.
//!
//! Layer: shell

mod texts;
mod trust;

pub use texts::{NamedText, Texts};
pub use trust::{Standing, open_to_others, open_to_somebody};

use crate::action::Site;
use crate::diagnostic::{Diagnostic, has_errors, id};
use crate::job::{Message, Program};
use crate::policy::Policy;
use crate::span::TextFile;
use std::io;
use std::path::Path;

/// What reading a policy gave.
#[derive(Debug)]
pub struct Loaded {
    /// The policy, if nothing was wrong with it.
    pub policy: Option<Policy>,
    /// Every mistake and warning.
    pub diagnostics: Vec<Diagnostic>,
    /// The files of rules.
    pub rules: Vec<NamedText>,
    /// How many job files were read.
    pub job_files: usize,
}

/// Reads the rules and jobs of two directories. A directory of jobs need not exist; one of rules
/// must. A job that needs what the site does not give is a mistake.
///
/// # Errors
/// If there is no directory of rules, or that cannot be found out.
pub fn policy(rules: &Path, jobs: &Path, site: &Site) -> io::Result<Loaded> {
    if !is_there(rules)? {
        let why =
            format!("there is no directory of rules `{}`; name it with --rules, or in wtor.toml", rules.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, why));
    }
    let rules = Texts::below(rules, &ends_with("toml"));
    let jobs = Texts::below(jobs, &ends_with("toml"));
    let (policy, found) = Policy::load(&rules.files, &jobs.files);
    let mut diagnostics = [rules.unread, jobs.unread, found].concat();
    diagnostics.extend(policy.iter().flat_map(|policy| unmet(policy, &jobs.files, site)));
    let policy = policy.filter(|_| !has_errors(&diagnostics));
    Ok(Loaded { policy, diagnostics, rules: rules.files, job_files: jobs.files.len() })
}

/// Whether there is such a file or directory.
///
/// # Errors
/// If that cannot be found out: then nothing may be taken for missing.
fn is_there(path: &Path) -> io::Result<bool> {
    path.try_exists().map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

/// The steps that need what the site does not give: a program that is known before it runs, and not allowed
/// (one without a directory is looked up, and a value put in, only when the step starts), or a mail server.
#[must_use]
pub fn unmet(policy: &Policy, job_files: &[NamedText], site: &Site) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for step in policy.jobs.values().flat_map(|job| &job.steps) {
        let Some((name, text)) = job_files.iter().find(|(name, _)| **name == *step.place.file) else { continue };
        let mut note = |id, what: &str, help| {
            let spot = TextFile::new(name, text).spot_at(&step.place);
            found.push(Diagnostic::new(id, spot, what).help(help));
        };
        if let Some(program) = step.program.path().filter(|path| !site.allowed.permits(Path::new(path))) {
            let what = format!("`{program}` is not among the programs that wtor.toml allows");
            note(id::NOT_ALLOWED, &what, "a line for the shell is a program of `/bin/sh`; see `[allow]` in wtor.toml");
        }
        if matches!(step.program, Program::Send(Message::Mail(_))) && site.mail.is_none() {
            let help = "say where mail is handed in: `[mail]` in wtor.toml, with `server` and `from`";
            note(id::NO_MAIL, "this step sends mail, and there is no `[mail]` in wtor.toml", help);
        }
    }
    found
}

/// The stories below a directory of rules.
#[must_use]
pub fn stories(rules: &Path) -> Texts {
    Texts::below(rules, &ends_with("story"))
}

/// The site's own catalogues of message ids: every `catalogue.txt` below a directory of rules.
#[must_use]
pub fn catalogues(rules: &Path) -> Texts {
    Texts::below(rules, &|path| path.file_name().is_some_and(|name| name == "catalogue.txt"))
}

fn ends_with(ending: &str) -> impl Fn(&Path) -> bool {
    move |path| path.extension().is_some_and(|e| e == ending)
}
