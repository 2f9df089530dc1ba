//! Pushing images to their registry.

use anyhow::{Context as _, Result, bail};
use bollard::Docker;
use bollard::auth::DockerCredentials;
use bollard::errors::Error;
use bollard::query_parameters::PushImageOptionsBuilder;
use futures_util::StreamExt;

use super::credentials;
use crate::engine::answers;
use crate::failure::Failure;

/// That a repository can be pushed at all.
pub(super) fn check(repository: &str) -> Result<(), Failure> {
    if credentials::registry(repository) == "localhost" {
        return Err(Failure::input(format_args!(
            "{repository} is in no registry: name one in workshop.image, like ghcr.io/you/name"
        )));
    }
    Ok(())
}

/// Pushes a tag. Its digest in the registry.
pub(super) async fn push(
    docker: &Docker,
    repository: &str,
    tag: &str,
    credentials: Option<DockerCredentials>,
) -> Result<String> {
    let options = PushImageOptionsBuilder::default().tag(tag).build();
    let mut stream =
        std::pin::pin!(answers::lines(docker.push_image(repository, Some(options), credentials)));
    let mut digest = None;
    while let Some(said) = stream.next().await {
        match said {
            Ok(said) => digest = said.status.as_deref().and_then(digest_of).or(digest),
            Err(Error::DockerStreamError { error }) => bail!("{repository}:{tag} cannot be pushed: {error}"),
            Err(error) => return Err(error).with_context(|| format!("{repository}:{tag} cannot be pushed")),
        }
    }
    digest.with_context(|| format!("{repository}:{tag} was pushed, but the engine does not say as what"))
}

/// The digest in `step-0: digest: sha256:… size: 1160`.
fn digest_of(status: &str) -> Option<String> {
    let digest = status.split_once("digest: ")?.1.split_whitespace().next()?;
    digest.starts_with("sha256:").then(|| digest.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_in_what_an_engine_says() {
        assert_eq!(digest_of("step-0: digest: sha256:0a1 size: 9").as_deref(), Some("sha256:0a1"));
        assert_eq!(digest_of("The push refers to repository [localhost:5000/a]"), None);
    }

    #[test]
    fn localhost_is_no_registry() {
        assert!(check("localhost/a").is_err());
        assert!(check("localhost:5000/a").is_ok() && check("a").is_ok());
    }
}
