//! Steps: list, read, begin, mark as done.

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use workshop_edge::{NoBody, Path, Problem};
use workshop_events::{Cause, StateEvent};
use workshop_projector::Access as StepAccess;
use workshop_wire::ProblemBody;
use workshop_wire::backend::{Accepted, StepView};

use super::{access::Role, help, open_step::OpenStep, service::Service};

/// All steps in order.
#[utoipa::path(get, path = "/api/steps", tag = "student", responses((status = 200, body = Vec<StepView>)))]
pub(super) async fn list_steps(State(service): State<Service>) -> Json<Vec<StepView>> {
    let artifact = service.workspace.artifact();
    let steps = service.workspace.read(|state| {
        artifact
            .steps()
            .map(|step| {
                let access = state.access(&step.id);
                StepView {
                    id: step.id.clone(),
                    title: step.title.clone(),
                    group: step.group.clone(),
                    requires: step.requires.clone(),
                    position: step.position,
                    completed: state.is_completed(&step.id),
                    given: state.is_given(&step.id),
                    accessible: access == StepAccess::Open,
                    locked: match access {
                        StepAccess::Locked(reason) => Some(reason),
                        StepAccess::Open | StepAccess::Unknown => None,
                    },
                    has_goss: step.has_goss,
                    help_modes: help::offers(artifact, step),
                    default_help: help::preselected(artifact, step),
                }
            })
            .collect()
    });
    Json(steps)
}

/// The text of a step.
#[utoipa::path(get, path = "/api/steps/{id}/content", tag = "student", params(("id" = String, Path, description = "The step's id")),
    responses((status = 200, description = "Markdown", body = String, content_type = "text/markdown"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Not open yet", body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn get_content(step: OpenStep) -> Result<Response, Problem> {
    Ok(([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], step.text()?).into_response())
}

#[derive(Deserialize)]
pub(super) struct AssetPath {
    name: String,
}

/// A picture of a step's text.
#[utoipa::path(get, path = "/api/steps/{id}/assets/{name}", tag = "student",
    params(("id" = String, Path, description = "The step's id"), ("name" = String, Path, description = "The picture's file name")),
    responses((status = 200, description = "The picture", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Not open yet", body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn get_asset(
    step: OpenStep,
    Path(AssetPath { name }): Path<AssetPath>,
) -> Result<Response, Problem> {
    let path = step.asset(&name)?;
    let bytes = tokio::fs::read(path).await.map_err(|e| Problem::internal("Cannot read the picture", &e))?;
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    Ok(([(header::CONTENT_TYPE, kind.as_ref())], bytes).into_response())
}

/// The student turned to a step's text.
#[utoipa::path(post, path = "/api/steps/{id}/viewed", tag = "student", params(("id" = String, Path, description = "The step's id")),
    responses((status = 200, body = Accepted), (status = 409, description = "Not open yet", body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn viewed(
    State(service): State<Service>,
    role: Role,
    step: OpenStep,
    _body: NoBody,
) -> Result<Json<Accepted>, Problem> {
    let mut last = service.viewed().lock().await;
    if last.as_ref() != Some(&step.id) {
        let event = StateEvent::StepViewed { step: step.id.clone().into() };
        service.append(event).await?;
        *last = Some(step.id.clone());
    }
    Ok(Json(service.accepted(role)))
}

/// Makes a step the active one, in the running container.
#[utoipa::path(post, path = "/api/steps/{id}/start", tag = "student", params(("id" = String, Path, description = "The step's id")),
    responses((status = 200, body = Accepted), (status = 409, description = "Not open yet", body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn start(
    State(service): State<Service>,
    role: Role,
    step: OpenStep,
    _body: NoBody,
) -> Result<Json<Accepted>, Problem> {
    if service.workspace.active_step() != step.id {
        let event = StateEvent::StepStart { step: step.id.clone().into(), cause: Cause::Navigate };
        service.append(event).await?;
    }
    Ok(Json(service.accepted(role)))
}

/// Marks a step without a check as done.
#[utoipa::path(post, path = "/api/steps/{id}/done", tag = "student", params(("id" = String, Path, description = "The step's id")),
    responses((status = 200, body = Accepted),
        (status = 409, description = "Not open yet, or completed by its check", body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn done(
    State(service): State<Service>,
    role: Role,
    step: OpenStep,
    _body: NoBody,
) -> Result<Json<Accepted>, Problem> {
    if step.has_goss {
        return Err(Problem::conflict(
            "has-check",
            "This step is completed by its check",
            "Use \"Check my work\".",
        ));
    }
    if !service.workspace.read(|state| state.is_completed(&step.id)) {
        let event = StateEvent::StepMarked { step: step.id.clone().into() };
        service.append(event).await?;
    }
    Ok(Json(service.accepted(role)))
}
