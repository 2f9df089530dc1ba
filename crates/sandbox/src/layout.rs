//! Laying out a sandbox's workspace: the files and commands of the steps that are done already.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use workshop_definition::{Definition, Step, StepFile};

use crate::error::SandboxError;
use crate::folder::write_environment;
use crate::host::Programs;
use crate::inside::STUDENT_HOME;
use crate::launcher::Launcher;
use crate::program::{Exit, Pipes, Program, RunAs};
use crate::sandbox::Sandbox;

/// How much of a failed command's output is shown, in bytes; its end, where errors are.
const SHOWN_OUTPUT: usize = 4096;

/// Why a workspace could not be laid out.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// The sandbox itself.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// A file goes where a sandbox has nothing of its own.
    #[error(
        "step {step}: file {target}: a sandbox has only /workspace and {STUDENT_HOME} to put files into; this \
         workshop needs a container"
    )]
    Outside {
        /// The step's id.
        step: String,
        /// Where the file should go.
        target: String,
    },
    /// A file cannot be written.
    #[error("step {step}: file {target} cannot be written: {reason}")]
    File {
        /// The step's id.
        step: String,
        /// Where the file should go.
        target: String,
        /// Why.
        reason: String,
    },
    /// The step gives the student root's rights.
    #[error("step {step}: sudo: there is no root in a sandbox; this workshop needs a container")]
    Sudo {
        /// The step's id.
        step: String,
    },
    /// A command failed or could not be started.
    #[error("step {step}: command failed ({outcome}): {command}\n{output}")]
    Command {
        /// The step's id.
        step: String,
        /// The command.
        command: String,
        /// Its exit, or why it was not started.
        outcome: String,
        /// The end of what it printed.
        output: String,
    },
}

/// Puts the files of the first `done` steps into a sandbox's folder, runs their commands inside, as the student, and
/// writes down their variables.
/// For a fresh folder: what is there stays. Blocks; not to be called from asynchronous code.
///
/// # Errors
/// A step needs more than a sandbox has, or a command fails. The folder is then of no use.
pub fn lay_out(
    definition: &Definition,
    done: usize,
    folder: &Path,
    programs: &Programs,
) -> Result<(), LayoutError> {
    let steps = &definition.steps[..done.min(definition.steps.len())];
    if let Some(step) = steps.iter().find(|step| step.sudo) {
        return Err(LayoutError::Sudo { step: step.id.clone() });
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(SandboxError::Io)?;
    runtime.block_on(async {
        let launcher = Launcher::Sandbox(Sandbox::start(folder, programs).await?);
        for (index, step) in steps.iter().enumerate() {
            for file in &step.files {
                put(&launcher, step, file).await?;
            }
            let environment = definition.environment(index);
            for command in &step.commands {
                run(&launcher, step, &environment, command).await?;
            }
        }
        let environment = done.checked_sub(1).map(|last| definition.environment(last)).unwrap_or_default();
        write_environment(folder, &environment).map_err(SandboxError::Io)?;
        Ok(())
    })
}

/// Writes one file, from the inside: there a link that a command left behind leads nowhere on the host.
async fn put(launcher: &Launcher, step: &Step, file: &StepFile) -> Result<(), LayoutError> {
    let target = Path::new(&file.target);
    if !["/workspace", STUDENT_HOME].iter().any(|root| target.starts_with(root)) {
        return Err(LayoutError::Outside { step: step.id.clone(), target: file.target.clone() });
    }
    let failed = |reason| LayoutError::File { step: step.id.clone(), target: file.target.clone(), reason };
    let mode = format!("{:o}", file.mode);
    let script = "mkdir -p -- \"${1%/*}\" && rm -f -- \"$1\" && cat > \"$1\" && chmod \"$2\" \"$1\"";
    let shell = inside(launcher, &[], &["/bin/sh", "-c", script, "put", &file.target, &mode]);
    let (exit, output) =
        finish(launcher, &shell, &file.content).await.map_err(|error| failed(error.to_string()))?;
    if exit.code == Some(0) { Ok(()) } else { Err(failed(output)) }
}

/// Runs one command in `/workspace`, as an image build does.
async fn run(
    launcher: &Launcher,
    step: &Step,
    environment: &[(&str, &str)],
    command: &str,
) -> Result<(), LayoutError> {
    let failed = |outcome, output| LayoutError::Command {
        step: step.id.clone(),
        command: command.to_owned(),
        outcome,
        output,
    };
    let shell = inside(launcher, environment, &["/bin/sh", "-c", command]);
    let (exit, output) =
        finish(launcher, &shell, &[]).await.map_err(|error| failed(error.to_string(), String::new()))?;
    match exit {
        Exit { code: Some(0), .. } => Ok(()),
        Exit { code: Some(code), .. } => Err(failed(format!("exit code {code}"), output)),
        Exit { signal, .. } => Err(failed(format!("signal {}", signal.unwrap_or_default()), output)),
    }
}

fn inside(launcher: &Launcher, environment: &[(&str, &str)], argv: &[&str]) -> Program {
    let mut env = launcher.base_env();
    env.extend(environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Program {
        argv: argv.iter().map(|&argument| argument.to_owned()).collect(),
        env,
        cwd: "/workspace".into(),
        run_as: RunAs::Student,
    }
}

/// Runs a program to its end: its exit, and the end of all it printed.
async fn finish(launcher: &Launcher, program: &Program, input: &[u8]) -> io::Result<(Exit, String)> {
    let (Pipes { stdin, stdout, stderr }, mut running) = launcher.spawn_with_pipes(program).await?;
    let feed = async {
        // A program that does not want all of its input says with its exit whether that is wrong.
        let _ = pipe::Sender::from_owned_fd(stdin)?.write_all(input).await;
        io::Result::Ok(())
    };
    let (fed, printed, complained) = tokio::join!(feed, tail(stdout), tail(stderr));
    fed?;
    let mut output = printed?;
    output.extend(complained?);
    Ok((running.wait().await?, String::from_utf8_lossy(&output).trim().to_owned()))
}

/// The last [`SHOWN_OUTPUT`] bytes of all that comes through a pipe.
async fn tail(pipe: OwnedFd) -> io::Result<Vec<u8>> {
    let mut pipe = pipe::Receiver::from_owned_fd(pipe)?;
    let mut end = Vec::new();
    while pipe.read_buf(&mut end).await? > 0 {
        let surplus = end.len().saturating_sub(SHOWN_OUTPUT);
        end.drain(..surplus);
    }
    Ok(end)
}
