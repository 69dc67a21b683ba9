//! When a rule is due by cron, against a look at every single minute, by whatever clock.

use wtor::rule::{Cron, Missed, Rhythm, Schedule, Zone};
use wtor::time::{Date, Timestamp};

const MINUTE: i64 = 60_000_000;

/// Minutes that are looked at one by one.
const LOOKED_AT: i64 = 3 * 1440;

/// The five fields, a zone, and minutes since 1970 from which on to look, each on a line of its own.
pub fn schedule(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.splitn(3, '\n');
    let (fields, zone, from) = (lines.next().unwrap_or(""), lines.next().unwrap_or("UTC"), lines.next().unwrap_or(""));
    let (Ok(cron), Some(zone)) = (Cron::parse(fields), Zone::named(zone)) else { return };
    // From the year 1900 to 2150: what lies there is what logs and clocks have.
    let from: i64 = from.trim().parse::<i64>().unwrap_or(29_000_000).clamp(-36_000_000, 94_000_000);
    let schedule = Schedule { rhythm: Rhythm::Cron(cron), zone: zone.clone(), missed: Missed::Skip };
    let mut after = Timestamp(from * MINUTE);
    for _ in 0..3 {
        let due = schedule.next(after);
        assert!(due.is_none_or(|due| due > after), "{fields} {}: {due:?} is not after {after}", zone.name);
        let until = due.map_or(i64::MAX, |due| due.0).min(after.0 + LOOKED_AT * MINUTE);
        let missed = minutes(after, until).find(|at| is_due(fields, &zone, *at));
        assert_eq!(missed, None, "{fields} {}: passed over, after {after}, {due:?}", zone.name);
        let Some(due) = due else { return };
        let put_forward = !fields.split_whitespace().nth(1).is_some_and(|hour| hour.starts_with('*'))
            && zone.local(due).map(|(_, minute)| minute)
                != zone.local(Timestamp(due.0 - 1)).map(|(_, minute)| (minute + 1) % 1440);
        assert!(is_due(fields, &zone, due) || put_forward, "{fields} {}: not due at {due}", zone.name);
        after = due;
    }
}

/// The whole minutes behind one time and before another.
fn minutes(after: Timestamp, until: i64) -> impl Iterator<Item = Timestamp> {
    let first = after.0.div_euclid(MINUTE) + 1;
    (first..).map(|minute| Timestamp(minute * MINUTE)).take_while(move |at| at.0 < until)
}

/// True if the clocks show a time of these fields: for the first time that day, unless any hour will do.
fn is_due(fields: &str, zone: &Zone, at: Timestamp) -> bool {
    let Some((day, minute)) = zone.local(at) else { return false };
    // Some clocks were once off by seconds.
    let whole = zone.instants(day, minute).any(|instant| instant == at);
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let first = fields[1].starts_with('*') || zone.instant(day, minute) == Some(at);
    let (month_day, week_day) = (has(fields[2], u32::from(day.day), 1, 31), is_on(fields[4], day));
    let either = !fields[2].starts_with('*') && !fields[4].starts_with('*');
    whole
        && first
        && has(fields[0], u32::from(minute % 60), 0, 59)
        && has(fields[1], u32::from(minute / 60), 0, 23)
        && has(fields[3], u32::from(day.month), 1, 12)
        && (if either { month_day || week_day } else { month_day && week_day })
}

/// Sunday is 0 and 7.
fn is_on(field: &str, day: Date) -> bool {
    let of_week = (day.days() + 4).rem_euclid(7) as u32;
    has(field, of_week, 0, 7) || of_week == 0 && has(field, 7, 0, 7)
}

/// True if a field has this number.
fn has(field: &str, number: u32, min: u32, max: u32) -> bool {
    const NAMES: [&str; 19] = [
        "sun", "mon", "tue", "wed", "thu", "fri", "sat", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep",
        "oct", "nov", "dec",
    ];
    let value = |word: &str| {
        let named = NAMES.iter().position(|name| name.eq_ignore_ascii_case(word));
        named.map(|at| if at < 7 { at } else { at - 6 }).and_then(|at| u32::try_from(at).ok()).or(word.parse().ok())
    };
    field.split(',').any(|part| {
        let (range, step) = part.split_once('/').unwrap_or((part, "1"));
        let step: u32 = step.parse().expect("it was read");
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (min, max),
            Some((from, to)) => (value(from).expect("read"), value(to).expect("read")),
            None => (value(range).expect("read"), if step > 1 { max } else { value(range).expect("read") }),
        };
        let to = if to == 0 && from > 0 { 7 } else { to };
        (from..=to).contains(&number) && (number - from).is_multiple_of(step)
    })
}
