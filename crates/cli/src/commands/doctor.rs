//! `workshop doctor`.

use crate::{Context, Failure};

/// Runs it.
pub(crate) async fn run(_context: &Context) -> Result<(), Failure> {
    Ok(())
}
