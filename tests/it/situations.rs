//! Rules that ask for more than one record, and rules that ask for none, in the real agent: what they know
//! outlives `kill -9`, a reload, and is what `wtor status` says.

use crate::world::{Agent, World, line};
use wtor::time::Timestamp;

const RULES: &str = "
[[rule]]
name = 'pair'
when = { id = 'TST0001I', text = 'down (?<link>\\S+)' }
by = 'link'
followed_by = { id = 'TST0002I', text = 'up (?<link>\\S+)', within = '1h' }
then = { report = '${link} is up again, record ${situation.count}' }

[[rule]]
name = 'levels'
when = { id = 'TST0003I' }
count = [{ level = 'bad', at_least = 4, within = '1h' }, { level = 'odd', at_least = 2, within = '1h' }]
then = { report = '${situation.level}' }

[[rule]]
name = 'together'
when = { id = 'TST0004I', text = 'vipa (?<vipa>\\S+)' }
collect = { for = '1m', quiet = '1s' }
then = { report = 'took over ${each.vipa}' }

[[rule]]
name = 'every-ten-seconds'
schedule = { every = '10s' }
then = { report = 'due ${time}' }
";

fn situations(agent: &Agent<'_>) -> Vec<String> {
    let known = agent.status()["view"]["situations"].as_array().cloned().expect("situations");
    known.iter().map(|known| known["rule"].as_str().unwrap_or("?").to_owned()).collect()
}

/// The rules and what they reported, without the schedule.
fn reported(world: &World) -> Vec<String> {
    let mut decisions = world.history();
    decisions.retain(|decision| decision["rule"] != "every-ten-seconds");
    let said = decisions.iter().map(|decision| {
        let action = &decision["actions"][0];
        action["text"].as_str().or(action["report"].as_str()).unwrap_or("?").to_owned()
    });
    said.collect()
}

#[test]
fn what_rules_know_outlives_kills_and_reloads() {
    let world = World::new();
    world.rules(RULES).write("logs/a.log", "");
    world.write("wtor.toml", "[[source]]\nname = 'log'\nfile = 'logs/*.log'");
    let agent = world.watch(1, &[]);
    let text: String = (1..=3).map(|n| line(n, "TST0003I x")).collect();
    world.append("logs/a.log", line(0, "TST0001I down X") + &text);
    agent.until("it knows of two", || situations(&agent).len() == 2);
    agent.until_said("WTR300I", 1);
    agent.kill();
    world.append("logs/a.log", line(4, "TST0003I x"));
    let agent = world.watch(1, &[]);
    agent.until_said("WTR300I", 1);
    world.rules(&format!("{RULES}\n# nothing has changed\n"));
    world.wtor(&["reload"]).code(0);
    world.append("logs/a.log", line(5, "TST0004I vipa 1") + &line(6, "TST0004I vipa 2"));
    agent.until("they are collected", || situations(&agent).contains(&"together".to_owned()));
    agent.kill();
    let agent = world.watch(1, &[]);
    agent.until_said("WTR300I", 1);
    agent.until("the collection is over", || !situations(&agent).contains(&"together".to_owned()));
    world.append("logs/a.log", line(7, "TST0002I up X"));
    agent.until("the pair is complete", || !situations(&agent).contains(&"pair".to_owned()));
    agent.until("all are decided", || reported(&world).len() == 4);
    assert_eq!(reported(&world), ["odd", "bad", "took over 1, 2", "X is up again, record 2"]);
}

#[test]
fn a_schedule_is_decided_once_for_each_of_its_times() {
    let world = World::new();
    world.rules(RULES).write("logs/a.log", "");
    world.write("wtor.toml", "[[source]]\nname = 'log'\nfile = 'logs/*.log'");
    let agent = world.watch(1, &[]);
    let next = agent.status()["view"]["schedules"][0]["at"].as_i64().expect("a time");
    assert_eq!(next % 10_000_000, 0, "on the ten seconds: {}", Timestamp(next));
    agent.until_said("WTR300I", 1);
    agent.kill();
    let agent = world.watch(1, &[]);
    assert!(agent.status()["view"]["schedules"][0]["at"].as_i64() > Some(next));
    world.wtor(&["status"]).code(0).says(&["rule every-ten-seconds is due at "]);
    let soon = Timestamp(next + 5_000_000).to_string();
    let first = world.history().into_iter().filter(|decision| decision["at"].as_str() < Some(&soon));
    let first: Vec<_> = first.collect();
    assert_eq!(first.len(), 1, "{first:?}");
}
