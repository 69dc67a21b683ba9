//! Stories of the rules that come with wtor.

use crate::life::*;

/// The shipped rules of a file.
fn shipped(file: &str, names: &[&str]) -> String {
    let text = std::fs::read_to_string(format!("{}/rules/{file}", env!("CARGO_MANIFEST_DIR"))).expect("readable");
    let of = |rule: &&str| names.iter().any(|name| rule.starts_with(&format!("\nname = \"{name}\"")));
    let rules: Vec<String> = text.split("[[rule]]").filter(of).map(|rule| format!("[[rule]]{rule}")).collect();
    assert_eq!(rules.len(), names.len());
    let told: Vec<String> =
        rules.iter().map(|rule| rule.lines().map(reporting).collect::<Vec<_>>().join("\n")).collect();
    told.join("\n")
}

/// The jobs are not wanted here: what an alert would say is reported.
fn reporting(line: &str) -> String {
    let what = line.split_once("what = \"").and_then(|(_, rest)| rest.split_once('"'));
    match what.filter(|_| line.starts_with("then =")) {
        Some((what, _)) => format!("then = {{ report = \"{what}\" }}"),
        None => line.to_owned(),
    }
}

#[test]
fn a_vipa_that_no_stack_takes_is_nowhere() {
    story(
        &shipped("vipa.toml", &["vipa-nowhere"]),
        &[
            "10:00:00 SYS1 EZD1298I DYNAMIC VIPA 10.1.2.3 DELETED FROM TCPIP",
            "10:00:01 SYS1 EZD1207I DYNAMIC VIPA 10.1.2.4 WAS DELETED USING CLOSE API BY WLPSRV1 ON TCPIP",
            "10:00:12 SYS2 EZZ8301I VIPA 10.1.2.4 TAKEN OVER FROM TCPIP ON SYS1",
            "10:00:13 SYS2 EZD1205I DYNAMIC VIPA 10.1.2.5 WAS CREATED USING BIND BY WLPSRV1 ON TCPIP",
            "10:01:00 SYS1 IEE136I NOTHING",
        ],
        &[
            "10:00:30 vipa-nowhere: dynamic VIPA 10.1.2.3 left TCPIP on SYS1, and no stack has it (no EZD1204I or EZD1205I or EZZ8301I or EZZ8302I followed within 30 s for vipa=10.1.2.3)",
        ],
    );
}

#[test]
fn a_job_that_keeps_abending_is_told_of_once_an_hour() {
    let abend = |time: &str, job: &str| format!("{time} SYS1 IEF450I {job} STEP020 - ABEND=S0C7 U0000 REASON=00000000");
    let times = ["10:00:00", "10:01:00", "10:02:00", "10:03:00", "10:04:00", "10:05:00"];
    let mut lines: Vec<String> = times.iter().map(|time| abend(time, "PAYROLL")).collect();
    lines.push(abend("10:05:01", "BILLING"));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    story(
        &shipped("jes2.toml", &["job-keeps-abending"]),
        &lines,
        &[
            "10:02:00 job-keeps-abending: job PAYROLL on SYS1 abended 3 times in 10 minutes, now with S0C7 in step STEP020 (match 3 in 120 s for job=PAYROLL system=SYS1)",
            "10:05:00 job-keeps-abending: held (fired 180 s ago for job=PAYROLL system=SYS1; once_per is 60 min)",
        ],
    );
}
