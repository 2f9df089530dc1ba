//! Whether somebody watches over a workspace: every supervisor on this machine holds a lock for so long, together with
//! the others. It goes with its process.

use std::fs::File;
use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use rustix::fs::FlockOperation;

use super::turn;

/// How often a lock that somebody has alone for a moment is asked for.
const AGAIN: Duration = Duration::from_millis(25);

/// That this process watches over a workspace; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Watch(#[allow(dead_code, reason = "it is held, not read")] File);

impl Watch {
    /// Begins to watch, beside whoever else does.
    pub(crate) async fn begin(workspace: &str) -> Result<Self> {
        loop {
            match turn::lock(&file(workspace), FlockOperation::NonBlockingLockShared)? {
                Some(file) => return Ok(Self(file)),
                None => sleep(AGAIN).await,
            }
        }
    }

    /// Keeps everybody from watching; none when somebody does.
    pub(crate) fn by_nobody(workspace: &str) -> Result<Option<Self>> {
        Ok(turn::lock(&file(workspace), FlockOperation::NonBlockingLockExclusive)?.map(Self))
    }
}

fn file(workspace: &str) -> String {
    format!("{workspace}.watched")
}
