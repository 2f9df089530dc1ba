//! Flow control by acknowledged bytes: how much a viewer may have on its way, and when reading pauses for viewers.

use std::time::{Duration, Instant};

/// Bytes that a viewer may have on their way.
pub const WINDOW: u64 = 256 * 1024;
/// A viewer that is behind gets a new screen once no more than this is on its way.
pub const LOW: u64 = 32 * 1024;
/// How long reading waits for a viewer that acknowledges nothing.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// What is on its way to one viewer.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    sent: u64,
    acknowledged: u64,
    /// The last acknowledgement, or when there began to be something to acknowledge.
    progress: Instant,
    behind: bool,
}

/// Whether the session's output may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Yes.
    Now,
    /// Not before this moment, unless a viewer acknowledges.
    From(Instant),
}

impl Window {
    /// A viewer that was sent nothing.
    pub fn new(now: Instant) -> Self {
        Self { sent: 0, acknowledged: 0, progress: now, behind: false }
    }

    /// Whether so many bytes more go to the viewer; if not, it is behind from now on.
    pub fn take(&mut self, bytes: usize, now: Instant) -> bool {
        if self.is_full() {
            self.behind = true;
        }
        if !self.behind {
            self.send(bytes, now);
        }
        !self.behind
    }

    /// The viewer is sent a whole new screen, and is no more behind.
    pub fn restore(&mut self, bytes: usize, now: Instant) {
        self.behind = false;
        self.send(bytes, now);
    }

    /// The viewer has worked off `total` bytes since it came. Answers whether it is behind and may have a new screen.
    pub fn acknowledge(&mut self, total: u64, now: Instant) -> bool {
        if total > self.acknowledged {
            self.acknowledged = total.min(self.sent);
            self.progress = now;
        }
        self.behind && self.on_its_way() <= LOW
    }

    fn send(&mut self, bytes: usize, now: Instant) {
        if self.on_its_way() == 0 {
            self.progress = now;
        }
        self.sent += bytes as u64;
    }

    fn on_its_way(&self) -> u64 {
        self.sent - self.acknowledged
    }

    fn is_full(&self) -> bool {
        self.on_its_way() >= WINDOW
    }
}

/// Whether to read: as long as the fastest of these viewers has room, or none is waited for any more.
pub fn reading<'a>(students: impl Iterator<Item = &'a Window>, now: Instant) -> Reading {
    let mut until = None;
    for window in students.filter(|window| !window.behind) {
        if !window.is_full() {
            return Reading::Now;
        }
        until = until.max(Some(window.progress + PATIENCE));
    }
    match until {
        Some(until) if until > now => Reading::From(until),
        _ => Reading::Now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_waits_for_the_fastest_and_not_for_long() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let half = usize::try_from(WINDOW / 2).unwrap();
        let (mut fast, mut slow) = (Window::new(start), Window::new(start));
        assert_eq!(reading([].into_iter(), start), Reading::Now, "no viewer, no wait");
        for window in [&mut fast, &mut slow] {
            assert!(window.take(half, at(5000)) && window.take(half, at(5001)));
        }
        // Idle before, so that patience begins with what was sent.
        assert_eq!(reading([&fast, &slow].into_iter(), at(5002)), Reading::From(at(6000)));
        assert!(!fast.acknowledge(WINDOW / 2, at(5100)));
        assert_eq!(reading([&fast, &slow].into_iter(), at(5100)), Reading::Now);
        assert!(fast.take(half, at(5200)) && !slow.take(half, at(5200)), "the slow one is behind");
        assert_eq!(reading([&fast, &slow].into_iter(), at(5300)), Reading::From(at(6100)));
        assert_eq!(
            reading([&slow].into_iter(), at(5300)),
            Reading::Now,
            "nobody waits for one that is behind"
        );
        assert_eq!(reading([&fast, &slow].into_iter(), at(6100)), Reading::Now, "at most a second");
        // What is behind gets nothing until it has caught up, then a new screen.
        assert!(!slow.acknowledge(WINDOW / 2, at(7000)) && !slow.take(1, at(7000)));
        assert!(slow.acknowledge(WINDOW - LOW, at(8000)));
        slow.restore(1000, at(8000));
        assert!(slow.take(10, at(8000)));
    }

    #[test]
    fn nonsense_is_bounded() {
        let now = Instant::now();
        let mut window = Window::new(now);
        window.take(100, now);
        assert!(!window.acknowledge(u64::MAX, now));
        assert_eq!(window.on_its_way(), 0);
        assert!(!window.acknowledge(3, now));
        assert_eq!(window.on_its_way(), 0, "acknowledgements do not go back");
    }
}
