//! From seconds of the class to the times in the logs: real in the part that is over, faster after it.

use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// When the class is first seen, in milliseconds since the epoch.
    seen: i64,
    /// The second of the class at which it is.
    past: f64,
    /// How many of its seconds fit into a real one from then on.
    speed: f64,
}

impl Times {
    pub(crate) fn new(seen: i64, past: Duration, speed: f64) -> Self {
        Self { seen, past: past.as_secs_f64(), speed: speed.max(f64::MIN_POSITIVE) }
    }

    /// When that second of the class is, in milliseconds since the epoch.
    pub(crate) fn at(&self, second: f64) -> i64 {
        let ahead = second - self.past;
        let real = if ahead > 0.0 { ahead / self.speed } else { ahead };
        self.seen + (real * 1000.0).round() as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_past_is_real_and_the_rest_faster() {
        let times = Times::new(1_000_000, Duration::from_secs(100), 10.0);
        for (second, at) in [(0.0, 900_000), (99.5, 999_500), (100.0, 1_000_000), (110.0, 1_001_000)] {
            assert_eq!(times.at(second), at, "{second}");
        }
    }
}
