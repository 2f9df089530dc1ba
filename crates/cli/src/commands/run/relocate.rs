//! A workspace that is there, and is asked for on another port: its container is made anew on the same log.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context as _, anyhow};

use super::begin;
use crate::context::Context;
use crate::engine::{Container, Engine, Labels, Plan};
use crate::failure::Failure;
use crate::output::Say;
use crate::settings::Origin;
use crate::supervisor::{Turn, Watch, settle};

/// Moves a workspace to the port of the command line; what is set elsewhere is for new ones. What there is to say, if
/// it moved; then it runs. By the same steps as a swap: killed at any point, or not ready in time, it is on one of
/// both ports in the end.
pub(super) async fn to_port(
    engine: &Engine,
    old: &Container,
    context: &Context,
    say: Say<'_>,
) -> Result<Option<String>, Failure> {
    let (name, from) = (&old.labels.workspace, old.labels.port);
    let settings = &context.settings;
    let asked = settings.port.filter(|_| settings.origins.port == Origin::Flag);
    let stays = match asked {
        None => true,
        // Any that is free: where it is, unless somebody else is there by now.
        Some(0) => old.is_running() || TcpListener::bind((Ipv4Addr::LOCALHOST, from)).is_ok(),
        Some(port) => port == from,
    };
    if stays {
        return Ok(None);
    }
    let Some(_nobody_watches) = Watch::by_nobody(&old.labels)? else {
        return Err(Failure::input(format_args!(
            "{name} is on port {from}, and another `workshop run` watches over it; end that one with Ctrl-C, \
             then this moves it. Or go without --port"
        )));
    };
    let port = begin::port(asked)?;
    say(format!("Moving {name} from port {from} to {port}"));
    let plan = plan(engine, old, port).await?;
    for image in plan.extras.iter().map(|extra| &extra.image).chain([&plan.image]) {
        engine.provide(image, say).await?;
    }
    let turn = Turn::take(&old.labels).await?;
    // Nobody else has swapped or moved it meanwhile.
    if matches!(engine.containers_of(name).await?.as_slice(), [one] if one.id == old.id) {
        engine.create(&plan).await?;
    }
    drop(turn);
    let settled = settle(engine, name, say).await?;
    let now = settled.map(|settled| settled.container.labels.port);
    if now != Some(port) {
        return Err(Failure::Failed(anyhow!("{name} could not be moved to port {port}")));
    }
    Ok(Some(format!(
        "It was on port {from} before. Its container is a new one: all progress stays, and /workspace is as its step begins."
    )))
}

/// The same container on another port.
async fn plan(engine: &Engine, old: &Container, port: u16) -> Result<Plan, Failure> {
    let workshop = engine
        .describe(&old.image)
        .await?
        .with_context(|| format!("the image {} is not here any more", old.image))?;
    let name = &old.labels.workspace;
    Ok(Plan {
        container: format!("workshop-{name}-{}", begin::random(6)?),
        image: old.image.clone(),
        // Made for no request: if this fails, no request has failed.
        labels: Labels { port, request: None, ..old.labels.clone() },
        env: old.env.clone(),
        extras: workshop.extras,
    })
}
