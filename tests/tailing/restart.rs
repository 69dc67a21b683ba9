//! What happens to files while the agent is down.

use crate::harness::{Place, Tail};
use wtor::input::From;

/// A source that has read `a`, and is down.
fn down(place: &Place) -> Tail {
    place.append("messages.log", "");
    let mut tail = Tail::files(&[&place.path("messages.log")]);
    tail.until_looked();
    place.append("messages.log", "a\n");
    tail.until_lines(&["a"]);
    tail.stop();
    tail
}

#[test]
fn goes_on_where_it_was() {
    let place = Place::new();
    let mut tail = down(&place);
    place.append("messages.log", "b\n");
    tail.start();
    tail.until_lines(&["a", "b"]);
    assert_eq!(tail.journal.numbers, [1, 2]);
    tail.assert_problems(&[]);
}

#[test]
fn the_first_run_begins_at_the_last_line_without_an_end() {
    let place = Place::new();
    place.append("messages.log", "old\npar");
    let mut tail = Tail::files(&[&place.path("messages.log")]);
    tail.until_looked();
    place.append("messages.log", "tial\n");
    tail.until_lines(&["partial"]);
    assert_eq!(tail.journal.numbers, [2]);
}

#[test]
fn renamed_meanwhile() {
    let place = Place::new();
    let mut tail = down(&place);
    place.append("messages.log", "b\n");
    place.rename("messages.log", "messages_25.11.21_22.15.27.0.log");
    place.append("messages.log", "c\n");
    tail.start();
    tail.until_lines(&["a", "b", "c"]);
    tail.assert_problems(&[]);
}

#[test]
fn renamed_twice_meanwhile() {
    let place = Place::new();
    let mut tail = down(&place);
    // Restored from a backup: born after the file that is being read, but written to long before.
    place.append("messages_25.11.21_22.15.25.0.log", "older than the source\n");
    place.age("messages_25.11.21_22.15.25.0.log");
    place.append("messages_25.11.21_22.15.26.0.log.gz", "compressed late");
    place.age("messages_25.11.21_22.15.26.0.log.gz");
    place.append("messages.log", "b\n");
    place.rename("messages.log", "messages_25.11.21_22.15.27.0.log");
    place.append("messages.log", "c\n");
    place.rename("messages.log", "messages_25.11.21_22.15.28.0.log");
    place.append("messages.log", "d\n");
    tail.start();
    tail.until_lines(&["a", "b", "c", "d"]);
    tail.assert_problems(&[]);
}

#[test]
fn gone_meanwhile_is_reported_once() {
    let place = Place::new();
    let mut tail = down(&place);
    place.append("messages.log", "b\n");
    place.remove("messages.log");
    place.append("messages.log", "c\n");
    tail.start();
    tail.until_lines(&["a", "c"]);
    let problem = tail.until_problem("WTR105W");
    assert!(problem.text.contains("behind byte 2"), "{problem:?}");
    tail.stop();
    place.append("messages.log", "d\n");
    tail.start();
    tail.until_lines(&["a", "c", "d"]);
    tail.assert_problems(&["WTR105W"]);
}

#[test]
fn truncated_meanwhile_and_the_rest_is_in_a_copy() {
    let place = Place::new();
    let mut tail = down(&place);
    place.append("messages.log", "b\n");
    place.copy("messages.log", "messages.log.1");
    place.truncate("messages.log", 0);
    place.append("messages.log", "c\n");
    tail.start();
    tail.until_lines(&["a", "b", "c"]);
    tail.assert_problems(&["WTR102W"]);
    tail.stop();
    place.append("messages.log", "d\n");
    tail.start();
    tail.until_lines(&["a", "b", "c", "d"]);
    tail.assert_problems(&["WTR102W"]);
}

#[test]
fn truncated_meanwhile_and_grown_past_the_old_size() {
    let place = Place::new();
    let mut tail = down(&place);
    place.truncate("messages.log", 0);
    place.append("messages.log", "c\nd\n");
    tail.start();
    tail.until_lines(&["a", "c", "d"]);
    tail.assert_problems(&["WTR102W"]);
}

#[test]
fn a_file_that_appeared_meanwhile_is_read_from_its_beginning() {
    let place = Place::new();
    place.append("one.log", "old\n");
    let mut tail = Tail::files(&[&place.path("*.log")]);
    tail.until_looked();
    tail.stop();
    place.append("two.log", "a\n");
    tail.start();
    tail.until_lines(&["a"]);
}

#[test]
fn from_the_end_passes_over_the_outage_and_from_the_start_reads_again() {
    let place = Place::new();
    let mut tail = down(&place);
    place.append("messages.log", "b\n");
    tail.spec.from = From::End;
    tail.start();
    tail.until_looked();
    place.append("messages.log", "c\n");
    tail.until_lines(&["a", "c"]);
    tail.stop();

    tail.spec.from = From::Start;
    let decided = std::mem::take(&mut tail.journal.places);
    tail.start();
    tail.until_lines(&["a", "c", "a", "b", "c"]);
    for (place, line) in decided {
        assert_eq!(tail.journal.places[&place], line, "the same line has the same place");
    }
}

#[test]
fn the_stop_does_not_wait_for_a_reader() {
    let place = Place::new();
    place.append("messages.log", "");
    let mut tail = Tail::files(&[&place.path("messages.log")]);
    tail.until_looked();
    place.append("messages.log", "x\n".repeat(20 << 20));
    tail.until("some lines", |tail| !tail.journal.lines.is_empty());
    tail.stop();
}
