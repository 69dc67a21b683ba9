//! Content that is thrown away under a name that stays.

use crate::harness::{Place, Tail, ok};
use std::io::Write as _;

fn tail(place: &Place) -> Tail {
    let mut tail = Tail::stepped(&[&place.path("sy1.log")]);
    tail.until_looked();
    tail
}

#[test]
fn copytruncate_after_everything_was_read() {
    let place = Place::new();
    place.append("sy1.log", "");
    let mut tail = tail(&place);
    place.append("sy1.log", "a\nb\n");
    tail.look();
    tail.until_lines(&["a", "b"]);
    place.copy("sy1.log", "sy1.log.1");
    place.truncate("sy1.log", 0);
    place.append("sy1.log", "c\n");
    tail.look();
    tail.until_lines(&["a", "b", "c"]);
    let problem = tail.until_problem("WTR102W");
    assert!(problem.text.contains("after byte 4") && problem.text.contains("0 further bytes"), "{problem:?}");
    assert_eq!(tail.journal.numbers, [1, 2, 1], "the lines of the new generation count from 1");
}

#[test]
fn the_unread_rest_is_read_from_the_copy() {
    let place = Place::new();
    place.append("sy1.log", "");
    let mut tail = tail(&place);
    place.append("sy1.log", "a\nb, in pa");
    tail.look();
    tail.until_lines(&["a"]);
    place.append("sy1.log", "rts\nc\n");
    place.copy("sy1.log", "sy1.log.1");
    place.truncate("sy1.log", 0);
    tail.look();
    tail.until_lines(&["a", "b, in parts", "c"]);
    place.append("sy1.log", "d\n");
    tail.look();
    tail.until_lines(&["a", "b, in parts", "c", "d"]);
}

#[test]
fn truncated_without_a_copy_is_reported_as_loss() {
    let place = Place::new();
    place.append("sy1.log", "");
    let mut tail = tail(&place);
    place.append("sy1.log", "a\nb\n");
    tail.look();
    tail.until_lines(&["a", "b"]);
    place.truncate("sy1.log", 0);
    place.append("sy1.log", "c\n");
    tail.look();
    tail.until_lines(&["a", "b", "c"]);
    let problem = tail.until_problem("WTR102W");
    assert!(problem.text.contains("behind byte 4") && problem.text.contains("cannot be known"), "{problem:?}");
}

#[test]
fn shrunk_and_grown_past_the_old_size_between_two_looks() {
    let place = Place::new();
    place.append("sy1.log", "");
    let mut tail = tail(&place);
    place.append("sy1.log", "the same first line\na\n");
    tail.look();
    tail.until_lines(&["the same first line", "a"]);
    place.truncate("sy1.log", 0);
    place.append("sy1.log", "the same first line\nb\nc\n");
    tail.look();
    tail.until_lines(&["the same first line", "a", "the same first line", "b", "c"]);
    tail.assert_problems(&["WTR102W"]);
}

#[test]
fn a_file_that_is_cut_is_not_read_again() {
    let place = Place::new();
    let long: String = (0..40).map(|number| format!("line {number:04}\n")).collect();
    place.append("sy1.log", "");
    let mut tail = tail(&place);
    place.append("sy1.log", &long);
    tail.look();
    tail.until("the lines", |tail| tail.journal.lines.len() == 40);
    place.truncate("sy1.log", 300);
    tail.look();
    let problem = tail.until_problem("WTR102W");
    assert!(problem.text.contains("cut to 300 bytes"), "{problem:?}");
    place.append("sy1.log", "after the cut\n");
    tail.look();
    tail.until("the next line", |tail| tail.journal.lines.len() == 41);
    assert_eq!(tail.journal.lines[40], "after the cut");
    assert_eq!(tail.journal.numbers[40], 31);
}

#[test]
fn a_writer_that_does_not_append_leaves_nuls_which_are_passed_over() {
    let place = Place::new();
    place.append("sy1.log", "");
    let mut tail = tail(&place);
    let mut writer = ok(std::fs::OpenOptions::new().write(true).open(place.path("sy1.log")));
    let long = "x".repeat(9_000);
    ok(writer.write_all(format!("{long}\n").as_bytes()));
    tail.look();
    tail.until_lines(&[&long]);
    place.truncate("sy1.log", 0);
    ok(writer.write_all(b"behind a hole\n"));
    tail.look();
    tail.until_lines(&[&long, "behind a hole"]);
    let problem = tail.until_problem("WTR103W");
    assert!(problem.text.starts_with("9001 NUL"), "{problem:?}");
}

#[test]
fn truncated_twice_before_anything_new_is_written() {
    let place = Place::new();
    place.append("sy1.log", "");
    let mut tail = tail(&place);
    place.append("sy1.log", "a\n");
    tail.look();
    tail.until_lines(&["a"]);
    place.truncate("sy1.log", 0);
    tail.look();
    tail.until_problem("WTR102W");
    place.truncate("sy1.log", 0);
    tail.look();
    place.append("sy1.log", "b\n");
    tail.look();
    tail.until_lines(&["a", "b"]);
}
