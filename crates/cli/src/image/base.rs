//! What the images are built on: there, or built first; and whether it has the platform's parts.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, ImageConfig};
use bollard::query_parameters::{
    ContainerArchiveInfoOptionsBuilder, DownloadFromContainerOptionsBuilder, RemoveContainerOptionsBuilder,
};
use bytes::Bytes;
use futures_util::StreamExt;
use workshop_definition::Base;

use super::{archive, builder, credentials};
use crate::engine::{Containers, Engine};
use crate::failure::Failure;
use crate::output::Output;

/// The label with the version of the platform's parts.
pub(super) const VERSION_LABEL: &str = "org.opencontainers.image.version";
/// This program's version; the parts have the same.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The shell that runs the author's commands.
const SHELL: &str = "/bin/sh";
/// The platform's files in a base, and the name of each among the parts.
pub(super) const FILES: [(&str, &str); 5] = [
    ("/sbin/tini", "tini"),
    ("/usr/local/bin/workshop-backend", "workshop-backend"),
    ("/usr/local/bin/goss", "goss"),
    ("/etc/workshop-platform.bashrc", "workshop-platform.bashrc"),
    ("/etc/workshop-platform.zsh/.zshrc", "workshop-platform.zshrc"),
];

/// A base that the engine has.
#[derive(Debug)]
pub(super) struct Found {
    /// How the author calls it.
    pub(super) name: String,
    /// The engine's id of it.
    pub(super) id: String,
    config: ImageConfig,
}

/// What of the platform's a base has.
#[derive(Debug, Default)]
pub(super) struct BaseContents {
    /// The paths of the files that are missing, the user's name, the shell's path.
    pub(super) missing: Vec<&'static str>,
    /// `/etc/passwd`, `/etc/group` and `/etc/shadow`; each none if it is missing.
    pub(super) users: [Option<Vec<u8>>; 3],
    /// Whether it has the shell that students get.
    pub(super) has_bash: bool,
    /// Whether it has `/workspace`.
    pub(super) has_workspace: bool,
}

/// Makes sure that the base is in the engine: pulls it if it is not there, builds a Containerfile.
pub(super) async fn provide(base: &Base, containers: &Containers, output: Output) -> Result<Found, Failure> {
    let (name, id) = match base {
        Base::Image(image) => {
            let progress = output.progress(format!("Looking for the base {image}"));
            let engine = Engine::Containers(containers.clone());
            engine.provide(image, &|line| progress.now(line)).await.map_err(|error| {
                Failure::Failed(error.context(format!("the base {image} is not to be had")))
            })?;
            (image.clone(), image.clone())
        }
        Base::ContainerFile(file) => {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let id = build(file, &name, containers, output).await?;
            (format!("of {name}"), id)
        }
    };
    let inspected = containers.docker().inspect_image(&id).await?;
    let id = inspected.id.context("the engine gives an image without an id")?;
    Ok(Found { name, id: full_id(&id), config: inspected.config.unwrap_or_default() })
}

async fn build(file: &Path, name: &str, containers: &Containers, output: Output) -> Result<String, Failure> {
    let progress = output.progress(format!("Building the base by {name}"));
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let build = builder::Build {
        context: Bytes::from(archive::context(folder_of(file))?),
        containerfile: name,
        credentials: credentials::of_containerfile(&text, containers.product()).await,
        ..builder::Build::default()
    };
    let say = |instruction: &str| {
        if instruction.starts_with("RUN") {
            progress.now(format!("  {instruction}"));
        }
    };
    let outcome = builder::build(containers.docker(), build, &say).await.map_err(|broken| {
        let place =
            if broken.instruction.is_empty() { String::new() } else { format!(": {}", broken.instruction) };
        anyhow!("the base cannot be built by {name}{place}\n{}\n{}", broken.output, broken.reason)
    })?;
    Ok(outcome.id)
}

fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The hash of what a base is built from: its Containerfile, and the folder around it when it takes anything from there.
/// None for a base that is an image.
pub(super) fn hash(base: &Base) -> Result<Option<String>> {
    let Base::ContainerFile(file) = base else { return Ok(None) };
    let text = fs::read(file).with_context(|| file.display().to_string())?;
    let takes = String::from_utf8_lossy(&text).lines().any(|line| {
        let word = line.split_whitespace().next().unwrap_or_default();
        word.eq_ignore_ascii_case("COPY") || word.eq_ignore_ascii_case("ADD")
    });
    let context = if takes { archive::context(folder_of(file))? } else { Vec::new() };
    Ok(Some(archive::hash([text.as_slice(), &context])))
}

/// An image's id with its algorithm, as all engines understand it.
pub(super) fn full_id(id: &str) -> String {
    if id.contains(':') { id.to_owned() } else { format!("sha256:{id}") }
}

impl Found {
    /// A warning when the parts in it are of another version than this program.
    pub(super) fn warning(&self) -> Option<String> {
        let version = self.config.labels.as_ref()?.get(VERSION_LABEL)?;
        (version != VERSION).then(|| {
            format!(
                "warning: the base {} says that it is version {version}, this is workshop {VERSION}; it is used as it is",
                self.name
            )
        })
    }

    /// Looks for the platform's parts, in a container that is never started.
    pub(super) async fn look(&self, docker: &Docker) -> Result<BaseContents> {
        let body = ContainerCreateBody {
            image: Some(self.id.clone()),
            // An image may name no program at all.
            cmd: Some(vec![SHELL.to_owned()]),
            ..ContainerCreateBody::default()
        };
        let container = docker.create_container(None, body).await.context("cannot look into the base")?.id;
        let contents = Inside { docker, container: &container }.contents().await;
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        docker.remove_container(&container, Some(options)).await?;
        contents.with_context(|| format!("cannot look into the base {}", self.name))
    }

    /// That parts are missing, all of them, and what to do.
    pub(super) fn refusal(&self, contents: &BaseContents) -> Failure {
        let missing: Vec<String> = contents.missing.iter().map(|what| format!("  {what}")).collect();
        let advice = if contents.missing == [SHELL] {
            "A base needs a shell; that is the one part that cannot be copied in."
        } else if contents.missing.contains(&SHELL) {
            "Build on one of the workshop-base images. Or give it a shell, and have the rest copied in: --inject"
        } else {
            "Build on one of the workshop-base images, or have them copied in: --inject"
        };
        Failure::input(format_args!("the base {} lacks\n{}\n{advice}", self.name, missing.join("\n")))
    }
}

impl BaseContents {
    /// Whether it can be built on.
    pub(super) fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    /// Whether what is missing can be copied in.
    pub(super) fn can_be_completed(&self) -> bool {
        !self.missing.contains(&SHELL)
    }

    /// Whether it has the user whose shells students get.
    pub(super) fn has_student(&self) -> bool {
        has_student(self.users[0].as_deref().unwrap_or_default())
    }
}

fn has_student(passwd: &[u8]) -> bool {
    passwd.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"student:"))
}

/// The files of a container.
struct Inside<'a> {
    docker: &'a Docker,
    container: &'a str,
}

impl Inside<'_> {
    async fn contents(&self) -> Result<BaseContents> {
        let mut contents = BaseContents::default();
        for (path, _) in FILES {
            if !self.has(path).await? {
                contents.missing.push(path);
            }
        }
        for (file, path) in contents.users.iter_mut().zip(["/etc/passwd", "/etc/group", "/etc/shadow"]) {
            *file = self.read(path).await?;
        }
        if !contents.has_student() {
            contents.missing.push("the user student");
        }
        if !self.has(SHELL).await? {
            contents.missing.push(SHELL);
        }
        contents.has_bash = self.has("/bin/bash").await?;
        contents.has_workspace = self.has("/workspace").await?;
        Ok(contents)
    }

    async fn has(&self, path: &str) -> Result<bool> {
        let options = ContainerArchiveInfoOptionsBuilder::default().path(path).build();
        match self.docker.get_container_archive_info(self.container, Some(options)).await {
            Ok(_) => Ok(true),
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let options = DownloadFromContainerOptionsBuilder::default().path(path).build();
        let mut stream = std::pin::pin!(self.docker.download_from_container(self.container, Some(options)));
        let mut archive = Vec::new();
        while let Some(piece) = stream.next().await {
            match piece {
                Ok(piece) => archive.extend_from_slice(&piece),
                Err(Error::DockerResponseServerError { status_code: 404, .. }) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
        for entry in tar::Archive::new(archive.as_slice()).entries()? {
            let mut entry = entry?;
            if entry.header().entry_type().is_file() {
                let mut content = Vec::new();
                std::io::Read::read_to_end(&mut entry, &mut content)?;
                return Ok(Some(content));
            }
        }
        Ok(None)
    }
}
