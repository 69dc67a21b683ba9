//! Every form of a rule and every kind of action, in the real agent: straight, with `kill -9` after each record,
//! and as a replay of the log that came to be. All three decide the same.

use crate::world::{Agent, World};
use serde_json::{Value, json};
use wtor::daemon::clock;

const RULES: &str = r#"
[[rule]]
name = "counts"
when = { id = "TST0001I" }
count = { at_least = 3, within = "1h" }
then = { report = "${situation.count} of ${each.message_id}" }

[[rule]]
name = "levels"
when = { id = "TST0002I" }
count = [{ level = "bad", at_least = 4, within = "1h" }, { level = "odd", at_least = 2, within = "1h" }]
then = { report = "${situation.level}" }

[[rule]]
name = "once"
when = { id = "TST0003I", text = 'job (?<job>\S+)' }
by = "job"
once_per = "1h"
then = { report = "${job}" }

[[rule]]
name = "pair"
when = { id = "TST0004I", text = 'down (?<link>\S+)' }
by = "link"
followed_by = { id = "TST0005I", text = 'up (?<link>\S+)', within = "1h" }
then = { report = "${link} is up again" }

[[rule]]
name = "late"
when = { id = "TST0006I" }
followed_by = { id = "TST0007I", within = "2s" }
then = { report = "in time" }
otherwise = { report = "no ${situation.missing}" }

[[rule]]
name = "missing"
when = { id = "TST0008I" }
unless_followed_by = { id = "TST0009I", within = "2s" }
then = { report = "no ${situation.missing}" }

[[rule]]
name = "list"
when = { id = "TST0011I", text = 'app (?<app>\S+)' }
all = { of = "app", are = ["a", "b"], within = "1h", from = { id = "TST0010I" } }
then = { report = "both, ${situation.count} records" }

[[rule]]
name = "together"
when = { id = "TST0012I", text = 'vipa (?<vipa>\S+)' }
collect = { for = "1h", quiet = "15s" }
then = { report = "took over ${each.vipa}" }

[[rule]]
name = "forgets"
when = { id = "TST0013I" }
count = { at_least = 2, within = "1h" }
reset_by = { id = "TST0014I" }
then = { report = "two without a reset" }

[[rule]]
name = "in-force"
when = { id = "TST0015I" }
during = { hours = "00:00-24:00" }

[[rule]]
name = "out-of-force"
when = { id = "TST0015I" }
during = { days = "DAY" }

[[rule]]
name = "sets"
when = { id = "TST0016I", text = "begin" }
then = { set = "window", for = "1h" }

[[rule]]
name = "closes"
when = { id = "TST0016I", text = "end" }
then = { close = "window" }

[[rule]]
name = "in-the-window"
when = { id = "TST0017I" }
if_set = "window"

[[rule]]
name = "hands-over"
when = { id = "TST0018I", text = 'word (?<word>\S+)' }
then = { rule = "gets" }

[[rule]]
name = "gets"
when = { id = "TST0019I" }
then = { report = "${text}" }

[[rule]]
name = "twice-at-most"
when = { id = "TST0020I" }
at_most = { runs = 2, per = "1h" }
then = { run = "good" }

[[rule]]
name = "chain"
when = { id = "TST0021I" }
then = [{ run = "bad" }, { run = "good", if = "failed" }, { run = "good", if = "failed" }, { report = "late", after = "1s" }]

[[rule]]
name = "asks"
when = { id = "TST0022I", text = 'case (?<case>\S+)' }
mode = "ask"
then = { run = "good" }

[[rule]]
name = "shadow"
mode = "shadow"
when = { id = "TST0022I" }
then = { run = "good" }
"#;

/// What comes: a message, or what people and time do before the next one.
enum Step {
    Says(&'static str),
    /// The rule's decision by time alone is waited for.
    Decided(&'static str),
    Command(&'static [&'static str]),
}
use Step::{Command, Decided, Says};

const DAY: &[Step] = &[
    Says("TST0006I the next one comes too late"),
    Says("TST0008I the next one does not come"),
    Decided("late"),
    Decided("missing"),
    Says("TST0007I"),
    Says("TST0001I x"),
    Says("TST0002I x"),
    Says("TST0001I x"),
    Says("TST0002I x"),
    Says("TST0002I x"),
    Says("TST0001I x"),
    Says("TST0002I x"),
    Says("TST0003I job A"),
    Says("TST0003I job B"),
    Says("TST0003I job A"),
    Says("TST0004I down X"),
    Says("TST0004I down Y"),
    Says("TST0005I up Z"),
    Says("TST0005I up X"),
    Says("TST0011I app a"),
    Says("TST0010I"),
    Says("TST0011I app b"),
    Says("TST0011I app c"),
    Says("TST0011I app a"),
    Says("TST0013I x"),
    Says("TST0014I x"),
    Says("TST0013I x"),
    Says("TST0013I x"),
    Says("TST0015I x"),
    Says("TST0017I before"),
    Says("TST0016I begin"),
    Says("TST0017I within"),
    Says("TST0016I end"),
    Says("TST0017I behind"),
    Says("TST0018I word hello"),
    Says("TST0019I by itself"),
    Says("TST0020I x"),
    Says("TST0020I x"),
    Says("TST0020I x"),
    Says("TST0021I x"),
    Says("TST0022I case 1"),
    Says("TST0022I case 2"),
    Command(&["approve", "7"]),
    Command(&["deny", "8"]),
    Says("TST0012I vipa 1"),
    Says("TST0012I vipa 2"),
    Says("TST0012I vipa 1"),
    Decided("together"),
    Says("TST0099I the end of the log"),
];

/// What must be decided, in the order of the records and for one record by the names of the rules.
const EXPECTED: &[&str] = &[
    "late fired: no TST0007I",
    "missing fired: no TST0009I",
    "levels fired: odd",
    "counts fired: 3 of TST0001I",
    "levels fired: bad",
    "once fired: A",
    "once fired: B",
    "once held: A",
    "pair fired: X is up again",
    "list fired: both, 3 records",
    "forgets fired: two without a reset",
    "in-force fired: TST0015I x",
    "out-of-force held: TST0015I x",
    "in-the-window held: TST0017I before",
    "sets fired",
    "in-the-window fired: TST0017I within",
    "closes fired",
    "in-the-window held: TST0017I behind",
    "gets fired: TST0018I word hello",
    "hands-over fired",
    "gets fired: TST0019I by itself",
    "twice-at-most fired",
    "twice-at-most fired",
    "twice-at-most held",
    "chain fired: late",
    "asks fired",
    "shadow shadow",
    "asks fired",
    "shadow shadow",
    "together fired: took over 1, 2",
];

/// How the runs come out.
const RUNS: &[&str] = &[
    "1 good of twice-at-most: good",
    "2 good of twice-at-most: good",
    "3 bad of chain: failed",
    "4 good of chain: good",
    "5 good of chain: skipped",
    "6 (report) of chain: good",
    "7 good of asks: good",
    "8 good of asks: skipped",
];

fn world() -> World {
    let world = World::new();
    // The day after tomorrow, so that no midnight makes a difference.
    let day = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).weekday().wrapping_add(2);
    let day = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][usize::try_from(day.to_monday_zero_offset()).unwrap()];
    world.rules(&RULES.replace("DAY", day)).write("logs/a.log", "");
    world.job("good", "[[step]]\nargv = ['/bin/true']").job("bad", "[[step]]\nargv = ['/bin/false']");
    world.write("wtor.toml", "[[source]]\nname = 'log'\nfile = 'logs/a.log'\nformat = 'liberty-json'");
    world
}

/// A message that is written now, and says so.
fn message(text: &str) -> String {
    let (id, _) = text.split_once(' ').unwrap_or((text, ""));
    let time = clock::now().to_string();
    let line = json!({ "type": "liberty_message", "ibm_datetime": format!("{time}+0000"), "ibm_messageId": id, "message": text });
    format!("{line}\n")
}

/// Everything is read, and no run is under way: what is left waits for its time, or for somebody.
fn until_quiet(world: &World, agent: &Agent<'_>) {
    agent.until("all is read, and nothing is under way", || {
        let status = agent.status();
        let read = status["view"]["files"][0]["offset"] == world.read("logs/a.log").len();
        let runs = status["view"]["runs"].as_array().cloned().unwrap_or_default();
        let waits = |run: &Value| run["state"] == "asked" || !run["due"].is_null();
        read && runs.iter().all(waits)
    });
}

fn outcome(decision: &Value) -> String {
    let actions = decision["actions"].as_array().cloned().unwrap_or_default();
    let report = actions.iter().find_map(|action| action["report"].as_str());
    let (rule, verdict) = (decision["rule"].as_str().unwrap(), decision["decision"].as_str().unwrap());
    report.map_or(format!("{rule} {verdict}"), |report| format!("{rule} {verdict}: {report}"))
}

/// Sorted by the place of the record, and of one record by the name of the rule.
fn in_order(mut decisions: Vec<Value>) -> Vec<String> {
    decisions.sort_by_key(|d| (d["source"]["offset"].as_u64(), d["rule"].as_str().map(str::to_owned)));
    decisions.iter().map(outcome).collect()
}

fn come_out(run: &Value) -> String {
    let how = match run["good"].as_bool() {
        Some(true) => "good",
        Some(false) => "failed",
        None if run["state"] == "closed" => "skipped",
        None => "open",
    };
    format!("{} {} of {}: {how}", run["run"], run["job"].as_str().unwrap(), run["rule"].as_str().unwrap())
}

/// The day in the real agent; `dies` says whether it dies after each step.
fn live(dies: bool) {
    let world = world();
    let mut agent = Some(world.watch(1, &[]));
    for step in DAY {
        let alive = agent.as_ref().unwrap();
        match step {
            Says(text) => drop(world.append("logs/a.log", message(text))),
            Decided(rule) => {
                alive.until(rule, || world.history().iter().any(|decision| decision["rule"] == *rule));
            }
            Command(words) => drop(world.wtor(words).code(0)),
        }
        until_quiet(&world, alive);
        if dies {
            agent.take().unwrap().kill();
            agent = Some(world.watch(1, &[]));
        }
    }
    agent.as_ref().unwrap().until("all runs are over", || world.runs().iter().all(|run| run["state"] == "closed"));
    assert_eq!(in_order(world.history()), EXPECTED);
    assert_eq!(world.runs().iter().map(come_out).collect::<Vec<_>>(), RUNS);
    let replayed = world.wtor(&["replay", "--json", "logs/a.log"]).code(0).json();
    assert_eq!(in_order(replayed), EXPECTED, "in the replay");
}

#[test]
fn every_form_decides_live_what_a_replay_of_its_log_says() {
    live(false);
}

#[test]
fn every_form_decides_the_same_when_the_agent_dies_after_each_record() {
    live(true);
}
