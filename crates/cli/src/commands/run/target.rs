//! What is to be run: a folder that is compiled first, or an image as it is.

use std::path::Path;

use anyhow::anyhow;

use crate::arguments::RunOptions;
use crate::commands::validate;
use crate::context::Context;
use crate::engine::{Engine, is_name, split_reference};
use crate::failure::Failure;
use crate::image::{self, Description};

/// A workshop that can be run.
pub(super) struct Target {
    /// The workspace's name.
    pub(super) name: String,
    /// What its images say of it.
    pub(super) workshop: Description,
    /// The tag to begin at, when the command line names an image with one.
    pub(super) tag: Option<String>,
}

/// A folder is compiled, an image is pulled if it is not here.
pub(super) async fn resolve(
    options: &RunOptions,
    engine: &Engine,
    context: &Context,
) -> Result<Target, Failure> {
    let path = Path::new(&options.target);
    let (workshop, tag) = if path.is_dir() {
        (folder(path, options, engine, context).await?, None)
    } else {
        let (workshop, tag) = described(&options.target, engine, context).await?;
        (workshop, Some(tag))
    };
    if let Some(step) = &options.step
        && !workshop.steps.contains(step)
    {
        return Err(Failure::input(format_args!(
            "no step {step:?}; there are: {}",
            workshop.steps.join(", ")
        )));
    }
    let name = match &options.name {
        Some(name) if is_name(name) => name.clone(),
        Some(name) => {
            return Err(Failure::input(format_args!(
                "--name {name:?}: a name has lowercase letters, digits and hyphens, at most 63"
            )));
        }
        None => name_of(&workshop.repository)?,
    };
    Ok(Target { name, workshop, tag })
}

async fn folder(
    path: &Path,
    options: &RunOptions,
    engine: &Engine,
    context: &Context,
) -> Result<Description, Failure> {
    let definition = validate::load(path, context.output)?;
    match engine {
        Engine::Sandboxes(_) => {
            let repository = std::path::absolute(path)?.display().to_string();
            Ok(Description { repository, ..Description::of(&definition) })
        }
        Engine::Containers(containers) => {
            let asked = image::Options { inject: options.inject, ..image::Options::default() };
            image::compile(path, &definition, containers, &asked, context.output).await?;
            Ok(Description::of(&definition))
        }
    }
}

async fn described(
    target: &str,
    engine: &Engine,
    context: &Context,
) -> Result<(Description, String), Failure> {
    if matches!(engine, Engine::Sandboxes(_)) {
        return Err(Failure::input(format_args!(
            "no folder {target:?}; in a sandbox a workshop's folder is run, not an image"
        )));
    }
    if target.starts_with(['.', '/']) {
        return Err(Failure::input(format_args!("no folder {target:?}")));
    }
    let progress = context.output.progress(format!("Looking for {target}"));
    engine.provide(target, &|line| progress.now(line)).await.map_err(|error| {
        Failure::Failed(error.context(format!("{target:?} is neither a folder nor an image to be had")))
    })?;
    let workshop = engine.describe(target).await?.ok_or_else(|| {
        Failure::Failed(anyhow!("the image {target} is no step of a workshop: it lacks the labels that `workshop build compile` gives"))
    })?;
    let (repository, tag) = split_reference(target);
    // The images of the same workshop are beside this one, whatever they were called when they were built.
    Ok((Description { repository: repository.to_owned(), ..workshop }, tag.to_owned()))
}

/// The workspace's name: the last part of the repository, as far as a name can have it.
fn name_of(repository: &str) -> Result<String, Failure> {
    let last = repository.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = last.chars().map(plain).collect();
    let name = name.trim_matches('-');
    if is_name(name) {
        Ok(name.to_owned())
    } else {
        Err(Failure::input(format_args!(
            "{repository:?} gives no name for the workspace; choose one with --name"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_last_part_of_the_repository() {
        for (repository, expected) in [
            ("localhost/hello-linux", "hello-linux"),
            ("registry:5000/team/K8s_101", "k8s-101"),
            ("/home/me/workshops/git.basics/", "git-basics"),
        ] {
            assert_eq!(name_of(repository).unwrap(), expected);
        }
        assert!(name_of("/").is_err());
    }
}
