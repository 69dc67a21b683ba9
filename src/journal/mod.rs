//! What the agent remembers: entries, and the ledger that is their fold. The file that keeps them
//! is `store`.
//!
//! Layer: core

mod entry;
mod ledger;
mod note;
pub mod store;

pub use entry::{Action, By, Checkpoint, Decision, Depends, Entry, FileKey, Origin, RunId, Terms, Verdict};
pub use ledger::{Fault, Ledger, LedgerRun, Phase};
pub use note::{Concluded, Key, Note, Part};
