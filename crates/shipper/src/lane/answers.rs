//! What a lane does about the dashboard's answers, and about files that cannot be read.

use std::time::Duration;

use tokio::time::Instant;

use super::{Lane, Outcome};
use crate::{
    end::Phase,
    ingest_client::Refusal,
    pause::{LONGEST_ENDING, slow},
    source::{Fault, Trouble},
};

impl Lane {
    /// A post was stored.
    pub(super) fn stored(&mut self, index: usize, next: u64, lines: Option<&bytes::Bytes>) {
        let Some(source) = self.sources.get_mut(index) else { return };
        self.shared.metrics.stored(next.saturating_sub(source.offset()));
        source.stored(next, lines.map(|lines| &lines[..]));
        self.shared.metrics.at(&source.name, &source.path, next, source.behind);
        self.pause.reset();
        self.shared.reset_retry();
        self.other_path = false;
        if self.warned.take().is_some() {
            tracing::info!(stream = source.name, "shipping goes on");
        }
    }

    /// Posts less at once from now on. A single line that is too large is told by its length alone.
    pub(super) async fn too_large(
        &mut self,
        index: usize,
        offset: u64,
        lines: &[u8],
        reason: String,
    ) -> Result<bool, Outcome> {
        let Some(source) = self.sources.get_mut(index) else { return Ok(false) };
        if !source.too_large(lines) {
            self.shared.metrics.retried();
            return Ok(true);
        }
        if source.is_cast() {
            return self.refused(index, Refusal::Rejected(reason));
        }
        let (name, len) = (source.name.clone(), lines.len() as u64);
        self.shared.metrics.posted();
        match self.shared.client.too_long(self.volume.info.log, &name, offset, len).await {
            Ok(next) if next > offset => {
                self.stored(index, next, None);
                Ok(true)
            }
            Ok(_) => self.refused(index, Refusal::Rejected(reason)),
            Err(refusal) => self.refused(index, refusal),
        }
    }

    /// A post was not stored. Whether to try again at once.
    pub(super) fn refused(&mut self, index: usize, refusal: Refusal) -> Result<bool, Outcome> {
        let Some(source) = self.sources.get_mut(index) else { return Ok(false) };
        match refusal {
            Refusal::NotNow { reason, after } => {
                self.not_now(index, reason, after);
                Ok(false)
            }
            Refusal::Gap { next } => {
                tracing::info!(stream = source.name, from = source.offset(), to = next, "going on elsewhere");
                self.shared.metrics.retried();
                source.go_to(next);
                let first = source.trouble.is_none();
                source.trouble = Some(Trouble::Passing("the dashboard goes on elsewhere".into()));
                let pause = source.pause.next(None);
                source.due = Instant::now() + if first { Duration::ZERO } else { pause };
                Ok(first)
            }
            Refusal::Closed(reason) => {
                self.shared.metrics.refused();
                Err(Outcome::Closed(reason))
            }
            Refusal::OtherPath(reason) => {
                self.shared.metrics.refused();
                self.other_path = true;
                self.not_before = Some(Instant::now() + slow());
                self.warn(&reason);
                Ok(false)
            }
            Refusal::Rejected(reason) | Refusal::TooLarge(reason) => {
                self.shared.metrics.refused();
                let trouble = Some(Trouble::Refused(reason.clone()));
                if source.trouble != trouble {
                    let (stream, offset) = (&source.name, source.offset());
                    tracing::error!(stream, offset, "the dashboard refuses what is posted: {reason}");
                }
                source.trouble = trouble;
                source.due = Instant::now() + slow();
                Ok(false)
            }
        }
    }

    /// The dashboard cannot be reached, or is busy: all wait.
    pub(super) fn not_now(&mut self, index: usize, reason: String, after: Option<Duration>) {
        self.shared.metrics.retried();
        let mut pause = self.pause.next(after);
        if self.end.phase() != Phase::Running {
            pause = pause.min(LONGEST_ENDING);
        }
        if let Some(source) = self.sources.get(index) {
            tracing::debug!(stream = source.name, ?pause, "{reason}");
        }
        self.not_before = Some(Instant::now() + pause);
        self.warn(&format!("nothing is shipped now, and is tried again: {reason}"));
    }

    fn warn(&mut self, reason: &str) {
        if self.warned.as_deref() != Some(reason) {
            tracing::warn!("{reason}");
            self.warned = Some(reason.to_owned());
        }
    }

    /// A file is not as it was, or cannot be read.
    pub(super) fn fault(&mut self, index: usize, fault: Fault) -> Result<(), Outcome> {
        let Some(source) = self.sources.get_mut(index) else { return Ok(()) };
        match fault {
            Fault::Io(error) => {
                let trouble = Some(Trouble::Passing(error.to_string()));
                if source.trouble != trouble {
                    tracing::error!(%error, stream = source.name, "cannot be read or synced");
                }
                source.trouble = trouble;
                source.due = Instant::now() + source.pause.next(None);
                Ok(())
            }
            // A recording that was removed is shipped as far as it is.
            Fault::Gone if source.is_cast() => {
                self.sources.swap_remove(index);
                Ok(())
            }
            fault => Err(Outcome::Again(format!("{}: {fault}", source.name))),
        }
    }
}
