//! How many events were delivered, for those who run the dashboard.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts up since the dashboard started.
#[derive(Debug, Default)]
pub(super) struct Counts {
    delivered: AtomicU64,
    failed: AtomicU64,
}

impl Counts {
    /// How many posts were taken, and how many were not.
    pub(super) fn both(&self) -> (u64, u64) {
        (self.delivered.load(Relaxed), self.failed.load(Relaxed))
    }

    pub(super) fn deliver(&self) {
        self.delivered.fetch_add(1, Relaxed);
    }

    pub(super) fn fail(&self) {
        self.failed.fetch_add(1, Relaxed);
    }
}
