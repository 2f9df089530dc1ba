//! From whatever a swap left behind to exactly one container, by labels and states alone.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};

use super::client::WorkspaceClient;
use super::failpoint::point;
use super::start::{READY_WITHIN, start};
use super::turn::Turn;
use crate::engine::{Container, Engine, State};
use crate::output::Say;

/// How often an old container is stopped that somebody elsewhere starts again.
const STOPS: u32 = 3;

/// How soon a container that has just ended is looked at again.
const AGAIN: Duration = Duration::from_millis(200);

/// A workspace with one container that is its own.
#[derive(Debug)]
pub(crate) struct Settled {
    /// The container, running or not.
    pub(crate) container: Container,
    /// A failed request could not be reported yet; its stopped container stands for it until then.
    pub(crate) unreported: bool,
}

/// Finishes a swap that is under way, whoever began it. None when the workspace has no container.
pub(crate) async fn settle(engine: &Engine, workspace: &str, say: Say<'_>) -> Result<Option<Settled>> {
    let Some(any) = engine.containers_of(workspace).await?.pop() else { return Ok(None) };
    let turn = Turn::take(&any.labels).await?;
    settle_in_turn(engine, workspace, &turn, say).await
}

/// The same, by whoever has the turn.
pub(super) async fn settle_in_turn(
    engine: &Engine,
    workspace: &str,
    _turn: &Turn,
    say: Say<'_>,
) -> Result<Option<Settled>> {
    let mut stops = 0;
    loop {
        let mut containers = engine.containers_of(workspace).await?;
        let Some(new) = containers.pop() else { return Ok(None) };
        let Some(old) = containers.into_iter().next() else {
            return Ok(Some(Settled { container: new, unreported: false }));
        };
        match new.state {
            // Looked at once more after the stop, which may take seconds: a supervisor that has not this turn, elsewhere,
            // may have come further meanwhile, and what it has stopped since must not be started.
            State::Created if stops == 0 || old.is_running() && stops < STOPS => {
                engine.stop(&old).await?;
                point("old-stopped");
                stops += 1;
            }
            State::Created => {
                let Err(error) = engine.start(&new).await else {
                    point("new-started");
                    continue;
                };
                // The old one has the port again if somebody elsewhere has started it.
                let now = engine.containers_of(workspace).await?;
                let as_it_was = now.iter().any(|other| other.id == old.id && !other.is_running())
                    && now.iter().any(|other| other.id == new.id && !other.is_running());
                if as_it_was || stops >= STOPS {
                    return back(engine, old, &new, &format!("{error:#}"), say).await.map(Some);
                }
            }
            State::Running(since) => {
                let client = WorkspaceClient::of(&new)?;
                let ready = tokio::select! {
                    ready = client.becomes_ready(deadline(since)) => ready,
                    // Its policy may start it again, or not: seen at the next look.
                    ended = engine.ended(&new) => {
                        ended?;
                        sleep(AGAIN).await;
                        continue;
                    }
                };
                let now = engine.containers_of(workspace).await?;
                // Another supervisor, elsewhere, may have come to an end with it.
                if now.len() < 2 {
                    continue;
                }
                // What answers is the new one only if the old one does not run.
                let alone = now.iter().all(|other| other.id == new.id || !other.is_running());
                if ready && alone {
                    point("new-ready");
                    engine.remove(&old).await?;
                    point("old-removed");
                } else {
                    let reason = format!("the image {} did not get ready within {READY_WITHIN:?}", new.image);
                    return back(engine, old, &new, &reason, say).await.map(Some);
                }
            }
            State::Ended { .. } => {
                let reason = format!("the image {} ended before it got ready", new.image);
                return back(engine, old, &new, &reason, say).await.map(Some);
            }
        }
    }
}

fn deadline(since: jiff::Timestamp) -> Instant {
    let ran = jiff::Timestamp::now().duration_since(since);
    let ran = Duration::try_from(ran).unwrap_or_default();
    Instant::now() + READY_WITHIN.saturating_sub(ran)
}

/// The way back: the old container runs again, and is told why the request failed.
async fn back(
    engine: &Engine,
    old: Container,
    new: &Container,
    reason: &str,
    say: Say<'_>,
) -> Result<Settled> {
    engine.stop(new).await?;
    point("new-stopped");
    start(engine, &old).await?;
    point("old-started");
    let reason = reason.trim_end_matches(['\n', '.']);
    say(format!("The swap failed, and everything is as it was: {reason}."));
    let request = new.labels.request.as_deref();
    let reported = match request {
        Some(request) => WorkspaceClient::of(&old)?.report_failure(request, reason).await,
        None => Ok(()),
    };
    match reported {
        Ok(()) => {
            point("failure-reported");
            engine.remove(new).await?;
        }
        Err(error) => tracing::warn!(%error, "the failure could not be reported yet"),
    }
    let mut now = engine.containers_of(&old.labels.workspace).await?;
    let unreported = now.len() > 1;
    let place = now.iter().position(|container| container.id == old.id);
    Ok(Settled { container: place.map(|place| now.swap_remove(place)).unwrap_or(old), unreported })
}
