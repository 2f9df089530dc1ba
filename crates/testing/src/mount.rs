//! Small file systems: full, read-only, or without an inode left.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A mounted file system. Dropped, it is unmounted.
pub struct Mount {
    /// The mount point.
    pub at: PathBuf,
    /// The folder with the mount point, if it was made for this.
    _folder: Option<tempfile::TempDir>,
}

impl Mount {
    /// Mounts at a path, with these arguments of `mount`. Where that is not possible, prints why `test` is skipped.
    pub fn new(test: &str, at: &Path, arguments: &[&str]) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped {test}: it mounts a file system and needs root");
            return None;
        }
        fs::create_dir_all(at).unwrap();
        let mounted = run_or_skip(test, Command::new("mount").args(arguments).arg(at));
        mounted.then(|| Self { at: at.to_owned(), _folder: None })
    }

    /// Mounts an empty tmpfs at a path. `options` are those of the file system, such as `size=4m`.
    pub fn tmpfs_at(test: &str, at: &Path, options: &str) -> Option<Self> {
        Self::new(test, at, &["-t", "tmpfs", "-o", options, "tmpfs"])
    }

    /// Mounts an empty tmpfs in a folder of its own.
    pub fn tmpfs(test: &str, options: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Self::tmpfs_at(test, &folder.path().join("volume"), options)?;
        mount._folder = Some(folder);
        Some(mount)
    }

    /// The mount point.
    pub fn path(&self) -> &Path {
        &self.at
    }

    /// Changes options, such as `ro`.
    pub fn remount(&self, options: &str) {
        let status = Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(&self.at).status();
        assert!(status.unwrap().success());
    }

    /// Takes all space that is left, until the file is removed.
    pub fn fill(&self) -> PathBuf {
        let path = self.at.join("filler");
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
        // A lazy unmount cannot be held up by a descriptor of a failed test.
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

/// Runs a program that a test needs. Where it fails, prints why `test` is skipped.
pub fn run_or_skip(test: &str, command: &mut Command) -> bool {
    let why = match command.output() {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    eprintln!("skipped {test}: {:?} failed: {why}", command.get_program());
    false
}
