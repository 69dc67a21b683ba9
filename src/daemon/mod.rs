//! The live agent: journal, sources, runner, control socket and clock, wired to the one loop. It
//! starts in the order in which it could be interrupted without harm: lock and journal first, then
//! what the journal remembers, then the sources.
//!
//! Layer: shell

mod answer;
pub mod clock;
mod drive;
mod inject;
mod reader;
mod service;
mod socket;

pub use drive::counted;
pub use socket::ask;

use crate::action::{Runner, Site};
use crate::agent::{Agent, Event, Memory, Notice};
use crate::input;
use crate::job::Plan;
use crate::journal::store::{self, Recovered, Report, Store, Writer};
use crate::journal::{Entry, RunId};
use crate::policy::{Matcher, Policy};
use crate::record::Options;
use crate::rule::Brakes;
use drive::{Beginning, Drive, Heard, Journal, State};
use reader::{Reader, Reading};
use service::Service;
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, RwLock};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Arrivals of one source that may wait to be read: then the source waits.
const ARRIVALS_WAITING: usize = 64;
/// Events that may wait for the loop: then the readers wait.
const HEARD_WAITING: usize = 4096;

/// Turns that the tasks of the control socket get at the end; each writes its answer in one or two.
const ANSWERS_WAITING: usize = 16;

/// Everything the daemon is told when it starts.
pub struct Settings {
    /// The policy to begin with.
    pub policy: Arc<Policy>,
    /// How to read it again.
    pub reload: Reload,
    /// The sources.
    pub sources: Vec<Source>,
    /// Directory of the journal.
    pub state: PathBuf,
    /// Path of the control socket.
    pub socket: PathBuf,
    /// What steps may have of this machine.
    pub site: Site,
    /// Runs that may be under way at a time.
    pub runs_at_once: usize,
    /// What is older, and that nothing needs, is deleted from the journal.
    pub journal_keep: Duration,
    /// How many runs are too many.
    pub brakes: Brakes,
    /// Stop when every source is quiet and every run is over.
    pub until_idle: bool,
}

/// Reads the policy again; on a mistake, all of them as they are to be printed. The text of a good
/// one are its warnings.
pub type Reload = Box<dyn FnMut() -> Result<(Arc<Policy>, String), String>>;

/// One source, resolved.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where its bytes come from.
    pub spec: input::Spec,
    /// How they are read.
    pub options: Options,
    /// Pause after which a record that could still be continued is taken as complete.
    pub settle: Duration,
    /// Records older than this are reported only.
    pub age_max: Option<Duration>,
    /// Zone of its stamps; none is this machine's.
    pub zone: Option<jiff::tz::TimeZone>,
    /// Liberty server it belongs to.
    pub server: Option<String>,
}

/// What carries the effects out.
struct Hands {
    writer: Writer,
    runner: Runner,
    sources: Vec<input::Handle>,
    journal_keep: Duration,
}

impl Hands {
    fn append(&self, batch: u64, entries: Vec<Entry>) {
        self.writer.append(batch, entries);
    }

    fn start(&self, run: RunId, attempt: u32, plan: Plan) {
        self.runner.start(run, attempt, plan);
    }

    fn cancel(&self, run: RunId) {
        self.runner.cancel(run);
    }

    fn prune(&self) {
        self.writer.prune(clock::before(self.journal_keep));
    }

    /// Ends the sources. Their threads may be waiting for the loop, so the loop does not wait for them.
    fn stop_sources(&mut self) {
        self.sources.drain(..).for_each(input::Handle::leave);
    }
}

/// Why the daemon could not start, or could not go on.
#[derive(Debug)]
pub enum Error {
    /// The journal.
    Journal(store::Error),
    /// A socket, a source or the system.
    Io(io::Error),
    /// The journal broke while the agent ran: why.
    Broken(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Journal(error) => {
                write!(f, "{} {error}", error.id())?;
                error.help().map_or(Ok(()), |help| write!(f, "\n  = help: {help}"))
            }
            Error::Io(error) => error.fmt(f),
            Error::Broken(why) => f.write_str(why),
        }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Error {
        Error::Journal(error)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        Error::Io(error)
    }
}

/// Runs the daemon until it is told to stop, or is done. Every notice goes to `publish`.
///
/// # Errors
/// If the journal, the socket or a source cannot be opened.
pub fn run(settings: Settings, publish: &mut dyn FnMut(&Notice)) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| about("the agent's loop", &error))?;
    runtime.block_on(live(settings, publish))
}

impl From<Recovered> for Memory {
    /// What the agent needs of what the last one left: the journal alone knows the entries of runs and the sessions.
    fn from(recovered: Recovered) -> Memory {
        Memory {
            checkpoints: recovered.checkpoints,
            decided: recovered.decided,
            ledger: recovered.ledger,
            last_run: recovered.last_run.0,
            situations: recovered.situations,
            standing: recovered.standing,
            recent: recovered.recent,
            recent_runs: recovered.recent_runs,
        }
    }
}

async fn live(settings: Settings, publish: &mut dyn FnMut(&Notice)) -> Result<(), Error> {
    let mut store = Store::open(&settings.state)?;
    let session = store.next_session()?;
    let recovered = store.recover()?;
    let (tell, mut heard) = mpsc::channel(HEARD_WAITING);

    let current = Arc::new(RwLock::new(Arc::new(Matcher::new(settings.policy.clone()))));
    let known = recovered.checkpoints.clone();
    let (mut agent, effects) =
        Agent::recover(settings.policy.clone(), recovered.into(), clock::now(), settings.runs_at_once);
    agent.brake_by(settings.brakes);
    // Sources can be made to wait; the journal, runs and people cannot.
    let (done, mut hands_heard) = mpsc::unbounded_channel();
    socket::listen(&settings.socket, done.clone())?;
    let signals = listen_to_signals(&done).map_err(|error| about("listening to signals", &error))?;
    let mut hands = Hands {
        writer: writer(store, done.clone()).map_err(|error| about("the journal's thread", &error))?,
        runner: runner(settings.site, done),
        sources: Vec::new(),
        journal_keep: settings.journal_keep,
    };
    let names: BTreeSet<Arc<str>> = settings.sources.iter().map(|s| s.spec.name.clone()).collect();
    let of_files = settings.sources.iter().filter(|s| matches!(s.spec.kind, input::Kind::Files { .. }));
    let files: BTreeSet<Arc<str>> = of_files.map(|s| s.spec.name.clone()).collect();
    let readings: Vec<Reading> = settings.sources.iter().map(reading).collect();
    for (source, reading) in settings.sources.into_iter().zip(&readings) {
        let known = known.iter().filter(|c| c.source == source.spec.name).cloned().collect();
        let source = start_source(source.spec, reading.clone(), known, session, &current, &tell);
        hands.sources.push(source.map_err(|error| about(&format!("source `{}`", reading.source), &error))?);
    }
    let mut drive = Drive {
        agent,
        hands,
        current,
        reload: settings.reload,
        publish,
        sources: names,
        readings,
        session,
        until_idle: settings.until_idle,
        state: State::default(),
        service: Service::default(),
        beginning: Beginning::of(files),
    };
    drive.carry_out(effects);
    let ended = drive.run(&mut heard, &mut hands_heard).await;
    // Who asked the agent to end gets the answer before it is gone: the tasks that write it run now.
    for _ in 0..ANSWERS_WAITING {
        tokio::task::yield_now().await;
    }
    // Readers that wait to be heard find out that nobody listens, and end.
    heard.close();
    drive.hands.stop_sources();
    for signal in signals {
        signal.abort();
    }
    // A client that connects from here on finds no socket; a leftover does no harm.
    let _ = std::fs::remove_file(&settings.socket);
    drive.hands.writer.close();
    ended.map_err(Error::Broken)
}

/// The error with what it is about.
fn about(what: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

fn writer(store: Store, tell: mpsc::UnboundedSender<Heard>) -> io::Result<Writer> {
    Writer::start(store, move |report| {
        let heard = match report {
            Report::Durable(batch) => Heard::Event(Event::Durable(batch)),
            Report::Stalled { id, reason } => Heard::Journal(Journal::Stalled { id, reason }),
            Report::Resumed => Heard::Journal(Journal::Good),
            Report::Broken { id, reason } => Heard::Journal(Journal::Broken { id, reason }),
            Report::Pruned(_) => return,
        };
        // After the loop has ended nobody listens, and nothing more may start.
        let _ = tell.send(heard);
    })
}

fn runner(site: Site, tell: mpsc::UnboundedSender<Heard>) -> Runner {
    Runner::new(site, move |run, attempt, outcomes| {
        let _ = tell.send(Heard::Event(Event::Ended { run, attempt, outcomes }));
    })
}

fn reading(source: &Source) -> Reading {
    Reading {
        source: source.spec.name.clone(),
        options: source.options.clone(),
        settle: source.settle,
        age_max: source.age_max,
        zone: source.zone.clone().unwrap_or_else(jiff::tz::TimeZone::system),
        server: source.server.clone(),
    }
}

fn start_source(
    spec: input::Spec,
    reading: Reading,
    known: Vec<crate::journal::Checkpoint>,
    session: u64,
    current: &reader::Current,
    tell: &mpsc::Sender<Heard>,
) -> io::Result<input::Handle> {
    let (sink, arrivals) = sync_channel(ARRIVALS_WAITING);
    let name = format!("read {}", reading.source);
    let reader = Reader::new(reading, current.clone(), tell.clone());
    std::thread::Builder::new().name(name).spawn(move || reader.read(&arrivals))?;
    input::start(spec, input::Known::of(known), session, sink)
}

fn listen_to_signals(tell: &mpsc::UnboundedSender<Heard>) -> io::Result<Vec<tokio::task::JoinHandle<()>>> {
    let kinds = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
    let mut tasks = Vec::new();
    for kind in kinds {
        let mut arrives = signal(kind)?;
        let tell = tell.clone();
        tasks.push(tokio::spawn(async move {
            while arrives.recv().await.is_some() {
                let heard = if kind == SignalKind::hangup() { Heard::Hangup } else { Heard::Stop };
                if tell.send(heard).is_err() {
                    return;
                }
            }
        }));
    }
    Ok(tasks)
}
