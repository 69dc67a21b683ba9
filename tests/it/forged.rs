//! Text that pretends to be something else: a line of the log, another message, another id, a message of
//! wtor's own. And jobs that print such things back.

use crate::hostile::assert_harmless;
use crate::world::{Said, World, line};
use serde_json::{Value, json};

/// What a forged line says.
const FORGED: &str = "WTR302I FORGED";

/// A rule on TST0001I that hands the text on, says it, and keeps a situation for each system.
const RULES: &str = "
[[rule]]
name = 'r'
when = { id = 'TST0001I' }
then = [{ run = 'show', with = { x = '${text}' } }, { report = 'seen ${text} of ${system}' }]
[[rule]]
name = 'held'
when = { id = 'TST0001I' }
by = ['system', 'job_name']
once_per = '1h'
then = { report = 'held ${text}' }
";

/// A rule that is held by what another one has set for the same system.
const NAMED: &str = "
[[rule]]
name = 'sets'
when = { id = 'TST0001I' }
by = 'system'
then = { set = 's' }
[[rule]]
name = 'not-while-set'
when = { id = 'TST0001I' }
if_not_set = 's'
";

fn world() -> World {
    let world = World::new();
    world.rules(RULES).job("show", "params = { x = { required = true } }\n[[step]]\nargv = ['printf', '%s', '${x}']");
    world
}

/// No line of it begins with what was forged, and nothing of it steers.
#[track_caller]
fn assert_not_forged(what: &str, said: &Said) {
    for text in [&said.out, &said.err] {
        assert_harmless(what, text);
        let forged: Vec<_> = text.lines().filter(|line| line.starts_with(FORGED)).collect();
        assert!(forged.is_empty(), "{what} says {forged:?}\n{said}");
    }
}

#[test]
fn a_newline_in_a_field_or_a_name_begins_no_line_of_ours() {
    let world = world();
    world.rules(&format!("{RULES}{NAMED}"));
    let evil = |text: &str| format!("{text}\n{FORGED}\r\n{FORGED}\u{1b}[31m\u{85}{FORGED}\u{2028}{FORGED}");
    let file = format!("logs/{}.log", evil("a"));
    let record = json!({
        "message_id": "TST0001I", "text": evil("TST0001I x"), "system": evil("SYS1"), "job_name": evil("J"),
        "job_id": evil("STC00001"), "console": evil("C"), "reply_id": evil("7"), "level": evil("E"),
    });
    let unknown = json!({ "message_id": evil("XYZ1I"), "text": evil("XYZ1I") });
    // The second time a rule says for what it rests.
    let log = format!("{record}\n{unknown}\n{record}\n");
    world.write(&file, "");
    let agent = world.watch(1, &["logs/*.log"]);
    world.append(&file, &log);
    agent.until_said("WTR302I", 1);
    let (last, again) = (format!("{file}:1"), format!("{file}:3"));
    for args in [
        &["status"][..],
        &["history"],
        &["runs"],
        &["runs", "1"],
        &["records", &file],
        &["replay", &file],
        &["replay", "--summary", &file],
        &["explain", &last],
        &["explain", "--all", &last],
        &["explain", &again],
        &["replay", "no\nWTR302I FORGED.log"],
        &["runs", "--job", "no\nWTR302I FORGED"],
    ] {
        assert_not_forged(&format!("{args:?}"), &world.wtor(args));
        if !args.contains(&"--summary") && !args.contains(&"--all") {
            let said = world.wtor(&[args, &["--json"]].concat());
            assert_harmless(&format!("{args:?} --json"), &said.out);
            assert!(said.out.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{said}");
        }
    }
    agent.stop();
    let said = world.wtor(&["run", "--state", "other", "--from", "start", "--until-idle", "logs/*.log"]).code(0);
    assert_not_forged("run", &said);
    assert_eq!(said.out.matches("WTR300I").count(), 3, "{said}");
}

#[test]
fn what_a_job_prints_steers_no_terminal_and_is_no_message_of_ours() {
    let world = World::new();
    world.rules("[[rule]]\nname = 'r'\nwhen = { id = 'TST0001I' }\nthen = { run = 'j' }");
    let print = r"printf 'x\n\rWTR302I FORGED\n\033[2J\033]0;t\007\302\233m \377 \342\200\256 \342\200\213\n'; printf 'WTR302I FORGED' >&2";
    world.job("j", &format!("[[step]]\nstdparm = '''SH {print}; exit 3'''"));
    world.write("logs/a.log", line(1, "TST0001I"));
    let said = world.wtor(&["run", "--from", "start", "--until-idle", "logs/a.log"]).code(0);
    assert_not_forged("run", &said);
    for args in [&["runs", "1"][..], &["runs", "1", "--json"], &["runs"], &["history"]] {
        let said = world.wtor(args).code(0);
        assert_not_forged(&format!("{args:?}"), &said);
    }
    world.wtor(&["runs", "1"]).says(&["stdout  x", "stdout  \u{fffd}WTR302I FORGED", "stderr  WTR302I FORGED"]);
}

#[test]
fn a_mistake_in_a_rule_file_steers_no_terminal_and_is_no_line_of_its_own() {
    let world = World::new();
    world.rules(
        "[[rule]]
name = \"r\\nrules/rules.toml:1:1: error WTR302I FORGED\\u001b[31m\"
\"k\\nWTR302I FORGED\\u001b\" = 1
when = { id = 'TST0001I', text = \"(\\u202e\\u001b\" }
then = { report = 'x' }
sample = [{ fires = \"TST0002I \\u001b[2J\\nWTR302I FORGED\" }]",
    );
    for args in [&["check"][..], &["check", "--format", "short"], &["check", "--json"], &["test"], &["test", "--json"]]
    {
        assert_not_forged(&format!("{args:?}"), &world.wtor(args));
    }
    world.rules(
        "[[rule]]\nname = 'r'\nwhen = { id = 'TST0001I' }\nthen = { report = 'x' }
sample = [{ fires = \"TST0002I \\u001b[2J\\nWTR302I FORGED\" }]",
    );
    let said = world.wtor(&["test"]).code(1);
    assert_not_forged("test", &said);
}

/// Every record of a log, as JSON.
fn records(world: &World, format: &str, log: &str) -> Vec<Value> {
    world.write("x.log", log);
    world.wtor(&["records", "--json", "--format", format, "x.log"]).code(0).json()
}

#[test]
fn the_text_of_a_message_cannot_pose_as_another_line_of_the_hardcopy_log() {
    let world = World::new();
    let inside = "N 4000000 SYS1     2026325 10:00:00.00 STC00001 00000090  TST0001I FORGED";
    let log = [
        line(1, &format!("ABC001I {inside}")),
        line(2, "S                                                          TST0001I FORGED"),
        line(3, "E                                         017 00000090  END"),
        line(4, "{\"message_id\":\"TST0001I\",\"text\":\"TST0001I FORGED\"}"),
        line(5, "ABC002I x\rTST0001I FORGED"),
    ]
    .concat();
    for format in ["hardcopy", "auto"] {
        let found = records(&world, format, &log);
        assert_eq!(found.len(), 5, "{found:?}");
        for record in &found {
            assert_ne!(record["message_id"], "TST0001I", "{record}");
            assert_eq!(record["system"], "SYS1", "{record}");
            assert_eq!(record["job_id"], "STC01234", "{record}");
        }
    }
}

#[test]
fn lines_of_another_connect_id_do_not_join_a_message() {
    let world = World::new();
    let log = "\
M 4000000 SYS1     2026325 10:00:02.00 STC00001 00000090  IEE114I 10.00.02 ACTIVITY 017
D                                         018 00000090  FORGED
E                                         018 00000090  FORGED
L                                         999 00000090  FORGED
D                                         017 00000090  TRUE
E                                         017 00000090  END
E                                         017 00000090  FORGED
";
    let found = records(&world, "hardcopy", log);
    let display = found.iter().find(|record| record["message_id"] == "IEE114I").expect("the display");
    assert_eq!(display["lines"], json!(["TRUE", "END"]));
    let orphans: Vec<_> = found.iter().filter(|record| record["kind"] == "orphan").collect();
    assert_eq!(orphans.len(), 4, "nothing is dropped: {found:?}");
    assert!(orphans.iter().all(|record| record["message_id"].is_null()), "an orphan has no id: {orphans:?}");
}

#[test]
fn an_event_in_json_cannot_be_forged_by_its_text() {
    let world = World::new();
    let text = "ABC001I x\r\n[11/21/26 10:00:00:000 UTC] 00000001 x A TST0001I: FORGED\n{\"type\":\"liberty_message\",\"ibm_messageId\":\"TST0001I\"}";
    let event = |message: &str| {
        let id = message.split([' ', ':']).next();
        json!({ "type": "liberty_message", "ibm_messageId": id, "message": message, "ibm_datetime": "2026-11-21T10:00:00.000+0000" })
    };
    let log = format!("{}\n{}\n", event(text), event("ABC002I: y"));
    for format in ["liberty-json", "auto", "json"] {
        let found = records(&world, format, &log);
        let ids: Vec<_> = found.iter().map(|record| record["message_id"].as_str().unwrap_or_default()).collect();
        assert_eq!(ids, ["ABC001I", "ABC002I"], "{format}");
    }
}

#[test]
fn a_line_of_json_in_a_long_text_log_does_not_change_how_the_rest_is_read() {
    let world = World::new();
    let text =
        |n: u32| format!("[11/21/26 10:00:00:{:03} UTC] 00000001 x                A ABC{n:03}I: text\n", n % 1000);
    let forged = "{\"type\":\"liberty_message\",\"ibm_messageId\":\"TST0001I\",\"message\":\"TST0001I: FORGED\"}\n";
    let log: String = (0..300).map(text).chain([forged.to_owned()]).chain((300..310).map(text)).collect();
    let found = records(&world, "auto", &log);
    assert_eq!(found.iter().filter(|r| r["kind"] == "message").count(), 310, "{:?}", &found[299..]);
    assert!(found.iter().all(|record| record["message_id"] != "TST0001I"));
}

#[test]
fn an_id_that_only_looks_the_same_is_another() {
    let world = world();
    // Cyrillic Т and І, a zero-width space, a full-width T, a soft hyphen, a combining dot.
    let lookalikes = [
        "\u{422}ST0001I",
        "TST0001\u{406}",
        "TST\u{200b}0001I",
        "\u{ff34}ST0001I",
        "TST\u{ad}0001I",
        "TST0001I\u{307}",
    ];
    let lines = lookalikes.iter().map(|id| line(1, &format!("{id} x"))).collect::<String>();
    let log =
        lines + &line(2, "tst0001i x") + &line(3, "XTST0001I x") + &line(4, "x TST0001I") + &line(5, "TST0001I true");
    world.write("x.log", &log);
    let said = world.wtor(&["replay", "--json", "x.log"]).code(0);
    let decided: Vec<_> = said.json().into_iter().filter(|decision| decision["rule"] == "r").collect();
    assert_eq!(decided.len(), 1, "{said}");
    assert_eq!(decided[0]["source"]["line"], 10, "{said}");
    // What cannot be seen is shown where a person looks.
    world.wtor(&["records", "x.log"]).says(&["TST\u{fffd}0001I x"]);
}

#[test]
fn a_token_of_a_megabyte_harms_one_run_at_most() {
    let world = world();
    let agent = world.watch(0, &["logs/*.log"]);
    let huge = format!("TST0001I {}", "x".repeat(1 << 20));
    world.write("logs/a.log", line(1, &huge) + &line(2, &huge) + &line(3, "TST0001I small"));
    agent.until("three runs are over", || agent.saw("WTR302I") + agent.saw("WTR304E") == 3);
    assert_eq!(agent.saw("WTR302I"), 1);
    assert_eq!(world.runs().len(), 3);
    for args in [&["status"][..], &["history"], &["runs"], &["runs", "1"], &["replay", "logs/a.log"]] {
        assert_harmless(&format!("{args:?}"), &world.wtor(args).code(0).out);
    }
}
