//! `unless_followed_by`: what is missing.

use crate::life::*;
use std::sync::Arc;
use wtor::agent::Event;
use wtor::engine::Matched;
use wtor::journal::{Checkpoint, FileKey, Origin};
use wtor::policy::Target;
use wtor::time::Timestamp;

const MISSING: &str = "
[[rule]]
name = 'missing'
when = { id = 'AAA001I', text = 'deleted (?<vipa>\\S+)' }
by = 'vipa'
unless_followed_by = { id = ['BBB001I', 'BBB002I'], text = 'created (?<vipa>\\S+)', within = '30s' }
then = { report = '${vipa} is nowhere' }
";

#[test]
fn what_does_not_follow_is_missing_when_its_time_is_over() {
    story(
        MISSING,
        &[
            "10:00:00 SYS1 AAA001I deleted X",
            "10:00:01 SYS1 AAA001I deleted Y",
            // A second one does not make the wait longer, and nothing of another key ends it.
            "10:00:09 SYS1 AAA001I deleted X",
            "10:00:10 SYS2 BBB002I created Y",
            "10:00:11 SYS2 BBB001I created Z",
            "10:00:40 SYS1 CCC001I nobody asks",
            "10:01:00 SYS1 AAA001I deleted X",
            "10:01:10 SYS1 BBB001I created X",
            "10:01:11 SYS1 AAA001I deleted X",
            "10:01:41 SYS1 BBB001I created X",
        ],
        &[
            "10:00:30 missing: X is nowhere (no BBB001I or BBB002I followed within 30 s for vipa=X)",
            "10:01:41 missing: X is nowhere (no BBB001I or BBB002I followed within 30 s for vipa=X)",
        ],
    );
}

#[test]
fn what_came_before_does_not_follow_and_what_is_open_at_the_end_stays_open() {
    story(
        MISSING,
        &["10:00:00 SYS1 BBB001I created X", "10:00:01 SYS1 AAA001I deleted X", "10:00:30 SYS1 CCC001I x"],
        &[],
    );
    let rules = MISSING.replace("within = '30s'", "within = '29s'");
    story(
        &rules,
        &["10:00:00 SYS1 BBB001I created X", "10:00:01 SYS1 AAA001I deleted X", "10:00:30 SYS1 CCC001I x"],
        &["10:00:30 missing: X is nowhere (no BBB001I or BBB002I followed within 29 s for vipa=X)"],
    );
}

#[test]
fn a_record_that_is_both_begins_a_wait_and_does_not_end_its_own() {
    let rules = "
[[rule]]
name = 'silence'
when = { id = 'AAA001I' }
unless_followed_by = { id = 'AAA001I', within = '30s' }
once_per = '2m'
then = { report = 'the heart has stopped' }
";
    story(
        rules,
        &[
            "10:00:00 SYS1 AAA001I beat",
            "10:00:20 SYS1 AAA001I beat",
            "10:00:49 SYS1 AAA001I beat",
            "10:01:30 SYS1 AAA001I beat",
            "10:02:30 SYS1 CCC001I x",
        ],
        &[
            "10:01:19 silence: the heart has stopped (no AAA001I followed within 30 s)",
            "10:02:00 silence: held (fired 41 s ago; once_per is 120 s)",
        ],
    );
}

#[test]
fn after_a_start_a_wait_goes_on_until_the_log_is_read() {
    let log = log(&["10:00:00 SYS1 AAA001I deleted X", "10:00:20 SYS1 BBB001I created X"]);
    let ends = ends(&log);
    for down in [15, 25, 35, 3600] {
        for comes in [true, false] {
            let mut life = Life::new(MISSING);
            life.read(&log, 0, ends[0], usize::MAX);
            life.now = life.now.after(std::time::Duration::from_secs(down));
            life.restart();
            assert_eq!(life.decisions.len(), 0, "{down}");
            if comes {
                life.read(&log, ends[0], ends[1], usize::MAX);
            }
            let before = life.now.after(std::time::Duration::from_secs(9));
            life.give(Event::Tick(before));
            assert_eq!(life.decisions.len(), 0, "{down} {comes}");
            life.give(Event::Tick(life.now.after(std::time::Duration::from_secs(16))));
            assert_eq!(life.decisions.len(), usize::from(!comes), "{down} {comes}");
            life.restart();
            assert_eq!(life.decisions.len(), usize::from(!comes), "it is decided once");
            assert_eq!(life.agent.view().situations_alive, 0);
        }
    }
}

#[test]
fn a_wait_of_another_file_is_ended_once() {
    let mut life = Life::new(MISSING);
    let rule: Arc<str> = "missing".into();
    let record = |target: &Target, file: &str, offset, at: i64| {
        let mut captures = wtor::rule::Captures::default();
        captures.set("vipa", b"X");
        let origin =
            Origin { source: "log".into(), path: file.into(), file: FileKey(file.into()), offset, line: offset };
        let (target, at) = (target.clone(), Timestamp(at * 1_000_000));
        let read = Checkpoint { file: FileKey(file.into()), ..checkpoint(0) };
        Event::Matched(Box::new(Matched { target, origin, at, age: None, age_max: None, captures, read }))
    };
    let further = wtor::rule::Further::Following;
    let (deleted, created) = (Target::Rule(rule.clone()), Target::Further { rule, further });
    life.give(record(&deleted, "one", 0, 1));
    life.give(record(&created, "two", 0, 2));
    life.give(record(&deleted, "one", 100, 3));
    life.now = Timestamp(4_000_000);
    life.restart();
    // What ended the first wait is read again, and does not end the second.
    life.give(record(&created, "two", 0, 5));
    life.give(Event::Tick(Timestamp(60_000_000)));
    assert_eq!(life.decisions.len(), 1);
}
