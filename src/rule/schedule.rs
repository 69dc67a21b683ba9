//! Rules that need no record: when they are due.
//!
//! Layer: core

use super::calendar::{Zone, weekday_bit};
use crate::time::{Date, Timestamp};
use std::time::Duration;

/// When a rule is due by time alone.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// How often.
    pub rhythm: Rhythm,
    /// By whose clock.
    pub zone: Zone,
    /// What becomes of a time at which no agent was there.
    pub missed: Missed,
}

/// What becomes of a time at which no agent was there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missed {
    /// It is told, and passed over.
    #[default]
    Skip,
    /// The last of them is made up for.
    Run,
}

/// How often a rule is due.
#[derive(Clone, Debug)]
pub enum Rhythm {
    /// At these times of these days: minutes of the day, ascending, and days of the week.
    At(Vec<u16>, u8),
    /// So often on these days, from the first minute on and before the last one; `to` before `from` is over
    /// midnight. What lies between two of them is as long on every day.
    Every(Duration, u8, (u16, u16)),
    /// As cron has it.
    Cron(Cron),
}

/// The five fields of cron, as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cron {
    /// 0 to 59.
    pub minutes: u64,
    /// 0 to 23.
    pub hours: u64,
    /// 1 to 31.
    pub days: u64,
    /// 1 to 12.
    pub months: u64,
    /// Days of the week, Sunday = bit 0.
    pub weekdays: u64,
    /// Both kinds of days are restricted: then one of them is enough.
    pub either: bool,
    /// Its hours are `*` or `*/n`: it runs on through a change of the clock, and an hour that comes twice is two.
    pub any_hour: bool,
}

/// Days that are looked through for the next time: the 29th of February is eight years away at most.
const DAYS_AHEAD: i64 = 8 * 366 + 2;

impl Schedule {
    /// When it is next due after this time; none if never.
    #[must_use]
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let (today, _) = self.zone.local(after)?;
        // What begins yesterday may be over midnight.
        (-1..DAYS_AHEAD).find_map(|days| self.rhythm.on(Date::from_days(today.days() + days), after, &self.zone))
    }
}

impl Rhythm {
    /// The first time of a day that lies after `after`.
    fn on(&self, day: Date, after: Timestamp, zone: &Zone) -> Option<Timestamp> {
        let first = |minutes: &mut dyn Iterator<Item = u16>| {
            minutes.filter_map(|minute| zone.instant(day, minute)).filter(|at| *at > after).min()
        };
        match self {
            Rhythm::At(minutes, days) if days & weekday_bit(day) != 0 => first(&mut minutes.iter().copied()),
            Rhythm::Every(every, days, (from, to)) if days & weekday_bit(day) != 0 => {
                let to = if to > from { *to } else { *to + 1440 };
                let (from, to) = (zone.instant(day, *from)?, zone.instant(day, to)?);
                let step = u64::try_from(every.as_micros()).ok()?.max(1);
                let passed = if after < from { 0 } else { after.since(from).as_micros() as u64 / step + 1 };
                Some(from.after(Duration::from_micros(step.checked_mul(passed)?))).filter(|at| *at < to)
            }
            Rhythm::Cron(cron) if cron.is_on(day) && cron.any_hour => {
                let due = cron.minutes_of_day().flat_map(|minute| zone.instants(day, minute));
                due.filter(|at| *at > after).min()
            }
            Rhythm::Cron(cron) if cron.is_on(day) => first(&mut cron.minutes_of_day()),
            Rhythm::At(..) | Rhythm::Every(..) | Rhythm::Cron(_) => None,
        }
    }
}

impl Cron {
    fn is_on(&self, day: Date) -> bool {
        let of_month = self.days & 1 << day.day != 0;
        // Ours begin on Monday, cron's on Sunday.
        let of_week = self.weekdays & 1 << (day.days() + 4).rem_euclid(7) != 0;
        let day_is = if self.either { of_month || of_week } else { of_month && of_week };
        day_is && self.months & 1 << day.month != 0
    }

    fn minutes_of_day(&self) -> impl Iterator<Item = u16> {
        let (hours, minutes) = (self.hours, self.minutes);
        (0..1440).filter(move |minute| hours & 1 << (minute / 60) != 0 && minutes & 1 << (minute % 60) != 0)
    }

    /// Reads `0 8 * * mon-fri`: minute, hour, day of the month, month, day of the week.
    ///
    /// # Errors
    /// A sentence that says what is wrong, fit to stand after "this does not read: ".
    pub fn parse(text: &str) -> Result<Cron, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(format!("it has {} fields and not 5: minute, hour, day, month, day of the week", fields.len()));
        };
        let weekdays = bits(weekday, "day of the week", (0, 7), &WEEKDAYS, 0)?;
        Ok(Cron {
            minutes: bits(minute, "minute", (0, 59), &[], 0)?,
            hours: bits(hour, "hour", (0, 23), &[], 0)?,
            days: bits(day, "day", (1, 31), &[], 0)?,
            months: bits(month, "month", (1, 12), &MONTHS, 1)?,
            // Sunday is 0 and 7.
            weekdays: weekdays | weekdays >> 7 & 1,
            either: !day.starts_with('*') && !weekday.starts_with('*'),
            any_hour: hour.starts_with('*'),
        })
    }
}

const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// One field: `*`, `5`, `1-5`, `*/15`, `mon-fri`, and several with commas. `first` is the number of the first
/// name.
fn bits(field: &str, what: &str, (min, max): (u32, u32), names: &[&str], first: u32) -> Result<u64, String> {
    let wrong = |part: &str| format!("`{part}` is no {what} from {min} to {max}");
    let number = |word: &str| -> Result<u32, String> {
        let named = names.iter().position(|name| name.eq_ignore_ascii_case(word));
        let named = named.and_then(|at| u32::try_from(at).ok()).map(|at| at + first);
        let number = named.or_else(|| word.parse().ok()).ok_or_else(|| wrong(word))?;
        if (min..=max).contains(&number) { Ok(number) } else { Err(wrong(word)) }
    };
    let mut bits = 0;
    for part in field.split(',') {
        let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
        let step = match step {
            None => 1,
            Some(step) => step.parse::<u32>().ok().filter(|step| *step > 0).ok_or_else(|| wrong(part))?,
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (min, max),
            Some((from, to)) => (number(from)?, number(to)?),
            // `5/15` goes on to the end.
            None if step > 1 => (number(range)?, max),
            None => (number(range)?, number(range)?),
        };
        // `fri-sun`, where Sunday is 0.
        let to = if to == 0 && from > 0 && max == 7 { 7 } else { to };
        if to < from {
            return Err(format!("`{part}` ends before it begins"));
        }
        (from..=to).step_by(step as usize).for_each(|n| bits |= 1 << n);
    }
    Ok(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> Timestamp {
        Timestamp(time.parse::<jiff::Timestamp>().expect("a time").as_microsecond())
    }

    /// The first times after a moment, in UTC.
    fn next(rhythm: Rhythm, zone: &str, from: &str, count: usize) -> Vec<String> {
        let schedule = Schedule { rhythm, zone: Zone::named(zone).expect("a zone"), missed: Missed::Skip };
        let due = std::iter::successors(Some(at(from)), |after| schedule.next(*after));
        due.skip(1).take(count).map(|due| due.to_string()[..16].to_owned()).collect()
    }

    fn cron(text: &str) -> Rhythm {
        Rhythm::Cron(Cron::parse(text).expect("good"))
    }

    #[test]
    fn cron_days_and_names() {
        let days = next(cron("0 8 * * mon-fri"), "UTC", "2026-11-20T08:00:00Z", 3);
        assert_eq!(days, ["2026-11-23T08:00", "2026-11-24T08:00", "2026-11-25T08:00"]);
        assert_eq!(
            next(cron("*/25 1,2 * * *"), "UTC", "2026-11-20T01:25:00Z", 3)[..],
            ["2026-11-20T01:50", "2026-11-20T02:00", "2026-11-20T02:25"]
        );
        let either = next(cron("0 0 13 * fri"), "UTC", "2026-11-10T00:00:00Z", 4);
        assert_eq!(either, ["2026-11-13T00:00", "2026-11-20T00:00", "2026-11-27T00:00", "2026-12-04T00:00"]);
        assert_eq!(next(cron("0 0 29 feb *"), "UTC", "2096-03-01T00:00:00Z", 1), ["2104-02-29T00:00"]);
        assert_eq!(
            next(cron("0 0 * * 5-7"), "UTC", "2026-11-21T00:00:00Z", 2),
            ["2026-11-22T00:00", "2026-11-27T00:00"]
        );
        assert_eq!(next(cron("0 0 30 feb *"), "UTC", "2026-11-21T00:00:00Z", 1), [""; 0]);
        for bad in [
            "0 8 * *",
            "60 8 * * *",
            "0 24 * * *",
            "0 8 0 * *",
            "0 8 * 13 *",
            "0 8 * * mun",
            "*/0 * * * *",
            "5-1 * * * *",
        ] {
            assert!(Cron::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_that_is_left_out_is_the_jump_and_one_that_comes_twice_is_once() {
        let half_past_two = || Rhythm::At(vec![150], super::super::ALL_DAYS);
        let spring = next(half_past_two(), "Europe/Berlin", "2026-03-28T00:00:00Z", 3);
        assert_eq!(spring, ["2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"]);
        let autumn = next(half_past_two(), "Europe/Berlin", "2026-10-24T00:00:00Z", 3);
        assert_eq!(autumn, ["2026-10-24T00:30", "2026-10-25T00:30", "2026-10-26T01:30"]);
        let autumn = next(cron("30 1-3 * * *"), "Europe/Berlin", "2026-10-24T23:00:00Z", 3);
        assert_eq!(autumn, ["2026-10-24T23:30", "2026-10-25T00:30", "2026-10-25T02:30"], "the second 02:30 is none");
        let spring = next(cron("0,30 1-3 * * *"), "Europe/Berlin", "2026-03-29T00:00:00Z", 3);
        assert_eq!(spring, ["2026-03-29T00:30", "2026-03-29T01:00", "2026-03-29T01:30"]);
    }

    #[test]
    fn cron_at_any_hour_runs_through_a_change_of_the_clock() {
        let autumn = next(cron("*/30 * * * *"), "Europe/Berlin", "2026-10-25T00:15:00Z", 4);
        assert_eq!(autumn, ["2026-10-25T00:30", "2026-10-25T01:00", "2026-10-25T01:30", "2026-10-25T02:00"]);
        let autumn = next(cron("15 */2 * * *"), "Europe/Berlin", "2026-10-24T23:00:00Z", 3);
        assert_eq!(autumn, ["2026-10-25T00:15", "2026-10-25T01:15", "2026-10-25T03:15"], "02:15 twice, then 04:15");
        let spring = next(cron("30 * * * *"), "Europe/Berlin", "2026-03-29T00:00:00Z", 3);
        assert_eq!(spring, ["2026-03-29T00:30", "2026-03-29T01:30", "2026-03-29T02:30"], "nothing at the jump");
        let spring = next(cron("0,30 * * * *"), "Europe/Berlin", "2026-03-29T00:00:00Z", 4);
        assert_eq!(spring, ["2026-03-29T00:30", "2026-03-29T01:00", "2026-03-29T01:30", "2026-03-29T02:00"]);
    }

    #[test]
    fn every_goes_on_over_a_change_of_the_clock() {
        let every =
            |minutes: u64, hours| Rhythm::Every(Duration::from_secs(minutes * 60), super::super::ALL_DAYS, hours);
        let day = |zone, from| {
            next(every(60, (0, 1440)), zone, from, 26).iter().filter(|t| !t.contains("2026-10-26")).count()
        };
        assert_eq!(day("Europe/Berlin", "2026-10-24T21:59:00Z"), 26, "25 hours, and the first of the next day");
        assert_eq!(
            next(every(45, (480, 600)), "UTC", "2026-11-20T08:00:00Z", 3),
            ["2026-11-20T08:45", "2026-11-20T09:30", "2026-11-21T08:00"]
        );
        let night = Rhythm::Every(Duration::from_secs(3600), 0b1_0000, (22 * 60, 60));
        assert_eq!(
            next(night, "UTC", "2026-11-20T21:00:00Z", 4),
            ["2026-11-20T22:00", "2026-11-20T23:00", "2026-11-21T00:00", "2026-11-27T22:00"]
        );
    }
}
