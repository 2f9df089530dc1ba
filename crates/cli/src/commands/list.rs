//! `workshop list`: what runs, and where.

use std::collections::HashSet;

use serde::Serialize;

use crate::engine::{self, Container, Engine, State};
use crate::supervisor::{Turn, settle};
use crate::{Context, Failure};

/// One workspace.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) name: String,
    state: &'static str,
    pub(super) step: String,
    image: String,
    pub(super) engine: String,
    pub(super) student: String,
    pub(super) instructor: String,
}

/// Lists the workspaces, with their addresses.
pub(crate) async fn run(context: &Context) -> Result<(), Failure> {
    let engine = engine::connect(context).await?;
    finish_swaps(&engine).await?;
    let rows: Vec<Row> = engine.workspaces().await?.iter().map(|container| row(&engine, container)).collect();
    context.output.result(&rows, |rows| {
        if rows.is_empty() {
            println!("No workspace. `workshop run PATH` makes one.");
        }
        for row in rows {
            println!("{}  {}  at {}", row.name, row.state, row.step);
            println!("  student     {}", row.student);
            println!("  instructor  {}", row.instructor);
        }
    })?;
    Ok(())
}

/// Whoever was swapping may have been killed. Where somebody is still at it, there is nothing to do.
async fn finish_swaps(engine: &Engine) -> Result<(), Failure> {
    let mut seen = HashSet::new();
    for Container { labels, .. } in engine.workspaces().await? {
        let name = &labels.workspace;
        // Two containers of one workspace.
        let swapping = !seen.insert(name.clone());
        if swapping && Turn::try_take(&labels)?.is_some() {
            // One that cannot be finished is no reason not to list the others.
            if let Err(error) = settle(engine, name, &|line| eprintln!("{line}")).await {
                eprintln!("{name}: {error:#}");
            }
        }
    }
    Ok(())
}

/// A container as a row.
pub(super) fn row(engine: &Engine, container: &Container) -> Row {
    let token = |name: &str| container.variable(name).unwrap_or_default();
    let base = format!("http://127.0.0.1:{}", container.labels.port);
    Row {
        name: container.labels.workspace.clone(),
        state: match container.state {
            State::Created => "created",
            State::Running(_) => "running",
            State::Ended { .. } => "stopped",
        },
        step: container.labels.step.clone(),
        image: container.image.clone(),
        engine: engine.name().to_owned(),
        student: format!("{base}/#token={}", token(super::run::ACCESS_TOKEN)),
        instructor: format!("{base}/instructor/#token={}", token(super::run::INSTRUCTOR_TOKEN)),
    }
}
