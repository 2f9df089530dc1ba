//! The file that says which events are posted where.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use reqwest::Url;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::client::ClientError;

/// A secret that is shorter can be guessed.
const SHORTEST_SECRET: usize = 16;

/// Why webhooks cannot be delivered.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// There is no file.
    #[error("the webhooks' file {} cannot be read: {source}", path.display())]
    Read {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is no TOML, or says too much or too little.
    #[error("the webhooks' file {}, line {line}: {message}", path.display())]
    Toml {
        /// Its path.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong, without what stands there.
        message: String,
    },
    /// A webhook that cannot be.
    #[error("webhook {number} of {}: {problem}", path.display())]
    Webhook {
        /// The file's path.
        path: PathBuf,
        /// Its place in the file, from 1.
        number: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Nothing can be posted.
    #[error("webhooks cannot be posted: {0}")]
    Client(#[from] ClientError),
}

/// Where events go.
pub(super) struct Hook {
    /// What its cursors are kept under: the same as long as address and workshop are.
    pub(super) id: String,
    pub(super) url: Url,
    pub(super) secret: String,
    /// Names of events; empty: all.
    pub(super) events: HashSet<String>,
    pub(super) workshop: Option<String>,
}

impl Hook {
    /// Whether an event of this kind is posted.
    pub(super) fn wants(&self, kind: &str) -> bool {
        self.events.is_empty() || self.events.contains(kind)
    }

    /// The address as it may stand in a log: without what may be secret in it.
    pub(super) fn name(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    webhook: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    url: String,
    secret: String,
    events: Vec<String>,
    workshop: Option<String>,
}

/// Reads the file.
pub(super) fn read(path: &Path) -> Result<Vec<Hook>, WebhookError> {
    let text =
        fs::read_to_string(path).map_err(|source| WebhookError::Read { path: path.to_owned(), source })?;
    hooks(&text).map_err(|wrong| match wrong {
        Wrong::Toml(line, message) => WebhookError::Toml { path: path.to_owned(), line, message },
        Wrong::Entry(number, problem) => WebhookError::Webhook { path: path.to_owned(), number, problem },
    })
}

#[derive(Debug, PartialEq)]
enum Wrong {
    Toml(usize, String),
    Entry(usize, &'static str),
}

fn hooks(text: &str) -> Result<Vec<Hook>, Wrong> {
    // The whole error would show the line, and with it a secret.
    let file: File = toml::from_str(text).map_err(|error| {
        let before = error.span().map_or(0, |span| span.start.min(text.len()));
        let line = 1 + text.as_bytes()[..before].iter().filter(|byte| **byte == b'\n').count();
        Wrong::Toml(line, error.message().to_owned())
    })?;
    let mut hooks = Vec::new();
    for (index, entry) in file.webhook.into_iter().enumerate() {
        let hook = hook(entry).map_err(|problem| Wrong::Entry(index + 1, problem))?;
        if hooks.iter().any(|other: &Hook| other.id == hook.id) {
            return Err(Wrong::Entry(index + 1, "one before it has the same url and workshop"));
        }
        hooks.push(hook);
    }
    Ok(hooks)
}

fn hook(entry: Entry) -> Result<Hook, &'static str> {
    let url: Url = entry.url.parse().map_err(|_| "its url is none")?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("its url must begin with http:// or https://");
    }
    if entry.secret.len() < SHORTEST_SECRET {
        return Err("its secret must have 16 characters or more");
    }
    if entry.events.is_empty() || entry.events.iter().any(String::is_empty) {
        return Err("its events are names of events, command, help, or \"*\" for all");
    }
    let all = entry.events.iter().any(|event| event == "*");
    let mut hash = Sha256::new();
    hash.update(url.as_str());
    hash.update("\0");
    hash.update(entry.workshop.as_deref().unwrap_or_default());
    Ok(Hook {
        id: hex::encode(&hash.finalize()[..16]),
        url,
        secret: entry.secret,
        events: if all { HashSet::new() } else { entry.events.into_iter().collect() },
        workshop: entry.workshop,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        [[webhook]]
        url = "https://chat.example/hooks/1"
        secret = "0123456789abcdef"
        events = ["goss_result", "command"]
        workshop = "git-basics"

        [[webhook]]
        url = "http://127.0.0.1:9000/"
        secret = "0123456789abcdef"
        events = ["*"]
    "#;

    #[test]
    fn a_file_says_what_goes_where() {
        let hooks = hooks(GOOD).unwrap_or_else(|_| panic!());
        assert_eq!(hooks.len(), 2);
        assert!(hooks[0].wants("command") && !hooks[0].wants("help"));
        assert!(hooks[1].wants("command") && hooks[1].wants("of_a_later_version"));
        assert_ne!(hooks[0].id, hooks[1].id);
    }

    #[test]
    fn what_is_wrong_is_said_without_the_secret() {
        let check = |from: &str, to: &str, expected: &str| {
            let wrong = match hooks(&GOOD.replacen(from, to, 1)) {
                Err(wrong) => format!("{wrong:?}"),
                Ok(_) => "nothing".to_owned(),
            };
            assert!(wrong.contains(expected), "{wrong}");
            assert!(!wrong.contains("0123456789"), "{wrong}");
        };
        check("https://chat.example", "ftp://chat.example", "must begin with http");
        check("https://chat.example", "chat.example", "its url is none");
        check("\"0123456789abcdef\"", "\"short\"", "16 characters");
        check("\"0123456789abcdef\"", "0123456789abcdefX", "Toml(4");
        check("secret =", "secrets =", "unknown field");
        check("[\"goss_result\", \"command\"]", "[]", "names of events");
        let twice = GOOD.replace("https://chat.example/hooks/1", "http://127.0.0.1:9000/");
        assert!(hooks(&twice.replace("workshop = \"git-basics\"", "")).is_err());
    }
}
