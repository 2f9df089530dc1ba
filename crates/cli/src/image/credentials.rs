//! Credentials of registries: Docker's `config.json` with its helpers, or Podman's `auth.json`.

use std::collections::HashMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::auth::DockerCredentials;
use serde::Deserialize;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Where images without a registry in their name are.
const DOCKER_HUB: &str = "docker.io";
/// How Docker Hub is called in the files.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";
/// The name that a helper gives with a token.
const TOKEN_USER: &str = "<token>";

/// A file with credentials; Docker's and Podman's have one format.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct File {
    auths: HashMap<String, Auth>,
    creds_store: Option<String>,
    cred_helpers: HashMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Auth {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

/// What a helper answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

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
        let file: File = serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
        if let Some(found) = file.find(repository).await.with_context(|| path.display().to_string())? {
            return Ok(Some(found));
        }
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

impl File {
    async fn find(&self, repository: &str) -> Result<Option<DockerCredentials>> {
        let host = registry(repository);
        for key in keys(repository) {
            if let Some(helper) = self.cred_helpers.get(&key) {
                return ask(helper, &key).await;
            }
        }
        if let Some(helper) = &self.creds_store {
            let key = if host == DOCKER_HUB { DOCKER_HUB_KEY } else { host };
            if let Some(found) = ask(helper, key).await? {
                return Ok(Some(found));
            }
        }
        for key in keys(repository) {
            let known = self.auths.iter().find(|(name, _)| bare(name) == bare(&key));
            if let Some(found) = known.map(|(_, auth)| auth.credentials(host)).transpose()?.flatten() {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

impl Auth {
    fn credentials(&self, host: &str) -> Result<Option<DockerCredentials>> {
        let (mut username, mut password) = (self.username.clone(), self.password.clone());
        if let Some(encoded) = self.auth.as_deref().filter(|encoded| !encoded.is_empty()) {
            let decoded = STANDARD.decode(encoded).context("auth is no base64")?;
            let decoded = String::from_utf8(decoded).context("auth is no text")?;
            let (name, secret) = decoded.split_once(':').context("auth is no name and password")?;
            username = Some(name.to_owned());
            password = Some(secret.trim_end_matches('\0').to_owned());
        }
        if username.is_none() && self.identitytoken.is_none() {
            return Ok(None);
        }
        Ok(Some(DockerCredentials {
            username,
            password,
            identitytoken: self.identitytoken.clone(),
            serveraddress: Some(host.to_owned()),
            ..DockerCredentials::default()
        }))
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

/// A key without what says how the registry is spoken to.
fn bare(key: &str) -> &str {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    key.strip_suffix("/v1/").or_else(|| key.strip_suffix("/v2/")).unwrap_or(key).trim_end_matches('/')
}

/// Asks `docker-credential-<helper>`.
async fn ask(helper: &str, server: &str) -> Result<Option<DockerCredentials>> {
    let program = format!("docker-credential-{helper}");
    if Path::new(&program).components().count() != 1 {
        bail!("{helper:?} is no name of a credential helper");
    }
    let mut child = Command::new(&program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("the credential helper {program}"))?;
    if let Some(mut input) = child.stdin.take() {
        // A helper that does not read says with its exit what is wrong.
        let _ = input.write_all(format!("{server}\n").as_bytes()).await;
    }
    let output = child.wait_with_output().await?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        if said.contains("credentials not found") {
            return Ok(None);
        }
        bail!("{program}: {} {}", said.trim(), String::from_utf8_lossy(&output.stderr).trim());
    }
    let answer: Answer =
        serde_json::from_slice(&output.stdout).with_context(|| format!("the answer of {program}"))?;
    let serveraddress = Some(server.to_owned());
    Ok(Some(if answer.username == TOKEN_USER {
        DockerCredentials {
            identitytoken: Some(answer.secret),
            serveraddress,
            ..DockerCredentials::default()
        }
    } else {
        DockerCredentials {
            username: Some(answer.username),
            password: Some(answer.secret),
            serveraddress,
            ..DockerCredentials::default()
        }
    }))
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

    #[tokio::test]
    async fn auths_by_the_most_special_key() {
        let file: File = serde_json::from_str(
            r#"{"auths": {
                "ghcr.io": {"auth": "YTpi"},
                "ghcr.io/team/one": {"auth": "YzpkOmU="},
                "https://index.docker.io/v1/": {"username": "hub", "password": "p"},
                "quay.io": {"identitytoken": "t"},
                "empty.io": {}
            }}"#,
        )
        .unwrap();
        for (repository, expected) in [
            ("ghcr.io/team/two", Some((Some("a"), Some("b")))),
            ("ghcr.io/team/one", Some((Some("c"), Some("d:e")))),
            ("myorg/workshop", Some((Some("hub"), Some("p")))),
            ("quay.io/a", Some((None, None))),
            ("empty.io/a", None),
            ("other.io/a", None),
        ] {
            let found = file.find(repository).await.unwrap();
            let found = found.as_ref().map(|found| (found.username.as_deref(), found.password.as_deref()));
            assert_eq!(found, expected, "{repository}");
        }
    }
}
