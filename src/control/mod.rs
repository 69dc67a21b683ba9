//! Talking to a running agent: one JSON object a line over a Unix socket, a request and its answer.
//!
//! Layer: core

mod protocol;

pub use protocol::{Answer, Request};
