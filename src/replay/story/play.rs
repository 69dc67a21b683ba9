//! Plays a story: the same recognition, matcher and agent as a replay, with the story's time, and with
//! each of its expectations compared with what was decided.
//!
//! Layer: shell

use super::super::world::{Named, Place, World};
use super::{Expected, Step, Story, What, When};
use crate::agent::{Event, Memory};
use crate::diagnostic::{Diagnostic, id};
use crate::journal::{Action, By, Decision, Entry, RunId};
use crate::policy::{Matcher, Policy};
use crate::record::{Flush, Format, Options, Position, Record, Stream};
use crate::rule::{Brakes, Rule, Seen, explain_mismatch};
use crate::span::Span;
use crate::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Who is told of each record that a rule's `when` matches.
pub type Met<'m> = &'m mut dyn FnMut(&Rule, Seen<'_, '_>);

impl Story<'_> {
    /// Plays the story, in which more runs than the `brakes` let through are too many. What went otherwise than it says is returned; nothing, if all went as it says.
    #[must_use]
    pub fn play(&self, policy: &Arc<Policy>, brakes: Brakes, met: Met<'_>) -> Vec<Diagnostic> {
        let mut play = Play {
            story: self,
            policy,
            matcher: Matcher::new(policy.clone()),
            world: World::new(policy, brakes),
            now: Timestamp::default(),
            timed: false,
            line: 0..0,
            by_stamp: false,
            inputs: Vec::new(),
            current: 0,
            log: Log::default(),
            met,
            found: Vec::new(),
        };
        play.inputs.push(Input::new("story"));
        let mut expecting = false;
        for step in &self.steps {
            let expects = matches!(step.what, What::Expect(_) | What::Nothing | What::Came(..));
            if expecting && !expects {
                play.unexpected();
            }
            expecting = expects;
            play.step(step);
        }
        play.settle(Flush::Everything);
        play.unexpected();
        play.found
    }
}

/// What is done with a stream, and where its records go.
type Reading<'r> = &'r mut dyn FnMut(&mut Stream, &mut dyn FnMut(&Record<'_>));

/// A source of the story.
struct Input {
    name: String,
    format: Option<Format>,
    /// Begins with the first line, when the format is known.
    stream: Option<Stream>,
    place: Place,
}

impl Input {
    fn new(name: &str) -> Input {
        Input { name: name.to_owned(), format: None, stream: None, place: Place::new(Named::from(name)) }
    }
}

/// What the journal has got.
#[derive(Default)]
struct Log {
    entries: Vec<Entry>,
    /// Decisions that no expectation has spoken of, each with the step that led to it.
    unclaimed: Vec<(Decision, Span)>,
    /// How runs came out, since the last expectations.
    came: Vec<(String, &'static str)>,
    /// Why rules did not match, or see, what came since the last expectations: the nearest reason.
    near: BTreeMap<Arc<str>, (usize, String)>,
}

struct Play<'s, 't> {
    story: &'s Story<'t>,
    policy: &'s Arc<Policy>,
    matcher: Matcher,
    world: World,
    now: Timestamp,
    /// The story has come to a time.
    timed: bool,
    /// Where the last line of a log stands in the story.
    line: Span,
    /// It came at the time of its own stamp.
    by_stamp: bool,
    inputs: Vec<Input>,
    current: usize,
    log: Log,
    met: Met<'s>,
    found: Vec<Diagnostic>,
}

impl Play<'_, '_> {
    fn step(&mut self, step: &Step) {
        match &step.what {
            What::Line(when, text) => self.line(*when, text, step),
            What::Expect(expected) => self.expect(expected, step),
            What::Nothing => {
                self.settle(Flush::Settled);
                if !self.log.unclaimed.is_empty() {
                    let what = self.what_was_decided();
                    self.wrong(&step.span, &format!("nothing was to be decided, and {what}"), None);
                    self.log.unclaimed.clear();
                }
            }
            What::Came(job, word) => {
                self.settle(Flush::Settled);
                if !self.log.came.contains(&(job.clone(), *word)) {
                    let all: Vec<_> = self.log.came.iter().map(|(job, word)| format!("{job} {word}")).collect();
                    let help = if all.is_empty() {
                        "nothing became of any run".into()
                    } else {
                        format!("runs: {}", all.join(", "))
                    };
                    self.wrong(&step.span, &format!("no run of {job} is {word}"), Some(&help));
                }
            }
            other => {
                self.settle(Flush::Settled);
                match other {
                    What::Source(name) => self.source(name),
                    What::Format(format) => self.inputs[self.current].format = Some(*format),
                    What::Tick(when) => {
                        self.pass(*when, &step.span);
                        self.tick(&step.span);
                    }
                    What::Run(job, end) => {
                        self.world.ends.remove(job);
                        self.world.ends.extend(end.map(|end| (job.clone(), end)));
                    }
                    What::Answer(job, approved) => {
                        let event = |run| Event::Answered { run, approved: *approved, by: somebody() };
                        self.say_of_runs(job, ("asked", "waits for an answer"), &event, &step.span);
                    }
                    What::Release(job, how) => {
                        let event = |run| Event::Released { run, how: *how, by: somebody() };
                        self.say_of_runs(job, ("in doubt", "is in doubt"), &event, &step.span);
                    }
                    What::Disable(subject, span) => {
                        let until = span.map(|span| self.now.after(span));
                        self.give(Event::Disabled { subject: subject.clone(), until, by: somebody() }, &step.span);
                    }
                    What::Enable(subject) => {
                        self.give(Event::Enabled { subject: subject.clone(), by: somebody() }, &step.span);
                    }
                    _ => self.restart(&step.span),
                }
            }
        }
    }

    fn source(&mut self, name: &str) {
        let known = self.inputs.iter().position(|input| input.name == name);
        self.current = known.unwrap_or_else(|| {
            self.inputs.push(Input::new(name));
            self.inputs.len() - 1
        });
    }

    /// A line comes. What waits for its continuation is over if this one comes later.
    fn line(&mut self, when: Option<When>, text: &str, step: &Step) {
        let by_stamp = when.is_none();
        let later = when.is_some_and(|when| self.time_of(when) != self.now);
        if later || by_stamp != self.by_stamp {
            self.settle(Flush::Settled);
        }
        (self.by_stamp, self.line) = (by_stamp, step.span.clone());
        if let Some(when) = when {
            self.pass(when, &step.span);
        }
        let input = &mut self.inputs[self.current];
        let options = Options { format: input.format, ..Options::default() };
        let stream = input.stream.get_or_insert_with(|| Stream::new(&options, Position { offset: 0, line: 1 }));
        input.place.read = stream.resume_position();
        let bytes = format!("{text}\n");
        self.read(&step.span, &mut |stream, sink| stream.feed(bytes.as_bytes(), sink));
    }

    /// No further line follows for now.
    fn settle(&mut self, how: Flush) {
        let span = self.line.clone();
        let current = self.current;
        for number in 0..self.inputs.len() {
            self.current = number;
            self.read(&span, &mut |stream, sink| stream.flush(how, sink));
        }
        self.current = current;
    }

    /// Gives the agent the records that come out of the current stream.
    fn read(&mut self, span: &Span, how: Reading<'_>) {
        let Some(mut stream) = self.inputs[self.current].stream.take() else { return };
        how(&mut stream, &mut |record| self.record(record, span));
        self.inputs[self.current].stream = Some(stream);
    }

    fn record(&mut self, record: &Record<'_>, span: &Span) {
        if let (true, Some(time)) = (self.by_stamp, record.time) {
            self.now = if self.timed { self.now.max(time.timestamp()) } else { time.timestamp() };
            self.timed = true;
        }
        self.tick(span);
        let place = &self.inputs[self.current].place;
        let seen = place.seen(record);
        for rule in self.story.rules().filter_map(|name| self.policy.rule(name)) {
            if let Err(mismatch) = rule.when.check(seen) {
                let rank = rule.when.how_far(mismatch);
                let best = self.log.near.get(&rule.name).map(|(best, _)| *best);
                if best.is_none_or(|best| rank >= best) {
                    let why = explain_mismatch(&rule.when, mismatch, seen);
                    let why = format!("of what came, the nearest record does not match: {why}");
                    self.log.near.insert(rule.name.clone(), (rank, why));
                }
            }
        }
        let (mut events, mut matched) = (Vec::new(), Vec::new());
        self.matcher.hits(seen, &mut |hit| {
            if hit.is_when() {
                matched.push(hit.rule.name.clone());
            }
            let hit = (hit.target(), hit.condition.captures(seen));
            events.push(place.matched(hit, record.position, self.now));
        });
        let origin = place.origin(record.position);
        events.into_iter().for_each(|event| self.give(event, span));
        for rule in matched.iter().filter_map(|name| self.policy.rule(name)) {
            match self.world.agent().hidden_by(&rule.name, &origin) {
                Some(taker) => {
                    let why = format!("it does not see what came: rule {taker} is final");
                    self.log.near.insert(rule.name.clone(), (usize::MAX, why));
                }
                None => (self.met)(rule, self.inputs[self.current].place.seen(record)),
            }
        }
    }

    fn give(&mut self, event: Event, span: &Span) {
        let (log, about) = (&mut self.log, &self.story.about);
        self.world.give(event, &mut |entry| log.entry(entry, about, span));
    }

    /// What is due by now happens.
    fn tick(&mut self, span: &Span) {
        let (log, about) = (&mut self.log, &self.story.about);
        self.world.pass_time(self.now, &mut |entry| log.entry(entry, about, span));
    }

    fn restart(&mut self, span: &Span) {
        match Memory::of(&self.log.entries) {
            Ok(memory) => {
                let (log, about) = (&mut self.log, &self.story.about);
                self.world.restart(self.policy, memory, self.now, &mut |entry| log.entry(entry, about, span));
            }
            Err(fault) => self.wrong(span, &fault.to_string(), None),
        }
    }

    /// Somebody says something of all runs of a job that are in this state.
    fn say_of_runs(&mut self, job: &str, (state, is): (&str, &str), event: &dyn Fn(RunId) -> Event, span: &Span) {
        let runs = self.world.agent().view().runs;
        let meant = runs.iter().filter(|run| run.job == job && run.state == state);
        let meant: Vec<RunId> = meant.map(|run| run.run).collect();
        if meant.is_empty() {
            self.wrong(span, &format!("no run of {job} {is}"), None);
        }
        for run in meant {
            self.give(event(run), span);
        }
    }

    fn time_of(&self, when: When) -> Timestamp {
        match when {
            When::At(at) => at,
            When::After(span) => self.now.after(span),
        }
    }

    fn pass(&mut self, when: When, span: &Span) {
        let at = self.time_of(when);
        if at < self.now && self.timed {
            let what = format!("this is before {}, and time does not go back", clock(self.now));
            self.found.push(Diagnostic::new(id::STORY, self.story.file.spot(span), &what));
        }
        self.now = if self.timed { self.now.max(at) } else { at };
        self.timed = true;
    }

    fn expect(&mut self, expected: &Expected, step: &Step) {
        self.settle(Flush::Settled);
        let of_rule = |(decision, _): &(Decision, Span)| *decision.rule == *expected.rule;
        let met = self.log.unclaimed.iter().position(|found| of_rule(found) && expected.differs(&found.0).is_none());
        let near = met.or_else(|| self.log.unclaimed.iter().position(of_rule));
        let Some(near) = near else {
            let what = format!("{} was to be {}, and was not", expected.rule, expected.verdict);
            let what = if expected.verdict == "fired" { format!("{} did not fire", expected.rule) } else { what };
            let help = self.why_not(&expected.rule);
            return self.wrong(&step.span, &what, Some(&help));
        };
        let (decision, _) = self.log.unclaimed.remove(near);
        if let Some(what) = expected.differs(&decision) {
            self.wrong(&step.span, &what, None);
        }
    }

    /// Why a rule has decided nothing, as far as it is known.
    fn why_not(&self, rule: &str) -> String {
        let view = self.world.agent().view();
        if let Some(known) = view.situations.iter().find(|known| known.rule == rule) {
            return format!("at {}, {rule} is not there yet: {}", clock(self.now), known.state);
        }
        match self.log.near.get(rule) {
            Some((_, why)) => why.clone(),
            None if self.log.unclaimed.is_empty() => "nothing came that it could match".into(),
            None => self.what_was_decided(),
        }
    }

    /// What was decided and not expected is wrong, too.
    fn unexpected(&mut self) {
        for (decision, span) in std::mem::take(&mut self.log.unclaimed) {
            let help = format!("if that is right, say so: `expect {} {}`", decision.rule, decision.verdict.name());
            self.wrong(&span, &format!("here {}, and the story does not say so", outcome(&decision)), Some(&help));
        }
        self.log.came.clear();
        self.log.near.clear();
    }

    fn what_was_decided(&self) -> String {
        self.log.unclaimed.iter().map(|(decision, _)| outcome(decision)).collect::<Vec<_>>().join(", and ")
    }

    fn wrong(&mut self, span: &Span, what: &str, help: Option<&str>) {
        let found = Diagnostic::new(id::STORY_GOES, self.story.file.spot(span), what);
        self.found.push(match help {
            Some(help) => found.help(help),
            None => found,
        });
    }
}

impl Log {
    fn entry(&mut self, entry: Entry, about: &[String], span: &Span) {
        match &entry {
            Entry::Decided(decision) if about.is_empty() || about.iter().any(|name| *name == *decision.rule) => {
                self.unclaimed.push((decision.clone(), span.clone()));
            }
            Entry::Closed { run, good, .. } => self.came(*run, if *good { "good" } else { "failed" }),
            Entry::Skipped { run, .. } => self.came(*run, "skipped"),
            Entry::Asked { run, .. } => self.came(*run, "asked"),
            Entry::InDoubt { run, .. } => self.came(*run, "in doubt"),
            _ => {}
        }
        self.entries.push(entry);
    }

    fn came(&mut self, run: RunId, how: &'static str) {
        let job = self.entries.iter().find_map(|entry| match entry {
            Entry::Decided(decision) => decision.runs().find(|(of, ..)| *of == run).map(|(_, _, job)| job.to_string()),
            _ => None,
        });
        self.came.extend(job.map(|job| (job, how)));
    }
}

impl Expected {
    /// How a decision of this rule differs from what is expected; none if it does not.
    fn differs(&self, decision: &Decision) -> Option<String> {
        if decision.verdict.name() != self.verdict {
            return Some(format!("it was to be {}, and {}", self.verdict, outcome(decision)));
        }
        let differs = |(name, wanted): &(String, String)| match value(decision, name) {
            Some(got) if got == *wanted => None,
            Some(got) => Some(format!("{}, but `{name}` is `{got}`, not `{wanted}`", outcome(decision))),
            None => Some(format!("{}, but it has no `{name}`", outcome(decision))),
        };
        self.with.iter().find_map(differs)
    }
}

/// Who gives commands in stories.
fn somebody() -> By {
    By { who: "story".into(), why: None }
}

/// A value of a decision: a capture or field, what a job was given, or the `report` that it makes.
fn value(decision: &Decision, name: &str) -> Option<String> {
    let given = decision.actions.iter().find_map(|action| match action {
        Action::Run { with, .. } => with.iter().find(|(given, _)| **given == *name).map(|(_, value)| value.clone()),
        Action::Report { text, .. } => (name == "report").then(|| text.clone()),
        Action::Set { .. } | Action::Close { .. } | Action::HandOver { .. } => None,
    });
    given.or_else(|| decision.captures.get(name).map(str::to_owned))
}

/// Without the date, where the story names none.
fn clock(at: Timestamp) -> String {
    at.to_string().trim_start_matches("1970-01-01T").to_owned()
}

/// `vipa-nowhere fired (every condition holds)`.
fn outcome(decision: &Decision) -> String {
    format!("{} {} ({})", decision.rule, decision.verdict.name(), decision.reason)
}
