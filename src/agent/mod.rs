//! The program as a state machine: one pure function from an event to effects. Start reading here.
//!
//! Layer: core

mod effect;
mod event;

pub use effect::{Effect, Notice};
pub use event::{Event, Matched, Target};
