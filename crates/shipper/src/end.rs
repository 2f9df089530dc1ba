//! How the shipper is told to end.

use tokio::sync::watch;

/// How far the end has come. It only goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Ship whatever comes.
    Running,
    /// Ship what comes until the backend has ended, and then end.
    Draining,
    /// Ship what is there, and end.
    Finishing,
    /// End now.
    Over,
}

/// Learns of the end.
#[derive(Clone, Debug)]
pub struct End(watch::Receiver<Phase>);

/// A way to tell the end, and what learns of it.
pub fn ending(phase: Phase) -> (watch::Sender<Phase>, End) {
    let (tell, learn) = watch::channel(phase);
    (tell, End(learn))
}

impl End {
    /// How far it has come.
    pub fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    /// Waits until it has come as far as `phase`, for ever if nobody is left to tell.
    pub async fn reached(&mut self, phase: Phase) {
        if self.0.wait_for(|now| *now >= phase).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
