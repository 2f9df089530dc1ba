//! `workshop build status`.

use crate::arguments::Workshop;
use crate::{Context, Failure};

/// Says which images are built.
pub(crate) async fn run(_options: &Workshop, _context: &Context) -> Result<(), Failure> {
    Ok(())
}
