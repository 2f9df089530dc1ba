//! The commands, a file each.

mod casts;
mod compile;
mod completions;
mod doctor;
mod init;
mod list;
mod log_folder;
mod logs;
mod replay;
mod rm;
mod run;
mod status;
mod stop;
mod switch;
mod validate;
mod verify;
mod workspace;

use workshop_events::SwitchKind;

use crate::arguments::{Build, Command};
use crate::context::Context;
use crate::failure::Failure;

/// Runs one command.
pub(crate) async fn run(command: &Command, context: &Context) -> Result<(), Failure> {
    match command {
        Command::Run(options) => run::run(options, context).await,
        Command::List => list::run(context).await,
        Command::Stop(named) => stop::run(named, context).await,
        Command::Switch(step) => switch::run(step, SwitchKind::Switch, context).await,
        Command::Reset(step) => switch::run(step, SwitchKind::Reset, context).await,
        Command::Logs(options) => logs::run(options, context).await,
        Command::Rm(options) => rm::run(options, context).await,
        Command::Validate(workshop) => validate::run(workshop, context),
        Command::Init(options) => init::run(options, context),
        Command::Build(Build::Compile(options)) => compile::run(options, context).await,
        Command::Build(Build::Status(workshop)) => status::run(workshop, context).await,
        Command::Replay(options) => replay::run(options, context).await,
        Command::Verify(log) => verify::run(log, context).await,
        Command::Doctor(_) => doctor::run(context).await,
        Command::Completions { shell } => completions::print(*shell),
        Command::Man { folder } => completions::man(folder),
    }
}
