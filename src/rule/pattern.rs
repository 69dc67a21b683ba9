//! Patterns: exact words, globs, and regular expressions. All match bytes.
//!
//! Layer: core

use regex::bytes::Regex;
use regex_syntax::ast::{Ast, GroupKind, Span};
use std::sync::{Arc, OnceLock};

/// What a field is compared with.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// The whole field, byte for byte.
    Exact(Box<[u8]>),
    /// The whole field, with `*` for any bytes and `?` for one.
    Glob(Glob),
    /// A regular expression, anywhere in the field unless it is anchored.
    Regex(TextPattern),
}

impl Pattern {
    /// A word as rules write it: a glob if it has `*` or `?`, else exact.
    #[must_use]
    pub fn word(word: &str) -> Pattern {
        if word.contains(['*', '?']) { Pattern::Glob(Glob::new(word)) } else { Pattern::Exact(word.as_bytes().into()) }
    }

    /// True if the field matches.
    #[must_use]
    pub fn matches(&self, field: &[u8]) -> bool {
        match self {
            Pattern::Exact(word) => field == &word[..],
            Pattern::Glob(glob) => glob.matches(field),
            Pattern::Regex(pattern) => pattern.regex().is_match(field),
        }
    }
}

/// A list of patterns as people write them: `IEF403I`, `EZD* or EZZ*`.
#[must_use]
pub fn pattern_names(patterns: &[Pattern]) -> String {
    let name = |pattern: &Pattern| match pattern {
        Pattern::Exact(word) => String::from_utf8_lossy(word).into_owned(),
        Pattern::Glob(glob) => String::from_utf8_lossy(glob.as_bytes()).into_owned(),
        Pattern::Regex(pattern) => format!("/{}/", pattern.source()),
    };
    patterns.iter().map(name).collect::<Vec<_>>().join(" or ")
}

/// A glob over bytes: `*` any number of bytes, `?` exactly one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(Box<[u8]>);

impl Glob {
    /// The glob as written.
    #[must_use]
    pub fn new(glob: &str) -> Glob {
        Glob(glob.as_bytes().into())
    }

    /// The glob as written.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes before the first `*` or `?`.
    #[must_use]
    pub fn prefix(&self) -> &[u8] {
        let end = self.0.iter().position(|b| matches!(b, b'*' | b'?')).unwrap_or(self.0.len());
        &self.0[..end]
    }

    /// True if the whole of `text` matches. Linear in practice: on a mismatch only the last star is
    /// tried again.
    #[must_use]
    pub fn matches(&self, text: &[u8]) -> bool {
        let (mut g, mut t) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        while t < text.len() {
            match self.0.get(g) {
                Some(b'*') => {
                    star = Some((g, t));
                    g += 1;
                }
                Some(&b) if b == b'?' || b == text[t] => (g, t) = (g + 1, t + 1),
                _ => match star {
                    Some((at, from)) => {
                        star = Some((at, from + 1));
                        (g, t) = (at + 1, from + 1);
                    }
                    None => return false,
                },
            }
        }
        self.0[g..].iter().all(|b| *b == b'*')
    }
}

/// A regular expression, checked when the rule is read and compiled when it is first needed: a
/// rulebook of ten thousand patterns costs what it uses. Unicode classes are off, since logs are
/// bytes; `(?u)` turns them on.
#[derive(Clone, Debug)]
pub struct TextPattern {
    source: Arc<str>,
    names: Arc<[Arc<str>]>,
    compiled: Arc<OnceLock<Regex>>,
}

impl TextPattern {
    /// Checks the pattern.
    ///
    /// # Errors
    /// What is wrong with it, and the byte offset in `source` where.
    pub fn new(source: &str) -> Result<TextPattern, (String, usize)> {
        let mut parser = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build();
        if let Err(error) = parser.parse(source) {
            return Err(describe(&error));
        }
        // `parse` knows no size limit: a pattern that repeats without measure is refused here.
        let names = regex_syntax::ast::parse::Parser::new().parse(source).map(|ast| names_of(&ast)).unwrap_or_default();
        Ok(TextPattern { source: source.into(), names: names.into(), compiled: Arc::default() })
    }

    /// The pattern as written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The names of its captures, in order.
    #[must_use]
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// The branches of its alternations `a|b`: each as written, and the pattern with this branch alone in
    /// the place of its alternation.
    #[must_use]
    pub fn branches(&self) -> Vec<(String, TextPattern)> {
        let Ok(ast) = regex_syntax::ast::parse::Parser::new().parse(&self.source) else { return Vec::new() };
        let mut branches = Vec::new();
        for (whole, branch) in alternations(&ast) {
            let (before, behind) = (&self.source[..whole.start.offset], &self.source[whole.end.offset..]);
            let alone = &self.source[branch.start.offset..branch.end.offset];
            if let Ok(pattern) = TextPattern::new(&format!("{before}(?:{alone}){behind}")) {
                branches.push((alone.to_owned(), pattern));
            }
        }
        branches
    }

    /// The compiled pattern.
    pub fn regex(&self) -> &Regex {
        self.compiled.get_or_init(|| {
            let build = |source: &str| regex::bytes::RegexBuilder::new(source).unicode(false).build();
            // A pattern that `new` accepted can only fail by its size; then it matches nothing, and
            // `compile` has said so when the policy was loaded.
            build(&self.source).or_else(|_| build(NOTHING)).unwrap_or_else(|e| unreachable!("{e}"))
        })
    }

    /// Compiles it now.
    ///
    /// # Errors
    /// If the compiled pattern would be too large.
    pub fn compile(&self) -> Result<(), String> {
        regex::bytes::RegexBuilder::new(&self.source).unicode(false).build().map(|_| ()).map_err(|e| e.to_string())
    }
}

/// A pattern that matches nothing.
const NOTHING: &str = r"[^\s\S]";

fn describe(error: &regex_syntax::Error) -> (String, usize) {
    match error {
        regex_syntax::Error::Parse(e) => (e.kind().to_string(), e.span().start.offset),
        regex_syntax::Error::Translate(e) => (e.kind().to_string(), e.span().start.offset),
        other => (other.to_string(), 0),
    }
}

/// Every part of a pattern that has parts of its own, itself included.
fn parts(ast: &Ast) -> Vec<&Ast> {
    let mut all = Vec::new();
    let mut todo = vec![ast];
    while let Some(ast) = todo.pop() {
        match ast {
            Ast::Group(group) => todo.push(&group.ast),
            Ast::Repetition(repetition) => todo.push(&repetition.ast),
            Ast::Alternation(alternation) => todo.extend(&alternation.asts),
            Ast::Concat(concat) => todo.extend(&concat.asts),
            _ => continue,
        }
        all.push(ast);
    }
    all
}

/// Where each alternation stands, with each of its branches, in order.
fn alternations(ast: &Ast) -> Vec<(Span, Span)> {
    let alternations = parts(ast).into_iter().filter_map(|part| match part {
        Ast::Alternation(alternation) => Some(alternation),
        _ => None,
    });
    let mut all: Vec<(Span, Span)> =
        alternations.flat_map(|a| a.asts.iter().map(|branch| (a.span, *branch.span()))).collect();
    all.sort_by_key(|(_, branch)| branch.start.offset);
    all
}

fn names_of(ast: &Ast) -> Vec<Arc<str>> {
    let name = |part: &Ast| match part {
        Ast::Group(group) => match &group.kind {
            GroupKind::CaptureName { name, .. } => Some((name.index, Arc::from(name.name.as_str()))),
            _ => None,
        },
        _ => None,
    };
    let mut names: Vec<(u32, Arc<str>)> = parts(ast).into_iter().filter_map(name).collect();
    names.sort_by_key(|name| name.0);
    names.into_iter().map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        let matches = |glob: &str, text: &str| Glob::new(glob).matches(text.as_bytes());
        assert!(
            matches("EZD*", "EZD1205I")
                && matches("*", "")
                && matches("A*C?E", "AxxCdE")
                && matches("a*b*c", "aXbYbZc")
        );
        assert!(!matches("EZD*", "EZZ1205I") && !matches("A?", "A") && !matches("a*b", "abc"));
    }

    #[test]
    fn patterns_tell_their_names_and_mistakes() {
        let pattern = TextPattern::new(r"(?<vhost>[^)]+)\): (?<url>\S+)").expect("parses");
        assert_eq!(pattern.names().iter().map(|n| &**n).collect::<Vec<_>>(), ["vhost", "url"]);
        let (why, at) = TextPattern::new(r"server (?<x>\S+").expect_err("unclosed");
        assert_eq!((why.as_str(), at), ("unclosed group", 7));
    }
}
