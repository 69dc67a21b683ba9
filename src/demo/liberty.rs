//! One Open Liberty server of our own: made, started, resumed and stopped.
//! Layer: shell
//!
//! The server runs as our child (`server run`) in a process group of its own,
//! so that stopping it needs no pid file and dropping it leaves nothing behind.
//! It listens on 127.0.0.1 only. What its log says in which order, and why a
//! resume belongs on one message and not on another: docs/liberty-triggers.md.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::install::Install;
use super::keeper::Keeper;
use super::spec::{self, AppStart, ServerSpec};

/// The id of the endpoint that clients use; `--target=` takes it.
pub const ENDPOINT: &str = "defaultHttpEndpoint";
/// Variables of the caller that would move the server's files or rename it in its log.
pub(super) const FOREIGN_VARIABLES: [&str; 10] = [
    "CONTAINER_NAME",
    "CONTAINER_HOST",
    "JVM_ARGS",
    "LOG_DIR",
    "LOG_FILE",
    "PID_DIR",
    "PID_FILE",
    "VARIABLE_SOURCE_DIRS",
    "WLP_OUTPUT_DIR",
    "WLP_DEBUG_ADDRESS",
];
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// How a server came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// It was not running.
    Already,
    /// It ended by itself after SIGTERM.
    Gracefully(ExitStatus),
    /// It had to be killed.
    Forcibly,
}

/// A server on disk, running or not. Dropping it ends what it started.
#[derive(Debug)]
pub struct Server {
    install: Install,
    spec: ServerSpec,
    child: Option<Child>,
    keeper: Option<Keeper>,
}

impl Server {
    /// Writes the server's directory: server.xml, jvm.options and the applications.
    ///
    /// # Errors
    /// When a directory or file cannot be written.
    pub fn create(install: &Install, spec: ServerSpec) -> io::Result<Server> {
        let server = Server { install: install.clone(), spec, child: None, keeper: None };
        let directory = server.directory();
        fs::create_dir_all(directory.join("apps"))?;
        for app in &server.spec.apps {
            install.copy_app(&directory.join("apps"), &app.name)?;
        }
        fs::write(directory.join("server.xml"), server.spec.server_xml())?;
        // A short-lived server gains nothing from the optimising compiler and loses start-up time to it.
        fs::write(directory.join("jvm.options"), "-XX:TieredStopAtLevel=1\n-XX:+UseSerialGC\n")?;
        Ok(server)
    }

    /// What it was made from.
    #[must_use]
    pub fn spec(&self) -> &ServerSpec {
        &self.spec
    }

    /// The server's directory, with server.xml, apps/, logs/ and workarea/.
    #[must_use]
    pub fn directory(&self) -> PathBuf {
        self.spec.user_dir.join("servers").join(&self.spec.name)
    }

    /// The log that wtor tails; it appears some tenths of a second after the start.
    #[must_use]
    pub fn messages_log(&self) -> PathBuf {
        self.directory().join("logs/messages.log")
    }

    /// What the child wrote to stdout and stderr.
    #[must_use]
    pub fn console_log(&self) -> PathBuf {
        self.directory().join("logs/console.log")
    }

    /// The path of an application's page that answers 200 once it is available.
    #[must_use]
    pub fn page(app: &str) -> String {
        format!("/{app}/hello")
    }

    /// What a job runs to open the endpoint. It needs [`Server::environment`].
    #[must_use]
    pub fn resume_argv(&self) -> Vec<String> {
        self.argv("resume", &[&format!("--target={ENDPOINT}")])
    }

    /// What a job runs to close the endpoint before a stop.
    #[must_use]
    pub fn pause_argv(&self) -> Vec<String> {
        self.argv("pause", &[&format!("--target={ENDPOINT}")])
    }

    /// The environment that the server and every `server` command for it need.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        let user_dir = self.spec.user_dir.to_string_lossy().into_owned();
        [("WLP_USER_DIR", user_dir.as_str()), ("LANG", "C"), ("LC_ALL", "C")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec()
    }

    /// The environment in which the shipped jobs find the script and the server.
    #[must_use]
    pub fn job_environment(&self) -> Vec<(String, String)> {
        let mut environment = self.environment();
        environment.push(("WLP_HOME".to_owned(), self.install.wlp().to_string_lossy().into_owned()));
        environment
    }

    /// Starts it and returns at once; see [`Server::wait_for`].
    ///
    /// # Errors
    /// When the script cannot be started or its output file not made.
    pub fn start(&mut self) -> io::Result<()> {
        if self.is_running() {
            return Ok(());
        }
        fs::create_dir_all(self.directory().join("logs"))?;
        let console = File::create(self.console_log())?;
        let mut command = self.command("run", &[]);
        command.stdout(console.try_clone()?).stderr(console).process_group(0);
        for app in &self.spec.apps {
            command.env(format!("WTOR_DEMO_DELAY_MS_{}", app.name), app.delay.as_millis().to_string());
        }
        if let Some(app) = &self.spec.failing_app {
            command.env("WTOR_DEMO_FAIL", app);
        }
        command.envs(self.spec.environment.iter().cloned());
        let child = self.child.insert(command.spawn()?);
        self.keeper = Some(Keeper::of(child)?);
        Ok(())
    }

    /// Whether the process we started is still there.
    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Waits until messages.log holds `text`, and says how long that took.
    ///
    /// # Errors
    /// When the server ends or the time is up before that.
    pub fn wait_for(&mut self, text: &str, limit: Duration) -> io::Result<Duration> {
        let started = Instant::now();
        loop {
            let log = fs::read(self.messages_log()).unwrap_or_default();
            if contains(&log, text.as_bytes()) {
                return Ok(started.elapsed());
            }
            let ended = !self.is_running();
            if ended || started.elapsed() > limit {
                let why = if ended { "the server ended" } else { "the time was up" };
                return Err(io::Error::new(io::ErrorKind::TimedOut, format!("{why} before the log held `{text}`")));
            }
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// Runs `server resume` for the endpoint and waits for its end.
    ///
    /// # Errors
    /// When the script cannot be started.
    pub fn resume(&self) -> io::Result<Output> {
        self.command("resume", &[&format!("--target={ENDPOINT}")]).output()
    }

    /// Runs any `server` action (`pause`, `status`, ...) and waits for its end.
    ///
    /// # Errors
    /// When the script cannot be started.
    pub fn run_action(&self, action: &str, arguments: &[&str]) -> io::Result<Output> {
        self.command(action, arguments).output()
    }

    /// Installs the [`AppStart::Late`] applications of a running server.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn install_late(&self) -> io::Result<()> {
        let late = self.spec.apps.iter().filter(|app| app.start == AppStart::Late);
        let text = format!("<server>\n{}</server>\n", spec::applications(late));
        let partial = self.directory().join("installedApps.partial");
        fs::write(&partial, text)?;
        fs::rename(partial, self.directory().join("installedApps.xml"))
    }

    /// Stops it by SIGTERM, and after `grace` by SIGKILL; both go to its process group.
    ///
    /// # Errors
    /// When the child cannot be waited for.
    pub fn stop(&mut self, grace: Duration) -> io::Result<Stopped> {
        let Some(mut child) = self.child.take() else { return Ok(Stopped::Already) };
        let _keeper = self.keeper.take();
        if child.try_wait()?.is_some() {
            return Ok(Stopped::Already);
        }
        signal_group(&child, Signal::TERM);
        let deadline = Instant::now() + grace;
        while Instant::now() < deadline {
            if let Some(status) = child.try_wait()? {
                return Ok(Stopped::Gracefully(status));
            }
            thread::sleep(LOOK_AGAIN);
        }
        signal_group(&child, Signal::KILL);
        child.wait()?;
        Ok(Stopped::Forcibly)
    }

    fn argv(&self, action: &str, arguments: &[&str]) -> Vec<String> {
        let script = self.install.server_script().to_string_lossy().into_owned();
        let mut argv = vec![script, action.to_owned(), self.spec.name.clone()];
        argv.extend(arguments.iter().map(|&argument| argument.to_owned()));
        argv
    }

    fn command(&self, action: &str, arguments: &[&str]) -> Command {
        let argv = self.argv(action, arguments);
        let mut command = Command::new(&argv[0]);
        command.args(&argv[1..]).stdin(Stdio::null());
        for name in FOREIGN_VARIABLES {
            command.env_remove(name);
        }
        command.envs(self.environment());
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take()
            && matches!(child.try_wait(), Ok(None))
        {
            signal_group(&child, Signal::KILL);
            // Nobody is left to tell; the wait only keeps the process table clean.
            let _ = child.wait();
        }
    }
}

fn signal_group(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // It fails only when the group is gone, which is what we want.
        let _ = kill_process_group(pid, signal);
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
