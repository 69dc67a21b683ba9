//! Conditions from TOML. A key is one test; the tests are put in the order of their cost.
//!
//! Layer: core

use super::pattern::{patterns, text_pattern};
use crate::diagnostic::id;
use crate::document::{Table, Value};
use crate::record::{FlagSet, Format, Kind, level_letter, may_be_message_id};
use crate::rule::{Condition, Field, Pattern, Test};

/// Keys whose value is a pattern for one field.
const FIELDS: [(&str, Field); 7] = [
    ("inner_id", Field::InnerId),
    ("system", Field::System),
    ("job_name", Field::JobName),
    ("job_id", Field::JobId),
    ("console", Field::Console),
    ("source", Field::Source),
    ("server", Field::Server),
];

/// What people write for our keys, and our keys.
const MEANT: [(&str, &str); 20] = [
    ("message_id", "id"),
    ("msgid", "id"),
    ("message", "id"),
    ("ids", "id"),
    ("regex", "text"),
    ("pattern", "text"),
    ("msg", "text"),
    ("job", "job_name"),
    ("jobname", "job_name"),
    ("jobid", "job_id"),
    ("host", "system"),
    ("sysname", "system"),
    ("routcde", "routing"),
    ("route", "routing"),
    ("time", "hours"),
    ("not", "unless"),
    ("except", "unless"),
    ("lines", "any_line"),
    ("word", "token"),
    ("tokens", "token"),
];

/// A condition, or none if there is a mistake in it. `what` is what messages call it.
pub fn condition(value: Value<'_>, what: &'static str) -> Option<Condition> {
    let mut reader = Reader::of(value.table(what)?);
    reader.read();
    reader.finish_with_unless(what)
}

/// A condition that has a key of its own beside the tests: what `own` makes of it.
pub fn condition_with<'d, T>(
    value: Value<'d>,
    what: &'static str,
    own: impl FnOnce(&mut Table<'d>) -> Option<T>,
) -> Option<(Condition, T)> {
    let mut reader = Reader::of(value.table(what)?);
    let own = own(&mut reader.table);
    reader.read();
    let condition = reader.finish_with_unless(what);
    Some((condition?, own?))
}

/// An exception: the same keys, but no exceptions of its own.
fn exception(value: Value<'_>) -> Option<Condition> {
    let mut reader = Reader::of(value.table("`unless`")?);
    reader.read();
    reader.finish("`unless`")
}

struct Reader<'d> {
    table: Table<'d>,
    tests: Vec<Test>,
    /// False once a key could not be read.
    whole: bool,
}

impl<'d> Reader<'d> {
    fn of(table: Table<'d>) -> Reader<'d> {
        Reader { table, tests: Vec::new(), whole: true }
    }

    fn key(&mut self, key: &'static str, test: impl Fn(Value<'d>) -> Option<Test>) {
        let Some(value) = self.table.take(key) else { return };
        match test(value) {
            Some(test) => self.tests.push(test),
            None => self.whole = false,
        }
    }

    fn read(&mut self) {
        self.key("id", ids);
        for (key, field) in FIELDS {
            self.key(key, |value| patterns(value).map(|list| Test::Field(field, list)));
        }
        self.key("reply_id", |value| present(value, Field::ReplyId));
        self.key("connect_id", |value| present(value, Field::ConnectId));
        self.key("level", level);
        self.key("kind", kind);
        self.key("format", format);
        self.key("text", |value| text_pattern(value).map(Test::Text));
        self.key("any_line", |value| text_pattern(value).map(Test::AnyLine));
        self.key("routing", routing);
        self.key("mark", mark);
        self.key("hours", hours);
        self.key("days", days);
        self.many("flags", flags);
        self.many("token", tokens);
    }

    fn many(&mut self, key: &'static str, tests: impl Fn(Value<'d>) -> Option<Vec<Test>>) {
        let Some(value) = self.table.take(key) else { return };
        match tests(value) {
            Some(tests) => self.tests.extend(tests),
            None => self.whole = false,
        }
    }

    fn finish_with_unless(mut self, what: &str) -> Option<Condition> {
        let unless = match self.table.take("unless") {
            None => Some(Vec::new()),
            Some(value) => {
                let all: Vec<_> = value.filled_items().into_iter().map(exception).collect();
                all.into_iter().collect::<Option<Vec<_>>>()
            }
        };
        let condition = self.finish(what);
        Some(Condition { unless: unless?, ..condition? })
    }

    fn finish(mut self, what: &str) -> Option<Condition> {
        if self.tests.is_empty() && self.whole && self.table.is_empty() {
            let text = format!("{what} is empty: every record would meet it");
            let mistake = self.table.doc().mistake(id::EMPTY_CONDITION, self.table.span(), &text);
            self.table.doc().note(self.table.span(), mistake.help("name at least one condition, such as `id`"));
            self.whole = false;
        }
        self.whole &= self.table.is_empty();
        self.table.finish_with(&MEANT);
        // A stable sort: tests of one cost stay as they are written above.
        self.tests.sort_by_key(cost);
        self.whole.then_some(Condition { tests: self.tests, unless: Vec::new() })
    }
}

/// The cheapest first; the id, by which records are dispatched, before all.
fn cost(test: &Test) -> u8 {
    let has_regex = |list: &[Pattern]| list.iter().any(|p| matches!(p, Pattern::Regex(_)));
    match test {
        Test::Id(_) => 0,
        Test::Kind(_) | Test::Format(_) | Test::Present(..) | Test::Mark(_) | Test::Routing(_) => 1,
        Test::Field(_, list) if !has_regex(list) => 2,
        Test::Flags(_) | Test::Hours(..) | Test::Days(_) => 3,
        Test::Token(_, list) if !has_regex(list) => 4,
        Test::Field(..) => 5,
        Test::Token(..) => 6,
        Test::Text(_) => 7,
        Test::AnyLine(_) => 8,
    }
}

/// Patterns of message ids, with a warning for each word that no layout takes for one.
pub(super) fn ids(value: Value<'_>) -> Option<Test> {
    let list = patterns(value)?;
    for (item, pattern) in value.items().into_iter().zip(&list) {
        if let Pattern::Exact(word) = pattern
            && !may_be_message_id(word)
        {
            let word = String::from_utf8_lossy(word);
            let meant = word.trim_end_matches(':').to_ascii_uppercase();
            let help = if may_be_message_id(meant.as_bytes()) {
                format!("did you mean `{meant}`?")
            } else {
                let text = regex::escape(&word);
                format!(
                    "ask for the text: `text = '^{text}\\b'`, unless a JSON field or a source's pattern gives the ids"
                )
            };
            warn(item, &format!("`{word}` has not the shape of a message id"), &help);
        }
    }
    Some(Test::Id(list))
}

/// Warns of a word that no record has.
fn warn(value: Value<'_>, text: &str, help: &str) {
    value.doc().note(&value.span(), value.mistake(id::NEVER_MET, text).help(help));
}

/// `true`, `false`, or patterns.
fn present(value: Value<'_>, field: Field) -> Option<Test> {
    match value.as_boolean() {
        Some(wanted) => Some(Test::Present(field, wanted)),
        None => patterns(value).map(|list| Test::Field(field, list)),
    }
}

/// Levels are compared as letters, whatever word the log or the rule has for them.
fn level(value: Value<'_>) -> Option<Test> {
    let letter = |pattern| match pattern {
        Pattern::Exact(word) => Pattern::Exact(level_letter(&word).into()),
        other => other,
    };
    patterns(value).map(|list| Test::Field(Field::Level, list.into_iter().map(letter).collect()))
}

fn kind(value: Value<'_>) -> Option<Test> {
    let words = Kind::ALL.map(Kind::name);
    let find = |word: &str| Kind::ALL.into_iter().find(|kind| kind.name() == word);
    words_of(value, |item| item.word(&words, find)).map(Test::Kind)
}

fn format(value: Value<'_>) -> Option<Test> {
    let words = Format::ALL.map(Format::name);
    words_of(value, |item| item.word(&words, Format::named)).map(Test::Format)
}

fn flags(value: Value<'_>) -> Option<Vec<Test>> {
    let words: Vec<&str> = FlagSet::all_names().collect();
    words_of(value, |item| item.word(&words, FlagSet::named).map(Test::Flags))
}

fn words_of<'d, T>(value: Value<'d>, word: impl Fn(Value<'d>) -> Option<T>) -> Option<Vec<T>> {
    let items = value.filled_items();
    // Each is read, so that each mistake is noted.
    let all: Vec<Option<T>> = items.into_iter().map(word).collect();
    let all: Vec<T> = all.into_iter().collect::<Option<_>>()?;
    (!all.is_empty()).then_some(all)
}

fn routing(value: Value<'_>) -> Option<Test> {
    let code = |item: Value<'_>| item.integer(1..=28).and_then(|code| u8::try_from(code).ok());
    words_of(value, code).map(Test::Routing)
}

fn mark(value: Value<'_>) -> Option<Test> {
    let mark = |item: Value<'_>| {
        item.word(&["*", "@", "+"], |word| match word.as_bytes() {
            [mark @ (b'*' | b'@' | b'+')] => Some(*mark),
            _ => None,
        })
    };
    words_of(value, mark).map(Test::Mark)
}

fn tokens(value: Value<'_>) -> Option<Vec<Test>> {
    let mut table = value.table("`token`")?;
    let entries = table.take_rest();
    if entries.is_empty() {
        value.error(id::EMPTY, "`token` is empty; write for example `{ 2 = 'STARTED' }`");
        return None;
    }
    let token = |(key, value): (crate::document::Key<'_>, Value<'_>)| {
        let number = key.name.parse::<usize>().ok().filter(|n| *n > 0);
        if number.is_none() {
            let text = format!("`{}` is not the number of a word", key.name);
            let mistake = value.doc().mistake(id::BAD_NAME, &key.span, &text);
            let help = "words are counted from 1, and the message id is word 1: `token = { 2 = 'STARTED' }`";
            value.doc().note(&key.span, mistake.help(help));
        }
        let (number, list) = (number?, patterns(value)?);
        for (item, pattern) in value.items().into_iter().zip(&list) {
            let name = crate::rule::pattern_names(std::slice::from_ref(pattern));
            if !matches!(pattern, Pattern::Regex(_)) && name.contains(' ') {
                let words = name.split_whitespace().zip(number..);
                let each: Vec<String> = words.map(|(word, n)| format!("{n} = \"{word}\"")).collect();
                let help = format!("name them one by one: `token = {{ {} }}`", each.join(", "));
                warn(item, &format!("`{name}` has a blank, and a word of the text has none"), &help);
            }
        }
        Some(Test::Token(number, list))
    };
    let all: Vec<Option<Test>> = entries.into_iter().map(token).collect();
    all.into_iter().collect()
}

fn hours(value: Value<'_>) -> Option<Test> {
    hours_of(value).map(|(from, to)| Test::Hours(from, to))
}

/// Two times of day, in minutes.
pub(super) fn hours_of(value: Value<'_>) -> Option<(u16, u16)> {
    let text = value.filled_text("two times of day in quotes, such as \"08:00-17:00\"")?;
    let read = || {
        let (from, to) = text.as_str().split_once('-')?;
        let (from, to) = (minutes(from.trim())?, minutes(to.trim())?);
        (from != to && from < 24 * 60).then_some((from, to))
    };
    let hours = read();
    if hours.is_none() {
        let mistake = text.mistake(id::HOURS, &format!("the hours `{}` do not read", text.as_str()));
        text.note(mistake.help("write `HH:MM-HH:MM`; the end is not included and may be after midnight"));
    }
    hours
}

/// Minutes since midnight; `24:00` is the end of the day.
pub(super) fn minutes(time: &str) -> Option<u16> {
    let (hour, minute) = time.split_once(':')?;
    let two = |digits: &str| (digits.len() == 2).then(|| digits.parse::<u16>().ok()).flatten();
    let (hour, minute) = (two(hour)?, two(minute)?);
    (minute < 60 && (hour < 24 || hour == 24 && minute == 0)).then_some(hour * 60 + minute)
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

fn days(value: Value<'_>) -> Option<Test> {
    days_of(value).map(Test::Days)
}

/// Days, or ranges of days that may go over Sunday: `fri-mon`. Monday is bit 0.
pub(super) fn days_of(value: Value<'_>) -> Option<u8> {
    let index = |day: &str| DAYS.iter().position(|d| *d == day);
    let words = [&DAYS[..], &["mon-fri"]].concat();
    let bits = |item: Value<'_>| {
        item.word(&words, |word| {
            let (from, to) = word.split_once('-').unwrap_or((word, word));
            let (from, to) = (index(from)?, index(to)?);
            let length = (to + 7 - from) % 7;
            Some((from..=from + length).fold(0u8, |bits, day| bits | 1 << (day % 7)))
        })
    };
    let all = words_of(value, bits)?;
    Some(all.into_iter().fold(0, |a, b| a | b))
}
