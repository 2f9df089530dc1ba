//! `log.json`: read by everyone, written once.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read, Write},
    path::Path,
};

use workshop_events::LogInfo;

use crate::{disk, regular};

pub(crate) const INFO_NAME: &str = "log.json";
pub(crate) const INFO_DRAFT: &str = "log.json.tmp";
/// Far more bytes than it ever has.
const LONGEST_INFO: u64 = 1024 * 1024;

/// Reads `log.json`; `None` when the volume was never taken.
///
/// # Errors
/// When it is there and cannot be read, or is not what it should be (`InvalidData`).
pub fn read_info(dir: &Path) -> io::Result<Option<LogInfo>> {
    let file = match regular::open(&dir.join(INFO_NAME)) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = Vec::new();
    file.take(LONGEST_INFO).read_to_end(&mut text)?;
    serde_json::from_slice(&text).map(Some).map_err(|e| io::Error::new(ErrorKind::InvalidData, e))
}

/// Writes `log.json` so that a crash leaves the whole of it or none.
pub(crate) fn write_info(dir: &Path, info: &LogInfo) -> io::Result<()> {
    let draft = dir.join(INFO_DRAFT);
    let mut text = serde_json::to_vec(info)?;
    text.push(b'\n');
    // One that a crash left, or a link that somebody did.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = File::create_new(&draft)?;
    file.write_all(&text)?;
    disk::sync(&file)?;
    disk::rename(&draft, &dir.join(INFO_NAME))?;
    disk::sync_dir(dir)
}
