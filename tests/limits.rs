//! Bounds at their limit: just within, just beyond, and what happens there. `tests/tidy.rs` holds src/limits.rs to
//! this: each of its constants is named by some test.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;
use wtor::diagnostic::{Diagnostic, has_errors, render_short};
use wtor::input::{self, Arrival, Kind, Known, Spec};
use wtor::job::{Plan, StepCondition};
use wtor::journal::{Action, Decision, Entry};
use wtor::limits::*;
use wtor::policy::Policy;
use wtor::record::{Flush, Format, Options, Position, Record, Stream};
use wtor::replay::{Named, Replay};
use wtor::rule::Captures;

/// Id or kind, bytes of further lines, their number, whether it is incomplete: of every record of a hardcopy log.
fn records(log: &[u8]) -> Vec<(String, usize, usize, bool)> {
    let options = Options { format: Some(Format::Hardcopy), ..Options::default() };
    let mut stream = Stream::new(&options, Position { offset: 0, line: 1 });
    let mut found = Vec::new();
    let mut lines = 0;
    let mut sink = |record: &Record<'_>| {
        lines += u64::from(record.physical_lines);
        let name = record.message_id.map_or(record.kind.name().into(), |id| String::from_utf8_lossy(id).into_owned());
        found.push((name, record.further.map_or(0, <[u8]>::len), record.lines().count(), record.incomplete));
    };
    stream.feed(log, &mut sink);
    stream.flush(Flush::Everything, &mut sink);
    assert_eq!(lines, stream.position().line - 1, "nothing is dropped at a limit");
    found
}

fn first(id: usize, connect: usize) -> String {
    format!("M 4000000 SYS1     26147 14:55:55.89 STC00001 00000090  ABC{id:03}I DISPLAY {connect:03}\n")
}

fn data(connect: usize, text: &str) -> String {
    format!("D                                         {connect:03} 00000090  {text}\n")
}

fn end(connect: usize) -> String {
    format!("E                                         {connect:03} 00000090  END\n")
}

#[test]
fn a_message_has_so_many_lines() {
    let of = |lines: usize| records((first(1, 17) + &data(17, "x").repeat(lines - 1) + &end(17)).as_bytes());
    let whole = of(MESSAGE_LINES_MAX);
    assert_eq!((whole.len(), whole[0].2, whole[0].3), (1, MESSAGE_LINES_MAX, false));
    let cut = of(MESSAGE_LINES_MAX + 1);
    assert_eq!((cut[0].2, cut[0].3), (MESSAGE_LINES_MAX, true));
    assert_eq!((cut[1].0.as_str(), cut.len()), ("orphan", 2), "what is beyond is a record of its own");
}

#[test]
fn a_message_has_so_many_bytes() {
    let line = data(17, &"x".repeat(500_000));
    let found = records((first(1, 17) + &line.repeat(12) + &end(17)).as_bytes());
    assert!(found[0].3 && found[0].1 >= MESSAGE_BYTES_MAX && found[0].1 < MESSAGE_BYTES_MAX + LINE_BYTES_MAX);
    assert!(found[1..].iter().all(|(name, ..)| name == "orphan"), "{found:?}");
}

#[test]
fn so_many_messages_are_open_at_a_time() {
    let of = |open: usize| {
        let log: String = (0..open).map(|n| first(n, n)).chain((0..open).map(end)).collect();
        records(log.as_bytes())
    };
    assert!(of(OPEN_MESSAGES_MAX).iter().all(|(_, _, lines, incomplete)| *lines == 1 && !incomplete));
    let found = of(OPEN_MESSAGES_MAX + 1);
    assert_eq!(found[0], ("ABC000I".into(), 0, 0, true), "the oldest goes");
    assert_eq!(found[1].0, "orphan", "and its end is one of nothing");
    assert_eq!(found.len(), OPEN_MESSAGES_MAX + 2);
}

#[test]
fn a_message_without_its_end_holds_the_place_for_so_many_lines() {
    let other = "N 4000000 SYS1     26147 14:55:55.89 STC00002 00000090  XYZ001I OTHER\n";
    let span = usize::try_from(OPEN_MESSAGE_SPAN_LINES).expect("small");
    let held_at = |lines: usize| {
        let options = Options { format: Some(Format::Hardcopy), ..Options::default() };
        let mut stream = Stream::new(&options, Position { offset: 0, line: 1 });
        stream.feed((first(1, 17) + &other.repeat(lines)).as_bytes(), &mut |_| {});
        stream.resume_position().line
    };
    assert_eq!(held_at(span), 1);
    assert!(held_at(span + 2) > 2);
}

fn load(rules: &str, job: &str) -> (Option<Policy>, Vec<Diagnostic>) {
    Policy::load(&[("rules/r.toml".into(), rules.into())], &[("jobs/j.toml".into(), job.into())])
}

const JOB: &str = "[[step]]\nargv = ['true']\n";

#[track_caller]
fn assert_bound(rules: impl Fn(&str) -> String, job: impl Fn(&str) -> String, within: &str, beyond: &str) {
    let (_, found) = load(&rules(within), &job(within));
    assert!(!has_errors(&found), "{within}: {}", render_short(&found));
    let (policy, found) = load(&rules(beyond), &job(beyond));
    assert!(policy.is_none() && render_short(&found).contains("WTR014E"), "{beyond}: {}", render_short(&found));
}

#[test]
fn numbers_in_rules_and_jobs_have_bounds() {
    let rule = |rest: &str| format!("[[rule]]\nname = 'r'\nwhen = {{ id = 'A' }}\nthen = {{ report = 'x' }}\n{rest}\n");
    let (no_rule, plain) = (|_: &str| String::new(), |_: &str| JOB.to_owned());
    let and_one = |n: i64| [n.to_string(), (n + 1).to_string()];

    let [within, beyond] = and_one(ATTEMPTS_MAX);
    assert_bound(no_rule, |n| format!("retry = {{ attempts = {n} }}\n{JOB}"), &within, &beyond);
    let [within, beyond] = and_one(i64::try_from(OUTPUT_BYTES_MAX).expect("small"));
    assert_bound(no_rule, |n| format!("{JOB}output_max = '{n}B'"), &within, &beyond);
    let [within, beyond] = and_one(COUNT_MAX);
    assert_bound(|n| rule(&format!("count = {{ at_least = {n}, within = '1m' }}")), plain, &within, &beyond);
    let [within, beyond] = and_one(i64::try_from(SITUATION_SPAN_MAX.as_secs()).expect("small"));
    assert_bound(|n| rule(&format!("once_per = '{n}s'")), plain, &within, &beyond);
    let levels = |n: &str| {
        let level = |at: usize| format!("{{ level = 'l{at}', at_least = {at}, within = '1m' }}");
        let levels: Vec<_> = (1..=n.parse().expect("a number")).map(level).collect();
        rule(&format!("count = [{}]", levels.join(", ")))
    };
    let [within, beyond] = and_one(i64::try_from(STEPS_MAX).expect("small"));
    assert_bound(levels, plain, &within, &beyond);
}

#[test]
fn so_many_mistakes_of_a_file_are_shown() {
    let lines = |keys: usize| {
        let text: String = (0..keys).map(|n| format!("key{n} = 1\n")).collect();
        let (_, found) = Policy::load(&[("r.toml".into(), text)], &[]);
        assert_eq!(found.len(), keys, "all of them are known");
        render_short(&found).lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(lines(DIAGNOSTICS_PER_FILE_MAX).len(), DIAGNOSTICS_PER_FILE_MAX);
    let beyond = lines(DIAGNOSTICS_PER_FILE_MAX + 2);
    assert_eq!(beyond.len(), DIAGNOSTICS_PER_FILE_MAX + 1);
    assert!(beyond.last().is_some_and(|last| last.ends_with("2 more not shown")));
}

#[test]
fn a_condition_of_a_step_is_so_long_and_so_deep() {
    let parse = |text: &str| StepCondition::parse(text, &[]).map(drop).map_err(|error| error.text);
    let long = |bytes: usize| format!("RC{}= 0", " ".repeat(bytes - "RC= 0".len()));
    assert_eq!(parse(&long(CONDITION_BYTES_MAX)), Ok(()));
    assert_eq!(parse(&long(CONDITION_BYTES_MAX + 1)), Err("this condition is too long".into()));
    let deep = |depth: usize| format!("{}RC = 0{}", "(".repeat(depth), ")".repeat(depth));
    let deepest = (1..100).take_while(|depth| parse(&deep(*depth)).is_ok()).last();
    assert!(deepest.is_some_and(|d| d == CONDITION_DEPTH_MAX || d + 1 == CONDITION_DEPTH_MAX), "{deepest:?}");
    assert_eq!(parse(&deep(2_000)), Err("here the condition nests too deep".into()));
}

#[test]
fn a_value_in_the_environment_is_so_long_and_ends_with_a_whole_character() {
    let (policy, _) = load("", JOB);
    let policy = policy.expect("good");
    let length = |value: &str| {
        let mut captures = Captures::default();
        captures.set("x", value.as_bytes());
        let plan = Plan::new(&policy.jobs["j"], &[], &captures).expect("planned");
        plan.steps[0].env.iter().find(|(name, _)| name == "WTOR_X").expect("there").1.len()
    };
    assert_eq!(length(&"x".repeat(ENV_VALUE_BYTES_MAX)), ENV_VALUE_BYTES_MAX);
    assert_eq!(length(&"x".repeat(ENV_VALUE_BYTES_MAX + 1)), ENV_VALUE_BYTES_MAX);
    assert_eq!(length(&("x".to_owned() + &"ä".repeat(ENV_VALUE_BYTES_MAX))), ENV_VALUE_BYTES_MAX - 1);
}

/// What the one rule decided about texts, one a millisecond.
fn decided(rule: &str, texts: impl Iterator<Item = String>) -> Vec<Decision> {
    let (policy, found) = load(&format!("[[rule]]\nname = 'r'\n{rule}"), JOB);
    let policy = Arc::new(policy.unwrap_or_else(|| panic!("{}", render_short(&found))));
    let line = |(n, text): (usize, String)| {
        let (seconds, hundredths) = (n / 100, n % 100);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        format!(
            "N 4000000 SYS1     26147 {hour:02}:{minute:02}:{second:02}.{hundredths:02} STC00001 00000090  {text}\n"
        )
    };
    let log: String = texts.enumerate().map(line).collect();
    let mut decisions = Vec::new();
    let mut sink = |entry: &Entry| {
        if let Entry::Decided(decision) = entry {
            decisions.push(decision.clone());
        }
    };
    let mut replay = Replay::new(policy);
    let named = Named { path: "log", source: None, server: None };
    replay.file(named, &mut log.as_bytes(), &Options::default(), &mut |_| {}, &mut sink).expect("read");
    replay.finish(&mut sink);
    decisions
}

fn reported(decision: &Decision) -> &str {
    match &decision.actions[0] {
        Action::Report { text, .. } => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn of_a_situation_so_many_values_are_shown_and_each_is_so_long() {
    let many = SITUATION_VALUES_SHOWN + 2;
    let rule = format!(
        "when = {{ id = 'ABC001I', text = 'ABC001I (?<x>\\S+)' }}
count = {{ at_least = {many}, within = '1h' }}\nthen = {{ report = '${{each.x}}' }}"
    );
    let decisions = decided(&rule, (0..many).map(|n| format!("ABC001I v{n}")));
    let text = reported(&decisions[0]);
    assert_eq!(text.matches('v').count(), SITUATION_VALUES_SHOWN, "{text}");
    assert!(text.contains("2 more"), "{text}");
    let long = "y".repeat(SITUATION_VALUE_BYTES_MAX + 1);
    let decisions = decided(&rule, (0..many).map(|_| format!("ABC001I {long}")));
    assert_eq!(reported(&decisions[0]).matches('y').count(), SITUATION_VALUE_BYTES_MAX);
}

#[test]
fn a_source_tells_so_many_complaints_of_a_command_each_so_long() {
    let lines = INPUT_COMPLAINTS_MAX + 3;
    let script = format!(
        "head -c {} /dev/zero | tr '\\0' x >&2; echo >&2; i=1; while [ $i -lt {lines} ]; do echo c >&2; i=$((i+1)); done",
        INPUT_COMPLAINT_BYTES_MAX + 100
    );
    let command = ["/bin/sh", "-c", &script].map(str::to_owned).to_vec();
    let (sink, arrivals) = sync_channel(64);
    let handle =
        input::start(Spec::new("test", Kind::Command(command)), Known::of(Vec::new()), 1, sink).expect("started");
    let mut told = Vec::new();
    loop {
        match arrivals.recv_timeout(Duration::from_secs(20)).expect("it goes on") {
            Arrival::Problem(problem) if problem.id == "WTR121I" => told.push(problem.text),
            Arrival::Problem(problem) if problem.id == "WTR122W" => {
                assert_eq!(problem.text, "3 lines of standard error were left out.");
                break;
            }
            _ => {}
        }
    }
    drop(arrivals);
    handle.stop();
    assert_eq!(told.len(), INPUT_COMPLAINTS_MAX);
    assert_eq!(told[0].matches('x').count(), INPUT_COMPLAINT_BYTES_MAX);
    // The window is longer than any test: that the lines above came within it is what was seen.
    assert!(INPUT_COMPLAINTS_WINDOW > Duration::from_secs(20));
}

#[test]
fn of_what_is_collected_so_many_records_are_remembered_and_all_are_counted() {
    let rule = "when = { id = 'ABC001I' }\ncollect = { for = '20s' }
then = { report = '${situation.count}: ${situation.messages}' }";
    let many = SITUATION_RECORDS_MAX + 10;
    let texts = (0..many).map(|n| format!("ABC001I v{n}")).chain((0..1_500).map(|_| "XYZ001I other".to_owned()));
    let decisions = decided(rule, texts);
    let text = reported(&decisions[0]);
    assert!(text.starts_with(&format!("{many}: ABC001I v10\n")), "the oldest are forgotten: {text}");
    assert!(text.ends_with(&format!("and {} more", SITUATION_RECORDS_MAX - SITUATION_VALUES_SHOWN)), "{text}");
}

#[test]
fn a_source_follows_so_many_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // Where a process may not have so many files, there is nothing to see.
    if limit.maximum.is_some_and(|most| most < 3 * INPUT_FILES_MAX as u64) {
        return;
    }
    let wider = rustix::process::Rlimit { current: limit.maximum, ..limit };
    setrlimit(Resource::Nofile, wider).expect("a process may ask for what it may have");
    let folder = tempfile::tempdir().expect("a directory");
    let beyond = 3;
    for n in 0..INPUT_FILES_MAX + beyond {
        std::fs::write(folder.path().join(format!("{n:04}.log")), "x\n").expect("written");
    }
    let pattern = folder.path().join("*.log").display().to_string();
    let (sink, arrivals) = sync_channel(64);
    let mut spec = Spec::new("test", Kind::Files { patterns: vec![pattern] });
    spec.from = input::From::Start;
    let handle = input::start(spec, Known::of(Vec::new()), 1, sink).expect("started");
    let (mut begun, mut told) = (0, 0);
    while begun < INPUT_FILES_MAX || told == 0 {
        match arrivals.recv_timeout(Duration::from_secs(20)).expect("it goes on") {
            Arrival::Begun { .. } => begun += 1,
            Arrival::Problem(problem) if problem.id == "WTR107W" => told += 1,
            _ => {}
        }
    }
    let more = std::iter::from_fn(|| arrivals.recv_timeout(Duration::from_millis(300)).ok());
    assert_eq!(more.filter(|arrival| matches!(arrival, Arrival::Begun { .. })).count(), 0);
    assert_eq!(begun, INPUT_FILES_MAX);
    drop(arrivals);
    handle.stop();
}
