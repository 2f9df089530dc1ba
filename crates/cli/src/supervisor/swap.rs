//! A swap: the container of another image in place of the old one, on the same log, port and tokens.

use anyhow::{Context as _, Result};
use workshop_definition::artifact::ExtraContainer;

use super::settle::settle_in_turn;
use super::{Asked, Door, Say, Turn, point};
use crate::engine::{Container, Creation, Engine, Labels, Plan};

/// The variable that tells a backend which request its container was made for.
const SWITCH: &str = "WORKSHOP_SWITCH";

/// Does what was asked for, or tells the workspace why not. Creating the new container is the lock: whoever else does
/// the same only helps to finish it.
pub(crate) async fn swap(engine: &Engine, old: &Container, asked: &Asked, say: Say<'_>) -> Result<()> {
    let turn = Turn::take(&old.labels).await?;
    let door = Door::of(old)?;
    // A request that somebody else has fulfilled or failed meanwhile is never done again.
    if door.standing().await?.asked().as_ref() != Some(asked) {
        return Ok(());
    }
    point("asked");
    if let Err(error) = create(engine, old, asked, say).await {
        let reason = format!("{error:#}");
        say(format!("The swap failed, and nothing has changed: {reason}"));
        // Tried again when the request is seen again: it stays open in the log.
        return door.report_failure(&asked.request, &reason).await;
    }
    point("new-created");
    settle_in_turn(engine, &old.labels.workspace, &turn, say).await?;
    Ok(())
}

/// Creates the new container.
async fn create(engine: &Engine, old: &Container, asked: &Asked, say: Say<'_>) -> Result<Creation> {
    let (image, extras) = image_before(engine, old, &asked.step).await?;
    engine.provide(&image, say).await?;
    for extra in &extras {
        engine.provide(&extra.image, say).await?;
    }
    let plan = Plan {
        container: format!("workshop-{}-{}", old.labels.workspace, asked.request),
        image,
        labels: Labels {
            step: asked.step.clone(),
            request: Some(asked.request.clone()),
            ..old.labels.clone()
        },
        env: switched_env(&old.env, asked),
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
pub(crate) fn switched_env(env: &[(String, String)], asked: &Asked) -> Vec<(String, String)> {
    let switch = format!("{}:{}:{}", asked.request, asked.kind.as_str(), asked.step);
    env.iter().filter(|(name, _)| name != SWITCH).cloned().chain([(SWITCH.to_owned(), switch)]).collect()
}
