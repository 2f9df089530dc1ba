//! The thread that writes one stream: it takes all that waits, writes it at once, syncs once, and answers all.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use workshop_events::Stream;

use crate::{
    inbox::{AppendError, Entry, Inbox, Work},
    log_file::{LogFile, Outcome},
};

/// First and longest pause between attempts to write again what a failed sync left in doubt.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// After a batch of several, the writer waits this part of the last sync's time for as many to come back.
const GATHER_PART: u32 = 4;

/// What the writers have done, for metrics.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) appended: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) batches: AtomicU64,
}

/// One stream's writer.
pub(crate) struct Writer {
    pub(crate) stream: Stream,
    pub(crate) file: LogFile,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) tally: Arc<Tally>,
}

/// When to write again what is in doubt.
#[derive(Default)]
struct Retry {
    pause: Duration,
    at: Option<(Instant, AppendError)>,
}

impl Writer {
    /// Runs until the inbox is closed and empty.
    pub(crate) fn run(mut self) {
        let mut retry = Retry::default();
        let (mut expected, mut moment) = (1, Duration::ZERO);
        loop {
            let until = retry.at.as_ref().map(|(at, _)| *at);
            let batch = match self.inbox.next(self.stream, expected, moment, until) {
                Work::Batch(batch) => batch,
                Work::Idle => Vec::new(),
                Work::End => break,
            };
            if let Some((at, error)) = &retry.at
                && Instant::now() < *at
            {
                self.refuse(batch, error);
                continue;
            }
            let begun = Instant::now();
            let len = batch.len();
            let outcome = self.file.append(&batch);
            retry.after(&outcome, self.file.in_doubt());
            self.answer(batch, outcome);
            (expected, moment) =
                if len > 1 { (len, begun.elapsed() / GATHER_PART) } else { (1, Duration::ZERO) };
        }
        if self.file.in_doubt() {
            let outcome = self.file.append(&[]);
            self.answer(Vec::new(), outcome);
        }
    }

    fn answer(&self, batch: Vec<Entry>, outcome: Outcome) {
        let Outcome { synced, numbered, acknowledged, failure } = outcome;
        self.tally.batches.fetch_add(1, Ordering::Relaxed);
        self.tally.appended.fetch_add(synced.len() as u64, Ordering::Relaxed);
        self.inbox.publish(self.stream, &synced);
        let earlier = synced.len() - acknowledged;
        let mut entries = batch.into_iter();
        for (entry, appended) in entries.by_ref().zip(synced.into_iter().skip(earlier)).take(acknowledged) {
            if entry.step.is_some() {
                self.inbox.step_written();
            }
            if let Some(reply) = entry.reply {
                // Who does not wait for it any more does not miss it.
                let _ = reply.send(Ok(appended));
            }
        }
        let Some(failure) = failure else { return };
        tracing::error!(error = %failure, stream = self.stream.name(), "records are not acknowledged");
        let error = AppendError::from(failure);
        // Those in doubt are written again; only the others must be asked for once more.
        let in_doubt: Vec<Entry> = entries.by_ref().take(numbered - acknowledged).collect();
        if in_doubt.iter().any(|entry| entry.step.is_some()) {
            self.inbox.step_written();
        }
        self.refuse(in_doubt.into_iter().map(|entry| Entry { step: None, ..entry }).collect(), &error);
        self.refuse(entries.collect(), &error);
    }

    fn refuse(&self, entries: Vec<Entry>, error: &AppendError) {
        self.tally.refused.fetch_add(entries.len() as u64, Ordering::Relaxed);
        for entry in entries {
            match entry {
                Entry { step: Some(_), .. } => {
                    self.inbox.step_written();
                    self.inbox.owe_step(entry);
                }
                Entry { reply: Some(reply), .. } => {
                    let _ = reply.send(Err(error.clone()));
                }
                Entry { .. } => {}
            }
        }
    }
}

impl Retry {
    fn after(&mut self, outcome: &Outcome, in_doubt: bool) {
        *self = match &outcome.failure {
            Some(failure) if in_doubt => {
                let pause = (self.pause * 2).clamp(RETRY.0, RETRY.1);
                let error = std::io::Error::new(failure.kind(), failure.to_string());
                Self { pause, at: Some((Instant::now() + pause, error.into())) }
            }
            _ => Self::default(),
        };
    }
}
