//! Text from a log that wants to be more than data: shell syntax, options, paths, terminal escapes,
//! bytes that are no text. Nothing of it executes, nothing of it reaches a terminal as a control
//! character, and the job gets it unchanged.

use crate::world::{World, line};

/// What somebody who can write to a log may put into a message.
const EVIL: [&str; 18] = [
    "; touch hacked",
    "$(touch hacked)",
    "`touch hacked`",
    "' ; touch hacked ; '",
    "\" ; touch hacked ; \"",
    "'\"'\"'$(touch hacked)'",
    "| touch hacked",
    "&& touch hacked &",
    "> hacked",
    "\\'; touch hacked #",
    "${IFS}touch${IFS}hacked",
    "--help -rf / *",
    "../../../etc/passwd",
    "~ !! \\n \\",
    "\u{1b}[2J\u{1b}]0;hacked\u{7}\u{9b}31m",
    "käse 漢字 \u{202e}",
    "un\u{200b}se\u{ad}en\u{feff}\u{e0041} \u{2028}line \u{2066}turned",
    "\u{90}q\u{9c} \u{1b}]52;c;aGFja2Vk\u{7} \u{8}\u{8} \u{85}",
];

/// Programs write their arguments and variables to files, through `SH`, `PGM` and plain argv.
const JOB: &str = r#"
params = { x = { required = true } }
[[step]]
name = 'ARGV'
argv = ['./echo', 'argv', '${x}']
[[step]]
name = 'SH'
parm = 'SH ./echo sh ${x} && ./echo shequals --x=${x}'
[[step]]
name = 'PGM'
parm = 'PGM ./echo pgm ${x}'
[[step]]
name = 'ENV'
parm = 'SH ./echo env "$WTOR_X" && ./echo text "$WTOR_TEXT"'
"#;

fn world() -> World {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    world.job("show", JOB).write("logs/a.log", "").rules(
        "[[rule]]\nname = 'show'\nwhen = { id = 'TST0001I', text = 'TST0001I (?<x>.*)' }
then = [{ run = 'show', with = { x = '${x}' } }, { report = 'seen ${x}' }]",
    );
    // Each word on its own, ended by a byte that no argument can have.
    world.write("echo", "#!/bin/sh\nprintf '%s\\0' \"$@\" >> out.bin\n");
    std::fs::set_permissions(world.path("echo"), PermissionsExt::from_mode(0o755)).expect("executable");
    world
}

/// No byte of it steers a terminal: no control characters but newlines and tabs, in UTF-8 or not; and none
/// that turns the text round or that nobody sees.
#[track_caller]
pub fn assert_harmless(what: &str, text: &str) {
    const UNSEEN: [char; 9] =
        ['\u{ad}', '\u{200b}', '\u{200d}', '\u{200f}', '\u{2028}', '\u{202e}', '\u{2066}', '\u{feff}', '\u{e0041}'];
    let steers = |c: char| (c.is_control() && !matches!(c, '\n' | '\t')) || UNSEEN.contains(&c);
    let bad: Vec<_> = text.lines().filter(|line| line.contains(steers)).collect();
    assert!(bad.is_empty(), "{what} prints what steers a terminal: {bad:#?}");
}

#[test]
fn nothing_from_a_log_is_ever_executed_and_all_of_it_arrives() {
    let world = world();
    let agent = world.watch(1, &["logs/*.log"]);
    for (i, evil) in EVIL.iter().enumerate() {
        world.append("logs/a.log", line(i as u32, &format!("TST0001I {evil}")));
        // One after the other, so that the files show whose words they are.
        agent.until_said("WTR302I", i + 1);
    }
    assert!(!world.exists("hacked"));
    let out = world.read("out.bin");
    let words: Vec<&str> = out.split('\0').collect();
    let mut words = words.iter();
    for evil in EVIL {
        let pgm = ["pgm", evil];
        let text = format!("TST0001I {evil}");
        let equals = format!("--x={evil}");
        for pair in [["argv", evil], ["sh", evil], ["shequals", &equals], pgm, ["env", evil], ["text", &text]] {
            for word in pair {
                assert_eq!(words.next(), Some(&word), "for {evil:?}");
            }
        }
    }
    assert_eq!(words.as_slice(), [""]);
}

#[test]
fn nothing_from_a_log_steers_a_terminal() {
    let world = world();
    // The file's own name is a log's text too.
    let file = "logs/a\u{1b}[31m.log";
    let lines: String = EVIL.iter().map(|evil| line(1, &format!("TST0001I {evil}"))).collect();
    world.write(file, "").write("logs/id.json", "{\"message_id\":\"A\\u001b[2J\",\"text\":\"x\\u001b]0;y\\u0007\"}\n");
    let agent = world.watch(2, &["logs/*.log"]);
    world.append(file, &lines);
    agent.until_said("WTR302I", EVIL.len());
    for args in [
        &["history"][..],
        &["runs"],
        &["runs", "15"],
        &["status"],
        &["records", file],
        &["replay", file],
        &["explain", &format!("{file}:15")],
        &["explain", "--all", &format!("{file}:15")],
        &["records", "logs/id.json"],
        &["replay", "logs/id.json"],
        &["explain", "logs/id.json:1"],
        &["replay", "logs/no\u{1b}[31m.log"],
        &["explain", "logs/no\u{1b}[31m.log:1"],
    ] {
        let said = world.wtor(args);
        assert_harmless(&format!("{args:?}"), &said.out);
        assert_harmless(&format!("{args:?}"), &said.err);
    }
}

#[test]
fn the_agents_own_log_steers_no_terminal() {
    let world = world();
    world.write("logs/a.log", EVIL.map(|evil| line(1, &format!("TST0001I {evil}"))).concat());
    let said = world.wtor(&["run", "--from", "start", "--until-idle", "logs/a.log"]).code(0);
    assert_eq!(said.out.matches("WTR300I seen").count(), EVIL.len(), "{said}");
    assert_harmless("run", &said.out);
    let said = world.wtor(&["run", "--state", "other", "--json", "--from", "start", "--until-idle", "logs/a.log"]);
    assert_harmless("run --json", &said.code(0).out);
}

#[test]
fn machine_readable_output_is_one_object_a_line_whatever_the_log_holds() {
    let world = world();
    world.write("x.log", EVIL.map(|evil| line(1, &format!("TST0001I {evil}"))).concat());
    for args in [&["records", "--json", "x.log"][..], &["replay", "--json", "x.log"]] {
        let said = world.wtor(args).code(0);
        assert_eq!(said.json().len(), EVIL.len(), "{args:?}\n{said}");
        assert_harmless(&format!("{args:?}"), &said.out);
    }
}

#[test]
fn bytes_that_are_no_text_are_a_line_all_the_same() {
    let world = world();
    let agent = world.watch(1, &["logs/*.log"]);
    let mut bytes = line(1, "TST0001I nul ").trim_end_matches('\n').as_bytes().to_vec();
    bytes.extend(b"\0 high \xff\xfe esc \x1b cr \r end\n");
    world.append("logs/a.log", bytes);
    agent.until_said("WTR302I", 1);
    let out = world.read("out.bin");
    let words: Vec<&str> = out.split('\0').collect();
    assert_eq!(words[..2], ["argv", "nul \u{fffd} high \u{fffd}\u{fffd} esc \u{1b} cr \r end"]);
}

#[test]
fn a_long_line_does_not_keep_its_job_from_starting() {
    let world = world();
    world.rules(
        "[[rule]]\nname = 'show'\nwhen = { id = 'TST0001I', text = 'TST0001I (?<x>\\w+)' }
then = [{ run = 'show', with = { x = '${x}' } }]",
    );
    let agent = world.watch(1, &["logs/*.log"]);
    // The system takes no variable and no argument of more than 128 KiB.
    world.append("logs/a.log", line(1, &format!("TST0001I short {}", "x".repeat(200_000))));
    agent.until("the run is over", || agent.saw("WTR302I") + agent.saw("WTR304E") > 0);
    assert_eq!(agent.texts("WTR304E"), Vec::<String>::new());
    assert!(world.read("out.bin").starts_with("argv\0short\0sh\0short\0"));
}

#[test]
fn a_capture_cannot_pose_as_the_run() {
    let world = World::new();
    world.write("logs/a.log", "").rules(
        "[[rule]]\nname = 'r'\nwhen = { id = 'TST0001I', text = 'run (?<run>\\d+) (?<attempt>\\d+)' }\nthen = { run = 'say' }",
    );
    world.job("say", "[[step]]\nparm = 'SH echo $WTOR_RUN $WTOR_ATTEMPT > out.txt'");
    let agent = world.watch(1, &["logs/*.log"]);
    world.append("logs/a.log", line(1, "TST0001I run 999 888"));
    agent.until_said("WTR302I", 1);
    assert_eq!(world.read("out.txt"), "1 1\n");
}
