//! Compiling: base, recipe, one build for each image that is not there, tags, lock, push.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use anyhow::anyhow;
use bollard::query_parameters::TagImageOptionsBuilder;
use bytes::Bytes;
use serde::Serialize;
use workshop_definition::Definition;

use super::base::{self, full_id};
use super::builder::{self, Broken, Build};
use super::containerfile::{self, BEGINNING, CONTAINERFILE, Place, Recipe};
use super::lock::{self, Freshness, Lock, Sources};
use super::{Parts, credentials, inject, push};
use crate::engine::Containers;
use crate::failure::Failure;
use crate::output::{Output, Progress};

/// The tag of a bare run.
pub(super) const LATEST: &str = "latest";
/// How much of a command is shown while it runs, in characters.
const SHOWN_COMMAND: usize = 100;

/// What is asked of a compile.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// Begin at this step; the tags before it stay as they are.
    pub(crate) from_step: Option<String>,
    /// Push what is there in the end.
    pub(crate) push: bool,
    /// Copy the parts into a base that lacks them.
    pub(crate) inject: bool,
}

/// What a compile did.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Compiled {
    /// The repository of the images.
    pub(crate) image: String,
    /// The id of the base.
    pub(crate) base: String,
    /// The images in order.
    pub(crate) tags: Vec<Tag>,
    /// The commands that were run; those that the layer cache had were not.
    pub(crate) commands: Vec<Ran>,
}

/// An image.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Tag {
    /// The tag, without the repository.
    pub(crate) tag: String,
    /// The image's id.
    pub(crate) id: String,
    /// Whether the tag is another image than before.
    pub(crate) built: bool,
    /// Its digest in the registry, if it was pushed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) digest: Option<String>,
}

/// A command that was run.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ran {
    /// The step's id.
    pub(crate) step: String,
    /// Counted from 1.
    pub(crate) command: usize,
}

/// Builds what is missing or stale of a workshop's images.
///
/// # Errors
/// The base cannot be had or lacks parts, or a command of a step fails. What was built before that is tagged and noted.
pub(crate) async fn compile(
    path: &Path,
    definition: &Definition,
    containers: &Containers,
    options: &Options,
    output: Output,
) -> Result<Compiled, Failure> {
    let recipe = Recipe::of(definition)?;
    let tags: Vec<&str> = recipe.tags().collect();
    let first = match &options.from_step {
        None => 0,
        Some(step) => tags.iter().position(|tag| tag == step).ok_or_else(|| {
            Failure::input(format_args!("--from-step: no step {step:?}; there are: {}", tags[1..].join(", ")))
        })?,
    };
    if options.push {
        push::check(&definition.image)?;
    }
    let base = base::provide(&definition.base, containers, output).await?;
    let lock_path = lock::path(path);
    let mut compile = Compile {
        definition,
        containers,
        output,
        lock: Lock::read(&lock_path)?,
        lock_path: &lock_path,
        container_file: base::hash(&definition.base)?,
        base,
        recipe: &recipe,
        commands: RefCell::default(),
    };
    let freshness = compile.freshness(&tags, first).await?;
    let mut compiled = Vec::new();
    if freshness.iter().any(|of_tag| *of_tag != Freshness::Built) {
        let (base, parts) = compile.base(options).await?;
        let context = Bytes::from(recipe.context(&base)?);
        for (offset, of_tag) in freshness.iter().enumerate() {
            compiled.push(match of_tag {
                Freshness::Built => compile.unchanged(tags[first + offset])?,
                _ => compile.build(first + offset, tags[first + offset], &context, parts.clone()).await?,
            });
        }
    } else {
        for tag in &tags[first..] {
            compiled.push(compile.unchanged(tag)?);
        }
    }
    if first == 0 {
        compiled.push(compile.latest().await?);
    }
    compile.keep(&tags);
    if options.push {
        compile.push(&mut compiled).await?;
    }
    let commands = compile.commands.into_inner().into_iter().collect();
    Ok(Compiled { image: definition.image.clone(), base: compile.base.id, tags: compiled, commands })
}

/// A compile that goes on.
struct Compile<'a> {
    definition: &'a Definition,
    containers: &'a Containers,
    output: Output,
    lock: Lock,
    lock_path: &'a Path,
    container_file: Option<String>,
    base: base::Found,
    recipe: &'a Recipe,
    commands: RefCell<BTreeSet<Ran>>,
}

impl Compile<'_> {
    fn name(&self, tag: &str) -> String {
        format!("{}:{tag}", self.definition.image)
    }

    fn sources(&self, number: usize, parts: Option<String>) -> Sources {
        Sources {
            base: Some(self.base.id.clone()),
            container_file: self.container_file.clone(),
            parts,
            recipe: self.recipe.hash(number),
            artifact: self.recipe.artifact_hash(),
        }
    }

    /// Whether each tag is up to date, from the first that is asked for.
    async fn freshness(&self, tags: &[&str], first: usize) -> Result<Vec<Freshness>, Failure> {
        let parts = Parts::find().ok().and_then(|parts| inject::parts_hash(&parts).ok());
        let mut found = Vec::new();
        for (number, tag) in tags.iter().enumerate().skip(first) {
            let image = image_id(self.containers, &self.name(tag)).await?;
            found.push(self.lock.freshness(tag, image.as_deref(), &self.sources(number, parts.clone())));
        }
        Ok(found)
    }

    /// The base to build on, with all parts, and the hash of those that were copied in.
    async fn base(&self, options: &Options) -> Result<(String, Option<String>), Failure> {
        let docker = self.containers.docker();
        let contents = self.base.look(docker).await?;
        if contents.is_complete() {
            if let Some(warning) = self.base.warning() {
                self.output.note(&warning);
            }
            return Ok((self.base.id.clone(), None));
        }
        if !options.inject || !contents.can_be_completed() {
            return Err(self.base.refusal(&contents));
        }
        let parts = Parts::find()?;
        let _progress =
            self.output.progress(format!("Copying the platform's parts into the base {}", self.base.name));
        let id = inject::inject(&self.base, &contents, &parts, docker).await?;
        Ok((full_id(&id), Some(inject::parts_hash(&parts)?)))
    }

    fn unchanged(&self, tag: &str) -> Result<Tag, Failure> {
        let entry = self.lock.entry(tag).ok_or_else(|| anyhow!("the lock has no {tag}"))?;
        Ok(Tag { tag: tag.to_owned(), id: entry.image.clone(), built: false, digest: entry.digest.clone() })
    }

    async fn build(
        &mut self,
        number: usize,
        tag: &str,
        context: &Bytes,
        parts: Option<String>,
    ) -> Result<Tag, Failure> {
        let name = self.name(tag);
        let before = image_id(self.containers, &name).await?;
        let progress = self.output.progress(format!("Building {name}"));
        let say = |instruction: &str| self.say(instruction, &progress);
        let build = Build {
            context: context.clone(),
            containerfile: CONTAINERFILE,
            target: &containerfile::target(number),
            name: &name,
            arguments: self.recipe.arguments.clone(),
            ..Build::default()
        };
        let outcome = builder::build(self.containers.docker(), build, &say)
            .await
            .map_err(|broken| self.failure(tag, &broken))?;
        for instruction in &outcome.done {
            if let Some(Place::Command { step, number, .. }) = self.recipe.place(instruction) {
                self.commands.borrow_mut().insert(Ran { step, command: number });
            }
        }
        let id = full_id(&outcome.id);
        let built = before.as_deref() != Some(&id);
        self.lock.note(tag, &id, &self.sources(number, parts));
        // Now, so that what comes after may fail.
        self.write();
        let digest = self.lock.entry(tag).and_then(|entry| entry.digest.clone());
        Ok(Tag { tag: tag.to_owned(), id, built, digest })
    }

    fn say(&self, instruction: &str, progress: &Progress) {
        if let Some(Place::Command { step, number, command }) = self.recipe.place(instruction) {
            let line: String = command.split_whitespace().collect::<Vec<_>>().join(" ");
            let shown: String = line.chars().filter(|c| !c.is_control()).take(SHOWN_COMMAND).collect();
            progress.now(format!("  {step}, command {number}: {shown}"));
        }
    }

    /// What failed, in the author's words.
    fn failure(&self, tag: &str, broken: &Broken) -> Failure {
        let printed = if broken.output.is_empty() { String::new() } else { format!("\n{}", broken.output) };
        let how =
            broken.exit_code().map_or_else(|| broken.reason.clone(), |code| format!("exit code {code}"));
        let error = match self.recipe.place(&broken.instruction) {
            Some(Place::Command { step, number, command }) => {
                anyhow!("step {step}: command {number} failed ({how}): {}{printed}", command.trim_end())
            }
            Some(Place::Part { step, part: "sudo" }) => anyhow!("step {step}: sudo{printed}"),
            Some(Place::Part { step, part: "files" }) => {
                anyhow!("step {step}: its files cannot be put into the image: {}{printed}", broken.reason)
            }
            Some(Place::Part { step, .. }) => {
                anyhow!("step {step}: /workspace cannot be given to the student ({how}){printed}")
            }
            None if broken.instruction.is_empty() => {
                anyhow!("{} cannot be built: {}", self.name(tag), broken.reason)
            }
            None => {
                anyhow!(
                    "{} cannot be built: {}: {}{printed}",
                    self.name(tag),
                    broken.instruction,
                    broken.reason
                )
            }
        };
        Failure::Failed(error)
    }

    /// Tags the beginning once more.
    async fn latest(&mut self) -> Result<Tag, Failure> {
        let beginning = self.unchanged(BEGINNING)?;
        let before = image_id(self.containers, &self.name(LATEST)).await?;
        let built = before.as_deref() != Some(&beginning.id);
        if built {
            let options = TagImageOptionsBuilder::default().repo(&self.definition.image).tag(LATEST).build();
            self.containers.docker().tag_image(&self.name(BEGINNING), Some(options)).await?;
        }
        if let Some(sources) = self.lock.entry(BEGINNING).map(|entry| entry.sources.clone()) {
            self.lock.note(LATEST, &beginning.id, &sources);
        }
        let digest = self.lock.entry(LATEST).and_then(|entry| entry.digest.clone());
        Ok(Tag { tag: LATEST.to_owned(), id: beginning.id, built, digest })
    }

    fn keep(&mut self, tags: &[&str]) {
        let mut all = tags.to_vec();
        all.push(LATEST);
        self.lock.keep(&all);
        self.write();
    }

    /// Writes the lock. Where it cannot be, images are built anew each time, which the layer cache makes short.
    fn write(&self) {
        if Lock::read(self.lock_path).is_ok_and(|known| known == self.lock) {
            return;
        }
        if let Err(error) = self.lock.write(self.lock_path) {
            self.output.note(&format!("warning: {} cannot be written: {error:#}", self.lock_path.display()));
        }
    }

    async fn push(&mut self, tags: &mut [Tag]) -> Result<(), Failure> {
        let repository = &self.definition.image;
        let credentials = credentials::find(repository, self.containers.product()).await?;
        for tag in tags {
            let _progress = self.output.progress(format!("Pushing {}", self.name(&tag.tag)));
            let docker = self.containers.docker();
            let digest = push::push(docker, repository, &tag.tag, credentials.clone()).await?;
            self.lock.pushed(&tag.tag, &digest);
            tag.digest = Some(digest);
            self.write();
        }
        Ok(())
    }
}

/// The id of an image that the engine has.
pub(super) async fn image_id(containers: &Containers, name: &str) -> Result<Option<String>, Failure> {
    match containers.docker().inspect_image(name).await {
        Ok(image) => Ok(image.id.map(|id| full_id(&id))),
        Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
