//! `wtor replay --against`: what differs from other rules and from a journal; and reports in their forms.

use crate::world::{World, line};
use serde_json::{Value, json};

const RULES: &str = "
[[rule]]
name = 'call'
when = { id = 'TST0001I', text = 'number (?<n>\\d+)' }
then = { run = 'call', with = { who = '${n}' } }
[[rule]]
name = 'twice'
when = { id = 'TST0003I' }
count = { at_least = 2, within = '10m' }
then = { report = 'again' }
";

fn world() -> World {
    let world = World::new();
    world.rules(RULES).job("call", "params = { who = { required = true } }\n[[step]]\nparm = 'SH echo calling ${who}'");
    let lines = [
        "TST0001I number 1",
        "TST0001I number 2 <script>alert('x')</script>",
        "TST0003I",
        "TST0003I",
        "TST0001I number 3",
    ];
    let log: String = (1..).zip(lines).map(|(n, text)| line(n, text)).collect();
    world.write("logs/a.log", log);
    world
}

#[test]
fn other_rules_differ_in_what_appears_disappears_and_changes() {
    let world = world();
    world.write("old/rules.toml", RULES);
    let against = |more: &[&str]| world.wtor(&[&["replay", "--against", "old", "logs/a.log"], more].concat());
    against(&[]).code(0).says(&["4 decisions are the same; 0 appear, 0 disappear, 0 change"]);
    let old = RULES.replace("number (?<n>\\d+)", "number (?<n>[13])$").replace("at_least = 2", "at_least = 3");
    world.write(
        "old/rules.toml",
        old.replace("who = '${n}'", "who = 'no${n}'").replace("no${n}", "${n}0")
            + "[[rule]]\nname = 'gone'\nwhen = { id = 'TST0003I', job_id = 'STC*' }\nonce_per = '1h'\n",
    );
    let said = against(&[]).code(1).says(&[
        "~ 2026-11-21T00:00:01.000  logs/a.log:1  call  fired: run call who=10  ->  fired: run call who=1\n",
        "+ 2026-11-21T00:00:02.000  logs/a.log:2  call  fired: run call who=2\n",
        "- 2026-11-21T00:00:03.000  logs/a.log:3  gone  fired: report TST0003I  (by time)\n",
        "+ 2026-11-21T00:00:04.000  logs/a.log:4  twice  fired: report again  (by time)\n",
        "0 decisions are the same; 2 appear, 2 disappear, 2 change\n3 of these depend on when records arrive",
    ]);
    assert_eq!(said.out.lines().count(), 8, "{said}");
    let objects = against(&["--json"]).code(1).json();
    let kinds: Vec<&str> = objects.iter().map(|o| o["kind"].as_str().expect("a kind")).collect();
    assert_eq!(kinds, ["changes", "appears", "disappears", "disappears", "appears", "changes"]);
    assert_eq!(objects[1]["about"]["source"], json!({ "file": "logs/a.log", "line": 2, "offset": 76 }));
    assert_eq!((&objects[1]["before"], &objects[1]["by_time"]), (&Value::Null, &json!(false)));
    assert_eq!(objects[0]["before"]["actions"], json!(["run call who=10"]));
    let summary = &against(&["--json", "--summary"]).code(1).json()[0];
    assert_eq!(*summary, json!({ "same": 0, "appear": 2, "disappear": 2, "change": 2, "by_time": 3 }));
    // An old directory of rules and jobs has the jobs that its rules know.
    world.write("then/rules/rules.toml", RULES.replace("run = 'call'", "run = 'ring'"));
    world.write("then/jobs/ring.toml", world.read("jobs/call.toml"));
    let said = world.wtor(&["replay", "--against", "then", "logs/a.log"]).code(1);
    said.says(&["fired: run ring who=1  ->  fired: run call who=1\n", "; 0 appear, 0 disappear, 3 change"]);
    world.write("old/rules.toml", "[[rule]]\nwhen = { id = 'A' }\n");
    against(&[]).code(1).says(&["WTR012E"]);
    world.wtor(&["replay", "--against", "none", "logs/a.log"]).code(3).says(&["none"]);
    world.wtor(&["replay", "--against", "old", "-"]).code(3).says(&["standard input"]);
}

#[test]
fn a_journal_is_compared_with_what_the_logs_say() {
    let world = world();
    world.wtor(&["run", "--from", "start", "--until-idle", "logs/a.log"]).code(0);
    // The log has been rotated since.
    std::fs::rename(world.path("logs/a.log"), world.path("old.log")).expect("renamed");
    for journal in ["state", "state/journal.db"] {
        let said = world.wtor(&["replay", "--against", journal, "old.log"]).code(0);
        said.says(&["4 decisions are the same; 0 appear, 0 disappear, 0 change\n"]);
    }
    // Another policy, and a log that the agent has not read.
    world.rules(&RULES.replace("[[rule]]\nname = 'call'", "[[rule]]\nname = 'call'\nmode = 'shadow'"));
    world.write("new.log", line(1, "TST0001I number 8"));
    let said = world.wtor(&["replay", "--against", "state", "old.log", "new.log"]).code(1);
    said.says(&[
        "old.log:5  call  fired: run call who=3  ->  shadow: every condition holds",
        "+ 2026-11-21T00:00:01.000  new.log:1  call  shadow",
        "1 decisions are the same; 1 appear, 0 disappear, 3 change",
        "4 decisions of the journal were made by another policy",
    ]);
    let said = world.wtor(&["replay", "--against", "state", "new.log"]).code(1);
    said.says(&[
        "0 decisions are the same; 1 appear",
        "4 decisions of the journal are about records that these logs do not have",
    ]);
}

/// What two records come to together has the captures of the first and stands at the second.
#[test]
fn what_several_records_come_to_is_found_again_in_a_log_that_was_renamed() {
    let world = World::new();
    world.rules(
        "[[rule]]
name = 'pair'
when = { id = 'TST0001I' }
followed_by = { id = 'TST0002I', within = '1h' }
then = [{ report = 'a pair' }, { rule = 'handed' }]
[[rule]]
name = 'handed'
then = { report = '${text}' }
[[rule]]
name = 'both'
when = { id = ['TST0001I', 'TST0003I'] }
all = { of = 'message_id', are = ['TST0001I', 'TST0003I'], within = '1h' }
",
    );
    let texts = ["TST0001I down", "TST0009I between", "TST0002I up", "TST0003I and more"];
    let log: String = (1..).zip(texts).map(|(n, text)| line(n, text)).collect();
    world.write("logs/a.log", log);
    world.wtor(&["run", "--from", "start", "--until-idle", "logs/a.log"]).code(0);
    std::fs::rename(world.path("logs/a.log"), world.path("old.log")).expect("renamed");
    let said = world.wtor(&["replay", "--against", "state", "old.log"]).code(0);
    said.says(&["3 decisions are the same; 0 appear, 0 disappear, 0 change\n"]);
}

#[test]
fn reports_are_text_json_or_one_page_of_html() {
    let world = world();
    world.rules(&RULES.replace("who = '${n}'", "who = '${text}'"));
    world.write("old/rules.toml", RULES);
    for (args, marks) in [(&["replay", "logs/a.log"][..], 4), (&["replay", "--against", "old", "logs/a.log"], 4)] {
        for form in ["txt", "json", "html"] {
            let _ = world.wtor(&[args, &["--summary", "--report", &format!("x.{form}")]].concat());
        }
        let text = world.read("x.txt");
        assert!(text.contains("logs/a.log:1") && text.contains("number 1"), "{text}");
        let object: Value = serde_json::from_str(&world.read("x.json")).expect("JSON");
        assert!(object["summary"].is_object(), "{object}");
        let html = world.read("x.html");
        assert!(html.starts_with("<!DOCTYPE html>") && html.ends_with("</html>\n"), "{html}");
        assert_eq!(html.matches("<circle").count(), marks, "{html}");
        // What a log says is no markup, and nothing is fetched.
        assert!(html.contains("&lt;script&gt;") && !html.contains("<script"), "{html}");
        assert!(!html.contains("http") && !html.contains("src="), "{html}");
    }
    world.wtor(&["replay", "logs/a.log", "--report", "x.pdf"]).code(3).says(&["x.pdf", ".html"]);
}
