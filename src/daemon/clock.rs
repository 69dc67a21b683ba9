//! The only place that reads the time.
//!
//! Layer: shell

use crate::time::{Stamp, Timestamp};
use jiff::tz::TimeZone;

/// Now, as engine time (UTC).
#[must_use]
pub fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_microsecond())
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
