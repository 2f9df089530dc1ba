//! How containers end: when they are asked to, by themselves, and for good.

use std::time::Duration;

use anyhow::Result;
use bollard::Docker;
use bollard::errors::Error;
use bollard::query_parameters::StopContainerOptionsBuilder;
use futures_util::StreamExt;
use tokio::time::{Instant, sleep};

use super::answers::unchanged_is_fine;
use super::inspect::Inspector;
use super::printed;

/// How long a container may take to end once it is asked to, in seconds.
const STOP: i32 = 10;
/// How long a container that ended by itself may be restless.
const REST_WITHIN: Duration = Duration::from_secs(15);
/// How often a container is looked at, and how often in a row it must be at rest.
const LOOK: Duration = Duration::from_millis(200);
const LOOKS_AT_REST: u32 = 3;

/// Ends a container, however it stands.
pub(super) async fn stop(docker: &Docker, inspector: &Inspector, id: &str) -> Result<()> {
    let runs = inspector.inspect(id).await?.is_some_and(|inspected| inspected.state.runs());
    if runs && ask(docker, id).await? {
        let left = inspector.inspect(id).await?;
        if left.is_none_or(|inspected| inspected.state.is_at_rest()) {
            return Ok(());
        }
    }
    // What ended by itself, be it a moment before it was asked to, may be about to be started again by its policy.
    come_to_rest(docker, inspector, id).await
}

/// Asks a container to end, and waits until it has; false when it did not run any more.
async fn ask(docker: &Docker, id: &str) -> Result<bool> {
    let options = StopContainerOptionsBuilder::default().t(STOP).build();
    match docker.stop_container(id, Some(options)).await {
        Ok(()) => Ok(true),
        refused => unchanged_is_fine(refused).map(|()| false),
    }
}

/// Waits until a container that ended by itself is neither cleaned up nor started again any more. Podman does both
/// beside its answers, and takes the rules of the port away from whatever has the port by then.
async fn come_to_rest(docker: &Docker, inspector: &Inspector, id: &str) -> Result<()> {
    let (begin, mut looks_at_rest) = (Instant::now(), 0);
    while looks_at_rest < LOOKS_AT_REST && begin.elapsed() < REST_WITHIN {
        match inspector.inspect(id).await? {
            None => return Ok(()),
            Some(inspected) if inspected.state.runs() => {
                ask(docker, id).await?;
                looks_at_rest = 0;
            }
            Some(inspected) if inspected.state.is_at_rest() => looks_at_rest += 1,
            Some(_) => looks_at_rest = 0,
        }
        sleep(LOOK).await;
    }
    Ok(())
}

/// Waits until a container does not run, be it that it is started again.
pub(super) async fn ended(docker: &Docker, id: &str) -> Result<()> {
    let mut wait = std::pin::pin!(docker.wait_container(id, None));
    match wait.next().await {
        // An exit code other than 0 is an error there.
        None | Some(Ok(_) | Err(Error::DockerContainerWaitError { .. })) => Ok(()),
        Some(Err(Error::DockerResponseServerError { status_code: 404, .. })) => Ok(()),
        Some(Err(error)) => Err(error.into()),
    }
}

/// Waits until a container that was started has ended and its policy does not start it any more. How that was: `ended
/// with exit code 1`, and the end of what it printed.
pub(super) async fn for_good(docker: &Docker, inspector: &Inspector, id: &str) -> Result<String> {
    let mut looks_at_rest = 0;
    loop {
        let Some(inspected) = inspector.inspect(id).await? else { return Ok("was removed".to_owned()) };
        match inspected.state.exit_code() {
            None => looks_at_rest = 0,
            Some(_) if looks_at_rest + 1 < LOOKS_AT_REST => looks_at_rest += 1,
            Some(code) => {
                let what = format!("ended with exit code {code}");
                return Ok(with_last_words(&what, &printed::end(docker, id).await));
            }
        }
        sleep(LOOK).await;
    }
}

/// What happened to a program, and what it printed last.
pub(super) fn with_last_words(what: &str, printed: &str) -> String {
    match printed {
        "" => format!("{what} and printed nothing"),
        printed => format!("{what}; the last it printed:\n{printed}"),
    }
}
