//! What runs beside a workspace: created with it, ready before it, removed with it.

use std::collections::HashMap;

use anyhow::{Context as _, Result, bail};
use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{
    ContainerCreateBody, EndpointSettings, HostConfig, NetworkCreateRequest, NetworkingConfig,
};
use bollard::query_parameters::{CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use workshop_definition::artifact::ExtraContainer;

use super::answers::{gone_is_none, is_taken, unchanged_is_fine};
use super::container::{Container, Plan};
use super::inspect::{Inspector, Listed};
use super::{ending, labels, printed};

/// How long they may take to serve, in seconds.
const PATIENCE: u32 = 60;

/// A container beside a workspace's.
pub(super) struct Extra {
    pub(super) id: String,
    /// Its name in the network; one that only looked whether others answer has none.
    host: Option<String>,
    /// `host:port` of everything that it serves.
    serves: Vec<String>,
}

/// Creates the network of a workspace and what runs beside it.
pub(super) async fn make_network(docker: &Docker, product: &str, name: &str, plan: &Plan) -> Result<()> {
    if gone_is_none(docker.inspect_network(name, None).await)?.is_some() {
        return Ok(());
    }
    let labels = HashMap::from([(labels::NAME.to_owned(), plan.labels.workspace.clone())]);
    // Docker keeps its networks apart by itself.
    let apart = HashMap::from([("isolate".to_owned(), "true".to_owned())]);
    let request = NetworkCreateRequest {
        name: name.to_owned(),
        driver: Some("bridge".to_owned()),
        options: (product == "podman").then_some(apart),
        labels: Some(labels),
        ..NetworkCreateRequest::default()
    };
    match docker.create_network(request).await {
        Err(error) if !is_taken(&error) => {
            Err(error).with_context(|| format!("cannot create the network {name}"))
        }
        _ => Ok(()),
    }
}

/// Creates one, in the network of the workspace's container.
pub(super) async fn create(
    docker: &Docker,
    plan: &Plan,
    network: &str,
    extra: &ExtraContainer,
) -> Result<()> {
    let ports: Vec<String> = extra.ports.iter().map(|port| port.port.to_string()).collect();
    let labels = [
        (labels::ROLE, "extra"),
        (labels::NAME, &plan.labels.workspace),
        (labels::BESIDE, &plan.container),
        (labels::HOST, &extra.name),
        (labels::PORTS, &ports.join(",")),
    ];
    let endpoint =
        EndpointSettings { aliases: Some(vec![extra.name.clone()]), ..EndpointSettings::default() };
    let body = ContainerCreateBody {
        image: Some(extra.image.clone()),
        env: Some(extra.env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        labels: Some(labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into()),
        hostname: Some(extra.name.clone()),
        host_config: Some(HostConfig { network_mode: Some(network.to_owned()), ..HostConfig::default() }),
        networking_config: Some(NetworkingConfig {
            endpoints_config: Some(HashMap::from([(network.to_owned(), endpoint)])),
        }),
        ..ContainerCreateBody::default()
    };
    let name = format!("{}-{}", plan.container, extra.name);
    let options = CreateContainerOptionsBuilder::default().name(&name).build();
    match docker.create_container(Some(options), body).await {
        Err(error) if !is_taken(&error) => Err(error).with_context(|| format!("cannot create {name}")),
        _ => Ok(()),
    }
}

/// What there is beside a container.
pub(super) async fn of(inspector: &Inspector, container: &Container) -> Result<Vec<Extra>> {
    beside(inspector, &container.name).await
}

/// What there is beside a container of this name, which may be gone.
pub(super) async fn beside(inspector: &Inspector, container: &str) -> Result<Vec<Extra>> {
    let listed = inspector.with_label(labels::BESIDE, container).await?;
    let extra = |Listed { id, labels }: Listed| {
        let host = labels.get(labels::HOST).cloned();
        let ports = labels.get(labels::PORTS).map(String::as_str).unwrap_or_default().split(',');
        let ports = ports.filter(|port| !port.is_empty());
        let serves = ports.filter_map(|port| Some(format!("{}:{port}", host.as_ref()?))).collect();
        Extra { id, host, serves }
    };
    Ok(listed.into_iter().map(extra).collect())
}

/// Starts what is beside a container and waits until each serves its ports, seen from the workspace's network.
///
/// # Errors
/// One ends instead, or does not serve in time.
pub(super) async fn start(docker: &Docker, inspector: &Inspector, container: &Container) -> Result<()> {
    let extras = of(inspector, container).await?;
    for extra in extras.iter().filter(|extra| extra.host.is_some()) {
        unchanged_is_fine(docker.start_container(&extra.id, None).await)
            .with_context(|| format!("cannot start what runs beside {}", container.name))?;
    }
    // Nobody waits for one that serves nothing: it may be done once it has prepared something.
    let serving: Vec<&Extra> = extras.iter().filter(|extra| !extra.serves.is_empty()).collect();
    if serving.is_empty() {
        return Ok(());
    }
    reach(docker, inspector, container, &serving)
        .await
        .with_context(|| format!("what runs beside {} is not ready", container.name))
}

/// A container from the workspace's own image looks whether they answer: from the host their network may be out of
/// reach (rootless engines, engines in a virtual machine).
async fn reach(
    docker: &Docker,
    inspector: &Inspector,
    container: &Container,
    serving: &[&Extra],
) -> Result<()> {
    // Another supervisor may look at the same time.
    let name = format!("{}-reach-{}", container.name, std::process::id());
    let within = patience().to_string();
    let serves = serving.iter().flat_map(|extra| &extra.serves).map(String::as_str);
    let command: Vec<&str> = ["reach", "--within", &within].into_iter().chain(serves).collect();
    let body = ContainerCreateBody {
        image: Some(container.image.clone()),
        entrypoint: Some(vec!["/usr/local/bin/workshop-backend".to_owned()]),
        cmd: Some(command.into_iter().map(ToOwned::to_owned).collect()),
        labels: Some(HashMap::from([(labels::BESIDE.to_owned(), container.name.clone())])),
        host_config: Some(HostConfig { network_mode: Some(container.name.clone()), ..HostConfig::default() }),
        ..ContainerCreateBody::default()
    };
    // One that a killed supervisor left is in the way.
    let remove = || {
        let options = RemoveContainerOptionsBuilder::default().force(true).build();
        docker.remove_container(&name, Some(options))
    };
    unchanged_is_fine(remove().await)?;
    let options = CreateContainerOptionsBuilder::default().name(&name).build();
    docker.create_container(Some(options), body).await?;
    let looked = async {
        docker.start_container(&name, None).await?;
        tokio::select! {
            reached = reached(docker, &name) => reached,
            lost = one_lost(docker, inspector, serving) => bail!("{}", lost?),
        }
    }
    .await;
    unchanged_is_fine(remove().await)?;
    looked
}

/// What the container that looks has found in the end.
async fn reached(docker: &Docker, name: &str) -> Result<()> {
    match std::pin::pin!(docker.wait_container(name, None)).next().await {
        Some(Ok(_)) | None => Ok(()),
        Some(Err(Error::DockerContainerWaitError { .. })) => bail!("{}", printed::end(docker, name).await),
        Some(Err(error)) => Err(error.into()),
    }
}

/// Waits until one of them has ended: nothing starts it again. Which, and how.
async fn one_lost(docker: &Docker, inspector: &Inspector, extras: &[&Extra]) -> Result<String> {
    let end = |extra: &Extra| {
        let (id, host) = (extra.id.clone(), extra.host.clone().unwrap_or_default());
        async move { Ok(format!("{host} {}", ending::for_good(docker, inspector, &id).await?)) }
    };
    let mut ends: FuturesUnordered<_> = extras.iter().map(|extra| end(extra)).collect();
    match ends.next().await {
        Some(end) => end,
        None => std::future::pending().await,
    }
}

/// How long they may take to serve, in seconds; a test waits less (`FAILPOINTS=extras-patience=return(3)`).
fn patience() -> u32 {
    #[cfg(debug_assertions)]
    if let Some(seconds) = fail::eval("extras-patience", |seconds| seconds?.parse().ok()).flatten() {
        return seconds;
    }
    PATIENCE
}
