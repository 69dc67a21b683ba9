//! What a rule's samples and stories prove: whether some line makes it match, whether a near miss does not,
//! and which of the alternatives that it names have been met.
//!
//! Layer: core

use super::explain::in_favour;
use super::{Mismatch, Pattern, Rule, Seen, Test};

/// What is proved of one rule.
#[derive(Clone, Debug)]
pub struct Coverage {
    /// Some line matches.
    pub matches: bool,
    /// Some line that is easily taken for one that matches does not.
    pub near_miss: bool,
    /// What its lists and patterns name.
    pub alternatives: Vec<Alternative>,
}

/// One of several things that a rule names.
#[derive(Clone, Debug)]
pub struct Alternative {
    /// As a clause: `message id is EZD1206I`.
    pub clause: String,
    /// Some line has met it.
    pub met: bool,
    probe: Probe,
}

/// How an alternative is known to be met.
#[derive(Clone, Debug)]
enum Probe {
    /// The rule matches, and so does this.
    Test(Test),
    /// The rule does not match because of this exception.
    Unless(usize),
}

impl Coverage {
    /// Nothing is proved yet.
    #[must_use]
    pub fn of(rule: &Rule) -> Coverage {
        let tests = rule.when.tests.iter().flat_map(alternatives).map(|(clause, test)| (clause, Probe::Test(test)));
        let unless = rule.when.unless.iter().enumerate();
        let unless = unless.map(|(i, u)| (format!("unless {}", super::describe(u)), Probe::Unless(i)));
        let alternative = |(clause, probe)| Alternative { clause, met: false, probe };
        Coverage { matches: false, near_miss: false, alternatives: tests.chain(unless).map(alternative).collect() }
    }

    /// A record of a sample or story came.
    pub fn met(&mut self, rule: &Rule, seen: Seen<'_, '_>) {
        let found = rule.when.check(seen);
        self.matches |= found.is_ok();
        self.near_miss |= found.is_err_and(|mismatch| is_near(rule, mismatch));
        for alternative in &mut self.alternatives {
            alternative.met |= match &alternative.probe {
                Probe::Test(test) => found.is_ok() && test.holds(seen),
                Probe::Unless(i) => found == Err(Mismatch::Unless(*i)),
            };
        }
    }
}

/// A record that has the id and fails by something else is a near miss; for a rule that asks for nothing
/// but ids, or for none, every other record is.
fn is_near(rule: &Rule, mismatch: Mismatch) -> bool {
    let asks_for_more = rule.when.tests.len() > 1 || !rule.when.unless.is_empty();
    let has_id = matches!(rule.when.tests.first(), Some(Test::Id(_)));
    !(asks_for_more && has_id) || rule.when.how_far(mismatch) > 0
}

/// The alternatives of a test that has several, each as a clause and a test of its own.
fn alternatives(test: &Test) -> Vec<(String, Test)> {
    let list = |patterns: &[Pattern], one: &dyn Fn(Vec<Pattern>) -> Test| {
        let several = if patterns.len() > 1 { patterns } else { &[] };
        several.iter().map(|pattern| one(vec![pattern.clone()])).map(|test| (in_favour(&test), test)).collect()
    };
    let branches = |pattern: &super::TextPattern, what: &str, one: &dyn Fn(super::TextPattern) -> Test| {
        let branches = pattern.branches().into_iter();
        branches.map(|(branch, pattern)| (format!("{what} has `{branch}`"), one(pattern))).collect()
    };
    match test {
        Test::Id(patterns) => list(patterns, &Test::Id),
        Test::Field(field, patterns) => list(patterns, &|one| Test::Field(*field, one)),
        Test::Token(n, patterns) => list(patterns, &|one| Test::Token(*n, one)),
        Test::Text(pattern) => branches(pattern, "text", &Test::Text),
        Test::AnyLine(pattern) => branches(pattern, "a line", &Test::AnyLine),
        Test::Kind(kinds) if kinds.len() > 1 => {
            kinds.iter().map(|kind| Test::Kind(vec![*kind])).map(|test| (in_favour(&test), test)).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;
    use crate::rule::decode::decode;

    /// What is proved by these samples of a rule with several alternatives.
    fn proved(samples: &str) -> (bool, bool, Vec<String>) {
        let text = format!(
            "[[rule]]\nname = 'x'\nwhen = {{ id = ['AAA001I', 'AAA002I'], text = 'VIPA (?:(?<v4>\\d+)|::(?<v6>\\d+))', \
             unless = {{ text = 'TEST' }} }}\nsample = [ {samples} ]\n"
        );
        let doc = Document::parse("x.toml", &text);
        let rule = decode(&doc).remove(0).rule.expect("a good rule");
        let mut coverage = Coverage::of(&rule);
        rule.samples.iter().for_each(|sample| sample.read(&mut |seen| coverage.met(&rule, seen)));
        let open = coverage.alternatives.into_iter().filter(|a| !a.met).map(|a| a.clause).collect();
        (coverage.matches, coverage.near_miss, open)
    }

    #[test]
    fn each_alternative_needs_a_line_of_its_own() {
        let all =
            ["message id is AAA001I", "message id is AAA002I", "text has `(?<v4>\\d+)`", "text has `::(?<v6>\\d+)`"];
        let unless = "unless text matches `TEST`".to_owned();
        let open = |met: &[usize]| {
            let open = all.iter().enumerate().filter(|(i, _)| !met.contains(i)).map(|(_, clause)| (*clause).to_owned());
            open.chain([unless.clone()]).collect::<Vec<_>>()
        };
        assert_eq!(proved(""), (false, false, open(&[])));
        assert_eq!(proved("{ fires = 'AAA001I VIPA 1' }"), (true, false, open(&[0, 2])));
        assert_eq!(proved("{ fires = 'AAA002I VIPA ::1' }"), (true, false, open(&[1, 3])));
        assert_eq!(proved("{ quiet = 'BBB001I VIPA 1' }"), (false, false, open(&[])), "another id is not near");
        assert_eq!(proved("{ quiet = 'AAA001I VIPA x' }"), (false, true, open(&[])));
        let (_, near, left) = proved("{ quiet = 'AAA001I VIPA 1 TEST' }");
        assert!(near && !left.contains(&unless), "{left:?}");
    }
}
