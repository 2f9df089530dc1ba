//! Credentials of registries: Docker's `config.json` or Podman's `auth.json`, and the helpers that they name.
//!
//! `docker_credential` reads a file and asks the helpers. Which files there are, and that Podman's may name a part of a
//! repository's path, is ours: it knows neither Podman's second file nor such keys.

use std::collections::HashMap;
use std::env;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use bollard::auth::DockerCredentials;
use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential_from_reader};

/// Where images without a registry in their name are.
const DOCKER_HUB: &str = "docker.io";
/// How Docker Hub is called in the files.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";
/// What a helper says that knows nothing.
const NOT_FOUND: &str = "credentials not found";

/// The registry of an image: the first part of its name, if that can be a host.
pub(super) fn registry(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => DOCKER_HUB,
    }
}

/// The credentials for a repository, if there are any. `engine` says whose file comes first.
///
/// # Errors
/// A file is no JSON, or a helper fails.
pub(super) async fn find(repository: &str, engine: &str) -> Result<Option<DockerCredentials>> {
    for path in files(engine) {
        let Ok(text) = fs::read(&path) else { continue };
        let repository = repository.to_owned();
        // A helper may take its time, and ask for a password.
        let asked = tokio::task::spawn_blocking(move || find_in(&text, &repository));
        if let Some(found) = asked.await?.with_context(|| path.display().to_string())? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The credentials that a file has or leads to, by the most special key.
fn find_in(text: &[u8], repository: &str) -> Result<Option<DockerCredentials>> {
    for key in keys(repository) {
        let mut found = DockerCredentials {
            serveraddress: Some(registry(repository).to_owned()),
            ..DockerCredentials::default()
        };
        match get_credential_from_reader(text, &key) {
            Ok(DockerCredential::IdentityToken(token)) => found.identitytoken = Some(token),
            Ok(DockerCredential::UsernamePassword(name, password)) => {
                found.username = Some(name);
                found.password = Some(password);
            }
            Err(CredentialRetrievalError::NoCredentialConfigured) => continue,
            Err(CredentialRetrievalError::HelperFailure { stdout, .. }) if stdout.contains(NOT_FOUND) => {
                continue;
            }
            Err(error) => return Err(error.into()),
        }
        return Ok(Some(found));
    }
    Ok(None)
}

/// The credentials for the images that a Containerfile begins with. What cannot be found is not needed, or the engine
/// says so.
pub(super) async fn of_containerfile(text: &str, engine: &str) -> HashMap<String, DockerCredentials> {
    let mut credentials = HashMap::new();
    for image in text.lines().filter_map(from) {
        let host = registry(image);
        let key = if host == DOCKER_HUB { DOCKER_HUB_KEY } else { host };
        if let Ok(Some(found)) = find(image, engine).await {
            credentials.insert(key.to_owned(), found);
        }
    }
    credentials
}

/// The image of a `FROM` line.
fn from(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    words.next().filter(|word| word.eq_ignore_ascii_case("FROM"))?;
    words.find(|word| !word.starts_with("--"))
}

/// Where credentials may be, in order.
fn files(engine: &str) -> Vec<PathBuf> {
    let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = variable("HOME").unwrap_or_default();
    let docker = variable("DOCKER_CONFIG").unwrap_or_else(|| home.join(".docker")).join("config.json");
    let mut podman: Vec<PathBuf> = variable("REGISTRY_AUTH_FILE").into_iter().collect();
    if podman.is_empty() {
        podman.extend(variable("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json")));
        podman.push(home.join(".config/containers/auth.json"));
    }
    if engine == "podman" {
        podman.push(docker);
        podman
    } else {
        podman.insert(0, docker);
        podman
    }
}

/// The keys under which a repository's credentials may stand, the most special one first: Podman's may name a part of
/// the path.
fn keys(repository: &str) -> Vec<String> {
    let host = registry(repository);
    let full =
        if repository.starts_with(host) { repository.to_owned() } else { format!("{host}/{repository}") };
    let mut keys = Vec::new();
    let mut rest = full.as_str();
    loop {
        keys.push(rest.to_owned());
        match rest.rsplit_once('/') {
            Some((shorter, _)) => rest = shorter,
            None => break,
        }
    }
    if host == DOCKER_HUB {
        keys.push(DOCKER_HUB_KEY.to_owned());
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_of_a_name() {
        for (image, expected) in [
            ("debian", "docker.io"),
            ("myorg/debian", "docker.io"),
            ("localhost/debian", "localhost"),
            ("localhost:5000/a/b:c", "localhost:5000"),
            ("ghcr.io/a/b", "ghcr.io"),
        ] {
            assert_eq!(registry(image), expected);
        }
    }

    #[test]
    fn the_image_of_a_from_line() {
        for (line, expected) in [
            ("FROM a.b/c:d AS x", Some("a.b/c:d")),
            ("  from --platform=linux/amd64 c", Some("c")),
            ("RUN FROM x", None),
        ] {
            assert_eq!(from(line), expected);
        }
    }

    #[test]
    fn by_the_most_special_key() {
        let file = r#"{"auths": {
            "ghcr.io": {"auth": "YTpi"},
            "ghcr.io/team/one": {"auth": "YzpkOmU="},
            "https://index.docker.io/v1/": {"username": "hub", "password": "p"},
            "https://quay.io/v2/": {"auth": "eDp5", "identitytoken": "t"},
            "localhost:5000": {"auth": "bDpw"},
            "empty.io": {}
        }}"#;
        for (repository, expected) in [
            ("ghcr.io/team/two", Some("a b -")),
            ("ghcr.io/team/one", Some("c d:e -")),
            ("myorg/workshop", Some("hub p -")),
            ("quay.io/a", Some("- - t")),
            ("localhost:5000/a", Some("l p -")),
            ("empty.io/a", None),
            ("other.io/a", None),
        ] {
            let found = find_in(file.as_bytes(), repository).unwrap();
            let found = found.map(|found| {
                [found.username, found.password, found.identitytoken]
                    .map(|part| part.unwrap_or_else(|| "-".to_owned()))
                    .join(" ")
            });
            assert_eq!(found.as_deref(), expected, "{repository}");
        }
        assert!(find_in(b"{", "a").is_err());
    }
}
