//! The only place that reads the time.
//!
//! Layer: shell

use crate::time::{Date, Stamp, Timestamp};
use jiff::tz::TimeZone;

/// Now, as engine time (UTC).
#[must_use]
pub fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_microsecond())
}

/// The local day of a time of the file system.
#[must_use]
pub fn date_of(time: std::time::SystemTime) -> Option<Date> {
    let day = jiff::Timestamp::try_from(time).ok()?.to_zoned(TimeZone::system()).date();
    Date::new(day.year().into(), u8::try_from(day.month()).ok()?, u8::try_from(day.day()).ok()?)
}

/// So long ago.
#[must_use]
pub fn before(span: std::time::Duration) -> Timestamp {
    Timestamp(now().0.saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
}

/// The instant that a log's stamp means in this zone; none if it has no date, or the zone skips it.
#[must_use]
pub fn instant_of(stamp: Stamp, zone: &TimeZone) -> Option<Timestamp> {
    stamp.date?;
    if stamp.offset.is_some() {
        return Some(stamp.timestamp());
    }
    let local = jiff::Timestamp::from_microsecond(stamp.timestamp().0).ok()?.to_zoned(TimeZone::UTC).datetime();
    zone.to_timestamp(local).ok().map(|instant| Timestamp(instant.as_microsecond()))
}

/// The instant that a person means: `18:00` is the next one, `2026-12-24T18:00` that one, both in this machine's
/// zone; or with a zone or offset of its own.
///
/// # Errors
/// A clause that says what can be written.
pub fn moment(text: &str) -> Result<Timestamp, String> {
    let instant = |at: jiff::Timestamp| Timestamp(at.as_microsecond());
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Ok(instant(at));
    }
    let today = jiff::Zoned::now();
    let zoned = |at: jiff::civil::DateTime| at.to_zoned(TimeZone::system()).map(|at| instant(at.timestamp()));
    let meant = match (text.parse::<jiff::civil::DateTime>(), text.parse::<jiff::civil::Time>()) {
        (Ok(at), _) => zoned(at).ok(),
        (_, Ok(time)) => {
            let day = if time > today.time() { Some(today.date()) } else { today.date().tomorrow().ok() };
            day.and_then(|day| zoned(day.to_datetime(time)).ok())
        }
        _ => None,
    };
    meant.ok_or_else(|| format!("`{text}` is no time: write 18:00, 2026-12-24T18:00 or 2026-12-24T18:00+01:00"))
}
