//! The recordings that stand in a volume.

use std::{
    fs::{self, File},
    io,
    path::Path,
    time::SystemTime,
};

use crate::regular;

/// One recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingFile {
    /// Its file name.
    pub name: String,
    /// Its length in bytes.
    pub len: u64,
    /// When it was written to last.
    pub modified: SystemTime,
}

/// Every file `*.cast` of the log in `dir` (also the seed's `session.cast`), by name. Links and directories are none.
///
/// # Errors
/// When the directory cannot be read.
pub fn recordings_in(dir: &Path) -> io::Result<Vec<RecordingFile>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if !name.ends_with(".cast") {
            continue;
        }
        let metadata = entry.metadata()?;
        if metadata.is_file() {
            found.push(RecordingFile { name, len: metadata.len(), modified: metadata.modified()? });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// Opens the recording of that name of the log in `dir`; `None` when there is none. The name is looked up among the
/// recordings, never joined to a path.
///
/// # Errors
/// When the recording is there and cannot be opened.
pub fn recording_in(dir: &Path, name: &str) -> io::Result<Option<File>> {
    let Some(found) = recordings_in(dir)?.into_iter().find(|recording| recording.name == name) else {
        return Ok(None);
    };
    regular::open(&dir.join(found.name)).map(Some)
}
