//! Arguments of the commands by which people steer the running agent.
//!
//! Layer: shell

use super::ControlArgs;
use clap::Args;

/// `wtor release`
#[derive(Args, Debug)]
pub struct ReleaseArgs {
    /// Where the agent is.
    #[command(flatten)]
    pub control: ControlArgs,
    /// Number of the run.
    pub run: u64,
    /// Run it again.
    #[arg(long, conflicts_with_all = ["good", "failed"])]
    pub rerun: bool,
    /// Somebody has looked: it came out well.
    #[arg(long, conflicts_with = "failed")]
    pub good: bool,
    /// Somebody has looked: it did not.
    #[arg(long)]
    pub failed: bool,
    /// Why, for the journal.
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
}

/// `wtor disable`
#[derive(Args, Debug)]
pub struct DisableArgs {
    /// Where the agent is.
    #[command(flatten)]
    pub control: ControlArgs,
    /// A rule, or `group:NAME`.
    #[arg(value_name = "RULE|group:NAME")]
    pub what: String,
    /// Why, for the journal and for those who wonder.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// Until then: `18:00`, `2026-12-24T18:00`, in this machine's zone, or with a zone of its own.
    #[arg(long, value_name = "TIME", conflicts_with = "for")]
    pub until: Option<String>,
    /// For so long.
    #[arg(long, value_name = "SPAN")]
    pub r#for: Option<String>,
}

/// `wtor enable`
#[derive(Args, Debug)]
pub struct EnableArgs {
    /// Where the agent is.
    #[command(flatten)]
    pub control: ControlArgs,
    /// A rule, or `group:NAME`.
    #[arg(value_name = "RULE|group:NAME")]
    pub what: String,
    /// Why, for the journal.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
}

/// `wtor close`
#[derive(Args, Debug)]
pub struct CloseArgs {
    /// Where the agent is.
    #[command(flatten)]
    pub control: ControlArgs,
    /// The rule, or the name of the situation.
    pub name: String,
    /// One of them, as `wtor situations` shows its key.
    pub key: Option<String>,
    /// Why, for the journal.
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
}

/// `wtor inject`
#[derive(Args, Debug)]
pub struct InjectArgs {
    /// Where the agent is.
    #[command(flatten)]
    pub control: ControlArgs,
    /// The message, as the log would have it; several lines with newlines between.
    pub text: String,
    /// The source that it stands for; without it the first one.
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
}

/// `wtor cancel`, `approve` and `deny`
#[derive(Args, Debug)]
pub struct AboutRunArgs {
    /// Where the agent is.
    #[command(flatten)]
    pub control: ControlArgs,
    /// Number of the run.
    pub run: u64,
    /// Why, for the journal.
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
}
