//! Programs of the host.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The platform's programs on the host that a sandbox gets. Bubblewrap itself is one of the machine's.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `workshop-backend`.
    pub backend: PathBuf,
    /// goss. Without it a sandbox works, but a check says that goss is missing.
    pub goss: PathBuf,
}

/// Where a machine has its own programs. Not `PATH`: a program of ours is found in the same place whatever anybody says.
const FOLDERS: [&str; 5] =
    ["/usr/local/bin", "/usr/bin", "/bin", "/run/current-system/sw/bin", "/nix/var/nix/profiles/default/bin"];

/// Where a program of the host is, if it is installed.
pub fn find_program(name: &str) -> Option<PathBuf> {
    FOLDERS.iter().map(|folder| Path::new(folder).join(name)).find(|program| {
        fs::metadata(program).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_where_machines_have_them() {
        assert!(find_program("sh").is_some_and(|sh| sh.is_absolute()));
        assert_eq!(find_program("no-such-program"), None);
    }
}
