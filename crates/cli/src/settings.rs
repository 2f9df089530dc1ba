//! The settings: flag, then `WORKSHOP_*`, then `~/.config/workshop/config.toml`.

use std::env;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use clap::parser::ValueSource;
use serde::{Deserialize, Serialize};

use crate::arguments::{Arguments, Command, EngineChoice, RunOptions};
use crate::failure::Failure;

/// The port of a workspace when nothing else is said.
pub(crate) const DEFAULT_PORT: u16 = 8080;

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
#[derive(Clone, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Llm {
    /// The key.
    key: Option<String>,
    /// A command of `sh` that prints it.
    key_command: Option<String>,
}

/// Without the key: it must not get into a message.
impl fmt::Debug for Llm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Llm").field("key_command", &self.key_command).finish_non_exhaustive()
    }
}

/// Where a setting came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Origin {
    /// Nobody set it.
    #[default]
    Default,
    /// The file.
    File,
    /// A variable `WORKSHOP_*`.
    Environment,
    /// The command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "default",
            Self::File => "config file",
            Self::Environment => "environment",
            Self::Flag => "flag",
        })
    }
}

/// Where each setting came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Origins {
    /// Of the engine.
    pub(crate) engine: Origin,
    /// Of the port.
    pub(crate) port: Origin,
    /// Of the data folder.
    pub(crate) data: Origin,
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
    /// Where each came from.
    pub(crate) origins: Origins,
    llm: Option<Llm>,
}

impl Settings {
    /// # Errors
    /// The file cannot be read, or has something wrong in it.
    pub(crate) fn read(arguments: &Arguments, matches: &ArgMatches) -> Result<Self, Failure> {
        let file = match file_path() {
            Some(path) => read_file(&path)?,
            None => File::default(),
        };
        let port = match &arguments.command {
            Command::Run(RunOptions { port, .. }) | Command::Doctor(port) => port.port,
            _ => None,
        };
        let (engine, engine_origin) = prefer(arguments.engine, origin(matches, "engine"), file.engine);
        let (data, data_origin) =
            prefer(arguments.data_root.clone(), origin(matches, "data_root"), file.data);
        let (port, port_origin) = match matches.subcommand() {
            Some((_, of_command)) if port.is_some() => prefer(port, origin(of_command, "port"), file.port),
            _ => prefer(None, Origin::Default, file.port),
        };
        Ok(Self {
            engine: engine.unwrap_or_default(),
            port,
            data,
            origins: Origins { engine: engine_origin, port: port_origin, data: data_origin },
            llm: file.llm,
        })
    }

    /// The key of the LLM: from the environment, the file, or the command that prints it.
    ///
    /// # Errors
    /// The command failed, or printed nothing.
    pub(crate) fn llm_key(&self, name: &str) -> Result<Option<String>, Failure> {
        if let Ok(key) = env::var(name)
            && !key.is_empty()
        {
            return Ok(Some(key));
        }
        let Some(llm) = &self.llm else { return Ok(None) };
        let Some(command) = &llm.key_command else { return Ok(llm.key.clone()) };
        let output = std::process::Command::new("sh").args(["-c", command]).output()?;
        let key = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let said = String::from_utf8_lossy(&output.stderr);
        match output.status {
            status if !status.success() => {
                Err(Failure::input(format_args!("llm.key-command failed ({status}): {}", said.trim())))
            }
            _ if key.is_empty() => {
                Err(Failure::input("llm.key-command printed nothing; it must print the key"))
            }
            _ => Ok(Some(key)),
        }
    }

    /// The folder of all workspaces, unless the engine keeps them; none without a home.
    pub(crate) fn data_root(&self) -> Option<PathBuf> {
        self.data.clone().or_else(|| {
            let data = env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
            Some(data.or_else(|| Some(home()?.join(".local/share")))?.join("workshop"))
        })
    }

    /// Where the LLM's key would come from, without asking for it.
    pub(crate) fn llm_source(&self) -> Option<&'static str> {
        let llm = self.llm.as_ref()?;
        Some(if llm.key_command.is_some() { "llm.key-command" } else { "llm.key" })
    }

    /// Whether the key itself stands in the file.
    pub(crate) fn keeps_key(&self) -> bool {
        self.llm.as_ref().is_some_and(|llm| llm.key.is_some())
    }
}

/// `$XDG_CONFIG_HOME/workshop/config.toml`, by default under `~/.config`.
pub(crate) fn file_path() -> Option<PathBuf> {
    let folder = env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| Some(home()?.join(".config")))?;
    Some(folder.join("workshop/config.toml"))
}

fn home() -> Option<PathBuf> {
    env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from)
}

/// Where clap has a value from, if it has one.
fn origin(matches: &ArgMatches, id: &str) -> Origin {
    match matches.value_source(id) {
        Some(ValueSource::CommandLine) => Origin::Flag,
        Some(ValueSource::EnvVariable) => Origin::Environment,
        _ => Origin::Default,
    }
}

fn prefer<T>(given: Option<T>, origin: Origin, file: Option<T>) -> (Option<T>, Origin) {
    match (given, file) {
        (Some(value), _) => (Some(value), origin),
        (None, Some(value)) => (Some(value), Origin::File),
        (None, None) => (None, Origin::Default),
    }
}

fn read_file(path: &Path) -> Result<File, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => parse(path, &text),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(File::default())
        }
        Err(error) => Err(Failure::input(format_args!("{}: {error}", path.display()))),
    }
}

fn parse(path: &Path, text: &str) -> Result<File, Failure> {
    let wrong = |said: &dyn fmt::Display| Failure::input(format_args!("{}: {said}", path.display()));
    // The message without the line itself: it may hold a key.
    let mut file: File = toml::from_str(text).map_err(|error| match error.span() {
        Some(span) => {
            let line = text[..span.start.min(text.len())].matches('\n').count() + 1;
            wrong(&format_args!("line {line}: {}", error.message().trim()))
        }
        None => wrong(&error.message()),
    })?;
    if let Some(data) = &mut file.data {
        if let (Ok(rest), Some(home)) = (data.strip_prefix("~"), home()) {
            *data = home.join(rest);
        }
        if !data.is_absolute() {
            return Err(wrong(&format_args!("data: {data:?} must be an absolute path, or begin with ~/")));
        }
    }
    if file.llm.as_ref().is_some_and(|llm| llm.key.is_some() && llm.key_command.is_some()) {
        return Err(wrong(&"llm: key and key-command are mutually exclusive; keep one of them"));
    }
    Ok(file)
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
            ("engine = \"lxc\"", "config.toml: line 1: unknown variant `lxc`"),
            ("\nprot = 1", "config.toml: line 2: unknown field `prot`"),
            ("port = 70000", "line 1: invalid value: integer `70000`"),
            ("data = \"here\"", "data: \"here\" must be an absolute path, or begin with ~/"),
            ("[llm]\nkey = \"a\"\nkey-command = \"b\"", "mutually exclusive"),
        ] {
            match parse(path, text) {
                Err(Failure::Input(said)) => assert!(said.contains(expected), "{said}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_key_stays_out_of_every_message() {
        match parse(Path::new("config.toml"), "[llm]\nkey = \"sk-secret\" oops") {
            Err(Failure::Input(said)) => assert!(!said.contains("sk-secret"), "{said}"),
            other => panic!("{other:?}"),
        }
        let llm = Llm { key: Some("sk-secret".into()), key_command: None };
        assert!(!format!("{llm:?}").contains("sk-secret"));
    }
}
