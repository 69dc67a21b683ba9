//! Another policy while the agent runs: all or nothing, and what is under way comes to its end.

use crate::run::{NOTE, NOTE_RULE};
use crate::world::{World, line};

fn world() -> World {
    let world = World::new();
    world.rules(NOTE_RULE).job("note", NOTE).write("logs/a.log", "");
    world
}

fn hash(world: &World) -> String {
    world.wtor(&["status", "--json"]).code(0).json()[0]["view"]["policy"].as_str().expect("a hash").to_owned()
}

#[test]
fn a_good_policy_takes_the_place_of_the_old_one() {
    let world = world();
    let agent = world.watch(1, &["logs/*.log"]);
    let old = hash(&world);
    world.append("logs/a.log", line(1, "TST0001I number 1") + &line(2, "TST0002I number 2"));
    agent.until_said("WTR302I", 1);
    world.rules(&NOTE_RULE.replace("TST0001I", "TST0002I"));
    world.wtor(&["reload"]).code(0).says(&["is in force: 1 rule, 1 job"]);
    assert_ne!(hash(&world), old);
    agent.until_said("WTR310I", 1);
    world.append("logs/a.log", line(3, "TST0001I number 3") + &line(4, "TST0002I number 4"));
    agent.until_said("WTR302I", 2);
    agent.until_settled();
    assert_eq!(world.lines("out.txt"), ["1", "4"]);
    // The decisions say by which policy they were made.
    let policies: Vec<_> = world.history().iter().map(|d| d["policy"].clone()).collect();
    assert_eq!(policies, [old, hash(&world)]);
    let answer = &world.wtor(&["reload", "--json"]).code(0).json()[0];
    assert_eq!((&answer["answer"], &answer["rules"]), (&"reloaded".into(), &1.into()));
}

#[test]
fn one_mistake_replaces_nothing() {
    let world = world();
    let agent = world.watch(1, &["logs/*.log"]);
    let old = hash(&world);
    world.write(
        "rules/more.toml",
        "[[rule]]\nname = 'two'\nwhen = { id = 'TST0002I' }\nthen = { run = 'nota' }\n[[rule]]\nnam = 'x'",
    );
    let said = world.wtor(&["reload"]).code(1);
    said.says(&[
        "rules/more.toml:4",
        "unknown job `nota`",
        "`note`",
        "rules/more.toml:6",
        "the running policy stays in force",
    ]);
    assert_eq!(hash(&world), old);
    agent.until_said("WTR311E", 1);
    world.append("logs/a.log", line(1, "TST0002I number 1") + &line(2, "TST0001I number 2"));
    agent.until_said("WTR302I", 1);
    assert_eq!(world.lines("out.txt"), ["2"]);
    let answer = &world.wtor(&["reload", "--json"]).code(1).json()[0];
    assert_eq!(answer["answer"], "refused");
}

#[test]
fn a_hangup_reloads() {
    let world = world();
    let agent = world.watch(1, &["logs/*.log"]);
    world.write("rules/more.toml", "[[rule]");
    agent.signal(rustix::process::Signal::HUP);
    agent.until_said("WTR311E", 1);
    world.write("rules/more.toml", NOTE_RULE.replace("'note'\nwhen", "'two'\nwhen").replace("TST0001I", "TST0002I"));
    agent.signal(rustix::process::Signal::HUP);
    agent.until_said("WTR310I", 1);
    world.append("logs/a.log", line(1, "TST0002I number 1"));
    agent.until_said("WTR302I", 1);
}

#[test]
fn runs_under_way_survive_a_reload_and_the_loss_of_their_rule_and_job() {
    let world = world();
    world.job(
        "note",
        "retry = { attempts = 2, delay = '10ms' }\nparams = { n = { required = true } }\n[[step]]
parm = 'SH echo start ${n} >> out.txt; while [ -d logs ] && [ ! -e go ]; do sleep 0.02; done; echo end ${n} >> out.txt; exit ${n}'",
    );
    let agent = world.watch(1, &["logs/*.log"]);
    world.append("logs/a.log", line(1, "TST0001I number 0") + &line(2, "TST0001I number 3"));
    agent.until_lines("out.txt", 2);
    world.rules("[[rule]]\nname = 'other'\nwhen = { id = 'TST0009I' }\nthen = { report = 'x' }");
    std::fs::remove_file(world.path("jobs/note.toml")).expect("removed");
    world.wtor(&["reload"]).code(0);
    world.write("go", "");
    agent.until_said("WTR302I", 1);
    // The other one would be tried again, but its job is gone.
    agent.until_said("WTR304E", 1);
    assert_eq!(world.lines("out.txt").len(), 4);
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn a_run_that_waits_for_messages_survives_the_loss_of_its_rule() {
    let world = world();
    world.job("note", "retry = { attempts = 2, delay = '10ms' }\n[[step]]\nparm = 'SH echo $WTOR_ATTEMPT >> out.txt'");
    world.rules(
        "[[rule]]\nname = 'note'\nwhen = { id = 'TST0001I' }
then = { run = 'note', expect = { all = ['TST0010I', 'TST0011I'], within = '1s' } }",
    );
    let agent = world.watch(1, &["logs/*.log"]);
    world.append("logs/a.log", line(1, "TST0001I go"));
    agent.until("it verifies", || agent.status()["view"]["runs"][0]["state"] == "verifying");
    world.rules("[[rule]]\nname = 'other'\nwhen = { id = 'TST0009I' }\nthen = { report = 'x' }");
    world.wtor(&["reload"]).code(0);
    agent.until("the run is over", || agent.saw("WTR302I") + agent.saw("WTR304E") == 1);
    // And the agent is none the worse.
    world.append("logs/a.log", line(2, "TST0009I"));
    agent.until_said("WTR300I", 1);
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn without_an_agent_there_is_nothing_to_reload() {
    let world = world();
    world.wtor(&["reload"]).code(3).says(&["no agent answers at", "state/wtor.sock"]);
    world.wtor(&["status"]).code(3).says(&["no agent answers at"]);
}

#[test]
fn a_run_that_waits_for_messages_waits_for_those_of_the_policy_in_force() {
    let world = world();
    let rule = |all: &str| {
        format!(
            "[[rule]]\nname = 'note'\nwhen = {{ id = 'TST0001I' }}
then = {{ run = 'note', expect = {{ all = {all}, within = '15s' }} }}"
        )
    };
    world.job("note", "[[step]]\nparm = 'SH echo $WTOR_ATTEMPT >> out.txt'").rules(&rule("['TST0010I', 'TST0011I']"));
    let agent = world.watch(1, &["logs/*.log"]);
    world.append("logs/a.log", line(1, "TST0001I go") + &line(2, "TST0010I"));
    agent.until("it verifies", || agent.status()["view"]["runs"][0]["state"] == "verifying");
    world.rules(&rule("['TST0010I']"));
    world.wtor(&["reload"]).code(0);
    agent.until_said("WTR302I", 1);
    assert_eq!(world.lines("out.txt"), ["1"]);
}
