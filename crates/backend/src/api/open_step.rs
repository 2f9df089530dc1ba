//! The one way to a step's content: only for those to whom the step is open.

use std::{ops::Deref, path::Path as FilePath};

use axum::{extract::FromRequestParts, http::request::Parts};
use serde::Deserialize;
use workshop_definition::artifact::{HelpMode, StepMeta};
use workshop_edge::{Path, Problem};
use workshop_events::codec::cut;
use workshop_projector::Access;

use super::{access::Role, service::Service};

/// The step that a request's path names, if it is open to whoever asks: to the student as the navigation says, to
/// instructor and supervisor in any case.
pub(crate) struct OpenStep {
    service: Service,
    step: StepMeta,
}

#[derive(Deserialize)]
struct StepPath {
    id: String,
}

impl FromRequestParts<Service> for OpenStep {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Problem> {
        let Path(StepPath { id }) = Path::from_request_parts(parts, service).await?;
        let role = Role::from_request_parts(parts, service).await?;
        let step = find(service, &id)?;
        if role == Role::Student {
            check_open(service, &id)?;
        }
        Ok(Self { service: service.clone(), step: step.clone() })
    }
}

impl Deref for OpenStep {
    type Target = StepMeta;
    fn deref(&self) -> &StepMeta {
        &self.step
    }
}

impl OpenStep {
    /// The active step, which is always open; `None` if the workshop no longer has it.
    pub(crate) fn active(service: &Service) -> Option<Self> {
        let step = service.workspace.artifact().step(&service.workspace.active_step())?.clone();
        Some(Self { service: service.clone(), step })
    }

    /// The service that the step was asked of.
    pub(super) fn service(&self) -> &Service {
        &self.service
    }

    /// Its text, in markdown.
    pub(super) fn text(&self) -> Result<String, Problem> {
        let text = self.service.workspace.artifact().content(&self.step.id);
        text.map_err(|error| Problem::internal("Cannot read the step's text", &error))
    }

    /// The file of a picture of its text.
    pub(super) fn asset(&self, name: &str) -> Result<&FilePath, Problem> {
        let path = self.service.workspace.artifact().asset(&self.step.id, name);
        path.ok_or_else(|| Problem::not_found(format!("This step has no picture {:?}.", cut(name, 80))))
    }

    /// The author's help of a mode, in markdown; `None` if there is none.
    pub(super) fn help(&self, mode: HelpMode) -> Result<Option<String>, Problem> {
        let text = self.service.workspace.artifact().help(&self.step.id, mode);
        text.map_err(|error| Problem::internal("Cannot read the help", &error))
    }

    /// Its goss spec; `None` if it has no check.
    pub(super) fn spec(&self) -> Result<Option<String>, Problem> {
        let spec = self.service.workspace.artifact().goss_spec(&self.step.id);
        spec.map_err(|error| Problem::internal("Cannot read the step's check", &error))
    }
}

/// A step of the workshop, or 404.
pub(super) fn find<'s>(service: &'s Service, id: &str) -> Result<&'s StepMeta, Problem> {
    let step = service.workspace.artifact().step(id);
    step.ok_or_else(|| Problem::not_found(format!("This workshop has no step {:?}.", cut(id, 80))))
}

/// Refuses a step that the student may not open now: 409 with the reason.
fn check_open(service: &Service, id: &str) -> Result<(), Problem> {
    let reason = match service.workspace.read(|state| state.access(id)) {
        Access::Open => return Ok(()),
        Access::Locked(reason) => reason,
        // The log has not been told of the steps yet: the artifact knows them.
        Access::Unknown => "The workspace is still starting.".to_owned(),
    };
    Err(Problem::conflict("step-locked", "This step is not open yet", reason))
}
