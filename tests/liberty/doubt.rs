//! wtor is killed with `kill -9` at every moment that matters and started again: the endpoint opens,
//! nobody sees a 404, and there is one run for one trigger.

use std::fs;

use serde_json::Value;
use wtor::demo::agent::Agent;
use wtor::demo::client::Outcome;
use wtor::demo::install::Install;
use wtor::demo::spec::Endpoint;
use wtor::demo::story::RULE;
use wtor::journal::store::{Reader, RunFilter};

use super::world::{LIMIT, World, assert_opened_once, assert_proved, eventually, install};

const TRIGGER: &str = "CWWKZ0001I: Application app ";

/// When wtor is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// It watches, but there is no log yet.
    BeforeTheLog,
    /// It reads the log.
    BeforeTheTrigger,
    /// The trigger is in the file.
    Trigger,
    /// The decision is in the journal.
    Decided,
    /// It said that the run started.
    Started,
    /// The server has got the request from `server resume`.
    Requested,
    /// The port is open; the script has not ended.
    Open,
    /// It said that the run is good.
    Closed,
}

impl Moment {
    /// Waits for it.
    fn await_in(self, world: &mut World, agent: &mut Agent) {
        match self {
            Moment::BeforeTheLog => eventually("a trace in the journal", || has_looked(world)),
            Moment::BeforeTheTrigger => eventually("a position in the journal", || has_position(world)),
            Moment::Trigger => world.logged(TRIGGER),
            Moment::Decided => eventually("a run in the journal", || (runs_in_journal(world) > 0).then_some(())),
            Moment::Started => drop(agent.wait_for("WTR301I", LIMIT).expect("a run")),
            Moment::Requested => world.logged("CWWKE0926I"),
            Moment::Open => world.logged("CWWKO0219I"),
            Moment::Closed => drop(agent.wait_for("WTR302I", LIMIT).expect("a good run")),
        }
    }
}

fn runs_in_journal(world: &World) -> usize {
    let reader = Reader::open(&world.place.state()).expect("the journal");
    reader.runs(&RunFilter::default()).expect("the runs").len()
}

/// The journal knows that the source was watched.
fn has_looked(world: &World) -> Option<()> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let journal = rusqlite::Connection::open_with_flags(world.place.state().join("journal.db"), flags).ok()?;
    let rows: i64 = journal.query_row("SELECT count(*) FROM checkpoint", [], |row| row.get(0)).ok()?;
    (rows > 0).then_some(())
}

/// `wtor status` knows how far the log was read.
fn has_position(world: &World) -> Option<()> {
    let status = world.place.ask(super::world::wtor(), &["status", "--state", "state", "--json"]).ok()?;
    let files = status.first()?["view"]["files"].as_array()?;
    files.iter().any(|file| file["offset"].as_u64() > Some(0)).then_some(())
}

/// Kills wtor at each of these moments, in one start of the server, and starts it again each time.
fn survives(install: &Install, moments: &[Moment]) {
    let mut world = World::story(install, Endpoint::Disabled, &[RULE]);
    let client = world.client();
    let mut agent = world.agent();
    let mut closed = false;
    for (index, moment) in moments.iter().enumerate() {
        if index == 0 && !matches!(moment, Moment::BeforeTheLog) {
            world.start_server();
        }
        moment.await_in(&mut world, &mut agent);
        closed |= matches!(moment, Moment::Closed);
        agent.kill().expect("killed");
        if matches!(moment, Moment::BeforeTheLog) {
            world.start_server();
        }
        if matches!(moment, Moment::BeforeTheLog | Moment::BeforeTheTrigger) {
            // The one that is started next was not there when the trigger was written.
            world.logged(TRIGGER);
        }
        agent = world.agent();
    }
    assert!(client.wait_for(Outcome::Ok, LIMIT), "{moments:?}: no 200: {}", client.timeline());
    if !closed {
        eventually("the run is closed", || closed_runs(&world));
    }
    agent.stop(LIMIT).expect("wtor stops");
    // Once more, to the end of all that there is to read: nothing is decided anew.
    let log = world.server.messages_log();
    let again = world.agent_of(&["--until-idle", log.to_str().expect("UTF-8")]);
    while again.next(LIMIT).is_some() {}
    drop(again);
    let client = client.stop();
    world.stop_server();
    assert_opened_once(&client);
    let runs = world.runs();
    assert_eq!(runs.len(), 1, "{moments:?}: one trigger, one run: {runs:#?}");
    assert_proved(&runs[0]);
    assert_doubt_is_shown(&runs[0], moments);
    let text = fs::read_to_string(log).expect("the log");
    assert_eq!(text.matches(TRIGGER).count(), 1, "the server started once");
}

fn closed_runs(world: &World) -> Option<()> {
    let reader = Reader::open(&world.place.state()).ok()?;
    let closed = RunFilter { state: Some("closed".into()), ..RunFilter::default() };
    (!reader.runs(&closed).ok()?.is_empty()).then_some(())
}

/// Every attempt but the last was cut off by a kill, and the journal says so.
fn assert_doubt_is_shown(run: &Value, moments: &[Moment]) {
    let attempts = run["attempts_made"].as_array().expect("attempts");
    assert!(attempts.len() <= moments.len() + 1, "{moments:?}: {run:#}");
    let (last, earlier) = attempts.split_last().expect("an attempt");
    for attempt in earlier {
        assert_eq!((&attempt["in_doubt"], &attempt["good"]), (&true.into(), &Value::Null), "{moments:?}: {run:#}");
    }
    assert_eq!((&last["in_doubt"], &last["good"]), (&false.into(), &true.into()), "{moments:?}: {run:#}");
}

#[test]
fn killed_before_there_is_anything_to_read() {
    let Some(install) = install() else { return };
    survives(install, &[Moment::BeforeTheLog]);
}

#[test]
fn killed_before_the_trigger() {
    let Some(install) = install() else { return };
    survives(install, &[Moment::BeforeTheTrigger]);
}

#[test]
fn killed_when_the_trigger_is_written_and_when_it_is_decided() {
    let Some(install) = install() else { return };
    survives(install, &[Moment::Trigger]);
    survives(install, &[Moment::Decided]);
}

#[test]
fn killed_while_the_job_runs() {
    let Some(install) = install() else { return };
    survives(install, &[Moment::Started]);
    survives(install, &[Moment::Requested]);
    survives(install, &[Moment::Open]);
}

#[test]
fn killed_after_the_run() {
    let Some(install) = install() else { return };
    survives(install, &[Moment::Closed]);
}

#[test]
fn killed_again_and_again() {
    let Some(install) = install() else { return };
    survives(
        install,
        &[Moment::BeforeTheTrigger, Moment::Trigger, Moment::Decided, Moment::Started, Moment::Requested, Moment::Open],
    );
}
