//! `schedule` and `during` from TOML.
//!
//! Layer: core

use super::correlation::all_or_none;
use super::when;
use crate::diagnostic::{closest, id};
use crate::document::{Table, Value};
use crate::rule::{ALL_DAYS, Calendar, Cron, Missed, Rhythm, Schedule, Zone};
use crate::time::Date;
use std::collections::BTreeSet;
use std::time::Duration;

/// The shortest and the longest that `every` can be.
const EVERY: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(86_400));

/// What people write for our keys, and our keys.
const MEANT: [(&str, &str); 8] = [
    ("timezone", "zone"),
    ("tz", "zone"),
    ("time", "at"),
    ("times", "at"),
    ("weekdays", "days"),
    ("interval", "every"),
    ("holidays", "except"),
    ("catch_up", "missed"),
];

/// When a rule is in force; none if there is a mistake in it.
pub(super) fn during(value: Value<'_>) -> Option<Calendar> {
    let mut table = value.table("`during`")?;
    let (days, hours) = (table.take("days"), table.take("hours"));
    let zone = zone(&mut table);
    let except = table.take("except");
    let empty = days.is_none() && hours.is_none() && except.is_none();
    let whole = table.is_empty();
    table.finish_with(&MEANT);
    if empty && whole {
        value.error(id::EMPTY, "`during` has none of `days`, `hours` and `except`");
    }
    let (days, hours) = (days.map_or(Some(ALL_DAYS), when::days_of), all_or_none(hours.map(when::hours_of)));
    let except = except.map_or(Some(BTreeSet::new()), dates);
    (whole && !empty).then_some(Calendar { zone: zone?, days: days?, hours: hours?, except: except? })
}

/// When a rule is due; none if there is a mistake in it.
pub(super) fn schedule(value: Value<'_>) -> Option<Schedule> {
    let mut table = value.table("`schedule`")?;
    let found = ["cron", "at", "every"].into_iter().filter_map(|key| table.take_entry(key)).collect::<Vec<_>>();
    let (days, hours) = (table.take_entry("days"), table.take_entry("hours"));
    let zone = zone(&mut table);
    let missed = table.take("missed").map_or(Some(Missed::Skip), |value| {
        value.word(&["skip", "run"], |word| match word {
            "skip" => Some(Missed::Skip),
            "run" => Some(Missed::Run),
            _ => None,
        })
    });
    let whole = table.is_empty();
    let doc = table.doc();
    table.finish_with(&MEANT);
    let [(key, time)] = &found[..] else {
        if whole || found.len() > 1 {
            value.error(id::ONE_OF, "a schedule has one of `cron`, `at` and `every`");
        }
        return None;
    };
    for (other, goes_with) in [(&days, &["at", "every"][..]), (&hours, &["every"])] {
        if let Some((other, _)) = other.as_ref().filter(|_| !goes_with.contains(&key.name)) {
            let text = format!("`{}` says nothing beside `{}`", other.name, key.name);
            doc.error(id::IDLE_KEY, &other.span, &text);
        }
    }
    let days = days.map_or(Some(ALL_DAYS), |(_, value)| when::days_of(value));
    let hours = hours.map_or(Some((0, 1440)), |(_, value)| when::hours_of(value));
    let rhythm = match key.name {
        "cron" => cron(*time).map(Rhythm::Cron),
        "at" => Some(Rhythm::At(times(*time)?, days?)),
        _ => Some(Rhythm::Every(every(*time)?, days?, hours?)),
    };
    let schedule = Schedule { rhythm: rhythm?, zone: zone?, missed: missed? };
    if schedule.next(crate::time::Timestamp::default()).is_none() {
        time.error(id::CRON, "this time never comes");
        return None;
    }
    whole.then_some(schedule)
}

fn zone(table: &mut Table<'_>) -> Option<Zone> {
    let Some(value) = table.take("zone") else { return Some(Zone::utc()) };
    let text = value.filled_text("the name of a time zone, in quotes")?;
    let zone = Zone::named(text.as_str());
    if zone.is_none() {
        let names = Zone::names();
        let help = match closest(text.as_str(), names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "use a name of the time zone database, such as `Europe/Berlin`".into(),
        };
        let mistake = text.mistake(id::UNKNOWN_WORD, &format!("there is no time zone `{}`", text.as_str()));
        text.note(mistake.help(&help));
    }
    zone
}

fn cron(value: Value<'_>) -> Option<Cron> {
    let text = value.filled_text("five fields in quotes, such as \"0 8 * * mon-fri\"")?;
    match Cron::parse(text.as_str()) {
        Ok(cron) => Some(cron),
        Err(why) => {
            let help = "minute, hour, day of the month, month, day of the week: `0 8 * * mon-fri`";
            text.note(text.mistake(id::CRON, &format!("this does not read: {why}")).help(help));
            None
        }
    }
}

/// Times of day, ascending.
fn times(value: Value<'_>) -> Option<Vec<u16>> {
    let time = |item: Value<'_>| {
        let text = item.filled_text("a time of day in quotes, such as \"08:00\"")?;
        let minute = when::minutes(text.as_str()).filter(|minute| *minute < 1440);
        if minute.is_none() {
            let mistake = text.mistake(id::HOURS, &format!("the time `{}` does not read", text.as_str()));
            text.note(mistake.help("write `HH:MM`, from 00:00 to 23:59"));
        }
        minute
    };
    let all: Vec<Option<u16>> = value.filled_items().into_iter().map(time).collect();
    let all: BTreeSet<u16> = all.into_iter().collect::<Option<_>>()?;
    (!all.is_empty()).then(|| all.into_iter().collect())
}

fn every(value: Value<'_>) -> Option<Duration> {
    let span = value.duration()?;
    let good = span >= EVERY.0 && span <= EVERY.1;
    if !good {
        value.error(id::OUT_OF_RANGE, "`every` is from 10 seconds to a day");
    }
    good.then_some(span)
}

fn dates(value: Value<'_>) -> Option<BTreeSet<Date>> {
    let date = |item: Value<'_>| {
        let text = item.filled_text("a date in quotes, such as \"2026-12-25\"")?;
        let read = || {
            let mut parts = text.as_str().split('-');
            let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
            let shape = (year.len(), month.len(), day.len()) == (4, 2, 2) && parts.next().is_none();
            let date = Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
            date.filter(|_| shape)
        };
        let date = read();
        if date.is_none() {
            let mistake = text.mistake(id::DATE, &format!("there is no date `{}`", text.as_str()));
            text.note(mistake.help("write `YYYY-MM-DD`"));
        }
        date
    };
    let all: Vec<Option<Date>> = value.filled_items().into_iter().map(date).collect();
    all.into_iter().collect()
}
