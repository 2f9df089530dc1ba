//! The recordings that stand in a volume.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::SystemTime,
};

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

/// Every file `*.cast` (also the seed's `session.cast`), by name. Links and directories are none.
pub(crate) fn list(dir: &Path) -> io::Result<Vec<RecordingFile>> {
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

/// Opens the one of that name, if it is in the list.
pub(crate) fn open(dir: &Path, name: &str) -> io::Result<Option<File>> {
    let Some(found) = list(dir)?.into_iter().find(|recording| recording.name == name) else {
        return Ok(None);
    };
    let no_link = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    File::options().read(true).custom_flags(no_link).open(dir.join(found.name)).map(Some)
}
