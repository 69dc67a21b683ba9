//! Black-box tests: the real binary in a directory of its own, told by files, signals and commands,
//! judged by what it prints, journals and runs.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod servers;
mod world;

/// From a line in a log to a job that ran: order, values, steps, retries, expectations.
mod run;

/// Text from a log that wants to be more than data.
mod hostile;

/// Logs, files and jobs that pretend: forged lines, forged ids, forged messages of ours.
mod forged;

/// Jobs that are slower than what asks for them.
mod pressure;

/// Steps that send: webhooks and mail.
mod sending;
/// Whose files root obeys.
mod trust;

/// Least privilege: permissions, allowed programs, secrets.
mod guard;

/// A replay beside an earlier account of the same logs, and its reports.
mod compare;

/// What the journal answers: rules in numbers, shadows, the lineage of a decision.
mod lineage;

/// Death and return: nothing twice, nothing lost, doubts said.
mod restart;

/// Deaths and disk failures at one place after another between reading a line and the end of its run.
mod gaps;

/// What rules know of more than one record, and what they do by time alone.
mod situations;

/// Numbered lines through every kind of rotation, with deaths in between.
mod rotation;

/// Another policy while the agent runs.
mod reload;

/// Every form and every action: live, over deaths, and in a replay.
mod forms;

/// What people say to the running agent.
mod control;

/// What a service manager hears, and the unit that systemd is given.
mod service;

/// Every kind of source that wtor.toml can name.
mod sources;

/// The commands that look: exit codes, JSON, mistakes, generated pages.
mod commands;

/// Saved logs: records, replay, explain.
mod saved;
