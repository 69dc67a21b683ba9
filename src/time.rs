//! Times as logs and people write them: local stamps without a zone, engine time, durations.
//! Nothing here reads a clock.
//!
//! Layer: core

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Engine time: microseconds since 1970-01-01T00:00:00, UTC when it comes from the clock or from a
/// stamp with a zone, local when a saved log has no zone. The engine only compares and adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The time `span` later.
    #[must_use]
    pub fn after(self, span: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// How long after `earlier` this is; zero if it is not after it.
    #[must_use]
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    /// ISO 8601 to the millisecond, without a zone: `2026-11-21T21:50:00.000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, micros) = (self.0.div_euclid(DAY_MICROS), self.0.rem_euclid(DAY_MICROS));
        let date = Date::from_days(days);
        let secs = micros / 1_000_000;
        let (hour, minute, second) = (secs / 3600, secs / 60 % 60, secs % 60);
        write!(f, "{date}T{hour:02}:{minute:02}:{second:02}.{:03}", micros % 1_000_000 / 1000)
    }
}

const DAY_MICROS: i64 = 86_400_000_000;

/// A day of the proleptic Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// Four-digit year.
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

impl Date {
    /// The date, if such a day exists.
    #[must_use]
    pub fn new(year: i32, month: u8, day: u8) -> Option<Date> {
        let date = Date { year, month, day };
        ((1..=12).contains(&month) && day >= 1 && Date::from_days(date.days()) == date).then_some(date)
    }

    /// The date from a Julian day of the year, `001` to `366`, as hardcopy logs write it.
    #[must_use]
    pub fn from_julian(year: i32, day_of_year: u16) -> Option<Date> {
        let first = Date { year, month: 1, day: 1 }.days();
        let date = Date::from_days(first + i64::from(day_of_year) - 1);
        (day_of_year >= 1 && date.year == year).then_some(date)
    }

    /// Days since 1970-01-01 (Howard Hinnant's `days_from_civil`).
    #[must_use]
    pub fn days(self) -> i64 {
        let year = i64::from(self.year) - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let of_era = year.rem_euclid(400);
        let month = (i64::from(self.month) + 9) % 12;
        let of_year = (153 * month + 2) / 5 + i64::from(self.day) - 1;
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
    }

    /// The date that many days after 1970-01-01.
    #[must_use]
    pub fn from_days(days: i64) -> Date {
        let days = days + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = year + era * 400 + i64::from(month <= 2);
        Date {
            year: i32::try_from(year).unwrap_or(i32::MAX),
            month: u8::try_from(month).unwrap_or(1),
            day: u8::try_from(day).unwrap_or(1),
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// The time stamp of a record as the log gives it: perhaps without a date, nearly always without
/// a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Absent in logs that write only the time of day (MVS 3.8j, Hercules).
    pub date: Option<Date>,
    /// Microseconds since local midnight.
    pub micros: i64,
    /// How many digits of the second's fraction the log wrote, 0 to 6.
    pub digits: u8,
    /// Minutes east of UTC, where the log states it beyond doubt.
    pub offset: Option<i16>,
}

impl Stamp {
    /// A stamp from its parts; none if hour, minute or second are out of range.
    #[must_use]
    pub fn new(date: Option<Date>, hour: u8, minute: u8, second: u8, fraction: Fraction) -> Option<Stamp> {
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let secs = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
        let micros = secs * 1_000_000 + i64::from(fraction.value) * 10_i64.pow(6 - u32::from(fraction.digits.min(6)));
        Some(Stamp { date, micros, digits: fraction.digits.min(6), offset: None })
    }

    /// Engine time of this stamp; a stamp without a date counts from 1970-01-01.
    #[must_use]
    pub fn timestamp(self) -> Timestamp {
        let days = self.date.map_or(0, Date::days);
        Timestamp(days * DAY_MICROS + self.micros - i64::from(self.offset.unwrap_or(0)) * 60_000_000)
    }
}

/// The fraction of a second with as many digits as were written: `.89` is value 89, 2 digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fraction {
    /// The digits read as a number.
    pub value: u32,
    /// How many digits there were.
    pub digits: u8,
}

impl fmt::Display for Stamp {
    /// ISO 8601: `2019-05-27T14:55:55.89`, `…Z` or `…+02:00` where the zone is known, and only
    /// `14:55:55` where the log has no date.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(date) = self.date {
            write!(f, "{date}T")?;
        }
        let secs = self.micros / 1_000_000;
        write!(f, "{:02}:{:02}:{:02}", secs / 3600, secs / 60 % 60, secs % 60)?;
        if self.digits > 0 {
            let fraction = self.micros % 1_000_000 / 10_i64.pow(6 - u32::from(self.digits));
            write!(f, ".{fraction:0width$}", width = usize::from(self.digits))?;
        }
        match self.offset {
            None => Ok(()),
            Some(0) => f.write_str("Z"),
            Some(m) => write!(f, "{}{:02}:{:02}", if m < 0 { '-' } else { '+' }, m.abs() / 60, m.abs() % 60),
        }
    }
}

/// Reads a duration as rules write it: a number and a unit, `250ms`, `90s`, `5m`, `2h`, `1d`, or
/// several (`1h30m`).
///
/// # Errors
/// A sentence that says what is wrong, fit to stand after "this duration does not read: ".
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return Err("it is empty".into());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 =
            rest[..digits].parse().map_err(|_| format!("expected a number before the unit in `{rest}`"))?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "ms" => Duration::from_millis(number),
            "s" => Duration::from_secs(number),
            "m" => Duration::from_secs(number.saturating_mul(60)),
            "h" => Duration::from_secs(number.saturating_mul(3600)),
            "d" => Duration::from_secs(number.saturating_mul(86_400)),
            "" => return Err(format!("`{number}` has no unit; write for example `{number}s`")),
            other => return Err(format!("unknown unit `{other}`; use ms, s, m, h or d")),
        };
        total = total.saturating_add(unit);
        rest = &rest[letters..];
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_go_there_and_back() {
        for days in (-200_000..200_000).step_by(17) {
            assert_eq!(Date::from_days(days).days(), days);
        }
        assert_eq!(Date::from_julian(2019, 147), Date::new(2019, 5, 27));
        assert_eq!(Date::from_julian(2019, 366), None);
        assert_eq!(Date::new(2023, 2, 29), None);
    }

    #[test]
    fn stamps_print_as_much_as_the_log_wrote() {
        let date = Date::new(2019, 5, 27);
        let stamp = Stamp::new(date, 14, 55, 55, Fraction { value: 89, digits: 2 });
        let mut stamp = stamp.expect("in range");
        assert_eq!(stamp.to_string(), "2019-05-27T14:55:55.89");
        stamp.offset = Some(-150);
        assert_eq!(stamp.to_string(), "2019-05-27T14:55:55.89-02:30");
        assert_eq!(Stamp::new(None, 1, 2, 3, Fraction::default()).expect("in range").to_string(), "01:02:03");
        assert_eq!(stamp.timestamp().to_string(), "2019-05-27T17:25:55.890");
    }

    #[test]
    fn durations_carry_units() {
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        for bad in ["", "5", "m", "5 m", "5x", "99999999999999999999s"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }
}
