//! `workshop build compile`.

use crate::arguments::CompileOptions;
use crate::{Context, Failure};

/// Builds the images.
pub(crate) async fn run(_options: &CompileOptions, _context: &Context) -> Result<(), Failure> {
    Ok(())
}
