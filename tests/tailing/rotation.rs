//! Rename and create, in all the ways that are in use.

use crate::harness::{Place, Tail, ok};
use std::io::Write as _;

#[test]
fn appended_lines_arrive() {
    let place = Place::new();
    place.append("messages.log", "old\n");
    let mut tail = Tail::files(&[&place.path("messages.log")]);
    tail.until_looked();
    place.append("messages.log", "a\n");
    tail.until_lines(&["a"]);
    place.append("messages.log", "b\nc\n");
    tail.until_lines(&["a", "b", "c"]);
    assert_eq!(tail.journal.numbers, [2, 3, 4], "the line that was passed over is counted");
    tail.assert_problems(&[]);
}

#[test]
fn rename_and_create() {
    let place = Place::new();
    place.append("messages.log", "");
    let mut tail = Tail::files(&[&place.path("messages.log")]);
    tail.until_looked();
    place.append("messages.log", "a\nb\n");
    place.rename("messages.log", "messages_25.11.21_22.15.27.0.log");
    place.append("messages.log", "c\n");
    tail.until_lines(&["a", "b", "c"]);
    tail.until("the end of the old file", |tail| tail.streams.len() == 1);
    tail.assert_problems(&[]);
}

#[test]
fn the_writer_goes_on_with_the_renamed_file() {
    let place = Place::new();
    place.append("messages.log", "");
    let mut tail = Tail::files(&[&place.path("messages.log")]);
    tail.until_looked();
    let mut writer = ok(std::fs::OpenOptions::new().append(true).open(place.path("messages.log")));
    ok(writer.write_all(b"a\n"));
    place.rename("messages.log", "messages.log.1");
    place.append("messages.log", "new\n");
    tail.until_lines(&["a", "new"]);
    ok(writer.write_all(b"late\n"));
    tail.until_lines(&["a", "new", "late"]);
}

#[test]
fn two_rotations_between_looks() {
    let place = Place::new();
    place.append("messages.log", "a\n");
    let mut tail = paused(&place);
    // Nothing wakes the source before all of this has happened.
    place.append("messages.log", "b\n");
    place.rename("messages.log", "messages.log.1");
    place.append("messages.log", "c\n");
    place.rename("messages.log.1", "messages.log.2");
    place.rename("messages.log", "messages.log.1");
    place.append("messages.log", "d\n");
    tail.look();
    tail.until_lines(&["b", "c", "d"]);
    tail.assert_problems(&[]);
}

#[test]
fn two_rotations_between_looks_and_the_middle_one_is_compressed() {
    let place = Place::new();
    place.append("messages.log", "a\n");
    let mut tail = paused(&place);
    place.rename("messages.log", "messages.log.2");
    place.append("messages.log.1.gz", "packed");
    place.append("messages.log", "d\n");
    tail.look();
    tail.until_lines(&["d"]);
    let problem = tail.until_problem("WTR104W");
    assert!(problem.path.ends_with("messages.log.1.gz"), "{problem:?}");
}

#[test]
fn the_old_file_is_compressed_at_once() {
    let place = Place::new();
    place.append("messages.log", "a\n");
    let mut tail = paused(&place);
    place.append("messages.log", "b\n");
    place.append("messages.log.2.gz", "an older file, compressed with delay");
    place.age("messages.log.2.gz");
    place.append("messages.log.1.gz", "packed");
    place.remove("messages.log");
    place.append("messages.log", "c\n");
    tail.look();
    tail.until_lines(&["b", "c"]);
    tail.assert_problems(&[]);
}

#[test]
fn copied_and_deleted_where_rename_is_not_possible() {
    let place = Place::new();
    place.append("messages.log", "");
    let mut tail = paused(&place);
    place.append("messages.log", "a\nb\n");
    tail.look();
    tail.until_lines(&["a", "b"]);
    place.append("messages.log", "c\n");
    place.copy("messages.log", "messages_25.11.21_22.15.27.0.log");
    place.remove("messages.log");
    place.append("messages.log", "d\n");
    tail.look();
    tail.until_lines(&["a", "b", "c", "d"]);
}

#[test]
fn rotated_files_that_the_pattern_covers_are_read_once() {
    let place = Place::new();
    place.append("messages.log", "");
    let mut tail = Tail::files(&[&place.path("*.log")]);
    tail.until_looked();
    place.append("messages.log", "a\n");
    place.rename("messages.log", "messages_1.log");
    place.append("messages.log", "b\n");
    tail.until_lines(&["a", "b"]);
    place.rename("messages_1.log", "messages_2.log");
    place.rename("messages.log", "messages_1.log");
    place.append("messages.log", "c\n");
    tail.until_lines(&["a", "b", "c"]);
    assert_eq!(tail.streams.len(), 3, "all of them are current: {:?}", tail.streams);
}

fn paused(place: &Place) -> Tail {
    let mut tail = Tail::stepped(&[&place.path("messages.log")]);
    tail.until_looked();
    tail
}
