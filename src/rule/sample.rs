//! Samples: rules prove themselves. The lines of a sample are read as any log is, and the rule must
//! fire on them, with the captures that the sample names, or be quiet.
//!
//! Layer: core

use super::{Condition, Mismatch, Place, Rule, Seen, explain_mismatch};
use crate::record::{Flush, Format, Options, Position, Record, Stream};
use std::fmt;

/// A sample in a rule.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The physical lines, joined by newlines.
    pub lines: String,
    /// How to read them; none means `auto`.
    pub format: Option<Format>,
    /// Whether the rule must match.
    pub fires: bool,
    /// Captures that must come out so (only where it fires).
    pub with: Vec<(String, String)>,
    /// Name of the source that the lines stand for; none means `sample`.
    pub source: Option<String>,
    /// Liberty server that the source belongs to.
    pub server: Option<String>,
    /// Where it is written.
    pub place: Place,
}

/// What came of a sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The rule did what the sample says.
    Passed,
    /// It did not fire, and should have: why.
    DidNotFire(String),
    /// It fired with other captures than the sample names.
    Differs(Vec<Difference>),
    /// It fired, and should have been quiet: on the record that begins at this line of the sample.
    Fired(u64),
}

/// A capture that came out otherwise than the sample says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its name.
    pub name: String,
    /// What the sample says.
    pub expected: String,
    /// What came out; none if there is no such value.
    pub got: Option<String>,
}

impl fmt::Display for Verdict {
    /// A clause: "did not fire: line 1, read as hardcopy: text does not match `…`".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Passed => f.write_str("passed"),
            Verdict::DidNotFire(why) => write!(f, "did not fire: {why}"),
            Verdict::Fired(line) => write!(f, "fired on line {line} of the sample, and should be quiet"),
            Verdict::Differs(differences) => {
                f.write_str("fired, but ")?;
                for (i, difference) in differences.iter().enumerate() {
                    let Difference { name, expected, got } = difference;
                    let between = if i == 0 { "" } else { "; " };
                    match got {
                        Some(got) => write!(f, "{between}`{name}` is `{got}`, not `{expected}`")?,
                        None => write!(f, "{between}there is no `{name}`; the sample says `{expected}`")?,
                    }
                }
                Ok(())
            }
        }
    }
}

impl Rule {
    /// Tries all samples, in order. A disabled rule is tried too: its samples say what it would do.
    pub fn try_samples(&self) -> impl Iterator<Item = (&Sample, Verdict)> {
        self.samples.iter().map(|sample| (sample, sample.try_on(&self.when)))
    }
}

impl Sample {
    /// What comes of this sample under a condition.
    #[must_use]
    pub fn try_on(&self, when: &Condition) -> Verdict {
        let mut fired: Option<(u64, Vec<Difference>)> = None;
        let mut nearest: Option<(usize, String)> = None;
        self.read(&mut |seen| match when.check(seen) {
            Ok(()) if fired.is_none() => fired = Some((seen.record.position.line, self.differences(when, seen))),
            Ok(()) => {}
            Err(mismatch) => {
                let rank = when.how_far(mismatch);
                if nearest.as_ref().is_none_or(|(best, _)| rank > *best) {
                    nearest = Some((rank, reason(when, mismatch, seen)));
                }
            }
        });
        match (self.fires, fired) {
            (true, Some((_, differences))) if differences.is_empty() => Verdict::Passed,
            (true, Some((_, differences))) => Verdict::Differs(differences),
            (true, None) => {
                let why = nearest.map(|(_, why)| why);
                Verdict::DidNotFire(why.unwrap_or_else(|| "its lines hold no record".to_owned()))
            }
            (false, Some((line, _))) => Verdict::Fired(line),
            (false, None) => Verdict::Passed,
        }
    }

    /// Gives every record of the sample.
    pub fn read(&self, sink: &mut dyn FnMut(Seen<'_, '_>)) {
        let options = Options { format: self.format, ..Options::default() };
        let mut stream = Stream::new(&options, Position { offset: 0, line: 1 });
        let mut each = |record: &Record<'_>| {
            let source = self.source.as_deref().unwrap_or("sample");
            sink(Seen { record, source, server: self.server.as_deref() });
        };
        stream.feed(self.lines.as_bytes(), &mut each);
        stream.flush(Flush::Everything, &mut each);
    }

    fn differences(&self, when: &Condition, seen: Seen<'_, '_>) -> Vec<Difference> {
        let captures = when.captures(seen);
        let differs = |(name, expected): &(String, String)| {
            let got = captures.get(name);
            (got != Some(expected)).then(|| Difference {
                name: name.clone(),
                expected: expected.clone(),
                got: got.map(str::to_owned),
            })
        };
        self.with.iter().filter_map(differs).collect()
    }
}

impl Condition {
    /// How many tests held before the mismatch: of several records, the one that came farthest is the
    /// one that the sample was written for.
    #[must_use]
    pub fn how_far(&self, mismatch: Mismatch) -> usize {
        match mismatch {
            Mismatch::Test(i) => i,
            Mismatch::Kind => self.tests.len(),
            Mismatch::Unless(_) => self.tests.len() + 1,
        }
    }
}

fn reason(when: &Condition, mismatch: Mismatch, seen: Seen<'_, '_>) -> String {
    let (line, format) = (seen.record.position.line, seen.record.format.name());
    format!("line {line}, read as {format}: {}", explain_mismatch(when, mismatch, seen))
}

#[cfg(test)]
mod tests {
    use crate::document::Document;
    use crate::rule::decode::decode;

    /// The verdicts on the samples of one fixed rule.
    fn verdicts(samples: &str) -> Vec<String> {
        let text = format!(
            "[[rule]]\nname = 'x'\nwhen = {{ id = 'CWWKT0016I', text = '\\((?<vhost>[^)]+)\\): (?<url>\\S+)', \
             unless = {{ text = '/admin' }} }}\nsample = [ {samples} ]\n"
        );
        let doc = Document::parse("x.toml", &text);
        let rule = decode(&doc).remove(0).rule.expect("a good rule");
        rule.try_samples().map(|(_, verdict)| verdict.to_string()).collect()
    }

    #[test]
    fn a_sample_passes_or_says_why_not() {
        let line = "CWWKT0016I: Web application available (default_host): http://zt00:8080/app/";
        let fires = |with: &str| verdicts(&format!("{{ fires = '{line}', with = {{ {with} }} }}")).remove(0);
        assert_eq!(fires("vhost = 'default_host', message_id = 'CWWKT0016I'"), "passed");
        assert_eq!(fires("vhost = 'admin_host'"), "fired, but `vhost` is `default_host`, not `admin_host`");
        assert_eq!(fires("job_name = 'WLP1'"), "fired, but there is no `job_name`; the sample says `WLP1`");
        let all = verdicts(&format!(
            "{{ quiet = '{line}' }}, {{ fires = '{line}admin' }}, {{ fires = 'CWWKT0017I: gone' }}, {{ quiet = 'x' }}, \
             {{ fires = \"\"\"nothing\nCWWKT0016I: available\nnothing\"\"\" }}"
        ));
        assert_eq!(
            all,
            [
                "fired on line 1 of the sample, and should be quiet",
                "did not fire: line 1, read as plain: `unless` holds: text matches `/admin`",
                "did not fire: line 1, read as plain: message id is CWWKT0017I, not CWWKT0016I",
                "passed",
                "did not fire: line 2, read as plain: text does not match `\\((?<vhost>[^)]+)\\): (?<url>\\S+)`",
            ]
        );
    }
}
