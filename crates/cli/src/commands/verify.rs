//! `workshop verify`.

use crate::arguments::Log;
use crate::{Context, Failure};

/// Audits a log.
pub(crate) async fn run(_options: &Log, _context: &Context) -> Result<(), Failure> {
    Ok(())
}
