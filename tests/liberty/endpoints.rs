//! The gap without wtor, and no gap with it; the pause before a stop.

use std::fs;
use std::io::Write as _;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use wtor::demo::client::Outcome;
use wtor::demo::spec::Endpoint;
use wtor::demo::story::{RULE, Stage};

use super::world::{LIMIT, World, assert_opened_once, assert_proved, eventually, install, wtor};

#[test]
fn a_server_that_is_open_from_the_start_answers_404() {
    let Some(install) = install() else { return };
    let mut world = World::story(install, Endpoint::Enabled, &[RULE]);
    let client = world.client();
    world.start_server();
    assert!(client.wait_for(Outcome::Ok, LIMIT), "no 200: {}", client.timeline());
    let client = client.stop();
    world.stop_server();
    assert!(client.count(Outcome::NotFound) > 0, "there is no gap to close: {client}");
}

#[test]
fn twenty_starts_with_wtor_and_not_one_404() {
    let Some(install) = install() else { return };
    let interrupted = AtomicBool::new(false);
    let delay = Duration::from_secs(2);
    let stage = Stage { install, program: wtor(), delay, interrupted: &interrupted };
    let mut watch = stage.with().expect("wtor and a server");
    for number in 1..=20 {
        let start = watch.start(&mut |_, _| {}).unwrap_or_else(|why| panic!("start {number}: {why}"));
        assert_opened_once(&start.client);
        assert_proved(&start.run);
        let split = start.split;
        let parts = split.recognition + split.job_start + split.port_open + split.first_ok;
        assert!(split.total > 0.0 && (parts - split.total).abs() < 1.0, "{split:?}");
    }
    let runs = watch.place().runs(wtor()).expect("wtor runs");
    assert_eq!(runs.len(), 20, "one run a start, and no other");
    watch.end().expect("wtor stops");
}

/// On z/OS the operator's STOP shows in the system log; the line is constructed, the server is real.
#[test]
fn a_stop_command_pauses_the_endpoint() {
    let Some(install) = install() else { return };
    let mut world = World::story(install, Endpoint::Disabled, &[RULE, "liberty-pause-before-stop"]);
    let syslog = world.directory.join("syslog.txt");
    fs::write(&syslog, "").expect("a file");
    let sources = format!(
        "[[source]]\nname = \"web1\"\nfile = \"{}\"\n\n[[source]]\nname = \"syslog\"\nfile = \"syslog.txt\"\nformat = \"hardcopy\"\n",
        world.server.messages_log().display()
    );
    fs::write(world.directory.join("wtor.toml"), sources).expect("wtor.toml");
    let mut agent = world.agent_of(&["--config", "wtor.toml"]);
    let client = world.client();
    world.start_server();
    agent.wait_for("WTR302I", LIMIT).expect("the endpoint is opened");
    assert!(client.wait_for(Outcome::Ok, LIMIT), "no 200: {}", client.timeline());

    let stop =
        "N 4000000 SYS1     2026325 18:00:00.12 STC01234 00000090 +CWWKB0001I: Stop command received for server web1.";
    let mut file = fs::OpenOptions::new().append(true).open(&syslog).expect("the file");
    writeln!(file, "{stop}").expect("a line");
    agent.wait_for("WTR302I", LIMIT).expect("the endpoint is paused");
    let client = eventually("the client is refused again", || {
        let now = client.timeline();
        (now.stretches.last()?.outcome == Outcome::Refused && now.count(Outcome::Ok) > 0).then_some(now)
    });
    // A request that is under way when the port closes may be cut off.
    let outcomes = client.stretches.iter().map(|stretch| stretch.outcome);
    let seen: Vec<Outcome> = outcomes.filter(|outcome| *outcome != Outcome::Broken).collect();
    assert!(client.count(Outcome::Broken) <= 1, "the client saw: {client}");
    assert_eq!(seen, [Outcome::Refused, Outcome::Ok, Outcome::Refused], "the client saw: {client}");
    world.logged("CWWKE0938I");
    assert!(world.server.is_running(), "pausing stops no server");
    let runs = world.runs();
    assert_eq!(runs.len(), 2, "{runs:#?}");
    assert_eq!((&runs[1]["job"], &runs[1]["good"]), (&"pause-endpoints".into(), &true.into()));
    world.stop_server();
    agent.stop(LIMIT).expect("wtor stops");
}
