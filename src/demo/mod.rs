//! The demo's world: a real Open Liberty server, and a client that polls it.
//! Layer: shell
//!
//! `install` fetches Liberty once, `spec` says what a server is to look like,
//! `liberty` makes, starts and stops it in a directory of its own, `client`
//! records what a client of it sees, `log` what its log says when; `agent` is
//! wtor itself beside it, as a child process. Tests and `wtor demo` use the same.
//! `story` plays the demo's two acts with them.

pub mod agent;
pub mod client;
pub mod install;
mod keeper;
pub mod liberty;
pub mod log;
pub mod scratch;
pub mod spec;
pub mod story;
