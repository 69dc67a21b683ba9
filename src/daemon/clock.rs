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
