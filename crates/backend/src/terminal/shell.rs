//! How a session's shell is started: its arguments, its environment, and the integration scripts that it reads.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use workshop_sandbox::shell::{FILES, place};
use workshop_sandbox::{Program, RunAs};

/// The folder where shells find [`FILES`].
#[derive(Debug)]
pub struct Scripts {
    folder: PathBuf,
    /// Made for this backend, and removed with it.
    own: bool,
}

impl Scripts {
    /// `/etc`, where image and sandbox have them.
    pub fn installed() -> Self {
        Self { folder: "/etc".into(), own: false }
    }

    /// `/etc` if they are there, or else a new folder beside other temporary ones.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn find_or_place() -> io::Result<Self> {
        let installed = Self::installed();
        if installed.folder.join(FILES[0].0).is_file() {
            return Ok(installed);
        }
        let unique = getrandom::u64().map_err(io::Error::other)?;
        let folder = std::env::temp_dir().join(format!("workshop-shell-{unique:016x}"));
        fs::create_dir(&folder)?;
        let own = Self { folder, own: true };
        fs::set_permissions(&own.folder, fs::Permissions::from_mode(0o755))?;
        place(&own.folder)?;
        Ok(own)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Scripts {
    fn drop(&mut self) {
        if self.own {
            // What stays behind is readable by all and of no worth.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// The shell of every terminal.
#[derive(Clone, Debug)]
pub struct ShellSetup {
    /// The program, such as `/bin/bash`. bash and zsh tell the terminal what runs in them; others run as they are.
    pub program: String,
    /// Where the shell finds [`FILES`].
    pub scripts: Arc<Scripts>,
    /// The environment: [`workshop_sandbox::Launcher::base_env`] and what the author names.
    pub env: Vec<(String, String)>,
    /// Where it starts.
    pub cwd: PathBuf,
}

impl ShellSetup {
    /// The program of one session, whose marks carry `nonce`.
    pub fn program(&self, nonce: &str) -> Program {
        let mut argv = vec![self.program.clone()];
        let mut env: Vec<(String, String)> = Vec::new();
        let ours = [
            ("SHELL", self.program.as_str()),
            ("TERM", "xterm-256color"),
            ("COLORTERM", "truecolor"),
            ("WORKSHOP_SHELL_NONCE", nonce),
        ];
        let given = self.env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in given.filter(|(name, _)| !name.starts_with("WORKSHOP_")).chain(ours) {
            env.retain(|(known, _)| known != name);
            env.push((name.to_owned(), value.to_owned()));
        }
        match Path::new(&self.program).file_name().and_then(|name| name.to_str()) {
            Some("bash") => {
                let script = self.scripts.folder().join("workshop-platform.bashrc");
                argv.extend(["--rcfile".to_owned(), script.to_string_lossy().into_owned()]);
            }
            Some("zsh") => {
                let folder = self.scripts.folder().join("workshop-platform.zsh");
                env.push(("ZDOTDIR".to_owned(), folder.to_string_lossy().into_owned()));
            }
            _ => env.retain(|(name, _)| name != "WORKSHOP_SHELL_NONCE"),
        }
        argv.push("-i".to_owned());
        Program { argv, env, cwd: self.cwd.clone(), run_as: RunAs::Student }
    }
}
