//! The commands that look: exit codes, shapes of their JSON, what they say about mistakes, and pages
//! that are generated.

use crate::run::{NOTE, NOTE_RULE};
use crate::world::{World, line};
use serde_json::{Value, json};
use std::process::Stdio;

fn world() -> World {
    let world = World::new();
    world.rules(NOTE_RULE).job("note", NOTE).write("logs/a.log", "");
    world
}

/// A world whose agent has done something: run 1 good, run 2 failed, one decision held back.
fn lived() -> World {
    let world = world();
    world.rules(&format!(
        "{NOTE_RULE}
[[rule]]
name = 'bad'
when = {{ id = 'TST0002I' }}
then = {{ run = 'bad' }}
[[rule]]
name = 'trial'
mode = 'shadow'
when = {{ id = 'TST0003I' }}
then = {{ report = 'x' }}"
    ));
    world.job("bad", "[[step]]\nparm = 'SH echo oh >&2; exit 3'");
    world.write("logs/a.log", line(1, "TST0001I number 1") + &line(2, "TST0002I") + &line(3, "TST0003I"));
    world.wtor(&["run", "--from", "start", "--until-idle", "logs/a.log"]).code(0);
    world
}

#[track_caller]
fn assert_keys(value: &Value, keys: &[&str]) {
    let found: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    let missing: Vec<_> = keys.iter().filter(|key| !found.contains(key)).collect();
    assert!(missing.is_empty(), "no {missing:?} in {value}");
}

#[test]
fn exit_codes_are_those_of_the_help() {
    let world = lived();
    world.wtor(&["--help"]).code(0).says(&["0 good", "1 findings", "2 usage", "3 could not", "4 internal fault"]);
    world.write("bad/rules.toml", "[[rule]]\nwhen = { id = 'A' }");
    world.write(
        "unproven/rules.toml",
        "[[rule]]\nname = 'x'\nwhen = { id = 'A' }\nsample = [{ fires = 'B1234I' }, { quiet = 'C1234I' }]",
    );
    let good: &[&[&str]] = &[
        &["check"],
        &["test"],
        &["records", "logs/a.log"],
        &["replay", "logs/a.log"],
        &["explain", "logs/a.log:1"],
        &["history"],
        &["runs"],
        &["runs", "2"],
        &["completions", "bash"],
        &["man", "pages"],
        &["replay", "--help"],
        &["--version"],
    ];
    let findings: &[&[&str]] = &[
        &["check", "--rules", "bad"],
        &["test", "--rules", "unproven"],
        &["test", "--rules", "bad"],
        &["replay", "--rules", "bad", "logs/a.log"],
        &["explain", "--rules", "bad", "logs/a.log:1"],
        &["run", "--rules", "bad"],
    ];
    let usage: &[&[&str]] = &[
        &[],
        &["nothing"],
        &["replay"],
        &["records"],
        &["records", "--nothing", "logs/a.log"],
        &["records", "--format", "hardcopi", "logs/a.log"],
        &["records", "--encoding", "latin-9", "logs/a.log"],
        &["records", "--preset", "none", "logs/a.log"],
        &["records", "--record-length", "0", "logs/a.log"],
        &["records", "--record-length", "99999999", "logs/a.log"],
        &["run", "--from", "middle"],
        &["history", "--limit", "many"],
        &["runs", "one"],
        &["explain", "logs/a.log"],
        &["explain", "logs/a.log:0"],
        &["check", "--format", "xml"],
        &["completions", "dos"],
    ];
    let failed: &[&[&str]] = &[
        &["check", "--rules", "none"],
        &["check", "--config", "none.toml"],
        &["run", "--rules", "none"],
        &["records", "none.log"],
        &["records", "none*.log"],
        &["replay", "none.log"],
        &["records", "logs"],
        &["explain", "none.log:1"],
        &["explain", "logs/a.log:99"],
        &["explain", "WTR999I"],
        &["history", "--state", "none"],
        &["runs", "99"],
        &["status"],
        &["reload"],
        &["man", "wtor.lock/x"],
    ];
    world.write("wtor.lock", "a file, no folder");
    for (code, commands) in [(0, good), (1, findings), (2, usage), (3, failed)] {
        for args in commands {
            let said = world.wtor(args);
            assert_eq!(said.code, Some(code), "wtor {}\n{said}", args.join(" "));
            // Whoever reads the output of a program is not to find complaints in it.
            assert!(code < 2 || said.out.is_empty(), "wtor {}\n{said}", args.join(" "));
            assert!(code == 0 || !(said.err.is_empty() && said.out.is_empty()), "wtor {} says nothing", args.join(" "));
        }
    }
}

#[test]
fn failures_name_the_file_and_the_cause() {
    let world = world();
    world.wtor(&["records", "none.log"]).code(3).says(&["none.log", "No such file"]);
    world.wtor(&["records", "no*.log"]).code(3).says(&["no*.log", "no file matches"]);
    world.wtor(&["records", "logs"]).code(3).says(&["logs", "directory"]);
    world.wtor(&["explain", "logs/a.log:9"]).code(3).says(&["logs/a.log has 0 lines", "no line 9"]);
    world.wtor(&["check", "--rules", "none"]).code(3).says(&["there is no directory of rules `none`", "--rules"]);
    world.wtor(&["records", "--format", "hardcopi", "logs/a.log"]).code(2).says(&["hardcopi", "hardcopy"]);
}

/// Links that lead nowhere, sockets, FIFOs and other character sets: each is told like any other mistake, and
/// beside the others.
#[test]
fn a_file_that_cannot_be_read_hides_no_other_mistake() {
    let world = world();
    let spoil = |name: &str| std::os::unix::fs::symlink("nowhere", world.path(name)).expect("links");
    world.write("rules/latin.toml", b"# caf\xe9\n").write("rules/other.toml", "[[rule]]\nnme = 'a'\n");
    std::os::unix::net::UnixListener::bind(world.path("jobs/socket.toml")).expect("binds");
    rustix::fs::mkfifoat(rustix::fs::CWD, world.path("rules/fifo.toml"), rustix::fs::Mode::RUSR).expect("makes a FIFO");
    spoil("rules/gone.toml");
    spoil("rules/gone.story");
    spoil("rules/catalogue.txt");
    let mistakes = [
        "rules/latin.toml:1:6: error WTR003E",
        "rules/other.toml:2:1: error WTR010E",
        "jobs/socket.toml: error WTR004E: this is a socket",
        "rules/fifo.toml: error WTR004E: this is a FIFO",
        "rules/gone.toml: error WTR004E: this link leads to `nowhere`",
    ];
    world
        .wtor(&["check"])
        .code(1)
        .says(&mistakes)
        .says(&["rules/gone.story: error WTR004E", "rules/catalogue.txt: error WTR004E"]);
    world.wtor(&["check"]).code(1).says(&["the policy cannot be used"]);
    world.wtor(&["test"]).code(1).says(&mistakes).says(&["nothing is in force"]);
    world.wtor(&["run"]).code(1).says(&mistakes).says(&["nothing is in force"]);
    for name in ["latin.toml", "other.toml", "fifo.toml", "gone.toml"] {
        std::fs::remove_file(world.path(&format!("rules/{name}"))).expect("is there");
    }
    std::fs::remove_file(world.path("jobs/socket.toml")).expect("is there");
    world.wtor(&["test"]).code(1).says(&["rules/gone.story: error WTR004E"]);
    world.write("wtor.toml", b"# caf\xe9\nrules = 1\n");
    world.wtor(&["check"]).code(1).says(&["wtor.toml:1:6: error WTR003E", "wtor.toml:2:9: error WTR011E"]);
    std::fs::remove_file(world.path("wtor.toml")).expect("is there");
    spoil("wtor.toml");
    world.wtor(&["check"]).code(1).says(&["wtor.toml: error WTR004E"]);
    // How a log is read cannot be known then, unless it is said.
    world.wtor(&["records", "logs/a.log"]).code(1).says(&["wtor.toml: error WTR004E", "no log is read"]);
    world.wtor(&["records", "--format", "hardcopy", "logs/a.log"]).code(0);
}

#[test]
fn a_control_socket_with_too_long_a_path_says_so() {
    let world = world();
    let deep = format!("state/{}", "deep".repeat(30));
    world.wtor(&["run", "--state", &deep]).code(3).says(&["control socket", &deep]);
}

#[test]
fn a_reader_that_has_enough_is_no_failure() {
    let world = world();
    world.write("long.log", line(1, "TST0001I number 1").repeat(20_000));
    for args in [&["records", "--json", "long.log"][..], &["records", "long.log"], &["replay", "--json", "long.log"]] {
        let mut child = world.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
        let mut first = String::new();
        let mut reader = std::io::BufReader::new(child.stdout.take().expect("piped"));
        std::io::BufRead::read_line(&mut reader, &mut first).expect("a line");
        drop(reader);
        let output = child.wait_with_output().expect("ended");
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(output.stderr.is_empty(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(first.contains("TST0001I") || first.contains("note"), "{first}");
    }
}

#[test]
fn without_a_wtor_toml_everything_works_in_a_directory_with_rules_and_jobs() {
    let world = lived();
    assert!(!world.exists("wtor.toml"));
    assert_eq!(world.lines("out.txt"), ["1"]);
    world.wtor(&["check"]).code(0).says(&["1 rule file and 2 job files", "the policy can be used"]);
    world.wtor(&["history"]).code(0).says(&["note  fired", "bad  fired", "trial  shadow"]);
    world
        .wtor(&["runs"])
        .code(0)
        .says(&["note  note  good", "bad  bad  failed: step STEP1 ended with condition code 0768"]);
    // `records` and `replay` need not even those.
    let bare = World::new();
    bare.write("elsewhere/a.log", line(1, "TST0001I number 1"));
    for folder in ["rules", "jobs", "logs"] {
        std::fs::remove_dir(bare.path(folder)).expect("removed");
    }
    bare.wtor(&["records", "elsewhere/a.log"]).code(0).says(&["TST0001I number 1"]);
    let (rules, jobs) = (world.path("rules").display().to_string(), world.path("jobs").display().to_string());
    let said = bare.wtor(&["replay", "--rules", &rules, "--jobs", &jobs, "--json", "elsewhere/a.log"]).code(0);
    assert_eq!(said.json().len(), 1);
}

#[test]
fn a_pattern_that_covers_the_copies_of_a_log_is_told() {
    let world = World::new();
    world.rules(NOTE_RULE).job("note", NOTE);
    world.write("wtor.toml", "[[source]]\nname = 'all'\nfile = ['logs/*.log', 'other/x.log']\n");
    let born = |name: &str| std::fs::metadata(world.path(name)).expect("there").created();
    world.write("logs/app.log", "a\n").write("logs/app2.log", "b\n").write("other/x.log", "c\n");
    if born("logs/app.log").is_err() {
        return crate::world::skipped("this file system does not keep the births of files");
    }
    // Renamed: what has the name of the log is younger.
    let later = |name: &str, than: &str| {
        let made = crate::world::eventually(crate::world::PATIENCE, || {
            world.write(name, "a\n");
            if born(name).ok() > born(than).ok() {
                return true;
            }
            std::fs::remove_file(world.path(name)).expect("removed");
            false
        });
        assert!(made, "{name} does not become younger than {than}");
    };
    std::fs::rename(world.path("logs/app.log"), world.path("logs/app-20261120.log")).expect("renamed");
    later("logs/app.log", "logs/app-20261120.log");
    let said = world.wtor(&["check"]).code(0);
    assert!(!said.out.contains("WTR066W"), "{said}");
    // Copied: it is older. A copy that no pattern covers, or that is packed, does no harm.
    later("other/x.log.1", "other/x.log");
    later("logs/app2.log.1", "logs/app2.log");
    let said = world.wtor(&["check"]).code(0);
    assert!(!said.out.contains("WTR066W"), "{said}");
    later("logs/app-20261121.log", "logs/app.log");
    let says = ["wtor.toml:2:8: warning WTR066W: the source `all` covers `logs/app.log` and `logs/app-20261121.log`"];
    world.wtor(&["check"]).code(0).says(&says);
}

#[test]
fn history_and_runs_as_objects() {
    let world = lived();
    let history = world.history();
    assert_eq!(history.len(), 3);
    for decision in &history {
        assert_keys(decision, &["seq", "verdict", "origin", "policy"]);
        assert_keys(&decision["origin"], &["source", "path", "file", "offset", "line"]);
    }
    // What a replay says of the same records, the history says in the same words; only the replay knows the steps.
    let mut replayed = world.wtor(&["replay", "--json", "logs/a.log"]).code(0).json();
    for (decision, replayed) in history.iter().zip(&mut replayed) {
        let replayed = replayed.as_object_mut().expect("an object");
        let at = decision["at"].as_str().expect("a time");
        assert!(at.starts_with("20") && at.ends_with('Z'), "{at}");
        replayed.insert("at".into(), json!(at));
        for action in replayed["actions"].as_array_mut().expect("actions") {
            for name in ["argv", "env", "steps"] {
                action.as_object_mut().expect("an object").remove(name);
            }
        }
        for (name, value) in replayed {
            let mut said = decision[&**name].clone();
            for action in said.as_array_mut().into_iter().flatten() {
                action.as_object_mut().expect("an object").remove("number").expect("its number, or null");
            }
            assert_eq!(said, *value, "{name}");
        }
    }
    assert_eq!(history.len(), replayed.len());
    assert_eq!(history[0]["actions"][0]["number"], 1);
    let runs = world.runs();
    for run in &runs {
        assert_keys(run, &["run", "rule", "job", "state", "attempts", "good", "reason", "decided_at", "changed_at"]);
    }
    assert_eq!(runs.iter().map(|r| r["good"].clone()).collect::<Vec<_>>(), [json!(true), json!(false)]);
    let of = |args: &[&str]| world.wtor(args).code(0).json();
    assert_eq!(of(&["history", "--json", "--rule", "bad"]).len(), 1);
    assert_eq!(of(&["history", "--json", "--limit", "1"])[0]["rule"], "trial");
    assert_eq!(of(&["runs", "--json", "--job", "note"])[0]["run"], 1);
    assert_eq!(of(&["runs", "--json", "--limit", "1"])[0]["run"], 2);
    let detail = &of(&["runs", "2", "--json"])[0];
    let attempt = &detail["attempts_made"][0];
    assert_keys(attempt, &["attempt", "started_at", "ended_at", "good", "in_doubt", "released", "missing", "outcomes"]);
    assert_keys(&attempt["outcomes"][0], &["step", "end", "cond_code", "good", "millis", "stdout", "stderr"]);
    assert_eq!(
        (&attempt["outcomes"][0]["cond_code"], &attempt["outcomes"][0]["stderr"]),
        (&json!(768), &json!("oh\n"))
    );
    world.wtor(&["runs", "2"]).code(0).says(&[
        "decided by rule bad on logs/a.log:2",
        "CC 0768",
        "exit status 3",
        "stderr  oh",
    ]);
}

#[test]
fn the_journal_can_be_read_while_the_agent_writes_it() {
    let world = world();
    let agent = world.watch(1, &["logs/*.log"]);
    for n in 1..=20 {
        world.append("logs/a.log", line(n, &format!("TST0001I number {n}")));
        assert!(world.history().len() <= n as usize);
    }
    agent.until_said("WTR302I", 20);
    assert_eq!(world.runs().len(), 20);
}

#[test]
fn status_shows_what_the_agent_does() {
    let world = world();
    world.job(
        "note",
        "params = { n = { required = true } }\n[[step]]\nparm = 'SH echo ${n} >> out.txt; while [ -d logs ] && [ ! -e go ]; do sleep 0.02; done'",
    );
    let agent = world.watch(1, &["logs/*.log"]);
    world.append("logs/a.log", line(1, "TST0001I number 1"));
    agent.until_lines("out.txt", 1);
    let status = agent.status();
    assert_keys(&status, &["pid", "version", "view", "problems", "stalled", "stopping"]);
    assert_keys(&status["view"], &["at", "policy", "rules", "jobs", "counts", "runs", "files"]);
    assert_eq!(status["pid"], agent.pid());
    assert_eq!((&status["view"]["rules"], &status["view"]["jobs"]), (&json!(1), &json!(1)));
    assert_eq!(
        status["view"]["runs"][0],
        json!({ "run": 1, "job": "note", "rule": "note", "state": "running", "attempt": 1, "due": null, "with": [["n", "1"]] })
    );
    let size = world.read("logs/a.log").len();
    agent.until("the whole file is read", || agent.status()["view"]["files"][0]["offset"] == size);
    world.wtor(&["status"]).code(0).says(&[
        "1 rule, 1 job\n",
        "1 fired",
        "run 1  note  running  attempt 1  rule note",
        "logs/a.log read to byte 76, line 2",
    ]);
    world.write("go", "");
    agent.until_said("WTR302I", 1);
    assert_eq!(agent.status()["view"]["runs"], json!([]));
}

#[test]
fn status_counts_the_owed_runs_that_it_does_not_show() {
    let world = world();
    world.job(
        "note",
        "params = { n = { required = true } }\n[[step]]\nparm = 'SH while [ -d logs ] && [ ! -e go ]; do sleep 0.02; done'",
    );
    let agent = world.watch(1, &["logs/*.log"]);
    let lines: String = (1..=30).map(|n| line(n, &format!("TST0001I number {n}"))).collect();
    world.append("logs/a.log", lines);
    agent.until("all runs are there", || agent.status()["view"]["runs"].as_array().unwrap().len() == 30);
    let said = world.wtor(&["status"]).code(0).says(&["and 2 runs more are owed"]);
    let shown = said.out.lines().filter(|line| line.starts_with("run ") && line.contains(" owed ")).count();
    assert_eq!(shown, 20, "{said}");
    world.write("go", "");
    agent.until_said("WTR302I", 30);
}

#[test]
fn the_control_socket_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let world = world();
    let agent = world.watch(1, &["logs/*.log"]);
    let mode = |name: &str| std::fs::metadata(world.path(name)).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode("state/wtor.sock"), 0o600);
    assert_eq!(mode("state") & 0o007, 0);
    assert_eq!(agent.stop(), Some(0));
    assert!(!world.exists("state/wtor.sock"));
}

#[test]
fn requests_that_nobody_understands_are_refused_and_harm_nobody() {
    use std::io::{BufRead, BufReader, Write};
    let world = world();
    let agent = world.watch(1, &["logs/*.log"]);
    let mut peer = std::os::unix::net::UnixStream::connect(world.path("state/wtor.sock")).expect("connected");
    peer.write_all(b"{\"request\":\"destroy\"}\nno json\n{\"request\":\"status\",\"more\":1}\n").expect("sent");
    let answers: Vec<Value> = BufReader::new(peer.try_clone().expect("cloned"))
        .lines()
        .take(3)
        .map(|line| serde_json::from_str(&line.expect("a line")).expect("an object"))
        .collect();
    let kinds: Vec<_> = answers.iter().map(|a| a["answer"].as_str().unwrap_or("?")).collect();
    assert_eq!(kinds, ["refused", "refused", "status"]);
    // More than a request can be, without an end.
    let _ = peer.write_all(&vec![b'x'; 1 << 20]);
    assert_eq!(agent.status()["answer"], "status");
}

#[test]
fn check_says_every_mistake_at_once_with_its_place() {
    let world = World::new();
    world.rules("[[rule]]\nname = 'a'\nwhen = { id = 'A', txt = 'x' }\nthen = { run = 'gone' }\n[[rule]]\nname = 'a'\nwhen = {}");
    world.write("wtor.toml", "ruels = 'rules'\n[[source]]\nfile = 'x'\nformat = 'hardcopi'");
    let said = world.wtor(&["check"]).code(1);
    let said = said.says(&[
        "rules/rules.toml:3:",
        "`txt`",
        "did you mean `text`",
        "`gone`",
        "a second rule is named `a`",
        "wtor.toml:1:",
        "wtor.toml:4:",
        "`hardcopy`",
    ]);
    assert!(said.out.trim_end().lines().last().expect("a line").contains("the policy cannot be used"), "{said}");
    let short = world.wtor(&["check", "--format", "short"]).code(1);
    assert!(short.out.lines().count() < said.out.lines().count() && short.out.lines().count() >= 6, "{short}");
    for object in world.wtor(&["check", "--json"]).code(1).json() {
        assert_keys(&object, &["id", "severity", "text", "at", "help"]);
        assert_keys(&object["at"], &["file", "line", "column", "excerpt"]);
    }
}

#[test]
fn check_looks_beyond_single_rules() {
    let world = World::new();
    world.job("note", NOTE).rules(
        "[[rule]]\nname = 'own-id'\nwhen = { id = 'TST0001I' }\ncount = { at_least = 2, within = '2d' }
sample = [{ fires = 'TST0001I' }]
[[rule]]\nname = 'anybody'\nwhen = { text = 'number (?<n>\\d+)' }\nthen = { run = 'note', with = { n = '${n}' } }
sample = [{ fires = 'number 5' }]",
    );
    let said = world.wtor(&["check"]).code(0);
    said.says(&[
        "note WTR081I",
        "`TST0001I`",
        "warning WTR083W",
        "`anybody`",
        "1 warning, 1 note; the policy can be used",
    ]);
    world.write("rules/deep/catalogue.txt", "# ours\nTST*").write("wtor.toml", "journal = { keep = '1d' }");
    let said = world.wtor(&["check", "--format", "short"]).code(0).says(&["warning WTR082W", "2.0 days"]);
    assert!(!said.out.contains("WTR081I"), "{said}");
    world.write("wtor.toml", "[[source]]\nfile = 'x'\nzone = 'Europe/Berln'");
    world.wtor(&["check"]).code(1).says(&["wtor.toml:3:8", "did you mean `Europe/Berlin`"]);
}

#[test]
fn test_tries_the_samples() {
    let world = World::new();
    world.rules(
        "[[rule]]\nname = 'good'\nwhen = { id = 'TST0001I', text = 'number (?<n>\\d+)' }
sample = [{ fires = 'TST0001I number 5', with = { n = '5' } }, { quiet = 'TST0001I none' }]
[[rule]]\nname = 'wrong'\nwhen = { id = 'TST0001I', text = 'number (?<n>\\d+)' }
sample = [{ fires = 'TST0001I number 5', with = { n = '6' } }, { quiet = 'TST0001I number 7' }, { fires = 'TST0002I number 8' }]",
    );
    let said = world.wtor(&["test"]).code(1);
    said.says(&["rules/rules.toml:8:11: rule wrong", "rules/rules.toml:8:64", "2 samples passed, 3 failed"]);
    world.wtor(&["test", "good"]).code(0).says(&["2 samples passed, 0 failed"]);
    let tried = world.wtor(&["test", "--json"]).code(1).json();
    let samples: Vec<_> = tried.iter().filter(|object| object["sample"].is_string()).collect();
    assert_eq!(samples.len(), 5);
    for sample in samples {
        assert_keys(sample, &["rule", "sample", "passed", "reason"]);
    }
}

#[test]
fn test_plays_the_stories_and_says_what_is_not_proved() {
    let world = World::new();
    world.rules(
        "[[rule]]\nname = 'count'\nwhen = { id = ['TST0001I', 'TST0002I'], text = 'number|digit' }\ncount = { at_least = 2, within = '1m' }
sample = [{ fires = 'TST0001I number 5' }]",
    );
    let said = world.wtor(&["test"]).code(0);
    said.says(&["rules/rules.toml:2:8: warning WTR073W: the rule `count` lacks a near miss"]);
    world
        .wtor(&["test", "--coverage"])
        .code(0)
        .says(&["rule count: no line has met: message id is TST0002I; text has `digit`", "2 of 4 alternatives met"]);
    let story = "about count\nat 00:00:00 TST0001I number 1\nexpect nothing\nat 00:00:59 TST0002I digit 2\n";
    world.write("rules/deep/good.story", format!("{story}expect count fired\n"));
    let said = world.wtor(&["test", "--coverage"]).code(0);
    let said = said.says(&["1 rule, 4 of 4 alternatives met", "1 sample passed, 0 failed; 1 story passed, 0 failed"]);
    assert!(!said.out.contains("WTR"), "{said}");
    world.write("rules/bad.story", format!("{story}expect count held\n"));
    world.write("rules/worse.story", "about nobody\n");
    let said = world.wtor(&["test"]).code(1);
    said.says(&[
        "rules/bad.story:5:1: error WTR072E",
        "5 | expect count held",
        "rules/worse.story:1:7: error WTR071E",
        "1 story passed, 2 failed",
    ]);
    world.write("rules/worse.story", "");
    world.wtor(&["test", "good.story"]).code(0).says(&["1 story passed, 0 failed"]);
    world.wtor(&["test", "nothing"]).code(3).says(&["no rule and no story"]);
    let objects = world.wtor(&["test", "--json"]).code(1).json();
    let story = objects.iter().find(|object| object["story"] == "rules/bad.story").expect("the story");
    assert_eq!((&story["passed"], &story["wrong"][0]["id"]), (&json!(false), &json!("WTR072E")));
    let coverage = objects.iter().find(|object| object["coverage"] == "count").expect("the rule");
    assert_keys(coverage, &["matches", "near_miss", "alternatives"]);
    // A rule with a mistake is told of before any story is read.
    world.rules("[[rule]]\nwhen = { id = 'A' }").wtor(&["test"]).code(1).says(&["WTR012E"]);
}

#[test]
fn completions_and_man_pages_are_made() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish"] {
        world.wtor(&["completions", shell]).code(0).says(&["wtor", "replay", "hardcopy"]);
    }
    world.wtor(&["man", "pages"]).code(0);
    for page in ["wtor.1", "wtor-run.1", "wtor-replay.1", "wtor-records.1", "wtor-explain.1", "wtor-history.1"] {
        let text = world.read(&format!("pages/{page}"));
        assert!(text.contains(".TH") && text.contains("wtor"), "{page}: {text:.200}");
    }
    assert!(world.read("pages/wtor.1").contains("Exit codes"));
    assert!(
        world.read("pages/wtor-replay.1").contains("never\\-matched")
            || world.read("pages/wtor-replay.1").contains("summary")
    );
}

#[test]
fn our_own_messages_explain_themselves() {
    let world = World::new();
    for id in ["WTR301I", "wtr304e", "WTR201E"] {
        world.wtor(&["explain", id]).code(0).says(&[&id.to_uppercase()]);
    }
}

#[test]
fn explain_says_why_a_rule_whose_conditions_hold_does_nothing() {
    let world = World::new();
    let rule = |name: &str, more: &str| format!("[[rule]]\nname = '{name}'\nwhen = {{ id = 'TST0001I' }}\n{more}\n");
    let rules = [
        rule("trial", "mode = 'shadow'"),
        rule("asks", "mode = 'ask'\nthen = { rule = 'behind' }"),
        rule("by-night", "final = true\nduring = { hours = '03:00-03:01' }"),
        rule("maint", "final = true\nif_set = 'maint'"),
        rule("fin", "final = true"),
        rule("behind", ""),
        "[[rule]]\nname = 'sets'\nwhen = { id = 'TST0002I' }\nthen = { set = 'maint' }\n".to_owned(),
    ];
    world.rules(&rules.concat()).write("logs/a.log", line(1, "TST0001I hello") + &line(2, "TST0002I"));
    let said = world.wtor(&["explain", "logs/a.log:1"]).code(0);
    said.says(&[
        "rule trial: matches; it is in shadow mode",
        "rule asks: matches; it asks for approval",
        "rule by-night: held: it is ",
        ", not in 03:00-03:01",
        "rule maint: held: maint is not set",
        "rule fin: matches\n",
        "rule behind: does not see it: rule fin is final",
    ]);
    let said = world.wtor(&["explain", "--json", "logs/a.log:1"]).code(0);
    said.says(&["\"reason\":\"does not see it: rule fin is final\""]);
}

/// What may be a directory of rules must not be passed over because the system cannot say what it is.
#[test]
fn what_cannot_be_looked_at_among_the_rules_is_a_mistake() {
    let world = World::new();
    world.rules("");
    std::os::unix::fs::symlink("more", world.path("rules/more")).expect("a link to itself");
    world.wtor(&["check"]).code(1).says(&["rules/more: error WTR004E", "this link leads to `more`"]);
}
