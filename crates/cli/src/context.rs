//! What every command is given.

use crate::output::Output;
use crate::settings::Settings;

/// What every command is given: the settings, and how to say things.
pub(crate) struct Context {
    /// Flag, environment and file.
    pub(crate) settings: Settings,
    /// Text or JSON.
    pub(crate) output: Output,
}
