//! Which log is meant: a folder, or a workspace by its name.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use workshop_events::{LogInfo, Stream};

use super::workspace;
use crate::context::Context;
use crate::engine;
use crate::failure::Failure;

/// A log that can be read.
#[derive(Debug)]
pub(crate) struct LogFolder {
    /// The folder with the streams.
    pub(crate) path: PathBuf,
    /// What its `log.json` says; none in a log that was never taken by a backend, or when it cannot be understood.
    pub(crate) info: Option<LogInfo>,
    /// Why `log.json` cannot be understood.
    pub(crate) info_problem: Option<String>,
    /// A workspace's log is read from a copy, which goes with this.
    _copy: Option<TempDir>,
}

impl LogFolder {
    /// Reads `log.json`.
    fn new(path: PathBuf, copy: Option<TempDir>) -> Self {
        let (info, info_problem) = match workshop_journal::read_info(&path) {
            Ok(info) => (info, None),
            Err(error) => (None, Some(error.to_string())),
        };
        Self { path, info, info_problem, _copy: copy }
    }

    /// What the log is of, for people.
    pub(crate) fn title(&self) -> String {
        match &self.info {
            Some(info) => format!("{}, log {}", crate::paint::shown(&info.workshop), info.log),
            None => self.path.display().to_string(),
        }
    }
}

/// Finds the log of `log`: a folder, else the workspace of that name.
///
/// # Errors
/// There is no such folder or workspace, or no log in it.
pub(crate) async fn folder_of(log: &str, context: &Context) -> Result<LogFolder, Failure> {
    let path = Path::new(log);
    let folder = path.is_dir();
    if folder && holds_log(path)? {
        return Ok(LogFolder::new(path.to_owned(), None));
    }
    // A workshop's folder often lies where its workspace is asked for, under the same name.
    if !log.contains('/') && (folder || !path.exists()) {
        match of_workspace(log, context).await {
            Err(_) if folder => {}
            found => return found,
        }
    }
    if folder {
        return Err(Failure::input(format_args!(
            "{log}: there is no log in this folder, neither {} nor a recording (*.cast), and no workspace has this \
             name. Name the folder that is /workshop/runtime in the workspace, or a workspace",
            Stream::State.file_name()
        )));
    }
    Err(Failure::input(format_args!(
        "{log}: no such folder. Name the folder that holds the log (/workshop/runtime in the workspace), or a \
         workspace by its name"
    )))
}

/// Copies the log of a workspace, as it is now.
async fn of_workspace(name: &str, context: &Context) -> Result<LogFolder, Failure> {
    let engine = engine::connect(context).await?;
    let mut containers = workspace::containers(&engine, name).await?;
    let Some(container) = containers.pop() else { return Err(workspace::unknown(&engine, name).await?) };
    let copy = TempDir::new()?;
    engine.copy_log(&container, copy.path()).await?;
    Ok(LogFolder::new(copy.path().to_owned(), Some(copy)))
}

/// Whether a folder has a stream or a recording in it.
fn holds_log(folder: &Path) -> Result<bool, Failure> {
    let unreadable = |error| Failure::input(format_args!("{}: {error}", folder.display()));
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        let stream = Stream::ALL.iter().any(|stream| name == stream.file_name());
        if stream || name == "log.json" || Path::new(&name).extension().is_some_and(|end| end == "cast") {
            return Ok(true);
        }
    }
    Ok(false)
}
