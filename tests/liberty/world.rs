//! One server, one wtor and one client in a directory of their own.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use wtor::demo::agent::{Agent, Workplace};
use wtor::demo::client::{Outcome, Poller, Timeline};
use wtor::demo::install::{Install, missing_tools};
use wtor::demo::liberty::Server;
use wtor::demo::scratch::Scratch;
use wtor::demo::spec::{Endpoint, ServerSpec};
use wtor::demo::story::{APP, RULE};

/// Generous, because other builds and servers may share the machine.
pub const LIMIT: Duration = Duration::from_secs(180);
/// The time from the trigger to the next look; a condition is looked at this often.
const LOOK_AGAIN: Duration = Duration::from_millis(2);
/// How long the first application takes. Above the start timeout of one second, so that an open
/// endpoint has a gap.
pub const WARMUP: Duration = Duration::from_millis(1500);

/// The program under test.
pub fn wtor() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_wtor"))
}

/// The Liberty, or nothing if the environment says that these tests are to be skipped.
pub fn install() -> Option<&'static Install> {
    static INSTALL: OnceLock<Install> = OnceLock::new();
    if std::env::var_os("WTOR_SKIP_LIBERTY").is_some_and(|value| value == "1") {
        // Not the macro, whose text the test harness keeps to itself.
        let notice = "skipped: WTOR_SKIP_LIBERTY=1, so this says nothing about the real Open Liberty";
        writeln!(std::io::stderr(), "{notice}").expect("standard error");
        return None;
    }
    let install = INSTALL.get_or_init(|| {
        assert!(
            !missing_tools().contains(&"java"),
            "the tests with the real Open Liberty need a JDK and Maven: run scripts/setup, or set WTOR_SKIP_LIBERTY=1"
        );
        let made = Install::ensure(&mut std::io::stderr());
        made.unwrap_or_else(|why| panic!("{why}\n(scripts/setup installs the tools; WTOR_SKIP_LIBERTY=1 skips this)"))
    });
    Some(install)
}

/// Waits until there is an answer, and says what was awaited when there is none in time.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not in {LIMIT:?}: {what}");
        thread::sleep(LOOK_AGAIN);
    }
}

/// See the module text. Dropped in the order of its fields: the directory last.
pub struct World {
    pub server: Server,
    pub place: Workplace,
    pub directory: PathBuf,
    _scratch: Scratch,
}

impl World {
    /// The story's server with this endpoint, and a wtor with these rules.
    pub fn story(install: &Install, endpoint: Endpoint, rules: &[&str]) -> World {
        World::new(install, rules, |user_dir| ServerSpec::story(user_dir, endpoint, WARMUP).expect("a free port"))
    }

    /// One application on a closed endpoint, and a wtor with the shipped rule.
    pub fn one_app(install: &Install) -> World {
        World::new(install, &[RULE], |user_dir| {
            ServerSpec::one_app(user_dir, Duration::from_millis(300)).expect("a free port")
        })
    }

    pub fn new(install: &Install, rules: &[&str], spec: impl FnOnce(&Path) -> ServerSpec) -> World {
        let scratch = Scratch::new("wtor-test").expect("a directory");
        let spec = spec(&scratch.path().join("usr"));
        let server = Server::create(install, spec).expect("a server");
        let directory = scratch.path().join("agent");
        let place = Workplace::create(&directory, rules, APP).expect("a policy");
        World { server, place, directory, _scratch: scratch }
    }

    /// A client of the application's page.
    pub fn client(&self) -> Poller {
        Poller::start(self.server.spec().http_port, &Server::page(APP))
    }

    /// wtor, following messages.log.
    pub fn agent(&self) -> Agent {
        let log = self.server.messages_log();
        self.agent_of(&[log.to_str().expect("a path in UTF-8")])
    }

    /// wtor with these further arguments.
    pub fn agent_of(&self, arguments: &[&str]) -> Agent {
        let environment = self.server.job_environment();
        let mut agent = Agent::start(wtor(), &self.place, &environment, arguments).expect("wtor starts");
        agent.wait_for("WTR309I", LIMIT).expect("wtor watches");
        agent
    }

    /// Starts the server; its earlier log has another name when this returns.
    pub fn start_server(&mut self) {
        let log = self.server.messages_log();
        let before = inode(&log);
        self.server.start().expect("the server starts");
        eventually("the log of this start", || inode(&log).filter(|now| Some(*now) != before));
    }

    /// Waits until the server's log of this start holds the text.
    pub fn logged(&mut self, text: &str) {
        self.server.wait_for(text, LIMIT).expect(text);
    }

    pub fn stop_server(&mut self) {
        self.server.stop(LIMIT).expect("the server stops");
    }

    /// The runs in the journal.
    pub fn runs(&self) -> Vec<Value> {
        self.place.runs(wtor()).expect("wtor runs")
    }

    /// Changes a file of the policy, which must have what is replaced.
    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.directory.join(file);
        let text = fs::read_to_string(&path).expect(file);
        assert!(text.contains(from), "{file} has no `{from}`");
        fs::write(&path, text.replace(from, to)).expect(file);
    }
}

fn inode(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(path).ok().map(|meta| meta.ino())
}

/// Only refused, then only 200.
pub fn assert_opened_once(client: &Timeline) {
    let seen: Vec<Outcome> = client.stretches.iter().map(|stretch| stretch.outcome).collect();
    assert_eq!(seen, [Outcome::Refused, Outcome::Ok], "the client saw: {client}");
}

/// One run: good, and both messages that prove it came.
pub fn assert_proved(run: &Value) {
    assert_eq!(run["good"], true, "{run:#}");
    let last = run["attempts_made"].as_array().and_then(|attempts| attempts.last()).expect("an attempt");
    assert_eq!(last["missing"], Value::Array(Vec::new()), "CWWKE0939I and CWWKO0219I are not both proved: {run:#}");
}
