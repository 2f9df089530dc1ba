//! Whether the place for recordings answers: asked now and then beside all requests, so that none waits for it.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Casts;

/// How often it is asked, while it answers and while it does not.
const EVERY: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(2));
/// The first answer is waited for so long.
const FIRST: Duration = Duration::from_secs(1);

/// What is known of the place for recordings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// It answered when it was asked last.
    pub answers: bool,
    /// It has answered since the dashboard started: what the settings say of it is right.
    pub answered: bool,
}

/// Asks until it is dropped.
#[derive(Debug)]
pub struct Watch {
    seen: watch::Receiver<Option<Seen>>,
    _task: JoinSet<()>,
}

impl Watch {
    /// Begins to ask.
    pub fn start(casts: Casts) -> Self {
        let (tell, seen) = watch::channel(None);
        let mut task = JoinSet::new();
        task.spawn(ask(casts, tell));
        Self { seen, _task: task }
    }

    /// What is known. Right after the start it waits a second for the first answer.
    pub async fn seen(&self) -> Seen {
        let mut seen = self.seen.clone();
        let first = timeout(FIRST, seen.wait_for(Option::is_some)).await;
        first.ok().and_then(|first| *first.ok()?).unwrap_or_default()
    }
}

async fn ask(casts: Casts, tell: watch::Sender<Option<Seen>>) {
    let mut before: Option<Seen> = None;
    loop {
        let answer = casts.check().await;
        let seen = Seen {
            answers: answer.is_ok(),
            answered: answer.is_ok() || before.is_some_and(|before| before.answered),
        };
        match answer {
            Ok(()) if before.is_some_and(|before| !before.answers) => {
                tracing::info!("the place for recordings answers");
            }
            Err(error) if before.is_none_or(|before| before.answers) => {
                tracing::warn!(%error, "the place for recordings does not answer; nothing is lost, shippers wait");
            }
            _ => {}
        }
        before = Some(seen);
        tell.send_replace(before);
        sleep(if seen.answers { EVERY.0 } else { EVERY.1 }).await;
    }
}
