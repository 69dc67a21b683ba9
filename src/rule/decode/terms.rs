//! The terms of an action from TOML: `if`, `after`, `mode` and `ask`.
//!
//! Layer: core

use crate::diagnostic::id;
use crate::document::{Table, Value};
use crate::limits::SITUATION_SPAN_MAX;
use crate::rule::{Approval, Ask, Came, Terms};
use std::time::Duration;

/// Without a word about it, an approval is waited for this long, and then the run does not take place.
const ASK: Ask = Ask { within: Duration::from_secs(900), acts_unanswered: false };

/// `if` and `after`; none if there is a mistake in one.
pub(super) fn terms(table: &mut Table<'_>, run_before: bool) -> Option<Terms> {
    let came = table.take_entry("if").map(|(key, value)| {
        if !run_before {
            let mistake =
                table.doc().mistake(id::IDLE_KEY, &key.span, "`if` asks how the run before came out: there is none");
            let help = "write a list: `then = [{ run = … }, { run = …, if = \"failed\" }]`";
            table.doc().note(&key.span, mistake.help(help));
        }
        value.word(&["good", "failed"], |word| match word {
            "good" => Some(Came::Good),
            "failed" => Some(Came::Failed),
            _ => None,
        })
    });
    let after = span_of(table, "after");
    let came = came.map_or(Some(None), |came| came.map(Some));
    Some(Terms { came: came?, after: after?, approval: Approval::default() })
}

/// `mode` and `ask` of a run or a hand-over.
pub(super) fn approval(table: &mut Table<'_>) -> Option<Approval> {
    let mode = table.take("mode").map(|mode| {
        mode.word(&["act", "ask"], |word| match word {
            "act" => Some(Approval::NotNeeded),
            "ask" => Some(Approval::Needed(ASK)),
            _ => None,
        })
    });
    let asks = !matches!(mode, None | Some(Some(Approval::NotNeeded)));
    let ask = ask(table, asks)?;
    let mode = mode.unwrap_or(Some(Approval::AsRule))?;
    Some(if let Approval::Needed(_) = mode { Approval::Needed(ask) } else { mode })
}

/// `ask`: how long an approval is waited for, and what then.
pub(super) fn ask(table: &mut Table<'_>, asks: bool) -> Option<Ask> {
    let Some((key, value)) = table.take_entry("ask") else { return Some(ASK) };
    if !asks {
        let mistake = table.doc().mistake(id::IDLE_KEY, &key.span, "`ask` says how to ask, and nobody is asked");
        table.doc().note(&key.span, mistake.help("add `mode = \"ask\"`, or leave `ask` out"));
    }
    let mut table = value.table("`ask`")?;
    let within = table.take("within").map_or(Some(ASK.within), span);
    let acts = table.take("otherwise").map_or(Some(ASK.acts_unanswered), |value| {
        value.word(&["deny", "act"], |word| match word {
            "deny" => Some(false),
            "act" => Some(true),
            _ => None,
        })
    });
    let whole = table.is_empty();
    table.finish_with(&[("timeout", "within"), ("for", "within"), ("default", "otherwise")]);
    let ask = Ask { within: within?, acts_unanswered: acts? };
    whole.then_some(ask)
}

/// A span, if that key is there.
pub(super) fn span_of(table: &mut Table<'_>, key: &'static str) -> Option<Option<Duration>> {
    table.take(key).map_or(Some(None), |value| span(value).map(Some))
}

/// A span that something may wait or last.
fn span(value: Value<'_>) -> Option<Duration> {
    let span = value.duration()?;
    if span.is_zero() || span > SITUATION_SPAN_MAX {
        let days = SITUATION_SPAN_MAX.as_secs() / 86_400;
        value.error(id::OUT_OF_RANGE, &format!("this span must be longer than nothing and at most {days} days"));
        return None;
    }
    Some(span)
}
