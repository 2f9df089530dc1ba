//! The settings: flag, then `WORKSHOP_*`, then `~/.config/workshop/config.toml`.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

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
    /// The file cannot be read, or it or a variable has something wrong in it.
    pub(crate) fn read(arguments: &Arguments) -> Result<Self, Failure> {
        let file = match file_path() {
            Some(path) => read_file(&path)?,
            None => File::default(),
        };
        // clap has read the variable already when there was no flag.
        let engine_flag = flag_given("--engine");
        let engine = match (arguments.engine, file.engine) {
            (Some(engine), _) => (engine, if engine_flag { Origin::Flag } else { Origin::Environment }),
            (None, Some(engine)) => (engine, Origin::File),
            (None, None) => (EngineChoice::default(), Origin::Default),
        };
        let port = variable("WORKSHOP_PORT").map(|text| port_of(&text)).transpose()?;
        let (port, port_origin) = prefer(port, file.port);
        let (data, data_origin) = prefer(variable("WORKSHOP_DATA").map(PathBuf::from), file.data);
        Ok(Self {
            engine: engine.0,
            port,
            data,
            origins: Origins { engine: engine.1, port: port_origin, data: data_origin },
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

/// A variable that is set to something.
fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// Whether a flag is on the command line itself.
pub(crate) fn flag_given(flag: &str) -> bool {
    env::args_os()
        .filter_map(|argument| argument.into_string().ok())
        .take_while(|argument| argument != "--")
        .any(|argument| argument.split('=').next() == Some(flag))
}

fn prefer<T>(environment: Option<T>, file: Option<T>) -> (Option<T>, Origin) {
    match (environment, file) {
        (Some(value), _) => (Some(value), Origin::Environment),
        (None, Some(value)) => (Some(value), Origin::File),
        (None, None) => (None, Origin::Default),
    }
}

fn port_of(text: &OsString) -> Result<u16, Failure> {
    text.to_str().and_then(|text| text.trim().parse().ok()).ok_or_else(|| {
        Failure::input(format_args!(
            "WORKSHOP_PORT is {text:?}; write a port, 0 to 65535, where 0 takes a free one"
        ))
    })
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
