//! Stories of the rules that come with wtor.

use crate::life::*;

/// The shipped rules of a file.
fn shipped(file: &str, names: &[&str]) -> String {
    let text = std::fs::read_to_string(format!("{}/rules/{file}", env!("CARGO_MANIFEST_DIR"))).expect("readable");
    let of = |rule: &&str| names.iter().any(|name| rule.starts_with(&format!("\nname = \"{name}\"")));
    let rules: Vec<String> = text.split("[[rule]]").filter(of).map(|rule| format!("[[rule]]{rule}")).collect();
    assert_eq!(rules.len(), names.len());
    reporting(&rules.join("\n"))
}

/// The jobs are not wanted here: what an alert would say is reported, and so is a resume. A rule that is
/// shipped disabled is tried all the same.
fn reporting(rules: &str) -> String {
    let each = [
        (r#"(?m)^ +\{ run = "alert", if = "failed".*$"#, ""),
        (r#"\{ run = "alert", with = \{ severity = "\w+", what = ("[^"]*") \} \}"#, "{ report = $1 }"),
        (r#"(?m)\{ run = "resume-endpoints".*$"#, "{ report = 'resume' },"),
        (r"(?m)^enabled = false$", ""),
    ];
    each.into_iter().fold(rules.to_owned(), |rules, (what, by)| {
        regex::Regex::new(what).expect("a pattern").replace_all(&rules, by).into_owned()
    })
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

fn started(time: &str, app: &str) -> String {
    format!("{time} SYS1 CWWKZ0001I: Application {app} started in 3.125 seconds.")
}

#[test]
fn a_server_is_opened_when_all_its_applications_are_there() {
    let rules = shipped("liberty.toml", &["liberty-apps-available"]);
    let (shop, pay) = (started("10:00:09", "shop"), started("10:00:08", "pay"));
    let launched = "10:00:01 SYS1 CWWKE0001I: The server web1 has been launched.";
    let ready = "10:00:20 SYS1 CWWKF0011I: The web1 server is ready to run a smarter planet.";
    let later = "10:05:01 SYS1 CWWKO0220I: nothing that it waits for";
    story(
        &rules,
        &[launched, &pay, &shop, &started("10:00:10", "stock"), ready, later],
        &[
            "10:00:10 liberty-apps-available: resume (all of shop, stock, pay came in 9 s for job_id=STC01234 source=log system=SYS1)",
        ],
    );
    story(
        &rules,
        &[launched, &pay, &shop, ready, later],
        &[
            "10:00:20 liberty-apps-available: resume (CWWKF0011I came, which stands for stock for job_id=STC01234 source=log system=SYS1)",
        ],
    );
    story(
        &rules,
        &[launched, &pay, &shop, later],
        &[
            "10:05:01 liberty-apps-available: Liberty server  STC01234 on SYS1 lacks stock: its endpoint stays closed (stock did not come within 300 s for job_id=STC01234 source=log system=SYS1)",
        ],
    );
}

#[test]
fn addresses_that_are_taken_over_are_one_situation() {
    let taken = |time: &str, vipa: &str| format!("{time} SYS2 EZZ8301I VIPA {vipa} TAKEN OVER FROM TCPIP ON SYS1");
    let lines = [taken("10:00:00", "10.1.2.3"), taken("10:00:05", "10.1.2.4"), taken("10:00:14", "10.1.2.3")];
    let mut lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    lines.push("10:01:00 SYS2 IEE136I x");
    story(
        &shipped("vipa.toml", &["vipa-takeover"]),
        &lines,
        &[
            "10:00:24 vipa-takeover: SYS2 took over 3 dynamic VIPAs from SYS1 within 24 s: 10.1.2.3, 10.1.2.4 (3 records in 24 s for system=SYS2)",
        ],
    );
}

#[test]
fn a_job_that_keeps_abending_is_told_by_level() {
    let abend = |time: &str, job: &str| format!("{time} SYS1 IEF450I {job} STEP020 - ABEND=S0C7 U0000 REASON=00000000");
    let times =
        ["08:00:00", "09:00:00", "10:00:00", "10:30:00", "10:40:00", "10:45:00", "10:46:00", "10:47:00", "10:48:00"];
    let mut lines: Vec<String> = times.iter().map(|time| abend(time, "PAYROLL")).collect();
    lines.push(abend("10:48:01", "BILLING"));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    story(
        &shipped("jes2.toml", &["job-keeps-abending"]),
        &lines,
        &[
            "10:30:00 job-keeps-abending: job PAYROLL on SYS1 abended 4 times in 150 min (S0C7) (level infrequent: match 4 in 150 min for job=PAYROLL system=SYS1)",
            "10:45:00 job-keeps-abending: job PAYROLL on SYS1 abended 4 times in 45 min (S0C7) (level frequent: match 4 in 45 min for job=PAYROLL system=SYS1)",
            "10:47:00 job-keeps-abending: job PAYROLL on SYS1 abended 4 times in 420 s (S0C7), now in step STEP020 (level critical: match 4 in 420 s for job=PAYROLL system=SYS1)",
        ],
    );
}
