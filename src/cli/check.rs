//! `wtor check`: what is wrong with configuration, rules and jobs.
//!
//! Layer: shell

use super::args::{CheckArgs, CheckFormat};
use super::output::{json_line, print};
use super::{Done, Exit, policy};
use crate::config::{Input, covers_copy};
use crate::diagnostic::{Diagnostic, has_errors, render_short, summary, to_json};
use crate::input::covered_copy;
use crate::load;
use crate::policy::Catalogue;
use crate::span::TextFile;
use std::sync::Arc;

pub(super) fn check(args: &CheckArgs) -> Done {
    let (found, mut loaded) = policy::load_to_obey(&args.policy)?;
    let rules = policy::directories(&args.policy, &found).0;
    let (own, stories) = (load::catalogues(&rules), load::stories(&rules));
    loaded.diagnostics.extend(own.unread.into_iter().chain(stories.unread));
    if let Some(policy) = loaded.policy.take().map(Arc::new) {
        let review = policy.review(&loaded.rules, &Catalogue::new(&own.files), found.config.journal_keep);
        loaded.diagnostics.extend(review);
    }
    loaded.diagnostics.extend(copies(&found));
    let bad = has_errors(&loaded.diagnostics);
    let in_force = if bad { "the policy cannot be used" } else { "the policy can be used" };
    let format = if args.json { CheckFormat::Json } else { args.format };
    let text = match format {
        CheckFormat::Full => policy::report(&loaded, in_force),
        CheckFormat::Short => {
            render_short(&loaded.diagnostics) + &summary(&policy::files(&loaded), &loaded.diagnostics, in_force)
        }
        CheckFormat::Json => loaded.diagnostics.iter().map(|d| json_line(&to_json(d)) + "\n").collect(),
    };
    print(&text)?;
    Ok(if bad { Exit::Findings } else { Exit::Good })
}

/// Sources whose patterns cover the copies of a log, as far as the files that are there show it.
fn copies(found: &policy::Found) -> Vec<Diagnostic> {
    let mut texts = load::Texts::default();
    found.file.iter().for_each(|file| texts.read(file, &file.display().to_string()));
    // What cannot be read has been told.
    let Some((name, text)) = texts.files.first() else { return Vec::new() };
    let text = TextFile::new(name, text);
    let of_source = |source: &crate::config::Source| {
        let Input::Files(patterns) = &source.input else { return None };
        let patterns: Vec<String> = patterns.iter().map(|p| found.base.join(p).display().to_string()).collect();
        let (log, copy) = covered_copy(&patterns)?;
        Some(covers_copy(&text, source, &log.display().to_string(), &copy.display().to_string()))
    };
    found.config.sources.iter().filter_map(of_source).collect()
}
