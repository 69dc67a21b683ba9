//! `once_per` and `count`, and what becomes of situations at a reload, at a restart and in a flood.

use crate::life::*;
use wtor::agent::{Effect, Event};
use wtor::engine::Matched;
use wtor::journal::{FileKey, Origin};
use wtor::limits::{SITUATIONS_MAX, SITUATIONS_SHOWN};
use wtor::policy::{Matcher, Target};
use wtor::time::Timestamp;

const PAUSE: &str = "
[[rule]]
name = 'pause'
when = { id = 'AAA001I', text = 'job (?<job>\\S+)' }
by = ['system', 'job']
once_per = '1m'
then = { report = '${job} on ${system}' }
";

#[test]
fn once_per_holds_a_rule_for_its_span_and_its_key() {
    story(
        PAUSE,
        &[
            "10:00:00 SYS1 AAA001I job X",
            "10:00:12 SYS1 AAA001I job X",
            "10:00:13 SYS1 AAA001I job Y",
            "10:00:14 SYS2 AAA001I job X",
            "10:00:59 SYS1 AAA001I job X",
            "10:01:00 SYS1 AAA001I job X",
            "10:01:01 SYS1 AAA001I job X",
        ],
        &[
            "10:00:00 pause: X on SYS1 (every condition holds)",
            "10:00:12 pause: held (fired 12 s ago for job=X system=SYS1; once_per is 60 s)",
            "10:00:13 pause: Y on SYS1 (every condition holds)",
            "10:00:14 pause: X on SYS2 (every condition holds)",
            "10:00:59 pause: held (fired 59 s ago for job=X system=SYS1; once_per is 60 s)",
            "10:01:00 pause: X on SYS1 (every condition holds)",
            "10:01:01 pause: held (fired 1 s ago for job=X system=SYS1; once_per is 60 s)",
        ],
    );
}

#[test]
fn a_shadow_pauses_as_it_would_if_it_acted() {
    story(
        &PAUSE.replace("by =", "mode = 'shadow'\nby ="),
        &["10:00:00 SYS1 AAA001I job X", "10:00:12 SYS1 AAA001I job X"],
        &[
            "10:00:00 pause: shadow (every condition holds; the rule is in shadow mode)",
            "10:00:12 pause: held (fired 12 s ago for job=X system=SYS1; once_per is 60 s)",
        ],
    );
}

const COUNT: &str = "
[[rule]]
name = 'count'
when = { id = 'AAA001I', text = 'job (?<job>\\S+)' }
by = 'job'
count = { at_least = 3, within = '1m' }
then = { report = '${job}' }
";

#[test]
fn a_count_is_complete_within_its_window_and_starts_anew() {
    story(
        COUNT,
        &[
            "10:00:00 SYS1 AAA001I job X",
            "10:00:01 SYS1 AAA001I job Y",
            "10:00:10 SYS1 AAA001I job X",
            "10:00:20 SYS1 AAA001I job X",
            "10:00:21 SYS1 AAA001I job X",
            "10:00:22 SYS1 AAA001I job X",
            // The first one is over by now, the second is not.
            "10:01:21 SYS1 AAA001I job X",
            "10:01:21 SYS1 AAA001I job X",
        ],
        &["10:00:20 count: X (match 3 in 20 s for job=X)", "10:01:21 count: X (match 3 in 59 s for job=X)"],
    );
}

#[test]
fn matches_too_far_apart_never_add_up() {
    let far = [
        "10:00:00 SYS1 AAA001I job X",
        "10:00:30 SYS1 AAA001I job X",
        "10:01:00 SYS1 AAA001I job X",
        "10:01:30 SYS1 AAA001I job X",
    ];
    story(COUNT, &far, &[]);
}

#[test]
fn a_count_and_a_pause() {
    let rules = COUNT.replace("count =", "once_per = '1h'\ncount =").replace("by = 'job'\n", "");
    let matches: Vec<String> = (0..9).map(|n| format!("10:00:0{n} SYS1 AAA001I job X{n}")).collect();
    let matches: Vec<&str> = matches.iter().map(String::as_str).collect();
    story(
        &rules,
        &matches,
        &[
            "10:00:02 count: X2 (match 3 in 2 s)",
            "10:00:05 count: held (fired 3 s ago; once_per is 60 min)",
            "10:00:08 count: held (fired 6 s ago; once_per is 60 min)",
        ],
    );
}

#[test]
fn a_reload_keeps_what_rules_know_whose_text_is_the_same() {
    let log = log(&["10:00:00 SYS1 AAA001I job X", "10:00:01 SYS1 AAA001I job X", "10:00:02 SYS1 AAA001I job X"]);
    let ends = ends(&log);
    let other = "[[rule]]\nname = 'other'\nwhen = { id = 'BBB001I' }\n";
    let tell = |after: &str, restart: bool| {
        let mut life = Life::new(&format!("{COUNT}{other}"));
        life.read(&log, 0, ends[1], usize::MAX);
        assert_eq!(life.agent.view().situations.len(), 1);
        assert_eq!(life.agent.view().situations[0].state, "2 counted");
        life.reload(after);
        if restart {
            life.restart();
        }
        life.read(&log, ends[1], ends[2], usize::MAX);
        (life.decisions.len(), life.said.contains(&"WTR321I"))
    };
    for restart in [false, true] {
        assert_eq!(tell(&format!("{other}{COUNT}# another file"), restart), (1, false), "other rules may change");
        let told = COUNT.replace("by = 'job'\n", "  # keyed by job\n").replace(
            "then",
            "by = \"job\"\ndescription = 'three in a row'\nsample = [{ fires = 'AAA001I job X' }]\nthen",
        );
        assert_eq!(tell(&told, restart), (1, false), "it says the same in other words");
        assert_eq!(tell(&COUNT.replace("'1m'", "'2m'"), restart), (0, true), "it was changed");
        assert_eq!(tell(other, restart), (0, true), "it is gone");
    }
}

#[test]
fn a_rule_that_was_changed_while_the_agent_was_down_begins_anew() {
    let log = log(&["10:00:00 SYS1 AAA001I job X", "10:00:01 SYS1 AAA001I job X", "10:00:02 SYS1 AAA001I job X"]);
    let mut life = Life::new(COUNT);
    life.read(&log, 0, ends(&log)[1], usize::MAX);
    life.matcher = Matcher::new(policy(&COUNT.replace("'1m'", "'2m'")));
    life.restart();
    assert_eq!(life.said, ["WTR321I"]);
    life.restart();
    assert_eq!(life.said, ["WTR321I"], "it is said once");
    assert_eq!(life.agent.view().situations_alive, 0);
}

#[test]
fn a_flood_of_keys_is_bounded_and_said() {
    let mut life = Life::new(COUNT);
    let mut agent_said = Vec::new();
    for n in 0..SITUATIONS_MAX as u64 + 10 {
        let mut captures = wtor::rule::Captures::default();
        captures.set("job", n.to_string().as_bytes());
        let file = FileKey("log".into());
        let effects = life.agent.handle(Event::Matched(Box::new(Matched {
            target: Target::Rule("count".into()),
            origin: Origin { source: "log".into(), path: "log".into(), file, offset: n, line: n },
            at: Timestamp(i64::try_from(n).expect("small")),
            age: None,
            age_max: None,
            captures,
            read: checkpoint(0),
        })));
        // What is said stands in the journal first.
        let batches =
            effects.iter().filter_map(|e| if let Effect::Append { batch, .. } = e { Some(*batch) } else { None });
        let durable: Vec<_> =
            batches.collect::<Vec<_>>().into_iter().flat_map(|b| life.agent.handle(Event::Durable(b))).collect();
        agent_said.extend(
            effects
                .into_iter()
                .chain(durable)
                .filter_map(|e| if let Effect::Publish(n) = e { Some(n.id) } else { None }),
        );
    }
    assert_eq!(life.agent.view().situations_alive, SITUATIONS_MAX);
    assert_eq!(life.agent.view().situations.len(), SITUATIONS_SHOWN);
    assert_eq!(life.agent.view().counts.forgotten, 10);
    assert_eq!(agent_said, ["WTR320W"; 4], "at 1, 2, 4 and 8");
}
