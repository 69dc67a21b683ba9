//! `wtor journal check` and `wtor journal export`: the journal as a whole, beside an agent or without one.
//!
//! Layer: shell

use super::args::{ControlArgs, JournalCommand};
use super::journal::{failure, reader, state};
use super::output::{json_line, print, print_json, written};
use super::{Done, Exit};
use crate::daemon::counted;
use crate::journal::store::{Checked, Error, FILE, Reader};
use crate::span::visible;
use serde_json::json;
use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::path::Path;

pub(super) fn journal(command: &JournalCommand) -> Done {
    match command {
        JournalCommand::Check(args) => check(args),
        JournalCommand::Export(args) => export(args),
    }
}

fn check(args: &ControlArgs) -> Done {
    let state = state(args)?;
    let path = state.join(FILE);
    let checked = match Reader::open(&state).and_then(|reader| reader.check()) {
        // It is so damaged that nothing in it can be looked at.
        Err(Error::Damaged { found, .. }) => Checked { found: vec![found], ..Checked::default() },
        checked => checked.map_err(|error| failure(&error))?,
    };
    let good = checked.found.is_empty();
    if args.json {
        let mut object = json!(checked);
        (object["journal"], object["good"]) = (json!(path), json!(good));
        print_json(&object)?;
    } else {
        print(&text(&path, &checked))?;
    }
    Ok(if good { Exit::Good } else { Exit::Findings })
}

fn text(path: &Path, checked: &Checked) -> String {
    let count = |n: u64, one: &str, many: &str| counted(usize::try_from(n).unwrap_or(usize::MAX), one, many);
    let mut text = format!(
        "{}: schema {}, {}, {}, {} ({} open, {} in doubt), {}\n",
        visible(&path.display().to_string()),
        checked.schema,
        count(checked.entries, "entry", "entries"),
        count(checked.decisions, "decision", "decisions"),
        count(checked.runs, "run", "runs"),
        checked.open,
        checked.in_doubt,
        count(checked.positions, "position", "positions")
    );
    for found in &checked.found {
        text += &format!("WTR202S {}\n", visible(found));
    }
    let damaged = Error::Damaged { path: path.to_owned(), found: String::new() };
    match damaged.help().filter(|_| !checked.found.is_empty()) {
        Some(help) => text + &format!("  = help: {}\n", visible(&help)),
        None => text + "it is as it was written\n",
    }
}

fn export(args: &ControlArgs) -> Done {
    let reader = reader(args)?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut result = Ok(());
    let exported = reader.export(&mut |object| {
        result = writeln!(out, "{}", json_line(&object));
        if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    written(result.and_then(|()| out.flush()))?;
    exported.map(|()| Exit::Good).map_err(|error| failure(&error))
}
