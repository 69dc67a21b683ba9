//! wtor: the operator that answers. It reads console messages, knows from rules in TOML what they
//! mean, and acts, once.
//!
//! Read the modules in this order; each uses only those above it (docs/ARCHITECTURE.md holds the
//! exact graph, and a test holds the code to it).
//!
//! ```text
//! bytes -> lines -> records -> matches -> decisions -> runs
//! input    record   record     policy     agent        action
//! ```
//!
//! Layer: core

pub mod limits;
pub mod probe;
pub mod time;

pub mod span;

pub mod diagnostic;

pub mod document;

pub mod record;

pub mod secret;

pub mod rule;

pub mod job;

pub mod policy;

pub mod agent;
pub mod engine;
pub mod journal;

pub mod send;

pub mod action;
pub mod config;
pub mod control;
pub mod input;

pub mod daemon;
pub mod load;
pub mod replay;

pub mod cli;
pub mod demo;
