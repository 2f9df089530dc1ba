//! `workshop rm`: removes a workspace's containers, and on request its log.

use super::workspace;
use crate::arguments::RmOptions;
use crate::context::Context;
use crate::engine::{self, Volume};
use crate::failure::Failure;
use crate::supervisor::Turn;

/// Removes a workspace. Its log stays unless asked otherwise.
pub(crate) async fn run(options: &RmOptions, context: &Context) -> Result<(), Failure> {
    let engine = engine::connect(context).await?;
    let containers = engine.containers_of(&options.name).await?;
    let log = match containers.first() {
        Some(container) => container.labels.log(),
        None => engine.default_log(&options.name),
    };
    let has_log = engine.has_log(&log).await?;
    if containers.is_empty() && !(options.data && has_log) {
        return Err(workspace::unknown(&engine, &options.name).await?);
    }
    if let Some(container) = containers.first() {
        let _turn = Turn::take(&container.labels).await?;
        for container in engine.containers_of(&options.name).await? {
            engine.remove(&container).await?;
        }
    }
    if options.data && has_log {
        engine.forget(&log).await?;
        context.output.note(&format!("{} is removed, and its progress and recordings.", options.name));
        if let Volume::Folder(folder) = &log
            && folder.exists()
        {
            context.output.note(&format!("{} is kept: other things are in it.", folder.display()));
        }
    } else {
        let place = match &log {
            Volume::Named(name) => format!("in the volume {name}"),
            Volume::Folder(folder) => format!("in {}", folder.display()),
        };
        context.output.note(&format!(
            "{} is removed. Its progress is kept {place}; `workshop rm --data {}` removes that too.",
            options.name, options.name
        ));
    }
    Ok(())
}
