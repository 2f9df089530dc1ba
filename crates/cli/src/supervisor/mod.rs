//! The supervisor: keeps exactly one container of a workspace running, and swaps it when the log asks for that.
//!
//! It keeps nothing of its own: what has to be done follows from the labels and states of the containers ([`settle()`])
//! and from the request that is open in the log. So a supervisor that is killed at any point is made up for by the
//! next one, and two that do the same do it once.

mod door;
mod settle;
mod swap;
mod turn;
mod watch;

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep};

use crate::engine::{Container, Engine, State};

pub(crate) use door::{Asked, Door, SUPERVISOR_TOKEN};
pub(crate) use settle::{READY_WITHIN, Settled, settle};
pub(crate) use swap::{swap, switched_env};
pub(crate) use turn::{Turn, folder as locks};
pub(crate) use watch::Watch;

/// How it came that there is nothing more to watch over.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It was stopped in order.
    Stopped,
    /// It was removed.
    Removed,
}

/// Something a supervisor tells whoever watches.
pub(crate) type Say<'a> = &'a (dyn Fn(String) + Sync);

/// How soon a stream that broke is tried again.
const AGAIN: Duration = Duration::from_millis(300);
/// How soon a port answers whose container runs, unless something is wrong with one of them.
const PORT_WITHIN: Duration = Duration::from_secs(8);
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
        let door = Door::of(&container)?;
        tokio::select! {
            asked = asked(&door) => {
                say(format!("{workspace} is {}.", progressive(&asked)));
                swap(engine, &container, &asked, say).await?;
            }
            ended = engine.ended(&container) => ended?,
            () = sleep(REPORT_AGAIN), if unreported => {}
        }
    }
}

/// Starts a workspace's container and waits until it serves.
///
/// # Errors
/// It ends instead, as often as its policy starts it, or does not serve in time.
pub(crate) async fn start(engine: &Engine, container: &Container) -> Result<()> {
    engine.start(container).await?;
    if serves(engine, container, PORT_WITHIN).await? {
        return Ok(());
    }
    // Podman may have taken the port's rules away with those of a container that ended at the same moment.
    engine.stop(container).await?;
    engine.start(container).await?;
    if !serves(engine, container, READY_WITHIN).await? {
        bail!(
            "{} does not answer on port {} within {READY_WITHIN:?}; `workshop logs {}` has what it says",
            container.labels.workspace,
            container.labels.port,
            container.labels.workspace
        );
    }
    Ok(())
}

/// Whether a container that was started serves before the time is over. One that ended for good never does.
async fn serves(engine: &Engine, container: &Container, within: Duration) -> Result<bool> {
    let door = Door::of(container)?;
    tokio::select! {
        opens = door.opens(Instant::now() + within) => Ok(opens),
        how = engine.ended_for_good(container) => bail!("{} {}", container.labels.workspace, how?),
    }
}

/// Waits for a request, however often the stream breaks.
async fn asked(door: &Door) -> Asked {
    loop {
        match door.asked().await {
            Ok(asked) => return asked,
            Err(error) => tracing::debug!(%error, "following the events again"),
        }
        sleep(AGAIN).await;
    }
}

fn progressive(asked: &Asked) -> String {
    match asked.kind {
        workshop_events::SwitchKind::Switch => format!("switching to {}", asked.step),
        workshop_events::SwitchKind::Reset => format!("beginning {} again", asked.step),
    }
}

/// A point at which a test kills the supervisor (`FAILPOINTS=new-created=return`).
fn point(name: &str) {
    #[cfg(feature = "failpoints")]
    let _: Option<()> = fail::eval(name, |_| {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    });
    let _ = name;
}
