//! `workshop stop`: ends a workspace's container and keeps it.

use super::workspace;
use crate::arguments::Named;
use crate::context::Context;
use crate::engine;
use crate::failure::Failure;
use crate::supervisor::{Turn, settle};

/// Stops a workspace. Whoever supervises it sees that it ended in order, and lets it be.
pub(crate) async fn run(named: &Named, context: &Context) -> Result<(), Failure> {
    let engine = engine::connect(context).await?;
    let container = workspace::containers(&engine, &named.name).await?.remove(0);
    // A swap that was broken off is finished first: stopped in the middle of it, the new container would be taken for one
    // that failed.
    settle(&engine, &named.name, &|line| context.output.note(&line)).await?;
    let _turn = Turn::take(&container.labels).await?;
    for container in workspace::containers(&engine, &named.name).await? {
        engine.stop(&container).await?;
    }
    context.output.note(&format!("{} is stopped. `workshop run` goes on with it.", named.name));
    Ok(())
}
