//! Sources that cannot be read again: FIFOs, commands, sockets, standard input.

use crate::harness::{DEADLINE, Place, Tail, ok};
use std::io::Write as _;
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use wtor::input::{Kind, Known, Spec};
use wtor::limits::INPUT_CONNECTIONS_MAX;

fn started(kind: Kind) -> Tail {
    let mut tail = Tail::idle(kind);
    tail.spec.retry = Duration::from_millis(1);
    tail.start();
    tail
}

fn sh(script: &str) -> Kind {
    Kind::Command(["sh", "-c", script].map(str::to_owned).to_vec())
}

fn make_fifo(path: &Path) {
    assert!(ok(Command::new("mkfifo").arg(path).status()).success());
}

#[test]
fn a_fifo_survives_its_writers() {
    let place = Place::new();
    let path = place.path("console");
    make_fifo(&path);
    let mut tail = started(Kind::Fifo(path.clone()));
    for line in ["a", "b", "c"] {
        let mut writer = ok(std::fs::OpenOptions::new().write(true).open(&path));
        ok(writeln!(writer, "{line}"));
    }
    tail.until_lines(&["a", "b", "c"]);
    assert_eq!(tail.streams.len(), 1, "whole lines: one stream");
    let mut writer = ok(std::fs::OpenOptions::new().write(true).open(&path));
    ok(writer.write_all(b"torn"));
    drop(writer);
    tail.until_lines(&["a", "b", "c", "torn"]);
    let mut writer = ok(std::fs::OpenOptions::new().write(true).open(&path));
    ok(writer.write_all(b"d\n"));
    tail.until_lines(&["a", "b", "c", "torn", "d"]);
    tail.stop();
    tail.assert_problems(&[]);
}

#[test]
fn a_fifo_must_be_one() {
    let place = Place::new();
    place.append("file", "");
    for name in ["file", "missing"] {
        let (sink, _arrivals) = std::sync::mpsc::sync_channel(1);
        let spec = Spec::new("test", Kind::Fifo(place.path(name)));
        let error = wtor::input::start(spec, Known::nothing(), 1, sink).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn a_command_is_started_again() {
    let place = Place::new();
    let script = format!("cd {}; echo run >> runs; cat runs | wc -l; exit 3", place.dir.path().display());
    let mut tail = started(sh(&script));
    tail.until("three runs", |tail| tail.journal.lines.len() >= 3);
    assert_eq!(tail.journal.lines[..3], ["1", "2", "3"]);
    let problem = tail.until_problem("WTR120W");
    assert!(problem.text.contains("exit status: 3"), "{problem:?}");
}

/// Each pause is twice the one before, and is kept.
#[test]
fn a_command_that_fails_again_and_again_is_started_ever_more_slowly() {
    let begun = Instant::now();
    let mut tail = Tail::idle(sh("exit 3"));
    tail.spec.retry = Duration::from_millis(50);
    tail.start();
    let pauses = |tail: &Tail| -> Vec<Duration> {
        let told = tail.journal.problems.iter().filter(|problem| problem.id == "WTR120W");
        let pause =
            |text: &str| text.rsplit_once("again in ").and_then(|(_, pause)| duration(pause.strip_suffix('.')?));
        told.map(|problem| pause(&problem.text).unwrap_or_else(|| panic!("{problem:?}"))).collect()
    };
    tail.until("four ends", |tail| pauses(tail).len() >= 4);
    let pauses = pauses(&tail);
    assert!(pauses.windows(2).take(3).all(|two| two[1] == two[0] * 2), "{pauses:?}");
    assert!(begun.elapsed() >= pauses[..3].iter().sum(), "{pauses:?} in {:?}", begun.elapsed());
}

/// As Rust prints one: `10ms`, `1.5s`.
fn duration(text: &str) -> Option<Duration> {
    let number = |unit: &str| text.strip_suffix(unit).and_then(|number| number.parse::<f64>().ok());
    number("ms").map(|ms| Duration::from_secs_f64(ms / 1000.0)).or_else(|| number("s").map(Duration::from_secs_f64))
}

#[test]
fn a_command_that_does_not_exist_is_tried_again() {
    let place = Place::new();
    let program = place.path("late");
    let mut tail = started(Kind::Command(vec![program.to_str().unwrap().to_owned()]));
    let problem = tail.until_problem("WTR120W");
    assert!(problem.text.contains("cannot be started"), "{problem:?}");
    // Written aside and renamed: a program that is open for writing cannot be run.
    place.append("new", "#!/bin/sh\necho here\n");
    ok(std::fs::set_permissions(place.path("new"), std::os::unix::fs::PermissionsExt::from_mode(0o755)));
    place.rename("new", "late");
    tail.until("the line", |tail| !tail.journal.lines.is_empty());
    assert_eq!(tail.journal.lines[0], "here");
}

#[test]
fn a_stop_ends_the_command_and_all_that_it_has_started() {
    let place = Place::new();
    let script = format!("cd {}; trap '' TERM; sleep 1000 & echo $$ $!; wait; sleep 1000", place.dir.path().display());
    let mut tail = started(sh(&script));
    tail.until("the ids", |tail| !tail.journal.lines.is_empty());
    let ids: Vec<String> = tail.journal.lines[0].split(' ').map(str::to_owned).collect();
    tail.stop();
    // The kill of a grandchild takes effect a moment later.
    let deadline = Instant::now() + DEADLINE;
    for id in ids {
        while runs(&id) {
            assert!(Instant::now() < deadline, "{id} still runs");
            std::thread::yield_now();
        }
    }
}

/// A child that nobody waits for may stay as a zombie where there is no init.
fn runs(id: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
    !matches!(state, None | Some('Z' | 'X'))
}

#[test]
fn standard_error_is_told_but_not_without_end() {
    let mut tail = started(sh("i=0; while [ $i -lt 50 ]; do printf 'bad \\033[31m %s\\n' $i >&2; i=$((i+1)); done"));
    let problem = tail.until_problem("WTR122W");
    assert!(problem.text.starts_with("30 lines"), "{problem:?}");
    let told: Vec<_> = tail.journal.problems.iter().filter(|problem| problem.id == "WTR121I").collect();
    assert_eq!(told.len(), 20);
    assert!(told[0].text.ends_with("bad \\u{1b}[31m 0"), "{:?}", told[0]);
}

#[test]
fn each_connection_is_a_stream() {
    let mut tail = started(Kind::Tcp("127.0.0.1:0".to_owned()));
    let mut one = ok(TcpStream::connect(tail.address()));
    let mut two = ok(TcpStream::connect(tail.address()));
    ok(one.write_all(b"from "));
    tail.until("the first part", |tail| tail.paused == 1);
    ok(two.write_all(b"from two\n"));
    tail.until_lines(&["from two"]);
    ok(one.write_all(b"one\n"));
    tail.until_lines(&["from two", "from one"]);
    ok(two.write_all(b"torn"));
    drop(two);
    tail.until_lines(&["from two", "from one", "torn"]);
    tail.until("the end of one stream", |tail| tail.streams.len() == 1);
}

#[test]
fn connections_have_a_limit() {
    let mut tail = started(Kind::Tcp("127.0.0.1:0".to_owned()));
    let mut peers = Vec::new();
    while peers.len() < INPUT_CONNECTIONS_MAX {
        peers.push(ok(TcpStream::connect(tail.address())));
        tail.until("the connection", |tail| tail.streams.len() == peers.len());
    }
    let _refused = ok(TcpStream::connect(tail.address()));
    tail.until_problem("WTR130W");
    assert_eq!(tail.streams.len(), INPUT_CONNECTIONS_MAX);
    peers.remove(0);
    tail.until("room", |tail| tail.streams.len() < INPUT_CONNECTIONS_MAX);
    let mut peer = ok(TcpStream::connect(tail.address()));
    ok(peer.write_all(b"a\n"));
    tail.until_lines(&["a"]);
}

#[test]
fn a_port_that_is_taken_is_an_error() {
    let tail = started(Kind::Tcp("127.0.0.1:0".to_owned()));
    let (sink, _arrivals) = std::sync::mpsc::sync_channel(1);
    let spec = Spec::new("test", Kind::Tcp(tail.address()));
    let error = wtor::input::start(spec, Known::nothing(), 1, sink).unwrap_err();
    assert!(error.to_string().contains(&tail.address()), "{error}");
}

#[test]
fn datagrams_become_lines() {
    let mut tail = started(Kind::Udp("127.0.0.1:0".to_owned()));
    let socket = ok(UdpSocket::bind("127.0.0.1:0"));
    for datagram in ["a", "b\n", "", "c\nd"] {
        ok(socket.send_to(datagram.as_bytes(), tail.address()));
    }
    tail.until_lines(&["a", "b", "c", "d"]);
    assert_eq!(tail.streams.len(), 1);
}

#[test]
fn unix_sockets() {
    let place = Place::new();
    let path = place.path("stream");
    // Left behind by an agent that was killed.
    drop(ok(std::os::unix::net::UnixListener::bind(&path)));
    let mut tail = started(Kind::Unix(path.clone()));
    ok(ok(UnixStream::connect(&path)).write_all(b"a\n"));
    tail.until_lines(&["a"]);
    tail.stop();
    assert!(!path.exists());

    let path = place.path("datagram");
    let mut tail = started(Kind::UnixDatagram(path.clone()));
    let long = "x".repeat(100_000);
    let socket = ok(UnixDatagram::unbound());
    for datagram in ["a", &long] {
        ok(socket.send_to(datagram.as_bytes(), &path));
    }
    tail.until_lines(&["a", &long]);
}

#[test]
fn standard_input_ends() {
    // A process of its own, because standard input belongs to the whole process.
    if std::env::var_os("WTOR_TEST_STDIN").is_some() {
        let mut tail = started(Kind::Stdin);
        tail.until("the end", |tail| tail.finished);
        assert_eq!(tail.journal.lines, ["a", "b", "no end"]);
        return;
    }
    let program = ok(std::env::current_exe());
    let child = Command::new(program)
        .args(["--exact", "streams::standard_input_ends"])
        .env("WTOR_TEST_STDIN", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = ok(child);
    ok(child.stdin.take().unwrap().write_all(b"a\nb\nno end"));
    let output = ok(child.wait_with_output());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
