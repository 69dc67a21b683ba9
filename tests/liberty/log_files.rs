//! What Liberty does to its log: it renames it at every start, and it can write JSON.

use std::collections::BTreeSet;
use std::fs;

use wtor::demo::client::Outcome;
use wtor::demo::spec::ServerSpec;
use wtor::demo::story::RULE;

use super::world::{LIMIT, World, assert_opened_once, assert_proved, install};

#[test]
fn the_log_is_renamed_at_every_start_and_wtor_goes_on() {
    let Some(install) = install() else { return };
    let mut world = World::one_app(install);
    // A log from before wtor's first day: its trigger is history.
    world.start_server();
    world.logged("CWWKZ0001I");
    world.stop_server();
    let mut agent = world.agent();
    for _ in 0..2 {
        let client = world.client();
        world.start_server();
        agent.wait_for("WTR302I", LIMIT).expect("a good run");
        assert!(client.wait_for(Outcome::Ok, LIMIT), "no 200: {}", client.timeline());
        assert_opened_once(&client.stop());
        world.stop_server();
    }
    let renamed = fs::read_dir(world.server.directory().join("logs")).expect("logs").filter(|entry| {
        let name = entry.as_ref().expect("an entry").file_name();
        name.to_string_lossy().starts_with("messages_")
    });
    assert!(renamed.count() > 0, "Liberty renames its log at each start, and keeps the last one or two");
    let runs = world.runs();
    assert_eq!(runs.len(), 2, "one run for each start that wtor saw: {runs:#?}");
    runs.iter().for_each(assert_proved);
    let files: BTreeSet<String> = runs.iter().map(|run| run["decision"]["origin"]["file"].to_string()).collect();
    assert_eq!(files.len(), 2, "each trigger is in a file of its own: {files:?}");
    agent.stop(LIMIT).expect("wtor stops");
}

#[test]
fn messages_in_json_are_read_as_they_are() {
    let Some(install) = install() else { return };
    let mut world = World::new(install, &[RULE], |user_dir| {
        let mut spec = ServerSpec::one_app(user_dir, std::time::Duration::from_millis(300)).expect("a free port");
        spec.environment.push(("WLP_LOGGING_MESSAGE_FORMAT".into(), "JSON".into()));
        spec
    });
    let client = world.client();
    let mut agent = world.agent();
    world.start_server();
    agent.wait_for("WTR302I", LIMIT).expect("a good run");
    assert!(client.wait_for(Outcome::Ok, LIMIT), "no 200: {}", client.timeline());
    assert_opened_once(&client.stop());
    world.stop_server();
    let first = fs::read_to_string(world.server.messages_log()).expect("the log");
    assert!(first.starts_with('{'), "this log is not JSON: {}", first.lines().next().unwrap_or_default());
    let runs = world.runs();
    assert_eq!(runs.len(), 1);
    assert_proved(&runs[0]);
    agent.stop(LIMIT).expect("wtor stops");
}
