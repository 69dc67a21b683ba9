//! From a line in a log to a job that ran.

use crate::world::{PATIENCE, World, eventually, line};
use serde_json::json;
use std::time::Duration;

/// A job that appends its parameter `n` to `out.txt`.
pub const NOTE: &str = "
params = { n = { required = true } }
[[step]]
parm = 'SH echo ${n} >> out.txt'
";

/// A rule that runs it for every `TST0001I number N`.
pub const NOTE_RULE: &str = "
[[rule]]
name = 'note'
when = { id = 'TST0001I', text = 'number (?<n>\\d+)' }
then = { run = 'note', with = { n = '${n}' } }
";

fn noting() -> World {
    let world = World::new();
    world.rules(NOTE_RULE).job("note", NOTE).write("logs/a.log", "");
    world
}

#[test]
fn an_appended_line_starts_its_job_once() {
    let world = noting();
    let agent = world.watch(1, &["logs/*.log"]);
    world.append("logs/a.log", line(1, "TST0001I number 1"));
    agent.until_said("WTR302I", 1);
    // Whatever comes after it was decided after it: then nothing of the first is still on its way.
    world.append("logs/a.log", line(2, "TST0002I nobody asks") + &line(3, "TST0001I number 2"));
    agent.until_said("WTR302I", 2);
    agent.until_settled();
    assert_eq!(world.lines("out.txt"), ["1", "2"]);
    assert_eq!(agent.status()["view"]["counts"]["fired"], 2);
    assert_eq!(world.history().len(), 2);
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn a_line_that_is_not_finished_is_not_yet_a_line() {
    let world = noting();
    let agent = world.watch(1, &["logs/*.log"]);
    let whole = line(1, "TST0001I number 12");
    world.append("logs/a.log", &whole[..whole.len() - 2]);
    world.append("logs/b.log", line(1, "TST0001I number 7"));
    agent.until_lines("out.txt", 1);
    world.append("logs/a.log", &whole[whole.len() - 2..]);
    agent.until_lines("out.txt", 2);
    agent.until_settled();
    assert_eq!(world.lines("out.txt"), ["7", "12"]);
}

#[test]
fn rules_act_in_the_order_of_the_file_until_one_is_final() {
    let world = World::new();
    world.write("logs/a.log", "").rules(
        "
[[rule]]
name = 'z-first'
when = { id = 'TST*' }
then = { report = 'first ${message_id}' }
[[rule]]
name = 'off'
enabled = false
when = { id = 'TST0001I' }
then = { report = 'never' }
[[rule]]
name = 'trial'
mode = 'shadow'
when = { id = 'TST0001I' }
then = { report = 'only said to be said' }
[[rule]]
name = 'last-of-1'
final = true
when = { id = 'TST0001I' }
then = { report = 'last ${message_id}' }
[[rule]]
name = 'behind'
when = { text = 'hello' }
then = [{ report = 'behind ${message_id}' }, { report = 'and again' }]
",
    );
    let agent = world.watch(1, &["logs/*.log"]);
    world.append("logs/a.log", line(1, "TST0001I hello") + &line(2, "TST0002I hello"));
    agent.until_said("WTR300I", 5);
    let said = ["first TST0001I", "last TST0001I", "first TST0002I", "behind TST0002I", "and again"];
    assert_eq!(agent.texts("WTR300I"), said);
    // A report is said at once, its decision is on disk a little later.
    agent.until("all decisions are journaled", || world.history().len() >= 5);
    let decided: Vec<_> = world
        .history()
        .iter()
        .map(|d| format!("{} {} {}", d["origin"]["line"], d["rule"].as_str().unwrap(), d["verdict"].as_str().unwrap()))
        .collect();
    let expected = ["1 z-first fired", "1 trial shadow", "1 last-of-1 fired", "2 z-first fired", "2 behind fired"];
    assert_eq!(decided, expected);
    assert!(agent.texts("WTR307W")[0].contains("trial"), "{:?}", agent.texts("WTR307W"));
}

#[test]
fn a_shadow_rule_never_runs_its_job() {
    let world = World::new();
    let shadow = NOTE_RULE.replace("name = 'note'", "name = 'note'\nmode = 'shadow'");
    let acting = "[[rule]]\nname = 'act'\nwhen = { id = 'TST0002I' }\nthen = { run = 'note', with = { n = '2' } }";
    world.rules(&(shadow + acting)).job("note", NOTE).write("logs/a.log", "");
    let agent = world.watch(1, &["logs/*.log"]);
    world.append("logs/a.log", line(1, "TST0001I number 1") + &line(2, "TST0002I"));
    agent.until_said("WTR302I", 1);
    assert_eq!(world.lines("out.txt"), ["2"]);
    assert_eq!(world.runs().len(), 1);
}

#[test]
fn values_reach_argv_the_environment_and_the_shell_line() {
    let world = World::new();
    world.write("logs/a.log", "").rules(
        "
[[rule]]
name = 'up'
when = { id = 'TST0001I', text = 'server (?<name>.*) on (?<port>\\d+)' }
then = { run = 'up', with = { server = '${name}', label = '<${system}/${job_id}>', port = '${port}' } }
",
    );
    world.job(
        "up",
        "
params = { server = { required = true }, label = 'none', color = 'blue', port = { required = true } }
env = { WHERE = 'at ${port}' }
[[step]]
name = 'ARGV'
argv = ['/bin/sh', '-c', 'printf \"[%s]\" \"$@\" \"$WTOR_NAME\" \"$WTOR_PORT\" \"$WHERE\" \"$STEP\" > argv.txt', '0', '${server}', 'x${color}x']
env = { STEP = '${label}' }
[[step]]
name = 'SH'
parm = 'SH printf \"[%s]\" ${server} --name=${server} ${color} > sh.txt'
[[step]]
name = 'PGM'
parm = 'PGM /usr/bin/touch pgm-${port}'
",
    );
    let agent = world.watch(1, &["logs/*.log"]);
    world.append("logs/a.log", line(1, "TST0001I server web one on 9080"));
    agent.until_said("WTR302I", 1);
    assert_eq!(world.read("argv.txt"), "[web one][xbluex][web one][9080][at 9080][<SYS1/STC01234>]");
    assert_eq!(world.read("sh.txt"), "[web one][--name=web one][blue]");
    assert!(world.exists("pgm-9080"));
    // What is said may be ahead of the journal by the time of a commit.
    agent.until("the run is closed in the journal", || world.runs()[0]["good"] == true);
    let run = &world.wtor(&["runs", "1", "--json"]).code(0).json()[0];
    let steps: Vec<_> = run["attempts_made"][0]["outcomes"].as_array().unwrap().iter().map(|o| &o["step"]).collect();
    assert_eq!(json!(steps), json!(["ARGV", "SH", "PGM"]));
}

#[test]
fn a_shell_line_has_a_login_shell_and_each_step_its_directory() {
    let world = World::new();
    world.rules("[[rule]]\nname = 'go'\nwhen = { id = 'TST0001I' }\nthen = { run = 'go' }");
    let job = format!(
        "cwd = '{here}'\nenv = {{ HOME = '{here}/home' }}
[[step]]\nparm = 'SH echo $OF_PROFILE > sh.txt'
[[step]]\ncwd = '{here}/home'\nparm = 'PGM /bin/cp .profile pgm.txt'",
        here = world.path("").display()
    );
    world.job("go", &job).write("home/.profile", "OF_PROFILE=read\n").write("logs/a.log", "");
    let agent = world.watch(1, &["logs/*.log"]);
    world.append("logs/a.log", line(1, "TST0001I x"));
    agent.until_said("WTR302I", 1);
    assert_eq!((&world.read("sh.txt")[..], &world.read("home/pgm.txt")[..]), ("read\n", "OF_PROFILE=read\n"));
}

#[test]
fn what_a_step_prints_is_kept_within_its_bound() {
    let world = World::new();
    world.write("logs/a.log", "").rules("[[rule]]\nname = 'r'\nwhen = { id = 'TST0001I' }\nthen = { run = 'loud' }");
    world.job("loud", "[[step]]\nparm = 'SH echo out; echo err >&2; seq 1 5000'\noutput_max = '1KiB'");
    let agent = world.watch(1, &["logs/*.log"]);
    world.append("logs/a.log", line(1, "TST0001I"));
    agent.until_said("WTR302I", 1);
    let run = &world.wtor(&["runs", "1", "--json"]).code(0).json()[0];
    let outcome = &run["attempts_made"][0]["outcomes"][0];
    let stdout = outcome["stdout"].as_str().unwrap();
    assert!(stdout.starts_with("out\n1\n2\n") && stdout.ends_with("4999\n5000\n"), "{stdout}");
    assert!(stdout.len() < 1200, "{} bytes", stdout.len());
    assert_eq!(outcome["stderr"], "err\n");
    world.wtor(&["runs", "1"]).code(0).says(&["stdout  out", "stderr  err", "CC 0000"]);
}

/// A world with one rule on TST0001I that runs the job `work` of that text.
fn working(then: &str, job: &str) -> World {
    let world = World::new();
    world.rules(&format!("[[rule]]\nname = 'r'\nwhen = {{ id = 'TST0001I' }}\nthen = {then}"));
    world.job("work", job).write("logs/a.log", "");
    world
}

/// How each step of an attempt of run 1 ended: `name code good`.
fn steps(world: &World, attempt: usize) -> Vec<String> {
    // What is said may be ahead of the journal by the time of a commit.
    let mut outcomes = Vec::new();
    eventually(PATIENCE, || {
        let run = &world.wtor(&["runs", "1", "--json"]).code(0).json()[0];
        outcomes = run["attempts_made"][attempt - 1]["outcomes"].as_array().expect("outcomes").clone();
        !outcomes.is_empty()
    });
    let step = |o: &serde_json::Value| format!("{} {} {}", o["step"].as_str().unwrap(), o["cond_code"], o["good"]);
    outcomes.iter().map(step).collect()
}

#[test]
fn a_run_is_good_when_the_expected_messages_follow() {
    let then =
        "{ run = 'work', expect = { all = ['TST0010I', { id = 'TST0011I', text = 'port 90' }], within = '30s' } }";
    let world = working(then, "[[step]]\nparm = 'SH echo done >> out.txt'");
    let agent = world.watch(1, &["logs/*.log"]);
    // What came before it proves nothing.
    world.append("logs/a.log", line(1, "TST0010I too early") + &line(2, "TST0001I go"));
    agent.until_lines("out.txt", 1);
    agent.until("the run is verifying", || agent.status()["view"]["runs"][0]["state"] == "verifying");
    world.append("logs/a.log", line(3, "TST0011I port 80") + &line(4, "TST0011I port 90"));
    world.append("logs/a.log", line(5, "TST0010I up").replace("SYS1", "SYS2"));
    let again = line(6, "TST0001I go");
    world.append("logs/a.log", &again);
    agent.until_lines("out.txt", 2);
    assert_eq!(agent.saw("WTR302I"), 0, "the message of another system proves nothing");
    world.append("logs/a.log", line(7, "TST0010I up"));
    agent.until_said("WTR302I", 1);
    assert!(agent.texts("WTR302I")[0].contains("expected messages followed"), "{:?}", agent.texts("WTR302I"));
    // The second run has seen TST0010I and still waits for TST0011I.
    world.append("logs/a.log", line(8, "TST0011I port 90"));
    agent.until_said("WTR302I", 2);
    agent.until("both are closed in the journal", || world.runs().iter().all(|run| run["good"] == true));
    assert_eq!(world.runs().len(), 2);
}

#[test]
fn a_run_whose_messages_do_not_follow_is_tried_again_and_fails() {
    let then = "[{ run = 'work', expect = { all = ['TST0010I', 'TST0011I'], within = '300ms' } }]";
    let job =
        "retry = { attempts = 3, delay = '100ms', backoff = 2.0 }\n[[step]]\nparm = 'SH echo $WTOR_ATTEMPT >> out.txt'";
    let world = working(then, job);
    let agent = world.watch(1, &["logs/*.log"]);
    world.append("logs/a.log", line(1, "TST0001I go"));
    agent.until_lines("out.txt", 1);
    world.append("logs/a.log", line(2, "TST0010I one of two"));
    agent.until_said("WTR304E", 1);
    assert_eq!(world.lines("out.txt"), ["1", "2", "3"]);
    let tried = agent.texts("WTR303W");
    assert!(
        tried[0].contains("2 left, the next in 0.1 s") && tried[1].contains("1 left, the next in 0.2 s"),
        "{tried:?}"
    );
    assert!(tried[1].contains("but TST0011I did not follow"), "{tried:?}");
    let run = &world.wtor(&["runs", "1", "--json"]).code(0).json()[0];
    let attempts = run["attempts_made"].as_array().expect("attempts");
    assert_eq!((run["good"].clone(), run["attempts"].clone(), attempts.len()), (json!(false), json!(3), 3));
    assert_eq!(attempts[2]["missing"], json!(["TST0011I"]));
    let at = |of: usize, what: &str| attempts[of][what].as_i64().expect("a time");
    assert!(at(1, "started_at") - at(0, "started_at") >= 400_000, "deadline and pause: {attempts:#?}");
    assert!(at(2, "started_at") - at(1, "started_at") >= 500_000, "deadline and longer pause: {attempts:#?}");
    world.wtor(&["runs"]).code(0).says(&["failed", "TST0011I did not follow", "after 3 attempts"]);
}

#[test]
fn a_failed_step_is_tried_again_until_it_is_good() {
    let job = "
retry = { attempts = 5, delay = '20ms' }
[[step]]
parm = 'SH echo $WTOR_RUN.$WTOR_ATTEMPT >> out.txt; test $WTOR_ATTEMPT -ge 3'
";
    let world = working("{ run = 'work' }", job);
    let agent = world.watch(1, &["logs/*.log"]);
    world.append("logs/a.log", line(1, "TST0001I go"));
    agent.until_said("WTR302I", 1);
    assert_eq!(world.lines("out.txt"), ["1.1", "1.2", "1.3"]);
    assert_eq!(steps(&world, 1), ["STEP1 256 false"]);
    assert_eq!(steps(&world, 3), ["STEP1 0 true"]);
}

#[test]
fn condition_codes_are_those_of_bpxbatch() {
    let job = "
[[step]]
name = 'WARN'
parm = 'SH exit 1'
max_cc = 256
[[step]]
name = 'THREE7'
parm = 'SH exit 37'
max_cc = 1280
[[step]]
name = 'SIXTEEN'
parm = 'SH exit 16'
if = 'THREE7.RC = 1280'
[[step]]
name = 'PLAIN'
argv = ['/bin/sh', '-c', 'exit 37']
max_cc = 37
if = 'WARN.RC = 256'
[[step]]
name = 'NEVER'
parm = 'SH touch never'
[[step]]
name = 'SIGNAL'
parm = 'PGM /bin/sh -c kill${x}'
if = 'NEVER.RUN'
[[step]]
name = 'GONE'
argv = ['/nowhere/at-all']
if = 'PLAIN.RC = 37'
[[step]]
name = 'CLEANUP'
parm = 'SH touch cleanup'
if = 'GONE.ABEND'
";
    let world = working("{ run = 'work' }", &job.replace("${x}", ""));
    let agent = world.watch(1, &["logs/*.log"]);
    world.append("logs/a.log", line(1, "TST0001I go"));
    agent.until_said("WTR304E", 1);
    let expected = [
        "WARN 256 true",
        "THREE7 1280 false",
        "SIXTEEN 0 false",
        "PLAIN 37 true",
        "NEVER null true",
        "SIGNAL null true",
        "GONE 255 false",
        "CLEANUP 0 true",
    ];
    assert_eq!(steps(&world, 1), expected);
    assert!(world.exists("cleanup") && !world.exists("never"));
    assert!(agent.texts("WTR304E")[0].contains("THREE7 ended with condition code 1280 (exit status 37)"));
}

#[test]
fn a_deadline_ends_the_whole_process_group() {
    let job = "[[step]]\nparm = 'SH (sleep 60; touch late) & echo $! > child.pid; sleep 60'\ndeadline = '2s'";
    let world = working("{ run = 'work' }", job);
    let agent = world.watch(1, &["logs/*.log"]);
    world.append("logs/a.log", line(1, "TST0001I go"));
    agent.until_said("WTR304E", 1);
    assert_eq!(steps(&world, 1), ["STEP1 4095 false"]);
    let child = world.read("child.pid");
    assert!(!child.trim().is_empty(), "the machine was too slow for this test: the step wrote no number");
    let gone = || !std::path::Path::new("/proc").join(child.trim()).exists();
    agent.until("the step's background process is gone", gone);
    assert!(agent.texts("WTR304E")[0].contains("deadline"), "{:?}", agent.texts("WTR304E"));
}

#[test]
fn a_run_beyond_the_limit_waits_for_its_place() {
    let job = "
params = { n = { required = true } }
[[step]]
parm = 'SH echo start ${n} >> out.txt; while [ -d logs ] && [ ! -e go-${n} ]; do sleep 0.02; done; echo end ${n} >> out.txt'
";
    let world = World::new();
    world.rules(NOTE_RULE).job("note", job).write("logs/a.log", "");
    world.write("wtor.toml", "limits = { runs_at_once = 1 }\n[[source]]\nfile = 'logs/*.log'");
    let agent = world.watch(1, &[]);
    world.append("logs/a.log", line(1, "TST0001I number 1") + &line(2, "TST0001I number 2"));
    agent.until_lines("out.txt", 1);
    agent.until("the second run is owed", || {
        let states: Vec<_> =
            agent.status()["view"]["runs"].as_array().unwrap().iter().map(|r| r["state"].clone()).collect();
        states == ["running", "owed"]
    });
    world.write("go-2", "").write("go-1", "");
    agent.until_said("WTR302I", 2);
    assert_eq!(world.lines("out.txt"), ["start 1", "end 1", "start 2", "end 2"]);
}

#[test]
fn a_job_that_cannot_be_planned_is_said_and_journaled() {
    let then = "{ run = 'work', with = { n = '${n}' } }";
    let world = working(then, "params = { n = { required = true } }\n[[step]]\nparm = 'SH echo ${n} >> out.txt'");
    let rule = world.read("rules/rules.toml").replace("id = 'TST0001I'", "id = 'TST0001I', text = 'go(?: (?<n>.+))?$'");
    world.rules(&rule);
    let agent = world.watch(1, &["logs/*.log"]);
    world.append("logs/a.log", line(1, "TST0001I go") + &line(2, "TST0001I go 5"));
    agent.until_said("WTR302I", 1);
    assert_eq!(world.lines("out.txt"), ["5"]);
    let decided = world.history();
    assert_eq!((decided[0]["verdict"].as_str(), decided[1]["verdict"].as_str()), (Some("impossible"), Some("fired")));
    assert!(agent.texts("WTR307W")[0].contains("parameter `n` of job `work` has no value"));
}

#[test]
fn a_stop_lets_what_runs_come_to_its_end() {
    let job = "[[step]]\nparm = 'SH echo start >> out.txt; while [ -d logs ] && [ ! -e go ]; do sleep 0.02; done; echo end >> out.txt'";
    let world = working("{ run = 'work' }", job);
    let agent = world.watch(1, &["logs/*.log"]);
    world.append("logs/a.log", line(1, "TST0001I go"));
    agent.until_lines("out.txt", 1);
    agent.signal(rustix::process::Signal::TERM);
    world.append("logs/a.log", line(2, "TST0001I after the stop"));
    world.write("go", "");
    assert_eq!(agent.ended(), Some(0));
    assert_eq!(world.lines("out.txt"), ["start", "end"]);
    assert_eq!(world.runs()[0]["good"], true);
    // And what came after it is not lost.
    let agent = world.watch(1, &["logs/*.log"]);
    agent.until_said("WTR302I", 1);
    assert_eq!(world.lines("out.txt"), ["start", "end", "start", "end"]);
}

#[test]
fn a_run_is_cancelled_by_command_and_by_a_second_signal() {
    let job = "[[step]]\nparm = 'SH echo start >> out.txt; while [ -d logs ]; do sleep 0.02; done'";
    let world = working("{ run = 'work' }", job);
    let agent = world.watch(1, &["logs/*.log"]);
    world.append("logs/a.log", line(1, "TST0001I go") + &line(2, "TST0001I go"));
    agent.until_lines("out.txt", 2);
    world.wtor(&["cancel", "1"]).code(0);
    agent.until_said("WTR304E", 1);
    assert!(agent.texts("WTR304E")[0].contains("it was cancelled"), "{:?}", agent.texts("WTR304E"));
    world.wtor(&["cancel", "1"]).code(1).says(&["run 1 is not running"]);
    agent.signal(rustix::process::Signal::TERM);
    agent.until_said("WTR308I", 1);
    assert!(agent.texts("WTR308I")[0].contains("1 run has ended"), "{:?}", agent.texts("WTR308I"));
    agent.signal(rustix::process::Signal::TERM);
    assert_eq!(agent.ended(), Some(0));
    assert!(world.runs().iter().all(|run| run["good"] == false), "{:?}", world.runs());
}

#[test]
fn an_agent_whose_messages_nobody_reads_acts_all_the_same() {
    let world = noting();
    // The pipe takes some hundreds, too.
    let many = wtor::limits::NOTICES_WAITING_MAX + 2_000;
    let report = "[[rule]]\nname = 'say'\nwhen = { id = 'TST0005I' }\nthen = { report = '${text}' }";
    world.rules(&format!("{report}{NOTE_RULE}"));
    world.write("logs/a.log", line(1, "TST0005I said to nobody").repeat(many) + &line(2, "TST0001I number 1"));
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let mut child = world.start_unheard(&["--from", "start", "logs/a.log"], writer.into());
    let acted = eventually(Duration::from_secs(30), || world.lines("out.txt") == ["1"]);
    let status = world.wtor(&["status", "--json"]);
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw).expect("a process");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("signalled");
    let ended = eventually(Duration::from_secs(20), || child.try_wait().expect("a child").is_some());
    let _ = child.kill();
    let _ = child.wait();
    drop(reader);
    assert!(acted, "the job behind many messages did not run");
    assert_eq!(status.code, Some(0), "{status}");
    assert!(ended, "it does not end");
    assert_eq!(world.history().len(), many + 1);
}
