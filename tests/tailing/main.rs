//! Sources, black box: files first, one test for each way in which a log can misbehave. Nothing sleeps: every wait
//! is for a condition, with a deadline that only a failing test reaches.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod copies;
mod harness;
mod latency;
mod names;
mod property;
mod restart;
mod rotation;
mod streams;
mod truncation;
