//! Small file systems that can be full.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A tmpfs. Dropped, it is unmounted.
pub(crate) struct Mount {
    folder: TempDir,
}

impl Mount {
    /// Of so many bytes. Without the right to mount there is none, and the test is skipped.
    #[allow(clippy::print_stderr, reason = "whoever runs the tests is told")]
    pub(crate) fn tmpfs(test: &str, bytes: u64) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped {test}: it mounts a file system and needs root");
            return None;
        }
        let folder = tempfile::tempdir_in(std::env::temp_dir()).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={bytes},mode=755"), "tmpfs"]).arg(folder.path());
        if !mount.status().unwrap().success() {
            eprintln!("skipped {test}: nothing can be mounted here");
            return None;
        }
        Some(Self { folder })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Takes all space that is left, until the file is removed.
    pub(crate) fn fill(&self) -> PathBuf {
        let path = self.path().join("filler");
        let mut filler = File::create(&path).unwrap();
        for size in [1 << 20, 1 << 16, 1 << 12, 1] {
            let block = vec![b'x'; size];
            while filler.write_all(&block).is_ok() {}
        }
        path
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a descriptor of a failed test holds nothing up.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}
