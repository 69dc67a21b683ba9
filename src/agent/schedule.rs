//! Rules on a schedule: when each is next due. A position in the journal says how far each has come, as if
//! time were a file that is read, so that each time is decided once over all restarts.
//!
//! Layer: core

use super::Agent;
use super::deeds::When;
use crate::engine::{self, Basis};
use crate::journal::{Checkpoint, FileKey, Origin, RunId};
use crate::limits::{SCHEDULE_LEAP_MAX, SCHEDULE_MISSED_COUNTED_MAX};
use crate::rule::{Captures, Field, Missed, Rule};
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// When rules are due.
#[derive(Debug, Default)]
pub(super) struct Schedules {
    /// Of those that are in force: when each is next due, if ever, and its text.
    begun: BTreeMap<Arc<str>, (Option<Timestamp>, Arc<str>)>,
    due: BTreeSet<(Timestamp, Arc<str>)>,
    /// How far an earlier agent came, and with which text of the rule.
    left: BTreeMap<FileKey, (Timestamp, String)>,
}

impl Schedules {
    pub(super) fn new(checkpoints: &[Checkpoint]) -> Schedules {
        let left = checkpoints.iter().filter(|read| read.file.0.starts_with(FILE));
        let left = left.map(|read| (read.file.clone(), (time_of(read.offset), read.head.clone()))).collect();
        Schedules { left, ..Schedules::default() }
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The rules and when they are due, the next one first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Timestamp, &Arc<str>)> {
        self.due.iter().map(|(at, rule)| (*at, rule))
    }

    fn set(&mut self, rule: &Rule, next: Option<Timestamp>) {
        self.remove(&rule.name);
        self.begun.insert(rule.name.clone(), (next, rule.text.clone()));
        self.due.extend(next.map(|next| (next, rule.name.clone())));
    }

    fn remove(&mut self, rule: &Arc<str>) {
        if let Some((Some(at), _)) = self.begun.remove(rule) {
            self.due.remove(&(at, rule.clone()));
        }
    }
}

/// What the times of a rule are a file of.
const FILE: &str = "schedule ";

fn file_of(rule: &str) -> FileKey {
    FileKey(format!("{FILE}{rule}").into())
}

/// Times are whole seconds since 1970, as offsets are.
fn time_of(offset: u64) -> Timestamp {
    Timestamp(i64::try_from(offset).unwrap_or(i64::MAX).saturating_mul(1_000_000))
}

fn offset_of(at: Timestamp) -> u64 {
    u64::try_from(at.0 / 1_000_000).unwrap_or(0)
}

impl Agent {
    /// Takes up the schedules of the policy in force. One that is new begins now; one that an earlier agent
    /// kept goes on where that one was.
    pub(super) fn begin_schedules(&mut self) {
        // A replay has no time before its first record.
        if self.now == Timestamp::default() {
            return;
        }
        let policy = self.policy.clone();
        let gone = |name: &&Arc<str>| policy.rule(name).is_none_or(|rule| !rule.enabled || rule.schedule.is_none());
        let gone: Vec<Arc<str>> = self.schedules.begun.keys().filter(gone).cloned().collect();
        gone.iter().for_each(|rule| self.schedules.remove(rule));
        for rule in policy.rules.iter().filter(|rule| rule.enabled) {
            let Some(schedule) = &rule.schedule else { continue };
            if self.schedules.begun.get(&rule.name).is_some_and(|(_, text)| *text == rule.text) {
                continue;
            }
            let left = self.schedules.left.remove(&file_of(&rule.name)).filter(|(_, text)| **text == *rule.text);
            match left {
                Some((came, _)) => {
                    let due = schedule.next(came);
                    self.schedules.set(rule, due);
                    if let Some(due) = due.filter(|due| *due <= self.now) {
                        self.missed(rule, due, self.now);
                    }
                }
                None => {
                    self.schedules.set(rule, schedule.next(self.now));
                    self.came(rule, self.now);
                }
            }
        }
    }

    /// Time has passed, on its way to `until`: what is due is decided.
    pub(super) fn schedules_due(&mut self, until: Timestamp) {
        let policy = self.policy.clone();
        while let Some((due, name)) = self.schedules.due.first().filter(|(at, _)| *at <= self.now).cloned() {
            let rule = policy.rule(&name);
            let Some((rule, schedule)) = rule.and_then(|rule| Some((rule, rule.schedule.as_ref()?))) else {
                self.schedules.remove(&name);
                continue;
            };
            // A clock that was set on by years would be years of decisions.
            if until.since(due) > SCHEDULE_LEAP_MAX {
                self.missed(rule, due, until);
                continue;
            }
            self.schedules.set(rule, schedule.next(due));
            self.scheduled(rule, due, "it is due".into());
            self.came(rule, due);
        }
    }

    /// Nobody was there at the times from `first` to `until`.
    fn missed(&mut self, rule: &Rule, first: Timestamp, until: Timestamp) {
        let Some(schedule) = &rule.schedule else { return };
        let due = std::iter::successors(Some(first), |due| schedule.next(*due)).take_while(|due| *due <= until);
        let (count, last) = due.take(SCHEDULE_MISSED_COUNTED_MAX).fold((0, first), |(count, _), due| (count + 1, due));
        let times = match count {
            1 => format!("once, at {last}Z"),
            SCHEDULE_MISSED_COUNTED_MAX => format!("{count} times or more, from {first}Z on"),
            _ => format!("{count} times, the last time at {last}Z"),
        };
        let then = match schedule.missed {
            Missed::Skip => "that is passed over",
            Missed::Run => "it is made up for once",
        };
        let text = format!("Rule {} was due {times}, and no agent was there: {then}.", rule.name);
        self.out.say("WTR322W", self.now, text, vec![("rule", rule.name.to_string())]);
        if schedule.missed == Missed::Run {
            self.scheduled(rule, last, format!("it was due {times}, and no agent was there"));
        }
        self.schedules.set(rule, schedule.next(until));
        self.came(rule, until);
    }

    /// Decides about a rule that is due, or was.
    fn scheduled(&mut self, rule: &Rule, due: Timestamp, why: String) {
        let mut captures = Captures::default();
        captures.set(Field::Time.name(), due.to_string().as_bytes());
        captures.set(Field::Source.name(), b"schedule");
        captures.set(Field::Text.name(), format!("{} is due", rule.name).as_bytes());
        let origin = Origin {
            source: "schedule".into(),
            path: "schedule".into(),
            file: file_of(&rule.name),
            offset: offset_of(due),
            line: 0,
        };
        let ordered = self.ordered(rule, &captures, due);
        let basis = ordered.unwrap_or_else(|| self.braked(rule, Basis { why: Some(why), ..Basis::default() }));
        let policy = self.policy.clone();
        let record = (&origin, &captures, self.now);
        let decision = engine::decide_by_time(&policy, rule, record, RunId(self.last_run + 1), basis);
        self.decided(decision, When::AtOnce);
    }

    /// The rule has come so far.
    fn came(&mut self, rule: &Rule, at: Timestamp) {
        self.read(Checkpoint {
            // No source of a configuration has a blank in its name.
            source: file_of(&rule.name).0,
            path: "".into(),
            file: file_of(&rule.name),
            offset: offset_of(at),
            line: 0,
            head: rule.text.to_string(),
            done: false,
        });
    }
}
