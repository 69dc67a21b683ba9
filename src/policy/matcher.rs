//! Which rules a record matches, at a cost that does not grow with the number of rules: one look-up
//! by message id, then only the conditions that this id can meet.
//!
//! Layer: core

use super::Policy;
use crate::rule::describe_whole;
use crate::rule::{Action, Condition, Correlation, Expect, Further, Pattern, Rule, Seen, Test, TextPattern};
use regex::bytes::RegexSet;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// All conditions of a policy, indexed by message id.
#[derive(Debug)]
pub struct Matcher {
    policy: Arc<Policy>,
    /// Every condition that a record may meet: of rules, and of what runs may wait for.
    entries: Vec<Entry>,
    /// Exact message ids -> entries, ascending.
    by_id: FxHashMap<Box<[u8]>, Vec<u32>>,
    /// The first bytes of globs -> entries.
    by_prefix: FxHashMap<[u8; PREFIX], Vec<u32>>,
    /// Conditions that ask for no id but for a text, and their patterns as one set.
    by_text: Option<(RegexSet, Vec<u32>)>,
    /// The rest: tried on every record.
    always: Vec<u32>,
}

const PREFIX: usize = 3;

/// One condition: a rule's own, or one that a run of it may wait for.
#[derive(Clone, Copy, Debug)]
struct Entry {
    rule: u32,
    role: Role,
}

/// What a condition is to its rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// Its `when`.
    When,
    /// One that its situations ask for beyond `when`.
    Further(Further),
    /// Of its `expect`: positions of the action and of the condition.
    Expected(u16, u16),
}

/// A condition that a record meets.
#[derive(Clone, Copy, Debug)]
pub struct Hit<'m> {
    /// The rule.
    pub rule: &'m Rule,
    /// The condition that was met.
    pub condition: &'m Condition,
    /// The first rule before it that matches the record, too, and is `final`: if that one is in force, this rule
    /// does not see the record. What is in force only the agent knows.
    pub behind: Option<&'m Rule>,
    role: Role,
}

/// What matched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// The rule's `when`.
    Rule(Arc<str>),
    /// A condition beyond `when` that a situation of this rule may be waiting for.
    Further {
        /// The rule.
        rule: Arc<str>,
        /// Which condition.
        further: Further,
    },
    /// A condition that a run of this rule may be waiting for.
    Expected {
        /// The rule.
        rule: Arc<str>,
        /// The condition, as [`describe_whole`] has it: its place may be another one by now.
        what: Arc<str>,
    },
}

impl Hit<'_> {
    /// True if it is the rule's `when` that was met.
    #[must_use]
    pub fn is_when(&self) -> bool {
        self.role == Role::When
    }

    /// What the agent is told.
    #[must_use]
    pub fn target(&self) -> Target {
        let rule = self.rule.name.clone();
        match self.role {
            Role::When => Target::Rule(rule),
            Role::Further(further) => Target::Further { rule, further },
            Role::Expected(..) => Target::Expected { rule, what: describe_whole(self.condition).into() },
        }
    }
}

impl Matcher {
    /// Compiles the policy's conditions. Disabled rules are left out, but not the messages that their
    /// runs may still wait for.
    #[must_use]
    pub fn new(policy: Arc<Policy>) -> Matcher {
        let mut matcher = Matcher {
            entries: Vec::new(),
            by_id: FxHashMap::default(),
            by_prefix: FxHashMap::default(),
            by_text: None,
            always: Vec::new(),
            policy: policy.clone(),
        };
        let mut texts = Vec::new();
        for (number, rule) in policy.rules.iter().enumerate() {
            let number = number as u32;
            if rule.enabled {
                // First what ends a wait: a record that is both begins the next one.
                for (further, condition) in rule.correlation.iter().flat_map(Correlation::further) {
                    matcher.add(Entry { rule: number, role: Role::Further(further) }, condition, &mut texts);
                }
                if rule.has_when() {
                    matcher.add(Entry { rule: number, role: Role::When }, &rule.when, &mut texts);
                }
            }
            for (action, expect) in expects(rule) {
                for (i, condition) in expect.all.iter().enumerate() {
                    let role = Role::Expected(action as u16, i as u16);
                    matcher.add(Entry { rule: number, role }, condition, &mut texts);
                }
            }
        }
        matcher.index_texts(texts);
        matcher
    }

    /// The policy that it was compiled from.
    #[must_use]
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// Gives every condition that the record meets to `sink`, in the order of the rules, those behind a rule
    /// that says `final` included.
    pub fn hits<'m>(&'m self, seen: Seen<'_, '_>, sink: &mut dyn FnMut(Hit<'m>)) {
        let exact = seen.record.message_id.and_then(|id| self.by_id.get(id)).map_or(&[][..], Vec::as_slice);
        if self.by_prefix.is_empty() && self.by_text.is_none() && self.always.is_empty() {
            return self.try_all(exact, seen, sink);
        }
        let mut candidates = Vec::new();
        if let Some(prefix) = seen.record.message_id.and_then(|id| id.first_chunk::<PREFIX>())
            && let Some(found) = self.by_prefix.get(prefix)
        {
            candidates.extend_from_slice(found);
        }
        if let Some((set, numbers)) = &self.by_text {
            candidates.extend(set.matches(seen.record.text).iter().map(|i| numbers[i]));
        }
        if candidates.is_empty() && self.always.is_empty() {
            return self.try_all(exact, seen, sink);
        }
        candidates.extend_from_slice(&self.always);
        candidates.extend_from_slice(exact);
        candidates.sort_unstable();
        candidates.dedup();
        self.try_all(&candidates, seen, sink);
    }

    fn try_all<'m>(&'m self, candidates: &[u32], seen: Seen<'_, '_>, sink: &mut dyn FnMut(Hit<'m>)) {
        let mut behind = None;
        for &number in candidates {
            let entry = self.entries[number as usize];
            let (rule, condition) = self.meant(entry);
            if condition.check(seen).is_ok() {
                let is_when = entry.role == Role::When;
                sink(Hit { rule, condition, behind: behind.filter(|_| is_when), role: entry.role });
                behind = behind.or((is_when && rule.takes_all()).then_some(rule));
            }
        }
    }

    fn meant(&self, entry: Entry) -> (&Rule, &Condition) {
        let rule = &self.policy.rules[entry.rule as usize];
        let condition = match entry.role {
            Role::When => &rule.when,
            Role::Further(further) => {
                rule.correlation.as_ref().and_then(|asks| asks.condition(further)).unwrap_or(&rule.when)
            }
            Role::Expected(action, condition) => match &rule.then[usize::from(action)] {
                Action::Run(run) => run.expect.as_ref().map_or(&rule.when, |e| &e.all[usize::from(condition)]),
                _ => &rule.when,
            },
        };
        (rule, condition)
    }

    fn add(&mut self, entry: Entry, condition: &Condition, texts: &mut Vec<(TextPattern, u32)>) {
        let number = self.entries.len() as u32;
        self.entries.push(entry);
        let ids = condition.tests.iter().find_map(|test| if let Test::Id(ids) = test { Some(ids) } else { None });
        let Some(ids) = ids else {
            match condition.tests.iter().find_map(|test| if let Test::Text(p) = test { Some(p) } else { None }) {
                Some(pattern) => texts.push((pattern.clone(), number)),
                None => self.always.push(number),
            }
            return;
        };
        for id in ids {
            match id {
                Pattern::Exact(id) => {
                    let entries = self.by_id.entry(id.clone()).or_default();
                    // The same id may stand twice in a list.
                    if entries.last() != Some(&number) {
                        entries.push(number);
                    }
                }
                Pattern::Glob(glob) if glob.prefix().len() >= PREFIX => {
                    let prefix = glob.prefix().first_chunk::<PREFIX>().copied().unwrap_or_default();
                    self.by_prefix.entry(prefix).or_default().push(number);
                }
                _ => self.always.push(number),
            }
        }
        self.always.dedup();
    }

    /// One automaton for all texts without an id; where it would be too large, each is tried alone.
    fn index_texts(&mut self, texts: Vec<(TextPattern, u32)>) {
        let sources = texts.iter().map(|(pattern, _)| pattern.source());
        let numbers: Vec<u32> = texts.iter().map(|(_, number)| *number).collect();
        match regex::bytes::RegexSetBuilder::new(sources).unicode(false).build() {
            Ok(_) if numbers.is_empty() => {}
            Ok(set) => self.by_text = Some((set, numbers)),
            Err(_) => self.always.extend(numbers),
        }
    }
}

fn expects(rule: &Rule) -> impl Iterator<Item = (usize, &Expect)> {
    rule.then.iter().enumerate().filter_map(|(i, action)| match action {
        Action::Run(run) => run.expect.as_ref().map(|expect| (i, expect)),
        _ => None,
    })
}
