//! Reads configuration, rules and jobs from disk: all or nothing, and every mistake at once.
//!
//! Layer: shell

mod trust;

pub use trust::{Standing, open_to_others, open_to_somebody};

use crate::action::Site;
use crate::diagnostic::{Diagnostic, has_errors, id};
use crate::job::{Message, Program};
use crate::policy::Policy;
use crate::span::TextFile;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A file that was read: its name as the user would write it, and its text.
pub type NamedText = (String, String);

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
/// If a directory or file cannot be read; the message names it.
pub fn policy(rules: &Path, jobs: &Path, site: &Site) -> io::Result<Loaded> {
    if !rules.exists() {
        let why =
            format!("there is no directory of rules `{}`; name it with --rules, or in wtor.toml", rules.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, why));
    }
    let rule_files = texts(rules, &ends_with("toml"))?;
    let job_files = if jobs.exists() { texts(jobs, &ends_with("toml"))? } else { Vec::new() };
    let (mut policy, mut diagnostics) = Policy::load(&rule_files, &job_files);
    if let Some(loaded) = &policy {
        diagnostics.extend(unmet(loaded, &job_files, site));
        policy = policy.filter(|_| !has_errors(&diagnostics));
    }
    Ok(Loaded { policy, diagnostics, rules: rule_files, job_files: job_files.len() })
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

/// Reads the stories below a directory of rules.
///
/// # Errors
/// If a directory or file cannot be read; the message names it.
pub fn stories(rules: &Path) -> io::Result<Vec<NamedText>> {
    if rules.is_dir() { texts(rules, &ends_with("story")) } else { Ok(Vec::new()) }
}

/// Reads the site's own catalogues of message ids: every `catalogue.txt` below a directory of rules.
///
/// # Errors
/// If a directory or file cannot be read; the message names it.
pub fn catalogues(rules: &Path) -> io::Result<Vec<NamedText>> {
    let wanted = |path: &Path| path.file_name().is_some_and(|name| name == "catalogue.txt");
    if rules.is_dir() { texts(rules, &wanted) } else { Ok(Vec::new()) }
}

fn ends_with(ending: &str) -> impl Fn(&Path) -> bool {
    move |path| path.extension().is_some_and(|e| e == ending)
}

/// Every file of a directory and below it that is wanted, by name; or the one file that is named.
fn texts(path: &Path, wanted: &dyn Fn(&Path) -> bool) -> io::Result<Vec<NamedText>> {
    let mut files = Vec::new();
    collect(path, wanted, &mut files)?;
    files.sort();
    let read = |path: PathBuf| {
        let text = fs::read(&path).map_err(|e| named(&path, &e))?;
        let text = String::from_utf8(text)
            .map_err(|_| named(&path, &io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text")))?;
        Ok((path.display().to_string(), text))
    };
    files.into_iter().map(read).collect()
}

fn collect(path: &Path, wanted: &dyn Fn(&Path) -> bool, files: &mut Vec<PathBuf>) -> io::Result<()> {
    walk(path, &mut |found| {
        if !found.is_dir() && (found == path || wanted(found)) {
            files.push(found.to_owned());
        }
    })
}

/// A directory and everything below it, the directory first; or the one file that is named.
fn walk(path: &Path, visit: &mut dyn FnMut(&Path)) -> io::Result<()> {
    visit(path);
    if path.is_file() {
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(|e| named(path, &e))? {
        let path = entry.map_err(|e| named(path, &e))?.path();
        // Editors leave `.#x.toml` and `x.toml~` behind; those are nobody's rules.
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        if path.is_dir() {
            walk(&path, visit)?;
        } else {
            visit(&path);
        }
    }
    Ok(())
}

/// The error with the path that it is about.
fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
