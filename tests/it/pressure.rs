//! Jobs that are slower than what asks for them: reading goes on, and what is owed stands in the journal.

use crate::world::{World, line};
use std::fmt::Write as _;

#[test]
fn slow_jobs_never_stop_reading_and_what_they_owe_is_journaled() {
    let world = World::new();
    world.write("wtor.toml", "[limits]\nruns_at_once = 2");
    world.job("slow", "[[step]]\nparm = 'SH while [ -d logs ] && [ ! -e go ]; do sleep 0.01; done'");
    world.rules(
        "[[rule]]\nname = 'slow'\nwhen = { id = 'TST0001I' }\nthen = { run = 'slow' }
[[rule]]\nname = 'last'\nwhen = { id = 'TST0002I' }\nthen = { report = 'read to the end' }",
    );
    let many = 3_000;
    let mut log = String::new();
    for n in 0..many {
        let _ = write!(log, "{}{}", line(n, &format!("TST0001I number {n}")), line(n, "XYZ0001I nobody asks for this"));
    }
    log += &line(many, "TST0002I");
    world.write("logs/a.log", "");
    let agent = world.watch(1, &["logs/*.log"]);
    world.append("logs/a.log", &log);
    agent.until_said("WTR300I", 1);
    agent.until("the file is read to its end", || agent.status()["view"]["files"][0]["offset"] == log.len());
    assert_eq!(agent.saw("WTR301I"), 2, "and two runs at most are under way");
    agent.kill();
    // What was not done is known, also to the next agent.
    assert_eq!(world.history().len() as u32, many + 1);
    let runs = world.runs();
    assert_eq!(runs.len() as u32, many);
    assert!(runs.iter().all(|run| run["state"] != "closed"));
    world.write("go", "");
}
