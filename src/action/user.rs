//! The user as whom a job's steps run. The agent changes to it only where it runs as root; a step of
//! another user is not started where the agent may not.
//!
//! Layer: shell

use rustix::process::{Gid, geteuid};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities, set_thread_groups, set_thread_res_gid};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;

/// A local user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    name: String,
    uid: u32,
    gid: u32,
    /// Its own group and all others that it is a member of.
    groups: Vec<u32>,
    home: String,
    shell: String,
}

const USERS: &str = "/etc/passwd";
const GROUPS: &str = "/etc/group";

impl User {
    /// The user of that name.
    ///
    /// # Errors
    /// There is none, or the agent may not become it.
    pub(super) fn named(name: &str) -> Result<User, String> {
        let read = |path| std::fs::read_to_string(path).map_err(|error| format!("WTR257E {path}: {error}"));
        let user = find(&read(USERS)?, &read(GROUPS)?, name);
        let user = user.ok_or_else(|| format!("WTR257E there is no user `{name}` in {USERS}"))?;
        let own = geteuid();
        if own.as_raw() != user.uid && !own.is_root() {
            return Err(format!("WTR257E the agent is not root and cannot run steps as `{name}`"));
        }
        Ok(user)
    }

    /// What a program takes for its user's, instead of the agent's own.
    pub(super) fn environment(&self) -> [(&'static str, &str); 4] {
        [("USER", &self.name), ("LOGNAME", &self.name), ("HOME", &self.home), ("SHELL", &self.shell)]
    }

    /// Has a command run as this user; its groups come from where it is [started](User::start).
    pub(super) fn take_over(&self, command: &mut Command) {
        if geteuid().as_raw() != self.uid {
            command.uid(self.uid);
        }
    }

    /// Has `start` start a process that has the groups of this user and none of the agent's. Linux keeps the groups of
    /// each thread by itself, and a process begins with those of the thread that starts it; so a thread takes
    /// them, starts the process, and is gone.
    ///
    /// # Errors
    /// Why the groups cannot be had, or what `start` says.
    pub(super) fn start<T: Send>(&self, start: impl FnOnce() -> Result<T, String> + Send) -> Result<T, String> {
        if !geteuid().is_root() {
            return start();
        }
        let refused =
            |error: io::Error| format!("WTR257E the agent cannot take the groups of `{}`: {error}", self.name);
        thread::scope(|scope| {
            let started = || self.take_groups().map_err(refused).and_then(|()| start());
            let thread = thread::Builder::new().name("start".into()).spawn_scoped(scope, started).map_err(refused)?;
            thread.join().unwrap_or_else(|_| Err("WTR252E starting it has failed within wtor".into()))
        })
    }

    fn take_groups(&self) -> io::Result<()> {
        let groups: Vec<Gid> = self.groups.iter().copied().map(Gid::from_raw).collect();
        set_thread_groups(&groups)?;
        let own = Gid::from_raw(self.gid);
        set_thread_res_gid(own, own, own)?;
        // Where it may, the standard library gives up all groups with the user.
        let mut may = capabilities(None)?;
        may.effective.remove(CapabilitySet::SETGID);
        Ok(set_capabilities(None, may)?)
    }
}

/// The user of that name, by the texts of `/etc/passwd` and `/etc/group`.
fn find(users: &str, groups: &str, name: &str) -> Option<User> {
    let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields[0] == name)?;
    let [_, _, uid, gid, _, home, shell] = fields[..] else { return None };
    let shell = if shell.is_empty() { "/bin/sh" } else { shell };
    let (uid, gid) = (uid.parse().ok()?, gid.parse::<u32>().ok()?);
    let group = |line: &str| {
        let [_, _, number, members] = line.split(':').collect::<Vec<_>>()[..] else { return None };
        members.split(',').any(|member| member == name).then_some(number.parse::<u32>().ok()?)
    };
    let mut all = vec![gid];
    all.extend(groups.lines().filter_map(group).filter(|group| *group != gid));
    Some(User { name: name.into(), uid, gid, groups: all, home: home.into(), shell: shell.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let users = "root:x:0:0:root:/root:/bin/bash\nwlp:x:1001:1002::/home/wlp:\nbroken:x:one\n";
        let groups = "wlp:x:1002:wlp\nlogs:x:7:root,wlp\nwlps:x:8:wlps,root\nbroken:x:9\nnone:x:10:\nweb:x:11:wlp,x\n";
        let wlp = find(users, groups, "wlp").expect("there");
        assert_eq!((wlp.uid, wlp.gid, &*wlp.home, &*wlp.shell), (1001, 1002, "/home/wlp", "/bin/sh"));
        assert_eq!(wlp.groups, [1002, 7, 11]);
        assert_eq!(find(users, groups, "wl"), None);
        assert_eq!(find(users, groups, "broken"), None);
        assert_eq!(find(users, groups, "root").map(|root| root.groups), Some(vec![0, 7, 8]));
    }

    #[test]
    fn a_process_has_the_groups_of_its_user_and_none_of_the_agents() {
        if !geteuid().is_root() {
            return;
        }
        // An agent with groups of its own: they are this thread's.
        set_thread_groups(&[3, 4, 5].map(Gid::from_raw)).expect("root may");
        let user = User {
            name: "somebody".into(),
            uid: 65_534,
            gid: 1002,
            groups: vec![1002, 7, 11],
            home: "/".into(),
            shell: "/bin/sh".into(),
        };
        let id = |flag: &str| {
            let mut command = Command::new("id");
            user.take_over(command.arg(flag));
            let output = user.start(|| command.output().map_err(|e| e.to_string())).expect("started");
            String::from_utf8(output.stdout).expect("numbers").trim().to_owned()
        };
        assert_eq!((id("-u").as_str(), id("-g").as_str()), ("65534", "1002"));
        let mut groups: Vec<u32> = id("-G").split(' ').map(|group| group.parse().expect("a number")).collect();
        groups.sort_unstable();
        assert_eq!(groups, [7, 11, 1002]);
        assert_eq!(rustix::process::getgroups().expect("groups").len(), 3, "the agent's own stay");
        let root = find("root:x:0:0::/root:/bin/sh", "", "root").expect("root");
        let groups = root.start(|| Ok(Command::new("id").arg("-G").output().expect("started").stdout));
        assert_eq!(groups, Ok(b"0\n".to_vec()));
    }
}
