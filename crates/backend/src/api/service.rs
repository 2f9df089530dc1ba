//! What the handlers work with.

use std::sync::Arc;

use tokio::sync::Mutex;
use workshop_edge::Problem;
use workshop_events::StateEvent;
use workshop_journal::Appended;
use workshop_wire::backend::Accepted;

use super::access::{Access, Role};
use super::problem::not_stored;
use crate::{check::Checks, terminal::Terminals, workspace::Workspace};

/// The parts of a service.
pub struct Parts {
    /// The workspace.
    pub workspace: Workspace,
    /// Which token has which role.
    pub access: Access,
    /// Runs goss.
    pub checks: Checks,
    /// The terminals.
    pub terminals: Terminals,
    /// Whether shell and log are kept apart.
    pub isolated: bool,
}

/// A handle; clones are the same service.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

struct Inner {
    parts: Parts,
    switching: Mutex<()>,
    viewed: Mutex<Option<String>>,
}

impl std::ops::Deref for Service {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0.parts
    }
}

impl Service {
    /// A service of these parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner { parts, switching: Mutex::default(), viewed: Mutex::default() }))
    }

    /// Held by whoever asks for a swap or reports one: one at a time.
    pub(super) fn switching(&self) -> &Mutex<()> {
        &self.0.switching
    }

    /// The step whose text was opened last.
    pub(super) fn viewed(&self) -> &Mutex<Option<String>> {
        &self.0.viewed
    }

    /// Appends a state event; resolves once it is on disk and in the fold.
    pub(super) async fn append(&self, event: StateEvent<'static>) -> Result<Appended, Problem> {
        self.workspace.append(event).await.map_err(not_stored)
    }

    /// Where the log stands now, as this role follows it.
    pub(super) fn accepted(&self, role: Role) -> Accepted {
        let position = self.workspace.position_now(role == Role::Instructor);
        Accepted { cursor: self.workspace.cursor(&position).to_string() }
    }
}
