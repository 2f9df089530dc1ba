//! The settings: flag, then `WORKSHOP_*`, then `~/.config/workshop/config.toml`.

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::Failure;
use crate::arguments::{Arguments, EngineChoice};

/// What the file may hold.
#[derive(Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    engine: Option<EngineChoice>,
    port: Option<u16>,
    data: Option<PathBuf>,
    llm: Option<Llm>,
}

/// Where the key of the LLM is from: written down, or printed by a command.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Llm {
    /// The key.
    key: Option<String>,
    /// A command of `sh` that prints it.
    key_command: Option<String>,
}

/// The settings of a command.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    /// What runs the containers.
    pub(crate) engine: EngineChoice,
    /// The port of a new workspace.
    pub(crate) port: Option<u16>,
    /// The folder that holds the logs, one folder for each workspace, instead of volumes.
    pub(crate) data: Option<PathBuf>,
    llm: Option<Llm>,
}

impl Settings {
    /// # Errors
    /// The file cannot be read or has something wrong in it.
    pub(crate) fn read(arguments: &Arguments) -> Result<Self, Failure> {
        let path = file_path();
        let file = match path.as_deref().map(|path| (path, fs::read_to_string(path))) {
            Some((path, Ok(text))) => parse(path, &text)?,
            Some((path, Err(error))) if error.kind() != ErrorKind::NotFound => {
                return Err(Failure::input(format_args!("{}: {error}", path.display())));
            }
            _ => File::default(),
        };
        Ok(Self {
            engine: arguments.engine.or(file.engine).unwrap_or_default(),
            port: file.port,
            data: env::var_os("WORKSHOP_DATA").map(PathBuf::from).or(file.data),
            llm: file.llm,
        })
    }

    /// The key of the LLM: from the environment, the file, or the command that prints it.
    ///
    /// # Errors
    /// The command failed.
    pub(crate) fn llm_key(&self, variable: &str) -> Result<Option<String>, Failure> {
        if let Ok(key) = env::var(variable) {
            return Ok(Some(key));
        }
        let Some(llm) = &self.llm else { return Ok(None) };
        let Some(command) = &llm.key_command else { return Ok(llm.key.clone()) };
        let output = std::process::Command::new("sh").args(["-c", command]).output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Failure::input(format_args!(
                "llm.key-command failed ({}): {}",
                output.status,
                said.trim()
            )));
        }
        Ok(Some(String::from_utf8_lossy(&output.stdout).trim().to_owned()))
    }
}

/// `$XDG_CONFIG_HOME/workshop/config.toml`, by default under `~/.config`.
pub(crate) fn file_path() -> Option<PathBuf> {
    let folder = env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".config")))?;
    Some(folder.join("workshop/config.toml"))
}

fn parse(path: &Path, text: &str) -> Result<File, Failure> {
    toml::from_str(text).map_err(|error| Failure::input(format_args!("{}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_or_says_where_it_is_wrong() {
        let path = Path::new("config.toml");
        let file =
            parse(path, "engine = \"podman\"\nport = 9000\n[llm]\nkey-command = \"pass llm\"\n").unwrap();
        assert_eq!((file.engine, file.port), (Some(EngineChoice::Podman), Some(9000)));
        for (text, expected) in [
            ("engine = \"lxc\"", "unknown variant `lxc`"),
            ("prot = 1", "unknown field `prot`"),
            ("port = 70000", "line 1"),
        ] {
            match parse(path, text) {
                Err(Failure::Input(said)) => assert!(said.contains(expected), "{said}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
