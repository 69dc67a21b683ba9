//! Nothing outlives us: a process group that is ended when we are gone, however that came about.
//! Layer: shell

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

/// A shell that waits at a pipe from us. When the pipe closes because we were killed, it kills the
/// group; dropping the keeper calls that off.
#[derive(Debug)]
pub(super) struct Keeper {
    shell: Child,
}

impl Keeper {
    /// Keeps the group that this process leads.
    pub(super) fn of(leader: &Child) -> io::Result<Keeper> {
        let mut command = Command::new("/bin/sh");
        // No `--` before the number: dash does not know it there.
        command.args(["-c", r#"read -r _; kill -KILL "-$1""#, "keeper", &leader.id().to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        Ok(Keeper { shell: command.spawn()? })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // Before its pipe closes, which the end of this function's owner does.
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_the_pipe_closes_the_group_ends() -> io::Result<()> {
        let mut kept = Command::new("/bin/cat").stdin(Stdio::piped()).process_group(0).spawn()?;
        let mut keeper = Keeper::of(&kept)?;
        drop(keeper.shell.stdin.take());
        assert!(keeper.shell.wait()?.success(), "the shell could not kill the group");
        assert!(!kept.wait()?.success(), "the process ended by itself");
        Ok(())
    }

    #[test]
    fn a_keeper_that_is_dropped_does_nothing() -> io::Result<()> {
        let mut kept = Command::new("/bin/cat").stdin(Stdio::piped()).process_group(0).spawn()?;
        drop(Keeper::of(&kept)?);
        drop(kept.stdin.take());
        assert!(kept.wait()?.success(), "cat ends at its end of file");
        Ok(())
    }
}
