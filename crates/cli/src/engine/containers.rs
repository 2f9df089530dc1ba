//! Workspaces as containers of Docker or Podman, by the Docker API.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{
    ContainerCreateBody, HostConfig, Mount, MountType, PortBinding, RestartPolicy, RestartPolicyNameEnum,
    VolumeCreateRequest,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, CreateImageOptionsBuilder, RemoveContainerOptionsBuilder,
    RemoveVolumeOptions, StopContainerOptionsBuilder,
};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::time::{Instant, sleep};

use super::inspect::{Inspected, Inspector};
use super::labels::{self, Labels};
use super::{Container, Creation, Plan, RUNTIME, Volume, extras, log, logs};
use crate::image::Description;

/// The port of the backend in its container.
const PORT: &str = "8080/tcp";
/// How long a container may take to end once it is asked to, in seconds.
const STOP: i32 = 10;
/// How long a container that was stopped may still hold its port.
const PORT_FREE_WITHIN: Duration = Duration::from_secs(5);
/// How long a container that ended by itself may be restless, and how often it is looked at.
const REST_WITHIN: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(200);

/// Docker or Podman.
#[derive(Debug, Clone)]
pub(crate) struct Containers {
    docker: Docker,
    inspector: Inspector,
    product: &'static str,
    version: String,
}

impl Containers {
    pub(super) async fn new(docker: Docker, inspector: Inspector) -> Result<Self> {
        let answer = docker.version().await?;
        let podman = answer
            .components
            .unwrap_or_default()
            .iter()
            .any(|component| component.name.to_lowercase().contains("podman"));
        let product = if podman { "podman" } else { "docker" };
        Ok(Self { docker, inspector, product, version: answer.version.unwrap_or_default() })
    }

    /// `docker` or `podman`.
    pub(crate) fn product(&self) -> &'static str {
        self.product
    }

    /// Its version.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// The API.
    pub(crate) fn docker(&self) -> &Docker {
        &self.docker
    }

    pub(super) async fn workspaces(&self) -> Result<Vec<Container>> {
        self.with_label(labels::ROLE, "workspace").await
    }

    pub(super) async fn of_workspace(&self, workspace: &str) -> Result<Vec<Container>> {
        self.with_label(labels::NAME, workspace).await
    }

    /// The workspaces' containers with a label, oldest first.
    async fn with_label(&self, label: &str, value: &str) -> Result<Vec<Container>> {
        let mut found = Vec::new();
        for listed in self.inspector.with_label(label, value).await? {
            // One that is gone by now is none.
            if let Some(inspected) = self.inspector.inspect(&listed.id).await?
                && let Some(container) = self.read(inspected).await?
            {
                found.push(container);
            }
        }
        found.sort_by_key(|container| container.created);
        Ok(found)
    }

    async fn read(&self, inspected: Inspected) -> Result<Option<Container>> {
        let Some(labels) = Labels::from_map(&inspected.config.labels) else { return Ok(None) };
        let (of_image, role) = self.of_image(&inspected.image).await?;
        if role {
            // Then it is the image that says so: someone started it by hand.
            return Ok(None);
        }
        let env = inspected
            .config
            .env
            .iter()
            .filter(|line| !of_image.contains(line))
            .filter_map(|line| line.split_once('='))
            // What the engine itself gives each container.
            .filter(|(name, _)| !matches!(*name, "PATH" | "HOSTNAME" | "HOME" | "TERM" | "container"))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Ok(Some(Container {
            state: inspected.state.read(),
            id: inspected.id,
            name: inspected.name.trim_start_matches('/').to_owned(),
            image: inspected.config.image,
            labels,
            env,
            created: inspected.created,
        }))
    }

    /// The variables that an image sets, and whether it claims a container's role. One that is gone says nothing.
    async fn of_image(&self, image: &str) -> Result<(Vec<String>, bool)> {
        let inspected = gone_is_none(self.docker.inspect_image(image).await)?;
        let config = inspected.and_then(|image| image.config).unwrap_or_default();
        let role = config.labels.is_some_and(|labels| labels.contains_key(labels::ROLE));
        Ok((config.env.unwrap_or_default(), role))
    }

    /// Whether an image is here.
    pub(crate) async fn has_image(&self, image: &str) -> Result<bool> {
        Ok(gone_is_none(self.docker.inspect_image(image).await)?.is_some())
    }

    pub(super) async fn describe(&self, image: &str) -> Result<Option<Description>> {
        let inspected = gone_is_none(self.docker.inspect_image(image).await)?;
        let labels = inspected.and_then(|image| image.config).and_then(|config| config.labels);
        // An image that claims a container's role could not be told from one.
        let labels = labels.filter(|labels| !labels.contains_key(labels::ROLE));
        Ok(labels.as_ref().and_then(Description::from_labels))
    }

    pub(super) async fn provide(&self, image: &str, say: &(dyn Fn(String) + Sync)) -> Result<()> {
        if self.has_image(image).await? {
            return Ok(());
        }
        if image.starts_with("localhost/") {
            bail!("there is no image {image} here, and a name that begins with localhost/ is in no registry");
        }
        let (repository, tag) = split_reference(image);
        let options = CreateImageOptionsBuilder::default().from_image(repository).tag(tag).build();
        let mut pull = std::pin::pin!(self.docker.create_image(Some(options), None, None));
        while let Some(step) = pull.next().await {
            let step = step.with_context(|| format!("image {image} is not here and cannot be pulled"))?;
            if let Some(status) = step.status {
                say(format!("Pulling {image}: {status}"));
            }
        }
        Ok(())
    }

    pub(super) async fn create(&self, plan: &Plan) -> Result<Creation> {
        let network = (!plan.extras.is_empty()).then(|| plan.container.clone());
        let body = ContainerCreateBody {
            image: Some(plan.image.clone()),
            env: Some(plan.env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
            labels: Some(plan.labels.to_map()),
            hostname: Some("workshop".to_owned()),
            exposed_ports: Some(vec![PORT.to_owned()]),
            host_config: Some(HostConfig {
                port_bindings: Some(HashMap::from([(
                    PORT.to_owned(),
                    Some(vec![PortBinding {
                        host_ip: Some("127.0.0.1".to_owned()),
                        host_port: Some(plan.labels.port.to_string()),
                    }]),
                )])),
                mounts: Some(vec![mount(&plan.labels.log())?]),
                restart_policy: Some(RestartPolicy {
                    name: Some(RestartPolicyNameEnum::ON_FAILURE),
                    maximum_retry_count: Some(5),
                }),
                network_mode: network.clone(),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        if let Volume::Named(name) = plan.labels.log() {
            self.make_volume(&name, &plan.labels.workspace).await?;
        }
        if let Some(network) = &network {
            extras::make_network(&self.docker, self.product, network, plan).await?;
        }
        let options = CreateContainerOptionsBuilder::default().name(&plan.container).build();
        match self.docker.create_container(Some(options), body).await {
            Ok(_) => {}
            Err(error) if is_taken(&error) => return Ok(Creation::Exists),
            Err(error) => return Err(error).with_context(|| format!("cannot create {}", plan.container)),
        }
        // After the lock: they belong to this container alone.
        if let Some(network) = &network {
            for extra in &plan.extras {
                if let Err(error) = extras::create(&self.docker, plan, network, extra).await {
                    // A container that is there is a swap that goes on.
                    self.clear(&plan.container, Some(&plan.container)).await?;
                    return Err(error);
                }
            }
        }
        Ok(Creation::Made)
    }

    async fn make_volume(&self, name: &str, workspace: &str) -> Result<()> {
        if gone_is_none(self.docker.inspect_volume(name).await)?.is_some() {
            return Ok(());
        }
        let labels = HashMap::from([
            (labels::NAME.to_owned(), workspace.to_owned()),
            (labels::ROLE.to_owned(), "log".to_owned()),
        ]);
        let request = VolumeCreateRequest {
            name: Some(name.to_owned()),
            labels: Some(labels),
            ..VolumeCreateRequest::default()
        };
        self.docker
            .create_volume(request)
            .await
            .with_context(|| format!("cannot create the volume {name}"))?;
        Ok(())
    }

    pub(super) async fn start(&self, container: &Container) -> Result<()> {
        extras::start(&self.docker, container, &extras::of(&self.inspector, container).await?).await?;
        let begin = Instant::now();
        loop {
            let started = unchanged_is_fine(self.docker.start_container(&container.id, None).await);
            let Err(error) = started else { return Ok(()) };
            // Another supervisor is starting it too: Podman then finds the port taken, by this very container.
            let inspected = self.inspector.inspect(&container.id).await?;
            if inspected.is_some_and(|inspected| inspected.state.runs()) {
                return Ok(());
            }
            // Or what was stopped a moment ago still holds the port.
            if begin.elapsed() > PORT_FREE_WITHIN || !format!("{error:#}").contains("address already in use")
            {
                return Err(error).with_context(|| format!("cannot start {}", container.name));
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    pub(super) async fn stop(&self, container: &Container) -> Result<()> {
        self.stop_one(&container.id).await.with_context(|| format!("cannot stop {}", container.name))?;
        for extra in extras::of(&self.inspector, container).await? {
            self.stop_one(&extra.id).await?;
        }
        Ok(())
    }

    async fn stop_one(&self, id: &str) -> Result<()> {
        let runs = self.inspector.inspect(id).await?.is_some_and(|inspected| inspected.state.runs());
        // What ended by itself may be about to be started again by its policy.
        if runs { self.end(id).await } else { self.come_to_rest(id).await }
    }

    async fn end(&self, id: &str) -> Result<()> {
        let options = StopContainerOptionsBuilder::default().t(STOP).build();
        unchanged_is_fine(self.docker.stop_container(id, Some(options)).await)
    }

    /// Waits until a container that ended by itself is neither cleaned up nor started again any more. Podman does both
    /// beside its answers, and takes the rules of the port away from whatever has the port by then.
    async fn come_to_rest(&self, id: &str) -> Result<()> {
        let (begin, mut looks_at_rest) = (Instant::now(), 0);
        while looks_at_rest < 3 && begin.elapsed() < REST_WITHIN {
            match self.inspector.inspect(id).await? {
                None => return Ok(()),
                Some(inspected) if inspected.state.runs() => {
                    self.end(id).await?;
                    looks_at_rest = 0;
                }
                Some(inspected) if inspected.state.is_at_rest() => looks_at_rest += 1,
                Some(_) => looks_at_rest = 0,
            }
            sleep(LOOK).await;
        }
        Ok(())
    }

    pub(super) async fn remove(&self, container: &Container) -> Result<()> {
        self.clear(&container.name, Some(&container.id))
            .await
            .with_context(|| format!("cannot remove {}", container.name))
    }

    /// Removes what is beside a container of this name, then the container, if there is one, then their network.
    async fn clear(&self, name: &str, id: Option<&str>) -> Result<()> {
        let extras = extras::beside(&self.inspector, name).await?;
        for id in extras.iter().map(|extra| extra.id.as_str()).chain(id) {
            // With the anonymous volumes that an extra container's image has; the log's is named.
            let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
            unchanged_is_fine(self.docker.remove_container(id, Some(options)).await)?;
        }
        let network = gone_is_none(self.docker.inspect_network(name, None).await)?;
        let ours = |labels: HashMap<_, _>| labels.contains_key(labels::NAME);
        if network.and_then(|network| network.labels).is_some_and(ours) {
            unchanged_is_fine(self.docker.remove_network(name).await)?;
        }
        Ok(())
    }

    pub(super) async fn ended(&self, container: &Container) -> Result<()> {
        let mut wait = std::pin::pin!(self.docker.wait_container(&container.id, None));
        match wait.next().await {
            // An exit code other than 0 is an error there.
            None | Some(Ok(_) | Err(Error::DockerContainerWaitError { .. })) => Ok(()),
            Some(Err(Error::DockerResponseServerError { status_code: 404, .. })) => Ok(()),
            Some(Err(error)) => Err(error.into()),
        }
    }

    pub(super) fn logs(&self, container: &Container, follow: bool) -> BoxStream<'_, Result<Bytes>> {
        logs::of_container(&self.docker, container, follow)
    }

    /// Copies parts of the log on a volume into a folder: through a container that has it, or one that is made of
    /// `image` for that and never started.
    pub(super) async fn copy_log(
        &self,
        volume: &Volume,
        image: Option<&str>,
        parts: &[&str],
        into: &Path,
    ) -> Result<()> {
        let with_it =
            self.workspaces().await?.into_iter().find(|container| container.labels.log() == *volume);
        let (id, made) = match (with_it, image) {
            (Some(container), _) => (container.id, false),
            (None, Some(image)) => {
                let host_config = HostConfig { mounts: Some(vec![mount(volume)?]), ..HostConfig::default() };
                let body = ContainerCreateBody {
                    image: Some(image.to_owned()),
                    host_config: Some(host_config),
                    ..ContainerCreateBody::default()
                };
                (self.docker.create_container(None, body).await?.id, true)
            }
            (None, None) => bail!("no container has this log"),
        };
        let copied = log::download(&self.docker, &id, parts, into).await;
        if made {
            let options = RemoveContainerOptionsBuilder::default().force(true).build();
            unchanged_is_fine(self.docker.remove_container(&id, Some(options)).await)?;
        }
        copied
    }

    pub(super) async fn has_log(&self, volume: &Volume) -> Result<bool> {
        match volume {
            Volume::Folder(folder) => Ok(folder.join("log.json").exists()),
            Volume::Named(name) => Ok(gone_is_none(self.docker.inspect_volume(name).await)?.is_some()),
        }
    }

    pub(super) async fn forget(&self, volume: &Volume) -> Result<()> {
        match volume {
            Volume::Folder(folder) => {
                std::fs::remove_dir_all(folder).with_context(|| folder.display().to_string())
            }
            Volume::Named(name) => {
                unchanged_is_fine(self.docker.remove_volume(name, None::<RemoveVolumeOptions>).await)
                    .with_context(|| format!("cannot remove the volume {name}"))
            }
        }
    }
}

fn mount(volume: &Volume) -> Result<Mount> {
    let (source, typ) = match volume {
        Volume::Named(name) => (name.clone(), MountType::VOLUME),
        Volume::Folder(folder) => {
            std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
            (folder.display().to_string(), MountType::BIND)
        }
    };
    Ok(Mount { source: Some(source), target: Some(RUNTIME.to_owned()), typ: Some(typ), ..Mount::default() })
}

/// Repository and tag; a registry's port is no tag.
pub(crate) fn split_reference(image: &str) -> (&str, &str) {
    match image.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (image, "latest"),
    }
}

/// What is not there is none.
pub(super) fn gone_is_none<T>(answer: Result<T, Error>) -> Result<Option<T>> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
        // Podman, of an image that goes while it is looked at.
        Err(Error::DockerResponseServerError { status_code: 500, message })
            if message.contains("image not known") =>
        {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Already so (304), already gone (404), or being removed by another (409): all the same in the end.
pub(super) fn unchanged_is_fine(answer: Result<(), Error>) -> Result<()> {
    match answer {
        Ok(()) | Err(Error::DockerResponseServerError { status_code: 304 | 404, .. }) => Ok(()),
        Err(Error::DockerResponseServerError { status_code: 409, message })
            if message.contains("already in progress") =>
        {
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether a name is taken: Docker says 409, Podman also 500.
pub(super) fn is_taken(error: &Error) -> bool {
    match error {
        Error::DockerResponseServerError { status_code: 409, .. } => true,
        Error::DockerResponseServerError { status_code: 500, message } => message.contains("already in use"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registrys_port_is_no_tag() {
        for (image, expected) in [
            ("a", ("a", "latest")),
            ("localhost:5000/a", ("localhost:5000/a", "latest")),
            ("localhost:5000/a:step-0", ("localhost:5000/a", "step-0")),
        ] {
            assert_eq!(split_reference(image), expected);
        }
    }
}
