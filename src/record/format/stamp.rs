//! Times as logs write them, read without a date library: hardcopy's Julian dates, ISO 8601, the
//! words of a UNIX `date`, and milliseconds since 1970.
//!
//! Layer: core

use super::super::trim;
use crate::time::{Date, Fraction, Stamp};

/// Date and time of a hardcopy record: `yyddd` or `yyyyddd`, and `hh:mm:ss.th`.
pub fn julian(date: &[u8], time: &[u8]) -> Option<Stamp> {
    time_of_day(time, b':', julian_date(date))
}

/// `yyddd` or `yyyyddd`.
pub fn julian_date(date: &[u8]) -> Option<Date> {
    let year_digits = date.len().checked_sub(3)?;
    let year = number(&date[..year_digits])?;
    let year = match year_digits {
        // Two digits of a year: the log of a running system is of this century, or (98.325) of the last.
        2 => year + if year < 70 { 2000 } else { 1900 },
        _ => year,
    };
    Date::from_julian(i32::try_from(year).ok()?, u16::try_from(number(&date[year_digits..])?).ok()?)
}

/// Reads Julian dates, and remembers the last: a log has the same one a million times.
#[derive(Debug, Default)]
pub struct Days {
    digits: Vec<u8>,
    date: Option<Date>,
}

impl Days {
    /// `yyddd` or `yyyyddd`.
    pub fn read(&mut self, digits: &[u8]) -> Option<Date> {
        if self.digits != digits {
            self.digits.clear();
            self.digits.extend_from_slice(digits);
            self.date = julian_date(digits);
        }
        self.date
    }
}

/// Reads `hh:mm:ss`, perhaps with a fraction of up to nine digits, with the given separator. The
/// hour may begin with a blank.
pub fn time_of_day(time: &[u8], separator: u8, date: Option<Date>) -> Option<Stamp> {
    let [h1, h2, s1, m1, m2, s2, c1, c2, fraction @ ..] = time else { return None };
    if *s1 != separator || *s2 != separator {
        return None;
    }
    let fraction = match fraction {
        [] => Fraction::default(),
        [b'.' | b',' | b':', digits @ ..] if (1..=9).contains(&digits.len()) => {
            let (kept, finer) = digits.split_at(digits.len().min(6));
            finer.iter().all(u8::is_ascii_digit).then_some(())?;
            Fraction { value: number(kept)?, digits: u8::try_from(kept.len()).ok()? }
        }
        _ => return None,
    };
    let first = if *h1 == b' ' { b'0' } else { *h1 };
    Stamp::new(date, two(first, *h2)?, two(*m1, *m2)?, two(*c1, *c2)?, fraction)
}

fn two(a: u8, b: u8) -> Option<u8> {
    (a.is_ascii_digit() && b.is_ascii_digit()).then(|| (a - b'0') * 10 + (b - b'0'))
}

/// Tells midnight from a clock that is not set, both of which read as zero: only a time near
/// midnight before it makes it midnight.
#[derive(Debug, Default)]
pub struct Clock {
    before_midnight: bool,
}

impl Clock {
    /// The time, unless it only says that the clock was not set.
    pub fn believe(&mut self, time: Option<Stamp>) -> Option<Stamp> {
        const HOUR: i64 = 3_600_000_000;
        let time = time.filter(|time| time.micros != 0 || self.before_midnight)?;
        self.before_midnight = time.micros >= 23 * HOUR || time.micros == 0;
        Some(time)
    }
}

/// Reads `hhmmss`.
pub fn packed_time(time: &[u8]) -> Option<Stamp> {
    let &[h1, h2, m1, m2, s1, s2] = time else { return None };
    Stamp::new(None, two(h1, h2)?, two(m1, m2)?, two(s1, s2)?, Fraction::default())
}

/// An unsigned number of decimal digits only.
pub fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    digits.iter().try_fold(0u32, |n, d| d.is_ascii_digit().then(|| n * 10 + u32::from(d - b'0')))
}

/// The number of a month by its English name or the first three letters of it.
pub fn month(name: &[u8]) -> Option<u8> {
    const MONTHS: &[u8; 36] = b"JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC";
    let start = name.get(..3)?.to_ascii_uppercase();
    let at = MONTHS.chunks(3).position(|m| m == start)?;
    name.iter().all(u8::is_ascii_alphabetic).then_some(at as u8 + 1)
}

/// A zone's offset from UTC in minutes, where its name leaves no doubt: `Z`, `UTC`, `GMT`,
/// `+0200`, `-05:00`, `GMT+02:00`. Letters like CST name several zones and give none.
pub fn zone_offset(zone: &[u8]) -> Option<i16> {
    match zone {
        b"Z" | b"UTC" | b"GMT" | b"UCT" => return Some(0),
        _ => {}
    }
    let rest = zone.strip_prefix(b"GMT").or_else(|| zone.strip_prefix(b"UTC")).unwrap_or(zone);
    let (sign, digits) = match rest {
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits {
        [h1, h2] => (two(*h1, *h2)?, 0),
        [h1, h2, m1, m2] | [h1, h2, b':', m1, m2] => (two(*h1, *h2)?, two(*m1, *m2)?),
        _ => return None,
    };
    (hours < 15 && minutes < 60).then(|| sign * (i16::from(hours) * 60 + i16::from(minutes)))
}

/// Reads ISO 8601: `2019-05-27T14:55:47.452+0000`, with a blank for the `T`, with or without
/// fraction and zone.
pub fn iso(text: &[u8]) -> Option<Stamp> {
    let date = iso_date(text.get(..10)?)?;
    if !matches!(text.get(10)?, b'T' | b't' | b' ') {
        return None;
    }
    let rest = &text[11..];
    let end = 8.min(rest.len())
        + rest
            .get(8..)?
            .iter()
            .position(|b| !(b.is_ascii_digit() || matches!(b, b'.' | b',' | b':')))
            .unwrap_or(rest.len() - 8);
    let mut stamp = time_of_day(&rest[..end], b':', Some(date))?;
    let zone = trim(&rest[end..]);
    stamp.offset = zone_offset(zone);
    (zone.is_empty() || stamp.offset.is_some()).then_some(stamp)
}

/// Reads `2019-05-27`.
pub fn iso_date(date: &[u8]) -> Option<Date> {
    let [year @ .., b'-', m1, m2, b'-', d1, d2] = date else { return None };
    (year.len() == 4).then_some(())?;
    Date::new(i32::try_from(number(year)?).ok()?, two(*m1, *m2)?, two(*d1, *d2)?)
}

/// Reads milliseconds since 1970 (or seconds, where there are too few digits for milliseconds).
pub fn epoch(text: &[u8]) -> Option<Stamp> {
    let (digits, scale) = match text.len() {
        9..=10 => (text, 1_000_000),
        12..=14 => (text, 1000),
        _ => return None,
    };
    let value = std::str::from_utf8(digits).ok()?.parse::<i64>().ok()?;
    let micros = value * scale;
    let date = Date::from_days(micros.div_euclid(86_400_000_000));
    let digits = if scale == 1000 { 3 } else { 0 };
    Some(Stamp { date: Some(date), micros: micros.rem_euclid(86_400_000_000), digits, offset: Some(0) })
}

/// Reads what `date` and Java's `Date.toString` write: `Tue May 25 05:34:17 GMT 2021`, also
/// without the seconds.
pub fn words(text: &[u8]) -> Option<Stamp> {
    let mut words = text.split(|b| *b == b' ').filter(|w| !w.is_empty());
    let _weekday = words.next().filter(|w| w.iter().all(u8::is_ascii_alphabetic))?;
    let month = month(words.next()?)?;
    let day = u8::try_from(number(words.next()?)?).ok()?;
    let time = words.next()?;
    let (zone, year) = match (words.next()?, words.next()) {
        (zone, Some(year)) => (zone, year),
        (year, None) => (&b""[..], year),
    };
    let date = Date::new(i32::try_from(number(year)?).ok()?, month, day);
    let mut padded = time.to_vec();
    if time.len() == 5 {
        padded.extend_from_slice(b":00");
    }
    let mut stamp = time_of_day(&padded, b':', Some(date?))?;
    stamp.offset = zone_offset(zone);
    Some(stamp)
}

/// Reads CDP's `26083 23.13.55.120 -0700`.
pub fn cdp(text: &[u8]) -> Option<Stamp> {
    let mut words = text.split(|b| *b == b' ').filter(|w| !w.is_empty());
    let date = julian_date(words.next().filter(|w| matches!(w.len(), 5 | 7))?)?;
    let mut stamp = time_of_day(words.next()?, b'.', Some(date))?;
    stamp.offset = words.next().and_then(zone_offset);
    Some(stamp)
}

/// Reads any of these.
pub fn any(text: &[u8]) -> Option<Stamp> {
    let text = trim(text);
    iso(text)
        .or_else(|| epoch(text))
        .or_else(|| words(text))
        .or_else(|| cdp(text))
        .or_else(|| time_of_day(text, b':', None))
        .or_else(|| time_of_day(text, b'.', None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ways_logs_write_a_time() {
        for (text, want) in [
            ("2019-05-27T14:55:47.452+0000", "2019-05-27T14:55:47.452Z"),
            ("2019-05-27 14:55:47", "2019-05-27T14:55:47"),
            ("2019-05-27T14:55:47.123456789-05:00", "2019-05-27T14:55:47.123456-05:00"),
            ("Tue May 25 05:34:17 GMT 2021", "2021-05-25T05:34:17Z"),
            ("Thu Feb 03 03:00 GMT 2021", "2021-02-03T03:00:00Z"),
            ("Sun Dec 04 04:47:44 2005", "2005-12-04T04:47:44"),
            ("1621920857123", "2021-05-25T05:34:17.123Z"),
            ("26083 23.13.55.120 -0700", "2026-03-24T23:13:55.120-07:00"),
            ("12:26:31", "12:26:31"),
            ("07.16.01", "07:16:01"),
        ] {
            assert_eq!(any(text.as_bytes()).map(|s| s.to_string()).as_deref(), Some(want), "{text}");
        }
        for text in
            ["", "24:00:00", "2019-13-01T00:00:00", "yesterday", "2019-05-27T14:55:47 CST", "99999999999999999999"]
        {
            assert_eq!(any(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn zones_are_offsets_only_without_doubt() {
        assert_eq!(zone_offset(b"UTC"), Some(0));
        assert_eq!(zone_offset(b"GMT+02:00"), Some(120));
        assert_eq!(zone_offset(b"-0330"), Some(-210));
        assert_eq!(zone_offset(b"CST"), None);
        assert_eq!(zone_offset(b"CEST"), None);
    }
}
