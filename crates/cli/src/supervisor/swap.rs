//! A swap: the container of another image in place of the old one, on the same log, port and tokens.

use anyhow::{Context as _, Result};
use workshop_definition::artifact::ExtraContainer;

use super::client::{SwitchRequest, WorkspaceClient};
use super::failpoint::point;
use super::settle::settle_in_turn;
use super::turn::Turn;
use crate::engine::{Container, Creation, Engine, Labels, Plan};
use crate::output::Say;
use crate::variables::SWITCH;

/// Does what was asked for, or tells the workspace why not. Creating the new container is the lock: whoever else does
/// the same only helps to finish it.
pub(crate) async fn swap(
    engine: &Engine,
    old: &Container,
    request: &SwitchRequest,
    say: Say<'_>,
) -> Result<()> {
    let turn = Turn::take(&old.labels).await?;
    let client = WorkspaceClient::of(old)?;
    // A request that somebody else has fulfilled or failed meanwhile is never done again.
    if client.open_request().await?.as_ref() != Some(request) {
        return Ok(());
    }
    point("asked");
    if let Err(error) = create(engine, old, request, say).await {
        let reason = format!("{error:#}");
        say(format!("The swap failed, and nothing has changed: {reason}"));
        // Tried again when the request is seen again: it stays open in the log.
        return client.report_failure(&request.id, &reason).await;
    }
    point("new-created");
    settle_in_turn(engine, &old.labels.workspace, &turn, say).await?;
    Ok(())
}

/// Creates the new container.
async fn create(engine: &Engine, old: &Container, request: &SwitchRequest, say: Say<'_>) -> Result<Creation> {
    let (image, extras) = image_before(engine, old, &request.step).await?;
    engine.provide(&image, say).await?;
    for extra in &extras {
        engine.provide(&extra.image, say).await?;
    }
    let plan = Plan {
        container: format!("workshop-{}-{}", old.labels.workspace, request.id),
        image,
        labels: Labels {
            step: request.step.clone(),
            request: Some(request.id.clone()),
            ..old.labels.clone()
        },
        env: switched_env(&old.env, request),
        extras,
    };
    engine.create(&plan).await
}

/// The image in which a step begins, and what runs beside it.
async fn image_before(engine: &Engine, old: &Container, step: &str) -> Result<(String, Vec<ExtraContainer>)> {
    let workshop = engine.describe(&old.image).await?.with_context(|| {
        format!("the image {} does not say which workshop it is of: `workshop build compile` makes images that do", old.image)
    })?;
    let tag = workshop.tag_before(step).with_context(|| format!("the workshop has no step {step:?}"))?;
    Ok((format!("{}:{tag}", old.labels.repository), workshop.extras))
}

/// The old container's variables (the tokens among them), with the new request.
pub(crate) fn switched_env(env: &[(String, String)], request: &SwitchRequest) -> Vec<(String, String)> {
    let switch = format!("{}:{}:{}", request.id, request.kind.as_str(), request.step);
    env.iter().filter(|(name, _)| name != SWITCH).cloned().chain([(SWITCH.to_owned(), switch)]).collect()
}
