//! Templates: text with `${name}` for a value. `$$` is a dollar sign where a brace follows.
//!
//! Layer: core

use super::Captures;

/// A text with places for values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// As it stands.
    Text(String),
    /// The value of that name; `offset` is where `${` stands in the source.
    Value {
        /// The name between the braces.
        name: String,
        /// Byte offset of `${` in the template as written.
        offset: usize,
    },
}

impl Template {
    /// Reads a template. A `$` that no `{` follows is itself, so that a shell line may say `$HOME`;
    /// `$${` is a literal `${`.
    ///
    /// # Errors
    /// What is wrong, and the byte offset where.
    pub fn parse(source: &str) -> Result<Template, (String, usize)> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut at = 0;
        while let Some(found) = source[at..].find("${") {
            let start = at + found;
            if source[..start].ends_with('$') {
                text.push_str(&source[at..start]);
                text.push('{');
                at = start + 2;
                continue;
            }
            text.push_str(&source[at..start]);
            let Some(length) = source[start..].find('}') else {
                return Err(("`${` has no closing brace".into(), start));
            };
            let name = &source[start + 2..start + length];
            if !is_name(name) {
                return Err((format!("`{name}` is not a name; use letters, digits, `_` and `.`"), start));
            }
            if !text.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
            }
            pieces.push(Piece::Value { name: name.to_owned(), offset: start });
            at = start + length + 1;
        }
        text.push_str(&source[at..]);
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        Ok(Template(pieces))
    }

    /// The pieces, in order.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// The names that it uses, with their offsets in the source.
    pub fn names(&self) -> impl Iterator<Item = (&str, usize)> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Value { name, offset } => Some((name.as_str(), *offset)),
            Piece::Text(_) => None,
        })
    }

    /// The text with each value put in as it is; a value that is absent is empty.
    #[must_use]
    pub fn fill(&self, values: &Captures) -> String {
        self.fill_with(|name| values.get(name).unwrap_or_default().to_owned())
    }

    /// The text with each value as `value` gives it.
    #[must_use]
    pub fn fill_with(&self, value: impl Fn(&str) -> String) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Value { name, .. } => value(name),
        };
        self.0.iter().map(piece).collect()
    }

    /// The same template with the values that `value` gives put in as text; the other places stay places.
    /// A value is never read as a template, whatever is in it.
    #[must_use]
    pub fn fill_some(&self, value: impl Fn(&str) -> Option<String>) -> Template {
        let piece = |piece: &Piece| match piece {
            Piece::Value { name, .. } => value(name).map_or_else(|| piece.clone(), Piece::Text),
            Piece::Text(_) => piece.clone(),
        };
        Template(self.0.iter().map(piece).collect())
    }

    /// The text to be shown, with each place that is left as `${name}`.
    #[must_use]
    pub fn shown(&self) -> String {
        self.fill_with(|name| format!("${{{name}}}"))
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_put_in_and_dollars_stay() {
        let mut values = Captures::default();
        values.set("server", b"web1");
        let fill = |source: &str| Template::parse(source).map(|t| t.fill(&values));
        assert_eq!(fill("$WLP/wlpenv ${server} 5$"), Ok("$WLP/wlpenv web1 5$".into()));
        assert_eq!(fill("$${server} ${gone}|"), Ok("${server} |".into()));
        assert_eq!(fill("a ${server").map_err(|e| e.1), Err(2));
        assert_eq!(fill("${a b}").map_err(|e| e.1), Err(0));
    }

    #[test]
    fn a_value_that_looks_like_a_place_is_none() {
        let template = Template::parse("${what} ${TOKEN}").expect("good");
        let half = template.fill_some(|name| (name == "what").then(|| "${TOKEN}".to_owned()));
        assert_eq!(half.shown(), "${TOKEN} ${TOKEN}");
        assert_eq!(half.fill_with(|_| "s3cret".into()), "${TOKEN} s3cret");
    }
}
