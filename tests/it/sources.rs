//! Every kind of source, as wtor.toml names it: from its bytes to a job that ran.

use crate::run::{NOTE, NOTE_RULE};
use crate::world::{Agent, World, eventually, line};
use std::io::Write;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::Duration;

fn world(source: &str) -> World {
    let world = World::new();
    world.rules(NOTE_RULE).job("note", NOTE).write("wtor.toml", format!("[[source]]\n{source}"));
    world
}

fn number(n: u32) -> String {
    line(n, &format!("TST0001I number {n}"))
}

/// Each number was written down, once, by the time that all are over.
#[track_caller]
fn assert_noted(world: &World, agent: &Agent<'_>, expected: &[&str]) {
    agent.until_lines("out.txt", expected.len());
    agent.until_settled();
    let mut out = world.lines("out.txt");
    out.sort();
    assert_eq!(out, expected);
}

/// An address of this machine that nobody uses.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}

#[test]
fn files_and_globs_and_files_that_appear_later() {
    let world = world("name = 'all'\nfile = ['logs/*.log', 'logs/deep/**/x.txt']");
    world.write("logs/a.log", "").write("logs/not.txt", "");
    let agent = world.watch(1, &[]);
    world.append("logs/a.log", number(1)).append("logs/b.log", number(2)).append("logs/not.txt", number(9));
    world.write("logs/deep/er/x.txt", number(3));
    assert_noted(&world, &agent, &["1", "2", "3"]);
    let paths: Vec<_> = world.history().iter().map(|d| d["origin"]["path"].as_str().unwrap().to_owned()).collect();
    assert!(paths.iter().any(|path| path == "logs/deep/er/x.txt"), "{paths:?}");
    assert!(world.history().iter().all(|d| d["captures"]["source"] == "all"));
}

#[test]
fn a_file_that_is_there_is_read_from_its_end_or_its_beginning_or_the_checkpoint() {
    let text = |from: &str| format!("file = 'logs/a.log'\nfrom = '{from}'");
    let world = world(&text("end"));
    world.write("logs/a.log", number(1));
    let agent = world.watch(1, &[]);
    world.append("logs/a.log", number(2));
    assert_noted(&world, &agent, &["2"]);
    agent.kill();
    world.append("logs/a.log", number(3));
    // At the end again: what was written meanwhile is passed over.
    let agent = world.watch(1, &[]);
    world.append("logs/a.log", number(4));
    assert_noted(&world, &agent, &["2", "4"]);
    agent.kill();
    world.append("logs/a.log", number(5));
    world.write("wtor.toml", format!("[[source]]\n{}", text("checkpoint")));
    let agent = world.watch(1, &[]);
    assert_noted(&world, &agent, &["2", "4", "5"]);
}

#[test]
fn from_the_beginning_everything_is_acted_upon_once() {
    let world = world("file = 'logs/a.log'\nfrom = 'start'");
    world.write("logs/a.log", number(1) + &number(2));
    let agent = world.watch(1, &[]);
    assert_noted(&world, &agent, &["1", "2"]);
    agent.kill();
    let agent = world.watch(1, &[]);
    world.append("logs/a.log", number(3));
    assert_noted(&world, &agent, &["1", "2", "3"]);
}

#[test]
fn standard_input() {
    let world = world("name = 'in'\nstdin = true");
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let agent = world.start_with(&[], Stdio::from(reader));
    writer.write_all(number(1).as_bytes()).expect("written");
    agent.until_lines("out.txt", 1);
    // The last line needs no newline, and the end of the input is the end of the agent.
    writer.write_all(number(2).trim_end().as_bytes()).expect("written");
    drop(writer);
    assert_eq!(agent.ended(), Some(0));
    assert_eq!(world.lines("out.txt"), ["1", "2"]);
}

#[test]
fn standard_input_without_a_configuration() {
    let world = world("stdin = true");
    std::fs::remove_file(world.path("wtor.toml")).expect("removed");
    world.wtor_given(&["run"], number(1).as_bytes()).code(0).says(&["reading standard input", "WTR302I"]);
    world.wtor_given(&["run", "-"], number(2).as_bytes()).code(0);
    assert_eq!(world.lines("out.txt"), ["1", "2"]);
}

#[test]
fn without_anything_to_read_the_logs_of_this_directory_are_followed() {
    let world = world("stdin = true");
    std::fs::remove_file(world.path("wtor.toml")).expect("removed");
    world.write("logs/a.log", "");
    // /dev/null is what service managers and cron give.
    let agent = world.watch(1, &[]);
    assert!(agent.errors().contains("following logs/*.log"), "{}", agent.errors());
    world.append("logs/a.log", number(1));
    assert_noted(&world, &agent, &["1"]);
}

#[test]
fn a_fifo_stays_open_while_writers_come_and_go() {
    let world = world("fifo = 'pipe'");
    let made = std::process::Command::new("mkfifo").arg(world.path("pipe")).status().expect("mkfifo");
    assert!(made.success());
    let agent = world.start(&[]);
    for n in 1..=3 {
        world.append("pipe", number(n));
        agent.until_lines("out.txt", n as usize);
    }
    assert_noted(&world, &agent, &["1", "2", "3"]);
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn the_output_of_a_command_which_is_started_again() {
    let script = "echo x >> starts; cat next.log; rm -f next.log; sleep 0.05";
    let world = world(&format!("name = 'cmd'\ncommand = ['/bin/sh', '-c', '{script}']"));
    world.write("next.log", number(1));
    let agent = world.start(&[]);
    agent.until_lines("out.txt", 1);
    world.write("next.tmp", number(2));
    std::fs::rename(world.path("next.tmp"), world.path("next.log")).expect("renamed");
    assert_noted(&world, &agent, &["1", "2"]);
    assert!(world.lines("starts").len() >= 2);
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn connections_over_tcp() {
    let address = free_address();
    let world = world(&format!("tcp = '{address}'"));
    let agent = world.start(&[]);
    let connect = || {
        let mut peer = None;
        eventually(Duration::from_secs(10), || {
            peer = TcpStream::connect(&address).ok();
            peer.is_some()
        });
        peer.expect("connected")
    };
    let (mut one, mut two) = (connect(), connect());
    // Two peers whose lines come in pieces do not run into each other.
    let (first, second) = (number(1), number(2));
    one.write_all(&first.as_bytes()[..40]).expect("sent");
    two.write_all(&second.as_bytes()[..50]).expect("sent");
    one.write_all(&first.as_bytes()[40..]).expect("sent");
    two.write_all(&second.as_bytes()[50..]).expect("sent");
    drop(one);
    two.write_all(number(3).as_bytes()).expect("sent");
    assert_noted(&world, &agent, &["1", "2", "3"]);
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn datagrams_over_udp_one_line_each() {
    let address = free_address();
    let world = world(&format!("udp = '{address}'\nformat = 'syslog'"));
    world.rules(&NOTE_RULE.replace("id = 'TST0001I', ", ""));
    let agent = world.start(&[]);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let send = || {
        socket.send_to(b"<13>Oct 11 22:14:15 host1 app[7]: number 1", &address).expect("sent");
        world.lines("out.txt").contains(&"1".to_owned())
    };
    // Nobody tells a sender of datagrams that somebody listens.
    agent.until("a datagram is heard", send);
    agent.until_settled();
    let before = world.lines("out.txt").len();
    socket.send_to(b"<13>Oct 11 22:14:15 host1 app[7]: number 2\n", &address).expect("sent");
    agent.until("the next one is heard", || world.lines("out.txt").contains(&"2".to_owned()));
    assert!(world.lines("out.txt").len() > before);
    let last = world.history().pop().expect("a decision");
    assert_eq!(last["captures"]["system"], "host1", "{last}");
    assert_eq!(agent.stop(), Some(0));
}

/// What comes once has no place in a file: each stream of each source is one of its own, in every life of the agent.
#[test]
fn sources_of_every_kind_beside_each_other_are_not_taken_for_one_another() {
    let (tcp, udp) = (free_address(), free_address());
    let kinds = [
        "fifo = 'a.pipe'",
        "fifo = 'b.pipe'",
        "unix = 'a.sock'",
        "unix = 'b.sock'",
        "command = ['cat', 'said.txt']",
        &format!("tcp = '{tcp}'"),
        &format!("udp = '{udp}'"),
    ];
    let named = |(n, kind): (usize, &&str)| format!("[[source]]\nname = 's{n}'\n{kind}\n");
    let world = world("stdin = true");
    world.write("wtor.toml", kinds.iter().enumerate().map(named).collect::<String>());
    let pipes = ["a.pipe", "b.pipe"].map(|name| world.path(name));
    assert!(std::process::Command::new("mkfifo").args(pipes).status().expect("mkfifo").success());
    let mut expected: Vec<String> = Vec::new();
    for life in 0..2 {
        let said = |n: u32| number(10 * (life + 1) + n);
        world.write("said.txt", said(4));
        let agent = world.start(&[]);
        for (n, pipe) in (0..).zip(["a.pipe", "b.pipe"]) {
            world.append(pipe, said(n));
        }
        for (n, socket) in (2..).zip(["a.sock", "b.sock"]) {
            let mut peer = None;
            agent.until("it listens", || {
                peer = UnixStream::connect(world.path(socket)).ok();
                peer.is_some()
            });
            peer.expect("connected").write_all(said(n).as_bytes()).expect("sent");
        }
        TcpStream::connect(&tcp).expect("connected").write_all(said(5).as_bytes()).expect("sent");
        let from = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        from.send_to(said(6).as_bytes(), &udp).expect("sent");
        // The command is started again and again, and says the same each time.
        expected.extend((0..7).map(|n| (10 * (life + 1) + n).to_string()));
        agent.until("all have come", || {
            let lines = world.lines("out.txt");
            expected.iter().all(|wanted| lines.contains(wanted))
        });
        agent.kill();
    }
}

#[test]
fn connections_to_a_unix_socket() {
    let world = world("unix = 'in.sock'");
    let agent = world.start(&[]);
    let mut peer = None;
    agent.until("it listens", || {
        peer = UnixStream::connect(world.path("in.sock")).ok();
        peer.is_some()
    });
    peer.expect("connected").write_all((number(1) + number(2).trim_end()).as_bytes()).expect("sent");
    assert_noted(&world, &agent, &["1", "2"]);
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn a_format_by_its_name() {
    // By itself this would be read as plain text.
    let world = world(
        "file = 'logs/a.log'\nformat = 'json'\nfrom = 'start'\nfields = { message_id = 'code', text = 'what', job_name = 'who.name' }",
    );
    world.rules("[[rule]]\nname = 'note'\nwhen = { id = 'TST0001I', job_name = 'WLP*', text = 'number (?<n>\\d+)' }\nthen = { run = 'note', with = { n = '${n}' } }");
    world.write("logs/a.log", "{\"code\":\"TST0001I\",\"what\":\"number 1\",\"who\":{\"name\":\"WLP1\"}}\n{\"code\":\"TST0001I\",\"what\":\"number 2\",\"who\":{\"name\":\"X\"}}\n");
    let agent = world.watch(1, &[]);
    assert_noted(&world, &agent, &["1"]);
}

#[test]
fn json_by_a_preset_that_fields_add_to() {
    let world = world(
        "file = 'logs/a.log'\nformat = 'json'\nfrom = 'start'\npreset = 'cdp-syslog-console'\nfields = { job_name = 'asid.name' }",
    );
    // Only the preset knows what `Task` is.
    world.rules("[[rule]]\nname = 'note'\nwhen = { id = 'TST0001I', job_id = 'STC*', job_name = 'A', text = 'number (?<n>\\d+)' }\nthen = { run = 'note', with = { n = '${n}' } }");
    let event = |n: u32, task: &str| {
        format!(
            "{{\"MessageID\":\"TST0001I\",\"MessageText\":\"number {n}\",\"Task\":\"{task}\",\"asid\":{{\"name\":\"A\"}}}}\n"
        )
    };
    world.write("logs/a.log", event(1, "STC00001") + &event(2, "TSU00001"));
    let agent = world.watch(1, &[]);
    assert_noted(&world, &agent, &["1"]);
}

#[test]
fn plain_lines_by_a_pattern_with_named_fields() {
    let world = world(
        "file = 'logs/a.log'\nformat = 'plain'\nfrom = 'start'\npattern = '^(?<system>\\w+)\\|(?<message_id>\\w+)\\|(?<text>.*)$'",
    );
    world.rules("[[rule]]\nname = 'note'\nwhen = { id = 'M1', system = 'SYSB', text = 'number (?<n>\\d+)' }\nthen = { run = 'note', with = { n = '${n}' } }");
    world.write("logs/a.log", "SYSA|M1|number 1\nSYSB|M1|number 2\nSYSB|M2|number 3\n");
    let agent = world.watch(1, &[]);
    assert_noted(&world, &agent, &["2"]);
}

/// IBM-1047 for the characters that the test needs.
pub fn ebcdic(text: &str) -> Vec<u8> {
    let byte = |c: char| match c {
        ' ' => 0x40,
        '\n' => 0x15,
        '.' => 0x4b,
        ':' => 0x7a,
        '0'..='9' => 0xf0 + (c as u8 - b'0'),
        'A'..='I' => 0xc1 + (c as u8 - b'A'),
        'J'..='R' => 0xd1 + (c as u8 - b'J'),
        'S'..='Z' => 0xe2 + (c as u8 - b'S'),
        'a'..='i' => 0x81 + (c as u8 - b'a'),
        'j'..='r' => 0x91 + (c as u8 - b'j'),
        's'..='z' => 0xa2 + (c as u8 - b's'),
        other => panic!("{other:?} is not in the table of this test"),
    };
    text.chars().map(byte).collect()
}

#[test]
fn ebcdic_with_newlines_and_with_records_of_one_length() {
    let world = world(
        "name = 'nl'\nfile = 'logs/a.log'\nencoding = 'ibm-1047'
[[source]]\nname = 'fixed'\nfile = 'logs/b.log'\nencoding = 'ibm-1047'\nrecord_length = 100\nfrom = 'end'",
    );
    let fixed = |n: u32| ebcdic(&format!("{:100}", number(n).trim_end()));
    world.write("logs/a.log", ebcdic(&number(9))).write("logs/b.log", fixed(9));
    let agent = world.watch(2, &[]);
    world.append("logs/a.log", ebcdic(&number(1)));
    world.append("logs/b.log", fixed(2)).append("logs/b.log", fixed(3));
    assert_noted(&world, &agent, &["1", "2", "3"]);
}

#[test]
fn an_ebcdic_log_without_newlines_and_without_a_record_length_is_hinted_at_once() {
    let world = world(
        "name = 'fixed'\nfile = 'logs/*.log'\nencoding = 'ibm-1047'\nfrom = 'start'
[[source]]\nname = 'lines'\nfile = 'logs/*.txt'\nencoding = 'ibm-1047'\nfrom = 'start'
[[source]]\nname = 'right'\nfile = 'logs/*.bin'\nencoding = 'ibm-1047'\nfrom = 'start'\nrecord_length = 100",
    );
    let fixed: Vec<u8> = (1..=41).flat_map(|n| ebcdic(&format!("{:100}", number(n).trim_end()))).collect();
    let lines: Vec<u8> = (1..=99).flat_map(|n| ebcdic(&number(n + 100))).collect();
    world.write("logs/a.log", &fixed[..4096]).write("logs/b.txt", lines).write("logs/c.bin", &fixed);
    let agent = world.watch(3, &[]);
    agent.until("the others are read", || world.history().len() == 99 + 41);
    assert_eq!(agent.saw("WTR140W"), 0, "not before it is longer than a line is");
    world.append("logs/a.log", &fixed[4096..]).write("logs/d.log", &fixed);
    agent.until_said("WTR140W", 1);
    let hint = agent.texts("WTR140W").concat();
    assert!(
        hint.contains("first 4096 bytes") && hint.ends_with("say `record_length` for the source `fixed`."),
        "{hint}"
    );
    agent.until("both files are followed", || agent.status()["view"]["files"].as_array().map(Vec::len) == Some(4));
    world.append("logs/b.txt", ebcdic(&number(300)));
    agent.until("what is written later is read", || world.history().len() == 141);
    assert_eq!(agent.saw("WTR140W"), 1, "once for the source");
    let args = ["records", "--encoding", "ibm-1047", "logs/a.log"];
    world.wtor(&args).code(0).says(&["logs/a.log: WTR140W", "--record-length"]);
    let said = world.wtor(&[&args[..], &["--record-length", "100"]].concat()).code(0);
    assert_eq!(said.err, "", "{said}");
}

#[test]
fn old_records_after_an_outage_are_reported_and_not_acted_upon() {
    let world = world("name = 'log'\nfile = 'logs/a.log'\ncatch_up = { report_older = '10m' }\nzone = 'UTC'");
    world.write("logs/a.log", "");
    world.watch(1, &[]).kill();
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let stamped = |minutes: i64, n: u32| {
        let at = now.saturating_sub(jiff::Span::new().minutes(minutes));
        format!("N 4000000 SYS1     {} STC01234 00000090  TST0001I number {n}\n", at.strftime("%Y%j %H:%M:%S.00"))
    };
    world.append("logs/a.log", stamped(60, 1) + &stamped(11, 2) + &stamped(9, 3) + &stamped(0, 4));
    let agent = world.watch(1, &[]);
    assert_noted(&world, &agent, &["3", "4"]);
    let verdicts: Vec<_> = world.history().iter().map(|d| d["verdict"].as_str().unwrap().to_owned()).collect();
    assert_eq!(verdicts, ["too_old", "too_old", "fired", "fired"]);
    assert_eq!(agent.saw("WTR307W"), 2);
    assert!(agent.texts("WTR307W")[0].contains("acts only up to 10 min"), "{:?}", agent.texts("WTR307W"));
}

/// A UNIX syslog has no year; without one its records would have no age, and all be acted upon.
#[test]
fn a_syslog_without_a_year_is_of_the_last_twelve_months() {
    let world = world(
        "name = 'log'\nfile = 'logs/a.log'\nformat = 'syslog'\nfrom = 'start'\nzone = 'UTC'\ncatch_up = { report_older = '1h' }",
    );
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let stamped = |days: i64, n: u32| {
        let at = now.saturating_sub(jiff::Span::new().days(days));
        format!("{} zos1 app[1]: TST0001I number {n}\n", at.strftime("%b %e %H:%M:%S"))
    };
    world.write("logs/a.log", stamped(300, 1) + &stamped(30, 2) + &stamped(0, 3));
    let agent = world.watch(1, &[]);
    assert_noted(&world, &agent, &["3"]);
    let verdicts: Vec<_> = world.history().iter().map(|d| d["verdict"].as_str().unwrap().to_owned()).collect();
    assert_eq!(verdicts, ["too_old", "too_old", "fired"]);
}

#[test]
fn the_server_comes_from_the_path_or_the_configuration() {
    let world = world(
        "name = 'liberty'\nfile = 'usr/servers/*/logs/messages.log'
[[source]]\nname = 'other'\nfile = 'logs/a.log'\nserver = 'named'",
    );
    world.rules(
        "[[rule]]\nname = 'note'\nwhen = { id = 'CWWKF0011I' }\nthen = { run = 'note', with = { n = '${server}' } }",
    );
    world.write("usr/servers/web1/logs/messages.log", "").write("logs/a.log", "");
    let agent = world.watch(2, &[]);
    let ready = "[11/21/26, 22:12:31:742 UTC] 0000002b com.ibm.ws.kernel.feature.internal.FeatureManager            A CWWKF0011I: The web1 server is ready to run a smarter planet.\n";
    world.append("usr/servers/web1/logs/messages.log", ready).append("logs/a.log", ready);
    assert_noted(&world, &agent, &["named", "web1"]);
}

#[test]
fn a_source_that_cannot_be_opened_is_a_failure_with_a_reason() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    world(&format!("tcp = '{address}'")).wtor(&["run"]).code(3).says(&[&address]);
    world("fifo = 'no-such-pipe'").wtor(&["run"]).code(3).says(&["no-such-pipe"]);
    // A file may still come.
    let world = world("file = 'nowhere/a.log'");
    let agent = world.start(&[]);
    world.write("nowhere/a.log", number(1));
    assert_noted(&world, &agent, &["1"]);
}

#[test]
fn until_idle_reads_every_file_to_its_end() {
    let world = world("file = 'logs/*.log'\nfrom = 'start'");
    for n in 1..=5 {
        world.write(&format!("logs/{n}.log"), line(1, "TST0009I other").repeat(500) + &number(n));
    }
    world.wtor(&["run", "--until-idle"]).code(0);
    let mut out = world.lines("out.txt");
    out.sort();
    assert_eq!(out, ["1", "2", "3", "4", "5"]);
    // And again, with nothing new.
    world.wtor(&["run", "--until-idle"]).code(0);
    assert_eq!(world.lines("out.txt").len(), 5);
}

#[test]
fn a_busy_file_holds_up_neither_another_ones_record_nor_the_position() {
    let world = world("file = 'logs/*.log'");
    world.write("logs/busy.log", "").write("logs/slow.log", "");
    let agent = world.watch(2, &[]);
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                world.append("logs/busy.log", line(1, "TST0009I nobody asks"));
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let moved = || {
            let status = agent.status();
            let files = status["view"]["files"].as_array().cloned().unwrap_or_default();
            files.iter().any(|f| f["path"] == "logs/busy.log" && f["offset"].as_u64() > Some(10_000))
        };
        world.append("logs/slow.log", number(1));
        let noted = eventually(Duration::from_secs(5), || !world.lines("out.txt").is_empty());
        let moved = eventually(Duration::from_secs(10), moved);
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(noted, "the other file's record waits");
        assert!(moved, "the position of the busy file stands still");
    });
}
