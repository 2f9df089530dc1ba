//! A workspace's container: what it is made from, and how it stands.

use workshop_definition::artifact::ExtraContainer;

use super::labels::Labels;

/// What a workspace's container is made from.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The container's name; creating it is the lock.
    pub(crate) container: String,
    /// Image reference; for a sandbox the workshop's folder and the step, `<folder>:<step>`.
    pub(crate) image: String,
    /// What the container says of itself.
    pub(crate) labels: Labels,
    /// Variables beyond the image's own.
    pub(crate) env: Vec<(String, String)>,
    /// What runs beside it.
    pub(crate) extras: Vec<ExtraContainer>,
}

/// A workspace's container.
#[derive(Debug, Clone)]
pub(crate) struct Container {
    /// The engine's id.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// The image it was made from.
    pub(crate) image: String,
    /// What it says of itself.
    pub(crate) labels: Labels,
    /// Variables beyond the image's own.
    pub(crate) env: Vec<(String, String)>,
    /// Whether it runs.
    pub(crate) state: State,
    /// When it was created, for the order.
    pub(crate) created: jiff::Timestamp,
}

/// Whether a container runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Never started.
    Created,
    /// Since when.
    Running(jiff::Timestamp),
    /// It ended. In order: it was asked to.
    Ended {
        /// Its exit said that all was well.
        in_order: bool,
    },
}

/// What became of a creation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Creation {
    /// It was made.
    Made,
    /// There is one with that name.
    Exists,
}

impl Container {
    /// A variable that the container was given.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.env.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// Whether it runs.
    pub(crate) fn is_running(&self) -> bool {
        matches!(self.state, State::Running(_))
    }
}
