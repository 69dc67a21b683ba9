//! What the assembler does with lines of several messages at a time.
//!
//! Layer: core

use super::*;

fn feed(classes: &[(Class<'_>, u64)], flush: Flush) -> Vec<String> {
    let mut assembler = Assembler::default();
    let mut out = Vec::new();
    let mut sink = |record: &Record<'_>| {
        let further: Vec<_> = record.lines().map(String::from_utf8_lossy).collect();
        let id = record.connect_id.map(String::from_utf8_lossy).unwrap_or_default();
        let end = if record.incomplete { " incomplete" } else { "" };
        let text = String::from_utf8_lossy(record.text);
        out.push(format!("{} {text}|{id}|{}{end}", record.kind.name(), further.join("/")));
    };
    for (class, number) in classes {
        let position = Position { offset: *number * 100, line: *number };
        assembler.take(class, Line { position, format: Format::Hardcopy, cut: false }, &mut sink);
    }
    assembler.flush(flush, &mut sink);
    out
}

fn first(text: &str, system: &'static str, follow: Follow) -> Class<'static> {
    let line: &'static [u8] = Box::leak(format!("{system} {text}").into_bytes().into_boxed_slice());
    let record = Record::bare(Kind::Message, Format::Hardcopy, &line[system.len() + 1..]);
    let record = Record { system: Some(&line[..system.len()]).filter(|s| !s.is_empty()), ..record };
    Class::Head { record, bytes: line, follow }
}

fn part(id: &'static str, text: &'static str, last: bool) -> Class<'static> {
    Class::Part { connect_id: id.as_bytes(), text: text.as_bytes(), last }
}

fn numbered(classes: Vec<Class<'static>>) -> Vec<(Class<'static>, u64)> {
    classes.into_iter().zip(1..).collect()
}

#[test]
fn interleaved_messages_are_joined_by_their_id() {
    let lines = numbered(vec![
        first("ABC001I ONE 601", "S", Follow::Parts),
        first("ABC002I TWO 602", "S", Follow::Parts),
        part("601", "a", false),
        first("ABC003I ALONE", "S", Follow::Directly),
        part("602", "x", true),
        part("601", "b", true),
        part("603", "lost", true),
    ]);
    assert_eq!(
        feed(&lines, Flush::Everything),
        ["message ABC003I ALONE||", "message ABC002I TWO|602|x", "message ABC001I ONE|601|a/b", "orphan lost|603|"]
    );
}

#[test]
fn a_connect_id_that_comes_back_ends_the_older_message_of_that_system_only() {
    let lines = numbered(vec![
        first("ABC001I ONE 601", "S1", Follow::Parts),
        part("601", "a", false),
        first("ABC002I OTHER SYSTEM 601", "S2", Follow::Parts),
        part("601", "x", true),
        first("ABC003I AGAIN 601", "S1", Follow::Parts),
        part("601", "y", true),
    ]);
    let want =
        ["message ABC002I OTHER SYSTEM|601|x", "message ABC001I ONE|601|a incomplete", "message ABC003I AGAIN|601|y"];
    assert_eq!(feed(&lines, Flush::Everything), want);
}

#[test]
fn the_id_may_stand_alone_on_a_continuation_or_be_missing() {
    let lines = numbered(vec![
        first("ABC001I LONG", "S", Follow::Parts),
        Class::join(b" 601"),
        part("601", "a", true),
        first("ABC002I NONE", "S", Follow::Parts),
        part("602", "b", true),
    ]);
    assert_eq!(feed(&lines, Flush::Everything), ["message ABC001I LONG|601|a", "message ABC002I NONE|602|b"]);
}

#[test]
fn without_end_lines_a_body_may_come_a_little_later() {
    let lines = numbered(vec![
        first("ABC001I ONE 161", "", Follow::Body),
        first("ABC002I TWO", "", Follow::Body),
        part("161", "a", false),
        first("ABC003I PORT 808", "", Follow::Body),
    ]);
    let want = ["message ABC002I TWO||", "message ABC001I ONE|161|a", "message ABC003I PORT 808||"];
    assert_eq!(feed(&lines, Flush::Settled), want);
}

#[test]
fn an_aside_leaves_the_record_before_it_open() {
    let aside =
        Class::Head { record: Record::bare(Kind::Header, Format::Liberty, b""), bytes: b"", follow: Follow::Aside };
    let lines = numbered(vec![
        first("ABC001E FAILED", "", Follow::Directly),
        aside,
        Class::Further(b"\tat x"),
        part("1", "?", true),
    ]);
    assert_eq!(feed(&lines, Flush::Everything), ["header ||", "message ABC001E FAILED||\tat x", "orphan ?|1|"]);
}

#[test]
fn a_display_loses_its_connect_id_only_to_a_further_line() {
    let lines = numbered(vec![
        first("IEE457I UNIT STATUS 948", "", Follow::Display),
        Class::Further(b" UNIT TYPE"),
        first("XYZ001I PORT 808", "", Follow::Display),
    ]);
    assert_eq!(
        feed(&lines, Flush::Everything),
        ["message IEE457I UNIT STATUS|948| UNIT TYPE", "message XYZ001I PORT 808||"]
    );
}

#[test]
fn lines_are_counted() {
    let mut assembler = Assembler::default();
    let mut counts = Vec::new();
    let mut sink = |record: &Record<'_>| counts.push(record.physical_lines);
    for (class, number) in numbered(vec![
        first("ABC001I ONE 601", "S", Follow::Parts),
        Class::join(b"MORE 601"),
        part("601", "a", false),
        part("601", "b", true),
        Class::Further(b"nothing before"),
    ]) {
        let position = Position { offset: 0, line: number };
        assembler.take(&class, Line { position, format: Format::Hardcopy, cut: number == 2 }, &mut sink);
    }
    assembler.flush(Flush::Everything, &mut sink);
    assert_eq!(counts, [4, 1]);
}

#[test]
fn so_many_messages_that_overlap_an_open_one_are_remembered() {
    let mut assembler = Assembler::default();
    let many = OVERLAPPING_MESSAGES_MAX as u64 + 10;
    let mut complete = 0;
    let mut take = |class: &Class<'_>, line: u64| {
        let position = Position { offset: line * 100, line };
        assembler.take(class, Line { position, format: Format::Hardcopy, cut: false }, &mut |_| complete += 1);
        assert!(assembler.overlapping.len() <= OVERLAPPING_MESSAGES_MAX);
        assembler.held_from().map_or(0, |from| from.line)
    };
    take(&first("ABC001I OPEN 001", "S", Follow::Parts), 1);
    let short = first("ABC002I SHORT 002", "S", Follow::Parts);
    for n in 0..many {
        take(&short, 2 * n + 2);
        assert_eq!(take(&part("002", "x", true), 2 * n + 3), 1, "a restart reads from the open one on");
    }
    take(&part("001", "x", true), 2 * many + 2);
    assert!(assembler.overlapping.is_empty() && complete == many + 1);
}
