//! Whether others than root could write what root would obey: a file of the policy, the directory that it is in, or
//! any directory above, from which it could be moved away and replaced.
//!
//! Layer: shell

use super::texts::walk;
use super::{ends_with, is_there};
use crate::diagnostic::{Diagnostic, id};
use crate::span::Spot;
use rustix::fs::getxattr;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Bits of a mode: the group may write, anybody may write, only its owner may take a thing out of the directory.
const GROUP_WRITES: u32 = 0o020;
const ANYBODY_WRITES: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// Who may do what with a file or directory.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// Number of the user to whom it belongs.
    pub owner: u32,
    /// Number of its group.
    pub group: u32,
    /// Its mode.
    pub mode: u32,
    /// It has an access list, whose mask then stands in the mode where the group's bits are.
    pub list: bool,
}

/// What others than root could change among these files and directories, and in what is below and above them. Of
/// what does not exist yet, only what is above.
///
/// # Errors
/// If a directory cannot be read; the message names it.
pub fn open_to_others<'p>(paths: impl IntoIterator<Item = &'p Path>) -> io::Result<Vec<Diagnostic>> {
    let is_toml = ends_with("toml");
    let mut obeyed = Vec::new();
    for path in paths {
        match is_there(path)? {
            // What cannot be read has been told by whoever wanted to read it.
            true => drop(walk(path, &mut |found, is_dir| {
                if found == path || is_dir || is_toml(found) {
                    obeyed.push(found.to_owned());
                }
            })),
            false => obeyed.push(path.to_owned()),
        }
    }
    let mut look = Look::default();
    for path in &obeyed {
        if is_there(path)? {
            look.judge(path, Place::Policy)?;
        }
    }
    for path in &obeyed {
        look.way(path)?;
    }
    Ok(look.found)
}

/// What somebody else than root may do to the file or directory of that name, if anybody may do anything.
#[must_use]
pub fn open_to_somebody(path: &Path, standing: &Standing) -> Option<Diagnostic> {
    let (mode, name) = (standing.mode & 0o7777, path.display());
    let (who, way_out) = if standing.owner != 0 {
        (format!("belongs to user {}, not to root", standing.owner), format!("chown root {name}"))
    } else if mode & ANYBODY_WRITES != 0 {
        ("may be written by anybody".to_owned(), format!("chmod o-w {name}"))
    } else if mode & GROUP_WRITES == 0 {
        return None;
    } else if standing.list {
        ("may be written by whom its access list names".to_owned(), format!("setfacl -b {name}"))
    } else if standing.group != 0 {
        (format!("may be written by group {}", standing.group), format!("chmod g-w {name}"))
    } else {
        return None;
    };
    let what = format!("root would obey this, and it {who} (mode {mode:04o})");
    let mistake = Diagnostic::new(id::OPEN_TO_OTHERS, Spot::whole(&name.to_string()), &what);
    Some(mistake.help(&format!("{way_out}; or run wtor as another user than root")))
}

/// What a path is to the policy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A file of it, or a directory in which a new file would be one of it.
    Policy,
    /// A directory on the way to it. Where it is sticky, what root owns in it stays there.
    Way,
}

/// What has been looked at, without links, and the links; and what was found.
#[derive(Default)]
struct Look {
    seen: BTreeSet<PathBuf>,
    found: Vec<Diagnostic>,
}

impl Look {
    /// Every directory and every link on the way to a path, and on the way to where a link leads.
    fn way(&mut self, path: &Path) -> io::Result<()> {
        let path = std::path::absolute(path).map_err(|e| named(path, &e))?;
        let steps: Vec<&Path> = path.ancestors().collect();
        for step in steps.into_iter().rev() {
            let meta = match fs::symlink_metadata(step) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                meta => meta.map_err(|e| named(step, &e))?,
            };
            if meta.is_dir() {
                self.judge(step, Place::Way)?;
            } else if meta.is_symlink() && self.seen.insert(step.to_owned()) {
                // A link has no mode of its own.
                let standing = Standing { owner: meta.uid(), group: meta.gid(), mode: 0, list: false };
                self.found.extend(open_to_somebody(step, &standing));
                let target = fs::read_link(step).map_err(|e| named(step, &e))?;
                self.way(&step.parent().unwrap_or(step).join(target))?;
            }
        }
        Ok(())
    }

    /// Notes what is wrong with what a path leads to.
    fn judge(&mut self, path: &Path, place: Place) -> io::Result<()> {
        if !self.seen.insert(path.canonicalize().map_err(|e| named(path, &e))?) {
            return Ok(());
        }
        let standing = standing(path).map_err(|e| named(path, &e))?;
        let stays = place == Place::Way && standing.owner == 0 && standing.mode & STICKY != 0;
        self.found.extend(open_to_somebody(path, &standing).filter(|_| !stays));
        Ok(())
    }
}

fn standing(path: &Path) -> io::Result<Standing> {
    let meta = fs::metadata(path)?;
    let list = getxattr(path, "system.posix_acl_access", &mut [0_u8; 0]).is_ok();
    Ok(Standing { owner: meta.uid(), group: meta.gid(), mode: meta.mode(), list })
}

/// The error with the path that it is about.
fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
