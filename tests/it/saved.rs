//! Saved logs: `records`, `replay` and `explain`, by the keys that other programs script against.

use crate::run::{NOTE, NOTE_RULE};
use crate::world::{World, line};
use serde_json::{Value, json};

const RECORD_KEYS: [&str; 18] = [
    "kind",
    "message_id",
    "inner_id",
    "text",
    "lines",
    "system",
    "job_name",
    "job_id",
    "console",
    "reply_id",
    "connect_id",
    "routing",
    "flags",
    "time",
    "level",
    "format",
    "source",
    "mark",
];

fn world() -> World {
    let world = World::new();
    world.rules(NOTE_RULE).job("note", NOTE);
    world
}

/// A display in two messages whose lines interleave, a continuation, a command, a WTOR and a wrapper.
const HARDCOPY: &str = "\
N 4040000 SYS1     2026325 10:00:00.50 STC01234 00000090 *XYZ050E SHORTAGE
N 4000000 SYS1     2026325 10:00:01.00 STC01234 00000090  ABC100I THE FIRST PART AND
S                                                          THE SECOND
M 4000000 SYS1     2026325 10:00:02.00 STC00001 00000090  IEE114I 10.00.02 ACTIVITY 017
M 4000000 SYS1     2026325 10:00:02.10 STC00002 00000090  IEE115I 10.00.02 OTHER 018
D                                         017 00000090  JOBS=3
D                                         018 00000090  JOBS=4
E                                         018 00000090  LAST OF 018
N 4000000 SYS1     2026325 10:00:02.20 STC01234 00000090  TST0001I number 5
E                                         017 00000090  LAST OF 017
NC0000000 SYS1     2026325 10:00:03.00 CONS01   00000090  D A,L
NW4000000 SYS1     2026325 10:00:04.00 STC01234 00000090 *12 XYZ060A REPLY Y OR N
N 0000000 SYS1     2026325 10:00:05.00 JOB00007 00000090  IEF196I IEF237I 0A80 ALLOCATED TO SYSUT1
";

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn records_print_one_object_each_with_every_key() {
    let world = world();
    world.write("x.log", HARDCOPY);
    let records = world.wtor(&["records", "--json", "x.log"]).code(0).json();
    for record in &records {
        let found = keys(record);
        let missing: Vec<_> = RECORD_KEYS.iter().filter(|key| !found.contains(key)).collect();
        assert!(missing.is_empty(), "no {missing:?} in {record}");
        assert_eq!(keys(&record["source"]), ["file", "line", "offset"]);
        // The record begins where it says.
        let (at, number) = (&record["source"]["offset"], &record["source"]["line"]);
        let before = &HARDCOPY[..usize::try_from(at.as_u64().unwrap()).unwrap()];
        assert_eq!(json!(before.lines().count() + 1), *number, "{record}");
    }
    let of = |id: &str| records.iter().find(|r| r["message_id"] == id).unwrap_or_else(|| panic!("no {id}"));
    let shortage = of("XYZ050E");
    let expected = json!({
        "kind": "message", "message_id": "XYZ050E", "inner_id": null, "text": "XYZ050E SHORTAGE", "lines": null,
        "system": "SYS1", "job_name": null, "job_id": "STC01234", "console": null, "reply_id": null,
        "connect_id": null, "routing": [2, 10], "flags": "00000090", "flag_names": shortage["flag_names"], "mark": "*",
        "time": "2026-11-21T10:00:00.50", "level": null, "format": "hardcopy", "incomplete": false,
        "source": { "file": "x.log", "line": 1, "offset": 0 },
    });
    assert_eq!(*shortage, expected);
    assert_eq!(of("ABC100I")["text"], "ABC100I THE FIRST PART AND THE SECOND");
    let display = |id: &str| (of(id)["connect_id"].clone(), of(id)["lines"].clone());
    let trimmed = |value: &Value| -> Vec<String> {
        value.as_array().expect("lines").iter().map(|l| l.as_str().unwrap().trim().to_owned()).collect()
    };
    assert_eq!(display("IEE114I").0, "017");
    assert_eq!(trimmed(&display("IEE114I").1), ["JOBS=3", "LAST OF 017"]);
    assert_eq!(trimmed(&display("IEE115I").1), ["JOBS=4", "LAST OF 018"]);
    assert_eq!((&of("XYZ060A")["kind"], &of("XYZ060A")["reply_id"]), (&json!("wtor"), &json!("12")));
    assert_eq!(of("IEF196I")["inner_id"], "IEF237I");
    let command = records.iter().find(|r| r["kind"] == "command").expect("a command");
    assert_eq!((&command["console"], &command["text"]), (&json!("CONS01"), &json!("D A,L")));
}

#[test]
fn nothing_in_a_log_is_dropped() {
    let world = world();
    let torn = "E                                         099 00000090  ORPHAN\nno line of this format at all\n";
    world.write("x.log", format!("{}{torn}{}", line(1, "TST0001I number 1"), line(2, "TST0001I number 2")));
    let kinds: Vec<_> =
        world.wtor(&["records", "--json", "x.log"]).code(0).json().iter().map(|r| r["kind"].clone()).collect();
    assert_eq!(kinds, ["message", "orphan", "unparsed", "message"]);
    let summary = &world.wtor(&["replay", "--json", "--summary", "x.log"]).code(0).json()[0];
    assert_eq!(
        (&summary["lines"], &summary["kinds"]["unparsed"], &summary["kinds"]["orphan"]),
        (&json!(4), &json!(1), &json!(1))
    );
    for command in ["replay", "records"] {
        world.wtor(&[command, "x.log"]).code(0).says(&["4 lines, 4 records: 2 message, 1 orphan, 1 unparsed"]);
    }
}

/// Liberty's `jsonFieldMappings` may rename every field; then only the source knows.
#[test]
fn records_reads_a_log_as_its_source_does() {
    let world = World::new();
    let source =
        "[[source]]\nfile = 'e.log'\nformat = 'liberty-json'\nfields = { message_id = 'number', text = 'what' }";
    world.write("wtor.toml", source).write("e.log", "{\"number\":\"CWWKF0011I\",\"what\":\"it is ready\"}\n");
    let record = &world.wtor(&["records", "--json", "e.log"]).code(0).json()[0];
    assert_eq!((&record["message_id"], &record["text"]), (&json!("CWWKF0011I"), &json!("it is ready")));
    // What the command line says goes first.
    let record = &world.wtor(&["records", "--json", "--format", "plain", "e.log"]).code(0).json()[0];
    assert_eq!(record["format"], "plain");
    world.write("wtor.toml", "[[source]]\nnothing = 1\n");
    let said = world.wtor(&["records", "e.log"]).code(1).says(&["unknown key `nothing`", "no log is read"]);
    assert!(said.out.is_empty(), "it would be read as something else than it is: {said}");
    world.wtor(&["records", "--format", "plain", "e.log"]).code(0);
}

#[test]
fn a_decision_is_one_object_with_every_key() {
    let world = world();
    world.write("x.log", line(0, "TST0009I other") + &line(1, "TST0001I number 41"));
    let decisions = world.wtor(&["replay", "--rules", "rules", "--jobs", "jobs", "--json", "x.log"]).code(0).json();
    let [decision] = &decisions[..] else { panic!("{decisions:?}") };
    assert_eq!(keys(decision), ["rule", "decision", "reason", "at", "message_id", "captures", "actions", "source"]);
    assert_eq!((&decision["rule"], &decision["decision"]), (&json!("note"), &json!("fired")));
    assert_eq!(decision["reason"], "every condition holds");
    assert!(decision["at"].as_str().expect("a time").starts_with("2026-11-21T00:00:01"), "{decision}");
    assert_eq!(decision["message_id"], "TST0001I");
    assert_eq!((&decision["captures"]["n"], &decision["captures"]["job_id"]), (&json!("41"), &json!("STC01234")));
    assert_eq!(decision["source"], json!({ "file": "x.log", "line": 2, "offset": line(0, "TST0009I other").len() }));
    let action = &decision["actions"][0];
    assert_eq!((&action["run"], &action["argv"]), (&json!("note"), &json!(["/bin/sh", "-lc", "echo 41 >> out.txt"])));
    assert_eq!((&action["env"]["WTOR_N"], &action["env"]["WTOR_SYSTEM"]), (&json!("41"), &json!("SYS1")));
    assert!(!world.exists("out.txt") && !world.exists("state"), "a dry run leaves nothing behind");
}

/// What was handed over is known by such a name.
#[test]
fn a_file_is_itself_whatever_it_is_called() {
    let world = World::new();
    world.rules("[[rule]]\nname = 'r'\nwhen = { id = 'TST0001I' }");
    let names = ["x.log", "by r: x.log", "schedule r", "looked x.log"];
    for name in names {
        world.write(name, line(1, "TST0001I"));
    }
    assert_eq!(world.wtor(&[&["replay", "--json"][..], &names].concat()).code(0).json().len(), names.len());
}

#[test]
fn every_verdict_shows_in_a_replay() {
    let world = world();
    world.rules(
        "[[rule]]\nname = 'shadow'\nmode = 'shadow'\nwhen = { id = 'TST0001I' }\nthen = { run = 'note', with = { n = '1' } }
[[rule]]\nname = 'hollow'\nwhen = { id = 'TST0001I', text = 'I(?<n> \\d+)?$' }\nthen = { run = 'note', with = { n = '${n}' } }
[[rule]]\nname = 'off'\nenabled = false\nwhen = { id = 'TST0001I' }
[[rule]]\nname = 'say'\nwhen = { id = 'TST0001I' }\nthen = { report = 'it is ${message_id}' }",
    );
    world.write("x.log", line(1, "TST0001I"));
    let decisions = world.wtor(&["replay", "--json", "x.log"]).code(0).json();
    let brief: Vec<_> =
        decisions.iter().map(|d| (d["rule"].as_str().unwrap(), d["decision"].as_str().unwrap())).collect();
    assert_eq!(brief, [("shadow", "shadow"), ("hollow", "impossible"), ("say", "fired")]);
    assert_eq!(
        decisions[2]["actions"],
        json!([{ "run": null, "report": "it is TST0001I", "argv": null, "env": null }])
    );
    let said = world.wtor(&["replay", "x.log"]).code(0);
    said.says(&["shadow  (shadow: ", "hollow  (impossible: parameter `n`", "would report: it is TST0001I", "x.log:1"]);
}

#[test]
fn rules_that_are_not_enabled_match_nothing_and_fields_have_captures_too() {
    let world = world();
    world.rules(
        "enabled = false
[[rule]]\nname = 'off'\nwhen = { id = 'TST0001I' }
[[rule]]\nname = 'on'\nenabled = true\nwhen = { id = { regex = '^TST(?<a>\\d+)' }, job_id = { regex = '^STC0*(?<b>\\d+)' }, token = { 3 = { regex = '(?<c>.)$' } } }",
    );
    world.write("x.log", line(1, "TST0001I number 41"));
    let decisions = world.wtor(&["replay", "--json", "x.log"]).code(0).json();
    let [decision] = &decisions[..] else { panic!("{decisions:?}") };
    let captures = &decision["captures"];
    assert_eq!((&decision["rule"], &captures["a"]), (&json!("on"), &json!("0001")));
    assert_eq!((&captures["b"], &captures["c"]), (&json!("1234"), &json!("1")));
}

#[test]
fn several_files_globs_and_standard_input() {
    let world = world();
    world.write("b.log", line(1, "TST0001I number 2")).write("a.log", line(1, "TST0001I number 1"));
    world.write("odd[1].log", line(1, "TST0001I number 3"));
    let numbers = |args: &[&str], input: &str| -> Vec<String> {
        let all = [&["replay", "--json"][..], args].concat();
        let found = world.wtor_given(&all, input.as_bytes()).code(0).json();
        found
            .iter()
            .map(|d| format!("{}:{}", d["source"]["file"].as_str().unwrap(), d["captures"]["n"].as_str().unwrap()))
            .collect()
    };
    assert_eq!(numbers(&["b.log", "a.log"], ""), ["b.log:2", "a.log:1"]);
    assert_eq!(numbers(&["?.log"], ""), ["a.log:1", "b.log:2"]);
    assert_eq!(numbers(&["odd[1].log"], ""), ["odd[1].log:3"], "a name that exists is no glob");
    let piped = line(1, "TST0001I number 8") + line(2, "TST0001I number 9").trim_end();
    assert_eq!(numbers(&["-"], &piped), ["-:8", "-:9"]);
    assert_eq!(numbers(&["a.log", "-"], &piped), ["a.log:1", "-:8", "-:9"]);
    let records = world.wtor_given(&["records", "--json", "-"], piped.as_bytes()).code(0).json();
    assert_eq!(records.len(), 2);
    assert_eq!(records[1]["source"]["file"], "-");
}

#[test]
fn an_empty_log_is_a_log() {
    let world = world();
    world.write("x.log", "").write("y.log", "\n\n");
    assert_eq!(world.wtor(&["records", "--json", "x.log"]).code(0).json().len(), 0);
    assert_eq!(world.wtor(&["replay", "--json", "x.log", "y.log"]).code(0).json().len(), 0);
    world.wtor(&["replay", "x.log"]).code(0).says(&["0 lines, 0 records", "never matched: note"]);
}

#[test]
fn the_summary_counts_rules_that_never_matched_and_ids_without_a_rule() {
    let world = world();
    world.rules(&format!("{NOTE_RULE}\n[[rule]]\nname = 'lonely'\nwhen = {{ id = 'TST0007I' }}\n[[rule]]\nname = 'idle'\nwhen = {{ id = 'TST0008I' }}"));
    world.write(
        "x.log",
        line(1, "TST0001I number 1").repeat(3)
            + &line(2, "TST0005I x").repeat(2)
            + &line(3, "TST0004I y")
            + &line(4, "TST0001I none"),
    );
    let table = "rule    decisions\nnote            3\nnever matched: idle, lonely\nids without a rule: TST0005I (2), TST0001I (1), TST0004I (1)\n";
    let said = world.wtor(&["replay", "--summary", "x.log"]).code(0);
    assert!(said.out.ends_with(table), "{said}");
    assert!(!said.out.contains("would run"), "{said}");
    let summary = &world.wtor(&["replay", "--summary", "--json", "x.log"]).code(0).json()[0];
    assert_eq!(summary["rules"], json!({ "idle": 0, "lonely": 0, "note": 3 }));
    assert_eq!(summary["never_matched"], json!(["idle", "lonely"]));
    assert_eq!(summary["ids_without_a_rule"][0], json!({ "message_id": "TST0005I", "count": 2 }));
    assert_eq!((&summary["lines"], &summary["records"]), (&json!(7), &json!(7)));
}

#[test]
fn every_format_can_be_named() {
    let world = world();
    world.write("x.log", "TST0001I number 1\n");
    let completions = world.wtor(&["completions", "bash"]).code(0).out;
    for format in wtor::record::Format::ALL.map(wtor::record::Format::name) {
        let records = world.wtor(&["records", "--json", "--format", format, "x.log"]).code(0).json();
        assert_eq!(records[0]["format"], format, "{records:?}");
        assert!(completions.contains(format), "{format} is not completed");
    }
    let read = |format: &str| {
        world.wtor(&["records", "--json", "--format", format, "x.log"]).code(0).json()[0]["kind"].clone()
    };
    assert_eq!((read("plain"), read("hardcopy")), (json!("message"), json!("unparsed")));
}

#[test]
fn a_replay_names_and_reads_a_log_as_its_source_does() {
    let world = world();
    world.rules("[[rule]]\nname = 'ours'\nwhen = { id = 'TST0001I', source = 'web', server = 'web1' }");
    world.write("logs/a.log", "TST0001I number 1\n").write("other.log", "TST0001I number 2\n");
    world.write(
        "wtor.toml",
        "[[source]]\nname = 'web'\nfile = ['nothing.log', 'logs/*.log']\nserver = 'web1'\nformat = 'plain'",
    );
    let found = world.wtor(&["replay", "--json", "logs/a.log", "other.log"]).code(0).json();
    let files: Vec<_> = found.iter().map(|d| d["source"]["file"].as_str().unwrap()).collect();
    assert_eq!(files, ["logs/a.log"], "only the first belongs to the source");
    assert_eq!(found[0]["captures"]["source"], "web");
    // However the file is named.
    let whole = world.path("logs/a.log").display().to_string();
    assert_eq!(world.wtor(&["replay", "--json", &whole]).code(0).json().len(), 1);
    world.wtor(&["explain", "logs/a.log:1"]).code(0).says(&["as told by wtor.toml", "rule ours: matches"]);
    world.wtor(&["explain", "other.log:1"]).code(0).says(&["rule ours: does not match: source is other.log, not web"]);
    // What the command line says about the layout goes first.
    let said = world
        .wtor(&["explain", "--format", "hardcopy", "logs/a.log:1"])
        .code(0)
        .says(&["unparsed", "as told by --format"]);
    assert!(!said.out.contains("rule ours: matches"), "{said}");
}

#[test]
fn explain_says_what_a_record_was_to_a_rule_that_asks_for_several() {
    let world = world();
    world.rules(
        "[[rule]]\nname = 'twice'\nwhen = { id = 'TST0001I', text = 'number (?<n>\\d)' }\nby = 'n'\nonce_per = '1h'
count = { at_least = 2, within = '1m' }
[[rule]]\nname = 'gone'\nwhen = { id = 'TST0001I' }\nunless_followed_by = { id = 'TST0002I', within = '30s' }",
    );
    let lines: Vec<_> = (0..4).map(|n| line(n, "TST0001I number 7")).collect();
    world.write("x.log", lines.concat() + &line(50, "TST0009I other"));
    for (number, words) in [
        (
            1,
            [
                "noted for n=7 as counted, until 2026-11-21T00:01:00",
                "decided at 2026-11-21T00:00:30.000: fired, no TST0002I",
            ],
        ),
        (2, ["decided at 2026-11-21T00:00:01.000: fired, match 2 in 1 s for n=7", "noted as again"]),
        (4, ["held, fired 2 s ago for n=7", "noted as again"]),
    ] {
        world.wtor(&["explain", &format!("x.log:{number}")]).code(0).says(&words);
    }
    let object = &world.wtor(&["explain", "--json", "x.log:1"]).code(0).json()[0];
    assert_eq!(object["rules"][1]["came"].as_array().expect("a list").len(), 2, "noted, and decided");
}

#[test]
fn records_are_read_as_the_flags_say() {
    let world = World::new();
    let line = "N 0000000 SYS1     2024060 21.16.20 ABC001I NUMBER 1";
    let fixed = |text: &str| crate::sources::ebcdic(&format!("{text:60}"));
    world.write("fixed.bin", [fixed(line), fixed("ABC002I NUMBER 2")].concat());
    let flags = ["--encoding", "ibm-1047", "--record-length", "60", "--format", "plain"];
    let records = world.wtor(&[&["records", "--json", "fixed.bin"], &flags[..]].concat()).code(0).json();
    assert_eq!((&records[0]["text"], &records[1]["message_id"]), (&json!(line), &json!("ABC002I")));
    assert_eq!(records[1]["source"], json!({ "file": "fixed.bin", "line": 2, "offset": 60 }));
    // In the other code page these bytes are other characters.
    world.write("a.log", [0xad, 0xbd, 0x15]);
    for (encoding, text) in [("ibm-1047", "[]"), ("ibm-037", "Ý¨")] {
        let records = world.wtor(&["records", "--json", "--encoding", encoding, "a.log"]).code(0).json();
        assert_eq!(records[0]["text"], text);
    }
    // Only the preset knows what `Task` is.
    world.write("b.log", "{\"MessageID\":\"ABC001I\",\"MessageText\":\"x\",\"Task\":\"STC00001\"}\n");
    let flags = ["--format", "json", "--preset", "cdp-syslog-console"];
    let records = world.wtor(&[&["records", "--json", "b.log"], &flags[..]].concat()).code(0).json();
    assert_eq!(records[0]["job_id"], "STC00001");
}

/// The log comes through a pipe that stays open, so that the agent is still there to be measured.
#[cfg(target_os = "linux")]
#[test]
fn a_long_log_needs_no_more_memory_than_a_short_one() {
    use std::io::Write as _;
    let world = world();
    let rule =
        |n| format!("[[rule]]\nname = 'r{n}'\nwhen = {{ id = 'XYZ{n:04}I', text = '^XYZ{n:04}I .* (?<n>\\d+)$' }}\n");
    world.rules(&(0..1000).map(rule).collect::<String>());
    let mut command = world.command(&["replay", "--summary", "-"]);
    let mut replay = command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::null()).spawn().unwrap();
    let lines: String = (0..10_000)
        .map(|n| format!("N 4000000 SYS1     24060 21:16:20.82 STC{n:05} 00000090  XYZ{:04}I NUMBER {n}\n", n % 3000))
        .collect();
    let mut log = replay.stdin.take().unwrap();
    for _ in 0..20 {
        log.write_all(lines.as_bytes()).unwrap();
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", replay.id())).unwrap();
    drop(log);
    assert!(replay.wait().unwrap().success());
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: usize = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < 64 << 10, "{peak} KiB for {} KiB of a log", (20 * lines.len()) >> 10);
}

/// What a command says on standard error when that is a terminal.
fn seen_on_a_terminal(world: &World, args: &[&str]) -> String {
    use rustix::pty;
    use std::io::Read;
    let controller = pty::openpt(pty::OpenptFlags::RDWR | pty::OpenptFlags::NOCTTY).expect("a terminal");
    pty::grantpt(&controller).and_then(|()| pty::unlockpt(&controller)).expect("ours");
    let name = pty::ptsname(&controller, Vec::new()).expect("a name").into_string().expect("ASCII");
    let terminal = std::fs::OpenOptions::new().read(true).write(true).open(name).expect("its other side");
    let mut command = world.command(args);
    command.env("TERM", "xterm").stdout(std::process::Stdio::null()).stderr(terminal);
    let mut child = command.spawn().expect("started");
    // Its only other holder ends with the program, and reading ends with an error then.
    drop(command);
    let mut seen = Vec::new();
    let _ = std::fs::File::from(controller).read_to_end(&mut seen);
    assert_eq!(child.wait().expect("ended").code(), Some(0));
    String::from_utf8_lossy(&seen).into_owned()
}

#[test]
fn a_long_replay_shows_how_far_it_is_to_a_person_and_to_nobody_else() {
    let world = world();
    world.write("long.log", line(1, "TST0009I other").repeat((9 << 20) / line(1, "TST0009I other").len()));
    world.write("short.log", line(1, "TST0001I number 1"));
    let seen = seen_on_a_terminal(&world, &["replay", "--summary", "long.log"]);
    let bar = regex::Regex::new(r"[█#=]+.*[\d.]+ MiB/[\d.]+ MiB .*/s").expect("a pattern");
    assert!(bar.is_match(&seen), "{seen:?}");
    // At the end nothing of it is left on the line.
    assert!(seen.ends_with("\u{1b}[2K") || seen.ends_with("\r"), "{seen:?}");
    assert_eq!(seen_on_a_terminal(&world, &["replay", "--summary", "short.log"]), "");
    assert_eq!(world.wtor(&["replay", "--summary", "long.log"]).code(0).err, "");
}

/// The text that explains a line.
#[track_caller]
fn explained(world: &World, what: &str) -> String {
    world.wtor(&["explain", what]).code(0).out
}

#[test]
fn explain_says_how_a_line_was_read_and_why_near_rules_match_or_not() {
    let world = world();
    world.rules(
        "[[rule]]\nname = 'hit'\nwhen = { id = 'TST0001I', text = 'number (?<n>\\d+)' }
[[rule]]\nname = 'miss'\nwhen = { id = 'TST0001I', system = 'SYS2' }
[[rule]]\nname = 'except'\nwhen = { id = 'TST0001I', unless = { job_id = 'STC*' } }
[[rule]]\nname = 'off'\nenabled = false\nwhen = { id = 'TST*' }
[[rule]]\nname = 'far'\nwhen = { id = 'ZZZ0001I' }",
    );
    world.write("x.log", line(1, "TST0009I other") + &line(2, "TST0001I number 7"));
    let text = explained(&world, "x.log:2");
    for words in [
        "format        hardcopy (chosen by line 1: ",
        "message_id    TST0001I",
        "job_id        STC01234",
        "rule hit: matches, with n=7",
    ] {
        assert!(text.contains(words), "`{words}` is missing in\n{text}");
    }
    let miss = text.lines().find(|l| l.starts_with("rule miss")).expect("miss");
    assert!(miss.contains("does not match") && miss.contains("SYS2") && miss.contains("SYS1"), "{miss}");
    let except = text.lines().find(|l| l.starts_with("rule except")).expect("except");
    assert!(except.contains("does not match"), "{except}");
    assert!(text.contains("rule off: matches (the rule is disabled)"), "{text}");
    assert!(!text.contains("rule far"), "{text}");
    let all = world.wtor(&["explain", "--all", "x.log:2"]).code(0);
    let all = all.says(&["rule far: does not match", "ZZZ0001I"]);
    assert!(all.out.len() > text.len());
    let object = &world.wtor(&["explain", "--json", "x.log:2"]).code(0).json()[0];
    assert_eq!(object["record"]["message_id"], "TST0001I");
    assert_eq!(object["rules"][0]["matches"], true);
    assert!(object["detection"].as_str().expect("a reason").starts_with("hardcopy"));
    assert!(explained(&world, "x.log:1").contains("rule off: matches"));
    world.write("plain.log", "nothing here\n");
    assert!(explained(&world, "plain.log:1").contains("no rule asks for this message id"));
}

#[test]
fn explain_finds_the_record_that_any_of_its_lines_belongs_to() {
    let world = world();
    world.write("x.log", HARDCOPY);
    let owner = |number: usize| {
        let object = &world.wtor(&["explain", "--json", &format!("x.log:{number}")]).code(0).json()[0];
        object["record"]["message_id"].as_str().map_or("-".to_owned(), str::to_owned)
    };
    let owners: Vec<_> = (1..=13).map(owner).collect();
    let expected = [
        "XYZ050E", "ABC100I", "ABC100I", "IEE114I", "IEE115I", "IEE114I", "IEE115I", "IEE115I", "TST0001I", "IEE114I",
        "-", "XYZ060A", "IEF196I",
    ];
    assert_eq!(owners, expected);
    // A stack trace belongs to its message.
    let trace = "[11/21/26, 22:12:31:642 UTC] 00000029 com.ibm.ws.webcontainer                                      E SRVE0777E: Exception thrown\n\tat a.B.c(B.java:1)\n\tat a.B.d(B.java:2)\n[11/21/26, 22:12:32:642 UTC] 00000029 com.ibm.ws.webcontainer                                      I SRVE0242I: next\n";
    world.write("messages.log", trace);
    for number in 1..=3 {
        assert!(
            explained(&world, &format!("messages.log:{number}")).contains("message_id    SRVE0777E"),
            "line {number}"
        );
    }
    assert!(explained(&world, "messages.log:4").contains("message_id    SRVE0242I"));
    world.wtor(&["explain", "messages.log:5"]).code(3).says(&["has 4 lines"]);
}

#[test]
fn a_replay_of_an_unfinished_log_reads_its_last_line_and_its_open_messages() {
    let world = world();
    world.rules(&format!(
        "{NOTE_RULE}\n[[rule]]\nname = 'open'\nwhen = {{ id = 'IEE114I', any_line = 'JOBS=(?<jobs>\\d+)' }}"
    ));
    let open: String = HARDCOPY.lines().skip(3).take(3).map(|l| format!("{l}\n")).collect();
    world.write("x.log", open + line(1, "TST0001I number 3").trim_end());
    let decisions = world.wtor(&["replay", "--json", "x.log"]).code(0).json();
    let rules: Vec<_> = decisions.iter().map(|d| d["rule"].as_str().unwrap()).collect();
    assert_eq!(rules.len(), 2, "{decisions:?}");
    assert!(rules.contains(&"note") && rules.contains(&"open"));
}

#[test]
fn a_file_that_is_older_than_the_one_before_keeps_its_own_time() {
    let world = world();
    world.rules(NOTE_RULE).job("note", NOTE);
    world.write("new.log", line(1, "TST0001I number 1"));
    world.write("old.log", line(2, "TST0001I number 2").replace(" 2026325 ", " 2025325 "));
    let decisions = world.wtor(&["replay", "--json", "new.log", "old.log"]).code(0).json();
    let at: Vec<_> = decisions.iter().map(|d| d["at"].as_str().unwrap_or_default().to_owned()).collect();
    assert!(at.len() == 2 && at[1] < at[0], "{at:?}");
}

#[test]
fn explain_and_stats_are_under_the_brakes_of_the_site() {
    let world = world();
    world.rules(
        "[[rule]]\nname = 'often'\nwhen = { id = 'TST0001I' }\nthen = [{ run = 'note', with = { n = '1' } }, { rule = 'told' }]
[[rule]]\nname = 'told'\nthen = { report = '${text}' }",
    );
    world.write("x.log", line(1, "TST0001I A") + &line(2, "TST0001I B"));
    world.write("wtor.toml", "[brake]\nall = { runs = 1, per = '1m' }");
    let told = "rule told: is begun by rules that hand over to it\n    decided at 2026-11-21T00:00:01.000: fired";
    world.wtor(&["explain", "x.log:1"]).code(0).says(&["rule often: matches", told]);
    let held = "held, storm brake: all rules together start at most 1 runs in 60 s";
    world.wtor(&["explain", "x.log:2"]).code(0).says(&[held]);
    let replayed = world.wtor(&["replay", "--json", "x.log"]).code(0).json();
    let replayed: Vec<_> = replayed.iter().map(|d| (d["rule"].clone(), d["decision"].clone())).collect();
    assert_eq!(replayed, [("often", "fired"), ("told", "fired"), ("often", "held")].map(|(r, d)| (json!(r), json!(d))));
    let stats = world.wtor(&["stats", "--json", "x.log"]).code(0);
    assert_eq!(stats.json()[0]["logs"]["rules"], json!({ "often": 2, "told": 1 }), "{stats}");
}

#[test]
fn a_saved_unix_syslog_has_the_year_of_its_last_change() {
    let world = world();
    world.write("x.log", "Oct 11 22:14:15 host su[17]: ABC001I x\nFeb  3 10:00:00 host su[17]: ABC002I y\n");
    let file = std::fs::File::options().write(true).open(world.path("x.log")).expect("it is there");
    // 2021-06-01: October of that year was still to come.
    file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_622_548_800)).expect("it is ours");
    let records = world.wtor(&["records", "--json", "x.log"]).code(0).json();
    let times: Vec<_> = records.iter().map(|r| r["time"].clone()).collect();
    assert_eq!(times, [json!("2020-10-11T22:14:15"), json!("2021-02-03T10:00:00")]);
}
