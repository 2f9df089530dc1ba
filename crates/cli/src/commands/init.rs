//! `workshop init`.

use crate::arguments::InitOptions;
use crate::{Context, Failure};

/// Begins a workshop.
pub(crate) fn run(_options: &InitOptions, _context: &Context) -> Result<(), Failure> {
    Ok(())
}
