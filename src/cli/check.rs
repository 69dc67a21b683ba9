//! `wtor check`: what is wrong with configuration, rules and jobs.
//!
//! Layer: shell

use super::args::{CheckArgs, CheckFormat};
use super::output::{json_line, print};
use super::{Done, Exit, policy};
use crate::diagnostic::{has_errors, render_short, summary, to_json};

pub(super) fn check(args: &CheckArgs) -> Done {
    let (_, loaded) = policy::load(&args.policy)?;
    let in_force = if loaded.policy.is_some() { "the policy can be used" } else { "the policy cannot be used" };
    let format = if args.json { CheckFormat::Json } else { args.format };
    let text = match format {
        CheckFormat::Full => policy::report(&loaded, in_force),
        CheckFormat::Short => {
            render_short(&loaded.diagnostics) + &summary(&policy::files(&loaded), &loaded.diagnostics, in_force)
        }
        CheckFormat::Json => loaded.diagnostics.iter().map(|d| json_line(&to_json(d)) + "\n").collect(),
    };
    print(&text)?;
    Ok(if has_errors(&loaded.diagnostics) { Exit::Findings } else { Exit::Good })
}
