//! Workspaces as containers of Docker or Podman, by the Docker API.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bollard::Docker;
use bollard::models::{ContainerCreateBody, HostConfig, PortBinding, RestartPolicy, RestartPolicyNameEnum};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, CreateImageOptionsBuilder, RemoveContainerOptionsBuilder,
};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::time::{Instant, sleep};

use super::answers::{self, gone_is_none, is_taken, unchanged_is_fine};
use super::container::{Container, Creation, Plan};
use super::inspect::{Greeting, Inspected, Inspector};
use super::labels::{self, Labels, Volume};
use super::{ending, extras, log, printed, volumes};
use crate::image::Description;
use crate::output::Say;

/// The port of the backend in its container.
const PORT: &str = "8080/tcp";
/// How long a container that was stopped may still hold its port.
const PORT_FREE_WITHIN: Duration = Duration::from_secs(5);

/// Docker or Podman.
#[derive(Debug, Clone)]
pub(crate) struct Containers {
    docker: Docker,
    inspector: Inspector,
    greeting: Greeting,
}

impl Containers {
    pub(super) fn new(docker: Docker, inspector: Inspector, greeting: Greeting) -> Self {
        Self { docker, inspector, greeting }
    }

    /// `docker` or `podman`.
    pub(crate) fn product(&self) -> &'static str {
        self.greeting.product
    }

    /// Its version.
    pub(crate) fn version(&self) -> &str {
        &self.greeting.version
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

    pub(super) async fn provide(&self, image: &str, say: Say<'_>) -> Result<()> {
        if self.has_image(image).await? {
            return Ok(());
        }
        if image.starts_with("localhost/") {
            bail!("there is no image {image} here, and a name that begins with localhost/ is in no registry");
        }
        let (repository, tag) = split_reference(image);
        let options = CreateImageOptionsBuilder::default().from_image(repository).tag(tag).build();
        let mut pull = std::pin::pin!(answers::lines(self.docker.create_image(Some(options), None, None)));
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
                mounts: Some(vec![volumes::mount(&plan.labels.log())?]),
                restart_policy: Some(RestartPolicy {
                    name: Some(RestartPolicyNameEnum::ON_FAILURE),
                    maximum_retry_count: Some(5),
                }),
                network_mode: network.clone(),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        volumes::make(&self.docker, &plan.labels.log(), &plan.labels.workspace).await?;
        if let Some(network) = &network {
            extras::make_network(&self.docker, self.greeting.product, network, plan).await?;
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

    pub(super) async fn start(&self, container: &Container) -> Result<()> {
        extras::start(&self.docker, &self.inspector, container).await?;
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
        ending::stop(&self.docker, &self.inspector, &container.id)
            .await
            .with_context(|| format!("cannot stop {}", container.name))?;
        for extra in extras::of(&self.inspector, container).await? {
            ending::stop(&self.docker, &self.inspector, &extra.id).await?;
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
        ending::ended(&self.docker, &container.id).await
    }

    pub(super) async fn ended_for_good(&self, container: &Container) -> Result<String> {
        ending::for_good(&self.docker, &self.inspector, &container.id).await
    }

    pub(super) fn logs(&self, container: &Container, follow: bool) -> BoxStream<'_, Result<Bytes>> {
        printed::of_container(&self.docker, container, follow)
    }

    /// Copies parts of the log on a volume into a folder: through a container that has it, or one that is made of
    /// `image` for that.
    pub(super) async fn copy_log(
        &self,
        volume: &Volume,
        image: Option<&str>,
        parts: &[&str],
        into: &Path,
    ) -> Result<()> {
        let mut workspaces = self.workspaces().await?.into_iter();
        match (workspaces.find(|container| container.labels.log() == *volume), image) {
            (Some(container), _) => log::copy_out(&self.docker, &container.id, parts, into).await,
            (None, Some(image)) => log::copy_out_by(&self.docker, image, volume, parts, into).await,
            (None, None) => bail!("no container has this log"),
        }
    }

    pub(super) async fn has_log(&self, volume: &Volume) -> Result<bool> {
        volumes::has_log(&self.docker, volume).await
    }

    pub(super) async fn forget(&self, volume: &Volume) -> Result<()> {
        volumes::forget(&self.docker, volume).await
    }
}

/// Repository and tag; a registry's port is no tag.
pub(crate) fn split_reference(image: &str) -> (&str, &str) {
    match image.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (image, "latest"),
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
