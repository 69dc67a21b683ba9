//! Names that come, go, and change what they stand for; and content that is no tidy line.

use crate::harness::{Place, Tail, ok};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::time::Duration;

#[test]
fn a_file_that_comes_late_is_read_from_its_beginning() {
    let place = Place::new();
    let mut tail = Tail::files(&[&place.path("messages.log")]);
    place.append("messages.log", "a\n");
    tail.until_lines(&["a"]);
}

#[test]
fn a_directory_that_comes_late() {
    let place = Place::new();
    let mut tail = Tail::files(&[&place.path("servers/one/logs/messages.log")]);
    ok(std::fs::create_dir_all(place.path("servers/one/logs")));
    place.append("servers/one/logs/messages.log", "a\n");
    tail.until_lines(&["a"]);
}

#[test]
fn a_glob_finds_directories_and_files_that_come_late() {
    let place = Place::new();
    let mut tail = Tail::files(&[&place.path("servers/*/logs/messages.log")]);
    for server in ["one", "two"] {
        ok(std::fs::create_dir_all(place.path(&format!("servers/{server}/logs"))));
        place.append(&format!("servers/{server}/logs/messages.log"), format!("from {server}\n"));
    }
    tail.until("both lines", |tail| tail.journal.lines.len() == 2);
    tail.journal.lines.sort();
    assert_eq!(tail.journal.lines, ["from one", "from two"]);
}

#[test]
fn deleted_and_made_again() {
    let place = Place::new();
    place.append("console.log", "");
    let mut tail = Tail::files(&[&place.path("console.log")]);
    tail.until_looked();
    place.append("console.log", "a\n");
    place.remove("console.log");
    tail.until_lines(&["a"]);
    tail.until_problem("WTR109W");
    place.append("console.log", "b\n");
    tail.until_lines(&["a", "b"]);
}

#[test]
fn a_file_that_goes_and_comes_back_is_not_read_again() {
    let place = Place::new();
    place.append("console.log", "");
    let mut tail = Tail::files(&[&place.path("console.log")]);
    tail.until_looked();
    place.append("console.log", "a\n");
    tail.until_lines(&["a"]);
    place.rename("console.log", "aside");
    tail.until_problem("WTR109W");
    place.append("aside", "b\n");
    place.rename("aside", "console.log");
    tail.until_lines(&["a", "b"]);
}

#[test]
fn a_symbolic_link_that_is_switched() {
    let place = Place::new();
    ok(std::fs::create_dir(place.path("data")));
    place.append("data/one", "");
    ok(symlink(place.path("data/one"), place.path("current")));
    let mut tail = Tail::files(&[&place.path("current")]);
    tail.until_looked();
    place.append("data/one", "a\n");
    tail.until_lines(&["a"]);
    place.append("data/two", "b\n");
    ok(symlink(place.path("data/two"), place.path("next")));
    place.rename("next", "current");
    tail.until_lines(&["a", "b"]);
    place.append("data/two", "c\n");
    tail.until_lines(&["a", "b", "c"]);
}

#[test]
fn a_silent_file_system_is_polled() {
    let place = Place::new();
    place.append("messages.log", "");
    let mut tail = Tail::idle(wtor::input::Kind::Files {
        patterns: vec![place.path("messages.log").to_str().unwrap().to_owned()],
    });
    tail.spec.notify = false;
    tail.spec.poll = Duration::from_millis(10);
    tail.start();
    tail.until_looked();
    place.append("messages.log", "a\n");
    tail.until_lines(&["a"]);
    place.rename("messages.log", "messages.log.1");
    place.append("messages.log", "b\n");
    tail.until_lines(&["a", "b"]);
}

#[test]
fn a_name_that_cannot_be_opened_is_reported_once_and_tried_again() {
    let place = Place::new();
    ok(symlink("messages.log", place.path("messages.log")));
    let mut tail = Tail::stepped(&[&place.path("messages.log")]);
    tail.until_problem("WTR100W");
    tail.look();
    place.remove("messages.log");
    place.append("messages.log", "a\n");
    tail.look();
    tail.until_lines(&["a"]);
    tail.assert_problems(&["WTR100W", "WTR101I"]);
}

#[test]
fn permission_lost_and_back() {
    let place = Place::new();
    place.append("messages.log", "a\n");
    ok(std::fs::set_permissions(place.path("messages.log"), PermissionsExt::from_mode(0o000)));
    if std::fs::File::open(place.path("messages.log")).is_ok() {
        // Root may read everything; the unit test in src/input/file/mod.rs covers it with a double.
        return;
    }
    let mut tail = Tail::files(&[&place.path("messages.log")]);
    tail.until_problem("WTR100W");
    ok(std::fs::set_permissions(place.path("messages.log"), PermissionsExt::from_mode(0o600)));
    place.append("messages.log", "b\n");
    tail.until_lines(&["b"]);
    tail.assert_problems(&["WTR100W", "WTR101I"]);
}

#[test]
fn a_reused_inode_is_another_file() {
    let place = Place::new();
    place.append("messages.log", "");
    let mut tail = Tail::files(&[&place.path("messages.log")]);
    tail.until_looked();
    place.append("messages.log", "a\n");
    tail.until_lines(&["a"]);
    tail.stop();
    let old = ok(std::fs::metadata(place.path("messages.log"))).ino();
    // The file system chooses; most take the inode that was freed last.
    for attempt in 0.. {
        place.remove("messages.log");
        place.append("messages.log", "a\n");
        if ok(std::fs::metadata(place.path("messages.log"))).ino() == old || attempt == 100 {
            break;
        }
        place.append(&format!("other{attempt}"), "");
    }
    tail.start();
    tail.until_lines(&["a", "a"]);
}

#[test]
fn partial_lines_long_lines_and_nuls_arrive_as_they_are() {
    let place = Place::new();
    place.append("messages.log", "");
    let mut tail = Tail::files(&[&place.path("messages.log")]);
    tail.until_looked();
    let long = "x".repeat(3 << 20);
    place.append("messages.log", "in ");
    tail.until("the first part", |tail| tail.paused == 1);
    place.append("messages.log", "two parts\n");
    place.append("messages.log", format!("{long}\n"));
    place.append("messages.log", "nul\0nul\n\0\0\n");
    place.append("messages.log", "without an end");
    place.rename("messages.log", "messages.log.1");
    place.append("messages.log", "next\n");
    tail.until("all of it", |tail| tail.journal.lines.len() == 6);
    let mut lines = tail.journal.lines.clone();
    lines.sort();
    let mut wanted = ["in two parts", &long, "nul\0nul", "\0\0", "next", "without an end"];
    wanted.sort_unstable();
    assert!(lines == wanted);
}

#[test]
fn a_relative_path_wakes_too() {
    let place = Place::new();
    place.append("messages.log", "");
    let here = ok(std::env::current_dir());
    let up: std::path::PathBuf = here.components().skip(1).map(|_| "..").collect();
    let relative = up.join(ok(place.path("messages.log").strip_prefix("/")));
    let mut tail = Tail::files(&[&relative]);
    tail.until_looked();
    place.append("messages.log", "a\n");
    tail.until_lines(&["a"]);
    place.append("messages.log", "b\n");
    tail.until_lines(&["a", "b"]);
}
