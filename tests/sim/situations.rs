//! What rules know of several records, added up from the entries alone and by simpler means than the agent's:
//! lists of what was noted, by rule and key. Each decision of a rule that correlates must follow from them,
//! and so must each note: what completes a situation decides, and nothing else does.

use crate::log::LogFile;
use crate::policy::LEVELS;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use wtor::journal::{Action, Concluded, Decision, Entry, FileKey, Key, Note, Part, Verdict};
use wtor::policy::Policy;
use wtor::rule::{Form, Further, Level};
use wtor::time::Timestamp;

/// What is known of one key.
#[derive(Clone, Debug, Default)]
struct Known {
    /// When each match came that counts, and until when it does.
    counted: Vec<(Timestamp, Timestamp)>,
    /// What is waited after, the first one first.
    wait: Vec<Note>,
    paused_until: Option<Timestamp>,
}

impl Known {
    /// What is over counts no more, and of levels only so many as the highest counts.
    fn count(&mut self, rule: &str, (at, until): (Timestamp, Timestamp)) {
        self.counted.retain(|(_, until)| *until > at);
        self.counted.push((at, until));
        if rule == LEVELS.0 && self.counted.len() > LEVELS.1 {
            self.counted.remove(0);
        }
    }
}

/// See the module text.
#[derive(Clone, Debug, Default)]
pub struct Situations {
    known: BTreeMap<(Arc<str>, Key), Known>,
    /// Where each note stands: file, offset, and what names it.
    pub noted: BTreeSet<(FileKey, u64, Arc<str>)>,
}

/// What an entry is held to.
pub struct World<'w> {
    pub policy: &'w Policy,
    pub files: &'w [LogFile],
    /// How far each file has been read.
    pub read: &'w BTreeMap<FileKey, u64>,
}

impl Situations {
    /// How many waits there are.
    pub fn waits(&self) -> usize {
        self.known.values().filter(|known| !known.wait.is_empty()).count()
    }

    pub fn apply(&mut self, entry: &Entry) -> Result<(), String> {
        match entry {
            Entry::Noted(note) => self.noted(note),
            Entry::Decided(Decision { concluded: Some(concluded), rule, at, .. }) => {
                let Concluded { key, pause, counts, .. } = concluded;
                let known = self.known.entry((rule.clone(), key.clone())).or_default();
                known.wait.clear();
                known.paused_until = pause.or(known.paused_until);
                match counts {
                    Some(until) => known.count(rule, (*at, *until)),
                    None => known.counted.clear(),
                }
                Ok(())
            }
            Entry::Forgotten { rule, key, .. } => {
                self.known.retain(|(of, other), _| of != rule || key.as_ref().is_some_and(|key| key != other));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn noted(&mut self, note: &Note) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("rule {} {what} {}@{}", note.rule, note.origin.path, note.origin.offset));
        let place = (note.origin.file.clone(), note.origin.offset, note.label());
        // That a wait is over is noted about the record that began it.
        if !self.noted.insert(place) && note.part != Part::Over {
            return wrong("notes a second time");
        }
        let known = self.known.entry((note.rule.clone(), note.key.clone())).or_default();
        let waits = !known.wait.is_empty();
        match note.part {
            Part::Counted => known.count(&note.rule, (note.at, note.until)),
            Part::Awaited if waits => return wrong("waits already, and begins to wait at"),
            Part::Awaited => known.wait.push(note.clone()),
            // The wait begins anew each time.
            Part::Begun => known.wait = vec![note.clone()],
            Part::Joined | Part::Stepped | Part::Again | Part::Followed | Part::Over if !waits => {
                return wrong("waits for nothing, and takes up");
            }
            Part::Joined | Part::Stepped => known.wait.push(note.clone()),
            Part::Again => {}
            Part::Followed | Part::Over => known.wait.clear(),
            Part::Reset => *known = Known::default(),
        }
        Ok(())
    }

    /// An entry that is about to be written follows from those before it.
    pub fn check(&self, entry: &Entry, world: &World<'_>) -> Result<(), String> {
        match entry {
            Entry::Noted(note) if note.part == Part::Counted => {
                let form = world.policy.rule(&note.rule).and_then(|rule| rule.correlation.as_ref()?.form.as_ref());
                let known = self.known.get(&(note.rule.clone(), note.key.clone()));
                let would = form.and_then(|form| counted(form, known?, note.at));
                let would = would.filter(|_| known.is_some_and(|known| !known.was_ahead(note.at)));
                would.map_or(Ok(()), |says| {
                    Err(format!("rule {} notes what should decide at {:?}: {says}, {known:?}", note.rule, note.at))
                })
            }
            Entry::Noted(note) if note.part == Part::Joined => {
                let rule = world.policy.rule(&note.rule).and_then(|rule| rule.correlation.as_ref()?.form.as_ref());
                let (Some(Form::All(set)), Some(known)) =
                    (rule, self.known.get(&(note.rule.clone(), note.key.clone())))
                else {
                    return Ok(());
                };
                let mut here: BTreeSet<&str> = known.wait.iter().filter_map(|n| n.captures.get(&set.of)).collect();
                here.extend(note.captures.get(&set.of));
                match set.are.iter().all(|one| here.contains(&**one)) {
                    true => Err(format!("rule {} notes what makes its list complete", note.rule)),
                    false => Ok(()),
                }
            }
            Entry::Decided(decision) => {
                let Some(concluded) = &decision.concluded else { return Ok(()) };
                let none = Known::default();
                let known = self.known.get(&(decision.rule.clone(), concluded.key.clone())).unwrap_or(&none);
                let says = said(decision);
                decided(decision, known, world).map_err(|why| {
                    format!(
                        "rule {} decides about {}@{} and says {says:?}: {why}",
                        decision.rule, decision.origin.path, decision.origin.offset
                    )
                })
            }
            _ => Ok(()),
        }
    }
}

impl Known {
    /// Something was counted when the clock was ahead, before it was set back while no agent was there. Whether
    /// that is recent nobody can say.
    fn was_ahead(&self, now: Timestamp) -> bool {
        self.counted.iter().any(|(at, _)| *at > now)
    }
}

/// What a decision reports.
fn said(decision: &Decision) -> String {
    let report = |action: &Action| if let Action::Report { text, .. } = action { Some(text.clone()) } else { None };
    decision.actions.iter().find_map(report).unwrap_or_default()
}

fn expect(what: &str, found: &str, expected: &str) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what} should be {expected:?}")) }
}

/// What one more match at this time comes to, where matches are counted: the level and how many, if it decides.
fn counted(form: &Form, known: &Known, now: Timestamp) -> Option<String> {
    let within = |span: Duration| known.counted.iter().filter(|(at, _)| at.after(span) > now).count();
    match form {
        Form::Count(count) => {
            let all = known.counted.iter().filter(|(_, until)| *until > now).count() + 1;
            (all >= count.at_least).then(|| all.to_string())
        }
        Form::Levels(levels) => {
            let before = |level: &Level| within(level.count.within);
            let level = levels.iter().find(|level| before(level) + 1 >= level.count.at_least)?;
            let rises = before(level) < level.count.at_least;
            rises.then(|| format!("{} {}", level.name, before(level) + 1))
        }
        _ => None,
    }
}

fn decided(decision: &Decision, known: &Known, world: &World<'_>) -> Result<(), String> {
    let asks = world.policy.rule(&decision.rule).and_then(|rule| rule.correlation.as_ref()).ok_or("it has no rule")?;
    let paused = known.paused_until.is_some_and(|until| until > decision.at);
    let held_so = decision.verdict == Verdict::Held && decision.reason.contains("once_per");
    if asks.once_per.is_some() && (paused && decision.verdict == Verdict::Fired || !paused && held_so) {
        return Err(format!("it is paused until {:?}", known.paused_until));
    }
    let Some(form) = &asks.form else { return Ok(()) };
    if let Form::Count(_) | Form::Levels(_) = form {
        if known.was_ahead(decision.at) {
            return Ok(());
        }
        let should = counted(form, known, decision.at)
            .ok_or_else(|| format!("too few have come: {:?} by {:?}", known.counted, decision.at))?;
        return if let Form::Levels(_) = form { expect("it", &said(decision), &should) } else { Ok(()) };
    }
    let (first, last) = known.wait.first().zip(known.wait.last()).ok_or("it waits for nothing")?;
    let late = first.origin == decision.origin;
    if late && decision.at < last.until {
        return Err(format!("its time is over at {}", last.until));
    }
    match form {
        Form::UnlessFollowedBy(_) => match followed(first, world) {
            Some(offset) => Err(format!("what it waits for stands at {offset}, and that was read")),
            None if late => Ok(()),
            None => Err("it is about another record".into()),
        },
        Form::Collect(_) => expect("that", &said(decision), &format!("gathered {}", known.wait.len())),
        Form::FollowedBy(steps) if late => {
            let missing: Vec<_> = steps[known.wait.len() - 1..].iter().map(|step| step.condition.wanted()).collect();
            expect("that", &said(decision), &format!("no {}", missing.join(", ")))
        }
        Form::FollowedBy(steps) if known.wait.len() != steps.len() => Err("it is not complete".into()),
        Form::FollowedBy(_) => Ok(()),
        Form::All(set) => {
            let mut here: BTreeSet<&str> = known.wait.iter().filter_map(|note| note.captures.get(&set.of)).collect();
            let this = world.files.iter().find(|file| file.key == decision.origin.file);
            let this = this.and_then(|file| file.hits.get(&(decision.origin.offset, decision.rule.clone())));
            here.extend(this.and_then(|captures| captures.get(&set.of)));
            let missing: Vec<&str> = set.are.iter().map(|one| &**one).filter(|one| !here.contains(one)).collect();
            match late {
                true => expect("that", &said(decision), &format!("lacks {}", missing.join(", "))),
                false if missing.is_empty() || meets(decision, &Further::Or, world) => Ok(()),
                false => Err(format!("{missing:?} are missing")),
            }
        }
        Form::Count(_) | Form::Levels(_) => Ok(()),
    }
}

/// A straight reading finds that the record of a decision is this, too, to its rule.
fn meets(decision: &Decision, what: &Further, world: &World<'_>) -> bool {
    let origin = &decision.origin;
    let file = world.files.iter().find(|file| file.key == origin.file);
    let further = file.and_then(|file| file.further.get(&origin.offset));
    further.into_iter().flatten().any(|(rule, further, _)| *rule == decision.rule && further == what)
}

/// Where the record stands, behind the one that began the wait, that a straight reading finds to follow it, if
/// it was read.
fn followed(first: &Note, world: &World<'_>) -> Option<u64> {
    let origin = &first.origin;
    let file = world.files.iter().find(|file| file.key == origin.file)?;
    let read = world.read.get(&origin.file).copied().unwrap_or(0);
    let by = &world.policy.rule(&first.rule)?.correlation.as_ref()?.by;
    let follows = |(rule, further, captures): &&(Arc<str>, Further, wtor::rule::Captures)| {
        *rule == first.rule && *further == Further::Following && Key::of(by, captures) == first.key
    };
    let mut behind = file.further.range(origin.offset + 1..read.max(origin.offset + 1));
    behind.find(|(_, meets)| meets.iter().any(|one| follows(&one))).map(|(offset, _)| *offset)
}
