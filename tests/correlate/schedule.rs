//! `schedule` and `during`: time that decides, over restarts, reloads and changes of the clock.

use crate::life::*;
use wtor::agent::Event;
use wtor::record::Options;
use wtor::replay::Replay;
use wtor::rule::Zone;
use wtor::time::Timestamp;

const HOURLY: &str = "
[[rule]]
name = 'hourly'
schedule = { every = '1h', hours = '08:00-17:00', days = 'mon-sat' }
then = { report = 'at ${time}: ${text}' }

[[rule]]
name = 'record'
when = { id = 'AAA001I' }
";

#[test]
fn a_schedule_needs_no_record() {
    story(
        HOURLY,
        &[
            "07:30:00 SYS1 CCC001I the first record",
            "09:30:00 SYS1 AAA001I x",
            "10:00:00 SYS1 CCC001I exactly then",
            "10:59:59 SYS1 AAA001I y",
            "11:30:00 SYS1 CCC001I the end",
        ],
        &[
            "08:00:00 hourly: at 2026-11-21T08:00:00.000: hourly is due (it is due)",
            "09:00:00 hourly: at 2026-11-21T09:00:00.000: hourly is due (it is due)",
            "09:30:00 record: AAA001I x (every condition holds)",
            "10:00:00 hourly: at 2026-11-21T10:00:00.000: hourly is due (it is due)",
            "10:59:59 record: AAA001I y (every condition holds)",
            "11:00:00 hourly: at 2026-11-21T11:00:00.000: hourly is due (it is due)",
        ],
    );
}

fn at(day: i64, hour: i64, minute: i64) -> Timestamp {
    Timestamp(((day * 24 + hour) * 60 + minute) * 60_000_000)
}

/// Monday, 4 January 1971.
const MONDAY: i64 = 368;

fn pass(life: &mut Life, to: Timestamp) {
    life.now = to;
    life.give(Event::Tick(to));
}

#[test]
fn what_was_missed_is_told_and_passed_over_or_made_up_for_once() {
    for (missed, expected) in [("skip", &["08:00"][..]), ("run", &["08:00", "11:30"])] {
        let rules = HOURLY.replace("days =", &format!("missed = '{missed}', days ="));
        let mut life = Life::new(&rules);
        pass(&mut life, at(MONDAY, 7, 0));
        pass(&mut life, at(MONDAY, 8, 10));
        life.now = at(MONDAY, 11, 30);
        life.restart();
        life.restart();
        let times: Vec<String> = life.decisions.iter().map(|d| d.at.to_string()[11..16].to_owned()).collect();
        assert_eq!(times, expected, "{missed}");
        assert_eq!(life.said.iter().filter(|id| **id == "WTR322W").count(), 1, "it is told once");
        if missed == "run" {
            let why = "it was due 3 times, the last time at 1971-01-04T11:00:00.000Z, and no agent was there";
            assert_eq!(life.decisions[1].reason, why);
        }
        pass(&mut life, at(MONDAY, 12, 5));
        assert_eq!(life.decisions.len(), expected.len() + 1, "it goes on");
    }
}

#[test]
fn a_reload_keeps_a_schedule_that_is_the_same_and_begins_a_new_one_now() {
    let mut life = Life::new(HOURLY);
    pass(&mut life, at(MONDAY, 7, 30));
    life.now = at(MONDAY, 8, 0);
    life.reload(&format!("{HOURLY}\n# a comment"));
    pass(&mut life, at(MONDAY, 8, 0));
    assert_eq!(life.decisions.len(), 1, "what was due before the reload is due behind it");
    let schedules = |life: &Life| life.agent.view().schedules.iter().map(|s| s.at.to_string()).collect::<Vec<_>>();
    assert_eq!(schedules(&life), ["1971-01-04T09:00:00.000"]);
    life.reload(&HOURLY.replace("'1h'", "'45m'"));
    assert_eq!(schedules(&life), ["1971-01-04T08:45:00.000"]);
    life.restart();
    assert_eq!(schedules(&life), ["1971-01-04T08:45:00.000"]);
    life.reload("[[rule]]\nname = 'other'\nwhen = { id = 'AAA001I' }\n");
    assert!(schedules(&life).is_empty());
    pass(&mut life, at(MONDAY, 12, 0));
    assert_eq!(life.decisions.len(), 1);
    assert!(!life.said.contains(&"WTR322W"));
}

#[test]
fn a_clock_that_leaps_by_years_makes_no_years_of_decisions() {
    let mut life = Life::new(HOURLY);
    pass(&mut life, at(MONDAY, 7, 0));
    pass(&mut life, at(MONDAY + 3000, 7, 0));
    assert_eq!(life.decisions.len(), 0);
    assert_eq!(life.said, ["WTR322W"]);
    pass(&mut life, at(MONDAY + 3000, 8, 30));
    assert_eq!(life.decisions.len(), 1);
    let log = "N 4000000 SYS1     2026325 07:30:00.00 STC01234 00000090  AAA001I x\n\
               N 4000000 SYS1     9026325 07:30:00.00 STC01234 00000090  AAA001I x\n";
    let mut decided = 0;
    let mut replay = Replay::new(policy(HOURLY));
    let mut sink =
        |entry: &wtor::journal::Entry| decided += usize::from(matches!(entry, wtor::journal::Entry::Decided(_)));
    replay.file("log", &mut log.as_bytes(), &Options::default(), &mut |_| {}, &mut sink).expect("read");
    replay.finish(&mut sink);
    assert_eq!(decided, 2, "the records");
}

#[test]
fn a_replay_in_a_zone_has_schedules_by_its_clock() {
    let rules = "[[rule]]\nname = 'eight'\nschedule = { at = '08:00', zone = 'Europe/Berlin' }\n";
    let log = log(&["07:30:00 SYS1 AAA001I x", "08:30:00 SYS1 AAA001I x"]);
    let decided = |zone: Option<&str>| {
        let mut told = Vec::new();
        let mut replay = Replay::new(policy(rules));
        if let Some(zone) = zone {
            replay = replay.in_zone(Zone::named(zone).expect("a zone"));
        }
        let mut sink = |entry: &wtor::journal::Entry| {
            if let wtor::journal::Entry::Decided(decision) = entry {
                told.push(decision.at.to_string());
            }
        };
        replay.file("log", &mut log.as_bytes(), &Options::default(), &mut |_| {}, &mut sink).expect("read");
        replay.finish(&mut sink);
        told
    };
    assert_eq!(decided(Some("Europe/Berlin")), ["2026-11-21T07:00:00.000"]);
    assert_eq!(decided(None), [""; 0], "seven in the morning, if the stamps are universal");
}

const DURING: &str = "
[[rule]]
name = 'during'
when = { id = 'AAA001I' }
by = 'system'
count = { at_least = 2, within = '1h' }
during = { days = 'mon-sat', hours = '08:00-17:00', zone = 'Europe/Berlin' }
";

#[test]
fn outside_its_times_a_rule_is_held_and_counts_nothing() {
    story(
        DURING,
        &[
            "06:59:58 SYS1 AAA001I x",
            "06:59:59 SYS1 AAA001I x",
            "07:00:00 SYS1 AAA001I x",
            "07:00:01 SYS1 AAA001I y",
            "16:00:00 SYS1 AAA001I z",
        ],
        &[
            "06:59:58 during: held (it is 07:59 in Europe/Berlin, not in 08:00-17:00)",
            "06:59:59 during: held (it is 07:59 in Europe/Berlin, not in 08:00-17:00)",
            "07:00:01 during: AAA001I y (match 2 in 1 s for system=SYS1)",
            "16:00:00 during: held (it is 17:00 in Europe/Berlin, not in 08:00-17:00)",
        ],
    );
    story(
        &DURING.replace("mon-sat", "mon-fri"),
        &["12:00:00 SYS1 AAA001I x"],
        &["12:00:00 during: held (it is sat in Europe/Berlin, not mon, tue, wed, thu or fri)"],
    );
    story(
        &DURING.replace("zone =", "except = ['2026-11-21', '2026-12-25'], zone ="),
        &["12:00:00 SYS1 AAA001I x"],
        &["12:00:00 during: held (it is 2026-11-21 in Europe/Berlin, which is an exception)"],
    );
}

#[test]
fn hours_over_midnight_belong_to_the_day_on_which_they_begin() {
    let rules = "
[[rule]]
name = 'night'
schedule = { every = '1h' }
during = { days = 'fri', hours = '22:00-02:00' }
";
    let mut life = Life::new(rules);
    pass(&mut life, at(MONDAY + 4, 20, 30));
    pass(&mut life, at(MONDAY + 5, 3, 30));
    let fired: Vec<String> =
        life.decisions.iter().map(|d| format!("{} {}", d.verdict.name(), &d.at.to_string()[8..13])).collect();
    let expected =
        ["held 08T21", "fired 08T22", "fired 08T23", "fired 09T00", "fired 09T01", "held 09T02", "held 09T03"];
    assert_eq!(fired, expected);
}
