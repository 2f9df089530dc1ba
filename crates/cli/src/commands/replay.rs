//! `workshop replay`.

use crate::arguments::ReplayOptions;
use crate::{Context, Failure};

/// Plays a log.
pub(crate) async fn run(_options: &ReplayOptions, _context: &Context) -> Result<(), Failure> {
    Ok(())
}
