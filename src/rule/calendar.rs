//! Times of day and days of a place on earth: its zone with all changes of the clock, from the tables that
//! are compiled in, so that the same rule means the same everywhere.
//!
//! Layer: core

use super::explain::{clock, day_names};
use crate::time::{Date, Timestamp};
use jiff::civil;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A time zone.
#[derive(Clone, Debug)]
pub struct Zone {
    /// `Europe/Berlin`.
    pub name: Arc<str>,
    zone: TimeZone,
}

/// When a rule is in force.
#[derive(Clone, Debug)]
pub struct Calendar {
    /// Whose clock is meant.
    pub zone: Zone,
    /// Days of the week, Monday = bit 0.
    pub days: u8,
    /// Minutes of the day, `[from, to)`; `to` before `from` is over midnight.
    pub hours: Option<(u16, u16)>,
    /// Days on which it is not.
    pub except: BTreeSet<Date>,
}

/// Every day of the week.
pub const ALL_DAYS: u8 = 0x7f;

impl Zone {
    /// The zone of that name, as the time zone database has it.
    #[must_use]
    pub fn named(name: &str) -> Option<Zone> {
        let zone = TimeZoneDatabase::bundled().get(name).ok()?;
        Some(Zone { name: zone.iana_name().unwrap_or(name).into(), zone })
    }

    /// All names there are.
    #[must_use]
    pub fn names() -> Vec<String> {
        TimeZoneDatabase::bundled().available().map(|name| name.to_string()).collect()
    }

    /// Universal time.
    #[must_use]
    pub fn utc() -> Zone {
        Zone { name: "UTC".into(), zone: TimeZone::UTC }
    }

    /// The day and the minute of the day that its clocks show.
    #[must_use]
    pub fn local(&self, at: Timestamp) -> Option<(Date, u16)> {
        let local = self.zone.to_datetime(jiff::Timestamp::from_microsecond(at.0).ok()?);
        let date = Date::from_days(days_of(local.date()));
        let minute = u16::try_from(local.hour()).ok()? * 60 + u16::try_from(local.minute()).ok()?;
        Some((date, minute))
    }

    /// When its clocks show this time, which is counted as if there were no zones.
    #[must_use]
    pub fn instant_of(&self, local: Timestamp) -> Option<Timestamp> {
        const MINUTE: i64 = 60_000_000;
        let minutes = local.0.div_euclid(MINUTE);
        let minute = u16::try_from(minutes.rem_euclid(1440)).ok()?;
        let at = self.instant(Date::from_days(minutes.div_euclid(1440)), minute)?;
        Some(Timestamp(at.0 + local.0.rem_euclid(MINUTE)))
    }

    /// When its clocks show this minute of the day, from 0 to 1440. A time that comes twice is the first of
    /// the two; one that is left out is the moment at which the clocks are put forward.
    #[must_use]
    pub fn instant(&self, day: Date, minute: u16) -> Option<Timestamp> {
        let (local, offset) = self.shown(day, minute)?;
        let instant = match offset {
            AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, .. } => {
                offset.to_timestamp(local).ok()?
            }
            AmbiguousOffset::Gap { before, .. } => {
                let behind = before.to_timestamp(local).ok()?;
                // The change is the last one up to there; the look is at what lies strictly before.
                let just_behind = behind.checked_add(jiff::SignedDuration::from_nanos(1)).ok()?;
                self.zone.preceding(just_behind).next()?.timestamp()
            }
        };
        Some(Timestamp(instant.as_microsecond()))
    }

    /// Every moment at which its clocks show this minute of the day: two if it comes twice, none if it is left out.
    pub fn instants(&self, day: Date, minute: u16) -> impl Iterator<Item = Timestamp> {
        let (local, offsets) = match self.shown(day, minute) {
            Some((local, AmbiguousOffset::Unambiguous { offset })) => (local, [Some(offset), None]),
            Some((local, AmbiguousOffset::Fold { before, after })) => (local, [Some(before), Some(after)]),
            Some((local, AmbiguousOffset::Gap { .. })) => (local, [None, None]),
            None => (civil::DateTime::default(), [None, None]),
        };
        let instants = offsets.into_iter().flatten().filter_map(move |offset| offset.to_timestamp(local).ok());
        instants.map(|instant| Timestamp(instant.as_microsecond()))
    }

    /// What a calendar and clocks show at this minute of the day, and how far that is from universal time.
    fn shown(&self, day: Date, minute: u16) -> Option<(civil::DateTime, AmbiguousOffset)> {
        let day = Date::from_days(day.days() + i64::from(minute / 1440));
        let date = civil::Date::new(i16::try_from(day.year).ok()?, i8(day.month)?, i8(day.day)?).ok()?;
        let time = civil::Time::new(i8((minute % 1440 / 60) as u8)?, i8((minute % 60) as u8)?, 0, 0).ok()?;
        let local = civil::DateTime::from_parts(date, time);
        Some((local, self.zone.to_ambiguous_timestamp(local).offset()))
    }
}

fn i8(number: u8) -> Option<i8> {
    i8::try_from(number).ok()
}

fn days_of(date: civil::Date) -> i64 {
    let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
    Date { year: date.year().into(), month, day }.days()
}

/// The bit of a day of the week.
#[must_use]
pub fn weekday_bit(date: Date) -> u8 {
    // 1970-01-01 was a Thursday.
    1 << (date.days() + 3).rem_euclid(7)
}

impl Calendar {
    /// Why the rule is not in force at this time, as a clause; none if it is. Hours over midnight belong to
    /// the day on which they begin.
    #[must_use]
    pub fn against(&self, at: Timestamp) -> Option<String> {
        let Some((today, minute)) = self.zone.local(at) else { return Some("its time is out of range".into()) };
        let (from, to) = self.hours.unwrap_or((0, 1440));
        let in_hours = if from <= to { (from..to).contains(&minute) } else { minute >= from || minute < to };
        let day = if from > to && minute < to { Date::from_days(today.days() - 1) } else { today };
        let zone = &self.zone.name;
        if !in_hours {
            return Some(format!("it is {} in {zone}, not in {}-{}", clock(minute), clock(from), clock(to)));
        }
        if self.days & weekday_bit(day) == 0 {
            return Some(format!("it is {} in {zone}, not {}", day_names(weekday_bit(day)), day_names(self.days)));
        }
        self.except.contains(&day).then(|| format!("it is {day} in {zone}, which is an exception"))
    }
}
