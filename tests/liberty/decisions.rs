//! Every recorded log, replayed with the shipped policy: the decisions that docs/liberty-triggers.md
//! says are right, in one table. `UPDATE_GOLDEN=1` writes it anew.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::world::wtor;

const TABLE: &str = "tests/liberty/decisions.txt";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn fixtures() -> Vec<PathBuf> {
    let all = fs::read_dir(root().join("tests/fixtures/liberty")).expect("fixtures");
    let mut logs: Vec<PathBuf> = all.map(|entry| entry.expect("an entry").path()).collect();
    logs.retain(|path| path.extension().is_some_and(|extension| extension != "md"));
    logs.sort();
    assert!(logs.len() > 20, "the fixtures are gone");
    logs
}

fn decisions(log: &Path) -> Vec<Value> {
    let output = Command::new(wtor())
        .args(["replay", "--rules", "rules", "--jobs", "jobs", "--json"])
        .arg(log.strip_prefix(root()).expect("below the root"))
        .current_dir(root())
        .output()
        .expect("wtor replay");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("an object")).collect()
}

#[test]
fn the_recorded_logs_lead_to_the_right_decisions() {
    let mut table = String::from(
        "# The decisions of the shipped policy on tests/fixtures/liberty: log, then line, message, rule, action.\n\
         # Which of them are right, and why: docs/liberty-triggers.md.\n",
    );
    for log in fixtures() {
        let _ = writeln!(table, "\n{}", log.file_name().expect("a name").to_string_lossy());
        for decision in decisions(&log) {
            let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
            let action = &decision["actions"][0];
            let run = action["run"].as_str().map_or("report".to_owned(), |job| format!("run {job}"));
            let app = decision["captures"]["app"].as_str().map(|app| format!("  app={app}")).unwrap_or_default();
            let _ = writeln!(
                table,
                "  {:>4}  {}  {}  {}  {run}{app}",
                decision["source"]["line"],
                text(&decision["message_id"]),
                text(&decision["rule"]),
                text(&decision["decision"]),
            );
        }
    }
    let path = root().join(TABLE);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &table).expect(TABLE);
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(table, expected, "the decisions differ from {TABLE}");
}

/// In words: one resume for each start of a server with an application, at its first application, and none
/// for anything else; in particular not for CWWKT0016I, which waits for itself, and not for CWWKF0011I, which
/// can be too early.
#[test]
fn a_resume_belongs_to_the_first_application_of_each_start() {
    for log in fixtures() {
        let text = fs::read_to_string(&log).expect("a log");
        let starts = text.split("CWWKE0001I: ").filter(|start| start.contains("CWWKZ0001I: Application ")).count();
        let resumes: Vec<Value> = decisions(&log)
            .into_iter()
            .filter(|decision| decision["actions"][0]["run"] == "resume-endpoints" && decision["decision"] == "fired")
            .collect();
        assert_eq!(resumes.len(), starts, "{}", log.display());
        assert!(starts > 0, "{}", log.display());
        assert!(resumes.iter().all(|decision| decision["message_id"] == "CWWKZ0001I"), "{}", log.display());
    }
}
