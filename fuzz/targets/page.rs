//! What is shown of a log: the page of a report, and the lines for people.

use super::story::shipped;
use wtor::journal::{Decision, Entry};
use wtor::record::Options;
use wtor::replay::{Difference, Replay, compare, comparison_page, decision_line, decisions_page};
use wtor::span::steers;

/// The name of a file, then zero, then a log. Nothing in it becomes markup, or steers a terminal.
pub fn page(data: &[u8]) {
    let zero = data.iter().position(|b| *b == 0).unwrap_or(0);
    let name = String::from_utf8_lossy(&data[..zero]);
    let log = data.get(zero + 1..).unwrap_or_default();
    let policy = shipped();
    let mut decisions: Vec<Decision> = Vec::new();
    let mut sink = |entry: &Entry| {
        if let Entry::Decided(decision) = entry {
            decisions.push(decision.clone());
        }
    };
    let mut replay = Replay::new(policy.clone());
    let mut bytes = log;
    replay.file(&*name, &mut bytes, &Options::default(), &mut |_| {}, &mut sink).expect("from memory");
    replay.finish(&mut sink);
    let summary = replay.summary().table(20);
    for decision in &decisions {
        let line = decision_line(policy, decision);
        assert_harmless(&line);
        assert!(line.lines().skip(1).all(|line| line.starts_with("    would") || line.starts_with("      ")), "{line}");
    }
    assert_harmless(&summary);
    assert_is_page(&decisions_page(policy, &decisions, &summary), decisions.len());

    // Half of it was decided before, and the first of it otherwise.
    let mut before = decisions[..decisions.len() / 2].to_vec();
    before.iter_mut().take(1).for_each(|decision| decision.actions.clear());
    let comparison = compare(before, decisions.clone());
    let words = |difference: &Difference| difference.decision().map_or_else(String::new, |d| decision_line(policy, d));
    assert_is_page(&comparison_page(&comparison, &words, &summary), comparison.differences.len());
}

/// Steers nothing that shows it.
fn assert_harmless(text: &str) {
    assert!(!text.contains(|c| steers(c) && !matches!(c, '\n' | '\t')), "{}", text.escape_debug());
}

/// What a page is made of.
const TAGS: [&str; 18] = [
    "!DOCTYPE", "html", "head", "meta", "title", "style", "body", "h1", "pre", "table", "tr", "th", "td", "p", "svg",
    "text", "line", "circle",
];

/// A page of our own tags with our own attributes, and a row for each decision; all else is text.
fn assert_is_page(page: &str, rows: usize) {
    assert_harmless(page);
    let mut open: Vec<&str> = Vec::new();
    let mut rest = page;
    while let Some((text, behind)) = rest.split_once('<') {
        assert!(!text.contains('>'), "{text}");
        for entity in text.split('&').skip(1) {
            assert!(["amp;", "lt;", "gt;", "quot;", "#39;"].iter().any(|known| entity.starts_with(known)), "{text}");
        }
        let (tag, behind) = behind.split_once('>').expect("its end");
        let plain = |c: char| c.is_ascii_alphanumeric() || " \"=/!.-".contains(c);
        assert!(tag.chars().all(plain), "<{tag}>");
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
        assert!(TAGS.contains(&name), "<{tag}>");
        assert!(!tag.contains(" on") && !tag.contains("href") && !tag.contains("src"), "<{tag}>");
        match tag.strip_prefix('/') {
            Some(closed) => assert_eq!(open.pop(), Some(closed)),
            None if tag.ends_with('/') || matches!(name, "!DOCTYPE" | "meta") => {}
            None => open.push(name),
        }
        rest = behind;
    }
    assert_eq!(open, [""; 0], "something is left open");
    assert_eq!(page.matches("<tr><td").count(), rows);
}
