//! The labels of containers and volumes, from which alone it is known what runs.

use std::collections::HashMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Marks everything of ours: `workspace` or `extra`.
pub(super) const ROLE: &str = "workshop.role";
pub(super) const NAME: &str = "workshop.name";
/// The container that an extra container runs beside.
pub(super) const BESIDE: &str = "workshop.beside";
/// Its host name, and the ports that it serves, separated by commas.
pub(super) const HOST: &str = "workshop.host";
pub(super) const PORTS: &str = "workshop.ports";
const STEP: &str = "workshop.step";
const REQUEST: &str = "workshop.request";
const IMAGE: &str = "workshop.image";
const PORT: &str = "workshop.port";
const VOLUME: &str = "workshop.volume";
const FOLDER: &str = "workshop.folder";
const LOCKS: &str = "workshop.locks";

/// Where a log is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Volume {
    /// A volume of the engine.
    Named(String),
    /// A folder of the host.
    Folder(PathBuf),
}

/// What a workspace's container says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Labels {
    /// The workspace's name.
    pub(crate) workspace: String,
    /// The step that began in it.
    pub(crate) step: String,
    /// The request that it was made for, by its id in the log; the first was made for none.
    pub(crate) request: Option<String>,
    /// The repository of its images.
    pub(crate) repository: String,
    /// The port on 127.0.0.1.
    pub(crate) port: u16,
    /// The name of the log's volume.
    pub(crate) volume: Option<String>,
    /// The log's folder, when it is no volume.
    pub(crate) folder: Option<String>,
    /// The folder where whoever changes its containers takes turns: of the user who made it.
    pub(crate) locks: Option<String>,
}

impl Labels {
    /// Where the log is.
    pub(crate) fn log(&self) -> Volume {
        match (&self.folder, &self.volume) {
            (Some(folder), _) => Volume::Folder(folder.into()),
            (None, Some(volume)) => Volume::Named(volume.clone()),
            (None, None) => Volume::Named(volume_name(&self.workspace)),
        }
    }

    pub(super) fn to_map(&self) -> HashMap<String, String> {
        let mut map: HashMap<String, String> = [
            (ROLE, "workspace".to_owned()),
            (NAME, self.workspace.clone()),
            (STEP, self.step.clone()),
            (IMAGE, self.repository.clone()),
            (PORT, self.port.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        // An empty one, too: a container has its image's labels where it has none of its own, and what is written in an
        // image must not say where a log is.
        let mut add = |name: &str, value: &Option<String>| {
            map.insert(name.to_owned(), value.clone().unwrap_or_default());
        };
        add(REQUEST, &self.request);
        add(VOLUME, &self.volume);
        add(FOLDER, &self.folder);
        add(LOCKS, &self.locks);
        map
    }

    /// The labels of a workspace's container; none of another one's, or where one of them makes no sense.
    pub(super) fn from_map(map: &HashMap<String, String>) -> Option<Self> {
        let text = |name: &str| map.get(name).filter(|value| !value.is_empty()).cloned();
        if map.get(ROLE).map(String::as_str) != Some("workspace") {
            return None;
        }
        let workspace = text(NAME).filter(|name| is_name(name))?;
        Some(Self {
            workspace,
            step: text(STEP)?,
            request: text(REQUEST),
            repository: text(IMAGE)?,
            port: text(PORT)?.parse().ok()?,
            volume: text(VOLUME),
            folder: text(FOLDER),
            locks: text(LOCKS),
        })
    }
}

/// The volume of a workspace's log.
pub(crate) fn volume_name(workspace: &str) -> String {
    format!("workshop-{workspace}")
}

/// Whether a text can name a workspace: it becomes part of names of containers, volumes and folders.
pub(crate) fn is_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| plain(b) || b == b'-')
        && text.bytes().next().is_some_and(plain)
        && text.bytes().last().is_some_and(plain)
}

#[cfg(test)]
impl Labels {
    /// Those of a workspace, without what may be missing.
    pub(crate) fn example() -> Self {
        Self {
            workspace: "git-basics".into(),
            step: "branches".into(),
            request: None,
            repository: "localhost/git-basics".into(),
            port: 8080,
            volume: None,
            folder: None,
            locks: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_come_back() {
        for (request, folder) in [(None, None), (Some("ab12".to_owned()), Some("/data/x".to_owned()))] {
            let labels = Labels {
                request,
                volume: Some("workshop-git-basics".into()),
                folder,
                locks: Some("/home/me/.local/state/workshop".into()),
                ..Labels::example()
            };
            assert_eq!(Labels::from_map(&labels.to_map()), Some(labels));
        }
    }

    /// What an image says stays under what the container says.
    #[test]
    fn a_container_says_everything_itself() {
        let of_image = [(FOLDER, "/home/me"), (VOLUME, "other"), (REQUEST, "../x"), (LOCKS, "/dev")];
        let mut map: HashMap<String, String> =
            of_image.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let labels = Labels::example();
        map.extend(labels.to_map());
        assert_eq!(Labels::from_map(&map), Some(labels));
    }

    #[test]
    fn hostile_names_are_no_names() {
        for name in ["", "-a", "a-", "A", "a b", "../a", "a/b", "a\0b", "a\nb", "ä", "$(id)", &"a".repeat(64)]
        {
            assert!(!is_name(name), "{name:?}");
        }
        for name in ["a", "git-basics", "k8s-101", &"a".repeat(63)] {
            assert!(is_name(name), "{name:?}");
        }
    }
}
