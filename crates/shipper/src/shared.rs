//! What the lanes of a log share.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{end::End, ingest_client::IngestClient, metrics::Metrics, pause::Pause, settings::Settings};

/// What all lanes share.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) client: IngestClient,
    pub(crate) metrics: Metrics,
    pub(crate) end: End,
    /// How long records and recordings are gathered after a post, before the next.
    pub(crate) pace: (Duration, Duration),
    /// How long to wait before beginning anew with the same log.
    retry: Mutex<Pause>,
}

impl Shared {
    /// Sends nothing yet.
    pub(crate) fn new(
        settings: Settings,
        client: IngestClient,
        metrics: Metrics,
        end: End,
        gather: Duration,
    ) -> Self {
        let pace = (gather, settings.gather);
        Self { settings, client, metrics, end, pace, retry: Mutex::default() }
    }

    /// How long to wait before beginning anew: longer each time, until something is stored.
    pub(crate) fn next_retry(&self) -> Duration {
        self.retry().next(None)
    }

    /// Something was stored: whatever went wrong before is over.
    pub(crate) fn reset_retry(&self) {
        self.retry().reset();
    }

    fn retry(&self) -> MutexGuard<'_, Pause> {
        self.retry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
