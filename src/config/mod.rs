//! What `wtor.toml` says: where rules, jobs and state are, and which logs to read. Every value has a
//! default. How it is read from TOML is in `decode`.
//!
//! Layer: core

mod decode;
mod mail;
mod source;

pub use source::covers_copy;

use crate::job::MailServer;
use crate::record::{Encoding, Format};
use crate::rule::Brakes;
use crate::span::Place;
use std::sync::Arc;
use std::time::Duration;

/// How long a record that might go on is held back by default: long enough for a program that writes
/// a message in two pieces, and a small part of the time from a line to its job.
pub const SETTLE: Duration = Duration::from_millis(1);

/// The configuration. Paths that are not absolute start from the directory of `wtor.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Directory of the rules.
    pub rules: String,
    /// Directory of the jobs.
    pub jobs: String,
    /// Directory of the journal.
    pub state: String,
    /// The logs to read, in the order in which they are written.
    pub sources: Vec<Source>,
    /// Runs whose steps may be executed at one time; more wait.
    pub runs_at_once: usize,
    /// Entries of the journal that are older than this, and that nothing needs, are deleted.
    pub journal_keep: Duration,
    /// The only programs that jobs may execute: absolute paths, with a slash at the end of directories. None
    /// allows every program.
    pub programs: Option<Vec<String>>,
    /// Where mail is handed in; none means nowhere.
    pub mail: Option<MailServer>,
    /// How many runs are too many.
    pub brakes: Brakes,
    /// Path of the socket by which commands reach the daemon.
    pub control_socket: String,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            rules: "rules".into(),
            jobs: "jobs".into(),
            state: "state".into(),
            sources: Vec::new(),
            runs_at_once: 8,
            journal_keep: Duration::from_secs(90 * 86_400),
            programs: None,
            mail: None,
            brakes: Brakes::default(),
            control_socket: "state/wtor.sock".into(),
        }
    }
}

/// One log to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Unique; what rules, the journal and messages call it.
    pub name: Arc<str>,
    /// Where it is written.
    pub place: Place,
    /// Where its bytes come from.
    pub input: Input,
    /// Its layout; none means `auto`.
    pub format: Option<Format>,
    /// Its character set; none means to find out.
    pub encoding: Option<Encoding>,
    /// Length of its records in bytes, where it has no newlines.
    pub record_length: Option<usize>,
    /// Where reading starts.
    pub from: From,
    /// What becomes of records that were written while nobody read.
    pub catch_up: CatchUp,
    /// Time zone of its stamps, by its IANA name; none means this machine's.
    pub zone: Option<String>,
    /// The Liberty server whose log this is; none means to take it from the path,
    /// `…/servers/NAME/logs/…`.
    pub server: Option<String>,
    /// How long a record that might go on is held back for its next line.
    pub settle: Duration,
    /// How often files are looked at even if no change was reported.
    pub poll: Duration,
    /// For JSON: in which fields of an object the fields of a record stand.
    pub fields: Vec<(String, String)>,
    /// For JSON: a known set of such fields, which `fields` add to.
    pub preset: Option<String>,
    /// For plain lines: a pattern whose named groups are the fields of a record.
    pub pattern: Option<String>,
}

/// Where the bytes of a source come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Files: paths or globs.
    Files(Vec<String>),
    /// Standard input.
    Stdin,
    /// A FIFO.
    Fifo(String),
    /// Standard output of a command.
    Command(Vec<String>),
    /// Connections to this address.
    Tcp(String),
    /// Datagrams to this address.
    Udp(String),
    /// Connections to a Unix socket at this path.
    Unix(String),
}

/// Where a source starts in its files when the agent starts. A file that appears while the agent
/// runs is read from its beginning, whatever is said here: else each rotation would lose lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum From {
    /// Where the journal says. A file that the journal does not know is read from its end if this
    /// is the first run of the source, from its beginning if it appeared since.
    #[default]
    Checkpoint,
    /// At its end, whatever the journal says: what was written during an outage is passed over.
    End,
    /// At its beginning, whatever the journal says; what has been decided is not decided again.
    Start,
}

/// What becomes of records that were written while nobody read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CatchUp {
    /// They are acted upon like any other.
    #[default]
    Act,
    /// Those older than this are reported and not acted upon.
    ReportOlder(Duration),
}

impl CatchUp {
    /// Records older than this are not acted upon; none means that all are.
    #[must_use]
    pub fn age_max(self) -> Option<Duration> {
        match self {
            CatchUp::Act => None,
            CatchUp::ReportOlder(age) => Some(age),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_written_is_the_default() {
        assert_eq!(Config::load("wtor.toml", ""), (Some(Config::default()), vec![]));
    }

    #[test]
    fn the_socket_stands_in_the_state_directory() {
        let (config, _) = Config::load("wtor.toml", "state = '/var/lib/wtor'");
        assert_eq!(config.expect("good").control_socket, "/var/lib/wtor/wtor.sock");
    }

    #[test]
    fn a_source_has_a_name_and_an_input() {
        let text = "
[[source]]
file = ['/var/log/*.log', 'b.log']
catch_up = { report_older = '10m' }
[[source]]
name = 'live'
command = ['tail', '-F', 'x']
from = 'end'
";
        let (config, found) = Config::load("wtor.toml", text);
        assert!(found.is_empty(), "{found:?}");
        let sources = config.expect("good").sources;
        assert_eq!((&*sources[0].name, &*sources[1].name), ("b", "live"));
        assert_eq!(sources[0].input, Input::Files(vec!["/var/log/*.log".into(), "b.log".into()]));
        assert_eq!(sources[0].catch_up.age_max(), Some(Duration::from_secs(600)));
        assert_eq!(sources[1].from, From::End);
    }
}
