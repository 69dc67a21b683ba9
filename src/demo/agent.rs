//! wtor itself as a child process: its own rules, jobs and journal in a directory of its own.
//! Layer: shell
//!
//! It is the program that people run, started as they start it; what it says is read from its
//! standard output, what it remembers is asked with `wtor runs`. Nothing is looked up inside.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::keeper::Keeper;
use super::liberty::FOREIGN_VARIABLES;

const SHIPPED_RULES: &str = include_str!("../../rules/liberty.toml");
const SHIPPED_JOBS: [(&str, &str); 3] = [
    ("resume-endpoints.toml", include_str!("../../jobs/resume-endpoints.toml")),
    ("pause-endpoints.toml", include_str!("../../jobs/pause-endpoints.toml")),
    ("alert.toml", include_str!("../../jobs/alert.toml")),
];
/// The pattern in the shipped rule that its description says to replace.
const ANY_APP: &str = r"'^CWWKZ0001I: (?:Application (?<app>\S+) started)?'";
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// One of wtor's own messages, as `wtor run --json` prints it.
#[derive(Debug, Clone)]
pub struct Notice {
    /// Message id.
    pub id: String,
    /// A sentence.
    pub text: String,
    /// Its details: rule, run, record.
    pub fields: BTreeMap<String, String>,
    /// When it was read from the pipe.
    pub heard_at: SystemTime,
}

/// Where an agent has its policy and its journal.
#[derive(Debug, Clone)]
pub struct Workplace {
    directory: PathBuf,
}

impl Workplace {
    /// Makes the directory with the named rules of rules/liberty.toml and the jobs they need;
    /// `liberty-app-started` is narrowed to `app` as its description says.
    ///
    /// # Errors
    /// When it cannot be written, or there is no such rule.
    pub fn create(directory: &Path, rules: &[&str], app: &str) -> io::Result<Workplace> {
        let place = Workplace { directory: directory.to_owned() };
        fs::create_dir_all(place.rules())?;
        fs::create_dir_all(place.jobs())?;
        let mut text = "group = \"liberty\"\n".to_owned();
        for name in rules {
            let rule = shipped_rule(name).ok_or_else(|| io::Error::other(format!("no shipped rule `{name}`")))?;
            text += &format!("\n[[rule]]{}", rule.replace(ANY_APP, &format!("' (?<app>{app}) '")));
        }
        fs::write(place.rules().join("liberty.toml"), text)?;
        for (name, text) in SHIPPED_JOBS {
            fs::write(place.jobs().join(name), text)?;
        }
        Ok(place)
    }

    /// Its rules.
    #[must_use]
    pub fn rules(&self) -> PathBuf {
        self.directory.join("rules")
    }

    /// Its jobs.
    #[must_use]
    pub fn jobs(&self) -> PathBuf {
        self.directory.join("jobs")
    }

    /// Its journal and its socket.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.directory.join("state")
    }

    /// What it wrote to standard error.
    #[must_use]
    pub fn errors(&self) -> PathBuf {
        self.directory.join("wtor.err")
    }

    /// The runs about the server (alerts are not) that the journal knows, each as `wtor runs NUMBER --json` prints it.
    ///
    /// # Errors
    /// When `wtor runs` does not end well, or prints something else.
    pub fn runs(&self, program: &Path) -> io::Result<Vec<Value>> {
        let list = self.ask(program, &["runs", "--state", "state", "--json", "--limit", "1000"])?;
        let of_server = list.iter().filter(|run| run["job"] != "alert");
        let numbers = of_server.map(|run| run["run"].to_string());
        let one = |number: String| {
            let found = self.ask(program, &["runs", &number, "--state", "state", "--json"])?;
            found.into_iter().next().ok_or_else(|| io::Error::other(format!("wtor does not know its run {number}")))
        };
        numbers.map(one).collect()
    }

    /// Runs another command of wtor here, and reads the objects that it prints.
    ///
    /// # Errors
    /// When it does not end well, or prints something else.
    pub fn ask(&self, program: &Path, arguments: &[&str]) -> io::Result<Vec<Value>> {
        let output = Command::new(program).args(arguments).current_dir(&self.directory).output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(io::Error::other(format!("wtor {} ended with {}: {said}", arguments.join(" "), output.status)));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        text.lines().map(|line| serde_json::from_str(line).map_err(io::Error::other)).collect()
    }
}

/// The text of one rule, without its `[[rule]]`.
fn shipped_rule(name: &str) -> Option<&'static str> {
    let named = format!("name = \"{name}\"");
    SHIPPED_RULES.split("\n[[rule]]").skip(1).find(|rule| rule.trim_start().starts_with(&named))
}

/// A running `wtor run`. Dropping it kills it.
#[derive(Debug)]
pub struct Agent {
    child: Child,
    _keeper: Keeper,
    notices: Receiver<Notice>,
    /// What was said before something that was waited for.
    passed: Vec<Notice>,
    errors: PathBuf,
}

impl Agent {
    /// Starts it with this further environment; `sources` are the arguments after the usual ones: files.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(
        program: &Path,
        place: &Workplace,
        environment: &[(String, String)],
        sources: &[&str],
    ) -> io::Result<Agent> {
        let mut command = Command::new(program);
        // Relative names: the path of a socket must be short, and temporary directories may be long.
        command.args(["run", "--json", "--rules", "rules", "--jobs", "jobs", "--state", "state"]).args(sources);
        command.current_dir(&place.directory).process_group(0);
        for name in FOREIGN_VARIABLES {
            command.env_remove(name);
        }
        command.envs(environment.iter().cloned());
        let errors = File::options().create(true).append(true).open(place.errors())?;
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors).spawn()?;
        let stdout = child.stdout.take().ok_or_else(|| io::Error::other("no pipe to wtor"))?;
        let keeper = Keeper::of(&child)?;
        Ok(Agent { child, _keeper: keeper, notices: listen(stdout), passed: Vec::new(), errors: place.errors() })
    }

    /// Its process number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next thing it said, if it says something in time.
    #[must_use]
    pub fn next(&self, limit: Duration) -> Option<Notice> {
        self.notices.recv_timeout(limit).ok()
    }

    /// Waits until it says this, if it has not said so before something else that was waited for.
    ///
    /// # Errors
    /// When it ends, or the time is up, before that.
    pub fn wait_for(&mut self, id: &str, limit: Duration) -> io::Result<Notice> {
        if let Some(at) = self.passed.iter().position(|notice| notice.id == id) {
            return Ok(self.passed.remove(at));
        }
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.notices.recv_timeout(left) {
                Ok(notice) if notice.id == id => return Ok(notice),
                Ok(notice) => self.passed.push(notice),
                Err(mpsc::RecvTimeoutError::Disconnected) => return Err(self.ended()),
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, format!("wtor did not say {id} in {limit:?}")));
                }
            }
        }
    }

    /// An error that says that it ended although nobody told it to, if it did.
    ///
    /// # Errors
    /// That one.
    pub fn check(&mut self) -> io::Result<()> {
        match self.child.try_wait()? {
            Some(_) => Err(self.ended()),
            None => Ok(()),
        }
    }

    fn ended(&mut self) -> io::Error {
        let said = fs::read_to_string(&self.errors).unwrap_or_default();
        let how = self.child.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
        io::Error::other(format!("wtor ended with {how}: {}", said.trim()))
    }

    /// Kills it as `kill -9` does.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn kill(mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Asks it to stop by SIGTERM, and kills it after `grace`.
    ///
    /// # Errors
    /// When it cannot be waited for, or had to be killed.
    pub fn stop(mut self, grace: Duration) -> io::Result<ExitStatus> {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // It fails only when the process is gone, which the wait will tell.
            let _ = kill_process(pid, Signal::TERM);
        }
        let deadline = Instant::now() + grace;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            thread::sleep(LOOK_AGAIN);
        }
        Err(io::Error::new(io::ErrorKind::TimedOut, format!("wtor did not stop in {grace:?}")))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended already; the wait only keeps the process table clean.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads what it prints, line by line, with the time at which each line came.
fn listen(stdout: ChildStdout) -> Receiver<Notice> {
    let (tell, notices) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let heard_at = SystemTime::now();
            let told = notice(&line, heard_at).map(|notice| tell.send(notice));
            if matches!(told, Some(Err(_))) {
                return;
            }
        }
    });
    notices
}

fn notice(line: &str, heard_at: SystemTime) -> Option<Notice> {
    let object: Value = serde_json::from_str(line).ok()?;
    let fields = object["fields"].as_object()?.iter();
    Some(Notice {
        id: object["id"].as_str()?.to_owned(),
        text: object["text"].as_str()?.to_owned(),
        fields: fields.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect(),
        heard_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_rule_can_be_narrowed() {
        let rule = shipped_rule("liberty-app-started").expect("shipped");
        assert!(rule.contains(ANY_APP), "the pattern of liberty-app-started has changed: {rule}");
        assert!(shipped_rule("liberty-pause-before-stop").is_some());
        assert!(shipped_rule("liberty").is_none());
    }
}
