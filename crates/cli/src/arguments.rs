//! The command line.

use std::env;
use std::path::PathBuf;

use clap::builder::Resettable;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// Hands-on workshops: build one image per step, run them, and never lose a student's progress.
#[derive(Debug, Parser)]
#[command(name = "workshop", version, arg_required_else_help = true, disable_help_subcommand = true)]
pub struct Arguments {
    /// How results are printed.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Format,
    /// What runs the containers.
    #[arg(long, global = true, value_enum, env = "WORKSHOP_ENGINE")]
    pub engine: Option<EngineChoice>,
    /// The folder of all workspaces: of sandboxes, and of logs instead of volumes.
    #[arg(long, global = true, value_name = "DIR", env = "WORKSHOP_DATA")]
    pub data_root: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Arguments {
    /// Reads the command line and the variables, or ends the program with what is wrong in them. The matches say which of
    /// the two a value came from.
    pub fn read() -> (Self, ArgMatches) {
        let matches = without_empty_variables(Self::command()).get_matches();
        match Self::from_arg_matches(&matches) {
            Ok(arguments) => (arguments, matches),
            Err(error) => error.exit(),
        }
    }
}

/// A variable that is set to nothing is not set.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let command = command.mut_args(|argument| {
        let value = argument.get_env().and_then(env::var_os);
        if value.is_some_and(|value| value.is_empty()) { argument.env(Resettable::Reset) } else { argument }
    });
    command.mut_subcommands(without_empty_variables)
}

/// How results are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For machines: one JSON document, or one a line where it goes on.
    Json,
}

/// What runs the containers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineChoice {
    /// `DOCKER_HOST`, else Docker, else Podman: the first that answers.
    #[default]
    Auto,
    /// Docker.
    Docker,
    /// Podman, by its Docker-compatible socket.
    Podman,
    /// No container engine: bubblewrap, on this machine's own programs.
    Sandbox,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a workshop: a folder is compiled first, an image is run as it is.
    Run(RunOptions),
    /// List the workspaces, with their addresses.
    List,
    /// Stop a workspace; `run` goes on with it.
    Stop(Named),
    /// Replace the workspace by the image in which STEP begins.
    Switch(StepOf),
    /// Begin STEP again, in a fresh image.
    Reset(StepOf),
    /// Show what a workspace's backend says.
    Logs(LogsOptions),
    /// Remove a workspace; its progress stays unless --data says otherwise.
    Rm(RmOptions),
    /// Check a workshop.yaml, and name every problem in it.
    Validate(Workshop),
    /// Begin a new workshop, in a folder of its own.
    Init(InitOptions),
    /// Build the images of a workshop.
    #[command(subcommand)]
    Build(Build),
    /// Play the recordings of a log, or show the state at a moment.
    Replay(ReplayOptions),
    /// Audit a log: gaps, torn lines, times, checksums.
    Verify(Log),
    /// Say what was found on this machine, and what is missing.
    Doctor(PortOption),
    /// Print the completions of a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write the man pages into a folder.
    Man {
        /// The folder.
        folder: PathBuf,
    },
}

/// `workshop build …`
#[derive(Debug, Subcommand)]
pub enum Build {
    /// Build one image per step.
    Compile(CompileOptions),
    /// Say which images are built, stale or missing.
    Status(Workshop),
}

/// A workshop's folder.
#[derive(Debug, Args)]
pub struct Workshop {
    /// The folder with the workshop.yaml.
    #[arg(default_value = ".")]
    pub path: PathBuf,
}

/// A workspace's name.
#[derive(Debug, Args)]
pub struct Named {
    /// The workspace, as `workshop list` names it.
    pub name: String,
}

/// A step of a workspace.
#[derive(Debug, Args)]
pub struct StepOf {
    /// The workspace, as `workshop list` names it.
    pub name: String,
    /// The id of the step.
    pub step: String,
}

/// `workshop run`
#[derive(Debug, Args)]
pub struct RunOptions {
    /// A workshop's folder, or an image.
    pub target: String,
    /// Begin at this step.
    #[arg(long, value_name = "ID")]
    pub step: Option<String>,
    /// The port.
    #[command(flatten)]
    pub port: PortOption,
    /// Keep the log in this folder instead of a volume.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Begin anew on a new volume; the old one is kept.
    #[arg(long)]
    pub fresh: bool,
    /// The workspace's name, instead of the workshop's.
    #[arg(long)]
    pub name: Option<String>,
    /// Do not open the browser.
    #[arg(long)]
    pub no_open: bool,
    /// Return once it runs, instead of watching over it.
    #[arg(long, short)]
    pub detach: bool,
    /// Copy the platform's parts into a base that lacks them.
    #[arg(long)]
    pub inject: bool,
}

/// The port of a workspace.
#[derive(Debug, Args)]
pub struct PortOption {
    /// The port on 127.0.0.1; 0 takes a free one. A workspace that is there moves to it.
    #[arg(long, env = "WORKSHOP_PORT")]
    pub port: Option<u16>,
}

/// `workshop logs`
#[derive(Debug, Args)]
pub struct LogsOptions {
    /// The workspace, as `workshop list` names it.
    pub name: String,
    /// Keep printing new output as it arrives.
    #[arg(long, short)]
    pub follow: bool,
}

/// `workshop rm`
#[derive(Debug, Args)]
pub struct RmOptions {
    /// The workspace, as `workshop list` names it.
    pub name: String,
    /// Remove the log volume too: all progress and recordings.
    #[arg(long)]
    pub data: bool,
}

/// `workshop init`
#[derive(Debug, Args)]
pub struct InitOptions {
    /// The new folder; its last part is the workshop's name.
    pub name: PathBuf,
}

/// `workshop build compile`
#[derive(Debug, Args)]
pub struct CompileOptions {
    /// The folder with the workshop.yaml.
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// Build this step and those after it.
    #[arg(long, value_name = "ID")]
    pub from_step: Option<String>,
    /// Push every image to its registry.
    #[arg(long)]
    pub push: bool,
    /// Copy the platform's parts into a base that lacks them.
    #[arg(long)]
    pub inject: bool,
}

/// `workshop replay`
#[derive(Debug, Args)]
pub struct ReplayOptions {
    /// A log's folder, or the name of a workspace.
    pub log: String,
    /// Print the state at this moment instead (RFC 3339).
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// Play this recording instead of choosing the last one.
    #[arg(long, value_name = "NAME")]
    pub recording: Option<String>,
    /// Playback speed multiplier.
    #[arg(long, default_value_t = 1.0)]
    pub speed: f64,
    /// Pauses are at most this long, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0)]
    pub idle: f64,
}

/// A log.
#[derive(Debug, Args)]
pub struct Log {
    /// A log's folder, or the name of a workspace.
    pub log: String,
}
