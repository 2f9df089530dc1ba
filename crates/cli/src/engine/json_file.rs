//! Small files of JSON that several commands may read and write at once.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Serialize, de::DeserializeOwned};

/// How the name of a file begins that is not whole yet.
pub(super) const DRAFT: &str = ".draft-";

/// Reads one; none if it is not there.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).with_context(|| path.display().to_string()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// Writes it whole or not at all, whoever else writes it.
pub(super) fn write<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let whole = || {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut new = tempfile::Builder::new().prefix(DRAFT).tempfile_in(folder)?;
        new.write_all(&serde_json::to_vec_pretty(value)?)?;
        new.persist(path)?;
        anyhow::Ok(())
    };
    whole().with_context(|| path.display().to_string())
}
