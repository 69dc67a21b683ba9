//! Stories of rules that ask for more than one record, in virtual time. Each is told five times, and the
//! decisions are the same: straight; with a restart after every record; with restarts after which the whole
//! log is read again; as a replay of the saved log; and as a story file, with restarts.

use std::sync::Arc;
use wtor::agent::{Agent, Effect, Event, Memory};
use wtor::diagnostic::render_full;
use wtor::engine::Matched;
use wtor::journal::store::Store;
use wtor::journal::{Checkpoint, Decision, Entry, FileKey, Origin, Verdict};
use wtor::policy::{Matcher, Policy};
use wtor::record::{Flush, Options, Position, Stream};
use wtor::replay::{Replay, Story};
use wtor::rule::Seen;
use wtor::time::Timestamp;

fn policy(rules: &str) -> Arc<Policy> {
    let (policy, found) = Policy::load(&[("r.toml".into(), rules.into())], &[]);
    Arc::new(policy.unwrap_or_else(|| panic!("{}", wtor::diagnostic::render_full(&found))))
}

/// `10:00:05 SYS1 AAA001I text` as a line of a hardcopy log.
fn line(short: &str) -> String {
    let (time, rest) = short.split_once(' ').expect("a time");
    let (system, text) = rest.split_once(' ').expect("a system");
    format!("N 4000000 {system:8} 2026325 {time}.00 STC01234 00000090  {text}\n")
}

fn log(story: &[&str]) -> String {
    story.iter().map(|short| line(short)).collect()
}

/// A live agent with its journal, its log and its clock.
struct Life {
    matcher: Matcher,
    state: tempfile::TempDir,
    store: Option<Store>,
    agent: Agent,
    now: Timestamp,
    decisions: Vec<Decision>,
    said: Vec<&'static str>,
}

fn checkpoint(offset: usize) -> Checkpoint {
    Checkpoint {
        source: "log".into(),
        path: "log".into(),
        file: FileKey("log".into()),
        offset: offset as u64,
        line: 1,
        head: String::new(),
    }
}

impl Life {
    fn new(rules: &str) -> Life {
        let state = tempfile::tempdir().expect("a directory");
        let store = Store::open(state.path()).expect("a journal");
        let policy = policy(rules);
        let (agent, _) = Agent::recover(policy.clone(), Memory::default(), Timestamp(0), 8);
        let matcher = Matcher::new(policy);
        let (now, decisions, said) = (Timestamp(0), Vec::new(), Vec::new());
        Life { matcher, state, store: Some(store), agent, now, decisions, said }
    }

    fn give(&mut self, event: Event) {
        let effects = self.agent.handle(event);
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Append { batch, entries } => {
                    self.store.as_mut().expect("open").append(&entries).expect("written");
                    let decided = |entry| if let Entry::Decided(decision) = entry { Some(decision) } else { None };
                    self.decisions.extend(entries.into_iter().filter_map(decided));
                    self.give(Event::Durable(batch));
                }
                Effect::Publish(notice) => self.said.push(notice.id),
                _ => {}
            }
        }
    }

    /// Reads the log from one place to another, everything at the time of its last record or later.
    fn read(&mut self, log: &str, from: usize, to: usize, keep: usize) {
        let mut found = Vec::new();
        let mut time = self.now;
        let mut sink = |record: &wtor::record::Record<'_>| {
            let seen = Seen { record, source: "log", server: None };
            time = time.max(record.time.expect("a time").timestamp());
            let offset = record.position.offset;
            self.matcher.hits(seen, &mut |hit| found.push((hit.target(), hit.condition.captures(seen), offset, time)));
        };
        let mut stream = Stream::new(&Options::default(), Position { offset: from as u64, line: 1 });
        stream.feed(&log.as_bytes()[from..to], &mut sink);
        stream.flush(Flush::Everything, &mut sink);
        self.now = time;
        for (target, captures, offset, at) in found {
            let file = FileKey("log".into());
            let origin = Origin { source: "log".into(), path: "log".into(), file, offset, line: 1 };
            let read = checkpoint(from.min(keep));
            let matched = Matched { target, origin, at, age: None, age_max: None, captures, read };
            self.give(Event::Matched(Box::new(matched)));
        }
        self.give(Event::Tick(self.now));
        self.give(Event::Read(checkpoint(to.min(keep))));
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
        let (agent, effects) = Agent::recover(self.matcher.policy().clone(), memory, self.now, 8);
        self.agent = agent;
        self.carry_out(effects);
    }

    fn reload(&mut self, rules: &str) {
        let policy = policy(rules);
        self.matcher = Matcher::new(policy.clone());
        self.give(Event::PolicyReplaced(policy));
    }
}

/// A decision in a few words: time, rule, verdict, what it says, and why.
fn brief(decision: &Decision) -> String {
    let time = &decision.at.to_string()[11..19];
    let said = match &decision.actions[0] {
        wtor::journal::Action::Report { text, .. } => text,
        wtor::journal::Action::Run { .. } => "a run",
    };
    match decision.verdict {
        Verdict::Fired => format!("{time} {}: {said} ({})", decision.rule, decision.reason),
        _ => format!("{time} {}: {} ({})", decision.rule, decision.verdict.name(), decision.reason),
    }
}

fn told(decisions: &[Decision]) -> Vec<String> {
    decisions.iter().map(brief).collect()
}

/// The ends of the lines.
fn ends(log: &str) -> Vec<usize> {
    log.match_indices('\n').map(|(at, _)| at + 1).collect()
}

/// Tells a story in every way.
#[track_caller]
fn story(rules: &str, story: &[&str], expected: &[&str]) {
    let log = log(story);
    let mut straight = Life::new(rules);
    let mut with_restarts = Life::new(rules);
    let mut read_again = Life::new(rules);
    let mut from = 0;
    for to in ends(&log) {
        straight.read(&log, from, to, usize::MAX);
        with_restarts.read(&log, from, to, usize::MAX);
        with_restarts.restart();
        read_again.read(&log, 0, to, 0);
        read_again.restart();
        from = to;
    }
    let mut replayed = Vec::new();
    let mut replay = Replay::new(policy(rules));
    let mut sink = |decision: &Decision| replayed.push(decision.clone());
    replay.file("log", &mut log.as_bytes(), &Options::default(), &mut |_| {}, &mut sink).expect("read");
    replay.finish(&mut sink);
    assert_eq!(told(&straight.decisions), expected, "straight");
    assert_eq!(told(&with_restarts.decisions), expected, "with a restart after every record");
    assert_eq!(told(&read_again.decisions), expected, "read again after every record");
    assert_eq!(told(&replayed), expected, "as a replay");
    let file = story_file(&log, &straight.decisions);
    let policy = policy(rules);
    let story = Story::parse("x.story", &file, &policy).unwrap_or_else(|found| panic!("{}", render_full(&found)));
    let wrong = story.play(&policy, &mut |_, _| {});
    assert!(wrong.is_empty(), "as a story\n{}", render_full(&wrong));
}

/// A story file of the log with these decisions, with restarts.
fn story_file(log: &str, decisions: &[Decision]) -> String {
    let lines: String = log.lines().map(|line| format!("log {line}\nrestart\n")).collect();
    let expect = |decision: &Decision| {
        let said = match &decision.actions[0] {
            wtor::journal::Action::Report { text, .. } if !text.contains('"') => format!(" with report=\"{text}\""),
            _ => String::new(),
        };
        format!("expect {} {}{said}\n", decision.rule, decision.verdict.name())
    };
    lines + &decisions.iter().map(expect).collect::<String>()
}

const PAUSE: &str = "
[[rule]]
name = 'pause'
when = { id = 'AAA001I', text = 'job (?<job>\\S+)' }
by = ['system', 'job']
once_per = '1m'
then = { report = '${job} on ${system}' }
";

#[test]
fn once_per_holds_a_rule_for_its_span_and_its_key() {
    story(
        PAUSE,
        &[
            "10:00:00 SYS1 AAA001I job X",
            "10:00:12 SYS1 AAA001I job X",
            "10:00:13 SYS1 AAA001I job Y",
            "10:00:14 SYS2 AAA001I job X",
            "10:00:59 SYS1 AAA001I job X",
            "10:01:00 SYS1 AAA001I job X",
            "10:01:01 SYS1 AAA001I job X",
        ],
        &[
            "10:00:00 pause: X on SYS1 (every condition holds)",
            "10:00:12 pause: held (fired 12 s ago for job=X system=SYS1; once_per is 60 s)",
            "10:00:13 pause: Y on SYS1 (every condition holds)",
            "10:00:14 pause: X on SYS2 (every condition holds)",
            "10:00:59 pause: held (fired 59 s ago for job=X system=SYS1; once_per is 60 s)",
            "10:01:00 pause: X on SYS1 (every condition holds)",
            "10:01:01 pause: held (fired 1 s ago for job=X system=SYS1; once_per is 60 s)",
        ],
    );
}

#[test]
fn a_shadow_pauses_as_it_would_if_it_acted() {
    story(
        &PAUSE.replace("by =", "mode = 'shadow'\nby ="),
        &["10:00:00 SYS1 AAA001I job X", "10:00:12 SYS1 AAA001I job X"],
        &[
            "10:00:00 pause: shadow (every condition holds; the rule is in shadow mode)",
            "10:00:12 pause: held (fired 12 s ago for job=X system=SYS1; once_per is 60 s)",
        ],
    );
}

const COUNT: &str = "
[[rule]]
name = 'count'
when = { id = 'AAA001I', text = 'job (?<job>\\S+)' }
by = 'job'
count = { at_least = 3, within = '1m' }
then = { report = '${job}' }
";

#[test]
fn a_count_is_complete_within_its_window_and_starts_anew() {
    story(
        COUNT,
        &[
            "10:00:00 SYS1 AAA001I job X",
            "10:00:01 SYS1 AAA001I job Y",
            "10:00:10 SYS1 AAA001I job X",
            "10:00:20 SYS1 AAA001I job X",
            "10:00:21 SYS1 AAA001I job X",
            "10:00:22 SYS1 AAA001I job X",
            // The first one is over by now, the second is not.
            "10:01:21 SYS1 AAA001I job X",
            "10:01:21 SYS1 AAA001I job X",
        ],
        &["10:00:20 count: X (match 3 in 20 s for job=X)", "10:01:21 count: X (match 3 in 59 s for job=X)"],
    );
}

#[test]
fn matches_too_far_apart_never_add_up() {
    let far = [
        "10:00:00 SYS1 AAA001I job X",
        "10:00:30 SYS1 AAA001I job X",
        "10:01:00 SYS1 AAA001I job X",
        "10:01:30 SYS1 AAA001I job X",
    ];
    story(COUNT, &far, &[]);
}

#[test]
fn a_count_and_a_pause() {
    let rules = COUNT.replace("count =", "once_per = '1h'\ncount =").replace("by = 'job'\n", "");
    let matches: Vec<String> = (0..9).map(|n| format!("10:00:0{n} SYS1 AAA001I job X{n}")).collect();
    let matches: Vec<&str> = matches.iter().map(String::as_str).collect();
    story(
        &rules,
        &matches,
        &[
            "10:00:02 count: X2 (match 3 in 2 s)",
            "10:00:05 count: held (fired 3 s ago; once_per is 60 min)",
            "10:00:08 count: held (fired 6 s ago; once_per is 60 min)",
        ],
    );
}

#[test]
fn a_reload_keeps_what_rules_know_whose_text_is_the_same() {
    let log = log(&["10:00:00 SYS1 AAA001I job X", "10:00:01 SYS1 AAA001I job X", "10:00:02 SYS1 AAA001I job X"]);
    let ends = ends(&log);
    let other = "[[rule]]\nname = 'other'\nwhen = { id = 'BBB001I' }\n";
    let tell = |after: &str, restart: bool| {
        let mut life = Life::new(&format!("{COUNT}{other}"));
        life.read(&log, 0, ends[1], usize::MAX);
        assert_eq!(life.agent.view().situations.len(), 1);
        assert_eq!(life.agent.view().situations[0].state, "2 counted");
        life.reload(after);
        if restart {
            life.restart();
        }
        life.read(&log, ends[1], ends[2], usize::MAX);
        (life.decisions.len(), life.said.contains(&"WTR321I"))
    };
    for restart in [false, true] {
        assert_eq!(tell(&format!("{other}{COUNT}# another file"), restart), (1, false), "other rules may change");
        assert_eq!(tell(&COUNT.replace("'1m'", "'2m'"), restart), (0, true), "it was changed");
        assert_eq!(tell(other, restart), (0, true), "it is gone");
    }
}

#[test]
fn a_rule_that_was_changed_while_the_agent_was_down_begins_anew() {
    let log = log(&["10:00:00 SYS1 AAA001I job X", "10:00:01 SYS1 AAA001I job X", "10:00:02 SYS1 AAA001I job X"]);
    let mut life = Life::new(COUNT);
    life.read(&log, 0, ends(&log)[1], usize::MAX);
    life.matcher = Matcher::new(policy(&COUNT.replace("'1m'", "'2m'")));
    life.restart();
    assert_eq!(life.said, ["WTR321I"]);
    life.restart();
    assert_eq!(life.said, ["WTR321I"], "it is said once");
    assert_eq!(life.agent.view().situations_alive, 0);
}

#[test]
fn a_flood_of_keys_is_bounded_and_said() {
    let mut life = Life::new(COUNT);
    let mut agent_said = Vec::new();
    for n in 0..10_010_u64 {
        let mut captures = wtor::rule::Captures::default();
        captures.set("job", n.to_string().as_bytes());
        let file = FileKey("log".into());
        let effects = life.agent.handle(Event::Matched(Box::new(Matched {
            target: wtor::policy::Target::Rule("count".into()),
            origin: Origin { source: "log".into(), path: "log".into(), file, offset: n, line: n },
            at: Timestamp(i64::try_from(n).expect("small")),
            age: None,
            age_max: None,
            captures,
            read: checkpoint(0),
        })));
        // What is said stands in the journal first.
        let batches =
            effects.iter().filter_map(|e| if let Effect::Append { batch, .. } = e { Some(*batch) } else { None });
        let durable: Vec<_> =
            batches.collect::<Vec<_>>().into_iter().flat_map(|b| life.agent.handle(Event::Durable(b))).collect();
        agent_said.extend(
            effects
                .into_iter()
                .chain(durable)
                .filter_map(|e| if let Effect::Publish(n) = e { Some(n.id) } else { None }),
        );
    }
    assert_eq!(life.agent.view().situations_alive, 10_000);
    assert_eq!(life.agent.view().counts.forgotten, 10);
    assert_eq!(agent_said, ["WTR320W"; 4], "at 1, 2, 4 and 8");
}

const MISSING: &str = "
[[rule]]
name = 'missing'
when = { id = 'AAA001I', text = 'deleted (?<vipa>\\S+)' }
by = 'vipa'
unless_followed_by = { id = ['BBB001I', 'BBB002I'], text = 'created (?<vipa>\\S+)', within = '30s' }
then = { report = '${vipa} is nowhere' }
";

#[test]
fn what_does_not_follow_is_missing_when_its_time_is_over() {
    story(
        MISSING,
        &[
            "10:00:00 SYS1 AAA001I deleted X",
            "10:00:01 SYS1 AAA001I deleted Y",
            // A second one does not make the wait longer, and nothing of another key ends it.
            "10:00:09 SYS1 AAA001I deleted X",
            "10:00:10 SYS2 BBB002I created Y",
            "10:00:11 SYS2 BBB001I created Z",
            "10:00:40 SYS1 CCC001I nobody asks",
            "10:01:00 SYS1 AAA001I deleted X",
            "10:01:10 SYS1 BBB001I created X",
            "10:01:11 SYS1 AAA001I deleted X",
            "10:01:41 SYS1 BBB001I created X",
        ],
        &[
            "10:00:30 missing: X is nowhere (no BBB001I or BBB002I followed within 30 s for vipa=X)",
            "10:01:41 missing: X is nowhere (no BBB001I or BBB002I followed within 30 s for vipa=X)",
        ],
    );
}

#[test]
fn what_came_before_does_not_follow_and_what_is_open_at_the_end_stays_open() {
    story(
        MISSING,
        &["10:00:00 SYS1 BBB001I created X", "10:00:01 SYS1 AAA001I deleted X", "10:00:30 SYS1 CCC001I x"],
        &[],
    );
    let rules = MISSING.replace("within = '30s'", "within = '29s'");
    story(
        &rules,
        &["10:00:00 SYS1 BBB001I created X", "10:00:01 SYS1 AAA001I deleted X", "10:00:30 SYS1 CCC001I x"],
        &["10:00:30 missing: X is nowhere (no BBB001I or BBB002I followed within 29 s for vipa=X)"],
    );
}

#[test]
fn a_record_that_is_both_begins_a_wait_and_does_not_end_its_own() {
    let rules = "
[[rule]]
name = 'silence'
when = { id = 'AAA001I' }
unless_followed_by = { id = 'AAA001I', within = '30s' }
once_per = '2m'
then = { report = 'the heart has stopped' }
";
    story(
        rules,
        &[
            "10:00:00 SYS1 AAA001I beat",
            "10:00:20 SYS1 AAA001I beat",
            "10:00:49 SYS1 AAA001I beat",
            "10:01:30 SYS1 AAA001I beat",
            "10:02:30 SYS1 CCC001I x",
        ],
        &[
            "10:01:19 silence: the heart has stopped (no AAA001I followed within 30 s)",
            "10:02:00 silence: held (fired 41 s ago; once_per is 120 s)",
        ],
    );
}

#[test]
fn after_a_start_a_wait_goes_on_until_the_log_is_read() {
    let log = log(&["10:00:00 SYS1 AAA001I deleted X", "10:00:20 SYS1 BBB001I created X"]);
    let ends = ends(&log);
    for down in [15, 25, 35, 3600] {
        for comes in [true, false] {
            let mut life = Life::new(MISSING);
            life.read(&log, 0, ends[0], usize::MAX);
            life.now = life.now.after(std::time::Duration::from_secs(down));
            life.restart();
            assert_eq!(life.decisions.len(), 0, "{down}");
            if comes {
                life.read(&log, ends[0], ends[1], usize::MAX);
            }
            let before = life.now.after(std::time::Duration::from_secs(9));
            life.give(Event::Tick(before));
            assert_eq!(life.decisions.len(), 0, "{down} {comes}");
            life.give(Event::Tick(life.now.after(std::time::Duration::from_secs(16))));
            assert_eq!(life.decisions.len(), usize::from(!comes), "{down} {comes}");
            life.restart();
            assert_eq!(life.decisions.len(), usize::from(!comes), "it is decided once");
            assert_eq!(life.agent.view().situations_alive, 0);
        }
    }
}

#[test]
fn a_wait_of_another_file_is_ended_once() {
    let mut life = Life::new(MISSING);
    let rule: Arc<str> = "missing".into();
    let record = |target: &wtor::policy::Target, file: &str, offset, at: i64| {
        let mut captures = wtor::rule::Captures::default();
        captures.set("vipa", b"X");
        let origin =
            Origin { source: "log".into(), path: file.into(), file: FileKey(file.into()), offset, line: offset };
        let (target, at) = (target.clone(), Timestamp(at * 1_000_000));
        let read = Checkpoint { file: FileKey(file.into()), ..checkpoint(0) };
        Event::Matched(Box::new(Matched { target, origin, at, age: None, age_max: None, captures, read }))
    };
    let (deleted, created) = (wtor::policy::Target::Rule(rule.clone()), wtor::policy::Target::Following(rule));
    life.give(record(&deleted, "one", 0, 1));
    life.give(record(&created, "two", 0, 2));
    life.give(record(&deleted, "one", 100, 3));
    life.now = Timestamp(4_000_000);
    life.restart();
    // What ended the first wait is read again, and does not end the second.
    life.give(record(&created, "two", 0, 5));
    life.give(Event::Tick(Timestamp(60_000_000)));
    assert_eq!(life.decisions.len(), 1);
}

/// The shipped rules of a file.
fn shipped(file: &str, names: &[&str]) -> String {
    let text = std::fs::read_to_string(format!("{}/rules/{file}", env!("CARGO_MANIFEST_DIR"))).expect("readable");
    let of = |rule: &&str| names.iter().any(|name| rule.starts_with(&format!("\nname = \"{name}\"")));
    let rules: Vec<String> = text.split("[[rule]]").filter(of).map(|rule| format!("[[rule]]{rule}")).collect();
    assert_eq!(rules.len(), names.len());
    let told: Vec<String> =
        rules.iter().map(|rule| rule.lines().map(reporting).collect::<Vec<_>>().join("\n")).collect();
    told.join("\n")
}

/// The jobs are not wanted here: what an alert would say is reported.
fn reporting(line: &str) -> String {
    let what = line.split_once("what = \"").and_then(|(_, rest)| rest.split_once('"'));
    match what.filter(|_| line.starts_with("then =")) {
        Some((what, _)) => format!("then = {{ report = \"{what}\" }}"),
        None => line.to_owned(),
    }
}

#[test]
fn a_vipa_that_no_stack_takes_is_nowhere() {
    story(
        &shipped("vipa.toml", &["vipa-nowhere"]),
        &[
            "10:00:00 SYS1 EZD1298I DYNAMIC VIPA 10.1.2.3 DELETED FROM TCPIP",
            "10:00:01 SYS1 EZD1207I DYNAMIC VIPA 10.1.2.4 WAS DELETED USING CLOSE API BY WLPSRV1 ON TCPIP",
            "10:00:12 SYS2 EZZ8301I VIPA 10.1.2.4 TAKEN OVER FROM TCPIP ON SYS1",
            "10:00:13 SYS2 EZD1205I DYNAMIC VIPA 10.1.2.5 WAS CREATED USING BIND BY WLPSRV1 ON TCPIP",
            "10:01:00 SYS1 IEE136I NOTHING",
        ],
        &[
            "10:00:30 vipa-nowhere: dynamic VIPA 10.1.2.3 left TCPIP on SYS1, and no stack has it (no EZD1204I or EZD1205I or EZZ8301I or EZZ8302I followed within 30 s for vipa=10.1.2.3)",
        ],
    );
}

#[test]
fn a_job_that_keeps_abending_is_told_of_once_an_hour() {
    let abend = |time: &str, job: &str| format!("{time} SYS1 IEF450I {job} STEP020 - ABEND=S0C7 U0000 REASON=00000000");
    let times = ["10:00:00", "10:01:00", "10:02:00", "10:03:00", "10:04:00", "10:05:00"];
    let mut lines: Vec<String> = times.iter().map(|time| abend(time, "PAYROLL")).collect();
    lines.push(abend("10:05:01", "BILLING"));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    story(
        &shipped("jes2.toml", &["job-keeps-abending"]),
        &lines,
        &[
            "10:02:00 job-keeps-abending: job PAYROLL on SYS1 abended 3 times in 10 minutes, now with S0C7 in step STEP020 (match 3 in 120 s for job=PAYROLL system=SYS1)",
            "10:05:00 job-keeps-abending: held (fired 180 s ago for job=PAYROLL system=SYS1; once_per is 60 min)",
        ],
    );
}
