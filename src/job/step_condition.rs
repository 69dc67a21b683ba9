//! Conditions on the steps before, in the words of JCL's IF statement.
//!
//! Source: z/OS MVS JCL Reference, "Relational-expression keywords" and "Priorities of operators".
//!
//! Layer: core

use super::{Outcome, StepEnd};
use crate::limits::{CONDITION_BYTES_MAX, CONDITION_DEPTH_MAX};
use std::ops::Range;

/// A condition on earlier steps, as JCL's IF writes it: `STEP1.RC <= 4 AND NOT STEP2.ABEND`. `RC`
/// without a step is the highest code so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepCondition {
    /// Both hold.
    And(Box<StepCondition>, Box<StepCondition>),
    /// One holds.
    Or(Box<StepCondition>, Box<StepCondition>),
    /// It does not hold.
    Not(Box<StepCondition>),
    /// Compares a condition code.
    Rc {
        /// Of this step; none means the highest of all so far.
        step: Option<String>,
        /// How.
        compare: Compare,
        /// With what.
        code: u16,
    },
    /// The step (or any) ended abnormally.
    Abend(Option<String>),
    /// The step (or any) has run.
    Run(Option<String>),
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// `=`, `EQ`
    Eq,
    /// `!=`, `^=`, `NE`
    Ne,
    /// `<`, `LT`
    Lt,
    /// `<=`, `LE`
    Le,
    /// `>`, `GT`
    Gt,
    /// `>=`, `GE`
    Ge,
}

/// What is wrong with a condition, and where in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionError {
    /// In words.
    pub text: String,
    /// Bytes of the text.
    pub at: Range<usize>,
    /// The step that is not there, if that is what is wrong.
    pub unknown_step: Option<String>,
}

impl StepCondition {
    /// Reads a condition. `earlier` are the steps that it may speak of. The second value is the
    /// place where AND meets OR without parentheses: JCL gives them the same rank and takes them
    /// from left to right, which other languages do not.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn parse(source: &str, earlier: &[String]) -> Result<(StepCondition, Option<Range<usize>>), ConditionError> {
        if source.len() > CONDITION_BYTES_MAX {
            return Err(error("this condition is too long", 0..source.len()));
        }
        let words = split(source)?;
        let mut parser = Parser { source, words: &words, at: 0, end: source.len(), depth: 0, earlier, mixed: None };
        let condition = parser.expression()?;
        match parser.peek() {
            None => Ok((condition, parser.mixed)),
            Some((_, at)) => {
                let text = format!("`{}` stands where AND, OR or the end is expected", parser.shown(at));
                Err(error(&text, at.clone()))
            }
        }
    }

    /// Whether it holds after these steps. As in JCL: a step that did not run makes what is said of
    /// it false, RC without a step is the highest code of the steps that ran and did not abend (0 at
    /// first), and after an abend only a condition that speaks of ABEND can hold.
    #[must_use]
    pub fn holds(&self, outcomes: &[Outcome]) -> bool {
        if outcomes.iter().any(|o| o.end.is_abend()) && !self.speaks_of_abend() {
            return false;
        }
        self.is_true(outcomes)
    }

    fn is_true(&self, outcomes: &[Outcome]) -> bool {
        let of = |step: &String| outcomes.iter().rev().find(|o| o.step == *step);
        let code = |o: &Outcome| if o.end.is_abend() { None } else { o.cond_code };
        match self {
            StepCondition::And(a, b) => a.is_true(outcomes) && b.is_true(outcomes),
            StepCondition::Or(a, b) => a.is_true(outcomes) || b.is_true(outcomes),
            StepCondition::Not(inner) => !inner.is_true(outcomes),
            StepCondition::Rc { step: None, compare, code: wanted } => {
                let highest = outcomes.iter().filter_map(code).map(|c| c.0).max().unwrap_or(0);
                compare.holds(highest, *wanted)
            }
            StepCondition::Rc { step: Some(step), compare, code: wanted } => {
                of(step).and_then(code).is_some_and(|c| compare.holds(c.0, *wanted))
            }
            StepCondition::Abend(None) => outcomes.iter().any(|o| o.end.is_abend()),
            StepCondition::Abend(Some(step)) => of(step).is_some_and(|o| o.end.is_abend()),
            StepCondition::Run(None) => outcomes.iter().any(has_run),
            StepCondition::Run(Some(step)) => of(step).is_some_and(has_run),
        }
    }

    fn speaks_of_abend(&self) -> bool {
        match self {
            StepCondition::And(a, b) | StepCondition::Or(a, b) => a.speaks_of_abend() || b.speaks_of_abend(),
            StepCondition::Not(inner) => inner.speaks_of_abend(),
            StepCondition::Abend(_) => true,
            StepCondition::Rc { .. } | StepCondition::Run(_) => false,
        }
    }
}

fn has_run(outcome: &Outcome) -> bool {
    outcome.end != StepEnd::Bypassed
}

impl Compare {
    fn holds(self, code: u16, wanted: u16) -> bool {
        match self {
            Compare::Eq => code == wanted,
            Compare::Ne => code != wanted,
            Compare::Lt => code < wanted,
            Compare::Le => code <= wanted,
            Compare::Gt => code > wanted,
            Compare::Ge => code >= wanted,
        }
    }
}

/// A word of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    Open,
    Close,
    And,
    Or,
    Not,
    Compare(Compare),
    /// A keyword, a number, or a step's name with a keyword.
    Name(String),
}

/// The signs, longest first. `^` and `!` stand for `¬` where a keyboard has none.
const SIGNS: [(&str, Word); 21] = [
    ("<=", Word::Compare(Compare::Le)),
    (">=", Word::Compare(Compare::Ge)),
    ("!=", Word::Compare(Compare::Ne)),
    ("^=", Word::Compare(Compare::Ne)),
    ("¬=", Word::Compare(Compare::Ne)),
    ("!<", Word::Compare(Compare::Ge)),
    ("^<", Word::Compare(Compare::Ge)),
    ("¬<", Word::Compare(Compare::Ge)),
    ("!>", Word::Compare(Compare::Le)),
    ("^>", Word::Compare(Compare::Le)),
    ("¬>", Word::Compare(Compare::Le)),
    ("<", Word::Compare(Compare::Lt)),
    (">", Word::Compare(Compare::Gt)),
    ("=", Word::Compare(Compare::Eq)),
    ("&", Word::And),
    ("|", Word::Or),
    ("!", Word::Not),
    ("^", Word::Not),
    ("¬", Word::Not),
    ("(", Word::Open),
    (")", Word::Close),
];

fn split(source: &str) -> Result<Vec<(Word, Range<usize>)>, ConditionError> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(c) = source[at..].chars().next() {
        let rest = &source[at..];
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        if let Some((sign, word)) = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)) {
            words.push((word.clone(), at..at + sign.len()));
            at += sign.len();
            continue;
        }
        let in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '$' | '#' | '@' | '_');
        let length = rest.find(|c| !in_name(c)).unwrap_or(rest.len());
        if length == 0 {
            return Err(error(&format!("`{c}` means nothing in a condition"), at..at + c.len_utf8()));
        }
        words.push((keyword(&rest[..length]), at..at + length));
        at += length;
    }
    Ok(words)
}

fn keyword(name: &str) -> Word {
    match name.to_ascii_uppercase().as_str() {
        "AND" => Word::And,
        "OR" => Word::Or,
        "NOT" => Word::Not,
        "EQ" => Word::Compare(Compare::Eq),
        "NE" => Word::Compare(Compare::Ne),
        "LT" => Word::Compare(Compare::Lt),
        "LE" | "NG" => Word::Compare(Compare::Le),
        "GT" => Word::Compare(Compare::Gt),
        "GE" | "NL" => Word::Compare(Compare::Ge),
        _ => Word::Name(name.to_owned()),
    }
}

struct Parser<'w> {
    source: &'w str,
    words: &'w [(Word, Range<usize>)],
    at: usize,
    end: usize,
    depth: usize,
    earlier: &'w [String],
    mixed: Option<Range<usize>>,
}

impl<'w> Parser<'w> {
    fn peek(&self) -> Option<&'w (Word, Range<usize>)> {
        self.words.get(self.at)
    }

    /// A word as it is written.
    fn shown(&self, at: &Range<usize>) -> &'w str {
        &self.source[at.clone()]
    }

    fn next(&mut self, wanted: &str) -> Result<&'w (Word, Range<usize>), ConditionError> {
        let word = self.peek().ok_or_else(|| error(&format!("here {wanted} is missing"), self.end..self.end))?;
        self.at += 1;
        Ok(word)
    }

    fn expression(&mut self) -> Result<StepCondition, ConditionError> {
        let mut left = self.term()?;
        let mut last: Option<&Word> = None;
        while let Some((word @ (Word::And | Word::Or), at)) = self.peek() {
            if last.is_some_and(|last| last != word) {
                self.mixed.get_or_insert(at.clone());
            }
            last = Some(word);
            self.at += 1;
            let (a, b) = (Box::new(left), Box::new(self.term()?));
            left = if *word == Word::And { StepCondition::And(a, b) } else { StepCondition::Or(a, b) };
        }
        Ok(left)
    }

    fn term(&mut self) -> Result<StepCondition, ConditionError> {
        self.depth += 1;
        let term = self.term_inside();
        self.depth -= 1;
        term
    }

    fn term_inside(&mut self) -> Result<StepCondition, ConditionError> {
        let (word, at) = self.next("a test such as `RC = 0` or `STEP1.ABEND`")?;
        match word {
            _ if self.depth > CONDITION_DEPTH_MAX => Err(error("here the condition nests too deep", at.clone())),
            Word::Not => Ok(StepCondition::Not(Box::new(self.term()?))),
            Word::Open => {
                let inner = self.expression()?;
                match self.next("`)`")? {
                    (Word::Close, _) => Ok(inner),
                    (_, at) => Err(error(&format!("`{}` stands where `)` is expected", self.shown(at)), at.clone())),
                }
            }
            Word::Name(name) => self.test(name, at),
            _ => Err(error(&format!("`{}` stands where a test is expected", self.shown(at)), at.clone())),
        }
    }

    fn test(&mut self, name: &str, at: &Range<usize>) -> Result<StepCondition, ConditionError> {
        let (step, keyword) = match name.rsplit_once('.') {
            Some((step, keyword)) => (Some(step.to_ascii_uppercase()), keyword),
            None => (None, name),
        };
        let keyword = keyword.to_ascii_uppercase();
        if !matches!(keyword.as_str(), "RC" | "ABEND" | "RUN") {
            let text = match keyword.as_str() {
                "ABENDCC" => "ABENDCC cannot be tested: a step has no abend code here; use ABEND".to_owned(),
                _ => format!("`{name}` is no test; a step has RC, ABEND and RUN"),
            };
            return Err(error(&text, at.clone()));
        }
        if let Some(step) = step.as_ref().filter(|step| !self.earlier.contains(step)) {
            let text = format!("no step `{step}` comes before this one");
            let at = at.start..at.start + step.len();
            return Err(ConditionError { text, at, unknown_step: Some(step.clone()) });
        }
        match keyword.as_str() {
            "RC" => self.code(step),
            "ABEND" => self.truth(StepCondition::Abend(step)),
            _ => self.truth(StepCondition::Run(step)),
        }
    }

    fn code(&mut self, step: Option<String>) -> Result<StepCondition, ConditionError> {
        let (sign, sign_at) = self.next("a comparison such as `= 0`")?;
        let Word::Compare(compare) = sign else {
            let text = format!("`{}` stands where a comparison is expected", self.shown(sign_at));
            return Err(error(&text, sign_at.clone()));
        };
        let (word, at) = self.next("a condition code")?;
        if let Word::Compare(_) = word {
            let both = sign_at.start..at.end;
            let text = format!("`{}` is no comparison: write `=`, `!=`, `<`, `<=`, `>` or `>=`", self.shown(&both));
            return Err(error(&text, both));
        }
        match self.shown(at).parse::<u16>() {
            Ok(code) if code <= 4095 => Ok(StepCondition::Rc { step, compare: *compare, code }),
            _ => Err(error(&format!("`{}` is not a condition code, 0 to 4095", self.shown(at)), at.clone())),
        }
    }

    /// `ABEND`, or `ABEND = TRUE`, or `ABEND = FALSE`.
    fn truth(&mut self, test: StepCondition) -> Result<StepCondition, ConditionError> {
        let Some((Word::Compare(compare @ (Compare::Eq | Compare::Ne)), _)) = self.peek() else { return Ok(test) };
        self.at += 1;
        let (_, at) = self.next("TRUE or FALSE")?;
        let wanted = match self.shown(at).to_ascii_uppercase().as_str() {
            "TRUE" => true,
            "FALSE" => false,
            other => return Err(error(&format!("`{other}` stands where TRUE or FALSE is expected"), at.clone())),
        };
        Ok(if wanted == (*compare == Compare::Eq) { test } else { StepCondition::Not(Box::new(test)) })
    }
}

fn error(text: &str, at: Range<usize>) -> ConditionError {
    ConditionError { text: text.to_owned(), at, unknown_step: None }
}

#[cfg(test)]
mod tests {
    use super::super::CondCode;
    use super::*;

    fn parse(source: &str) -> Result<StepCondition, ConditionError> {
        StepCondition::parse(source, &["STEP1".into(), "STEP2".into()]).map(|(condition, _)| condition)
    }

    fn outcome(step: &str, end: StepEnd) -> Outcome {
        let cond_code = end.cond_code(false);
        let (stdout, stderr) = (String::new(), String::new());
        Outcome { step: step.into(), end, cond_code, good: true, millis: 0, stdout, stderr }
    }

    #[test]
    fn conditions_hold_as_in_jcl() {
        let after = [outcome("STEP1", StepEnd::Exited(4)), outcome("STEP2", StepEnd::Bypassed)];
        let holds = |source: &str| parse(source).expect(source).holds(&after);
        for good in [
            "RC = 4",
            "STEP1.RC <= 4 AND NOT STEP2.ABEND",
            "rc le 4 & step1.run",
            "(STEP1.RC GT 8 OR STEP1.RC EQ 4) AND ABEND=FALSE",
            "¬STEP2.RUN",
            "RC ^> 4",
            "STEP1.RUN = TRUE",
            // From left to right: (true OR false) AND … is not true OR (false AND …).
            "NOT (RC = 4 OR RC = 5 AND RC = 5)",
        ] {
            assert!(holds(good), "{good}");
        }
        // A step that did not run makes every comparison with its code false.
        for bad in ["STEP2.RC = 0", "STEP2.RC != 0", "RC > 4", "ABEND"] {
            assert!(!holds(bad), "{bad}");
        }
        assert_eq!(CondCode(4).to_string(), "0004");
    }

    #[test]
    fn after_an_abend_only_conditions_on_abend_hold() {
        let after = [outcome("STEP1", StepEnd::Signalled(9))];
        let holds = |source: &str| parse(source).expect(source).holds(&after);
        assert!(!holds("RC <= 12") && !holds("STEP1.RC = 9") && !holds("STEP1.RUN"));
        assert!(holds("ABEND") && holds("STEP1.ABEND OR RC > 4") && holds("STEP1.RUN AND STEP1.ABEND"));
    }

    #[test]
    fn before_any_step_the_code_is_zero() {
        assert!(parse("RC = 0").expect("parses").holds(&[]));
    }

    #[test]
    fn mistakes_have_places() {
        let at = |source: &str| parse(source).map_err(|e| (e.at, e.unknown_step)).expect_err(source);
        assert_eq!(at("RC"), (2..2, None));
        assert_eq!(at("RC = 5000"), (5..9, None));
        assert_eq!(at("RC = 0 AND STEP9.RC = 0"), (11..16, Some("STEP9".into())));
        assert_eq!(at("(RC = 0"), (7..7, None));
        assert_eq!(at("RC = 0 %"), (7..8, None));
        assert_eq!(at("ABENDCC = S0C4"), (0..7, None));
        assert_eq!(at("RC = 0 RC = 1"), (7..9, None));
        assert_eq!(at(&"(".repeat(100)).0, 20..21);
        let (_, mixed) = StepCondition::parse("RC=0 OR RC=1 AND ABEND", &[]).expect("parses");
        assert_eq!(mixed, Some(13..16));
    }
}
