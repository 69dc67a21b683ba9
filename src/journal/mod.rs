//! What the agent remembers: entries, and the ledger that is their fold. The file that keeps them
//! is `store`.
//!
//! Layer: core

mod action;
mod entry;
mod ledger;
mod note;
mod place;
mod shown;
mod standing;
pub mod store;

pub use action::{Action, By, Depends, Release, Terms};
pub use entry::{Brake, Decision, Entry, RunId, Verdict};
pub use ledger::{Fault, Ledger, LedgerRun, Phase};
pub use note::{Concluded, Key, Note, Part};
pub use place::{Checkpoint, FileKey, Origin};
pub use standing::{Standing, StandingOrders, Subject};
