//! The world of a black-box test: a directory of its own with rules, jobs and logs, and the real
//! binary in it. Waiting is always for a condition, with a bound; when the bound is reached, the test
//! fails with everything that the agent said.

use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How long a thing that must happen may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// True as soon as the condition holds; false if it does not within the time.
pub fn eventually(within: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + within;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(LOOK);
    }
}

/// Says that a test cannot be made here, and why.
#[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
pub fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

/// A directory with `rules/`, `jobs/` and `logs/`, removed at the end.
pub struct World {
    dir: tempfile::TempDir,
}

/// What a command said, and how it ended.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Said {
    /// One object a line.
    #[track_caller]
    pub fn json(&self) -> Vec<Value> {
        let object = |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}\n{self}"));
        self.out.lines().map(object).collect()
    }

    /// The same, after the command ended with this code.
    #[track_caller]
    pub fn code(self, code: i32) -> Said {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// What is said contains each of these.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Said {
        for word in words {
            assert!(self.out.contains(word) || self.err.contains(word), "`{word}` is missing\n{self}");
        }
        self
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {:?}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.out, self.err)
    }
}

impl World {
    pub fn new() -> World {
        let dir = tempfile::Builder::new().prefix("wtor").tempdir().expect("a temporary directory");
        for folder in ["rules", "jobs", "logs"] {
            fs::create_dir(dir.path().join(folder)).expect("a folder");
        }
        World { dir }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> &World {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("written");
        self
    }

    /// Replaces `rules/rules.toml`.
    pub fn rules(&self, text: &str) -> &World {
        self.write("rules/rules.toml", text)
    }

    /// Writes `jobs/NAME.toml`.
    pub fn job(&self, name: &str, text: &str) -> &World {
        self.write(&format!("jobs/{name}.toml"), text)
    }

    /// Appends to a file, in one write.
    pub fn append(&self, name: &str, text: impl AsRef<[u8]>) -> &World {
        let file = fs::OpenOptions::new().append(true).create(true).open(self.path(name));
        file.and_then(|mut file| file.write_all(text.as_ref())).expect("appended");
        self
    }

    /// The text of a file; empty if there is none yet.
    pub fn read(&self, name: &str) -> String {
        fs::read(self.path(name)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// The lines of a file; none if there is none yet.
    pub fn lines(&self, name: &str) -> Vec<String> {
        self.read(name).lines().map(str::to_owned).collect()
    }

    pub fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// The program, in this directory, with nothing of this machine's habits.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wtor"));
        command.args(args).current_dir(self.dir.path()).env("TZ", "UTC").env("LC_ALL", "C").stdin(Stdio::null());
        // Where a test may hold it up (see `src/probe.rs`).
        command.env("WTOR_PROBE", self.path("probe"));
        command
    }

    /// Runs a command to its end.
    #[track_caller]
    pub fn wtor(&self, args: &[&str]) -> Said {
        self.wtor_given(args, b"")
    }

    /// Runs a command to its end with this on its standard input.
    #[track_caller]
    pub fn wtor_given(&self, args: &[&str], input: &[u8]) -> Said {
        let mut command = self.command(args);
        if !input.is_empty() {
            command.stdin(Stdio::piped());
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
        let feed = child.stdin.take().map(|mut stdin| {
            let input = input.to_owned();
            // A program that has read enough closes its end, which is no fault of the test.
            thread::spawn(move || drop(stdin.write_all(&input)))
        });
        let output = child.wait_with_output().expect("ended");
        if let Some(feed) = feed {
            feed.join().expect("fed");
        }
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
        Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Starts `wtor run --json …`, and waits until it says that it watches.
    #[track_caller]
    pub fn start(&self, args: &[&str]) -> Agent<'_> {
        self.start_with(args, Stdio::null())
    }

    /// The same with this standard input.
    #[track_caller]
    pub fn start_with(&self, args: &[&str], stdin: Stdio) -> Agent<'_> {
        let mut command = self.command(&["run", "--json"]);
        command.args(args).stdin(stdin);
        self.start_command(&mut command)
    }

    /// The same with a command that starts an agent which says its messages as JSON.
    #[track_caller]
    pub fn start_command(&self, command: &mut Command) -> Agent<'_> {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("started");
        let notices = collect(child.stdout.take().expect("piped"));
        let errors = collect(child.stderr.take().expect("piped"));
        let mut agent = Agent { world: self, child, notices, errors };
        let mut ended = None;
        eventually(PATIENCE, || {
            ended = agent.child.try_wait().expect("a child");
            agent.saw("WTR309I") > 0 || ended.is_some()
        });
        assert!(agent.saw("WTR309I") > 0, "it does not watch ({ended:?})\n{}", agent.story());
        agent
    }

    /// Starts an agent whose output nobody reads.
    pub fn start_unheard(&self, args: &[&str], stdout: Stdio) -> Child {
        self.command(&["run"]).args(args).stdout(stdout).stderr(Stdio::null()).spawn().expect("started")
    }

    /// Starts an agent and waits until it has taken up as many files: what is appended from here on
    /// is new to it.
    #[track_caller]
    pub fn watch(&self, files: usize, args: &[&str]) -> Agent<'_> {
        let agent = self.start(args);
        let followed = || agent.status()["view"]["files"].as_array().map_or(0, Vec::len);
        agent.until("it follows the files", || followed() >= files);
        agent
    }

    /// Every decision in the journal, oldest first.
    #[track_caller]
    pub fn history(&self) -> Vec<Value> {
        self.wtor(&["history", "--json", "--limit", "1000000"]).code(0).json()
    }

    /// Every run in the journal, oldest first.
    #[track_caller]
    pub fn runs(&self) -> Vec<Value> {
        self.wtor(&["runs", "--json", "--limit", "1000000"]).code(0).json()
    }
}

/// Collects lines on a thread that ends with the stream.
fn collect(stream: impl Read + Send + 'static) -> Arc<Mutex<Vec<String>>> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = lines.clone();
    thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            sink.lock().expect("lines").push(String::from_utf8_lossy(&line).into_owned());
        }
    });
    lines
}

/// A running agent; killed at the end of the test if it still runs.
pub struct Agent<'w> {
    world: &'w World,
    child: Child,
    notices: Arc<Mutex<Vec<String>>>,
    errors: Arc<Mutex<Vec<String>>>,
}

impl Agent<'_> {
    /// What it said so far, as objects.
    #[track_caller]
    pub fn notices(&self) -> Vec<Value> {
        let lines = self.notices.lock().expect("lines").clone();
        lines.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
    }

    /// Its texts under one message id.
    #[track_caller]
    pub fn texts(&self, id: &str) -> Vec<String> {
        let of_id = |notice: &Value| notice["id"] == id;
        let text = |notice: Value| notice["text"].as_str().unwrap_or_default().to_owned();
        self.notices().into_iter().filter(of_id).map(text).collect()
    }

    /// How often it said a message.
    #[track_caller]
    pub fn saw(&self, id: &str) -> usize {
        self.texts(id).len()
    }

    /// Everything on its standard error.
    pub fn errors(&self) -> String {
        self.errors.lock().expect("lines").join("\n")
    }

    /// Waits for a condition, and fails with everything that was said if it does not come.
    #[track_caller]
    pub fn until(&self, what: &str, condition: impl FnMut() -> bool) {
        if !eventually(PATIENCE, condition) {
            panic!("within {} s this did not come: {what}\n{}", PATIENCE.as_secs(), self.story());
        }
    }

    /// Waits until a message was said so many times in all. A run that was said to be over is also over in
    /// the journal then, which comes a little later.
    #[track_caller]
    pub fn until_said(&self, id: &str, times: usize) {
        self.until(&format!("{times} times {id}"), || self.saw(id) >= times);
        if !matches!(id, "WTR302I" | "WTR304E") {
            return;
        }
        let said: Vec<_> = self.notices().into_iter().filter(|notice| notice["id"] == id).collect();
        let number = |notice: &Value| notice["fields"]["run"].as_str().and_then(|run| run.parse::<u64>().ok());
        let over: Vec<_> = said.iter().filter_map(number).collect();
        self.until(&format!("runs {over:?} are over in the journal"), || {
            let runs = self.world.runs();
            let closed = |number: &u64| runs.iter().any(|r| r["run"] == *number && r["state"] == "closed");
            over.iter().all(closed)
        });
    }

    /// Waits until a file has so many lines.
    #[track_caller]
    pub fn until_lines(&self, name: &str, count: usize) {
        self.until(&format!("{count} lines in {name}"), || self.world.lines(name).len() >= count);
    }

    /// Waits until no run is on its way and every file was read to its end.
    #[track_caller]
    pub fn until_settled(&self) {
        self.until("every run is over or in doubt", || {
            let status = self.status();
            let runs = status["view"]["runs"].as_array().cloned().unwrap_or_default();
            runs.iter().all(|run| run["state"] == "in doubt")
        });
    }

    /// `wtor status --json`.
    #[track_caller]
    pub fn status(&self) -> Value {
        let said = self.world.wtor(&["status", "--json"]).code(0);
        said.json().pop().unwrap_or_else(|| panic!("no status\n{said}"))
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a power failure would.
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(rustix::process::Pid::from_raw).expect("a process");
        rustix::process::kill_process(pid, signal).expect("signalled");
    }

    /// Ends it as an operator would, and waits: its exit code.
    #[track_caller]
    pub fn stop(self) -> Option<i32> {
        self.signal(rustix::process::Signal::TERM);
        self.ended()
    }

    /// Waits for it to end by itself: its exit code.
    #[track_caller]
    pub fn ended(mut self) -> Option<i32> {
        let mut code = None;
        let ended = eventually(PATIENCE, || {
            code = self.child.try_wait().expect("a child").map(|status| status.code());
            code.is_some()
        });
        assert!(ended, "it does not end\n{}", self.story());
        code.flatten()
    }

    fn story(&self) -> String {
        let mut story = format!("--- agent, stdout\n{}\n", self.notices.lock().expect("lines").join("\n"));
        let _ = writeln!(story, "--- agent, stderr\n{}", self.errors());
        for (name, args) in [("status", &["status"][..]), ("runs", &["runs"]), ("history", &["history"])] {
            let _ = writeln!(story, "--- wtor {name}\n{}", self.world.wtor(args));
        }
        story
    }
}

impl Drop for Agent<'_> {
    fn drop(&mut self) {
        if self.child.try_wait().ok().flatten().is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// A hardcopy line of that second: a message of job STC01234 on SYS1.
pub fn line(second: u32, text: &str) -> String {
    format!(
        "N 4000000 SYS1     2026325 {:02}:{:02}:{:02}.00 STC01234 00000090  {text}\n",
        second / 3600 % 24,
        second / 60 % 60,
        second % 60
    )
}
