//! The compiled matcher finds what trying every rule in order finds: on generated rulebooks (ids, globs,
//! lists, patterns, texts without an id, fields, kinds, exceptions, `final`, `disabled`, expected
//! messages) and generated records. A failing seed is printed with its rulebook and its record.
//!
//! `WTOR_SEED=123 cargo test --test matcher` runs one seed.

use fastrand::Rng;
use std::fmt::Write as _;
use std::sync::Arc;
use wtor::policy::{Matcher, Policy, Target};
use wtor::record::{Flush, Format, Options, Position, Record, Stream};
use wtor::rule::{Action, Rule, Seen, Test, describe_whole};

const SEEDS: u64 = 200;
const RECORDS: usize = 60;

/// Few, so that rules and records meet often; of different lengths, also below the matcher's prefix.
const IDS: [&str; 12] = [
    "IEF403I",
    "IEF404I",
    "IEF4",
    "EZD1205I",
    "EZD1206I",
    "EZZ1205I",
    "$HASP100",
    "$HASP373",
    "AB1I",
    "CWWKF0011I",
    "CWWKZ0001I",
    "TST0001I",
];
const WORDS: [&str; 8] = ["STARTED", "ENDED", "PAYROLL", "port", "9080", "X", "(default)", "*"];
const JOBS: [&str; 3] = ["STC00001", "JOB00002", "TSU00003"];
const SYSTEMS: [&str; 2] = ["SYS1", "SYS2"];

fn pick<'a>(rng: &mut Rng, of: &[&'a str]) -> &'a str {
    of[rng.usize(..of.len())]
}

/// An id as rules write it: whole, as a glob, or as a pattern.
fn id_pattern(rng: &mut Rng) -> String {
    let id = pick(rng, &IDS);
    match rng.u8(..12) {
        0 => format!("'{}*'", &id[..rng.usize(..=id.len())]),
        1 => format!("'{}?{}'", &id[..1], &id[2..]),
        2 => "'*'".into(),
        3 => format!("'/^{}/'", id[..3].replace('$', "\\$")),
        4 => format!("'*{}'", &id[id.len() - 1..]),
        _ => format!("'{id}'"),
    }
}

fn list(rng: &mut Rng, item: impl Fn(&mut Rng) -> String) -> String {
    let items: Vec<_> = (0..rng.usize(1..4)).map(|_| item(rng)).collect();
    if items.len() == 1 { items[0].clone() } else { format!("[{}]", items.join(", ")) }
}

/// A condition with at least one test.
fn condition(rng: &mut Rng, may_except: bool) -> String {
    let mut tests = Vec::new();
    if rng.u8(..10) < 7 {
        tests.push(format!("id = {}", list(rng, id_pattern)));
    }
    if rng.u8(..10) < 3 || tests.is_empty() && rng.bool() {
        let text = match rng.u8(..4) {
            0 => "(?i)started|ended".to_owned(),
            1 => format!("{} (?<n>\\\\d+)", pick(rng, &["port", "X"])),
            2 => "^IEF".to_owned(),
            _ => pick(rng, &WORDS[..6]).to_owned(),
        };
        tests.push(format!("text = \"{text}\""));
    }
    if rng.u8(..10) < 3 || tests.is_empty() {
        let field = match rng.u8(..6) {
            0 => format!("system = '{}'", pick(rng, &SYSTEMS)),
            1 => format!("job_id = {}", list(rng, |rng| format!("'{}*'", &pick(rng, &JOBS)[..3]))),
            2 => "kind = ['orphan', 'message']".to_owned(),
            3 => "reply_id = true".to_owned(),
            4 => format!("token = {{ 2 = '{}' }}", pick(rng, &WORDS[..4])),
            _ => format!("any_line = '{}'", pick(rng, &WORDS[..5])),
        };
        tests.push(field);
    }
    if may_except && rng.u8(..10) < 2 {
        tests.push(format!("unless = {}", condition(rng, false)));
    }
    format!("{{ {} }}", tests.join(", "))
}

fn rulebook(rng: &mut Rng) -> String {
    let mut text = String::new();
    // Some rulebooks ask for nothing but whole ids: the matcher has a shorter way for them.
    let plain = rng.u8(..4) == 0;
    for number in 0..rng.usize(1..40) {
        let whole = |rng: &mut Rng| format!("'{}'", pick(rng, &IDS));
        let when = if plain { format!("{{ id = {} }}", list(rng, whole)) } else { condition(rng, true) };
        let _ = writeln!(text, "[[rule]]\nname = 'r{number}'\nwhen = {when}");
        if rng.u8(..10) == 0 {
            text.push_str("enabled = false\n");
        }
        if rng.u8(..10) == 0 {
            text.push_str("final = true\n");
        }
        if rng.u8(..10) < 2 {
            let all = list(rng, |rng| {
                if plain {
                    whole(rng)
                } else if rng.bool() {
                    id_pattern(rng)
                } else {
                    condition(rng, false)
                }
            });
            // A bare pattern is an id or a condition in braces, not a regular expression.
            let all = if all.contains('/') { "'IEF403I'".to_owned() } else { all };
            let _ = writeln!(text, "then = {{ run = 'j', expect = {{ all = {all}, within = '1s' }} }}");
        }
    }
    text
}

fn log(rng: &mut Rng) -> String {
    let mut text = String::new();
    for second in 0..RECORDS {
        let (id, system, job) = (pick(rng, &IDS), pick(rng, &SYSTEMS), pick(rng, &JOBS));
        let words: Vec<_> = (0..rng.usize(..5)).map(|_| pick(rng, &WORDS)).collect();
        let words = words.join(" ");
        let time = format!("2026325 10:00:{:02}.00", second % 60);
        let _ = match rng.u8(..12) {
            0 => writeln!(text, "this is no line of this format {words}"),
            1 => writeln!(text, "E                                         099 00000090  {id} {words}"),
            2 => writeln!(text, "NW0000000 {system}     {time} {job} 00000090 *07 {id} {words}"),
            3 => writeln!(
                text,
                "M 4000000 {system}     {time} {job} 00000090  {id} {words} 041
D                                         041 00000090  {words} X 17
E                                         041 00000090  PAYROLL"
            ),
            4 => writeln!(text, "N 4000000 {system}     {time} {job} 00000090  {words}"),
            _ => writeln!(text, "N 4000000 {system}     {time} {job} 00000090  {id} {words}"),
        };
    }
    text
}

fn policy(rules: &str) -> Policy {
    let job = "[[step]]\nargv = ['/bin/true']".to_owned();
    let (policy, found) = Policy::load(&[("r.toml".into(), rules.into())], &[("jobs/j.toml".into(), job)]);
    policy.unwrap_or_else(|| panic!("the generator writes a bad rulebook: {}", wtor::diagnostic::render_full(&found)))
}

/// A condition that is met, and the final rule before it.
type Met = (Target, Option<Arc<str>>);

/// What a record meets, by trying everything in order: rules, each with the first final one before it that matches,
/// and every message that a run may wait for, also one of a rule that is disabled by now.
fn brute_force(policy: &Policy, seen: Seen<'_, '_>) -> Vec<Met> {
    let mut found = Vec::new();
    let mut behind = None;
    for rule in &policy.rules {
        if rule.enabled && rule.when.check(seen).is_ok() {
            found.push((Target::Rule(rule.name.clone()), behind.clone()));
            behind = behind.or(rule.is_final.then(|| rule.name.clone()));
        }
        found.extend(expected(rule, seen).into_iter().map(|target| (target, None)));
    }
    found
}

fn expected(rule: &Rule, seen: Seen<'_, '_>) -> Vec<Target> {
    let mut found = Vec::new();
    for run in &rule.then {
        let Action::Run(run) = run else { continue };
        for of in run.expect.iter().flat_map(|expect| &expect.all) {
            if of.check(seen).is_ok() {
                found.push(Target::Expected { rule: rule.name.clone(), what: describe_whole(of).into() });
            }
        }
    }
    found
}

fn try_seed(seed: u64) -> (usize, usize) {
    let mut rng = Rng::with_seed(seed);
    let (rules, log) = (rulebook(&mut rng), log(&mut rng));
    let policy = Arc::new(policy(&rules));
    let matcher = Matcher::new(policy.clone());
    let options = Options { format: Some(Format::Hardcopy), ..Options::default() };
    let mut stream = Stream::new(&options, Position { offset: 0, line: 1 });
    let (mut records, mut hits) = (0, 0);
    let mut compare = |record: &Record<'_>| {
        let seen = Seen { record, source: "s", server: None };
        let mut found = Vec::new();
        matcher.hits(seen, &mut |hit| found.push((hit.target(), hit.behind.map(|rule| rule.name.clone()))));
        let wanted = brute_force(&policy, seen);
        let text = String::from_utf8_lossy(record.text);
        assert_eq!(
            found, wanted,
            "the matcher (left) and trying every rule (right) differ: seed {seed}, record {:?} `{text}`, rulebook\n{rules}",
            record.kind
        );
        records += 1;
        hits += found.len();
    };
    stream.feed(log.as_bytes(), &mut compare);
    stream.flush(Flush::Everything, &mut compare);
    (records, hits)
}

#[test]
fn the_matcher_finds_what_trying_every_rule_finds() {
    if let Some(seed) = std::env::var("WTOR_SEED").ok().and_then(|seed| seed.parse().ok()) {
        try_seed(seed);
        return;
    }
    let (mut records, mut hits) = (0, 0);
    for seed in 0..SEEDS {
        let (r, h) = try_seed(seed);
        records += r;
        hits += h;
    }
    // A generator whose rules never meet its records would prove nothing.
    assert!(hits > records, "{hits} hits in {records} records");
}

/// How often a record with that id meets a rule with this condition.
fn hits(when: &str, id: &str) -> usize {
    let matcher = Matcher::new(Arc::new(policy(&format!("[[rule]]\nname = 'r'\nwhen = {when}\n"))));
    let bare = Record::bare(wtor::record::Kind::Message, Format::Plain, b"");
    let record = Record { message_id: Some(id.as_bytes()), ..bare };
    let mut hits = 0;
    matcher.hits(Seen { record: &record, source: "s", server: None }, &mut |_| hits += 1);
    hits
}

#[test]
fn an_id_that_stands_twice_is_one_hit() {
    assert_eq!(hits("{ id = ['IEF403I', 'IEF403I'] }", "IEF403I"), 1);
    assert_eq!(hits("{ id = ['IEF403I', 'IEF403I', 'IEF*', '*', '/I/'] }", "IEF403I"), 1);
}

#[test]
fn equal_patterns_are_compiled_once() {
    let rule = |name: &str| format!("[[rule]]\nname = '{name}'\nwhen = {{ id = 'IEF403I', text = 'a+b' }}\n");
    let policy = policy(&(rule("one") + &rule("two")));
    let compiled = |rule: &Rule| {
        let text = rule.when.tests.iter().find_map(|test| if let Test::Text(text) = test { Some(text) } else { None });
        std::ptr::from_ref(text.expect("it has a text").regex())
    };
    assert_eq!(compiled(&policy.rules[0]), compiled(&policy.rules[1]));
}
