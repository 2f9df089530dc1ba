//! What a backend says, as its container engine kept it.

use anyhow::Result;
use bollard::Docker;
use bollard::query_parameters::LogsOptionsBuilder;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use super::Container;

/// All that a container printed; and with `follow` what it prints, until it ends.
pub(super) fn of_container<'a>(
    docker: &'a Docker,
    container: &Container,
    follow: bool,
) -> BoxStream<'a, Result<Bytes>> {
    let options = LogsOptionsBuilder::default().stdout(true).stderr(true).follow(follow).build();
    docker.logs(&container.id, Some(options)).map(|line| Ok(line?.into_bytes())).boxed()
}
