//! The demo's world: a real Open Liberty server, and a client that polls it.
//! Layer: shell
//!
//! `install` fetches Liberty once, `spec` says what a server is to look like,
//! `liberty` makes, starts and stops it in a directory of its own, `client`
//! records what a client of it sees. Tests and `wtor demo` use the same four.

pub mod client;
pub mod install;
pub mod liberty;
pub mod spec;
