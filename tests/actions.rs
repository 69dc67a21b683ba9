//! Stories of actions that do not just begin: they wait for how a run before them comes out, for their time,
//! or for somebody's approval. Each is told straight and with a restart after every event, and comes to the
//! same; the replay shows what was decided.

use std::sync::Arc;
use wtor::agent::{Agent, Effect, Event, Memory};
use wtor::engine::Matched;
use wtor::job::{CondCode, Outcome, StepEnd};
use wtor::journal::store::{Reader, RunFilter, Store};
use wtor::journal::{By, Checkpoint, Entry, FileKey, Origin, Release, RunId, Subject, Verdict};
use wtor::limits::{
    BRAKE_OF_ALL, BRAKE_OF_RULE, BRAKE_RUNS_MAX, BRAKE_SPAN_MAX, LOOP_GUARD, LOOP_GUARD_GAP, LOOP_GUARD_QUIET,
    NAMED_SITUATIONS_MAX,
};
use wtor::policy::{Policy, Target};
use wtor::rule::{AtMost, Brakes, Captures};
use wtor::time::Timestamp;

/// Ends well, ends badly, ends when the story says so.
const JOBS: [&str; 3] = ["good", "bad", "slow"];

fn policy(rules: &str) -> Arc<Policy> {
    let job = "params = { n = '' }\n[[step]]\nargv = ['/bin/true']\n";
    let jobs: Vec<_> = JOBS.iter().map(|name| (format!("jobs/{name}.toml"), job.to_owned())).collect();
    let (policy, found) = Policy::load(&[("r.toml".into(), rules.into())], &jobs);
    Arc::new(policy.unwrap_or_else(|| panic!("{}", wtor::diagnostic::render_full(&found))))
}

/// Something that happens, at a time in seconds.
enum Happens {
    Match(&'static str),
    /// The same record again, by another rule.
    Also(&'static str),
    /// A record of this text and system.
    Says(&'static str, &'static str, &'static str),
    Tick,
    Ends(u64, bool),
    Answer(u64, bool),
    Cancel(u64),
    /// A rule or group, and until when.
    Disable(&'static str, Option<i64>),
    Enable(&'static str),
    Close(&'static str),
}
use Happens::{Also, Answer, Cancel, Close, Disable, Enable, Ends, Match, Says, Tick};

struct Life {
    policy: Arc<Policy>,
    state: tempfile::TempDir,
    store: Option<Store>,
    agent: Agent,
    now: Timestamp,
    offset: u64,
    told: Vec<String>,
    /// Ids of errors.
    errors: Vec<&'static str>,
}

impl Life {
    fn new(rules: &str) -> Life {
        let state = tempfile::tempdir().expect("a directory");
        let store = Some(Store::open(state.path()).expect("a journal"));
        let policy = policy(rules);
        let now = Timestamp(0);
        let (agent, _) = Agent::recover(policy.clone(), Memory::default(), now, 8);
        Life { policy, state, store, agent, now, offset: 0, told: Vec::new(), errors: Vec::new() }
    }

    fn happens(&mut self, at: i64, what: &Happens) {
        self.now = Timestamp(at * 1_000_000);
        self.give(Event::Tick(self.now));
        let by = || By { who: "alice".into(), why: Some("the window is open".into()) };
        match what {
            Match(rule) => {
                self.offset += 100;
                self.give(matched(rule, self.offset, self.now, ("text", "SYS1")));
            }
            Also(rule) => self.give(matched(rule, self.offset, self.now, ("text", "SYS1"))),
            Says(rule, text, system) => {
                self.offset += 100;
                self.give(matched(rule, self.offset, self.now, (text, system)));
            }
            Disable(what, until) => {
                let until = until.map(|at| Timestamp(at * 1_000_000));
                self.give(Event::Disabled { subject: Subject::from((*what).to_owned()), until, by: by() });
            }
            Enable(what) => self.give(Event::Enabled { subject: Subject::from((*what).to_owned()), by: by() }),
            Close(name) => self.give(Event::SituationsClosed { name: (*name).into(), key: None, by: by() }),
            Tick => {}
            Ends(run, good) => self.end(RunId(*run), 1, *good),
            Answer(run, approved) => self.give(Event::Answered { run: RunId(*run), approved: *approved, by: by() }),
            Cancel(run) => self.give(Event::Cancelled { run: RunId(*run), by: by() }),
        }
    }

    fn end(&mut self, run: RunId, attempt: u32, good: bool) {
        self.give(ended(run, attempt, good));
    }

    fn give(&mut self, event: Event) {
        let effects = self.agent.handle(event);
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        let mut next = Vec::new();
        for effect in effects {
            match effect {
                Effect::Append { batch, entries } => {
                    self.store.as_mut().expect("open").append(&entries).expect("written");
                    let time = self.now.0 / 1_000_000;
                    let told = entries.iter().filter_map(brief).map(|what| format!("{time} {what}"));
                    self.told.extend(told);
                    next.push(Event::Durable(batch));
                }
                Effect::Start { run, attempt, plan } => match &*plan.job {
                    "good" => next.push(ended(run, attempt, true)),
                    "bad" => next.push(ended(run, attempt, false)),
                    _ => {}
                },
                Effect::Publish(notice) if notice.id == "WTR300I" => {
                    self.told.push(format!("{} said {}", self.now.0 / 1_000_000, notice.text));
                }
                Effect::Publish(notice) if notice.id.starts_with("WTR34") && notice.id.ends_with('E') => {
                    self.errors.push(notice.id);
                }
                Effect::Publish(_) | Effect::Cancel { .. } => {}
            }
        }
        next.into_iter().for_each(|event| self.give(event));
    }

    /// The agent dies, and another takes over.
    fn restart(&mut self) {
        self.store = None;
        let store = Store::open(self.state.path()).expect("a journal");
        let recovered = store.recover().expect("whole");
        self.store = Some(store);
        let (agent, effects) = Agent::recover(self.policy.clone(), recovered.into(), self.now, 8);
        self.agent = agent;
        self.carry_out(effects);
    }

    /// How the runs stand in the journal's table.
    fn runs(&self) -> Vec<String> {
        let rows = Reader::open(self.state.path()).expect("there").runs(&RunFilter::default()).expect("reads");
        let run = |row: wtor::journal::store::RunRow| {
            let how = row.good.map_or_else(|| row.state.clone(), |good| format!("good {good}"));
            format!("{} {} {how} {}", row.run, row.job, row.reason.unwrap_or_default())
        };
        rows.into_iter().map(run).collect()
    }
}

fn ended(run: RunId, attempt: u32, good: bool) -> Event {
    let (step, end) = ("STEP1".into(), StepEnd::Exited(u8::from(!good)));
    let (stdout, stderr, cond_code) = (String::new(), String::new(), Some(CondCode(u16::from(!good))));
    Event::Ended { run, attempt, outcomes: vec![Outcome { step, end, cond_code, good, millis: 1, stdout, stderr }] }
}

fn matched(rule: &str, offset: u64, at: Timestamp, (text, system): (&str, &str)) -> Event {
    let file = FileKey("f".into());
    let origin = Origin { source: "s".into(), path: "a.log".into(), file: file.clone(), offset, line: offset / 100 };
    let read = Checkpoint {
        source: "s".into(),
        path: "a.log".into(),
        file,
        offset,
        line: 1,
        head: String::new(),
        done: false,
    };
    let mut captures = Captures::default();
    captures.set("system", system.as_bytes());
    captures.set("text", text.as_bytes());
    let target = Target::Rule(rule.into());
    Event::Matched(Box::new(Matched { target, origin, at, age: None, age_max: None, captures, read }))
}

/// What is worth telling of an entry.
fn brief(entry: &Entry) -> Option<String> {
    Some(match entry {
        Entry::Decided(decision) => match decision.verdict {
            Verdict::Fired => format!("decided {} fired", decision.rule),
            _ => format!("decided {} {}: {}", decision.rule, decision.verdict.name(), decision.reason),
        },
        Entry::Disabled { subject, .. } => format!("disabled {subject}"),
        Entry::Enabled { subject, .. } => format!("enabled {subject}"),
        Entry::Set { name, key, .. } => format!("set {name}{}", key.clause()),
        Entry::Unset { name, key, by, .. } => format!("unset {name}{} by {by}", key.clause()),
        Entry::Starting { run, attempt, .. } => format!("starting {run}.{attempt}"),
        Entry::Closed { run, good, .. } => format!("closed {run} {good}"),
        Entry::Skipped { run, reason, .. } => format!("skipped {run}: {reason}"),
        Entry::Asked { run, until, .. } => format!("asked {run} until {}", until.0 / 1_000_000),
        Entry::Approved { run, by, .. } => {
            format!("approved {run} by {}", by.as_ref().map_or("nobody".into(), ToString::to_string))
        }
        Entry::InDoubt { run, .. } => format!("in doubt {run}"),
        _ => return None,
    })
}

/// Tells a story straight, and with a restart after every event. Runs that are under way at a restart would
/// be in doubt, so a story with slow runs is told straight only.
#[track_caller]
fn story(rules: &str, story: &[(i64, Happens)], expected: &[&str]) -> Life {
    let slow = rules.contains("'slow'");
    let mut straight = Life::new(rules);
    let mut with_restarts = Life::new(rules);
    for (at, what) in story {
        straight.happens(*at, what);
        if !slow {
            with_restarts.happens(*at, what);
            with_restarts.restart();
        }
    }
    assert_eq!(straight.told, expected, "straight");
    if !slow {
        assert_eq!(with_restarts.told, expected, "with a restart after every event");
    }
    straight
}

fn rule(then: &str) -> String {
    format!("[[rule]]\nname = 'r'\nwhen = {{ id = 'A1I' }}\nthen = {then}\n")
}

#[test]
fn what_waits_for_a_good_run_does_not_take_place_after_a_bad_one() {
    let rules = rule(
        "[{ run = 'bad' }, { run = 'good', if = 'good' }, { run = 'good', if = 'good' }, { report = 'never', if = 'good' }]",
    );
    let life = story(
        &rules,
        &[(1, Match("r"))],
        &[
            "1 decided r fired",
            "1 starting 1.1",
            "1 closed 1 false",
            "1 skipped 2: run 1 has failed",
            "1 skipped 3: run 2 did not take place",
            "1 skipped 4: run 3 did not take place",
        ],
    );
    assert_eq!(life.agent.view().counts.skipped, 3);
    assert!(life.agent.view().runs.is_empty());
    assert_eq!(
        life.runs(),
        [
            "1 bad good false step STEP1 ended with condition code 0001 (exit status 1)",
            "2 good closed run 1 has failed",
            "3 good closed run 2 did not take place",
            "4 (report) closed run 3 did not take place",
        ]
    );
}

#[test]
fn what_waits_for_a_failure_takes_place_after_one_and_says_so_once() {
    let rules = rule(
        "[{ report = 'at once' }, { run = 'bad' }, { report = 'it failed', if = 'failed' }, { run = 'good', if = 'failed' }]",
    );
    story(
        &rules,
        &[(1, Match("r")), (2, Tick)],
        &[
            "1 decided r fired",
            "1 starting 1.1",
            "1 said at once",
            "1 closed 1 false",
            "1 closed 2 true",
            "1 starting 3.1",
            "1 said it failed",
            "1 closed 3 true",
        ],
    );
}

#[test]
fn what_waits_for_a_run_waits_as_long_as_it_runs() {
    let rules = rule("[{ run = 'slow' }, { run = 'good', if = 'good' }]");
    let mut life = Life::new(&rules);
    life.happens(1, &Match("r"));
    assert_eq!(life.agent.view().runs[1].state, "waits for run 1");
    life.happens(500, &Tick);
    assert_eq!(life.told, ["1 decided r fired", "1 starting 1.1"]);
    life.happens(501, &Ends(1, true));
    assert_eq!(life.told[2..], ["501 closed 1 true", "501 starting 2.1", "501 closed 2 true"]);
}

#[test]
fn a_run_in_doubt_keeps_what_waits_for_it_waiting() {
    let mut life =
        Life::new(&rule("[{ run = 'slow' }, { run = 'good', if = 'good' }, { run = 'good', if = 'failed' }]"));
    life.happens(1, &Match("r"));
    life.restart();
    assert_eq!(life.told[2..], ["1 in doubt 1"]);
    assert!(life.agent.is_settled(), "a person must look");
    life.give(Event::Released { run: RunId(1), how: Release::Good, by: By { who: "alice".into(), why: None } });
    assert_eq!(life.told[3..], ["1 closed 1 true", "1 starting 2.1", "1 closed 2 true", "1 skipped 3: run 2 is good"]);
}

#[test]
fn what_comes_after_a_while_comes_then() {
    let rules = rule("[{ run = 'good', after = '5m' }, { report = 'later', after = '10s' }]");
    story(
        &rules,
        &[(1, Match("r")), (10, Tick), (11, Tick), (300, Tick), (301, Tick)],
        &["1 decided r fired", "11 closed 2 true", "11 said later", "301 starting 1.1", "301 closed 1 true"],
    );
}

#[test]
fn what_has_not_begun_can_be_cancelled() {
    let rules = rule("[{ run = 'good', after = '5m' }, { run = 'good', if = 'good' }]");
    story(
        &rules,
        &[(1, Match("r")), (2, Cancel(1)), (400, Tick)],
        &[
            "1 decided r fired",
            "2 skipped 1: cancelled by alice: the window is open",
            "2 skipped 2: run 1 did not take place",
        ],
    );
}

#[test]
fn who_is_asked_decides() {
    let rules =
        rule("[{ run = 'good', mode = 'ask' }, { run = 'bad', if = 'good', mode = 'ask', ask = { within = '10s' } }]");
    let life = story(
        &rules,
        &[(1, Match("r")), (5, Answer(2, true)), (6, Answer(1, true)), (7, Answer(2, false)), (99, Tick)],
        &[
            "1 decided r fired",
            "1 asked 1 until 901",
            "6 approved 1 by alice: the window is open",
            "6 starting 1.1",
            "6 closed 1 true",
            "6 asked 2 until 16",
            "7 skipped 2: denied by alice: the window is open",
        ],
    );
    assert_eq!(life.agent.view().counts.skipped, 1);
}

#[test]
fn without_an_answer_the_rule_decides() {
    let rules = "[[rule]]\nname = 'r'\nmode = 'ask'\nask = { within = '1m', otherwise = 'act' }\nwhen = { id = 'A1I' }
then = [{ run = 'good' }, { run = 'good', mode = 'ask', ask = { within = '30s' } }, { run = 'bad', mode = 'act' }]";
    story(
        rules,
        &[(1, Match("r")), (30, Tick), (31, Tick), (60, Tick), (61, Tick)],
        &[
            "1 decided r fired",
            "1 asked 1 until 61",
            "1 asked 2 until 31",
            "1 starting 3.1",
            "1 closed 3 false",
            "31 skipped 2: nobody has approved of it in time",
            "61 approved 1 by nobody",
            "61 starting 1.1",
            "61 closed 1 true",
        ],
    );
}

#[test]
fn approved_and_still_not_before_its_time() {
    let rules = rule("{ run = 'good', mode = 'ask', after = '1m' }");
    story(
        &rules,
        &[(1, Match("r")), (2, Answer(1, true)), (60, Tick), (61, Tick)],
        &[
            "1 decided r fired",
            "1 asked 1 until 901",
            "2 approved 1 by alice: the window is open",
            "61 starting 1.1",
            "61 closed 1 true",
        ],
    );
}

const WINDOW: &str = "
[[rule]]
name = 'begins'
when = { id = 'A1I' }
by = 'system'
then = { set = 'maintenance', for = '1h' }
[[rule]]
name = 'ends'
when = { id = 'A2I' }
then = { close = 'maintenance' }
[[rule]]
name = 'acts'
when = { id = 'A3I' }
if_not_set = 'maintenance'
then = { run = 'good' }
[[rule]]
name = 'only-then'
when = { id = 'A4I' }
if_set = ['maintenance']
then = { run = 'good' }
";

#[test]
fn a_named_situation_holds_rules_for_the_records_of_its_key() {
    story(
        WINDOW,
        &[
            (1, Says("only-then", "x", "SYS1")),
            (2, Says("begins", "x", "SYS1")),
            (3, Says("acts", "x", "SYS1")),
            (4, Says("acts", "x", "SYS2")),
            (5, Says("only-then", "x", "SYS1")),
            (6, Says("ends", "x", "SYS2")),
            (7, Says("ends", "x", "SYS1")),
            (8, Says("acts", "x", "SYS1")),
        ],
        &[
            "1 decided only-then held: maintenance is not set",
            "2 decided begins fired",
            "2 set maintenance for system=SYS1",
            "3 decided acts held: maintenance is set for system=SYS1",
            "4 decided acts fired",
            "4 starting 1.1",
            "4 closed 1 true",
            "5 decided only-then fired",
            "5 starting 2.1",
            "5 closed 2 true",
            "6 decided ends fired",
            "7 decided ends fired",
            "7 unset maintenance for system=SYS1 by rule ends",
            "8 decided acts fired",
            "8 starting 3.1",
            "8 closed 3 true",
        ],
    );
}

#[test]
fn a_named_situation_ends_with_its_time_and_by_command() {
    story(
        WINDOW,
        &[
            (1, Says("begins", "x", "SYS1")),
            (3600, Says("only-then", "x", "SYS1")),
            (3601, Says("only-then", "x", "SYS1")),
            (4000, Says("begins", "x", "SYS1")),
            (4001, Close("maintenance")),
            (4002, Says("only-then", "x", "SYS1")),
        ],
        &[
            "1 decided begins fired",
            "1 set maintenance for system=SYS1",
            "3600 decided only-then fired",
            "3600 starting 1.1",
            "3600 closed 1 true",
            "3601 decided only-then held: maintenance is not set",
            "4000 decided begins fired",
            "4000 set maintenance for system=SYS1",
            "4001 unset maintenance for system=SYS1 by alice: the window is open",
            "4002 decided only-then held: maintenance is not set",
        ],
    );
}

#[test]
fn a_situation_can_begin_later_and_after_a_run() {
    let rules =
        rule("[{ run = 'good' }, { set = 'ready', if = 'good', after = '10s' }, { close = 'ready', after = '20s' }]");
    story(
        &rules,
        &[(1, Match("r")), (10, Tick), (11, Tick), (21, Tick)],
        &[
            "1 decided r fired",
            "1 starting 1.1",
            "1 closed 1 true",
            "11 closed 2 true",
            "11 set ready",
            "21 closed 3 true",
            "21 unset ready by rule r",
        ],
    );
}

#[test]
fn a_rule_hands_its_record_over_with_its_captures() {
    let rules = "
[[rule]]
name = 'one'
when = { id = 'A1I' }
then = [{ report = 'one' }, { rule = 'two' }]
[[rule]]
name = 'other'
when = { id = 'A2I' }
then = { rule = 'two' }
[[rule]]
name = 'two'
when = { id = 'A3I' }
by = 'system'
once_per = '1m'
then = { run = 'good', with = { n = '${system}' } }
";
    let life = story(
        rules,
        &[(1, Says("one", "x", "SYS1")), (2, Says("other", "x", "SYS1")), (3, Says("other", "x", "SYS2"))],
        &[
            "1 decided one fired",
            "1 decided two fired",
            "1 starting 1.1",
            "1 said one",
            "1 closed 1 true",
            "2 decided other fired",
            "2 decided two held: fired 1 s ago for system=SYS1; once_per is 60 s",
            "3 decided other fired",
            "3 decided two fired",
            "3 starting 2.1",
            "3 closed 2 true",
        ],
    );
    let detail = Reader::open(life.state.path()).expect("there").run(RunId(2)).expect("reads").expect("run 2");
    assert_eq!(detail.decision.decision.origin.file.record(), "f", "the record is the same");
}

#[test]
fn what_is_disabled_does_nothing_until_it_is_enabled_or_the_time_is_over() {
    let rules = "
[[rule]]
name = 'r'
group = 'night'
when = { id = 'A1I' }
then = { run = 'good' }
";
    let fired = |at: i64, run: u64| {
        [format!("{at} decided r fired"), format!("{at} starting {run}.1"), format!("{at} closed {run} true")]
    };
    let mut expected: Vec<String> = Vec::new();
    expected.push("1 disabled r".into());
    expected.push("2 decided r disabled: disabled by alice: the window is open".into());
    expected.push("3 enabled r".into());
    expected.extend(fired(4, 1));
    expected.push("5 disabled group:night".into());
    expected.push("19 decided r disabled: disabled until 1970-01-01T00:00:20.000 by alice: the window is open".into());
    expected.extend(fired(20, 2));
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    let life = story(
        rules,
        &[
            (1, Disable("r", None)),
            (2, Match("r")),
            (3, Enable("r")),
            (4, Match("r")),
            (5, Disable("group:night", Some(20))),
            (19, Match("r")),
            (20, Match("r")),
        ],
        &expected,
    );
    assert!(life.agent.view().disabled.is_empty());
}

#[test]
fn closing_a_rules_situation_calls_off_what_waits() {
    let rules = "
[[rule]]
name = 'r'
when = { id = 'A1I' }
once_per = '1h'
then = { run = 'good', after = '5m' }
";
    story(
        rules,
        &[(1, Match("r")), (2, Close("r")), (3, Match("r")), (303, Tick)],
        &[
            "1 decided r fired",
            "2 skipped 1: closed by alice: the window is open",
            "3 decided r fired",
            "303 starting 2.1",
            "303 closed 2 true",
        ],
    );
}

#[test]
fn a_rule_that_answers_itself_is_held_until_it_is_quiet() {
    assert_eq!((LOOP_GUARD, LOOP_GUARD_GAP.as_secs(), LOOP_GUARD_QUIET.as_secs()), (500, 10, 60));
    let rules = rule("{ report = 'again' }");
    let mut happens: Vec<(i64, Happens)> = (1..=500).map(|n| (n * 9, Match("r"))).collect();
    let other = Says("r", "another text", "SYS1");
    happens.extend([(4505, Match("r")), (4506, other), (4564, Match("r")), (4624, Match("r"))]);
    let mut expected: Vec<String> = Vec::new();
    for n in 1..=500 {
        expected.extend([format!("{} decided r fired", n * 9), format!("{} said again", n * 9)]);
    }
    let held =
        "decided r held: loop guard: it acted 500 times in a row on this text, and rests until 60 s pass without it";
    expected.push(format!("4505 {held}"));
    expected.extend(["4506 decided r fired".into(), "4506 said again".into()]);
    // Each match that is held begins the minute anew.
    expected.push(format!("4564 {held}"));
    expected.extend(["4624 decided r fired".into(), "4624 said again".into()]);
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    let life = story(&rules, &happens, &expected);
    assert_eq!(life.errors, ["WTR340E"], "it is said once");
}

#[test]
fn matches_that_are_far_apart_are_no_loop() {
    let rules = rule("{ report = 'again' }");
    let happens: Vec<(i64, Happens)> = (1..=30).map(|n| (n * 10, Match("r"))).collect();
    let mut life = Life::new(&rules);
    happens.iter().for_each(|(at, what)| life.happens(*at, what));
    assert!(life.told.iter().all(|told| !told.contains("held")), "{:?}", life.told);
}

#[test]
fn a_rule_starts_at_most_so_many_runs_in_a_span() {
    let rules = "
[[rule]]
name = 'r'
when = { id = 'A1I' }
at_most = { runs = 3, per = '1m' }
then = [{ run = 'good' }, { report = 'x' }]
";
    let texts = ["a", "b", "c", "d", "e", "f"];
    let happens: Vec<(i64, Happens)> =
        [1, 2, 3, 4, 60, 61].into_iter().zip(texts).map(|(at, text)| (at, Says("r", text, "SYS1"))).collect();
    let mut expected: Vec<String> = Vec::new();
    for (run, at) in [1, 2, 3].into_iter().enumerate() {
        let run = run + 1;
        expected.extend([
            format!("{at} decided r fired"),
            format!("{at} starting {run}.1"),
            format!("{at} said x"),
            format!("{at} closed {run} true"),
        ]);
    }
    for at in [4, 60] {
        expected.push(format!("{at} decided r held: storm brake: the rule starts at most 3 runs in 60 s"));
    }
    expected.extend(["61 decided r fired", "61 starting 4.1", "61 said x", "61 closed 4 true"].map(str::to_owned));
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    let life = story(rules, &happens, &expected);
    assert_eq!(life.errors, ["WTR341E"], "it is said once a window");
}

#[test]
fn all_rules_together_start_at_most_so_many_runs() {
    let mut life = Life::new(&rule("{ run = 'good' }"));
    let at_most = |runs| AtMost { runs, per: std::time::Duration::from_secs(60) };
    life.agent.brake_by(Brakes { rule: at_most(100), all: at_most(2) });
    for (at, text) in [(1, "a"), (2, "b"), (3, "c")] {
        life.happens(at, &Says("r", text, "SYS1"));
    }
    assert_eq!(
        life.told.last().map(String::as_str),
        Some("3 decided r held: storm brake: all rules together start at most 2 runs in 60 s")
    );
}

#[test]
fn a_match_of_a_rule_that_is_gone_is_decided_visibly() {
    let mut life = Life::new(&rule("{ run = 'good' }"));
    life.give(Event::PolicyReplaced(policy("[[rule]]\nname = 'another'\nwhen = { id = 'A9I' }")));
    life.happens(1, &Match("r"));
    assert_eq!(
        life.told,
        [
            "1 decided r impossible: the policy was replaced before it could be decided, and the rule is not in force any more"
        ]
    );
}

/// How the matches of these rules are decided, each of another text and system, all within one second; and
/// what is said.
fn flood(rules: &[&str], matches: usize) -> (Vec<Verdict>, Vec<&'static str>) {
    let (mut agent, _) = Agent::recover(policy(&rules.concat()), Memory::default(), Timestamp(1), 8);
    let (mut verdicts, mut said) = (Vec::new(), Vec::new());
    for n in 0..matches {
        let text = n.to_string();
        let rule = format!("r{}", n % rules.len());
        let mut effects = agent.handle(matched(&rule, 100 * n as u64, Timestamp(1_000_000), (&text, &text)));
        effects.extend(agent.handle(Event::Durable(u64::MAX)));
        let runs: Vec<RunId> =
            effects.iter().filter_map(|e| if let Effect::Start { run, .. } = e { Some(*run) } else { None }).collect();
        runs.into_iter().for_each(|run| effects.extend(agent.handle(ended(run, 1, true))));
        for effect in effects {
            match effect {
                Effect::Append { entries, .. } => {
                    verdicts.extend(entries.into_iter().filter_map(|entry| match entry {
                        Entry::Decided(decision) => Some(decision.verdict),
                        _ => None,
                    }))
                }
                Effect::Publish(notice) => said.push(notice.id),
                _ => {}
            }
        }
    }
    (verdicts, said)
}

fn numbered(number: usize, then: &str) -> String {
    format!("[[rule]]\nname = 'r{number}'\nwhen = {{ id = 'A1I' }}\nthen = {then}\n")
}

#[test]
fn without_a_word_about_it_the_brake_is_far_away_and_there() {
    let (verdicts, said) = flood(&[&numbered(0, "{ run = 'good' }")], BRAKE_OF_RULE + 2);
    assert!(verdicts[..BRAKE_OF_RULE].iter().all(|verdict| *verdict == Verdict::Fired));
    assert_eq!(verdicts[BRAKE_OF_RULE..], [Verdict::Held, Verdict::Held]);
    assert_eq!(said.iter().filter(|id| **id == "WTR341E").count(), 1);
    let rules: Vec<String> = (0..4).map(|n| numbered(n, "{ run = 'good' }")).collect();
    let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
    let (verdicts, _) = flood(&rules, BRAKE_OF_ALL + 2);
    assert!(verdicts[..BRAKE_OF_ALL].iter().all(|verdict| *verdict == Verdict::Fired));
    assert_eq!(verdicts[BRAKE_OF_ALL..], [Verdict::Held, Verdict::Held]);
}

#[test]
fn a_brake_has_bounds_of_its_own() {
    let accepted = |runs: i64, seconds: u64| {
        let rules = format!(
            "[[rule]]\nname = 'r'\nwhen = {{ id = 'A1I' }}\nat_most = {{ runs = {runs}, per = '{seconds}s' }}\n"
        );
        Policy::load(&[("r.toml".into(), rules)], &[]).0.is_some()
    };
    assert!(accepted(BRAKE_RUNS_MAX, BRAKE_SPAN_MAX.as_secs()));
    assert!(!accepted(BRAKE_RUNS_MAX + 1, 1));
    assert!(!accepted(1, BRAKE_SPAN_MAX.as_secs() + 1));
}

#[test]
fn too_many_named_situations_do_not_begin() {
    let (verdicts, said) =
        flood(&[&numbered(0, "{ set = 'x' }").replace("then", "by = 'system'\nthen")], NAMED_SITUATIONS_MAX + 1);
    assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Fired));
    assert_eq!(said.iter().filter(|id| **id == "WTR342W").count(), 1);
}

/// A rule that hands over, and one that only others hand over to.
fn handing(then: &str, other: &str) -> String {
    format!("{}[[rule]]\nname = 'other'\n{other}\n", rule(then))
}

#[test]
fn a_hand_over_waits_for_a_run_and_for_its_time() {
    let rules = handing(
        "[{ run = 'bad' }, { rule = 'other', if = 'good' }, { rule = 'other', if = 'failed', after = '5s' }]",
        "then = [{ run = 'good' }, { report = 'told' }]",
    );
    let life = story(
        &rules,
        &[(1, Match("r")), (5, Tick), (6, Tick)],
        &[
            "1 decided r fired",
            "1 starting 1.1",
            "1 closed 1 false",
            "1 skipped 2: run 1 has failed",
            "6 closed 3 true",
            "6 decided other fired",
            "6 starting 4.1",
            "6 said told",
            "6 closed 4 true",
        ],
    );
    assert!(life.agent.is_settled() && life.agent.view().runs.is_empty());
    assert_eq!(life.runs()[1..3], ["2 (rule) closed run 1 has failed", "3 (rule) good true it was done"]);
}

#[test]
fn a_record_is_handed_over_as_often_as_the_rule_says() {
    let rules = handing("[{ rule = 'other' }, { rule = 'other', after = '5m' }]", "then = { report = '${text}' }");
    story(
        &rules,
        &[(1, Says("r", "x", "SYS1")), (301, Tick), (302, Tick)],
        &[
            "1 decided r fired",
            "1 decided other fired",
            "1 said x",
            "301 closed 1 true",
            "301 decided other fired",
            "301 said x",
        ],
    );
}

#[test]
fn a_hand_over_to_a_rule_that_is_not_in_force_is_decided_visibly() {
    let disabled = handing("{ rule = 'other' }", "enabled = false\nthen = { report = 'never' }");
    story(
        &disabled,
        &[(1, Match("r"))],
        &["1 decided r fired", "1 decided other disabled: the rule is not enabled in the policy"],
    );
    let mut life = Life::new(&handing("{ rule = 'other', after = '5s' }", "then = { report = 'never' }"));
    life.happens(1, &Match("r"));
    let replaced = policy("[[rule]]\nname = 'another'\nwhen = { id = 'A9I' }");
    life.give(Event::PolicyReplaced(replaced));
    life.happens(6, &Tick);
    assert_eq!(
        life.told,
        [
            "1 decided r fired",
            "6 closed 1 true",
            "6 decided other impossible: the policy was replaced before it could be decided, and the rule is not in force any more"
        ]
    );
}

#[test]
fn a_rule_that_others_hand_over_to_counts_and_pauses() {
    let rules = handing(
        "{ rule = 'other' }",
        "by = 'system'\ncount = { at_least = 2, within = '1m' }\nthen = { report = '${system} ${situation.count}' }",
    );
    story(
        &rules,
        &[(1, Says("r", "a", "SYS1")), (2, Says("r", "b", "SYS2")), (3, Says("r", "c", "SYS1"))],
        &["1 decided r fired", "2 decided r fired", "3 decided r fired", "3 decided other fired", "3 said SYS1 2"],
    );
}

/// Rules that match a record and hand it over.
fn hands(rules: &[(&str, &str)]) -> String {
    let rule = |(name, text): &(&str, &str)| format!("[[rule]]\nname = '{name}'\nwhen = {{ id = 'A1I' }}\n{text}\n");
    rules.iter().map(rule).collect()
}

#[test]
fn a_record_counts_once_whatever_ways_it_takes() {
    let counts = "count = { at_least = 2, within = '10m' }\nthen = { report = 'twice' }";
    let rules =
        hands(&[("a", "then = { rule = 't' }"), ("b", "then = [{ rule = 't' }, { rule = 't' }]"), ("t", counts)]);
    story(
        &rules,
        &[(1, Match("a")), (1, Also("b")), (1, Also("t")), (2, Match("t")), (2, Also("a"))],
        &["1 decided a fired", "1 decided b fired", "2 decided t fired", "2 said twice", "2 decided a fired"],
    );
}

#[test]
fn the_first_way_to_a_rule_wins_over_all_others() {
    let rules = hands(&[
        ("a", "then = { rule = 't' }"),
        ("b", "then = [{ rule = 'u' }, { rule = 't' }]"),
        ("t", "then = { rule = 'u' }"),
        ("u", "then = { report = 'here' }"),
    ]);
    story(
        &rules,
        &[(1, Match("a")), (1, Also("b")), (1, Also("t")), (1, Also("u"))],
        &["1 decided a fired", "1 decided t fired", "1 decided u fired", "1 said here", "1 decided b fired"],
    );
}

#[test]
fn what_is_handed_over_later_is_decided_anew_and_once() {
    let rules = hands(&[
        ("a", "collect = { for = '10s' }\nthen = [{ rule = 't' }, { rule = 'u' }]"),
        ("t", "then = { rule = 'u' }"),
        ("u", "then = { report = 'here' }"),
    ]);
    story(
        &rules,
        &[(1, Match("a")), (1, Also("u")), (11, Tick)],
        &[
            "1 decided u fired",
            "1 said here",
            "11 decided a fired",
            "11 decided t fired",
            "11 decided u fired",
            "11 said here",
        ],
    );
}

#[test]
fn a_hand_over_of_an_asking_rule_waits_for_approval() {
    let asks = "mode = 'ask'\nthen = [{ rule = 't' }, { report = 'asked' }, { rule = 'u', mode = 'act' }]";
    let acts = "then = { rule = 't', mode = 'ask', ask = { within = '10s' } }";
    let rules =
        hands(&[("r", asks), ("s", acts), ("t", "then = { run = 'good' }"), ("u", "then = { report = 'at once' }")]);
    let life = story(
        &rules,
        &[(1, Match("r")), (5, Answer(1, true)), (6, Match("s")), (16, Tick)],
        &[
            "1 decided r fired",
            "1 asked 1 until 901",
            "1 decided u fired",
            "1 said asked",
            "1 said at once",
            "5 approved 1 by alice: the window is open",
            "5 closed 1 true",
            "5 decided t fired",
            "5 starting 2.1",
            "5 closed 2 true",
            "6 decided s fired",
            "6 asked 3 until 16",
            "16 skipped 3: nobody has approved of it in time",
        ],
    );
    assert_eq!(life.runs()[0], "1 (rule) good true it was done");
}

#[test]
fn a_run_that_is_handed_over_late_holds_up_nothing_that_is_due_after_it() {
    let rules = hands(&[
        ("a", "then = { rule = 't', after = '2s' }"),
        ("t", "then = { run = 'good' }"),
        ("c", "collect = { for = '10s' }\nthen = { report = 'late' }"),
    ]);
    // As after a sleep of the machine.
    story(
        &rules,
        &[(1, Match("a")), (1, Also("c")), (3600, Tick)],
        &[
            "1 decided a fired",
            "3600 closed 1 true",
            "3600 decided t fired",
            "3600 starting 2.1",
            "3600 decided c fired",
            "3600 said late",
            "3600 closed 2 true",
        ],
    );
}
