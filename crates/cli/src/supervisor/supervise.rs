//! Watching over a workspace: swaps what the log asks for, and starts again what ended by itself.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};
use workshop_events::SwitchKind;

use super::client::{SwitchRequest, WorkspaceClient};
use super::settle::{Settled, settle};
use super::start::start;
use super::swap::swap;
use crate::engine::{Engine, State};
use crate::output::Say;

/// How it came that there is nothing more to watch over.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It was stopped in order.
    Stopped,
    /// It was removed.
    Removed,
}

/// How soon a stream that broke is tried again.
const AGAIN: Duration = Duration::from_millis(300);
/// How soon a report that could not be made is tried again.
const REPORT_AGAIN: Duration = Duration::from_secs(5);
/// The pauses before a container that ends again and again is started again.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Watches over a workspace until it is stopped or removed. What goes wrong is said and tried again.
pub(crate) async fn supervise(engine: &Engine, workspace: &str, say: Say<'_>) -> Result<End> {
    let mut pause = SHORTEST_PAUSE;
    loop {
        let began = Instant::now();
        match watch(engine, workspace, say).await {
            Ok(Some(end)) => return Ok(end),
            Ok(None) => {}
            Err(error) => say(format!("{error:#}")),
        }
        if began.elapsed() > LONGEST_PAUSE {
            pause = SHORTEST_PAUSE;
        }
        // Enough that a container which ends at once does not keep the machine busy.
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Watches over a running container through all its swaps, until one ends by itself and has been started again.
async fn watch(engine: &Engine, workspace: &str, say: Say<'_>) -> Result<Option<End>> {
    loop {
        let Some(Settled { container, unreported }) = settle(engine, workspace, say).await? else {
            return Ok(Some(End::Removed));
        };
        match container.state {
            State::Running(_) => {}
            State::Ended { in_order: true } => return Ok(Some(End::Stopped)),
            State::Ended { in_order: false } => {
                say(format!("{workspace} ended by itself and is started again; nothing is lost."));
                return start(engine, &container).await.map(|()| None);
            }
            State::Created => {
                start(engine, &container).await?;
                continue;
            }
        }
        let client = WorkspaceClient::of(&container)?;
        tokio::select! {
            request = next_request(&client) => {
                say(format!("{workspace} is {}.", progressive(&request)));
                swap(engine, &container, &request, say).await?;
            }
            ended = engine.ended(&container) => ended?,
            () = sleep(REPORT_AGAIN), if unreported => {}
        }
    }
}

/// Waits for a request, however often the stream breaks.
async fn next_request(client: &WorkspaceClient) -> SwitchRequest {
    loop {
        match client.next_request().await {
            Ok(request) => return request,
            Err(error) => tracing::debug!(%error, "following the events again"),
        }
        sleep(AGAIN).await;
    }
}

fn progressive(request: &SwitchRequest) -> String {
    match request.kind {
        SwitchKind::Switch => format!("switching to {}", request.step),
        SwitchKind::Reset => format!("beginning {} again", request.step),
    }
}
