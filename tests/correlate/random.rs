//! All forms at once on random logs: what is read again decides nothing, and what restarts cannot delay is
//! decided as if there had been none.

use crate::life::*;

const RULES: &str = "
[[rule]]
name = 'counts'
when = { id = ['AAA001I', 'BBB001I'] }
by = 'system'
count = { at_least = 3, within = '10s' }
reset_by = { id = 'DDD001I' }
then = { report = '${each.message_id} ${situation.count}' }

[[rule]]
name = 'levels'
when = { id = ['BBB001I', 'CCC001I'] }
by = 'system'
count = [{ level = 'worse', at_least = 4, within = '8s' }, { level = 'bad', at_least = 3, within = '20s' }]
reset_by = { id = 'DDD001I', text = 'hard' }
then = { report = '${situation.level} ${each.time}' }

[[rule]]
name = 'pause'
when = { id = 'AAA001I' }
once_per = '7s'
reset_by = { id = 'CCC001I' }

[[rule]]
name = 'sequence'
when = { id = 'AAA001I' }
by = 'system'
followed_by = [{ id = ['BBB001I', 'AAA001I'], within = '9s' }, { id = ['AAA001I', 'CCC001I'], within = '6s' }]
reset_by = { id = 'DDD001I', text = 'soft' }
then = { report = '${each.message_id}' }
otherwise = { report = 'no ${situation.missing}' }

[[rule]]
name = 'all'
when = { id = ['AAA001I', 'BBB001I', 'CCC001I'] }
by = 'system'
all = { of = 'message_id', are = ['AAA001I', 'BBB001I', 'CCC001I'], within = '15s', from = { id = ['AAA001I', 'DDD001I'], text = 'soft' }, or = { id = 'DDD001I', text = 'hard' } }
then = { report = '${each.message_id}' }
otherwise = { report = 'no ${situation.missing}' }

[[rule]]
name = 'collects'
when = { id = ['CCC001I', 'DDD001I'] }
by = 'system'
collect = { for = '12s', quiet = '5s' }
then = { report = '${situation.count} ${each.message_id}' }

[[rule]]
name = 'missing'
when = { id = 'AAA001I' }
by = 'system'
unless_followed_by = { id = ['AAA001I', 'DDD001I'], within = '6s' }
once_per = '20s'
";

/// What a restart does not delay: rules that wait for nothing.
const UNDELAYED: [&str; 3] = ["counts", "levels", "pause"];

fn random_log(random: &mut fastrand::Rng) -> String {
    let mut seconds = 0;
    let mut lines = Vec::new();
    for _ in 0..50 {
        seconds += random.u32(0..4);
        let (id, how) = (random.choice(["AAA", "AAA", "BBB", "CCC", "DDD"]), random.choice(["soft", "hard"]));
        let system = random.choice(["SYS1", "SYS2"]).expect("one");
        let (minute, second) = (seconds / 60, seconds % 60);
        lines.push(format!("10:{minute:02}:{second:02} {system} {}001I {}", id.expect("one"), how.expect("one")));
    }
    log(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn reading_again_and_restarts_change_nothing() {
    let mut of_rule = std::collections::BTreeMap::<String, usize>::new();
    for seed in 0..3 {
        let mut random = fastrand::Rng::with_seed(seed);
        let log = random_log(&mut random);
        let (mut straight, mut again, mut restarted) = (Life::new(RULES), Life::new(RULES), Life::new(RULES));
        let mut from = 0;
        for to in ends(&log) {
            straight.read(&log, from, to, usize::MAX);
            again.read(&log, 0, to, 0);
            // Sometimes all is read again behind a restart, and sometimes nothing is.
            let keep = if random.bool() { 0 } else { usize::MAX };
            restarted.read(&log, if keep == 0 { 0 } else { from }, to, 0);
            if random.bool() {
                restarted.restart();
            }
            from = to;
        }
        assert_eq!(told(&straight.decisions), told(&again.decisions), "read again, seed {seed}");
        let undelayed = |life: &Life| -> Vec<String> {
            told(&life.decisions.iter().filter(|d| UNDELAYED.contains(&&*d.rule)).cloned().collect::<Vec<_>>())
        };
        assert_eq!(undelayed(&straight), undelayed(&restarted), "with restarts, seed {seed}");
        for decision in &straight.decisions {
            *of_rule.entry(decision.rule.to_string()).or_default() += 1;
        }
    }
    assert_eq!(of_rule.len(), 7, "each rule has decided: {of_rule:?}");
}
