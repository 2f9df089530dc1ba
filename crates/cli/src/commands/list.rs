//! `workshop list`: what runs, and where.

use serde::Serialize;

use crate::context::Context;
use crate::engine::{self, Container, Engine, State};
use crate::failure::Failure;
use crate::variables::{ACCESS_TOKEN, INSTRUCTOR_TOKEN};

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

/// Lists the workspaces, with their addresses. It changes nothing: a swap that was broken off waits for a command that
/// acts.
pub(crate) async fn run(context: &Context) -> Result<(), Failure> {
    let engine = engine::connect(context).await?;
    let containers = one_each(engine.workspaces().await?);
    let rows: Vec<Row> = containers.iter().map(|container| row(&engine, container)).collect();
    context.output.result(&rows, |rows| match rows.as_slice() {
        [] => "No workspace. `workshop run PATH` makes one.\n".to_owned(),
        rows => rows.iter().map(text).collect(),
    })?;
    Ok(())
}

fn text(row: &Row) -> String {
    let Row { name, state, step, student, instructor, .. } = row;
    format!("{name}  {state}  at {step}\n  student     {student}\n  instructor  {instructor}\n")
}

/// One container for each workspace. In a swap there are two: the one that runs, else the newer one.
fn one_each(containers: Vec<Container>) -> Vec<Container> {
    let mut chosen: Vec<Container> = Vec::new();
    for container in containers {
        match chosen.iter_mut().find(|other| other.labels.workspace == container.labels.workspace) {
            Some(other) if other.is_running() => {}
            Some(other) => *other = container,
            None => chosen.push(container),
        }
    }
    chosen
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
        student: format!("{base}/#token={}", token(ACCESS_TOKEN)),
        instructor: format!("{base}/instructor/#token={}", token(INSTRUCTOR_TOKEN)),
    }
}
