//! Workspaces by name, for the commands that take one.

use crate::engine::{Container, Engine};
use crate::failure::Failure;

/// The containers of a workspace, oldest first; there is at least one.
///
/// # Errors
/// There is no such workspace; the message names those that there are.
pub(crate) async fn containers(engine: &Engine, name: &str) -> Result<Vec<Container>, Failure> {
    let containers = engine.containers_of(name).await?;
    if containers.is_empty() { Err(unknown(engine, name).await?) } else { Ok(containers) }
}

/// What is said of a name that no workspace has.
pub(crate) async fn unknown(engine: &Engine, name: &str) -> Result<Failure, Failure> {
    let mut names: Vec<String> =
        engine.workspaces().await?.into_iter().map(|container| container.labels.workspace).collect();
    names.dedup();
    let there = if names.is_empty() {
        "there is none".to_owned()
    } else {
        format!("there are: {}", names.join(", "))
    };
    Ok(Failure::input(format_args!("no workspace {name:?}; {there}")))
}
