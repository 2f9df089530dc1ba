//! The first container of a workspace: which image, which volume, which port.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use anyhow::{Context as _, anyhow};
use workshop_events::SwitchKind;

use super::target::Target;
use crate::arguments::RunOptions;
use crate::context::Context;
use crate::engine::{Container, Creation, Engine, Labels, Plan, Volume};
use crate::failure::Failure;
use crate::output::Say;
use crate::paint::shown;
use crate::settings::DEFAULT_PORT;
use crate::supervisor::{self, SwitchRequest, Turn, switched_env};
use crate::variables::{ACCESS_TOKEN, INSTRUCTOR_TOKEN, SUPERVISOR_TOKEN};

/// How many names are shown of what is in the way.
const SHOWN_NAMES: usize = 3;

/// Creates and starts it. On a volume with a log it goes on there: at the step that was active, or with a switch.
pub(super) async fn begin(
    engine: &Engine,
    options: &RunOptions,
    target: &Target,
    context: &Context,
    say: Say<'_>,
) -> Result<(), Failure> {
    let workshop = &target.workshop;
    let volume = volume(engine, options, target, context).await?;
    let tag = target.tag.as_deref().unwrap_or("step-0");
    let image = |tag: &str| format!("{}:{tag}", workshop.repository);
    engine.provide(&image(tag), say).await?;
    let active = engine.active_step(&volume, &image(tag)).await?;
    let before = |step: &str| {
        workshop
            .tag_before(step)
            .map(ToOwned::to_owned)
            .with_context(|| format!("the workshop has no step {step:?}"))
    };
    let (tag, step, request) = match (&options.step, active) {
        (Some(step), Some(_)) => (
            before(step)?,
            step.clone(),
            Some(SwitchRequest { id: random(6)?, kind: SwitchKind::Switch, step: step.clone() }),
        ),
        (Some(step), None) => (before(step)?, step.clone(), None),
        // A step that the workshop no longer has: from the beginning, with everything that was done.
        (None, Some(active)) => (before(&active).unwrap_or_else(|_| tag.to_owned()), active, None),
        (None, None) => (tag.to_owned(), workshop.step_after(tag).unwrap_or(tag).to_owned(), None),
    };
    let port = port(context.settings.port)?;
    let env = variables(target, context, request.as_ref())?;
    let (volume, folder) = match volume {
        Volume::Named(name) => (Some(name), None),
        Volume::Folder(folder) => (None, Some(folder.display().to_string())),
    };
    for extra in &workshop.extras {
        engine.provide(&extra.image, say).await?;
    }
    engine.provide(&image(&tag), say).await?;
    let plan = Plan {
        container: format!("workshop-{}", target.name),
        image: image(&tag),
        labels: Labels {
            workspace: target.name.clone(),
            step,
            request: None,
            repository: workshop.repository.clone(),
            port,
            volume,
            folder,
            locks: Some(supervisor::locks().display().to_string()),
        },
        env,
        extras: workshop.extras.clone(),
    };
    let creation = {
        // Whoever finds the container finds the file of its lock, too.
        let _turn = Turn::take(&plan.labels).await?;
        engine.create(&plan).await?
    };
    let container = made(engine, &target.name).await?;
    match (supervisor::start(engine, &container).await, creation) {
        (Ok(()), _) => Ok(()),
        // Not begun at all: nothing is to be kept of it but the volume.
        (Err(error), Creation::Made) => {
            engine.remove(&container).await?;
            Err(error.into())
        }
        // Another `run` was faster: its workspace is this one, and its own to clear away.
        (Err(error), Creation::Exists) => Err(error.into()),
    }
}

/// The variables of its backend: the tokens, the key of an LLM, and what it is begun for.
fn variables(
    target: &Target,
    context: &Context,
    request: Option<&SwitchRequest>,
) -> Result<Vec<(String, String)>, Failure> {
    let mut variables = Vec::new();
    for name in [ACCESS_TOKEN, INSTRUCTOR_TOKEN, SUPERVISOR_TOKEN] {
        variables.push((name.to_owned(), random(16)?));
    }
    if let Some(name) = &target.workshop.llm_key
        && (target.tag.is_none() || may_be_asked_for(name))
        && let Some(key) = context.settings.llm_key(name)?
    {
        variables.push((name.clone(), key));
    }
    Ok(match request {
        Some(request) => switched_env(&variables, request),
        None => variables,
    })
}

/// Whether an image of somebody else's may name this variable as the one with the key: any other one may hold another
/// secret of whoever runs it.
fn may_be_asked_for(variable: &str) -> bool {
    variable.starts_with("WORKSHOP_LLM_") || matches!(variable, "ANTHROPIC_API_KEY" | "OPENAI_API_KEY")
}

async fn made(engine: &Engine, name: &str) -> Result<Container, Failure> {
    let mut containers = engine.containers_of(name).await?;
    containers.pop().ok_or_else(|| {
        Failure::Failed(anyhow!("a container named workshop-{name} is in the way; it is not a workspace's"))
    })
}

/// The volume to begin on. `--fresh` takes the first name that is free, so that every old one is kept.
async fn volume(
    engine: &Engine,
    options: &RunOptions,
    target: &Target,
    context: &Context,
) -> Result<Volume, Failure> {
    let first = match (&options.data, &context.settings.data, engine) {
        (Some(folder), _, _) => Volume::Folder(std::path::absolute(folder)?),
        (None, Some(data), Engine::Containers(_)) => {
            Volume::Folder(std::path::absolute(data)?.join(&target.name))
        }
        _ => engine.default_log(&target.name),
    };
    if let Volume::Folder(folder) = &first {
        check_folder(folder)?;
    }
    if !options.fresh {
        return Ok(first);
    }
    let numbered = |number: u32| match &first {
        Volume::Named(name) => Volume::Named(format!("{name}-{number}")),
        Volume::Folder(folder) => {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            Volume::Folder(folder.with_file_name(format!("{name}-{number}")))
        }
    };
    let mut volume = first.clone();
    for number in 2.. {
        if is_free(engine, &volume).await? {
            break;
        }
        volume = numbered(number);
    }
    Ok(volume)
}

/// Whether nothing is on a volume, so that a new log can begin there.
async fn is_free(engine: &Engine, volume: &Volume) -> Result<bool, Failure> {
    Ok(match volume {
        Volume::Named(_) => !engine.has_log(volume).await?,
        Volume::Folder(folder) => workshop_journal::contents_of(folder)
            .is_ok_and(|found| found.log.is_empty() && found.foreign.is_empty()),
    })
}

/// A folder that holds anything but a log is not a log's: its user keeps other things there.
fn check_folder(folder: &Path) -> Result<(), Failure> {
    let found = workshop_journal::contents_of(folder);
    let foreign =
        found.map_err(|error| Failure::input(format_args!("{}: {error}", folder.display())))?.foreign;
    if foreign.is_empty() {
        return Ok(());
    }
    let mut names: Vec<String> = foreign.iter().map(|name| shown(&name.to_string_lossy())).collect();
    if names.len() > SHOWN_NAMES {
        let more = names.split_off(SHOWN_NAMES).len();
        names.push(format!("and {more} more"));
    }
    Err(Failure::input(format_args!(
        "{} holds something that is not a log: {}. A log has its folder for itself: name a new or an empty one with \
         --data, such as {}",
        folder.display(),
        names.join(", "),
        folder.join("log").display()
    )))
}

/// The port, asked for now, so that one that is taken is one clear message; 0 takes a free one.
pub(super) fn port(wished: Option<u16>) -> Result<u16, Failure> {
    let port = wished.unwrap_or(DEFAULT_PORT);
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(listener) => Ok(listener.local_addr()?.port()),
        Err(error) => Err(Failure::input(format_args!(
            "port {port} cannot be used ({error}); choose another with --port, or 0 for any that is free"
        ))),
    }
}

/// So many random bytes, in hex.
pub(super) fn random(bytes: usize) -> Result<String, Failure> {
    let mut random = vec![0; bytes];
    getrandom::fill(&mut random).map_err(|error| anyhow!("no random numbers: {error}"))?;
    Ok(hex::encode(random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_gets_no_secret_but_a_key_of_an_llm() {
        for (variable, expected) in [
            ("WORKSHOP_LLM_API_KEY", true),
            ("OPENAI_API_KEY", true),
            ("AWS_SECRET_ACCESS_KEY", false),
            ("HOME", false),
            ("", false),
        ] {
            assert_eq!(may_be_asked_for(variable), expected, "{variable}");
        }
    }
}
