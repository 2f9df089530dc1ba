//! Where things are: the repository's folders, and programs started from there.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use cargo_metadata::MetadataCommand;

/// The checkout that the chore works on.
#[derive(Clone)]
pub(crate) struct Checkout {
    /// The repository's top folder.
    pub(crate) root: PathBuf,
    /// Cargo's target folder; CI keeps it between clones.
    pub(crate) target: PathBuf,
    /// Programs that set-up builds (goss, cargo-fuzz). In the target folder, so that a cache keeps them.
    pub(crate) tools: PathBuf,
    path: OsString,
}

impl Checkout {
    /// Asks cargo, which knows both folders whatever the current one is.
    pub(crate) fn find() -> Result<Self> {
        let metadata = MetadataCommand::new().no_deps().exec().context("cargo metadata")?;
        let target = metadata.target_directory.into_std_path_buf();
        let tools = target.join("tools/bin");
        let inherited = env::var_os("PATH").unwrap_or_default();
        // Debian keeps mke2fs and losetup where only root's PATH looks.
        let system = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
        let folders = [tools.clone(), target.join("debug")]
            .into_iter()
            .chain(env::split_paths(&inherited))
            .chain(system);
        let path = env::join_paths(folders).context("PATH")?;
        Ok(Self { root: metadata.workspace_root.into_std_path_buf(), target, tools, path })
    }

    /// A program to be started in the repository's top folder, with the built tools first in its `PATH`.
    ///
    /// It does not get what cargo told this chore about its own package: some build scripts look at that, and a cargo that is
    /// started here would build again whatever one that is started by hand has built.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let of_package = |name: &OsStr| {
            let name = name.to_string_lossy();
            ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| name.starts_with(start))
        };
        for (name, _) in env::vars_os().filter(|(name, _)| of_package(name)) {
            command.env_remove(name);
        }
        command.current_dir(&self.root).env("PATH", &self.path);
        command
    }

    /// The same with an environment of nothing but that `PATH` and the variables in `kept`.
    pub(crate) fn clean_command(&self, program: &str, kept: &[&str]) -> Command {
        let mut command = Command::new(program);
        let kept = kept.iter().filter_map(|name| Some((name, env::var_os(name)?)));
        command.current_dir(&self.root).env_clear().envs(kept).env("PATH", &self.path);
        command
    }

    /// The cargo that runs this chore.
    pub(crate) fn cargo(&self) -> Command {
        let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".into());
        self.command(&cargo)
    }

    /// A program to be started in `web/`.
    pub(crate) fn web_command(&self, program: &str) -> Command {
        let mut command = self.command(program);
        command.current_dir(self.web());
        command
    }

    /// The folder of the pages.
    pub(crate) fn web(&self) -> PathBuf {
        self.root.join("web")
    }

    /// The backend as `cargo build` leaves it.
    pub(crate) fn backend(&self) -> PathBuf {
        self.target.join("debug/workshop-backend")
    }

    /// goss as set-up leaves it.
    pub(crate) fn goss(&self) -> PathBuf {
        self.tools.join("goss")
    }

    /// Where `program` is found, looking where its commands will look.
    pub(crate) fn which(&self, program: &str) -> Option<PathBuf> {
        env::split_paths(&self.path).map(|folder| folder.join(program)).find(|path| path.is_file())
    }

    /// `path` as it is named inside the repository.
    pub(crate) fn relative<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }
}
