//! `workshop logs`: what a workspace's backend says.

use std::io::{ErrorKind, Write, stdout};

use futures_util::StreamExt;

use super::workspace;
use crate::arguments::LogsOptions;
use crate::context::Context;
use crate::engine;
use crate::failure::Failure;

/// Prints it, and with `--follow` goes on until the container ends.
pub(crate) async fn run(options: &LogsOptions, context: &Context) -> Result<(), Failure> {
    let engine = engine::connect(context).await?;
    let containers = workspace::containers(&engine, &options.name).await?;
    for container in &containers {
        let mut lines = engine.logs(container, options.follow);
        loop {
            let line = tokio::select! {
                line = lines.next() => line,
                _ = tokio::signal::ctrl_c() => return Err(Failure::Interrupted),
            };
            let Some(line) = line else { break };
            match stdout().write_all(&line?).and_then(|()| stdout().flush()) {
                // Whoever read it has read enough.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
                other => other?,
            }
        }
    }
    Ok(())
}
