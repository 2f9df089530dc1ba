//! The program that checks: one that nobody but root or the backend's own user can have put where it is. It runs with
//! their rights, and is given what students must not read.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use super::error::CheckError;
use workshop_sandbox::Account;

/// Where an image has it, and nowhere else: a search would find a student's.
pub const IN_IMAGE: &str = "/usr/local/bin/goss";

const STICKY: u32 = 0o1000;
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;

/// The program at `path` without links, if the student can have changed neither it nor what leads to it.
///
/// # Errors
/// It is not there, or somebody else may write to it or to a folder above it.
pub(super) fn trusted(path: &Path, student: &Account) -> Result<PathBuf, CheckError> {
    let missing = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => CheckError::Missing { path: path.to_owned() },
        _ => CheckError::NotStarted(error),
    };
    let program = fs::canonicalize(path).map_err(missing)?;
    for place in program.ancestors() {
        let found = fs::metadata(place).map_err(missing)?;
        if let Some(reason) = doubt(&found, student) {
            return Err(CheckError::NotTrusted { path: place.to_owned(), reason });
        }
    }
    Ok(program)
}

/// Why somebody else than root and the backend's user may have changed a file, or what is in a folder.
fn doubt(found: &Metadata, student: &Account) -> Option<String> {
    let (owner, group, mode) = (found.uid(), found.gid(), found.mode());
    // In a sticky folder only the owner of a thing renames or removes it.
    let shared = found.is_dir() && mode & STICKY != 0;
    // Some distributions let a group of administrators write to /usr/local.
    let among = found.is_file() || student.groups.contains(&group);
    if owner != 0 && owner != geteuid().as_raw() {
        Some(format!("it belongs to the user {owner}"))
    } else if mode & OTHERS_WRITE != 0 && !shared {
        Some("everyone may write to it".to_owned())
    } else if mode & GROUP_WRITES != 0 && among && !shared {
        Some(format!("the group {group} may write to it"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use tempfile::TempDir;

    use super::*;

    const STUDENT: u32 = 4711;

    /// `<folder>/bin/goss`, as an image has it.
    fn goss() -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("bin/goss");
        fs::create_dir(folder.path().join("bin")).unwrap();
        fs::write(&program, "").unwrap();
        for (path, mode) in [(folder.path(), 0o755), (&folder.path().join("bin"), 0o755), (&program, 0o111)] {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        }
        (folder, program)
    }

    fn student() -> Account {
        let groups = vec![STUDENT, geteuid().as_raw()];
        let name = "student".to_owned();
        Account { name, uid: STUDENT, gid: STUDENT, groups, home: "/".into(), shell: "/bin/sh".into() }
    }

    fn reason(path: &Path) -> Option<String> {
        match trusted(path, &student()) {
            Ok(_) => None,
            Err(CheckError::NotTrusted { path, reason }) => {
                let name = path.file_name().unwrap().to_str().unwrap();
                Some(format!("{}: {reason}", if name.starts_with('.') { "above" } else { name }))
            }
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn nobody_else_may_write_to_it_or_above_it() {
        let group = geteuid().as_raw();
        for (place, mode, expected) in [
            ("bin/goss", 0o111, None),
            ("bin/goss", 0o755, None),
            ("bin/goss", 0o757, Some("goss: everyone may write to it".to_owned())),
            ("bin/goss", 0o775, Some(format!("goss: the group {group} may write to it"))),
            ("bin", 0o777, Some("bin: everyone may write to it".to_owned())),
            ("bin", 0o1777, None),
            ("bin", 0o775, Some(format!("bin: the group {group} may write to it"))),
            (".", 0o777, Some("above: everyone may write to it".to_owned())),
        ] {
            let (folder, program) = goss();
            fs::set_permissions(folder.path().join(place), Permissions::from_mode(mode)).unwrap();
            assert_eq!(reason(&program), expected, "{place} {mode:o}");
        }
    }

    #[test]
    fn another_users_is_not_run() {
        if !geteuid().is_root() {
            return;
        }
        let expected = format!("it belongs to the user {STUDENT}");
        for place in ["bin/goss", "bin"] {
            let (folder, program) = goss();
            chown(folder.path().join(place), Some(STUDENT), None).unwrap();
            assert!(reason(&program).unwrap().ends_with(&expected), "{place}");
        }
        // A link leads to what is looked at; a group without the student may write to a folder.
        let (folder, program) = goss();
        let (theirs, link) = (folder.path().join("theirs"), folder.path().join("bin/link"));
        fs::write(&theirs, "").unwrap();
        chown(&theirs, Some(STUDENT), None).unwrap();
        symlink(&theirs, &link).unwrap();
        assert_eq!(reason(&link).unwrap(), format!("theirs: {expected}"));
        chown(folder.path().join("bin"), None, Some(50)).unwrap();
        fs::set_permissions(folder.path().join("bin"), Permissions::from_mode(0o2775)).unwrap();
        assert_eq!(reason(&program), None);
        assert!(matches!(trusted(&folder.path().join("none"), &student()), Err(CheckError::Missing { .. })));
    }
}
