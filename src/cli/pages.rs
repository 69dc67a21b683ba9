//! Completions and man pages, made from the same definition as the command line itself.
//!
//! Layer: shell

use super::args::Cli;
use super::{Done, Exit, Failure, written};
use clap::CommandFactory;
use std::io::Write as _;
use std::path::Path;

pub(super) fn completions(shell: clap_complete::Shell) -> Done {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "wtor", &mut script);
    written(std::io::stdout().write_all(&script))
}

pub(super) fn man(dir: &Path) -> Done {
    std::fs::create_dir_all(dir).map_err(|e| Failure::about(dir.display(), e))?;
    clap_mangen::generate_to(Cli::command(), dir).map_err(|e| Failure::about(dir.display(), e))?;
    Ok(Exit::Good)
}
