//! The message ids that are known to exist: those that come with wtor, and those of the site.
//!
//! Layer: core

use crate::diagnostic::closest;
use crate::rule::Pattern;
use std::collections::BTreeSet;

/// The ids that come with wtor.
const SHIPPED: &str = include_str!("../../rules/catalogue.txt");

/// Known ids, and patterns of them.
#[derive(Clone, Debug)]
pub struct Catalogue {
    ids: BTreeSet<String>,
    patterns: Vec<Pattern>,
}

impl Catalogue {
    /// The ids that come with wtor, and those of the site's own catalogues.
    #[must_use]
    pub fn new(own: &[(String, String)]) -> Catalogue {
        let mut catalogue = Catalogue { ids: BTreeSet::new(), patterns: Vec::new() };
        let texts = std::iter::once(SHIPPED).chain(own.iter().map(|(_, text)| text.as_str()));
        let ids = texts.flat_map(str::lines).filter_map(|line| line.split('#').next());
        for word in ids.flat_map(str::split_whitespace) {
            match Pattern::word(word) {
                Pattern::Exact(_) => drop(catalogue.ids.insert(word.to_owned())),
                glob => catalogue.patterns.push(glob),
            }
        }
        catalogue
    }

    /// True if there is such an id. Regular expressions are not judged.
    #[must_use]
    pub fn knows(&self, pattern: &Pattern) -> bool {
        match pattern {
            Pattern::Exact(id) => {
                let known = std::str::from_utf8(id).is_ok_and(|id| self.ids.contains(id));
                known || self.patterns.iter().any(|pattern| pattern.matches(id))
            }
            Pattern::Glob(glob) => {
                let begins = |id: &[u8]| id.starts_with(glob.prefix()) || glob.prefix().starts_with(id);
                let like = |pattern: &Pattern| matches!(pattern, Pattern::Glob(other) if begins(other.prefix()));
                self.ids.iter().any(|id| glob.matches(id.as_bytes())) || self.patterns.iter().any(like)
            }
            Pattern::Regex(_) => true,
        }
    }

    /// The id that was probably meant.
    #[must_use]
    pub fn meant(&self, id: &str) -> Option<&str> {
        closest(id, self.ids.iter().map(String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_known_from_both_catalogues() {
        let own = [("catalogue.txt".to_owned(), "# IEF999I is no id\nABC001I ABC1*  # ours\n".to_owned())];
        let catalogue = Catalogue::new(&own);
        let known = |word: &str| catalogue.knows(&Pattern::word(word));
        assert!(known("IEF450I") && known("$HASP395") && known("ABC001I") && known("ABC100W") && known("EZD12*"));
        assert!(known("ABC1?0I") && known("ABC*"));
        assert!(!known("IEF999I") && !known("ours") && !known("ABC002I") && !known("QQQ*"));
        assert_eq!(catalogue.meant("IEF405I").map(|id| &id[..4]), Some("IEF4"));
    }
}
