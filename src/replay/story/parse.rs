//! A story's text -> its steps, or every mistake in it.
//!
//! Layer: core

use super::{End, Expected, Step, Story, What, When};
use crate::diagnostic::{Diagnostic, id};
use crate::journal::{Release, Subject};
use crate::policy::Policy;
use crate::record::Format;
use crate::span::{Span, TextFile};
use crate::time::{Date, Timestamp, parse_duration};
use std::time::Duration;

/// What a line may begin with.
const WORDS: [&str; 15] = [
    "about", "source", "format", "day", "at", "log", "tick", "run", "approve", "deny", "release", "disable", "enable",
    "restart", "expect",
];

/// How runs of a job come out from here on, as stories say it.
const ENDS: [(&str, Option<End>); 3] = [("good", None), ("failed", Some(End::Failed)), ("hangs", Some(End::Never))];

/// What has become of a run, as stories say it.
const OUTCOMES: [(&str, &str); 5] =
    [("good", "good"), ("failed", "failed"), ("skipped", "skipped"), ("asked", "asked"), ("in-doubt", "in doubt")];

/// What becomes of a run in doubt, as stories say it.
const RELEASES: [(&str, Release); 3] =
    [("rerun", Release::Rerun), ("good", Release::Good), ("failed", Release::Failed)];

/// What became of a match, as stories say it.
const VERDICTS: [&str; 5] = ["fired", "held", "shadow", "disabled", "impossible"];

/// A mistake on its way to its line: its id, where, what, and what to do.
type Mistake = (&'static str, Span, String, Option<String>);

/// The file and what is known so far.
struct Parser<'t, 'p> {
    policy: &'p Policy,
    file: TextFile<'t>,
    about: Vec<String>,
    day: Date,
    steps: Vec<Step>,
}

/// The rest of a line.
#[derive(Clone)]
struct Line<'t> {
    text: &'t str,
    /// Where it stands in the file.
    at: usize,
}

impl<'t> Line<'t> {
    /// The next word, and where it stands; at the end an empty one.
    fn word(&mut self) -> (&'t str, Span) {
        let blank = self.text.len() - self.text.trim_start().len();
        let rest = &self.text[blank..];
        let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let from = self.at + blank;
        *self = Line { text: &rest[length..], at: from + length };
        (&rest[..length], from..from + length)
    }

    /// All that is left, as it stands behind one blank.
    fn rest(&self) -> &'t str {
        self.text.strip_prefix(' ').unwrap_or(self.text)
    }
}

impl<'t> Story<'t> {
    /// Reads a story of that file about the rules of that policy.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn parse(name: &str, text: &'t str, policy: &Policy) -> Result<Story<'t>, Vec<Diagnostic>> {
        let day = Date::from_days(0);
        let mut parser = Parser { policy, file: TextFile::new(name, text), about: Vec::new(), day, steps: Vec::new() };
        let mut mistakes = Vec::new();
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            let line_text = line.strip_suffix('\n').unwrap_or(line);
            let line_text = line_text.strip_suffix('\r').unwrap_or(line_text);
            if let Err((id, span, what, help)) = parser.line(Line { text: line_text, at }) {
                let mistake = Diagnostic::new(id, parser.file.spot(&span), &what);
                mistakes.push(match help {
                    Some(help) => mistake.help(&help),
                    None => mistake,
                });
            }
            at += line.len();
        }
        if mistakes.is_empty() {
            return Ok(Story { file: parser.file, about: parser.about, steps: parser.steps });
        }
        Err(mistakes)
    }
}

impl Parser<'_, '_> {
    fn line(&mut self, line: Line<'_>) -> Result<(), Mistake> {
        let mut rest = line.clone();
        let (first, at) = rest.word();
        if first.is_empty() || first.starts_with('#') {
            return Ok(());
        }
        let span = at.start..line.at + line.text.trim_end().len();
        let what = match first {
            "about" => {
                while let (name, at) = rest.word()
                    && !name.is_empty()
                {
                    self.about.push(self.rule(name, &at)?);
                }
                return Ok(());
            }
            "day" => {
                let (day, at) = rest.word();
                self.day = date(day).ok_or_else(|| bad(&at, "here a date belongs, as in `day 2026-11-21`"))?;
                return end(&mut rest);
            }
            "source" => What::Source(some(&mut rest, "the name or path of a source")?.0.to_owned()),
            "format" => {
                let (name, at) = some(&mut rest, "the name of a format")?;
                let formats = Format::ALL.map(Format::name);
                What::Format(Format::named(name).ok_or_else(|| unknown("format", name, &at, &formats))?)
            }
            "at" => {
                let when = self.when(&mut rest)?;
                return self.push(What::Line(Some(when), log_line(&rest)?), span);
            }
            "log" => return self.push(What::Line(None, log_line(&rest)?), span),
            "tick" => What::Tick(self.when(&mut rest)?),
            "run" => {
                let job = self.job(&mut rest)?;
                What::Run(job, outcome(&mut rest, &ENDS)?)
            }
            "release" => {
                let job = self.job(&mut rest)?;
                What::Release(job, outcome(&mut rest, &RELEASES)?)
            }
            "disable" => {
                let subject = self.subject(&mut rest)?;
                What::Disable(subject, span_of(&mut rest)?)
            }
            "enable" => What::Enable(self.subject(&mut rest)?),
            "approve" | "deny" => What::Answer(self.job(&mut rest)?, first == "approve"),
            "restart" => What::Restart,
            "expect" => self.expect(&mut rest)?,
            other => return Err(unknown("word to begin a line with", other, &at, &WORDS)),
        };
        end(&mut rest)?;
        self.push(what, span)
    }

    fn push(&mut self, what: What, span: Span) -> Result<(), Mistake> {
        self.steps.push(Step { what, span });
        Ok(())
    }

    /// `nothing`, `run JOB good`, or `RULE fired with name=value`.
    fn expect(&self, rest: &mut Line<'_>) -> Result<What, Mistake> {
        let (name, at) = some(rest, "`nothing`, or the name of a rule")?;
        match name {
            "nothing" => return Ok(What::Nothing),
            "run" => {
                let job = self.job(rest)?;
                return Ok(What::Came(job, outcome(rest, &OUTCOMES)?));
            }
            _ => {}
        }
        let rule = self.rule(name, &at)?;
        if !self.about.is_empty() && !self.about.contains(&rule) {
            let text = format!("the story is not about the rule `{rule}`");
            return Err((id::STORY_NAME, at, text, Some(format!("add it: `about {} {rule}`", self.about.join(" ")))));
        }
        let (verdict, at) = some(rest, "`fired` or `held`")?;
        if !VERDICTS.contains(&verdict) {
            return Err(unknown("end of a match", verdict, &at, &VERDICTS));
        }
        let mut with = Vec::new();
        match rest.word() {
            ("", _) => {}
            ("with", _) => {
                while let Some(value) = value(rest)? {
                    with.push(value);
                }
            }
            (_, at) => return Err(bad(&at, "here `with name=value` belongs, or nothing")),
        }
        Ok(What::Expect(Expected { rule, verdict: verdict.to_owned(), with }))
    }

    fn rule(&self, name: &str, at: &Span) -> Result<String, Mistake> {
        if self.policy.rule(name).is_some() {
            return Ok(name.to_owned());
        }
        let names: Vec<&str> = self.policy.rules.iter().map(|rule| &*rule.name).collect();
        Err((id::STORY_NAME, at.clone(), format!("there is no rule `{name}`"), meant(name, &names)))
    }

    fn job(&self, rest: &mut Line<'_>) -> Result<String, Mistake> {
        let (name, at) = some(rest, "the name of a job")?;
        if self.policy.jobs.contains_key(name) {
            return Ok(name.to_owned());
        }
        let names: Vec<&str> = self.policy.jobs.keys().map(|name| &**name).collect();
        Err((id::STORY_NAME, at, format!("there is no job `{name}`"), meant(name, &names)))
    }

    /// A rule, or `group:NAME`.
    fn subject(&self, rest: &mut Line<'_>) -> Result<Subject, Mistake> {
        let (name, at) = some(rest, "the name of a rule, or `group:NAME`,")?;
        let Subject::Group(group) = Subject::from(name.to_owned()) else {
            return Ok(Subject::Rule(self.rule(name, &at)?.into()));
        };
        let groups: Vec<&str> = self.policy.rules.iter().filter_map(|rule| rule.group.as_deref()).collect();
        if !groups.contains(&&*group) {
            return Err((id::STORY_NAME, at, format!("there is no group `{group}`"), meant(&group, &groups)));
        }
        Ok(Subject::Group(group))
    }

    /// `00:00:05`, of the story's day, or `+5s`.
    fn when(&self, rest: &mut Line<'_>) -> Result<When, Mistake> {
        const WANTED: &str = "here a time belongs, as in `00:00:05` or `+5s`";
        let (word, at) = rest.word();
        if let Some(span) = word.strip_prefix('+') {
            return parse_duration(span).map(When::After).map_err(|why| bad(&at, &format!("{WANTED}: {why}")));
        }
        let time = clock(word).ok_or_else(|| bad(&at, WANTED))?;
        Ok(When::At(Timestamp(self.day.days() * 86_400_000_000).after(time)))
    }
}

/// The line of a log behind a time or `log`.
fn log_line(rest: &Line<'_>) -> Result<String, Mistake> {
    if rest.text.trim().is_empty() {
        return Err(bad(&(rest.at..rest.at), "here a line of a log is missing"));
    }
    Ok(rest.rest().to_owned())
}

/// `HH:MM:SS` or `HH:MM:SS.mmm`; hours may go beyond a day.
fn clock(word: &str) -> Option<Duration> {
    let (whole, fraction) = word.split_once('.').unwrap_or((word, ""));
    let parts: Vec<u64> = whole.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [hours, minutes @ 0..60, seconds @ 0..60] = parts[..] else { return None };
    let millis = match fraction.len() {
        0 => 0,
        1..=3 if fraction.bytes().all(|b| b.is_ascii_digit()) => format!("{fraction:0<3}").parse().ok()?,
        _ => return None,
    };
    Some(Duration::from_millis((hours.min(1_000_000) * 3600 + minutes * 60 + seconds) * 1000 + millis))
}

fn date(word: &str) -> Option<Date> {
    let parts: Vec<u16> = word.split('-').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [year, month, day] = parts[..] else { return None };
    Date::new(year.into(), month.try_into().ok()?, day.try_into().ok()?)
}

/// What one of these words stands for.
fn outcome<T: Copy>(rest: &mut Line<'_>, words: &[(&'static str, T)]) -> Result<T, Mistake> {
    let (word, at) = some(rest, "`good` or `failed`")?;
    let known = words.iter().find(|(known, _)| *known == word);
    let names = || words.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    known.map(|(_, meant)| *meant).ok_or_else(|| unknown("end of a run", word, &at, &names()))
}

/// `for 2h`, or nothing.
fn span_of(rest: &mut Line<'_>) -> Result<Option<Duration>, Mistake> {
    const WANTED: &str = "here `for 2h` belongs, or nothing";
    match rest.word() {
        ("", _) => Ok(None),
        ("for", _) => {
            let (span, at) = some(rest, "a span, as in `for 2h`,")?;
            parse_duration(span).map(Some).map_err(|why| bad(&at, &format!("{WANTED}: {why}")))
        }
        (_, at) => Err(bad(&at, WANTED)),
    }
}

/// `name=value`, where a value with blanks stands in double quotes; none at the end of the line.
fn value(rest: &mut Line<'_>) -> Result<Option<(String, String)>, Mistake> {
    let before = rest.clone();
    let (word, at) = rest.word();
    if word.is_empty() {
        return Ok(None);
    }
    let Some((name, plain)) = word.split_once('=') else {
        return Err(bad(&at, "here `name=value` belongs; a value with blanks stands in double quotes"));
    };
    let Some(_) = plain.strip_prefix('"') else { return Ok(Some((name.to_owned(), plain.to_owned()))) };
    let from = at.start - before.at + name.len() + 2;
    let quoted = &before.text[from..];
    let Some(length) = quoted.find('"') else { return Err(bad(&at, "this value has no closing `\"`")) };
    *rest = Line { text: &quoted[length + 1..], at: before.at + from + length + 1 };
    Ok(Some((name.to_owned(), quoted[..length].to_owned())))
}

/// The next word, which must be there.
fn some<'t>(rest: &mut Line<'t>, wanted: &str) -> Result<(&'t str, Span), Mistake> {
    match rest.word() {
        ("", at) => Err(bad(&at, &format!("here {wanted} is missing"))),
        found => Ok(found),
    }
}

/// Nothing may be left.
fn end(rest: &mut Line<'_>) -> Result<(), Mistake> {
    match rest.word() {
        ("", _) => Ok(()),
        (word, at) => Err(bad(&at, &format!("`{word}` means nothing here"))),
    }
}

fn bad(at: &Span, what: &str) -> Mistake {
    (id::STORY, at.clone(), what.to_owned(), None)
}

fn unknown(what: &str, word: &str, at: &Span, words: &[&str]) -> Mistake {
    let all = || format!("it is one of {}", words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", "));
    (id::STORY, at.clone(), format!("`{word}` is no {what}"), meant(word, words).or_else(|| Some(all())))
}

fn meant(word: &str, words: &[&str]) -> Option<String> {
    crate::diagnostic::closest(word, words.iter().copied()).map(|close| format!("did you mean `{close}`?"))
}
