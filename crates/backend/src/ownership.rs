//! Whose the log volume is. A volume of the engine's is made as the image has it, the backend's alone; a folder of the
//! host comes with its own owner there, who may have the same number as the student.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

/// What others than the backend's user and group may do in the log volume: nothing.
const MODE: u32 = 0o770;

/// Makes the log volume the backend's own if the backend is root, and another user's or open to others. True if it was
/// not and is now.
///
/// # Errors
/// The volume does not let root change that.
pub(crate) fn take(volume: &Path) -> io::Result<bool> {
    let found = match fs::metadata(volume) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        found => found?,
    };
    let others = found.mode() & 0o007 != 0;
    if !rustix::process::geteuid().is_root() || (found.uid() == 0 && found.gid() == 0 && !others) {
        return Ok(false);
    }
    chown(volume, Some(0), Some(0))?;
    fs::set_permissions(volume, Permissions::from_mode(MODE))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_of_another_is_taken_by_root_alone() {
        let folder = tempfile::tempdir().unwrap();
        let root = rustix::process::geteuid().is_root();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        if root {
            chown(folder.path(), Some(1000), Some(1000)).unwrap();
        }
        assert_eq!(take(folder.path()).unwrap(), root);
        if root {
            let now = fs::metadata(folder.path()).unwrap();
            assert_eq!((now.uid(), now.gid(), now.mode() & 0o7777), (0, 0, MODE));
            assert!(!take(folder.path()).unwrap());
        }
        assert!(!take(&folder.path().join("none")).unwrap());
    }
}
