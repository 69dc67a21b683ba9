//! A report as one page of HTML that needs nothing else: what was decided, or what differs, on a line of time
//! and in a table. Everything that comes from logs or rules is escaped.
//!
//! Layer: shell

use super::report::decision_line;
use super::{Comparison, Difference};
use crate::journal::{Decision, Verdict};
use crate::policy::Policy;
use crate::span::visible;
use crate::time::Timestamp;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Rules that have a row of their own in the picture; the others share the last one.
const LANES_MAX: usize = 40;

/// Rows of the table; the others are counted.
const ROWS_MAX: usize = 10_000;

/// Where the picture begins, behind the names.
const LEFT: u32 = 220;

/// How wide it is.
const WIDTH: u32 = 900;

/// Height of a row of the picture.
const LANE: usize = 18;

const STYLE: &str = "body{font:14px sans-serif;margin:2em;color:#222}table{border-collapse:collapse}\
td,th{text-align:left;vertical-align:top;padding:.2em .8em;border-bottom:1px solid #ddd}pre{margin:0;white-space:pre-wrap}\
.same{fill:#999}.fired{fill:#26a}.other{fill:#bbb}.appears{fill:#292;color:#171}.disappears{fill:#c22;color:#a11}\
.changes{fill:#d80;color:#950}svg text{font:12px sans-serif}svg line{stroke:#ddd}";

/// One mark and one row.
struct Item<'a> {
    class: &'static str,
    decision: &'a Decision,
    text: String,
}

/// A report of what was decided.
#[must_use]
pub fn decisions_page(policy: &Policy, decisions: &[Decision], summary: &str) -> String {
    let class = |decision: &Decision| if decision.verdict == Verdict::Fired { "fired" } else { "other" };
    let text = |decision| decision_line(policy, decision);
    let items: Vec<Item<'_>> =
        decisions.iter().map(|decision| Item { class: class(decision), decision, text: text(decision) }).collect();
    page("wtor replay", &items, &[], summary)
}

/// A report of what differs. `text` says each difference in words.
#[must_use]
pub fn comparison_page(comparison: &Comparison, text: &dyn Fn(&Difference) -> String, summary: &str) -> String {
    let differences: Vec<Item<'_>> = comparison
        .differences
        .iter()
        .filter_map(|d| Some(Item { class: d.kind(), decision: d.decision()?, text: text(d) }))
        .collect();
    page("wtor replay --against", &differences, &comparison.same, summary)
}

fn page(title: &str, items: &[Item<'_>], same: &[Decision], summary: &str) -> String {
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style></head>\n\
         <body><h1>{title}</h1>\n<pre>{}</pre>\n",
        escaped(summary)
    );
    out += &picture(items, same);
    out += "<table><tr><th></th><th>time</th><th>rule</th><th>record</th><th>what</th></tr>\n";
    for item in items.iter().take(ROWS_MAX) {
        let (class, decision) = (item.class, item.decision);
        let place = format!("{}:{}", decision.origin.path, decision.origin.line);
        let _ = writeln!(
            out,
            "<tr><td class=\"{class}\">{class}</td><td>{}</td><td>{}</td><td>{}</td><td><pre>{}</pre></td></tr>",
            decision.at,
            escaped(&decision.rule),
            escaped(&place),
            escaped(&item.text)
        );
    }
    out += "</table>\n";
    if items.len() > ROWS_MAX {
        let _ = writeln!(out, "<p>and {} more</p>", items.len() - ROWS_MAX);
    }
    out + "</body></html>\n"
}

/// The line of time: a row a rule, a mark a decision.
fn picture(items: &[Item<'_>], same: &[Decision]) -> String {
    let all = || items.iter().map(|item| item.decision).chain(same);
    let times = || all().map(|decision| decision.at).filter(|at| *at != Timestamp::default());
    let (Some(first), Some(last)) = (times().min(), times().max()) else { return String::new() };
    let rules: BTreeSet<&str> = all().map(|decision| &*decision.rule).collect();
    let lanes: Vec<&str> = rules.into_iter().take(LANES_MAX).collect();
    let height = (lanes.len() + 3) * LANE;
    let mut out = format!("<svg width=\"{}\" height=\"{height}\" role=\"img\">\n", LEFT + WIDTH + 20);
    for (row, rule) in lanes.iter().enumerate() {
        let y = (row + 1) * LANE;
        let _ = writeln!(
            out,
            "<text x=\"0\" y=\"{}\">{}</text><line x1=\"{LEFT}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\"/>",
            y + 4,
            escaped(&shortened(rule)),
            LEFT + WIDTH
        );
    }
    let span = last.since(first).as_micros().max(1);
    let mut mark = |class: &str, decision: &Decision| {
        let row = lanes.iter().position(|rule| **rule == *decision.rule).unwrap_or(lanes.len());
        let x = u128::from(LEFT) + decision.at.since(first).as_micros() * u128::from(WIDTH) / span;
        let title = format!("{} {} {}:{}", decision.at, decision.rule, decision.origin.path, decision.origin.line);
        let _ = writeln!(
            out,
            "<circle class=\"{class}\" cx=\"{x}\" cy=\"{}\" r=\"4\"><title>{}</title></circle>",
            (row + 1) * LANE,
            escaped(&title)
        );
    };
    same.iter().take(ROWS_MAX).for_each(|decision| mark("same", decision));
    items.iter().take(ROWS_MAX).for_each(|item| mark(item.class, item.decision));
    let y = height - LANE / 2;
    let _ = writeln!(
        out,
        "<text x=\"{LEFT}\" y=\"{y}\">{first}</text><text x=\"{}\" y=\"{y}\" text-anchor=\"end\">{last}</text></svg>",
        LEFT + WIDTH
    );
    out
}

/// Names have 30 characters of room.
fn shortened(name: &str) -> String {
    if name.chars().count() <= 30 { name.to_owned() } else { name.chars().take(29).chain(['…']).collect() }
}

/// Text that is no markup, whatever it says.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        for c in visible(line).chars() {
            match c {
                '&' => out += "&amp;",
                '<' => out += "&lt;",
                '>' => out += "&gt;",
                '"' => out += "&quot;",
                '\'' => out += "&#39;",
                c => out.push(c),
            }
        }
        out += end;
    }
    out
}
