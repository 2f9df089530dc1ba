//! The folders of the engines.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::checkout::Checkout;
use crate::program;

/// The folders of the engines.
#[derive(Clone)]
pub(super) struct Places {
    /// What may be large: images, containers, logs. In the target folder.
    pub(super) storage: PathBuf,
    /// Sockets and what else wants a short path. Another target has another.
    pub(super) run: PathBuf,
}

impl Places {
    pub(super) fn of(checkout: &Checkout) -> Self {
        let mut hasher = DefaultHasher::new();
        checkout.target.hash(&mut hasher);
        let run = format!("/run/workshop-test-{:08x}", hasher.finish() as u32);
        Self { storage: checkout.target.join("containers"), run: run.into() }
    }

    /// Removes both folders with everything that is mounted in them.
    pub(super) fn remove(&self, checkout: &Checkout) -> Result<()> {
        for folder in [&self.storage, &self.run] {
            for mount in mounts(folder)? {
                program::quiet(checkout.command("umount").arg("--lazy").arg(mount))?;
            }
            // Nothing is deleted through a mount.
            ensure!(mounts(folder)?.is_empty(), "something is still mounted in {}", folder.display());
            if folder.exists() {
                fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
            }
        }
        Ok(())
    }
}

/// What is mounted in `folder`, the deepest first.
fn mounts(folder: &Path) -> Result<Vec<PathBuf>> {
    let table = fs::read_to_string("/proc/self/mountinfo").context("/proc/self/mountinfo")?;
    let points = table.lines().filter_map(|line| line.split(' ').nth(4)).map(PathBuf::from);
    let mut inside: Vec<PathBuf> = points.filter(|point| point.starts_with(folder)).collect();
    inside.sort_by_key(|point| std::cmp::Reverse(point.components().count()));
    Ok(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_mounted_in_a_folder() {
        assert!(mounts(Path::new("/")).unwrap().contains(&PathBuf::from("/proc")));
        assert!(mounts(Path::new("/pro")).unwrap().is_empty(), "a name that begins alike is another folder");
    }
}
