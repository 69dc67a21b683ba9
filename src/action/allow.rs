//! The programs that steps may execute, if `wtor.toml` has a list of them.
//!
//! Layer: shell

use std::path::{Component, Path, PathBuf};

/// The list; none allows every program.
#[derive(Clone, Debug, Default)]
pub struct Allowed(Option<Vec<Entry>>);

#[derive(Clone, Debug)]
struct Entry {
    path: PathBuf,
    /// It ends with a slash: everything below it is allowed.
    below: bool,
}

impl Allowed {
    /// A list of absolute paths, of programs, or with a slash at the end of directories.
    #[must_use]
    pub fn only(paths: Option<&[String]>) -> Allowed {
        let entry = |path: &String| Entry { path: real(Path::new(path)), below: path.ends_with('/') };
        Allowed(paths.map(|paths| paths.iter().map(entry).collect()))
    }

    /// True if a program may be executed. What counts is the file that its path leads to in the end: a
    /// link does not lead out of an allowed directory, and neither does `..`.
    #[must_use]
    pub fn permits(&self, program: &Path) -> bool {
        let Some(entries) = &self.0 else { return true };
        let program = real(program);
        if program.components().any(|part| part == Component::ParentDir) {
            return false;
        }
        entries.iter().any(|entry| match entry.below {
            true => program.starts_with(&entry.path) && program != entry.path,
            false => program == entry.path,
        })
    }
}

/// The path without links; one that leads nowhere as it stands.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_what_its_path_leads_to() {
        let folder = tempfile::tempdir().expect("a directory");
        let at = |name: &str| folder.path().join(name);
        for name in ["bin", "other"] {
            std::fs::create_dir(at(name)).expect("a directory");
            std::fs::write(at(name).join("tool"), "").expect("a file");
        }
        std::os::unix::fs::symlink(at("other/tool"), at("bin/out")).expect("a link");
        std::os::unix::fs::symlink(at("bin/tool"), at("in")).expect("a link");
        let allowed = Allowed::only(Some(&[format!("{}/", at("bin").display()), "/no/such/tool".into()]));
        for (path, permitted) in [
            ("bin/tool", true),
            ("bin/new", true),
            ("in", true),
            ("bin/out", false),
            ("bin/../other/tool", false),
            ("bin/none/../../other/none", false),
            ("other/tool", false),
            ("bin", false),
            ("binary", false),
        ] {
            assert_eq!(allowed.permits(&at(path)), permitted, "{path}");
        }
        assert!(allowed.permits(Path::new("/no/such/tool")) && !allowed.permits(Path::new("/no/such/tool2")));
        assert!(Allowed::default().permits(&at("anything")));
        assert!(!Allowed::only(Some(&[])).permits(&at("anything")));
    }
}
