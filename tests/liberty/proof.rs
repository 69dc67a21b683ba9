//! A run counts as good only when the messages that prove it follow; otherwise it is tried again as
//! its job says, and reported.

use std::net::{Ipv4Addr, TcpListener};

use serde_json::Value;
use wtor::demo::agent::Agent;
use wtor::demo::client::Outcome;
use wtor::demo::spec::Endpoint;
use wtor::demo::story::RULE;

use super::world::{LIMIT, World, install};

/// What wtor said up to the end of its run.
fn said_until_failed(agent: &Agent) -> Vec<String> {
    let mut said = Vec::new();
    while let Some(notice) = agent.next(LIMIT) {
        // These tests may well be run by root.
        if notice.id == "WTR314W" {
            continue;
        }
        said.push(notice.id.clone());
        match notice.id.as_str() {
            "WTR304E" => return said,
            "WTR302I" => break,
            _ => {}
        }
    }
    panic!("wtor did not report a failed run: {said:?}");
}

/// Three attempts, as jobs/resume-endpoints.toml says, each after a longer pause.
fn assert_tried_thrice(run: &Value, pauses: [i64; 2]) {
    assert_eq!((&run["good"], &run["attempts"]), (&false.into(), &3.into()), "{run:#}");
    let attempts = run["attempts_made"].as_array().expect("attempts");
    for (pair, least) in attempts.windows(2).zip(pauses) {
        let time = |value: &Value| value.as_i64().expect("a time");
        let pause = time(&pair[1]["started_at"]) - time(&pair[0]["ended_at"]);
        assert!(pause >= least, "tried again after {pause} us, and not {least}: {run:#}");
    }
}

const RETRIED: [&str; 6] = ["WTR301I", "WTR303W", "WTR301I", "WTR303W", "WTR301I", "WTR304E"];

#[test]
fn a_port_that_is_held_by_another_is_a_failure() {
    let Some(install) = install() else { return };
    let mut world = World::one_app(install);
    world.edit("rules/liberty.toml", "within = \"60s\"", "within = \"5s\"");
    let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, world.server.spec().http_port)).expect("the port");
    let agent = world.agent();
    world.start_server();
    assert_eq!(said_until_failed(&agent), RETRIED);
    drop(holder);
    world.logged("CWWKO0221E");
    world.logged("CWWKE0930E");
    world.stop_server();
    let runs = world.runs();
    assert_eq!(runs.len(), 1);
    assert_tried_thrice(&runs[0], [1_000_000, 2_000_000]);
    let attempts = runs[0]["attempts_made"].as_array().expect("attempts");
    // BPXBATCH's arithmetic: 256 times the exit code, of which a condition code keeps 12 bits.
    assert_eq!(attempts[0]["outcomes"][0]["cond_code"], 37 * 256 % 4096, "{:#}", attempts[0]);
    for attempt in attempts {
        // A later resume can end with 0 although nothing listens: then only the messages tell.
        let failed = attempt["outcomes"][0]["end"]["exited"] == 37;
        assert!(failed || attempt["missing"] == Value::from(vec!["CWWKO0219I"]), "{attempt:#}");
    }
}

/// The script ends with 0 and CWWKE0939I comes, but no port opens: it is open already.
#[test]
fn an_exit_code_of_zero_is_not_enough() {
    let Some(install) = install() else { return };
    let mut world = World::story(install, Endpoint::Enabled, &[RULE]);
    world.edit("rules/liberty.toml", "within = \"60s\"", "within = \"2s\"");
    world.edit("jobs/resume-endpoints.toml", "delay = \"1s\"", "delay = \"100ms\"");
    let client = world.client();
    let agent = world.agent();
    world.start_server();
    assert_eq!(said_until_failed(&agent), RETRIED);
    assert!(client.wait_for(Outcome::Ok, LIMIT), "no 200: {}", client.timeline());
    world.stop_server();
    let runs = world.runs();
    assert_eq!(runs.len(), 1);
    assert_tried_thrice(&runs[0], [100_000, 200_000]);
    for attempt in runs[0]["attempts_made"].as_array().expect("attempts") {
        assert_eq!(attempt["outcomes"][0]["cond_code"], 0, "{attempt:#}");
        assert_eq!(attempt["missing"], Value::from(vec!["CWWKO0219I"]), "{attempt:#}");
    }
}
