//! The command line: subcommands and flags.
//!
//! Layer: shell

mod control;

pub use control::{AboutRunArgs, CloseArgs, DisableArgs, EnableArgs, InjectArgs, ReleaseArgs};

use crate::record::Format;
use crate::rule::Zone;
use clap::builder::{PossibleValuesParser, RangedU64ValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// The operator that answers: reads console messages, matches them against rules, runs jobs, once.
#[derive(Debug, Parser)]
#[command(name = "wtor", version, propagate_version = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 good; 1 findings (mistakes in the policy, samples that fail); 2 usage; 3 could not do it \
(files, journal, no agent); 4 internal fault.";

const ENCODINGS: [&str; 5] = ["auto", "ascii", "utf-8", "ibm-1047", "ibm-037"];
const PRESETS: [&str; 3] = ["liberty", "cdp-syslog-console", "zosmf-log"];
const LENGTH_MAX: u64 = crate::limits::LINE_BYTES_MAX as u64;

/// A zone of the tables that are compiled in.
fn zone(name: &str) -> Result<Zone, String> {
    Zone::named(name).ok_or_else(|| "there is no such time zone".into())
}

fn formats() -> PossibleValuesParser {
    std::iter::once("auto").chain(Format::ALL.map(Format::name)).into()
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch the sources and act (the daemon).
    Run(RunArgs),
    /// Report every mistake in wtor.toml, rules and jobs.
    Check(CheckArgs),
    /// Run the samples in the rules, and the stories beside them.
    Test(TestArgs),
    /// Dry run: show what saved logs would have led to.
    Replay(ReplayArgs),
    /// Show how each record of a log is read.
    Records(RecordsArgs),
    /// Explain how one line was read and why rules did or did not match it; a decision; or one of our messages.
    Explain(ExplainArgs),
    /// Decisions, from the journal.
    History(HistoryArgs),
    /// Runs, from the journal; with a number, one run and what it printed.
    Runs(RunsArgs),
    /// The journal as a whole.
    Journal {
        /// What to do with it.
        #[command(subcommand)]
        command: JournalCommand,
    },
    /// Each rule in numbers, from the journal; with logs, the ids in them that have no rule.
    Stats(StatsArgs),
    /// What rules in shadow mode would have done, beside what acting rules did about the same records.
    Shadow(ShadowArgs),
    /// What the running agent is doing.
    Status(ControlArgs),
    /// Have the running agent read its rules and jobs again: all or nothing.
    Reload(ControlArgs),
    /// Decide what becomes of a run in doubt.
    Release(ReleaseArgs),
    /// End the processes of a run that is running, or let one that has not begun not take place.
    Cancel(AboutRunArgs),
    /// Let a run take place that waits for approval.
    Approve(AboutRunArgs),
    /// Let a run not take place that waits for approval.
    Deny(AboutRunArgs),
    /// Let a rule or a group do nothing for a while.
    Disable(DisableArgs),
    /// Let it do again what it did.
    Enable(EnableArgs),
    /// Situations that are alive, and named ones that are set.
    Situations(ControlArgs),
    /// Forget what a rule knows of a key, or let a named situation be over.
    Close(CloseArgs),
    /// Send a test message through the whole way, marked as such.
    Inject(InjectArgs),
    /// Have the running agent start nothing more, and end when what runs has ended.
    Drain(ControlArgs),
    /// Have the running agent end what runs, and end.
    Stop(ControlArgs),
    /// Start a real Liberty server with its endpoints closed, and open them when it is ready.
    Demo(DemoArgs),
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write the man pages into a directory.
    Man {
        /// The directory; it is made if need be.
        dir: PathBuf,
    },
    /// Send what standard input says; steps that send do so.
    #[command(hide = true)]
    Send,
}

/// `wtor journal`
#[derive(Debug, Subcommand)]
pub enum JournalCommand {
    /// Look at all of it, and say what is damaged; nothing is changed.
    Check(ControlArgs),
    /// Print all of it, one object a line.
    Export(ControlArgs),
}

/// Where the policy is.
#[derive(Args, Clone, Debug)]
pub struct PolicyArgs {
    /// Configuration file; without it, `wtor.toml` in this directory if there is one.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Directory of rules.
    #[arg(long, value_name = "DIR")]
    pub rules: Option<PathBuf>,
    /// Directory of jobs.
    #[arg(long, value_name = "DIR")]
    pub jobs: Option<PathBuf>,
}

/// How a log is read.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct FormatArgs {
    /// Layout of the log.
    #[arg(long, value_name = "FORMAT", default_value = "auto", value_parser = formats())]
    pub format: String,
    /// Character set.
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = ENCODINGS)]
    pub encoding: String,
    /// Length of a record in bytes, for files without newlines.
    #[arg(long, value_name = "BYTES", value_parser = RangedU64ValueParser::<usize>::new().range(1..=LENGTH_MAX))]
    pub record_length: Option<usize>,
    /// Field mapping for `--format json`.
    #[arg(long, value_name = "NAME", value_parser = PRESETS)]
    pub preset: Option<String>,
}

impl Default for FormatArgs {
    /// Nothing is said: everything is found out.
    fn default() -> FormatArgs {
        FormatArgs { format: "auto".into(), encoding: "auto".into(), record_length: None, preset: None }
    }
}

/// `wtor run`
#[derive(Args, Debug)]
pub struct RunArgs {
    /// Where the policy is.
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// Files to follow, instead of the sources in wtor.toml; `-` is standard input.
    pub files: Vec<String>,
    /// How these files are read.
    #[command(flatten)]
    pub format: FormatArgs,
    /// Directory of the journal and the control socket.
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Where to begin in files that the journal does not know.
    #[arg(long, value_enum)]
    pub from: Option<FromArg>,
    /// Stop when all sources are at their end (standard input, or a test).
    #[arg(long)]
    pub until_idle: bool,
    /// Print our own messages as JSON lines.
    #[arg(long)]
    pub json: bool,
}

/// Where to begin.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum FromArg {
    /// Where the journal says.
    Checkpoint,
    /// At the end.
    End,
    /// At the beginning.
    Start,
}

/// `wtor check`
#[derive(Args, Debug)]
pub struct CheckArgs {
    /// Where the policy is.
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// How to print what was found.
    #[arg(long, value_enum, default_value = "full")]
    pub format: CheckFormat,
    /// The same as `--format json`.
    #[arg(long)]
    pub json: bool,
}

/// Forms of a diagnostic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// With excerpt and help.
    Full,
    /// One line each.
    Short,
    /// One object each.
    Json,
}

/// `wtor test`
#[derive(Args, Debug)]
pub struct TestArgs {
    /// Where the policy is.
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// Only rules and stories whose name contains this.
    pub filter: Option<String>,
    /// Say which alternatives of lists and patterns no line has met.
    #[arg(long)]
    pub coverage: bool,
    /// One object a sample, a story and a rule.
    #[arg(long)]
    pub json: bool,
}

/// `wtor replay`
#[derive(Args, Debug)]
pub struct ReplayArgs {
    /// Where the policy is.
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// How the logs are read.
    #[command(flatten)]
    pub format: FormatArgs,
    /// Saved logs, globs, or `-` for standard input.
    #[arg(required = true)]
    pub files: Vec<String>,
    /// Time zone of stamps that have none, such as Europe/Berlin: times are then universal.
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    pub zone: Option<Zone>,
    /// Show only what differs from the decisions of other rules (their directory, or one with rules/ and jobs/ in it)
    /// or of a journal (its state directory or file). Exit code 1 if anything does.
    #[arg(long, value_name = "PATH")]
    pub against: Option<PathBuf>,
    /// Write a report, too: FILE.txt, FILE.json or FILE.html.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// One object a decision.
    #[arg(long)]
    pub json: bool,
    /// Only the summary (with --json: as one object).
    #[arg(long)]
    pub summary: bool,
}

/// `wtor records`
#[derive(Args, Debug)]
pub struct RecordsArgs {
    /// How the logs are read.
    #[command(flatten)]
    pub format: FormatArgs,
    /// Logs, globs, or `-` for standard input.
    #[arg(required = true)]
    pub files: Vec<String>,
    /// One object a record.
    #[arg(long)]
    pub json: bool,
}

/// `wtor explain`
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// Where the policy is.
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// How the log is read.
    #[command(flatten)]
    pub format: FormatArgs,
    /// `FILE:LINE`, `decision:N` with a number of `wtor history`, or one of our message ids (WTR021E).
    pub what: String,
    /// Directory of the journal, for a decision.
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Show every rule, not only the near ones.
    #[arg(long)]
    pub all: bool,
    /// As one object.
    #[arg(long)]
    pub json: bool,
}

/// Where the running agent and its journal are.
#[derive(Args, Clone, Debug)]
pub struct ControlArgs {
    /// Configuration file; without it, `wtor.toml` in this directory if there is one.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Directory of the journal and the control socket.
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

/// `wtor history`
#[derive(Args, Debug)]
pub struct HistoryArgs {
    /// Where the journal is.
    #[command(flatten)]
    pub control: ControlArgs,
    /// Only this rule.
    #[arg(long)]
    pub rule: Option<String>,
    /// At most so many, the newest.
    #[arg(long, default_value_t = 50)]
    pub limit: usize,
}

/// `wtor stats`
#[derive(Args, Debug)]
pub struct StatsArgs {
    /// Where the policy is.
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// Directory of the journal.
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Only decisions of so long a time until now: `7d`.
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Logs, globs, or `-` for standard input: which ids in them have no rule.
    pub files: Vec<String>,
    /// How the logs are read.
    #[command(flatten)]
    pub format: FormatArgs,
    /// As one object.
    #[arg(long)]
    pub json: bool,
}

/// `wtor shadow`
#[derive(Args, Debug)]
pub struct ShadowArgs {
    /// Where the journal is.
    #[command(flatten)]
    pub control: ControlArgs,
    /// Only this rule.
    pub rule: Option<String>,
    /// At most so many decisions, the newest.
    #[arg(long, default_value_t = 1000)]
    pub limit: usize,
}

/// `wtor runs`
#[derive(Args, Debug)]
pub struct RunsArgs {
    /// Where the journal is.
    #[command(flatten)]
    pub control: ControlArgs,
    /// Number of one run.
    pub run: Option<u64>,
    /// Only this job.
    #[arg(long)]
    pub job: Option<String>,
    /// Only those that are in doubt.
    #[arg(long)]
    pub in_doubt: bool,
    /// At most so many, the newest.
    #[arg(long, default_value_t = 50)]
    pub limit: usize,
}

/// `wtor demo`
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// How long the application takes to start.
    #[arg(long, value_name = "TIME", default_value = "8s")]
    pub delay: String,
    /// Start the server with wtor so many times.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub times: u32,
    /// Skip the first act, the server without wtor.
    #[arg(long)]
    pub only_with: bool,
    /// One object at the end.
    #[arg(long)]
    pub json: bool,
}
