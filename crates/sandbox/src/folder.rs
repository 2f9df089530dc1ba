//! The folder of a sandbox on the host: everything that lasts of it, and nothing of it is elsewhere.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use crate::error::SandboxError;
use crate::host::Programs;
use crate::inside::STUDENT_ID;

/// The student's own shell settings, as they begin. Without the second, zsh asks a newcomer questions.
const SETTINGS: [(&str, &str); 2] = [
    (
        ".bashrc",
        "[ -r /etc/bash.bashrc ] && . /etc/bash.bashrc\n\
         PS1='\\[\\e[32m\\]\\u@\\h\\[\\e[0m\\]:\\[\\e[34m\\]\\w\\[\\e[0m\\]\\$ '\n\
         alias ls='ls --color=auto' grep='grep --color=auto'\n",
    ),
    (".zshrc", "# Your settings for zsh.\n"),
];

/// The author's variables, as data: what an image has as its environment.
const ENVIRONMENT: &str = "environment.json";

/// All that is in a sandbox's folder.
const ENTRIES: [&str; 6] = ["workspace", "home", "etc", "goss", "goss.new", ENVIRONMENT];

/// The folder of one sandbox: `workspace` and `home` are the student's, `etc` and `goss` are made at every start.
/// `environment.json` says what the author's variables are.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    programs: Programs,
}

impl Folder {
    /// # Errors
    /// The path cannot be made absolute.
    pub(crate) fn new(path: &Path, programs: &Programs) -> io::Result<Self> {
        let programs =
            Programs { backend: std::path::absolute(&programs.backend)?, goss: programs.goss.clone() };
        Ok(Self { path: std::path::absolute(path)?, programs })
    }

    pub(crate) fn workspace(&self) -> PathBuf {
        self.path.join("workspace")
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.path.join("home")
    }

    pub(crate) fn etc(&self) -> PathBuf {
        self.path.join("etc")
    }

    pub(crate) fn backend(&self) -> &Path {
        &self.programs.backend
    }

    /// The sandbox's own copy of goss, if there is one.
    pub(crate) fn goss(&self) -> Option<PathBuf> {
        Some(self.path.join("goss")).filter(|goss| goss.exists())
    }

    /// Makes what is missing. What the student has done stays.
    pub(crate) fn prepare(&self) -> Result<(), SandboxError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| SandboxError::Folder { path, source }
        };
        if let Some(found) = self.foreign().map_err(failed(&self.path))? {
            return Err(SandboxError::Foreign { path: self.path.clone(), found });
        }
        for path in [self.workspace(), self.home()] {
            if !path.exists() {
                fs::create_dir_all(&path).map_err(failed(&path))?;
                give_to_student(&path).map_err(failed(&path))?;
                if path == self.home() {
                    for (name, text) in SETTINGS {
                        let file = path.join(name);
                        fs::write(&file, text).map_err(failed(&file))?;
                        give_to_student(&file).map_err(failed(&file))?;
                    }
                }
            }
        }
        self.copy_goss().map_err(failed(&self.path.join("goss")))
    }

    /// Something that no sandbox has: then the folder is another's, whose `etc` must not be made anew.
    fn foreign(&self) -> io::Result<Option<String>> {
        let entries = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            entries => entries?,
        };
        for entry in entries {
            let name = entry?.file_name();
            if !ENTRIES.iter().any(|ours| name == *ours) {
                return Ok(Some(name.to_string_lossy().into_owned()));
            }
        }
        Ok(None)
    }

    /// goss may be run by the student but not read: the kernel then keeps the student, who has the same uid, from
    /// looking into its memory and its standard input, where the spec is.
    fn copy_goss(&self) -> io::Result<()> {
        let (copy, new) = (self.path.join("goss"), self.path.join("goss.new"));
        if is_copy(&self.programs.goss, &copy) {
            return Ok(());
        }
        for old in [&copy, &new] {
            match fs::remove_file(old) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        if !self.programs.goss.is_file() {
            tracing::warn!(goss = %self.programs.goss.display(), "there is no goss: checks will say so");
            return Ok(());
        }
        fs::copy(&self.programs.goss, &new)?;
        fs::set_permissions(&new, Permissions::from_mode(0o111))?;
        fs::rename(new, copy)
    }
}

/// The author's variables in the sandbox of a folder, for its shells and checks. They are never set in a process on the
/// host, where they would decide what it starts and loads.
///
/// # Errors
/// What is written there cannot be read.
pub fn environment(folder: &Path) -> io::Result<Vec<(String, String)>> {
    match fs::read(folder.join(ENVIRONMENT)) {
        Ok(text) => Ok(serde_json::from_slice::<BTreeMap<String, String>>(&text)?.into_iter().collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Writes them.
pub(crate) fn write_environment(folder: &Path, environment: &[(&str, &str)]) -> io::Result<()> {
    let environment: BTreeMap<&str, &str> = environment.iter().copied().collect();
    fs::write(folder.join(ENVIRONMENT), serde_json::to_vec_pretty(&environment)?)
}

/// Whether the copy is of this very file, as far as size and time tell.
fn is_copy(original: &Path, copy: &Path) -> bool {
    let (Ok(original), Ok(copy)) = (fs::metadata(original), fs::metadata(copy)) else { return false };
    let newer = matches!((original.modified(), copy.modified()), (Ok(original), Ok(copy)) if original < copy);
    newer && original.len() == copy.len() && copy.permissions().mode() & 0o777 == 0o111
}

/// Gives a path to the student, who is another user than the backend only when that is root.
fn give_to_student(path: &Path) -> io::Result<()> {
    if rustix::process::geteuid().is_root() {
        chown(path, Some(STUDENT_ID), Some(STUDENT_ID))?;
    }
    Ok(())
}
