//! Moments between Postgres and the API: milliseconds since the epoch, so that nothing is rounded or clamped on the way.

use std::time::{SystemTime, UNIX_EPOCH};

use workshop_events::Timestamp;

/// The dashboard's clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// A moment that a query gave as milliseconds.
pub(crate) fn moment(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

/// One that may be absent.
pub(crate) fn maybe(ms: Option<i64>) -> Option<Timestamp> {
    ms.map(Timestamp::from_millis)
}

/// A count that a query gave.
pub(crate) fn count(number: impl TryInto<u32>) -> u32 {
    number.try_into().unwrap_or(0)
}
