//! The stamps of Liberty's logs. They are written as the server's locale has it, so that
//! `04/07/19` may be 7 April or 4 July: the order of day, month and year is taken from the header
//! block's locale, from the way it is written, or from the stamps so far; in doubt there is none.
//!
//! Sources: Open Liberty's DateFormatHelper (Java's SHORT date and MEDIUM time with `:SSS z`
//! behind it); the date patterns of the JRE and of the CLDR.
//!
//! Layer: core

use super::super::super::{trim, trim_end};
use super::super::stamp::{iso, number, zone_offset};
use crate::time::{Date, Fraction, Stamp};

/// In which order the three numbers of a date stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    MonthDayYear,
    DayMonthYear,
    YearMonthDay,
}

const ORDERS: [Order; 3] = [Order::MonthDayYear, Order::DayMonthYear, Order::YearMonthDay];

/// The first year of which a Liberty log can be.
const YEAR_MIN: u32 = 2012;
/// Years are plausible up to here.
const YEAR_MAX: u32 = 2079;

/// What is known of the dates of one log.
#[derive(Debug)]
pub(super) struct Dates {
    /// For each order, whether it is still possible.
    possible: [bool; 3],
}

impl Default for Dates {
    fn default() -> Dates {
        Dates { possible: [true; 3] }
    }
}

impl Dates {
    /// Takes the locale from the header block: `os = Linux (5.15; amd64) (en_US)`.
    pub(super) fn read_header(&mut self, line: &[u8]) {
        let Some(os) = line.strip_prefix(b"os = ") else { return };
        let Some(inner) = trim_end(os).strip_suffix(b")") else { return };
        let Some(from) = inner.iter().rposition(|b| *b == b'(') else { return };
        if let Some(order) = order_of_locale(&inner[from + 1..]) {
            self.possible = ORDERS.map(|o| o == order);
        } else {
            // A new server's header: what its predecessor's stamps have shown may not hold.
            self.possible = [true; 3];
        }
    }

    /// Reads a stamp, and learns from it.
    pub(super) fn read(&mut self, stamp: &[u8]) -> Option<Stamp> {
        if let Some(stamp) = iso(stamp) {
            return Some(stamp);
        }
        let parts = Parts::of(stamp)?;
        let fits = ORDERS.map(|order| parts.date_in(order));
        let mut possible = self.possible;
        for (at, order) in ORDERS.into_iter().enumerate() {
            possible[at] &= fits[at].is_some() && parts.is_written_in(order);
        }
        if possible == [false; 3] {
            // The evidence so far contradicts this stamp (a locale that was changed): begin anew.
            possible = [0, 1, 2].map(|at| fits[at].is_some() && parts.is_written_in(ORDERS[at]));
        }
        self.possible = possible;
        let mut left = possible.iter().zip(fits).filter_map(|(possible, date)| date.filter(|_| *possible));
        let date = left.next().filter(|date| left.all(|other| other == *date))?;
        Some(Stamp { date: Some(date), ..parts.time })
    }
}

/// The order of the numbers in a locale's short date. Those that are not listed have the day
/// first, which is said by the rule at the end for languages known to do so.
fn order_of_locale(locale: &[u8]) -> Option<Order> {
    let language = locale.split(|b| *b == b'_').next().unwrap_or_default();
    match locale {
        b"en_US" | b"en" | b"en_PH" | b"en_PR" | b"fil_PH" => return Some(Order::MonthDayYear),
        // These write dates in two ways, by the release of Java.
        b"en_CA" | b"en_ZA" | b"fr_CA" | b"es_US" | b"es_PR" | b"es_PA" => return None,
        _ => {}
    }
    match language {
        b"ja" | b"zh" | b"ko" | b"hu" | b"sv" | b"lt" | b"eu" | b"mn" | b"fa" => Some(Order::YearMonthDay),
        b"en" | b"de" | b"fr" | b"es" | b"it" | b"pt" | b"nl" | b"pl" | b"cs" | b"sk" | b"ru" | b"uk" | b"tr"
        | b"el" | b"da" | b"nb" | b"no" | b"fi" | b"ro" | b"bg" | b"hr" | b"sl" | b"sr" | b"ca" | b"et" | b"lv"
        | b"he" | b"iw" | b"ar" | b"vi" | b"th" | b"id" | b"in" => Some(Order::DayMonthYear),
        _ => None,
    }
}

/// True for what can be a stamp.
pub(super) fn is_stamp(stamp: &[u8]) -> bool {
    iso(stamp).is_some() || Parts::of(stamp).is_some()
}

/// A stamp taken apart: three numbers, and the time.
struct Parts<'a> {
    numbers: [&'a [u8]; 3],
    separator: u8,
    time: Stamp,
}

impl<'a> Parts<'a> {
    fn of(stamp: &'a [u8]) -> Option<Parts<'a>> {
        let (rest, zone) = last_word(without_wide_blank(trim(stamp)))?;
        let (date, clock) = last_word(rest)?;
        let offset = zone_offset(zone);
        let is_zone = offset.is_some()
            || zone.iter().all(|b| b.is_ascii_alphanumeric() || !b.is_ascii() || b"+-:./_".contains(b));
        if !is_zone || zone.is_empty() || zone[0].is_ascii_digit() {
            return None;
        }
        let (numbers, separator) = three_numbers(date)?;
        Some(Parts { numbers, separator, time: Stamp { offset, ..clock_of(clock)? } })
    }

    /// The date if the numbers stand in this order, and if a Liberty log can be of that day.
    fn date_in(&self, order: Order) -> Option<Date> {
        let [a, b, c] = self.numbers;
        let (year, month, day) = match order {
            Order::MonthDayYear => (c, a, b),
            Order::DayMonthYear => (c, b, a),
            Order::YearMonthDay => (a, b, c),
        };
        let value = match year.len() {
            2 => 2000 + number(year)?,
            4 => number(year)?,
            _ => return None,
        };
        let plausible = (YEAR_MIN..=YEAR_MAX).contains(&value) && month.len() <= 2 && day.len() <= 2;
        plausible.then_some(())?;
        Date::new(i32::try_from(value).ok()?, number(month)? as u8, number(day)? as u8)
    }

    /// Whether any locale that has this order writes it in this way: the month is first only
    /// between slashes, and without leading zeros; dots stand behind day and month (or behind a
    /// year of four digits).
    fn is_written_in(&self, order: Order) -> bool {
        let [a, b, c] = self.numbers;
        let padded = |n: &[u8]| n.len() == 2 && n[0] == b'0';
        match order {
            Order::MonthDayYear => self.separator == b'/' && c.len() == 2 && !padded(a) && !padded(b),
            Order::DayMonthYear => a.len() <= 2,
            Order::YearMonthDay => a.len() == 4 || self.separator != b'.' && c.len() <= 2 && a.len() == 2,
        }
    }
}

/// The stamp without the narrow or hard blank that Java 20 and later have before AM and PM, and that
/// Liberty leaves when it takes these away.
fn without_wide_blank(stamp: &[u8]) -> &[u8] {
    let cut = stamp.strip_suffix(b"\xe2\x80\xaf").or_else(|| stamp.strip_suffix(b"\xc2\xa0"));
    cut.map_or(stamp, trim_end)
}

/// The text before the last word, and that word.
fn last_word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text.iter().rposition(|b| *b == b' ')?;
    Some((trim_end(&text[..at]), &text[at + 1..]))
}

/// `3/15/23`, `16.12.25,`, `2024. 01. 01.`: three numbers and what separates them.
fn three_numbers(date: &[u8]) -> Option<([&[u8]; 3], u8)> {
    let mut numbers = date.split(|b| !b.is_ascii_digit()).filter(|n| !n.is_empty());
    let three = [numbers.next()?, numbers.next()?, numbers.next()?];
    let first_is_number = date.first().is_some_and(u8::is_ascii_digit);
    let separator = *date.get(three[0].len()).filter(|s| matches!(s, b'/' | b'.' | b'-'))?;
    (first_is_number && numbers.next().is_none() && three.iter().all(|n| matches!(n.len(), 1 | 2 | 4)))
        .then_some((three, separator))
}

/// `0:07:36:003`: hours without a leading zero in some locales, dots between them in others.
fn clock_of(clock: &[u8]) -> Option<Stamp> {
    let mut parts = clock.split(|b| matches!(b, b':' | b'.' | b','));
    let mut two = || parts.next().filter(|p| (1..=2).contains(&p.len())).and_then(number);
    let (hour, minute, second) = (two()?, two()?, two()?);
    let fraction = match parts.next() {
        None => Fraction::default(),
        Some(digits) if (1..=6).contains(&digits.len()) => {
            Fraction { value: number(digits)?, digits: digits.len() as u8 }
        }
        Some(_) => return None,
    };
    parts.next().is_none().then_some(())?;
    Stamp::new(None, hour as u8, minute as u8, second as u8, fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(dates: &mut Dates, stamp: &str) -> String {
        dates.read(stamp.as_bytes()).map_or("-".into(), |s| s.to_string())
    }

    #[test]
    fn stamps_that_say_their_order_themselves() {
        for (stamp, want) in [
            ("3/15/23 0:07:36:003 UTC", "2023-03-15T00:07:36.003Z"),
            ("12/16/25, 21:21:29:745 UTC", "2025-12-16T21:21:29.745Z"),
            ("2022-06-09, 13:03:03:918 PDT", "2022-06-09T13:03:03.918"),
            ("2024/12/17 15:27:23:501 JST", "2024-12-17T15:27:23.501"),
            ("09/05/2022 14:33:05:177 BRT", "2022-05-09T14:33:05.177"),
            ("04/07/19 16:43:22:897 COT", "2019-07-04T16:43:22.897"),
            ("8.7.21 11:40:24:675 CEST", "2021-07-08T11:40:24.675"),
            ("2024. 01. 01. 16:05:57:777 CET", "2024-01-01T16:05:57.777"),
            ("18-12-11 14:43:26:338 CST", "2018-12-11T14:43:26.338"),
            ("27.05.19 14:55:47:452 MESZ", "2019-05-27T14:55:47.452"),
            ("08.07.2021 11.40.24:675 GMT+02:00", "2021-07-08T11:40:24.675+02:00"),
            ("2019-05-27T14:55:47.452+0000", "2019-05-27T14:55:47.452Z"),
            ("12/16/25, 21:21:29:745 UTC\u{202f}", "2025-12-16T21:21:29.745Z"),
            ("2019-05-27T14:55:47:452-0500", "2019-05-27T14:55:47.452-05:00"),
        ] {
            assert_eq!(read(&mut Dates::default(), stamp), want, "{stamp}");
        }
    }

    #[test]
    fn in_doubt_there_is_no_time_until_a_stamp_decides() {
        let mut dates = Dates::default();
        assert_eq!(read(&mut dates, "3/4/23 1:02:03:004 UTC"), "-");
        assert_eq!(read(&mut dates, "3/13/23 1:02:03:004 UTC"), "2023-03-13T01:02:03.004Z");
        assert_eq!(read(&mut dates, "4/1/23 1:02:03:004 UTC"), "2023-04-01T01:02:03.004Z");
        assert_eq!(
            read(&mut Dates::default(), "5/5/23 1:02:03:004 UTC"),
            "2023-05-05T01:02:03.004Z",
            "the same day either way"
        );
    }

    #[test]
    fn the_locale_decides() {
        for (locale, want) in [("en_US", "2023-03-04"), ("es_CO", "2023-04-03"), ("xx_YY", "-")] {
            let mut dates = Dates::default();
            dates.read_header(format!("os = Linux (5.15; amd64) ({locale})").as_bytes());
            assert_eq!(read(&mut dates, "3/4/23 1:02:03:004 CST").split('T').next(), Some(want), "{locale}");
        }
        let mut dates = Dates::default();
        dates.read_header(b"os = z/OS (02.04.00; s390x) (en_US)");
        assert_eq!(
            read(&mut dates, "04/07/19 1:02:03:004 COT"),
            "2019-07-04T01:02:03.004",
            "the stamps themselves weigh more"
        );
    }

    #[test]
    fn what_is_no_stamp() {
        for text in ["AUDIT   ", "Sun Dec 04 04:47:44 2005", "main", "2023", "1/2/3/4 1:2:3:4 UTC", ""] {
            assert!(!is_stamp(text.as_bytes()), "{text}");
        }
    }
}
