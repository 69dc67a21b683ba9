//! What people say to the running agent: who, when and why is kept, over restarts.

use crate::run::{NOTE, NOTE_RULE};
use crate::world::{World, line};

fn world() -> World {
    let world = World::new();
    world.rules(NOTE_RULE).job("note", NOTE).write("logs/a.log", "");
    world
}

/// The user that runs the tests, as the agent knows them.
pub fn user() -> String {
    let uid = rustix::process::getuid().as_raw();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = |line: &&str| line.split(':').nth(2) == Some(&uid.to_string());
    users.lines().find(named).map_or(format!("user {uid}"), |line| line.split(':').next().unwrap().to_owned())
}

#[test]
fn a_disabled_rule_stays_disabled_over_a_restart_until_it_is_enabled() {
    let world = world();
    let agent = world.watch(1, &["logs/*.log"]);
    world.wtor(&["disable", "note", "--why", "a new release"]).code(0);
    world.wtor(&["disable", "nto", "--why", "x"]).code(1).says(&["nothing called nto"]);
    world.append("logs/a.log", line(1, "TST0001I number 1"));
    agent.until("it is decided", || world.history().len() == 1);
    agent.kill();
    let agent = world.watch(1, &["logs/*.log"]);
    world.append("logs/a.log", line(2, "TST0001I number 2"));
    agent.until("it is decided", || world.history().len() == 2);
    for decision in world.history() {
        assert_eq!(decision["verdict"], "disabled");
        assert_eq!(decision["reason"], format!("disabled by {}: a new release", user()));
    }
    world.wtor(&["status"]).code(0).says(&["disabled: note", "a new release"]);
    world.wtor(&["enable", "note", "--why", "done"]).code(0);
    world.wtor(&["enable", "note", "--why", "done"]).code(1).says(&["note is not disabled"]);
    world.append("logs/a.log", line(3, "TST0001I number 3"));
    agent.until_said("WTR302I", 1);
    assert_eq!(world.lines("out.txt"), ["3"]);
}

#[test]
fn who_disables_or_enables_hears_what_is_in_force() {
    let world = World::new();
    world.rules(&format!("group = 'night'\n{NOTE_RULE}")).job("note", NOTE).write("logs/a.log", "");
    let agent = world.watch(1, &["logs/*.log"]);
    for no_sense in [["--why", "x", "--for", "0s"], ["--why", "x", "--until", "2001-01-01T00:00"]] {
        let said = world.wtor(&[&["disable", "note"], &no_sense[..]].concat());
        said.code(1).says(&["this would be over at once"]);
    }
    world.wtor(&["disable", "note", "--why", " "]).code(1).says(&["say why"]);
    world.wtor(&["enable", "note", "--why", ""]).code(1).says(&["say why"]);
    assert!(agent.status()["view"]["disabled"].as_array().is_some_and(Vec::is_empty));
    let until = ["disable", "note", "--why", "x", "--until", "2126-11-23T05:06Z"];
    world.wtor(&until).code(0).says(&["note is disabled until 2126-11-23T05:06:00.000Z (in ", " days "]);
    let night = ["disable", "group:night", "--why", "x", "--for", "90m"];
    world.wtor(&night).code(0).says(&[
        "group:night is disabled until ",
        "(in 1 h ",
        "its rule note stays disabled until 2126",
    ]);
    world.append("logs/a.log", line(1, "TST0001I number 1"));
    agent.until("it is decided", || world.history().len() == 1);
    let said = world.wtor(&["history"]).code(0);
    assert!(!said.out.contains("would run"), "{said}");
    world
        .wtor(&["enable", "note", "--why", "x"])
        .code(0)
        .says(&["note is enabled; its group night stays disabled until"]);
    world.wtor(&["enable", "note", "--why", "x"]).code(1).says(&["not disabled by command; its group night stays"]);
    world.wtor(&["enable", "group:night", "--why", "x"]).code(0).says(&["group:night is enabled\n"]);
    world.wtor(&["status"]).code(0).says(&["0 fired, 0 held, 1 did nothing for another reason"]);
}

#[test]
fn a_run_that_waits_for_another_says_so_and_a_drained_agent_says_that_it_ends() {
    let world = world();
    world.job("hold", "[[step]]\nparm = 'SH while [ -d logs ] && [ ! -e go ]; do sleep 0.02; done'");
    world.rules(&NOTE_RULE.replace("then = ", "then = [{ run = 'hold' }, ").replace("} }", "}, if = 'good' }]"));
    let agent = world.watch(1, &["logs/*.log"]);
    world.append("logs/a.log", line(1, "TST0001I number 1"));
    agent.until_said("WTR301I", 1);
    world.wtor(&["runs"]).code(0).says(&["hold  note  running", "note  note  waits for run 1"]);
    world.wtor(&["runs", "2"]).code(0).says(&["note  note  waits for run 1"]);
    assert!(!world.wtor(&["status"]).code(0).out.contains("stopping"));
    world.wtor(&["drain"]).code(0);
    world.wtor(&["status"]).code(0).says(&["stopping: nothing more is read or started"]);
    world.write("go", "");
    assert_eq!(agent.ended(), Some(0));
}

#[test]
fn what_is_asked_waits_over_a_restart_and_is_approved_or_denied() {
    let world = world();
    world.rules(&NOTE_RULE.replace("\nwhen", "\nmode = 'ask'\nwhen"));
    let agent = world.watch(1, &["logs/*.log"]);
    world.append("logs/a.log", line(1, "TST0001I number 1") + &line(2, "TST0001I number 2"));
    agent.until_said("WTR330W", 2);
    agent.kill();
    let agent = world.watch(1, &["logs/*.log"]);
    world.wtor(&["status"]).code(0).says(&["run 1  note  asked until", "n=1"]);
    world.wtor(&["approve", "1", "--why", "go"]).code(0);
    world.wtor(&["deny", "2"]).code(0);
    world.wtor(&["approve", "2"]).code(1).says(&["run 2 does not wait for approval"]);
    agent.until_said("WTR302I", 1);
    agent.until_settled();
    assert_eq!(world.lines("out.txt"), ["1"]);
    // The answer to a denial does not wait for the journal.
    agent.until("the denial is in the journal", || world.runs()[1]["state"] == "closed");
    world.wtor(&["runs"]).code(0).says(&["good", &format!("skipped: denied by {}", user())]);
}

#[test]
fn a_test_message_goes_the_whole_way_and_is_marked() {
    let world = world();
    let agent = world.watch(1, &["logs/*.log"]);
    let said = world.wtor(&["inject", line(1, "TST0001I number 7").trim_end()]).code(0);
    said.says(&["1 record", "note fired"]);
    agent.until_said("WTR302I", 1);
    assert_eq!(world.lines("out.txt"), ["7"]);
    world.wtor(&["history"]).code(0).says(&[&format!("(injected by {})", user())]);
    world.wtor(&["inject", "TST9999I nobody asks"]).code(0).says(&["1 record"]);
    world.wtor(&["inject", "x", "--source", "y"]).code(1).says(&["there is no source `y`"]);
    agent.kill();
    // It is not read again, and does not get in the way of what is.
    let agent = world.watch(1, &["logs/*.log"]);
    world.append("logs/a.log", line(1, "TST0001I number 8"));
    agent.until_said("WTR302I", 1);
    assert_eq!(world.lines("out.txt"), ["7", "8"]);
}

#[test]
fn named_situations_are_listed_and_closed() {
    let world = world();
    world.rules(&format!(
        "{NOTE_RULE}if_not_set = 'window'\n[[rule]]\nname = 'begins'\nwhen = {{ id = 'TST0002I' }}\nthen = {{ set = 'window', for = '1h' }}\n"
    ));
    let agent = world.watch(1, &["logs/*.log"]);
    world.append("logs/a.log", line(1, "TST0002I x") + &line(2, "TST0001I number 1"));
    agent.until("both are decided", || world.history().len() == 2);
    agent.kill();
    let agent = world.watch(1, &["logs/*.log"]);
    world.wtor(&["situations"]).code(0).says(&["set: window", "by rule begins"]);
    world.append("logs/a.log", line(3, "TST0001I number 2"));
    agent.until("it is decided", || world.history().len() == 3);
    world.wtor(&["close", "window"]).code(0);
    world.wtor(&["close", "window"]).code(1).says(&["no situation of window"]);
    world.append("logs/a.log", line(4, "TST0001I number 3"));
    agent.until_said("WTR302I", 1);
    assert_eq!(world.lines("out.txt"), ["3"]);
}

#[test]
fn a_reload_says_what_it_changes() {
    let world = world();
    let agent = world.watch(1, &["logs/*.log"]);
    world.wtor(&["reload"]).code(0).says(&["nothing has changed"]);
    world.write("rules/more.toml", NOTE_RULE.replace("'note'\nwhen", "'two'\nwhen"));
    world.rules(&NOTE_RULE.replace("TST0001I", "TST0003I")).job("note", &NOTE.replace("out.txt", "other.txt"));
    let said = world.wtor(&["reload"]).code(0);
    said.says(&["rules: added two; changed note; jobs: changed note"]);
    agent.until("the notice says so, too", || {
        agent.texts("WTR310I").last().is_some_and(|text| text.contains("Rules: added two; changed note"))
    });
}

#[test]
fn an_agent_is_drained_and_stopped_by_command() {
    for command in ["drain", "stop"] {
        let world = world();
        let agent = world.watch(1, &["logs/*.log"]);
        world.wtor(&[command]).code(0);
        assert_eq!(agent.ended(), Some(0));
    }
}
