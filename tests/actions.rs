//! Stories of actions that do not just begin: they wait for how a run before them comes out, for their time,
//! or for somebody's approval. Each is told straight and with a restart after every event, and comes to the
//! same; the replay shows what was decided.

use std::sync::Arc;
use wtor::agent::{Agent, Effect, Event, Memory};
use wtor::engine::Matched;
use wtor::job::{CondCode, Outcome, StepEnd};
use wtor::journal::store::{Reader, RunFilter, Store};
use wtor::journal::{By, Checkpoint, Entry, FileKey, Origin, RunId};
use wtor::policy::{Policy, Target};
use wtor::rule::Captures;
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
    Tick,
    Ends(u64, bool),
    Answer(u64, bool),
    Cancel(u64),
}
use Happens::{Answer, Cancel, Ends, Match, Tick};

struct Life {
    policy: Arc<Policy>,
    state: tempfile::TempDir,
    store: Option<Store>,
    agent: Agent,
    now: Timestamp,
    offset: u64,
    told: Vec<String>,
}

impl Life {
    fn new(rules: &str) -> Life {
        let state = tempfile::tempdir().expect("a directory");
        let store = Some(Store::open(state.path()).expect("a journal"));
        let policy = policy(rules);
        let now = Timestamp(0);
        let (agent, _) = Agent::recover(policy.clone(), Memory::default(), now, 8);
        Life { policy, state, store, agent, now, offset: 0, told: Vec::new() }
    }

    fn happens(&mut self, at: i64, what: &Happens) {
        self.now = Timestamp(at * 1_000_000);
        self.give(Event::Tick(self.now));
        let by = || By { who: "alice".into(), why: Some("the window is open".into()) };
        match what {
            Match(rule) => {
                self.offset += 100;
                self.give(matched(rule, self.offset, self.now));
            }
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
        let memory = Memory {
            checkpoints: recovered.checkpoints,
            decided: recovered.decided,
            ledger: recovered.ledger,
            last_run: recovered.last_run.0,
            situations: recovered.situations,
        };
        let (agent, effects) = Agent::recover(self.policy.clone(), memory, self.now, 8);
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

fn matched(rule: &str, offset: u64, at: Timestamp) -> Event {
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
    captures.set("system", b"SYS1");
    let target = Target::Rule(rule.into());
    Event::Matched(Box::new(Matched { target, origin, at, age: None, age_max: None, captures, read }))
}

/// What is worth telling of an entry.
fn brief(entry: &Entry) -> Option<String> {
    Some(match entry {
        Entry::Decided(decision) => format!("decided {} {}", decision.rule, decision.verdict.name()),
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
    life.give(Event::Released { run: RunId(1), how: wtor::agent::Release::Good });
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
