//! `workshop validate`.

use crate::arguments::Workshop;
use crate::{Context, Failure};

/// Checks a definition.
pub(crate) fn run(_options: &Workshop, _context: &Context) -> Result<(), Failure> {
    Ok(())
}
