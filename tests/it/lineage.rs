//! What the journal answers: rules in numbers, shadows beside what was done, and the lineage of a decision.

use crate::world::{World, line};
use serde_json::json;

const RULES: &str = "
[[rule]]
name = 'call'
when = { id = 'TST0001I', text = 'number (?<n>\\d+)' }
then = { run = 'call', with = { who = '${n}' } }
[[rule]]
name = 'same'
mode = 'shadow'
when = { id = 'TST0001I', text = 'number (?<n>\\d+)' }
then = { run = 'call', with = { who = '${n}' } }
[[rule]]
name = 'other'
mode = 'shadow'
when = { id = ['TST0001I', 'TST0002I'] }
then = { report = 'it is ${message_id}' }
[[rule]]
name = 'twice'
when = { id = 'TST0003I', text = 'job (?<job>\\S+)' }
by = 'job'
once_per = '1h'
count = { at_least = 2, within = '10m' }
then = { report = '${job} again' }
[[rule]]
name = 'idle'
when = { id = 'TST0004I' }
";

/// A world whose agent has read one log.
fn lived() -> World {
    let world = World::new();
    world.rules(RULES).job(
        "call",
        "params = { who = { required = true } }\n[[step]]\nparm = 'SH echo calling ${who}; [ ${who} -lt 5 ]'",
    );
    let mut log = line(1, "TST0001I number 3") + &line(2, "TST0002I") + &line(3, "TST0001I number 7");
    for n in 4..8 {
        log += &line(n, "TST0003I job A");
        log += &line(n, "TST0003I job B");
    }
    log += &line(9, "TST0005I");
    world.write("logs/a.log", log);
    world.wtor(&["run", "--from", "start", "--until-idle", "logs/a.log"]).code(0);
    world
}

#[test]
fn stats_show_each_rule_in_numbers() {
    let world = lived();
    let object = &world.wtor(&["stats", "--json"]).code(0).json()[0];
    let rule = |name: &str| object["rules"][name].clone();
    assert_eq!((rule("call")["hits"].clone(), rule("call")["good"].clone()), (json!(2), json!(1)));
    assert_eq!((rule("call")["failed"].clone(), rule("call")["verdicts"].clone()), (json!(1), json!({ "fired": 2 })));
    assert_eq!(rule("other")["verdicts"], json!({ "shadow": 3 }));
    assert_eq!(rule("twice")["verdicts"], json!({ "fired": 2, "held": 2 }));
    assert_eq!(object["never_decided"], json!(["idle"]));
    let said = world.wtor(&["stats"]).code(0).says(&["never decided: idle", "last hit"]);
    let row = said.out.lines().find(|line| line.starts_with("twice")).expect("a row");
    assert_eq!(row.split_whitespace().take(5).collect::<Vec<_>>(), ["twice", "4", "2", "2", "0"]);
    assert!(!said.out.contains("without a rule"), "{said}");
    // What should be automated next.
    world.wtor(&["stats", "logs/*.log"]).code(0).says(&["12 records; 1 ids without a rule:", "        1  TST0005I"]);
    world.wtor(&["stats", "--since", "1h"]).code(0).says(&["call  "]);
    world.wtor(&["stats", "--since", "soon"]).code(3).says(&["--since soon"]);
    // Logs can be looked at where there is no journal; where one is asked for it must be there.
    world.wtor(&["stats", "--state", "none", "logs/a.log"]).code(3).says(&["WTR205E"]);
    std::fs::remove_dir_all(world.path("state")).expect("removed");
    world.wtor(&["stats", "logs/a.log"]).code(0).says(&["never decided: call, same, other, twice, idle", "TST0005I"]);
    world.wtor(&["stats"]).code(3).says(&["WTR205E"]);
}

#[test]
fn shadow_compares_what_would_have_been_done_with_what_was() {
    let world = lived();
    let said = world.wtor(&["shadow"]).code(0);
    let said = said.says(&[
        "rule same: 2 would have acted: 2 as an acting rule did",
        "rule other: 3 would have acted: 2 otherwise than acting rules did, 1 where nothing was done",
        "logs/a.log:2  reported: it is TST0002I; nothing was done",
        "logs/a.log:1  reported: it is TST0001I; call did: run 1 of call",
    ]);
    assert_eq!(said.out.lines().count(), 5, "{said}");
    let objects = world.wtor(&["shadow", "same", "--json"]).code(0).json();
    assert_eq!(objects.len(), 2);
    assert_eq!((&objects[0]["how"], &objects[0]["acted"][0]["rule"]), (&json!("same"), &json!("call")));
    world.wtor(&["shadow", "twice"]).code(0).says(&["no rule in shadow mode has decided anything"]);
}

#[test]
fn explain_tells_the_whole_lineage_of_a_decision() {
    let world = lived();
    let history = world.history();
    let number = |rule: &str, n: usize| {
        let of_rule: Vec<_> = history.iter().filter(|d| d["rule"] == rule).collect();
        of_rule[n]["seq"].as_u64().expect("a number")
    };
    let explain = |number: u64| world.wtor(&["explain", &format!("decision:{number}")]).code(0);
    let (call, same) = (number("call", 1), number("same", 1));
    explain(call).says(&[
        &format!("decision {call}  "),
        "rule call  fired",
        "because every condition holds",
        "record  logs/a.log:3, byte 143, source ",
        "        TST0001I number 7",
        "        n = 7",
        &format!("beside  decision {same}: rule same shadow, "),
        "action  run 2 of call",
        "        who = 7",
        "attempt 1 starts",
        "attempt 1 has ended, failed",
        "STEP1  CC 0256  exit status 1",
        "stdout  calling 7",
        "failed: step STEP1 ended with condition code 0256",
    ]);
    // What was counted, of this job, since the decision before; not what has been used up.
    let said = explain(number("twice", 0)).says(&["match 2 in 0 s for job=A", "counted, logs/a.log:4: TST0003I job A"]);
    assert_eq!(said.out.matches("noted").count(), 1, "{said}");
    let held = explain(number("twice", 2)).says(&["held", "counted, logs/a.log:8: TST0003I job A"]);
    assert_eq!(held.out.matches("noted").count(), 1, "{held}");
    let args = ["explain", "--json", &format!("decision:{call}")];
    let object = &world.wtor(&args).code(0).json()[0];
    assert_eq!((&object["seq"], &object["rule"]), (&json!(call), &json!("call")));
    assert_eq!(object["entries"].as_array().expect("entries").len(), 3, "starting, ended, closed");
    world.wtor(&["explain", "decision:9999"]).code(3).says(&["no decision 9999"]);
    world.wtor(&["explain", "decision:x"]).code(2).says(&["decision:N"]);
    world.wtor(&["history"]).code(0).says(&[&format!("{call:>5}  ")]);
}
