//! A log that is copied and truncated more than once while nobody reads it: what stood in it lies in copies that
//! were never read, and comes in order, once, before what the log holds now.

use crate::harness::{Place, Tail};
use std::time::Duration;

const LOG: &str = "sy1.log";
/// The longest that a tick of the kernel lasts.
const TICK: Duration = Duration::from_millis(10);

/// The log gets a line, and is truncated as logrotate does it: the older copies move up, the newest is `sy1.log.1`.
fn copytruncate(place: &Place, line: &str) {
    place.append(LOG, format!("{line}\n"));
    place.let_the_clock_go_on(TICK);
    let name = |n: usize| format!("{LOG}.{n}");
    let last = (1..).find(|n| !place.path(&name(*n)).exists()).unwrap();
    (1..last).rev().for_each(|n| place.rename(&name(n), &name(n + 1)));
    place.copy(LOG, &name(1));
    place.truncate(LOG, 0);
    place.let_the_clock_go_on(TICK);
}

fn copytruncate_to(place: &Place, line: &str, name: &str) {
    place.append(LOG, format!("{line}\n"));
    place.let_the_clock_go_on(TICK);
    place.copy(LOG, name);
    place.truncate(LOG, 0);
    place.let_the_clock_go_on(TICK);
}

fn rename_to(place: &Place, line: &str, name: &str) {
    place.append(LOG, format!("{line}\n"));
    place.let_the_clock_go_on(TICK);
    place.rename(LOG, name);
    place.let_the_clock_go_on(TICK);
}

/// `b` to `f`, each moved away in the other manner than the one before.
fn copies_and_names(place: &Place) {
    copytruncate_to(place, "b", "sy1.log-1");
    rename_to(place, "c", "sy1.log-2");
    copytruncate_to(place, "d", "sy1.log-3");
    rename_to(place, "e", "sy1.log-4");
    place.append(LOG, "f\n");
}

/// A source that has read `a`, and is down.
fn down(place: &Place) -> Tail {
    place.append(LOG, "");
    let mut tail = Tail::files(&[&place.path(LOG)]);
    tail.until_looked();
    place.append(LOG, "a\n");
    tail.until_lines(&["a"]);
    tail.stop();
    tail
}

/// One that is up, has read `a`, and looks when it is told to.
fn stepped(place: &Place) -> Tail {
    place.append(LOG, "");
    let mut tail = Tail::stepped(&[&place.path(LOG)]);
    tail.until_looked();
    place.append(LOG, "a\n");
    tail.look();
    tail.until_lines(&["a"]);
    tail
}

/// Nothing of it comes again.
fn assert_still(mut tail: Tail, place: &Place, lines: &[&str]) {
    tail.stop();
    tail.start();
    place.append(LOG, "last\n");
    let lines: Vec<&str> = lines.iter().copied().chain(["last"]).collect();
    tail.until_lines(&lines);
}

#[test]
fn twice_while_down() {
    let place = Place::new();
    let mut tail = down(&place);
    copytruncate(&place, "b");
    copytruncate(&place, "c");
    place.append(LOG, "d\n");
    tail.start();
    tail.until_lines(&["a", "b", "c", "d"]);
    tail.assert_problems(&["WTR102W"]);
    assert_still(tail, &place, &["a", "b", "c", "d"]);
}

#[test]
fn three_times_while_down_and_the_copies_are_dated() {
    let place = Place::new();
    let mut tail = down(&place);
    for (line, date) in [("b", "20251121"), ("c", "20251122"), ("d", "20251123")] {
        copytruncate_to(&place, line, &format!("{LOG}-{date}"));
    }
    tail.start();
    tail.until_lines(&["a", "b", "c", "d"]);
    place.append(LOG, "e\n");
    tail.until_lines(&["a", "b", "c", "d", "e"]);
    tail.assert_problems(&["WTR102W"]);
    assert_still(tail, &place, &["a", "b", "c", "d", "e"]);
}

#[test]
fn twice_between_two_looks() {
    let place = Place::new();
    let mut tail = stepped(&place);
    copytruncate(&place, "b");
    copytruncate(&place, "c");
    place.append(LOG, "d\n");
    tail.look();
    tail.until_lines(&["a", "b", "c", "d"]);
    tail.assert_problems(&["WTR102W"]);
    assert_still(tail, &place, &["a", "b", "c", "d"]);
}

#[test]
fn three_times_between_two_looks_and_the_log_is_empty() {
    let place = Place::new();
    let mut tail = stepped(&place);
    for line in ["b", "c", "d"] {
        copytruncate(&place, line);
    }
    tail.look();
    tail.until_lines(&["a", "b", "c", "d"]);
    // The same of a log of which nothing was read since it was truncated.
    for line in ["e", "f"] {
        copytruncate(&place, line);
    }
    place.append(LOG, "g\n");
    tail.look();
    tail.until_lines(&["a", "b", "c", "d", "e", "f", "g"]);
    assert_still(tail, &place, &["a", "b", "c", "d", "e", "f", "g"]);
}

#[test]
fn an_empty_log_that_was_never_read_was_truncated_twice_while_down() {
    let place = Place::new();
    place.append(LOG, "");
    place.append("sy1.log.7", "older than the source\n");
    let mut tail = Tail::files(&[&place.path(LOG)]);
    tail.until_looked();
    tail.stop();
    for (line, name) in [("a", "sy1.log.8"), ("b", "sy1.log.9")] {
        copytruncate_to(&place, line, name);
    }
    tail.start();
    tail.until_lines(&["a", "b"]);
    tail.assert_problems(&[]);
}

#[test]
fn killed_again_and_again_while_it_catches_up() {
    let place = Place::new();
    let mut tail = down(&place);
    let mut wanted = vec!["a".to_owned()];
    for generation in 0..4 {
        let lines: Vec<String> = (0..20_000).map(|n| format!("generation {generation} line {n}")).collect();
        match generation {
            3 => place.append(LOG, lines.join("\n") + "\n"),
            _ => copytruncate(&place, &lines.join("\n")),
        }
        wanted.extend(lines);
    }
    let mut random = fastrand::Rng::with_seed(1);
    while tail.journal.lines.len() < wanted.len() {
        tail.start();
        for _ in 0..random.u8(0..12) {
            tail.step(Duration::from_millis(20));
        }
        tail.stop();
    }
    assert!(tail.journal.lines == wanted, "{} lines of {}", tail.journal.lines.len(), wanted.len());
}

#[test]
fn renamed_twice_and_truncated_while_down() {
    let place = Place::new();
    let mut tail = down(&place);
    copies_and_names(&place);
    tail.start();
    tail.until_lines(&["a", "b", "c", "d", "e", "f"]);
    tail.assert_problems(&["WTR102W"]);
    assert_still(tail, &place, &["a", "b", "c", "d", "e", "f"]);
}

#[test]
fn renamed_twice_and_truncated_between_two_looks() {
    let place = Place::new();
    let mut tail = stepped(&place);
    copies_and_names(&place);
    tail.look();
    tail.until_lines(&["a", "b", "c", "d", "e", "f"]);
    assert_still(tail, &place, &["a", "b", "c", "d", "e", "f"]);
}

#[test]
fn a_rotated_file_that_is_copied_as_well_is_read_once() {
    let place = Place::new();
    let mut tail = down(&place);
    copytruncate_to(&place, "b", "sy1.log-1");
    place.copy("sy1.log-1", "sy1.log-01");
    rename_to(&place, "c", "sy1.log-2");
    place.copy("sy1.log-2", "sy1.log-02");
    place.append(LOG, "d\n");
    place.copy(LOG, "sy1.log-03");
    tail.start();
    tail.until_lines(&["a", "b", "c", "d"]);
    // The last copy was made of what the log holds: it is needed when that is thrown away.
    place.truncate(LOG, 0);
    place.append(LOG, "e\n");
    tail.until_lines(&["a", "b", "c", "d", "e"]);
    assert_still(tail, &place, &["a", "b", "c", "d", "e"]);
}

#[test]
fn the_first_copy_is_gone_and_that_is_told() {
    let place = Place::new();
    let mut tail = down(&place);
    copytruncate_to(&place, "lost", "sy1.log-1");
    copytruncate_to(&place, "c", "sy1.log-2");
    place.append(LOG, "d\n");
    place.remove("sy1.log-1");
    tail.start();
    tail.until_lines(&["a", "c", "d"]);
    tail.assert_problems(&["WTR102W"]);
    assert!(tail.until_problem("WTR102W").text.contains("behind byte 2"));
}

#[test]
fn one_copy_over_the_other_leaves_the_last_and_the_loss_is_told() {
    let place = Place::new();
    place.append("sy1.log.1", "older than the source\n");
    let mut tail = down(&place);
    copytruncate_to(&place, "lost", "sy1.log.1");
    copytruncate_to(&place, "c", "sy1.log.1");
    place.append(LOG, "d\n");
    tail.start();
    tail.until_lines(&["a", "c", "d"]);
    tail.assert_problems(&["WTR102W"]);
    assert_still(tail, &place, &["a", "c", "d"]);
}

#[test]
fn copies_that_were_there_before_are_not_read() {
    let place = Place::new();
    copytruncate(&place, "1");
    copytruncate(&place, "2");
    let mut tail = down(&place);
    copytruncate(&place, "b");
    copytruncate(&place, "c");
    tail.start();
    tail.until_lines(&["a", "b", "c"]);
    assert_still(tail, &place, &["a", "b", "c"]);
}

#[test]
fn copied_and_deleted_while_down() {
    let place = Place::new();
    let mut tail = down(&place);
    place.append(LOG, "b\n");
    place.copy(LOG, "sy1.log.1");
    place.remove(LOG);
    place.append(LOG, "c\n");
    tail.start();
    tail.until_lines(&["a", "b", "c"]);
    tail.assert_problems(&[]);
    assert_still(tail, &place, &["a", "b", "c"]);
}

#[test]
fn a_copy_that_is_made_while_the_source_starts_anew_is_not_forgotten() {
    let place = Place::new();
    let mut tail = down(&place);
    place.append(LOG, "b\n");
    // The copy is there, the log is not yet truncated.
    place.copy(LOG, "sy1.log.1");
    tail.start();
    tail.until_lines(&["a", "b"]);
    tail.stop();
    place.truncate(LOG, 0);
    place.append(LOG, "c\n");
    tail.start();
    tail.until_lines(&["a", "b", "c"]);
    assert!(tail.until_problem("WTR102W").text.contains("from its copy"));
}
