//! Counters of accepted posts, for `/metrics`.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What was taken in since the dashboard started: posts, and their bytes.
#[derive(Debug, Default)]
pub struct Counts {
    new: (AtomicU64, AtomicU64),
    again: (AtomicU64, AtomicU64),
}

impl Counts {
    /// Of posts that brought something.
    pub fn fresh(&self) -> (u64, u64) {
        (self.new.0.load(Relaxed), self.new.1.load(Relaxed))
    }

    /// Of posts that brought only what was there.
    pub fn again(&self) -> (u64, u64) {
        (self.again.0.load(Relaxed), self.again.1.load(Relaxed))
    }

    pub(super) fn count(&self, len: u64, new: bool) {
        let (posts, bytes) = if new { &self.new } else { &self.again };
        posts.fetch_add(1, Relaxed);
        bytes.fetch_add(len, Relaxed);
    }
}
