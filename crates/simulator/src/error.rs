//! What can go wrong with the volumes of a class.

use std::io;
use std::path::PathBuf;

/// Why a class cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// A volume is another's.
    #[error(transparent)]
    Volume(#[from] workshop_journal::OpenError),
    /// A volume cannot be written to.
    #[error("cannot write the log in {dir}: {source}")]
    Write {
        /// The volume.
        dir: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}
