//! What rules lead to in one another: by handing over, by named situations, and by the messages that their
//! runs are expected to cause.
//!
//! Layer: core

use super::check::Rules;
use crate::diagnostic::id;
use crate::rule::{Action, Condition, Correlation, Field, Pattern, Rule, Test};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

type Edges = BTreeMap<Arc<str>, BTreeSet<Arc<str>>>;

/// Every rule that is handed over to exists, and no rule gets its own record back.
pub fn hand_overs(rules: &Rules<'_>) {
    let names: BTreeSet<&Arc<str>> =
        rules.iter().filter_map(|(_, rule)| rule.name.as_ref()).map(|(name, _)| name).collect();
    let mut edges = Edges::new();
    for (_, rule) in rules {
        let Some((name, _)) = &rule.name else { continue };
        edges.entry(name.clone()).or_default().extend(rule.named.rules.iter().map(|(to, _)| to.clone()));
    }
    for (doc, rule) in rules {
        for (to, at) in &rule.named.rules {
            if !names.contains(to) {
                let mistake = doc.mistake(id::UNKNOWN_RULE, at, &format!("there is no rule `{to}` to hand over to"));
                doc.note(at, mistake.did_you_mean(to, names.iter().map(|name| &***name)));
            } else if let Some((name, _)) = &rule.name
                && let Some(way) = if to == name { Some(vec![to.to_string()]) } else { way_back(&edges, to, name) }
            {
                let text = format!("this goes round in a circle: {name} -> {}", way.join(" -> "));
                doc.note(
                    at,
                    doc.mistake(id::HAND_OVER_CYCLE, at, &text).help("let one of them act instead of handing over"),
                );
            }
        }
    }
}

/// A rule without a beginning of its own is handed over to, and has what it uses of those that do so.
pub fn handed(rules: &Rules<'_>) {
    for (doc, to) in rules.iter().filter(|(_, rule)| rule.handed) {
        let Some((name, at)) = &to.name else { continue };
        let froms: Vec<_> =
            rules.iter().filter(|(_, from)| from.named.rules.iter().any(|(to, _)| to == name)).collect();
        if froms.is_empty() {
            let text = format!("nothing begins the rule `{name}`: it has neither `when` nor `schedule`");
            let help = "say when it begins, or hand over to it from another rule: `then = { rule = \"…\" }`";
            doc.note(at, doc.mistake(id::NEVER_BEGINS, at, &text).help(help));
        }
        let Some(used) = to.rule.as_ref().map(names_used) else { continue };
        for (doc, from) in froms {
            let Some(given) = from.rule.as_ref().filter(|rule| rule.has_when()).map(names_given) else { continue };
            let Some(missing) = used.iter().find(|used| !given.contains(*used)) else { continue };
            for (_, at) in from.named.rules.iter().filter(|(to, _)| to == name) {
                let text = format!("the rule `{name}` uses `{missing}`, which is no capture of this rule");
                doc.note(at, doc.mistake(id::UNKNOWN_VALUE, at, &text).did_you_mean(missing, given.iter().copied()));
            }
        }
    }
}

/// What a rule takes of the record that is handed over to it: captures and fields, not values of its own
/// situations.
fn names_used(rule: &Rule) -> BTreeSet<&str> {
    let own = |name: &&str| name.starts_with("situation.") || name.starts_with("each.");
    let by = rule.correlation.iter().flat_map(|asks| &asks.by).map(|name| &**name);
    let further = rule.correlation.iter().flat_map(Correlation::further);
    let captured: BTreeSet<&str> = further.flat_map(|(_, condition)| condition.capture_names()).collect();
    let used = rule.then.iter().flat_map(Action::names).filter(|name| !own(name)).chain(by);
    used.filter(|name| !captured.contains(name)).collect()
}

/// What a rule hands over with a record.
fn names_given(rule: &Rule) -> BTreeSet<&str> {
    let further = rule.correlation.iter().flat_map(Correlation::further).map(|(_, condition)| condition);
    let captured = std::iter::once(&rule.when).chain(further).flat_map(Condition::capture_names);
    captured.chain(Field::ALL.map(Field::name)).collect()
}

/// Every situation that a rule asks for is set by some rule.
pub fn situations(rules: &Rules<'_>) {
    let known: BTreeSet<&str> =
        rules.iter().flat_map(|(_, rule)| rule.named.situations.iter().map(|name| &**name)).collect();
    for (doc, rule) in rules {
        for (name, at) in rule.tested.iter().filter(|(name, _)| !known.contains(&**name)) {
            let mistake = doc.mistake(id::NEVER_SET, at, &format!("no rule sets the situation `{name}`"));
            doc.note(at, mistake.did_you_mean(name, known.iter().copied()));
        }
    }
}

/// No rule is triggered by what its own run is expected to cause, as far as ids can tell.
pub fn loops(rules: &Rules<'_>) {
    let good: Vec<&Rule> =
        rules.iter().filter_map(|(_, rule)| rule.rule.as_ref()).filter(|rule| rule.enabled).collect();
    let leads = |from: &Rule| good.iter().filter(|to| causes(from, to)).map(|to| to.name.clone()).collect();
    let leads_on = |rule: &&&Rule| expects(rule).next().is_some() || rule.then.iter().any(hands_over);
    let edges: Edges = good.iter().filter(leads_on).map(|rule| (rule.name.clone(), leads(rule))).collect();
    for (doc, decoded) in rules {
        let (Some(rule), Some((name, at))) = (&decoded.rule, &decoded.name) else { continue };
        if let Some(way) = way_back(&edges, name, name).filter(|_| expects(rule).next().is_some()) {
            let text = match &way[..] {
                [_, itself] if *itself == **name => {
                    format!("the rule `{name}` expects a message that triggers it again")
                }
                way => format!("the rule `{name}` expects a message that leads to it again: {}", way.join(" -> ")),
            };
            let help = "tell the two apart by a condition, or see that it comes to an end: `once_per`, `at_most`";
            doc.note(at, doc.mistake(id::LOOP, at, &text).help(help));
        }
    }
}

/// The way from one rule to another, both included; none if there is none. From a rule to itself it has at
/// least one step.
fn way_back(edges: &Edges, from: &Arc<str>, to: &Arc<str>) -> Option<Vec<String>> {
    let mut seen = BTreeSet::new();
    let mut ways = vec![vec![from.clone()]];
    while let Some(way) = ways.pop() {
        let here = way.last()?;
        if here == to && (way.len() > 1 || from != to) {
            return Some(way.iter().map(ToString::to_string).collect());
        }
        for next in edges.get(here).into_iter().flatten() {
            if next == to || seen.insert(next.clone()) {
                ways.push(way.iter().cloned().chain([next.clone()]).collect());
            }
        }
    }
    None
}

fn causes(from: &Rule, to: &Rule) -> bool {
    let over = |action: &Action| matches!(action, Action::HandOver(over) if over.rule == to.name);
    from.then.iter().any(over) || expects(from).any(|condition| may_be_one(condition, &to.when))
}

fn hands_over(action: &Action) -> bool {
    matches!(action, Action::HandOver(_))
}

fn expects(rule: &Rule) -> impl Iterator<Item = &Condition> {
    let runs = rule.then.iter().filter_map(|action| match action {
        Action::Run(run) => run.expect.as_ref(),
        _ => None,
    });
    runs.flat_map(|expect| &expect.all)
}

/// True if one record may meet both, as far as their ids tell. Without an id nothing is known, and nothing is said.
fn may_be_one(one: &Condition, other: &Condition) -> bool {
    let ids = |condition: &Condition| -> Vec<Pattern> {
        condition
            .tests
            .iter()
            .find_map(|test| if let Test::Id(ids) = test { Some(ids.clone()) } else { None })
            .unwrap_or_default()
    };
    let meets = |a: &Pattern, b: &Pattern| match (a, b) {
        (Pattern::Exact(id), pattern) | (pattern, Pattern::Exact(id)) => pattern.matches(id),
        (Pattern::Glob(a), Pattern::Glob(b)) => a == b,
        _ => false,
    };
    let others = ids(other);
    ids(one).iter().any(|id| others.iter().any(|other| meets(id, other)))
}
