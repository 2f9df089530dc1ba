//! What the shipper is told on its command line or by `WORKSHOP_*` variables.

use std::{net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use clap::{Parser, ValueEnum};
use reqwest::Url;

use crate::token::Token;

/// Ships a workspace's log volume to the dashboard: every record and recording, exactly once.
///
/// Needs a URL, a token and the folder, and keeps nothing: it may be killed and started again at any time. It reads
/// only; a read-only mount will do.
#[derive(Clone, Debug, Parser)]
#[command(name = "workshop-shipper", version)]
pub struct Settings {
    /// Where the log goes: the dashboard's address, ending in `/ingest/` and the workspace's name
    #[arg(long, env = "WORKSHOP_INGEST_URL", value_name = "URL")]
    pub url: IngestUrl,

    /// The workspace's token; better given as the variable, where no list of processes shows it
    #[arg(
        long,
        env = "WORKSHOP_INGEST_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    pub token: Token,

    /// The log volume
    #[arg(long, env = "WORKSHOP_RUNTIME_DIR", value_name = "FOLDER", default_value = "/workshop/runtime")]
    pub dir: PathBuf,

    /// Ship only recordings (beside Vector), or only the three streams of records
    #[arg(long, env = "WORKSHOP_SHIPPER_ONLY", value_name = "WHAT")]
    pub only: Option<Only>,

    /// After SIGTERM, how long to go on until the backend has ended and everything is shipped; with --once, how long
    /// to go on without getting anywhere
    #[arg(long, env = "WORKSHOP_SHIPPER_GRACE", value_name = "SECONDS", default_value = "20", value_parser = seconds)]
    pub grace: Duration,

    /// Serve /metrics and /healthz here, such as 127.0.0.1:9100
    #[arg(long, env = "WORKSHOP_SHIPPER_METRICS", value_name = "ADDRESS")]
    pub metrics: Option<SocketAddr>,

    /// Ship what is there, and end: 0 when all of it is shipped, else 1
    #[arg(long, env = "WORKSHOP_SHIPPER_ONCE")]
    pub once: bool,

    /// A recording that is being written is shipped so often, or whenever 256 KiB have come
    #[arg(long, env = "WORKSHOP_SHIPPER_GATHER", value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub gather: Duration,

    /// How long an answer may take
    #[arg(long, env = "WORKSHOP_SHIPPER_TIMEOUT", value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub timeout: Duration,
}

/// A part of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Only {
    /// The recordings.
    Casts,
    /// The streams `state`, `commands` and `llm`.
    Streams,
}

/// Where a workspace's log goes.
#[derive(Clone, Debug)]
pub struct IngestUrl {
    url: Url,
}

/// A text that is no such address.
#[derive(Debug, thiserror::Error)]
pub enum InvalidUrl {
    /// Not a URL.
    #[error("not an address: {0}")]
    Syntax(String),
    /// Something that would be lost or shown.
    #[error("must be http or https, without user, query and fragment")]
    Form,
    /// Another path.
    #[error("must end in /ingest/<workspace>: lowercase letters, digits and hyphens, at most 63")]
    Path,
}

impl IngestUrl {
    /// With these segments after it.
    pub(crate) fn join(&self, segments: &[&str]) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(segments);
        }
        url
    }

    /// Whether it is reached through TLS.
    pub(crate) fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// As it is shown.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }
}

impl FromStr for IngestUrl {
    type Err = InvalidUrl;
    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let url = Url::parse(text.trim_end_matches('/')).map_err(|e| InvalidUrl::Syntax(e.to_string()))?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !plain {
            return Err(InvalidUrl::Form);
        }
        let mut segments = url.path_segments().ok_or(InvalidUrl::Path)?.rev();
        match (segments.next(), segments.next()) {
            (Some(workspace), Some("ingest")) if is_workspace(workspace) => Ok(Self { url }),
            _ => Err(InvalidUrl::Path),
        }
    }
}

fn is_workspace(name: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&name.len())
        && name.bytes().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let check = |text: &str, good: bool| assert_eq!(text.parse::<IngestUrl>().is_ok(), good, "{text}");
        check("http://127.0.0.1:8090/ingest/ann", true);
        check("https://class.example/below/ingest/ann-1/", true);
        check("http://127.0.0.1:8090/ingest/", false);
        check("http://127.0.0.1:8090/ann", false);
        check("http://127.0.0.1/ingest/Ann", false);
        check("http://127.0.0.1/ingest/-ann", false);
        check("http://u:p@127.0.0.1/ingest/ann", false);
        check("http://127.0.0.1/ingest/ann?a=b", false);
        check("ftp://127.0.0.1/ingest/ann", false);
        check("ingest/ann", false);
    }

    #[test]
    fn a_recordings_name_stays_one_segment() {
        let url: IngestUrl = "http://h/ingest/ann".parse().unwrap();
        let joined = url.join(&["0123456789abcdef", "cast", "a/../b %2e?#.cast"]);
        assert_eq!(
            joined.as_str(),
            "http://h/ingest/ann/0123456789abcdef/cast/a%2F..%2Fb%20%252e%3F%23.cast"
        );
    }

    /// One in 64 of those that the dashboard makes begins with a hyphen.
    #[test]
    fn a_token_may_begin_with_a_hyphen() {
        let arguments = ["workshop-shipper", "--url", "http://h/ingest/ann", "--token", "-grace-of-ann"];
        assert!(Settings::try_parse_from(arguments).is_ok());
    }

    #[test]
    fn the_token_is_not_shown() {
        let arguments = ["workshop-shipper", "--url", "http://h/ingest/ann", "--token", "secret-of-ann"];
        let settings = Settings::try_parse_from(arguments).unwrap();
        assert!(!format!("{settings:?}").contains("secret"));
    }

    /// Images and pods set variables.
    #[test]
    fn each_flag_has_a_variable() {
        let command = <Settings as clap::CommandFactory>::command();
        let without = command
            .get_arguments()
            .filter(|flag| flag.get_env().is_none())
            .map(|flag| flag.get_id().as_str());
        assert_eq!(without.collect::<Vec<_>>(), [""; 0]);
    }
}
