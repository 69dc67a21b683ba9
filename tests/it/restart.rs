//! Death and return: `kill -9` before, while and after a job runs. Nothing is decided twice, nothing is
//! lost, and what nobody can know is said to be in doubt.

use crate::run::{NOTE, NOTE_RULE};
use crate::world::{Agent, World, line};

/// A job that says that it begins, waits for a file, and says that it ends.
const GATED: &str = "
params = { n = { required = true } }
[[step]]
parm = 'SH echo start ${n} >> out.txt; while [ -d logs ] && [ ! -e go ]; do sleep 0.02; done; echo end ${n} >> out.txt'
";

fn world(job: &str) -> World {
    let world = World::new();
    world.rules(NOTE_RULE).job("note", job).write("logs/a.log", "");
    world.write("wtor.toml", "limits = { runs_at_once = 1 }\n[[source]]\nname = 'log'\nfile = 'logs/*.log'");
    world
}

#[track_caller]
fn states(agent: &Agent<'_>) -> Vec<String> {
    let runs = agent.status()["view"]["runs"].as_array().cloned().expect("runs");
    runs.iter().map(|run| format!("{} {}", run["run"], run["state"].as_str().unwrap_or("?"))).collect()
}

#[test]
fn what_was_done_is_not_done_again() {
    let world = world(NOTE);
    let agent = world.watch(1, &[]);
    world.append("logs/a.log", line(1, "TST0001I number 1") + &line(2, "TST0001I number 2"));
    agent.until_said("WTR302I", 2);
    agent.kill();
    // Written while nobody reads.
    world.append("logs/a.log", line(3, "TST0001I number 3"));
    let agent = world.watch(1, &[]);
    agent.until_said("WTR302I", 1);
    agent.until_settled();
    assert_eq!(world.lines("out.txt"), ["1", "2", "3"]);
    // Even told to read everything again, it decides nothing again.
    agent.kill();
    let agent = world.watch(1, &["--from", "start"]);
    world.append("logs/a.log", line(4, "TST0001I number 4"));
    agent.until_said("WTR302I", 1);
    agent.until_settled();
    assert_eq!(world.lines("out.txt"), ["1", "2", "3", "4"]);
    assert_eq!(world.history().len(), 4);
}

#[test]
fn a_run_that_was_owed_is_started_after_the_restart_and_one_that_ran_is_in_doubt() {
    let world = world(GATED);
    let agent = world.watch(1, &[]);
    world.append("logs/a.log", line(1, "TST0001I number 1") + &line(2, "TST0001I number 2"));
    agent.until_lines("out.txt", 1);
    agent.until("the second is owed", || states(&agent) == ["1 running", "2 owed"]);
    agent.kill();
    assert_eq!(world.runs()[0]["state"], "starting");
    world.write("go", "");
    let agent = world.watch(1, &[]);
    agent.until_said("WTR302I", 1);
    agent.until_settled();
    assert_eq!(states(&agent), ["1 in_doubt".replace('_', " ")]);
    assert!(agent.texts("WTR305W")[0].contains("held until somebody looks"), "{:?}", agent.texts("WTR305W"));
    // The first one's process outlived its agent and came to its end; it was not started again.
    agent.until_lines("out.txt", 4);
    let mut out = world.lines("out.txt");
    out.sort();
    assert_eq!(out, ["end 1", "end 2", "start 1", "start 2"]);
    world.wtor(&["runs"]).code(0).says(&["in doubt", "good"]);
    world.wtor(&["runs", "1"]).code(0).says(&["in doubt", "has not ended"]);
    // It stays in doubt over any number of restarts, and does not keep an agent from ending.
    agent.kill();
    let agent = world.start(&["--until-idle"]);
    agent.until_said("WTR316W", 1);
    assert_eq!(agent.texts("WTR316W"), ["1 run is still in doubt and held: `wtor runs --in-doubt` lists it."]);
    assert_eq!((agent.saw("WTR305W"), agent.ended()), (0, Some(0)));
    assert_eq!(world.runs()[0]["state"], "in_doubt");
    assert_eq!(world.wtor(&["runs", "--in-doubt", "--json"]).code(0).json(), world.runs()[..1]);
    assert_eq!(world.lines("out.txt").len(), 4);
}

#[test]
fn a_person_releases_runs_from_doubt() {
    let world = world(GATED);
    world.write("wtor.toml", "[[source]]\nname = 'log'\nfile = 'logs/*.log'");
    let agent = world.watch(1, &[]);
    let lines: String = (1..=3).map(|n| line(n, &format!("TST0001I number {n}"))).collect();
    world.append("logs/a.log", lines);
    agent.until_lines("out.txt", 3);
    agent.kill();
    world.write("go", "");
    let agent = world.watch(1, &[]);
    agent.until("all are in doubt", || states(&agent) == ["1 in doubt", "2 in doubt", "3 in doubt"]);
    world.wtor(&["release", "1", "--good", "--why", "it printed its end"]).code(0);
    world.wtor(&["release", "2", "--failed"]).code(0);
    world.wtor(&["release", "3", "--rerun", "--why", "it does no harm"]).code(0);
    agent.until_said("WTR302I", 2);
    agent.until_settled();
    assert_eq!(agent.saw("WTR304E"), 1);
    assert_eq!(agent.saw("WTR306I"), 1);
    let good = || world.runs().iter().map(|run| run["good"].as_bool()).collect::<Vec<_>>();
    agent.until("all are closed in the journal", || good() == [Some(true), Some(false), Some(true)]);
    // Who and why stand in the journal, and wherever it is shown.
    let user = crate::control::user();
    world.wtor(&["runs", "1"]).code(0).says(&[&format!("released as good by {user}: it printed its end")]);
    world.wtor(&["runs"]).code(0).says(&[&format!("failed: it was in doubt, and released as failed by {user}")]);
    let rerun = format!("released to be run again by {user}: it does no harm");
    world.wtor(&["runs", "3"]).code(0).says(&[&format!("in doubt, {rerun}"), "attempt 2"]);
    let decision = world.wtor(&["runs", "3", "--json"]).code(0).json()[0]["decision"]["seq"].clone();
    world.wtor(&["explain", &format!("decision:{decision}")]).code(0).says(&[&rerun]);
    assert!(agent.texts("WTR306I")[0].contains(&rerun));
    // Each is asked about once; and nothing else can be released.
    world.wtor(&["release", "1", "--good"]).code(1).says(&["run 1 is not in doubt"]);
    world.wtor(&["release", "9", "--rerun"]).code(1).says(&["run 9 is not in doubt"]);
    world.wtor(&["release", "1"]).code(3).says(&["--rerun, --good or --failed"]);
}

#[test]
fn a_run_in_doubt_is_started_again_where_its_job_says_so() {
    let job = format!("on_doubt = 'rerun'\n{GATED}").replace("start ${n}", "start ${n} $WTOR_ATTEMPT");
    let world = world(&job);
    let agent = world.watch(1, &[]);
    world.append("logs/a.log", line(1, "TST0001I number 1"));
    agent.until_lines("out.txt", 1);
    agent.kill();
    world.write("go", "");
    let agent = world.watch(1, &[]);
    agent.until_said("WTR302I", 1);
    agent.until_lines("out.txt", 4);
    let mut out = world.lines("out.txt");
    out.sort();
    assert_eq!(out, ["end 1", "end 1", "start 1 1", "start 1 2"]);
    let run = &world.wtor(&["runs", "1", "--json"]).code(0).json()[0];
    let attempts = run["attempts_made"].as_array().expect("attempts");
    assert_eq!((&attempts[0]["in_doubt"], &attempts[1]["in_doubt"]), (&true.into(), &false.into()));
    assert_eq!(run["good"], true);
}

#[test]
fn a_verification_goes_on_after_the_restart() {
    let world = world("[[step]]\nparm = 'SH echo done >> out.txt'\n[params]\nn = ''");
    world.rules(
        "[[rule]]\nname = 'note'\nwhen = { id = 'TST0001I' }
then = { run = 'note', expect = { all = ['TST0010I', 'TST0011I'], within = '20s' } }",
    );
    let agent = world.watch(1, &[]);
    world.append("logs/a.log", line(1, "TST0001I go") + &line(2, "TST0010I first"));
    let verifying = |agent: &Agent<'_>| states(agent) == ["1 verifying"];
    agent.until("the run is verifying", || verifying(&agent));
    agent.kill();
    let agent = world.watch(1, &[]);
    assert!(verifying(&agent), "{:?}", states(&agent));
    agent.kill();
    // The second message comes while nobody reads.
    world.append("logs/a.log", line(3, "TST0011I second"));
    let agent = world.watch(1, &[]);
    agent.until_said("WTR302I", 1);
    assert_eq!(world.lines("out.txt"), ["done"]);
}

#[test]
fn a_retry_that_was_due_comes_after_the_restart() {
    let job = "retry = { attempts = 2, delay = '500ms' }
params = { n = { required = true } }
[[step]]
parm = 'SH echo $WTOR_ATTEMPT >> out.txt; test $WTOR_ATTEMPT = 2'";
    let world = world(job);
    let agent = world.watch(1, &[]);
    world.append("logs/a.log", line(1, "TST0001I number 1"));
    agent.until_said("WTR303W", 1);
    agent.until("it is journaled", || world.runs()[0]["state"] == "failed");
    agent.kill();
    let agent = world.watch(1, &[]);
    agent.until_said("WTR302I", 1);
    assert_eq!(world.lines("out.txt"), ["1", "2"]);
}

#[test]
fn a_multi_line_message_that_was_half_read_is_read_whole_after_the_restart() {
    let world = world(NOTE);
    world.rules(
        "[[rule]]\nname = 'note'\nwhen = { id = 'IEE114I', any_line = 'JOBS=(?<n>\\d+)' }
then = { run = 'note', with = { n = '${n}' } }",
    );
    let head = "M 4000000 SYS1     2026325 10:00:00.00 STC01234 00000090  IEE114I 10.00.00 ACTIVITY 042\n";
    let data = "D                                         042 00000090  JOBS=17\n";
    let end = "E                                         042 00000090  END\n";
    let agent = world.watch(1, &[]);
    world.append("logs/a.log", head.to_owned() + &line(36001, "TST0009I other"));
    agent.until("both lines are read", || agent.status()["view"]["counts"]["fired"] == 0 && world.exists("state"));
    agent.kill();
    world.append("logs/a.log", data);
    let agent = world.watch(1, &[]);
    world.append("logs/a.log", end);
    agent.until_said("WTR302I", 1);
    assert_eq!(world.lines("out.txt"), ["17"]);
}

#[test]
fn a_second_agent_on_one_journal_is_refused() {
    let world = world(NOTE);
    let agent = world.watch(1, &[]);
    let pid = agent.pid().to_string();
    world.wtor(&["run"]).code(3).says(&["WTR201E", "another agent", &pid, "help: stop process"]);
    // The first one is none the worse, and a death leaves no lock behind.
    world.append("logs/a.log", line(1, "TST0001I number 1"));
    agent.until_said("WTR302I", 1);
    agent.kill();
    let agent = world.watch(1, &[]);
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn a_damaged_journal_is_refused_and_left_as_it_is() {
    let world = world(NOTE);
    let agent = world.watch(1, &[]);
    world.append("logs/a.log", line(1, "TST0001I number 1"));
    agent.until_said("WTR302I", 1);
    // A good one is good while the agent writes it, and after.
    world.wtor(&["journal", "check"]).code(0).says(&["schema 4", "1 decision, 1 run (0 open", "as it was written"]);
    let exported = world.wtor(&["journal", "export"]).code(0).json();
    let kinds: Vec<_> = exported.iter().map(|object| object["entry"].as_str().expect("a kind").to_owned()).collect();
    assert_eq!(kinds[..5], ["journal", "decided", "starting", "ended", "closed"]);
    assert!(kinds.len() > 5 && kinds[5..].iter().all(|kind| kind == "position"), "{kinds:?}");
    assert_eq!((&exported[1]["rule"], &exported[3]["run"]), (&"note".into(), &1.into()));
    assert_eq!(agent.stop(), Some(0));
    let good = world.wtor(&["journal", "check", "--json"]).code(0).json();
    assert_eq!((&good[0]["good"], &good[0]["found"]), (&true.into(), &serde_json::json!([])));
    let whole = std::fs::read(world.path("state/journal.db")).expect("the journal");
    let place = whole.windows(9).position(|bytes| bytes == b"\"decided\"").expect("the decision");
    let mut damaged = whole.clone();
    damaged[place + 1] = b'D';
    world.write("state/journal.db", &damaged);
    let said = world.wtor(&["journal", "check"]).code(1);
    said.says(&[
        "WTR202S entry 1 is not what was written",
        "help: nothing was changed; keep a copy of state/journal.db",
    ]);
    let found = world.wtor(&["journal", "check", "--json"]).code(1).json();
    assert_eq!((&found[0]["good"], &found[0]["found"][0]), (&false.into(), &"entry 1 is not what was written".into()));
    world.wtor(&["journal", "export"]).code(3).says(&["WTR202S", "entry 1 is not what was written"]);
    assert!(std::fs::read(world.path("state/journal.db")).expect("the journal") == damaged, "it is left as it is");
    world.write("state/journal.db", "");
    world.wtor(&["journal", "check"]).code(1).says(&["WTR202S the file is empty"]);
    world.wtor(&["journal", "check", "--state", "nowhere"]).code(3).says(&["WTR205E"]);
    world.write("state/journal.db", "this is no journal, and never was one; it is long enough to be looked at");
    let said = world.wtor(&["run"]).code(3);
    assert!(said.err.contains("WTR202S") || said.err.contains("WTR204E"), "{said}");
    assert!(world.read("state/journal.db").starts_with("this is no journal"));
}
