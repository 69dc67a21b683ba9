//! A mistake in a file that a person wrote, with its place and what to do about it. Many at once:
//! whoever edits a rulebook sees all of them.
//!
//! Layer: core

pub mod id;
mod render;

pub use render::{render_full, render_short, report, summary, to_json};

use crate::span::{Spot, visible};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The policy cannot be used.
    Error,
    /// The policy can be used; somebody should look.
    Warning,
    /// The policy can be used; perhaps somebody wants to know.
    Info,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Message id, `WTRnnnE`, `WTRnnnW` or `WTRnnnI`, documented in docs/messages.md.
    pub id: &'static str,
    /// Where it is.
    pub at: Spot,
    /// What is wrong, in lower case, without a period.
    pub text: String,
    /// A second place that takes part: "first defined here".
    pub also: Option<Spot>,
    /// What to do.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A mistake at a place.
    #[must_use]
    pub fn new(id: &'static str, at: Spot, text: &str) -> Diagnostic {
        // Words of the file may hold newlines, and the first line must stay one line.
        Diagnostic { id, at, text: visible(&text.replace(['\n', '\t'], " ")), also: None, help: None }
    }

    /// How bad it is, which the id says.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self.id.as_bytes().last() {
            Some(b'W') => Severity::Warning,
            Some(b'I') => Severity::Info,
            _ => Severity::Error,
        }
    }

    /// The same with words beside the carets.
    #[must_use]
    pub fn label(mut self, label: &str) -> Diagnostic {
        self.at.label = Some(visible(label));
        self
    }

    /// The same with advice.
    #[must_use]
    pub fn help(mut self, help: &str) -> Diagnostic {
        self.help = Some(visible(help));
        self
    }

    /// The same with "did you mean", if some word is close.
    #[must_use]
    pub fn did_you_mean<'w>(self, word: &str, words: impl IntoIterator<Item = &'w str>) -> Diagnostic {
        match closest(word, words) {
            Some(close) => self.help(&format!("did you mean `{close}`?")),
            None => self,
        }
    }

    /// The same with a second place.
    #[must_use]
    pub fn also(mut self, spot: Spot) -> Diagnostic {
        self.also = Some(spot);
        self
    }
}

/// True if one of them makes the policy unusable.
#[must_use]
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|d| d.severity() == Severity::Error)
}

/// The word that `word` was probably meant to be: the nearest one, if it is near.
pub fn closest<'w>(word: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let wanted = word.to_lowercase();
    let distance = |w: &str| strsim::damerau_levenshtein(&wanted, &w.to_lowercase());
    let (near, best) = words.into_iter().map(|w| (distance(w), w)).min_by_key(|(d, _)| *d)?;
    let allowed = (wanted.chars().count() / 3).max(1);
    (near <= allowed && near < best.chars().count()).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_near_words_are_offered() {
        assert_eq!(closest("wtihin", ["with", "within"]), Some("within"));
        assert_eq!(closest("restart_libery", ["restart_liberty", "x"]), Some("restart_liberty"));
        assert_eq!(closest("zzz", ["within"]), None);
        assert_eq!(closest("a", ["b"]), None);
    }
}
