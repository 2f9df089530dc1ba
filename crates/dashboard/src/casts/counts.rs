//! What was done with recordings, for those who run the dashboard.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Counts up since the dashboard started.
#[derive(Debug, Default)]
pub struct Counts {
    bytes: AtomicU64,
    stored: AtomicU64,
    failed: AtomicU64,
    micros: AtomicU64,
    merged: AtomicU64,
    swept: AtomicU64,
    upkeep_failed: AtomicU64,
}

/// [`Counts`] at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Bytes that the store took.
    pub bytes: u64,
    /// Pieces that it took.
    pub stored: u64,
    /// Pieces that it refused, or did not answer for.
    pub failed: u64,
    /// How long all of them took, in seconds.
    pub seconds: f64,
    /// Recordings, or the ends of long ones, that became one object.
    pub merged: u64,
    /// Objects that nothing named, and that were deleted.
    pub swept: u64,
    /// Merges and sweeps that were not done.
    pub upkeep_failed: u64,
}

impl Counts {
    /// At this moment.
    pub fn figures(&self) -> Figures {
        Figures {
            bytes: self.bytes.load(Relaxed),
            stored: self.stored.load(Relaxed),
            failed: self.failed.load(Relaxed),
            seconds: Duration::from_micros(self.micros.load(Relaxed)).as_secs_f64(),
            merged: self.merged.load(Relaxed),
            swept: self.swept.load(Relaxed),
            upkeep_failed: self.upkeep_failed.load(Relaxed),
        }
    }

    pub(super) fn put(&self, len: usize, took: Duration, stored: bool) {
        self.micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
        if stored {
            self.stored.fetch_add(1, Relaxed);
            self.bytes.fetch_add(len as u64, Relaxed);
        } else {
            self.failed.fetch_add(1, Relaxed);
        }
    }

    pub(super) fn merge(&self) {
        self.merged.fetch_add(1, Relaxed);
    }

    pub(super) fn sweep(&self, objects: u64) {
        self.swept.fetch_add(objects, Relaxed);
    }

    pub(super) fn not_kept_up(&self) {
        self.upkeep_failed.fetch_add(1, Relaxed);
    }
}
