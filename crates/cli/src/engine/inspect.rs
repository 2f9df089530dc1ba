//! What containers there are and how they are. Read by our own types: Podman says `stopped` of a container that is being
//! cleaned up, a state that Docker's own description of the API does not know, and that the client library refuses.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bollard::{API_DEFAULT_VERSION, ClientVersion};
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::sleep;

use super::container::State;

/// How often an answer is asked for that a vanishing container or process spoils, and how soon again.
const LOOKS: u32 = 50;
const AGAIN: Duration = Duration::from_millis(50);

/// Reads an engine's containers.
#[derive(Debug, Clone)]
pub(super) struct Inspector {
    client: Client,
    base: String,
}

/// What an engine says of itself when it is greeted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Greeting {
    /// `docker` or `podman`.
    pub(super) product: &'static str,
    pub(super) version: String,
    /// The newest version of the API that it speaks.
    api: (usize, usize),
}

impl Greeting {
    /// Reads `Server`, such as `Docker/20.10.24 (linux)`, and `Api-Version`, such as `1.41`.
    fn read(server: &str, api: &str) -> Option<Self> {
        let (name, rest) = server.split_once('/')?;
        let (major, minor) = api.split_once('.')?;
        let product = if name == "Libpod" { "podman" } else { "docker" };
        let version = rest.split(' ').next()?.to_owned();
        Some(Self { product, version, api: (major.parse().ok()?, minor.parse().ok()?) })
    }

    /// The version of the API to speak with it.
    pub(super) fn api(&self) -> ClientVersion {
        let newest = (API_DEFAULT_VERSION.major_version, API_DEFAULT_VERSION.minor_version);
        let (major_version, minor_version) = self.api.min(newest);
        ClientVersion { major_version, minor_version }
    }
}

/// A container, as `GET /containers/json` lists it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Listed {
    pub(super) id: String,
    #[serde(default)]
    pub(super) labels: HashMap<String, String>,
}

/// A container, as `GET /containers/<id>/json` has it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Inspected {
    pub(super) id: String,
    pub(super) name: String,
    /// The id of its image.
    pub(super) image: String,
    pub(super) created: jiff::Timestamp,
    pub(super) state: RawState,
    pub(super) config: Config,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Config {
    /// The reference that it was made from.
    pub(super) image: String,
    #[serde(default)]
    pub(super) env: Vec<String>,
    #[serde(default)]
    pub(super) labels: HashMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RawState {
    status: String,
    running: bool,
    exit_code: i64,
    started_at: jiff::Timestamp,
}

impl RawState {
    /// Whether it runs.
    pub(super) fn runs(&self) -> bool {
        self.running
    }

    /// Whether nothing is being done to it.
    pub(super) fn is_at_rest(&self) -> bool {
        matches!(self.status.as_str(), "created" | "configured" | "exited")
    }

    /// The exit code of one that ended and is not being started again. Podman knows it only after its `stopped`.
    pub(super) fn exit_code(&self) -> Option<i64> {
        matches!(self.status.as_str(), "exited" | "dead").then_some(self.exit_code)
    }

    /// Created, running or ended.
    pub(super) fn read(&self) -> State {
        match self.status.as_str() {
            "created" | "configured" | "initialized" => State::Created,
            _ if self.running => State::Running(self.started_at),
            _ => State::Ended { in_order: self.exit_code == 0 },
        }
    }
}

impl Inspector {
    /// Of the engine at an address: `unix://`, `tcp://` or `http://`.
    pub(super) fn new(address: &str) -> Result<Self> {
        let builder = Client::builder().no_proxy();
        let (builder, base) = match address.strip_prefix("unix://") {
            Some(path) => (builder.unix_socket(path), "http://engine".to_owned()),
            None => (builder, address.replacen("tcp://", "http://", 1)),
        };
        Ok(Self { client: builder.build()?, base })
    }

    /// Whether an engine is there, and which. Asked for its version instead, Podman looks up what packages it is made of,
    /// which takes it most of a second.
    pub(super) async fn greeting(&self) -> Result<Greeting> {
        let answer = self.client.get(format!("{}/_ping", self.base)).send().await?.error_for_status()?;
        let header =
            |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Greeting::read(header("Server"), header("Api-Version")).context("what answers is no container engine")
    }

    /// The containers with a label, running or not.
    pub(super) async fn with_label(&self, label: &str, value: &str) -> Result<Vec<Listed>> {
        let filters = serde_json::json!({ "label": [format!("{label}={value}")] }).to_string();
        let query = [("all", "true"), ("filters", &filters)];
        let list = Url::parse_with_params(&format!("{}/containers/json", self.base), query)?;
        for _ in 0..LOOKS {
            if let Some(found) = self.get(list.clone()).await? {
                return Ok(found);
            }
            sleep(AGAIN).await;
        }
        bail!("the engine cannot list its containers: one after the other is gone while it does")
    }

    /// A container; none if it is gone.
    pub(super) async fn inspect(&self, id: &str) -> Result<Option<Inspected>> {
        self.get(Url::parse(&format!("{}/containers/{id}/json", self.base))?).await
    }

    async fn get<T: DeserializeOwned>(&self, address: Url) -> Result<Option<T>> {
        let mut looks = 0;
        loop {
            let answer =
                self.client.get(address.clone()).send().await.context("the engine does not answer")?;
            let status = answer.status();
            if status == StatusCode::OK {
                return answer.json().await.map(Some).context("an answer of the engine that makes no sense");
            }
            let said = answer.text().await.unwrap_or_default();
            // Podman fails as a whole when a container goes while it is looked at.
            let gone = ["no such container", "container not known"];
            if status == StatusCode::NOT_FOUND || gone.iter().any(|words| said.contains(words)) {
                return Ok(None);
            }
            looks += 1;
            // And when its process ends while what the system says of it is read.
            if !said.contains("/proc/") || looks == LOOKS {
                bail!("the engine answered {status}: {said}")
            }
            sleep(AGAIN).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn engines_are_told_by_their_greeting() {
        let check = |server: &str, api: &str, expected: Option<(&str, &str, usize)>| {
            let read = Greeting::read(server, api);
            let found =
                read.as_ref().map(|read| (read.product, read.version.as_str(), read.api().minor_version));
            assert_eq!(found, expected, "{server:?} {api:?}");
        };
        check("Docker/20.10.24+dfsg1 (linux)", "1.41", Some(("docker", "20.10.24+dfsg1", 41)));
        check("Libpod/4.3.1 (linux)", "1.41", Some(("podman", "4.3.1", 41)));
        // One that is newer than what is known here is spoken to as what is known.
        check("Docker/99.0 (linux)", "1.999", Some(("docker", "99.0", API_DEFAULT_VERSION.minor_version)));
        check("nginx/1.22", "", None);
        check("", "", None);
    }

    /// Answers one question after the other with these.
    async fn engine(answers: &'static [(&'static str, &'static str)]) -> Inspector {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            for (status, body) in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let _ = stream.read(&mut [0; 4096]).await.unwrap();
                let head =
                    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close", body.len());
                stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await.unwrap();
            }
        });
        Inspector::new(&format!("tcp://{address}")).unwrap()
    }

    #[tokio::test]
    async fn a_process_that_ends_while_it_is_looked_at_is_no_failure() {
        const ENDS: &str =
            r#"{"cause":"no such process","message":"read /proc/30099/cgroup: no such process"}"#;
        let engine = engine(&[("500 Error", ENDS), ("500 Error", ENDS), ("200 OK", "[]")]).await;
        assert!(engine.with_label("workshop.role", "workspace").await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn other_failures_are_told_at_once() {
        let engine = engine(&[("500 Error", "the disk is full")]).await;
        let error = engine.inspect("ab12").await.unwrap_err();
        assert_eq!(error.to_string(), "the engine answered 500 Internal Server Error: the disk is full");
    }
}
