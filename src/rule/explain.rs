//! Why a record does not meet a condition, in words: for `wtor explain`, `wtor test` and every other
//! place that owes somebody a reason.
//!
//! Layer: core

use super::condition::{field_of, token, weekday};
use super::{Condition, Mismatch, Pattern, Seen, Test};
use crate::record::Kind;

/// The reason, as a clause: "message id is IEF404I, not IEF403I".
#[must_use]
pub fn explain_mismatch(condition: &Condition, mismatch: Mismatch, seen: Seen<'_, '_>) -> String {
    match mismatch {
        Mismatch::Test(i) => match condition.tests.get(i) {
            Some(test) => against(test, seen),
            None => "the condition has no such test".to_owned(),
        },
        Mismatch::Unless(i) => match condition.unless.get(i) {
            Some(unless) => format!("`unless` holds: {}", describe(unless)),
            None => "the condition has no such exception".to_owned(),
        },
        Mismatch::Kind => {
            let kind = seen.record.kind.name();
            format!("the record is of kind {kind}, which a rule sees only if it asks for that kind")
        }
    }
}

/// A condition as a clause: "message id is IEF403I and text matches `…`".
#[must_use]
pub fn describe(condition: &Condition) -> String {
    condition.tests.iter().map(in_favour).collect::<Vec<_>>().join(" and ")
}

/// The same with its exceptions: conditions of the same words are the same condition, wherever they stand.
#[must_use]
pub fn describe_whole(condition: &Condition) -> String {
    condition.unless.iter().fold(describe(condition), |words, unless| format!("{words} unless {}", describe(unless)))
}

/// What the record has instead of what the test wants.
fn against(test: &Test, seen: Seen<'_, '_>) -> String {
    let record = seen.record;
    match test {
        Test::Id(list) => is_not("message id", record.message_id, list),
        Test::Field(field, list) => is_not(field.name(), field_of(*field, seen), list),
        Test::Token(n, list) => is_not(&format!("word {n}"), token(record.text, *n), list),
        Test::Kind(kinds) => {
            format!("kind is {}, not {}", record.kind.name(), or(kinds.iter().map(|k| k.name().to_owned())))
        }
        Test::Format(formats) => {
            let wanted = or(formats.iter().map(|f| f.name().to_owned()));
            format!("format is {}, not {wanted}", record.format.name())
        }
        Test::Present(field, true) => format!("there is no {}", field.name()),
        Test::Present(field, false) => {
            format!("there is a {}, {}", field.name(), lossy(field_of(*field, seen).unwrap_or_default()))
        }
        Test::Routing(codes) => match record.routing {
            None => "there are no routing codes".to_owned(),
            Some(set) => {
                let has: Vec<String> = set.iter().map(|c| c.to_string()).collect();
                format!("routing codes are {}, not {}", has.join(","), or(codes.iter().map(u8::to_string)))
            }
        },
        Test::Flags(flags) => match record.flags {
            None => "there are no flags".to_owned(),
            Some(digits) => {
                format!("flags are {}, without {}", lossy(digits), flags.names().collect::<Vec<_>>().join(" and "))
            }
        },
        Test::Mark(marks) => {
            let wanted = or(marks.iter().map(|m| char::from(*m).to_string()));
            match record.mark {
                None => format!("there is no mark; wanted is {wanted}"),
                Some(mark) => format!("mark is {}, not {wanted}", char::from(mark)),
            }
        }
        Test::Text(pattern) => format!("text does not match `{}`", pattern.source()),
        Test::AnyLine(pattern) => format!("no line matches `{}`", pattern.source()),
        Test::Hours(from, to) => match record.time {
            None => "there is no time".to_owned(),
            Some(time) => {
                let minute = u16::try_from(time.micros / 60_000_000).unwrap_or(0);
                format!("time is {}, not in {}-{}", clock(minute), clock(*from), clock(*to))
            }
        },
        Test::Days(days) => match record.time.and_then(weekday) {
            None => "there is no date".to_owned(),
            Some(day) => format!("day is {}, not {}", DAYS[day as usize % 7], day_names(*days)),
        },
    }
}

/// What the test says of a record that passes it.
pub(super) fn in_favour(test: &Test) -> String {
    match test {
        Test::Id(list) => format!("message id is {}", words(list)),
        Test::Field(field, list) => format!("{} is {}", field.name(), words(list)),
        Test::Token(n, list) => format!("word {n} is {}", words(list)),
        Test::Kind(kinds) => format!("kind is {}", or(kinds.iter().map(|k: &Kind| k.name().to_owned()))),
        Test::Format(formats) => format!("format is {}", or(formats.iter().map(|f| f.name().to_owned()))),
        Test::Present(field, true) => format!("there is a {}", field.name()),
        Test::Present(field, false) => format!("there is no {}", field.name()),
        Test::Routing(codes) => format!("routing codes have {}", or(codes.iter().map(u8::to_string))),
        Test::Flags(flags) => format!("flags have {}", flags.names().collect::<Vec<_>>().join(" and ")),
        Test::Mark(marks) => format!("mark is {}", or(marks.iter().map(|m| char::from(*m).to_string()))),
        Test::Text(pattern) => format!("text matches `{}`", pattern.source()),
        Test::AnyLine(pattern) => format!("a line matches `{}`", pattern.source()),
        Test::Hours(from, to) => format!("time is in {}-{}", clock(*from), clock(*to)),
        Test::Days(days) => format!("day is {}", day_names(*days)),
    }
}

fn is_not(what: &str, value: Option<&[u8]>, wanted: &[Pattern]) -> String {
    match value {
        None => format!("there is no {what}; wanted is {}", words(wanted)),
        Some(value) => format!("{what} is {}, not {}", lossy(value), words(wanted)),
    }
}

fn words(patterns: &[Pattern]) -> String {
    or(patterns.iter().map(|pattern| match pattern {
        Pattern::Exact(word) => lossy(word),
        Pattern::Glob(glob) => lossy(glob.as_bytes()),
        Pattern::Regex(pattern) => format!("`{}`", pattern.source()),
    }))
}

/// `a`, `a or b`, `a, b or c`.
fn or(words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> = words.collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(super) fn clock(minutes: u16) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

pub(super) fn day_names(days: u8) -> String {
    or((0..7).filter(|day| days & (1 << day) != 0).map(|day| DAYS[day].to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;
    use crate::record::{Format, Record, RoutingCodes};
    use crate::rule::decode::decode;
    use crate::time::{Date, Fraction, Stamp};

    /// The reason that a condition does not hold for one fixed record.
    fn reason(when: &str) -> String {
        let text = format!("[[rule]]\nname = 'x'\nwhen = {{ {when} }}\n");
        let doc = Document::parse("x.toml", &text);
        let rule = decode(&doc).remove(0).rule.unwrap_or_else(|| panic!("{when}: {:?}", doc.is_broken()));
        let time = Stamp::new(Date::new(2019, 5, 27), 14, 55, 0, Fraction::default());
        let record = Record {
            message_id: Some(b"IEF404I"),
            job_name: Some(b"PAYROLL"),
            mark: Some(b'+'),
            flags: Some(b"00000010"),
            routing: RoutingCodes::from_hex(b"0020000"),
            time,
            ..Record::bare(Kind::Message, Format::Hardcopy, b"IEF404I PAYROLL - ENDED")
        };
        let seen = Seen { record: &record, source: "syslog", server: None };
        match rule.when.check(seen) {
            Ok(()) => "matches".to_owned(),
            Err(mismatch) => explain_mismatch(&rule.when, mismatch, seen),
        }
    }

    #[test]
    fn every_test_has_its_reason() {
        let table = [
            ("id = 'IEF40*', job_name = 'PAYROLL', days = 'mon'", "matches"),
            ("id = '*', kind = ['wtor', 'message'], format = 'hardcopy', source = 'sys*', mark = '+'", "matches"),
            ("token = { 4 = 'END*' }, any_line = 'ENDED$', reply_id = false", "matches"),
            ("flags = 'automation_requested', routing = [1, 11], hours = '14:55-14:56'", "matches"),
            ("hours = '22:00-15:00'", "matches"),
            ("hours = '22:00-06:00'", "time is 14:55, not in 22:00-06:00"),
            ("hours = '14:00-14:55'", "time is 14:55, not in 14:00-14:55"),
            ("id = 'IEF403I'", "message id is IEF404I, not IEF403I"),
            ("id = ['IEF403I', 'IEF45*', { regex = '^X' }]", "message id is IEF404I, not IEF403I, IEF45* or `^X`"),
            ("text = 'STARTED'", "text does not match `STARTED`"),
            ("any_line = 'STARTED'", "no line matches `STARTED`"),
            ("system = 'SYS1'", "there is no system; wanted is SYS1"),
            ("source = 'x'", "source is syslog, not x"),
            ("server = 'x'", "there is no server; wanted is x"),
            ("token = { 4 = 'STARTED' }", "word 4 is ENDED, not STARTED"),
            ("token = { 9 = 'STARTED' }", "there is no word 9; wanted is STARTED"),
            ("kind = ['wtor', 'command']", "kind is message, not wtor or command"),
            ("format = 'liberty'", "format is hardcopy, not liberty"),
            ("reply_id = true", "there is no reply_id"),
            ("mark = '*'", "mark is +, not *"),
            ("flags = ['automation_requested', 'deleted']", "flags are 00000010, without deleted"),
            ("routing = [1, 2]", "routing codes are 11, not 1 or 2"),
            ("hours = '08:00-14:55'", "time is 14:55, not in 08:00-14:55"),
            ("days = 'sat-sun'", "day is mon, not sat or sun"),
            (
                "id = 'IEF404I', unless = { job_name = 'PAY*', text = 'ENDED' }",
                "`unless` holds: job_name is PAY* and text matches `ENDED`",
            ),
        ];
        for (when, expected) in table {
            assert_eq!(reason(when), expected, "{when}");
        }
    }
}
