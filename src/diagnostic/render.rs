//! Diagnostics as people and tools read them: in full with excerpts and carets, one line each, and
//! JSON.
//!
//! Layer: core

use super::{Diagnostic, Severity};
use crate::limits::DIAGNOSTICS_PER_FILE_MAX;
use crate::span::Spot;
use serde_json::{Value, json};

/// All of them in full, a blank line between two, each line ended.
#[must_use]
pub fn render_full(diagnostics: &[Diagnostic]) -> String {
    render(diagnostics, full, "\n")
}

/// The first line of each: location, severity, id, what is wrong.
#[must_use]
pub fn render_short(diagnostics: &[Diagnostic]) -> String {
    render(diagnostics, |diagnostic| first_line(diagnostic) + "\n", "")
}

/// One object for one diagnostic.
#[must_use]
pub fn to_json(diagnostic: &Diagnostic) -> Value {
    let spot = |spot: &Spot| {
        json!({
            "file": &*spot.place.file,
            "line": spot.place.line,
            "column": spot.place.column,
            "width": spot.width,
            "excerpt": spot.excerpt,
            "label": spot.label,
        })
    };
    json!({
        "id": diagnostic.id,
        "severity": severity(diagnostic),
        "text": diagnostic.text,
        "at": spot(&diagnostic.at),
        "also": diagnostic.also.as_ref().map(spot),
        "help": diagnostic.help,
    })
}

/// The last line of every report: what was read (`2 rule files`), how many mistakes, and what is in
/// force now.
#[must_use]
pub fn summary(read: &str, diagnostics: &[Diagnostic], in_force: &str) -> String {
    let count = |wanted: Severity| diagnostics.iter().filter(|d| d.severity() == wanted).count();
    let counts: Vec<String> =
        [(count(Severity::Error), "error"), (count(Severity::Warning), "warning"), (count(Severity::Info), "note")]
            .into_iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, noun)| format!("{n} {noun}{}", if n == 1 { "" } else { "s" }))
            .collect();
    let counts = if counts.is_empty() { "no mistakes".to_owned() } else { counts.join(", ") };
    format!("wtor: {read} read, {counts}; {in_force}\n")
}

/// The full report: all of them, and the last line.
#[must_use]
pub fn report(read: &str, diagnostics: &[Diagnostic], in_force: &str) -> String {
    let mistakes = render_full(diagnostics);
    let between = if mistakes.is_empty() { "" } else { "\n" };
    mistakes + between + &summary(read, diagnostics, in_force)
}

/// Sorted by file and position; of each file only so many, then a count.
fn render(diagnostics: &[Diagnostic], one: fn(&Diagnostic) -> String, between: &str) -> String {
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort_by_key(|d| (&d.at.place.file, d.at.place.line, d.at.place.column));
    let mut parts = Vec::new();
    for of_file in sorted.chunk_by(|a, b| a.at.place.file == b.at.place.file) {
        parts.extend(of_file.iter().take(DIAGNOSTICS_PER_FILE_MAX).map(|d| one(d)));
        let more = of_file.len().saturating_sub(DIAGNOSTICS_PER_FILE_MAX);
        if more > 0 {
            parts.push(format!("{}: {more} more not shown\n", of_file[0].at.place.file));
        }
    }
    parts.join(between)
}

fn full(diagnostic: &Diagnostic) -> String {
    let spots = std::iter::once(&diagnostic.at).chain(&diagnostic.also);
    let digits = spots.map(|s| s.place.line.to_string().len()).max().unwrap_or(1);
    let margin = " ".repeat(digits);
    let mut out = first_line(diagnostic) + "\n" + &excerpt(&diagnostic.at, digits);
    if let Some(also) = &diagnostic.also {
        let place = &also.place;
        out += &format!("{margin}::: {}:{}:{}\n{}", place.file, place.line, place.column, excerpt(also, digits));
    }
    if let Some(help) = &diagnostic.help {
        out += &format!("{margin} = help: {help}\n");
    }
    out
}

fn first_line(diagnostic: &Diagnostic) -> String {
    let place = &diagnostic.at.place;
    let (severity, id) = (severity(diagnostic), diagnostic.id);
    let at = match place.line {
        0 => place.file.to_string(),
        line => format!("{}:{line}:{}", place.file, place.column),
    };
    format!("{at}: {severity} {id}: {}", diagnostic.text)
}

/// The line with its carets; nothing of a file as a whole.
fn excerpt(spot: &Spot, digits: usize) -> String {
    if spot.place.line == 0 {
        return String::new();
    }
    let margin = " ".repeat(digits);
    // A tab before the carets stays a tab, so that they stand below their text at any tab width.
    let before = spot.excerpt.chars().take(spot.place.column.saturating_sub(1) as usize);
    let blank: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    let carets = "^".repeat(spot.width);
    let label = spot.label.as_ref().map(|label| format!(" {label}")).unwrap_or_default();
    let line = format!("{:>digits$} | {}", spot.place.line, spot.excerpt);
    format!("{margin} |\n{}\n{margin} | {blank}{carets}{label}\n", line.trim_end())
}

fn severity(diagnostic: &Diagnostic) -> &'static str {
    match diagnostic.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

#[cfg(test)]
mod tests {
    use super::super::id;
    use super::*;
    use crate::span::TextFile;

    #[test]
    fn the_form_is_that_of_the_style_guide() {
        let file = TextFile::new("rules/liberty.toml", "\n\n\nwtihin  = '5m'\n");
        let one = Diagnostic::new(id::UNKNOWN_KEY, file.spot(&(3..9)), "unknown key `wtihin` in a rule");
        let one = one.did_you_mean("wtihin", ["within"]);
        let expected = "\
rules/liberty.toml:4:1: error WTR010E: unknown key `wtihin` in a rule
  |
4 | wtihin  = '5m'
  | ^^^^^^
  = help: did you mean `within`?
";
        assert_eq!(render_full(std::slice::from_ref(&one)), expected);
        let short = "rules/liberty.toml:4:1: error WTR010E: unknown key `wtihin` in a rule\n";
        assert_eq!(render_short(std::slice::from_ref(&one)), short);
        assert_eq!(to_json(&one)["at"]["column"], 1);
        let last = summary("2 rule files", &[one], "the running policy 7f3a91 stays in force");
        assert_eq!(last, "wtor: 2 rule files read, 1 error; the running policy 7f3a91 stays in force\n");
    }

    #[test]
    fn at_most_fifty_of_a_file_then_a_count() {
        let file = TextFile::new("a.toml", "x\n");
        let many = vec![Diagnostic::new(id::UNKNOWN_KEY, file.spot(&(0..1)), "no"); 53];
        let text = render_short(&many);
        assert_eq!(text.lines().count(), 51);
        assert!(text.ends_with("a.toml: 3 more not shown\n"));
    }
}
