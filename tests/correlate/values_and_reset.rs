//! `reset_by`, levels of a count, and the values of a situation.

use crate::life::*;
use wtor::agent::Event;
use wtor::time::Timestamp;

const RESET: &str = "
[[rule]]
name = 'reset'
when = { id = 'AAA001I', text = 'job (?<job>\\S+)' }
by = 'job'
count = { at_least = 3, within = '1m' }
once_per = '10m'
reset_by = [{ id = 'BBB001I', text = 'job (?<job>\\S+)' }, { id = 'BBB002I', text = 'job (?<job>\\S+)' }]
then = { report = '${situation.count} of ${situation.key} since ${situation.since}, ${situation.seconds} s, ${situation.elapsed}' }
";

#[test]
fn a_reset_forgets_counts_and_pauses_of_its_key() {
    story(
        RESET,
        &[
            "10:00:00 SYS1 BBB001I job X",
            "10:00:01 SYS1 AAA001I job X",
            "10:00:02 SYS1 AAA001I job Y",
            "10:00:03 SYS1 AAA001I job X",
            "10:00:04 SYS1 BBB001I job X",
            "10:00:05 SYS1 AAA001I job Y",
            "10:00:06 SYS1 AAA001I job X",
            "10:00:07 SYS1 AAA001I job Y",
            "10:00:08 SYS1 AAA001I job X",
            "10:00:09 SYS1 AAA001I job X",
            // The pause goes, too.
            "10:00:10 SYS1 BBB002I job X",
            "10:00:11 SYS1 AAA001I job X",
            "10:00:12 SYS1 AAA001I job X",
            "10:00:13 SYS1 AAA001I job X",
            "10:00:14 SYS1 AAA001I job Y",
            "10:00:15 SYS1 AAA001I job Y",
            "10:00:16 SYS1 AAA001I job Y",
        ],
        &[
            "10:00:07 reset: 3 of job=Y since 2026-11-21T10:00:02.000, 5 s, 5 s (match 3 in 5 s for job=Y)",
            "10:00:09 reset: 3 of job=X since 2026-11-21T10:00:06.000, 3 s, 3 s (match 3 in 3 s for job=X)",
            "10:00:13 reset: 3 of job=X since 2026-11-21T10:00:11.000, 2 s, 2 s (match 3 in 2 s for job=X)",
            "10:00:16 reset: held (fired 9 s ago for job=Y; once_per is 10 min)",
        ],
    );
}

#[test]
fn a_reset_lets_a_rule_that_fires_once_fire_again() {
    let rules = "
[[rule]]
name = 'once'
when = { id = 'AAA001I' }
by = 'system'
once_per = '1d'
reset_by = { id = 'BBB001I' }
then = { report = 'on ${situation.key}' }
";
    story(
        rules,
        &[
            "10:00:00 SYS1 AAA001I x",
            "10:00:01 SYS1 AAA001I x",
            "10:00:02 SYS2 BBB001I x",
            "10:00:03 SYS1 AAA001I x",
            "10:00:04 SYS1 BBB001I x",
            "10:00:05 SYS1 AAA001I x",
        ],
        &[
            "10:00:00 once: on system=SYS1 (every condition holds)",
            "10:00:01 once: held (fired 1 s ago for system=SYS1; once_per is 24 h)",
            "10:00:03 once: held (fired 3 s ago for system=SYS1; once_per is 24 h)",
            "10:00:05 once: on system=SYS1 (every condition holds)",
        ],
    );
}

#[test]
fn a_record_that_resets_and_matches_begins_anew() {
    let rules = RESET.replace("BBB002I", "AAA001I").replace("at_least = 3", "at_least = 2");
    let lines = ["10:00:00 SYS1 AAA001I job X", "10:00:01 SYS1 AAA001I job X", "10:00:02 SYS1 AAA001I job X"];
    story(&rules, &lines, &[]);
}

const LEVELS: &str = "
[[rule]]
name = 'levels'
when = { id = 'AAA001I', text = 'job (?<job>\\S+) code (?<code>\\S+)' }
by = 'job'
count = [
  { level = 'critical', at_least = 4, within = '10s', then = { report = '${job} is critical: ${each.code}' } },
  { level = 'frequent', at_least = 4, within = '1m' },
  { level = 'infrequent', at_least = 4, within = '10m' },
]
then = { report = '${job} ${situation.level}, ${situation.count} in ${situation.seconds} s' }
";

fn job_at(seconds: u32) -> String {
    format!("10:{:02}:{:02} SYS1 AAA001I job X code {seconds}", seconds / 60, seconds % 60)
}

fn levels(times: &[u32], expected: &[&str]) {
    let lines: Vec<String> = times.iter().map(|at| job_at(*at)).collect();
    story(LEVELS, &lines.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[test]
fn a_level_is_told_when_it_is_reached_and_once() {
    levels(
        &[0, 100, 200, 300, 310, 315, 320, 321, 322, 323, 324],
        &[
            "10:05:00 levels: X infrequent, 4 in 300 s (level infrequent: match 4 in 300 s for job=X)",
            "10:05:20 levels: X frequent, 4 in 20 s (level frequent: match 4 in 20 s for job=X)",
            "10:05:22 levels: X is critical: 315, 320, 321, 322 (level critical: match 4 in 7 s for job=X)",
        ],
    );
}

#[test]
fn a_worse_level_hides_the_others_and_a_level_is_told_again_after_it_has_fallen() {
    levels(
        &[0, 1, 2, 3, 4, 30, 31, 32, 33, 200],
        &[
            "10:00:03 levels: X is critical: 0, 1, 2, 3 (level critical: match 4 in 3 s for job=X)",
            "10:00:33 levels: X is critical: 30, 31, 32, 33 (level critical: match 4 in 3 s for job=X)",
        ],
    );
}

#[test]
fn levels_are_what_counting_says() {
    // Against the definition: the most severe level that is reached, if it was not reached before.
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..20 {
        let mut times: Vec<u32> = (0..30).map(|_| random.u32(0..600)).collect();
        times.sort_unstable();
        times.dedup();
        let within = |i: usize, span: u32| times[..=i].iter().filter(|at| **at + span > times[i]).count();
        let fires = |i: usize| {
            let reached = [10, 60, 600].into_iter().find(|span| within(i, *span) >= 4)?;
            (within(i, reached) == 4).then_some((times[i], reached))
        };
        let expected: Vec<(u32, u32)> = (0..times.len()).filter_map(fires).collect();
        let lines: Vec<String> = times.iter().map(|at| job_at(*at)).collect();
        let log = log(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        let mut life = Life::new(LEVELS);
        let mut from = 0;
        for to in ends(&log) {
            life.read(&log, from, to, usize::MAX);
            if random.bool() {
                life.restart();
            }
            from = to;
        }
        let told = life.decisions.iter().map(|decision| {
            let at = decision.at.to_string();
            let number = |range: std::ops::Range<usize>| at[range].parse::<u32>().expect("a number");
            let span = [("critical", 10), ("infrequent", 600), ("frequent", 60)];
            let level = span.into_iter().find(|(name, _)| decision.reason.contains(&format!("level {name}")));
            (number(14..16) * 60 + number(17..19), level.expect("a level").1)
        });
        assert_eq!(told.collect::<Vec<_>>(), expected, "{times:?}");
    }
}

#[test]
fn a_count_in_levels_remembers_no_more_than_it_needs() {
    let lines: Vec<String> = (0..50).map(job_at).collect();
    let log = log(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let mut life = Life::new(LEVELS);
    life.read(&log, 0, log.len(), usize::MAX);
    assert_eq!(life.agent.view().situations[0].state, "4 counted");
    life.restart();
    assert_eq!(life.agent.view().situations[0].state, "4 counted");
    life.give(Event::Tick(Timestamp(life.now.0 + 600_000_000)));
    assert_eq!(life.agent.view().situations_alive, 0);
}

#[test]
fn values_are_bounded() {
    let rules = LEVELS
        .replace("at_least = 4, within = '10s'", "at_least = 60, within = '1h'")
        .replace("'${job} is critical: ${each.code}'", "\"\"\"${each.code}\n${situation.messages}\"\"\"");
    let lines: Vec<String> = (0..60).map(job_at).collect();
    let log = log(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let mut life = Life::new(&rules);
    life.read(&log, 0, log.len(), usize::MAX);
    let said = brief(life.decisions.last().expect("one"));
    assert!(said.contains("48, 49, and 10 more\n"), "{said}");
    assert!(said.contains("\nAAA001I job X code 49\nand 10 more"), "{said}");
    assert!(!said.contains("code 50"), "{said}");
}

#[test]
fn a_reset_calls_off_what_waits_for_its_time() {
    let rules = "
[[rule]]
name = 'later'
when = { id = 'AAA001I' }
by = 'system'
reset_by = { id = 'BBB001I' }
then = { report = 'down for a minute', after = '1m' }
";
    let lines = [
        "10:00:00 SYS1 BBB001I up",
        "10:00:01 SYS1 AAA001I down",
        "10:00:02 SYS2 AAA001I down",
        "10:00:30 SYS2 BBB001I up",
        "10:02:00 SYS1 CCC001I x",
    ];
    let log = log(&lines);
    for again in [false, true] {
        let mut life = Life::new(rules);
        let mut from = 0;
        for to in ends(&log) {
            life.read(&log, if again { 0 } else { from }, to, if again { 0 } else { usize::MAX });
            if again {
                life.restart();
            }
            from = to;
        }
        assert_eq!(life.said, ["WTR332W", "WTR300I"], "of SYS2 it is called off, of SYS1 it is said; {again}");
    }
}
