//! The user as whom a job's steps run. The agent changes to it only where it runs as root; a step of
//! another user is not started where the agent may not.
//!
//! Layer: shell

use std::os::unix::process::CommandExt;
use std::process::Command;

/// A local user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    name: String,
    uid: u32,
    gid: u32,
    home: String,
    shell: String,
}

const USERS: &str = "/etc/passwd";

impl User {
    /// The user of that name.
    ///
    /// # Errors
    /// There is none, or the agent may not become it.
    pub(super) fn named(name: &str) -> Result<User, String> {
        let text = std::fs::read_to_string(USERS).map_err(|error| format!("WTR257E {USERS}: {error}"))?;
        let user = find(&text, name).ok_or_else(|| format!("WTR257E there is no user `{name}` in {USERS}"))?;
        let own = rustix::process::geteuid().as_raw();
        if own != user.uid && own != 0 {
            return Err(format!("WTR257E the agent is not root and cannot run steps as `{name}`"));
        }
        Ok(user)
    }

    /// What a program takes for its user's, instead of the agent's own.
    pub(super) fn environment(&self) -> [(&'static str, &str); 4] {
        [("USER", &self.name), ("LOGNAME", &self.name), ("HOME", &self.home), ("SHELL", &self.shell)]
    }

    /// Has a command run as this user, with its own group and, where the agent is root, no other: the
    /// standard library gives up the supplementary groups of root with the user.
    pub(super) fn take_over(&self, command: &mut Command) {
        if rustix::process::geteuid().as_raw() != self.uid {
            command.uid(self.uid).gid(self.gid);
        }
    }
}

fn find(users: &str, name: &str) -> Option<User> {
    users.lines().find_map(|line| {
        let [found, _, uid, gid, _, home, shell] = line.split(':').collect::<Vec<_>>()[..] else { return None };
        let shell = if shell.is_empty() { "/bin/sh" } else { shell };
        let user = |uid, gid| User { name: name.into(), uid, gid, home: home.into(), shell: shell.into() };
        (found == name).then_some(user(uid.parse().ok()?, gid.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let users = "root:x:0:0:root:/root:/bin/bash\nwlp:x:1001:1002::/home/wlp:\nbroken:x:one\n";
        let wlp = find(users, "wlp").expect("there");
        assert_eq!((wlp.uid, wlp.gid, &*wlp.home, &*wlp.shell), (1001, 1002, "/home/wlp", "/bin/sh"));
        assert_eq!(find(users, "wl"), None);
        assert_eq!(find(users, "broken"), None);
    }
}
