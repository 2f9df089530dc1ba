//! The one clock of all streams: times go forward, or by a step that the log tells.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use workshop_events::Timestamp;

/// A source of wall-clock time in milliseconds since the epoch.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// A clock that went back by less is taken to have stood still.
const STEP_MS: i64 = 2_000;

/// The system's clock.
pub(crate) fn system() -> Clock {
    Arc::new(|| match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
    })
}

/// What the clock gave last.
pub(crate) struct Times {
    wall: Clock,
    last: Timestamp,
}

/// The clock went back by 2 s or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClockStep {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
}

impl Times {
    /// Goes on from `last`, the last time in the log.
    pub(crate) fn new(wall: Clock, last: Timestamp) -> Self {
        Self { wall, last }
    }

    /// The time now, and the step that led to it, if there was one since the last call.
    pub(crate) fn now(&mut self) -> (Timestamp, Option<ClockStep>) {
        let wall = Timestamp::from_millis((self.wall)());
        if wall >= self.last {
            self.last = wall;
            return (wall, None);
        }
        if self.last.as_millis() - wall.as_millis() < STEP_MS {
            return (self.last, None);
        }
        let step = ClockStep { from: self.last, to: wall };
        self.last = wall;
        (wall, Some(step))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    #[test]
    fn forward_still_or_a_step() {
        let wall = Arc::new(AtomicI64::new(0));
        let source = Arc::clone(&wall);
        let mut times =
            Times::new(Arc::new(move || source.load(Ordering::Relaxed)), Timestamp::from_millis(10_000));
        let mut check = |at: i64, expected: i64, step: Option<i64>| {
            wall.store(at, Ordering::Relaxed);
            let (now, found) = times.now();
            assert_eq!(now.as_millis(), expected, "at {at}");
            assert_eq!(found.map(|s| (s.from.as_millis(), s.to.as_millis())), step.map(|from| (from, at)));
        };
        check(9_999, 10_000, None);
        check(8_001, 10_000, None);
        check(10_000, 10_000, None);
        check(20_000, 20_000, None);
        check(18_001, 20_000, None);
        check(18_000, 18_000, Some(20_000));
        check(18_500, 18_500, None);
        check(-5, -5, Some(18_500));
    }
}
