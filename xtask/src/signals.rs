//! The signals that end a chore: interrupt, terminate, hang-up.

use anyhow::Result;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// They are received from the moment this value exists.
pub(crate) struct Signals([Signal; 3]);

impl Signals {
    /// Within a runtime.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ]))
    }

    /// Waits for the first.
    pub(crate) async fn any(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => (),
            _ = terminate.recv() => (),
            _ = hangup.recv() => (),
        }
    }
}

/// The same without a runtime around it.
pub(crate) struct BlockingSignals {
    runtime: Runtime,
    signals: Signals,
}

impl BlockingSignals {
    pub(crate) fn begin() -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let signals = runtime.block_on(async { Signals::new() })?;
        Ok(Self { runtime, signals })
    }

    /// Blocks until the first.
    pub(crate) fn wait(mut self) {
        self.runtime.block_on(self.signals.any());
    }
}
