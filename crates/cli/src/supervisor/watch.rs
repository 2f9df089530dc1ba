//! Whether somebody watches over a workspace: every supervisor on this machine holds a lock for so long, together with
//! the others. It goes with its process.

use std::fs::File;

use anyhow::Result;
use rustix::fs::FlockOperation;

use super::turn;
use crate::engine::Labels;

/// What the file is called, after the workspace.
const FILE: &str = "watched";

/// That this process watches over a workspace; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Watch(#[allow(dead_code, reason = "it is held, not read")] File);

impl Watch {
    /// Begins to watch, beside whoever else does.
    pub(crate) async fn begin(of: &Labels) -> Result<Self> {
        turn::wait_for(of, FILE, FlockOperation::NonBlockingLockShared).await.map(Self)
    }

    /// Keeps everybody from watching; none when somebody does.
    pub(crate) fn by_nobody(of: &Labels) -> Result<Option<Self>> {
        Ok(turn::unless_held(of, FILE, FlockOperation::NonBlockingLockExclusive)?.map(Self))
    }
}
