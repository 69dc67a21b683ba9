//! Any text as a story about the rules that are shipped.

use super::say;
use std::sync::{Arc, OnceLock};
use wtor::diagnostic::{Diagnostic, has_errors, render_full, render_short};
use wtor::policy::Policy;
use wtor::replay::Story;
use wtor::rule::Brakes;
use wtor::span::steers;

macro_rules! shipped {
    ($($file:literal)*) => { [$(($file, include_str!(concat!("../../", $file)))),*] };
}

const RULES: [(&str, &str); 7] = shipped![
    "rules/cics.toml" "rules/console.toml" "rules/ims-connect.toml" "rules/jes2.toml" "rules/liberty.toml"
    "rules/vipa.toml" "rules/zos-connect.toml"
];
const JOBS: [(&str, &str); 6] = shipped![
    "jobs/alert.toml" "jobs/cics-region.toml" "jobs/ims-connect.toml" "jobs/pause-endpoints.toml"
    "jobs/resume-endpoints.toml" "jobs/vipa-moved.toml"
];

/// The rules and jobs that are shipped.
pub fn shipped() -> &'static Arc<Policy> {
    static POLICY: OnceLock<Arc<Policy>> = OnceLock::new();
    POLICY.get_or_init(|| {
        let owned = |files: &[(&str, &str)]| -> Vec<(String, String)> {
            files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
        };
        let (policy, found) = Policy::load(&owned(&RULES), &owned(&JOBS));
        Arc::new(policy.unwrap_or_else(|| panic!("{}", render_full(&found))))
    })
}

/// Every mistake is said of a place in the story, and what is said steers nothing; how lines end and what
/// stands in comments is nothing to a story.
pub fn story(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let found = told(&text);
    let lines = text.split('\n').count();
    for mistake in &found {
        assert!((1..=lines).contains(&(mistake.at.place.line as usize)), "{mistake:?}");
    }
    say(&found);
    assert!(!(render_full(&found) + &render_short(&found)).contains(|c| steers(c) && !matches!(c, '\n' | '\t')));
    let words = |found: Vec<Diagnostic>| {
        found.into_iter().map(|one| (one.id, one.at.excerpt, one.text, one.help)).collect::<Vec<_>>()
    };
    let spaced = text.replace("\r\n", "\n").replace('\r', " ").replace('\n', "\r\n# between\r\n\n");
    let plain = text.replace("\r\n", "\n").replace('\r', " ");
    assert_eq!(words(told(&plain)), words(told(&spaced)), "{text}");
}

/// What is wrong with the story, or goes otherwise than it says.
fn told(text: &str) -> Vec<Diagnostic> {
    let policy = shipped();
    match Story::parse("rules/stories/x.story", text, policy) {
        Ok(story) => story.play(policy, Brakes::default(), &mut |_, _| {}),
        Err(mistakes) => {
            assert!(has_errors(&mistakes));
            mistakes
        }
    }
}
