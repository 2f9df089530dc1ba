//! The platform's own parts: the programs and files that make an image a workspace.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// The folder with `tini`, `workshop-backend`, `goss` and the shell integration.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    folder: PathBuf,
}

impl Parts {
    /// `WORKSHOP_PARTS`, else `workshop-parts` beside this program, else `../lib/workshop` from there.
    ///
    /// # Errors
    /// None of them is there; the message names them.
    pub(crate) fn find() -> Result<Self> {
        let beside = env::current_exe()?;
        let beside = beside.parent().unwrap_or(Path::new("/"));
        let places = match env::var_os("WORKSHOP_PARTS").filter(|value| !value.is_empty()) {
            Some(named) => vec![PathBuf::from(named)],
            None => vec![beside.join("workshop-parts"), beside.join("../lib/workshop")],
        };
        match places.iter().find(|place| place.join("workshop-backend").is_file()) {
            Some(folder) => Ok(Self { folder: std::path::absolute(folder)? }),
            None => {
                let places: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
                bail!(
                    "the platform's parts (workshop-backend, goss, tini) are not in {}",
                    places.join(" or ")
                )
            }
        }
    }

    /// The path of a part.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}
