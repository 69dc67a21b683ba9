//! Carries out what the agent asks for: attempts of runs, each on a thread of its own, their steps as
//! processes one after another. The agent has bounded how many run at once and has the intent on disk
//! before it asks; here nothing is decided, only done and reported.
//!
//! Layer: shell

mod allow;
mod attempt;
mod child;
mod output;
mod program;
mod request;
pub mod secret;
#[cfg(test)]
mod tests;
mod user;

pub use allow::Allowed;

use crate::job::{MailServer, Outcome, Plan};
use crate::journal::RunId;
use crate::limits;
use attempt::Attempt;
use std::collections::BTreeMap;
use std::io::{PipeWriter, pipe};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Starts and cancels attempts.
///
/// Dropping it does not end what runs: those processes are the operator's work, and their report is
/// still given.
pub struct Runner {
    shared: Arc<Shared>,
}

struct Shared {
    report: Box<Report>,
    /// For every attempt that runs, the end of a pipe: closing it is the request to cancel, and wakes
    /// the attempt's thread wherever it waits.
    live: Mutex<BTreeMap<RunId, PipeWriter>>,
    site: Site,
    pace: Pace,
}

/// What this machine's `wtor.toml` gives to steps, and what it forbids them.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// The programs that they may execute.
    pub allowed: Allowed,
    /// Where mail is handed in; none means nowhere.
    pub mail: Option<MailServer>,
}

type Report = dyn Fn(RunId, u32, Vec<Outcome>) + Send + Sync;

/// How patient a step's end is.
#[derive(Clone, Copy, Debug)]
struct Pace {
    grace: Duration,
    linger: Duration,
    watch: child::Watch,
}

/// The stack of an attempt's thread: it holds one read buffer and a few small frames.
const STACK_BYTES: usize = 256 * 1024;

impl Runner {
    /// A runner that gives the outcome of every attempt to `report`, from the attempt's thread.
    /// Steps have what the `site` gives. `report` is called exactly once for each [`Runner::start`], and the run no longer counts as
    /// running when it is called.
    pub fn new(site: Site, report: impl Fn(RunId, u32, Vec<Outcome>) + Send + Sync + 'static) -> Runner {
        let pace = Pace { grace: limits::STEP_GRACE, linger: limits::STEP_LINGER, watch: child::Watch::Pidfd };
        Runner::with_pace(pace, site, report)
    }

    fn with_pace(pace: Pace, site: Site, report: impl Fn(RunId, u32, Vec<Outcome>) + Send + Sync + 'static) -> Runner {
        Runner { shared: Arc::new(Shared { report: Box::new(report), live: Mutex::default(), site, pace }) }
    }

    /// Starts an attempt and returns at once. If the system has no thread or pipe left for it, the
    /// attempt is reported as not started, from this very call.
    pub fn start(&self, run: RunId, attempt: u32, plan: Plan) {
        let shared = self.shared.clone();
        let refuse = |plan: &Plan, error| attempt::not_started(plan, &program::no_room(&error));
        let (cancel, writer) = match pipe() {
            Ok(ends) => ends,
            Err(error) => return (shared.report)(run, attempt, refuse(&plan, error)),
        };
        shared.live().insert(run, writer);
        let spare = plan.clone();
        let body = move || {
            let outcomes =
                attempt::carry_out(&Attempt { run, attempt, plan, cancel, site: &shared.site, pace: shared.pace });
            shared.live().remove(&run);
            (shared.report)(run, attempt, outcomes);
        };
        let thread = thread::Builder::new().name(format!("run {run}")).stack_size(STACK_BYTES).spawn(body);
        if let Err(error) = thread {
            self.shared.live().remove(&run);
            (self.shared.report)(run, attempt, refuse(&spare, error));
        }
    }

    /// Ends the processes of a run: SIGTERM to its process group, SIGKILL after
    /// [`limits::STEP_GRACE`]. The attempt is then reported as always. False if the run is not running
    /// (any more), or is being cancelled already.
    pub fn cancel(&self, run: RunId) -> bool {
        self.shared.live().remove(&run).is_some()
    }

    /// How many attempts are running and have not been cancelled.
    #[must_use]
    pub fn running(&self) -> usize {
        self.shared.live().len()
    }
}

impl Shared {
    fn live(&self) -> MutexGuard<'_, BTreeMap<RunId, PipeWriter>> {
        // The map is valid after every single call on it, so a panic elsewhere has not harmed it.
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
