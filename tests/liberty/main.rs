//! A real Open Liberty, the real binary, and a client that polls: the story end to end.
//!
//! They run by default. Without a JDK and Maven they fail and say so; `WTOR_SKIP_LIBERTY=1` skips
//! them with a notice.

#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

mod decisions;
mod doubt;
mod endpoints;
mod log_files;
mod proof;
mod world;
