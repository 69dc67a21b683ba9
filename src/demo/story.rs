//! The demo's two acts: a server whose endpoint is open from the start, and the same server with the
//! endpoint closed until wtor has it opened.
//! Layer: shell
//!
//! Everything is told as it happens; who listens prints it. The times of the measurements come from
//! the log's own stamps, from wtor's journal and from the client, all by the clock of this machine.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use super::agent::{Agent, Notice, Workplace};
use super::client::{Outcome, Poller, Stretch, Timeline};
use super::install::Install;
use super::liberty::Server;
use super::log::{Line, Tail};
use super::scratch::Scratch;
use super::spec::{Endpoint, ServerSpec};

/// The application that clients ask for.
pub const APP: &str = "app";
/// The rule that is in force in the second act.
pub const RULE: &str = "liberty-app-started";
/// How long `app` itself takes, once the application it waits for has started.
const APP_DELAY: Duration = Duration::from_millis(500);
/// Beyond the application's delay: a loaded machine is slow to start two JVMs.
const PATIENCE: Duration = Duration::from_secs(180);
const GRACE: Duration = Duration::from_secs(60);
/// So many answers are awaited after the last thing that was to happen, to see that it stays so.
const ENCORE: u32 = 50;
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What the story is played with.
#[derive(Debug, Clone, Copy)]
pub struct Stage<'a> {
    /// The Liberty.
    pub install: &'a Install,
    /// The wtor.
    pub program: &'a Path,
    /// How long the applications take to start.
    pub delay: Duration,
    /// Becomes true when the user has seen enough.
    pub interrupted: &'a AtomicBool,
}

/// Something that happened.
#[derive(Debug, Clone, Copy)]
pub enum Told<'t> {
    /// The server was started.
    Started,
    /// It wrote this.
    Log(&'t Line),
    /// wtor said this.
    Agent(&'t Notice),
    /// From here on the client sees something else.
    Client {
        /// What it sees now.
        now: Outcome,
        /// What it saw before.
        before: Option<&'t Stretch>,
    },
}

/// Who listens: when it happened, and what.
pub type Listener<'l> = dyn FnMut(SystemTime, Told<'_>) + 'l;

/// One start with wtor.
#[derive(Debug, Clone)]
pub struct Start {
    /// What the client saw.
    pub client: Timeline,
    /// The run as `wtor runs NUMBER --json` prints it.
    pub run: Value,
    /// Where the time went.
    pub split: Split,
}

impl Start {
    /// Whether wtor closed its run as good.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.run["good"] == true
    }
}

/// Milliseconds from the trigger message's own time stamp to the first 200. The parts overlap where
/// the script still runs while the port is open already.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split {
    /// From the message's stamp to wtor's decision.
    pub recognition: f64,
    /// From the decision to the start of the job's process: the journal is synced between them.
    pub job_start: f64,
    /// From there to the open port (CWWKO0219I).
    pub port_open: f64,
    /// From the open port to the first complete 200.
    pub first_ok: f64,
    /// From the start of the job's process to its end.
    pub resume: f64,
    /// From the message's stamp to the first complete 200.
    pub total: f64,
}

impl Stage<'_> {
    /// The first act: what a client sees of a server that is open from the start.
    ///
    /// # Errors
    /// When the server cannot be started, takes too long, or the user interrupts.
    pub fn without(&self, tell: &mut Listener<'_>) -> io::Result<Timeline> {
        let scratch = Scratch::new("wtor-demo")?;
        let mut server = self.server(&scratch, Endpoint::Enabled)?;
        let watched = self.watch(&mut server, None, tell)?;
        server.stop(GRACE)?;
        Ok(watched.client)
    }

    /// Prepares the second act.
    ///
    /// # Errors
    /// When the directories cannot be written, or wtor cannot be started.
    pub fn with(&self) -> io::Result<Watch<'_>> {
        let scratch = Scratch::new("wtor-demo")?;
        let server = self.server(&scratch, Endpoint::Disabled)?;
        let place = Workplace::create(&scratch.path().join("agent"), &[RULE], APP)?;
        let log = server.messages_log().to_string_lossy().into_owned();
        let agent = Agent::start(self.program, &place, &server.job_environment(), &[&log])?;
        Ok(Watch { stage: self, server, agent, place, _scratch: scratch })
    }

    fn server(&self, scratch: &Scratch, endpoint: Endpoint) -> io::Result<Server> {
        let user_dir = scratch.path().join("usr");
        let warmup = self.delay.saturating_sub(APP_DELAY);
        Server::create(self.install, ServerSpec::story(&user_dir, endpoint, warmup)?)
    }

    /// Starts the server and watches until the client has seen 200s for a while and, with wtor, the
    /// run is closed.
    fn watch(&self, server: &mut Server, mut agent: Option<&mut Agent>, tell: &mut Listener<'_>) -> io::Result<Seen> {
        let poller = Poller::start(server.spec().http_port, &Server::page(APP));
        let mut tail = Tail::of_next_start(&server.messages_log());
        let mut seen = Seen::new(poller.timeline());
        server.start()?;
        tell(SystemTime::now(), Told::Started);
        let deadline = Instant::now() + self.delay + PATIENCE;
        loop {
            for line in tail.poll() {
                tell(line.at, Told::Log(&line));
                seen.lines.push(line);
            }
            if let Some(agent) = agent.as_deref_mut() {
                while let Some(notice) = agent.next(Duration::ZERO) {
                    tell(notice.heard_at, Told::Agent(&notice));
                    seen.notices.push(notice);
                }
                agent.check()?;
            }
            seen.look(poller.timeline(), tell);
            if seen.is_complete(agent.is_some()) {
                seen.client = poller.stop();
                return Ok(seen);
            }
            if self.interrupted.load(Ordering::Relaxed) {
                return Err(io::Error::new(io::ErrorKind::Interrupted, "interrupted"));
            }
            if !server.is_running() {
                return Err(io::Error::other(format!("the server ended: {}", console(server))));
            }
            if Instant::now() > deadline {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the server took too long"));
            }
            thread::sleep(LOOK_AGAIN);
        }
    }
}

/// The second act: one wtor that follows one server through any number of starts.
#[derive(Debug)]
pub struct Watch<'a> {
    stage: &'a Stage<'a>,
    // In this order they are dropped: nothing writes any more when the directory is removed.
    server: Server,
    agent: Agent,
    place: Workplace,
    _scratch: Scratch,
}

impl Watch<'_> {
    /// Where wtor has its policy and its journal.
    #[must_use]
    pub fn place(&self) -> &Workplace {
        &self.place
    }

    /// Starts the server, waits until wtor's run is closed and the client has seen 200s, and stops it.
    ///
    /// # Errors
    /// When the server or wtor end, take too long, or the user interrupts.
    pub fn start(&mut self, tell: &mut Listener<'_>) -> io::Result<Start> {
        let seen = self.stage.watch(&mut self.server, Some(&mut self.agent), tell)?;
        self.server.stop(GRACE)?;
        let number = seen.closed().and_then(|notice| notice.fields.get("run")?.parse::<u64>().ok());
        let runs = self.place.runs(self.stage.program)?;
        let run = runs.into_iter().find(|run| run["run"].as_u64() == number);
        let run = run.ok_or_else(|| io::Error::other("wtor's journal does not have the run that it closed"))?;
        let split = split(&seen, &run).ok_or_else(|| io::Error::other("a message or a time is missing"))?;
        Ok(Start { client: seen.client, run, split })
    }

    /// Stops wtor and removes everything.
    ///
    /// # Errors
    /// When wtor does not stop.
    pub fn end(self) -> io::Result<()> {
        self.agent.stop(GRACE).map(drop)
    }
}

/// What has been seen of one start.
struct Seen {
    client: Timeline,
    lines: Vec<Line>,
    notices: Vec<Notice>,
    stretches_told: usize,
    /// How many 200s there were when the rest was complete.
    rest_complete_at: Option<u32>,
}

impl Seen {
    fn new(client: Timeline) -> Seen {
        Seen { client, lines: Vec::new(), notices: Vec::new(), stretches_told: 0, rest_complete_at: None }
    }

    fn look(&mut self, client: Timeline, tell: &mut Listener<'_>) {
        for (index, stretch) in client.stretches.iter().enumerate().skip(self.stretches_told) {
            let before = index.checked_sub(1).map(|before| &client.stretches[before]);
            tell(client.started_at + stretch.first_answer, Told::Client { now: stretch.outcome, before });
        }
        self.stretches_told = client.stretches.len();
        self.client = client;
    }

    fn is_complete(&mut self, with_agent: bool) -> bool {
        let rest = if with_agent { self.closed().is_some() } else { self.trigger().is_some() };
        let answers = self.client.count(Outcome::Ok);
        if !rest || answers == 0 {
            return false;
        }
        answers >= *self.rest_complete_at.get_or_insert(answers) + ENCORE
    }

    fn closed(&self) -> Option<&Notice> {
        self.notices.iter().find(|notice| matches!(notice.id.as_str(), "WTR302I" | "WTR304E"))
    }

    fn trigger(&self) -> Option<&Line> {
        let named = format!(" {APP} ");
        self.lines.iter().find(|line| line.id == "CWWKZ0001I" && line.text.contains(&named))
    }
}

fn split(seen: &Seen, run: &Value) -> Option<Split> {
    let message = seen.trigger()?.at;
    let open = seen.lines.iter().find(|line| line.id == "CWWKO0219I")?.at;
    let first_ok = seen.client.first_ok_at()?;
    let decision = time(&run["decided_at"])?;
    let attempt = run["attempts_made"].as_array()?.last()?;
    let ended = time(&attempt["ended_at"])?;
    let millis = attempt["outcomes"].as_array()?.iter().filter_map(|step| step["millis"].as_u64()).sum();
    let started = ended - Duration::from_millis(millis);
    Some(Split {
        recognition: between(message, decision),
        job_start: between(decision, started),
        port_open: between(started, open),
        first_ok: between(open, first_ok),
        resume: between(started, ended),
        total: between(message, first_ok),
    })
}

/// Milliseconds; less than nothing where a stamp has been cut to the millisecond.
fn between(earlier: SystemTime, later: SystemTime) -> f64 {
    match later.duration_since(earlier) {
        Ok(span) => span.as_secs_f64() * 1000.0,
        Err(error) => -error.duration().as_secs_f64() * 1000.0,
    }
}

/// Engine time is microseconds since 1970.
fn time(value: &Value) -> Option<SystemTime> {
    Some(SystemTime::UNIX_EPOCH + Duration::from_micros(value.as_u64()?))
}

/// The end of what the server wrote to stdout and stderr.
fn console(server: &Server) -> String {
    let text = std::fs::read_to_string(server.console_log()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(8)..].join("\n")
}
