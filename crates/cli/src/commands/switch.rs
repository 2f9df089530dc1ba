//! `workshop switch` and `workshop reset`: ask for a swap, and see to it that it happens.

use anyhow::anyhow;
use tokio::time::Instant;
use workshop_events::SwitchKind;

use super::workspace;
use crate::arguments::StepOf;
use crate::context::Context;
use crate::engine;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::output::Say;
use crate::supervisor::{READY_WITHIN, SwitchRequest, WorkspaceClient, settle, swap};

/// Asks for the swap as the supervisor may, whatever the student may open. Where nobody supervises the workspace,
/// this command swaps; where somebody does, it only helps.
pub(crate) async fn run(step: &StepOf, kind: SwitchKind, context: &Context) -> Result<(), Failure> {
    let engine = engine::connect(context).await?;
    workspace::containers(&engine, &step.name).await?;
    let begin = match kind {
        SwitchKind::Switch => format!("Switching {} to {}", step.name, step.step),
        SwitchKind::Reset => format!("Resetting {} of {}", step.step, step.name),
    };
    let progress = context.output.progress(begin);
    to_step(&engine, &step.name, &step.step, kind, &|line| progress.now(line)).await?;
    drop(progress);
    context.output.note(&format!("{} is at {}.", step.name, step.step));
    Ok(())
}

/// Brings a workspace to a step by a swap.
pub(crate) async fn to_step(
    engine: &Engine,
    name: &str,
    step: &str,
    kind: SwitchKind,
    say: Say<'_>,
) -> Result<(), Failure> {
    let Some(settled) = settle(engine, name, say).await? else {
        return Err(workspace::unknown(engine, name).await?);
    };
    let container = settled.container;
    if !container.is_running() {
        return Err(Failure::Failed(anyhow!("{name} does not run; `workshop run` starts it")));
    }
    if let Some(workshop) = engine.describe(&container.image).await?
        && !workshop.steps.iter().any(|id| id == step)
    {
        return Err(Failure::input(format_args!(
            "no step {step:?}; there are: {}",
            workshop.steps.join(", ")
        )));
    }
    let client = WorkspaceClient::of(&container)?;
    if !client.becomes_ready(Instant::now() + READY_WITHIN).await {
        return Err(Failure::Failed(anyhow!(
            "{name} does not answer; `workshop logs {name}` has what it says"
        )));
    }
    let request = SwitchRequest { id: client.request_switch(step, kind).await?, kind, step: step.to_owned() };
    swap(engine, &container, &request, say).await?;
    // Another supervisor may still be at it.
    let Some(settled) = settle(engine, name, say).await? else {
        return Err(Failure::Failed(anyhow!("{name} was removed meanwhile")));
    };
    let client = WorkspaceClient::of(&settled.container)?;
    client.becomes_ready(Instant::now() + READY_WITHIN).await;
    match client.failure_of(&request.id).await? {
        Some(reason) => {
            Err(Failure::Failed(anyhow!("the swap failed, and everything is as it was: {reason}")))
        }
        None => Ok(()),
    }
}
