//! `workshop run`: from a folder or an image to a workspace in the browser.

mod begin;
mod relocate;
mod target;

use std::io::{IsTerminal, stdout};

use workshop_events::SwitchKind;

use self::target::Target;
use super::{list, switch};
use crate::arguments::RunOptions;
use crate::context::Context;
use crate::engine::{self, Container, Engine};
use crate::failure::Failure;
use crate::output::Say;
use crate::supervisor::{self, End, Watch, WorkspaceClient, settle};

/// Runs a workshop and watches over it until it is stopped, or Ctrl-C. It goes on after that.
pub(crate) async fn run(options: &RunOptions, context: &Context) -> Result<(), Failure> {
    let engine = engine::connect(context).await?;
    let Started { container, moved } = tokio::select! {
        started = from_the_beginning(&engine, options, context) => started?,
        _ = tokio::signal::ctrl_c() => return Err(Failure::Interrupted),
    };
    let name = container.labels.workspace.clone();
    tell(&engine, &container, context)?;
    if let Some(moved) = moved {
        context.output.note(&moved);
    }
    if !options.no_open && stdout().is_terminal() && !context.output.is_json() {
        // A machine without a browser still has the address.
        let _ = webbrowser::open(&list::row(&engine, &container).student);
    }
    if options.detach {
        return Ok(());
    }
    let _watch = Watch::begin(&container.labels).await?;
    let say = |line: String| context.output.note(&line);
    tokio::select! {
        end = supervisor::supervise(&engine, &name, &say) => match end? {
            End::Stopped => say(format!("{name} was stopped. `workshop run` goes on with it.")),
            End::Removed => say(format!("{name} was removed.")),
        },
        _ = tokio::signal::ctrl_c() => {
            say(format!("\n{name} goes on without this command; `workshop stop {name}` ends it."));
            return Err(Failure::Interrupted);
        }
    }
    Ok(())
}

/// A workspace that runs.
struct Started {
    container: Container,
    /// What whoever asked for another port has to know.
    moved: Option<String>,
}

async fn from_the_beginning(
    engine: &Engine,
    options: &RunOptions,
    context: &Context,
) -> Result<Started, Failure> {
    let target = target::resolve(options, engine, context).await?;
    let progress = context.output.progress(format!("Starting {}", target.name));
    start(engine, options, &target, context, &|line| progress.now(line)).await
}

/// The running container of the workspace: the one that is there, or a new one.
async fn start(
    engine: &Engine,
    options: &RunOptions,
    target: &Target,
    context: &Context,
    say: Say<'_>,
) -> Result<Started, Failure> {
    let mut there = settle(engine, &target.name, say).await?.map(|settled| settled.container);
    if let Some(container) = &there
        && container.labels.repository != target.workshop.repository
    {
        return Err(Failure::input(format_args!(
            "the workspace {} is of {}; choose another name for this one with --name",
            target.name, container.labels.repository
        )));
    }
    if options.fresh
        && let Some(container) = there.take()
    {
        engine.remove(&container).await?;
    }
    let mut moved = None;
    match &there {
        Some(container) => {
            moved = relocate::to_port(engine, container, context, say).await?;
            if moved.is_none() && !container.is_running() {
                supervisor::start(engine, container).await?;
            }
            if let Some(step) = &options.step {
                switch::to_step(engine, &target.name, step, SwitchKind::Switch, say).await?;
            }
        }
        None => begin::begin(engine, options, target, context, say).await?,
    }
    let gone = || Failure::Failed(anyhow::anyhow!("{} was removed meanwhile", target.name));
    let mut container = settle(engine, &target.name, say).await?.ok_or_else(gone)?.container;
    // What was asked for while nobody watched.
    if let Some(request) = WorkspaceClient::of(&container)?.open_request().await? {
        supervisor::swap(engine, &container, &request, say).await?;
        container = settle(engine, &target.name, say).await?.ok_or_else(gone)?.container;
    }
    Ok(Started { container, moved })
}

fn tell(engine: &Engine, container: &Container, context: &Context) -> Result<(), Failure> {
    let row = list::row(engine, container);
    context.output.result(&row, |row| {
        let list::Row { name, step, engine, student, instructor, .. } = row;
        format!(
            "{name} runs at {step}, on {engine}.\n\n  student     {student}\n  instructor  {instructor}\n\n"
        )
    })?;
    Ok(())
}
