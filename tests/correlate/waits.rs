//! `followed_by`, `all` and `collect`.

use crate::life::*;

const PAIR: &str = "
[[rule]]
name = 'pair'
when = { id = 'AAA001I', text = 'down (?<link>\\S+)' }
by = 'link'
followed_by = { id = 'BBB001I', text = 'up (?<link>\\S+) by (?<who>\\S+)', within = '1m' }
then = { report = '${link} was down for ${situation.seconds} s, up by ${who}: ${situation.messages}' }
otherwise = { report = '${link} is down for ${situation.elapsed}: no ${situation.missing}' }
";

#[test]
fn a_pair_measures_what_lies_between() {
    story(
        PAIR,
        &[
            "10:00:00 SYS1 BBB001I up X by nobody",
            "10:00:01 SYS1 AAA001I down X",
            "10:00:02 SYS1 AAA001I down Y",
            // A second beginning changes nothing.
            "10:00:20 SYS1 AAA001I down X",
            "10:00:51 SYS1 BBB001I up X by jane",
            "10:01:10 SYS1 BBB001I up X by jim",
            "10:01:11 SYS1 AAA001I down X",
            "10:01:12 SYS1 BBB001I up X by jack",
        ],
        &[
            "10:00:51 pair: X was down for 50 s, up by jane: AAA001I down X\nBBB001I up X by jane (BBB001I followed after 50 s for link=X)",
            "10:01:02 pair: Y is down for 60 s: no BBB001I (no BBB001I followed within 60 s for link=Y)",
            "10:01:12 pair: X was down for 1 s, up by jack: AAA001I down X\nBBB001I up X by jack (BBB001I followed after 1 s for link=X)",
        ],
    );
}

#[test]
fn without_otherwise_a_wait_ends_in_silence_and_a_pause_goes_on() {
    let rules = PAIR.replace("otherwise =", "# ").replace("by = 'link'", "by = 'link'\nonce_per = '1h'");
    story(
        &rules,
        &[
            "10:00:00 SYS1 AAA001I down X",
            "10:00:01 SYS1 BBB001I up X by jane",
            "10:00:10 SYS1 AAA001I down X",
            "10:01:10 SYS1 BBB001I up X by jane",
            "10:01:11 SYS1 AAA001I down X",
            "10:01:12 SYS1 BBB001I up X by jane",
        ],
        &[
            "10:00:01 pair: X was down for 1 s, up by jane: AAA001I down X\nBBB001I up X by jane (BBB001I followed after 1 s for link=X)",
            "10:01:12 pair: held (fired 71 s ago for link=X; once_per is 60 min)",
        ],
    );
}

const SEQUENCE: &str = "
[[rule]]
name = 'sequence'
when = { id = 'AAA001I' }
by = 'system'
followed_by = [{ id = 'BBB001I', within = '30s' }, { id = 'CCC001I', within = '60s' }, { id = 'AAA001I', within = '10s' }]
reset_by = { id = 'ZZZ001I' }
then = { report = '${system} has gone through ${situation.count}' }
otherwise = { report = '${system}: ${situation.missing}' }
";

#[test]
fn a_sequence_is_complete_in_its_order_only() {
    story(
        SEQUENCE,
        &[
            "10:00:00 SYS1 AAA001I a",
            "10:00:01 SYS1 CCC001I out of turn",
            "10:00:20 SYS1 BBB001I b",
            "10:00:21 SYS1 BBB001I again",
            "10:01:10 SYS1 CCC001I c",
            // It completes one, and begins none.
            "10:01:19 SYS1 AAA001I a",
            "10:01:20 SYS1 BBB001I b",
            "10:01:21 SYS2 AAA001I a",
            "10:01:41 SYS2 BBB001I b",
            "10:02:51 SYS2 CCC001I too late",
            "10:02:52 SYS2 AAA001I a",
            "10:02:53 SYS2 ZZZ001I forget it",
            "10:05:00 SYS2 ZZZ001I forget it",
        ],
        &[
            "10:01:19 sequence: SYS1 has gone through 4 (AAA001I followed after 79 s for system=SYS1)",
            "10:02:41 sequence: SYS2: CCC001I, AAA001I (no CCC001I followed within 60 s for system=SYS2)",
        ],
    );
}

#[test]
fn a_sequence_of_one_id_takes_a_record_for_each_step() {
    let rules = "
[[rule]]
name = 'three'
when = { id = 'AAA001I' }
followed_by = [{ id = 'AAA001I', within = '30s' }, { id = 'AAA001I', within = '30s' }]
then = { report = '${each.time}' }
";
    let lines: Vec<String> = (0..7).map(|n| format!("10:00:0{n} SYS1 AAA001I x")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    story(
        rules,
        &lines,
        &[
            "10:00:02 three: 2026-11-21T10:00:00.00, 2026-11-21T10:00:01.00, 2026-11-21T10:00:02.00 (AAA001I followed after 2 s)",
            "10:00:05 three: 2026-11-21T10:00:03.00, 2026-11-21T10:00:04.00, 2026-11-21T10:00:05.00 (AAA001I followed after 2 s)",
        ],
    );
}

const ALL: &str = "
[[rule]]
name = 'all'
when = { id = 'APP001I', text = 'started (?<app>\\S+)' }
by = 'system'
all = { of = 'app', are = ['shop', 'stock', 'pay'], within = '2m', from = { id = 'SRV001I' }, or = { id = 'SRV002I', text = 'in (?<time_taken>\\S+)' } }
then = { report = '${system} ready with ${each.app}, missing ${situation.missing}, ${text}, ${time_taken}' }
otherwise = { report = '${system} lacks ${situation.missing}, has ${each.app}' }
";

#[test]
fn all_of_a_list_in_any_order() {
    story(
        ALL,
        &[
            // Nothing has begun.
            "10:00:00 SYS1 APP001I started shop",
            "10:00:01 SYS1 SRV001I launched",
            "10:00:02 SYS1 APP001I started pay",
            "10:00:03 SYS2 APP001I started shop",
            "10:00:04 SYS1 APP001I started other",
            "10:00:05 SYS1 APP001I started pay",
            "10:00:06 SYS1 APP001I started stock",
            "10:00:07 SYS1 APP001I started shop",
            "10:00:08 SYS1 SRV002I ready in 7",
            "10:00:09 SYS1 APP001I started shop",
        ],
        &[
            "10:00:07 all: SYS1 ready with pay, stock, shop, missing , SRV001I launched,  (all of shop, stock, pay came in 6 s for system=SYS1)",
        ],
    );
}

#[test]
fn another_record_stands_for_what_is_missing() {
    story(
        ALL,
        &["10:00:01 SYS1 SRV001I launched", "10:00:02 SYS1 APP001I started pay", "10:00:08 SYS1 SRV002I ready in 7"],
        &[
            "10:00:08 all: SYS1 ready with pay, missing shop, stock, SRV001I launched, 7 (SRV002I came, which stands for shop, stock for system=SYS1)",
        ],
    );
}

#[test]
fn what_is_missing_of_a_list_is_named_and_a_new_beginning_forgets() {
    story(
        ALL,
        &[
            "10:00:00 SYS1 SRV001I launched",
            "10:00:01 SYS1 APP001I started pay",
            "10:01:00 SYS1 SRV001I launched",
            "10:01:01 SYS1 APP001I started shop",
            "10:03:05 SYS1 APP001I started pay",
            "10:03:06 SYS1 APP001I started stock",
        ],
        &["10:03:00 all: SYS1 lacks stock, pay, has shop (stock, pay did not come within 120 s for system=SYS1)"],
    );
}

#[test]
fn without_from_the_first_one_begins() {
    let rules = ALL.replace(", from = { id = 'SRV001I' }", "").replace("${time_taken}", "");
    story(
        &rules,
        &[
            "10:00:00 SYS1 SRV002I ready in 1",
            "10:00:01 SYS1 APP001I started pay",
            "10:00:02 SYS1 APP001I started shop",
            "10:00:03 SYS1 APP001I started stock",
            "10:00:04 SYS1 APP001I started shop",
            "10:02:04 SYS1 XXX001I nothing",
        ],
        &[
            "10:00:03 all: SYS1 ready with pay, shop, stock, missing , APP001I started pay,  (all of shop, stock, pay came in 2 s for system=SYS1)",
            "10:02:04 all: SYS1 lacks stock, pay, has shop (stock, pay did not come within 120 s for system=SYS1)",
        ],
    );
}

const COLLECT: &str = "
[[rule]]
name = 'collect'
when = { id = 'AAA*', text = 'vipa (?<vipa>\\S+)' }
by = 'system'
collect = { for = '30s', quiet = '10s' }
then = { report = '${situation.count} on ${system}: ${each.vipa} (${each.message_id}), first ${vipa}' }
";

#[test]
fn what_is_collected_is_one_decision() {
    story(
        COLLECT,
        &[
            "10:00:00 SYS1 AAA001I vipa 1",
            "10:00:01 SYS1 AAA002I vipa 2",
            "10:00:09 SYS1 AAA001I vipa 1",
            // Ten seconds of quiet.
            "10:00:19 SYS1 AAA001I vipa 3",
            "10:00:27 SYS1 AAA001I vipa 4",
            "10:00:35 SYS1 AAA001I vipa 5",
            "10:00:43 SYS1 AAA001I vipa 6",
            // Thirty seconds in all.
            "10:00:50 SYS1 AAA001I vipa 7",
            "10:01:00 SYS1 XXX001I nothing",
        ],
        &[
            "10:00:19 collect: 3 on SYS1: 1, 2 (AAA001I, AAA002I), first 1 (3 records in 19 s for system=SYS1)",
            "10:00:49 collect: 4 on SYS1: 3, 4, 5, 6 (AAA001I), first 3 (4 records in 30 s for system=SYS1)",
            "10:01:00 collect: 1 on SYS1: 7 (AAA001I), first 7 (1 record in 10 s for system=SYS1)",
        ],
    );
}

#[test]
fn what_is_reset_decides_nothing() {
    for rules in [COLLECT, ALL, PAIR] {
        let rules = rules.replace("\nthen =", "\nreset_by = { id = 'ZZZ001I', text = '(?<link>X)' }\nthen =");
        let lines = [
            "10:00:00 SYS1 AAA001I down X",
            "10:00:00 SYS1 SRV001I launched",
            "10:00:00 SYS1 AAA001I vipa 1",
            "10:00:01 SYS1 ZZZ001I forget X",
            "10:10:00 SYS1 AAA009I nothing",
        ];
        story(&rules, &lines, &[]);
    }
}

#[test]
fn what_is_collected_is_remembered_up_to_a_bound_and_counted_beyond() {
    let lines: Vec<String> =
        (0..2_500).map(|n| format!("10:00:{:02} SYS1 AAA001I vipa {}", n / 100, n % 1_100)).collect();
    let log = log(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let ends = ends(&log);
    let tell = |restart: bool| {
        let mut life = Life::new(COLLECT);
        life.read(&log, 0, ends[2_000], usize::MAX);
        if restart {
            life.restart();
        }
        assert_eq!(life.agent.view().situations[0].state, "2001 noted, waits until 2026-11-21T10:00:30.000");
        life.read(&log, ends[2_000], log.len(), usize::MAX);
        life.give(wtor::agent::Event::Tick(wtor::time::Timestamp(life.now.0 + 60_000_000)));
        told(&life.decisions)
    };
    let straight = tell(false);
    assert!(straight[0].contains("2500 on SYS1: "), "{straight:?}");
    assert_eq!(straight, tell(true));
}
