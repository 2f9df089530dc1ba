//! Steps: read, begin, check, mark as done.

use std::sync::Arc;
use workshop_wire::ProblemBody;
use workshop_wire::backend::{Accepted, StepView};
use workshop_wire::history::{CheckReport, TestReport};

use axum::{
    Extension, Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use workshop_definition::artifact::{CheckUser, StepMeta};
use workshop_events::{Cause, CheckCount, FailedTest, StateEvent, Trigger, codec::cut};
use workshop_projector::Access as StepAccess;

use super::problem::not_stored;
use super::{Service, Turns, access::Role, help};
use crate::check::{CheckError, Report};
use workshop_edge::Path;
use workshop_edge::{NoBody, Problem};
use workshop_sandbox::RunAs;

/// At most so many failed tests stand in the log, each text cut at so many characters.
const MAX_FAILED: usize = 20;
const MAX_TEXT: usize = 300;

/// A step of the workshop, or 404.
pub(super) fn find<'s>(service: &'s Service, id: &str) -> Result<&'s StepMeta, Problem> {
    service
        .workspace
        .artifact()
        .step(id)
        .ok_or_else(|| Problem::not_found(format!("This workshop has no step {:?}.", cut(id, 80))))
}

/// A step that may be opened now, or 409 with the reason.
pub(super) fn open<'s>(service: &'s Service, id: &str) -> Result<&'s StepMeta, Problem> {
    let step = find(service, id)?;
    match service.workspace.read(|state| state.access(id)) {
        StepAccess::Open => Ok(step),
        StepAccess::Locked(reason) => {
            Err(Problem::conflict("step-locked", "This step is not open yet", reason))
        }
        // The log has not been told of the steps yet: the artifact knows them.
        StepAccess::Unknown => Err(Problem::conflict(
            "step-locked",
            "This step is not open yet",
            "The workspace is still starting.",
        )),
    }
}

/// An instructor reads every step; for all others it must be open.
fn readable<'s>(service: &'s Service, role: Role, id: &str) -> Result<&'s StepMeta, Problem> {
    if role == Role::Instructor { find(service, id) } else { open(service, id) }
}

/// Where the log stands now.
pub(super) fn accepted(service: &Service, role: Role) -> Json<Accepted> {
    let position = service.workspace.position_now(role == Role::Instructor);
    Json(Accepted { cursor: service.workspace.cursor(&position).to_string() })
}

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
pub(super) async fn get_content(
    State(service): State<Service>,
    Extension(role): Extension<Role>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let step = readable(&service, role, &id)?;
    let text = service
        .workspace
        .artifact()
        .content(&step.id)
        .map_err(|e| Problem::internal("Cannot read the step's text", &e))?;
    Ok(([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], text).into_response())
}

/// A picture of a step's text.
#[utoipa::path(get, path = "/api/steps/{id}/assets/{name}", tag = "student",
    params(("id" = String, Path, description = "The step's id"), ("name" = String, Path, description = "The picture's file name")),
    responses((status = 200, description = "The picture", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Not open yet", body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn get_asset(
    State(service): State<Service>,
    Extension(role): Extension<Role>,
    Path((id, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let step = readable(&service, role, &id)?;
    let path = service
        .workspace
        .artifact()
        .asset(&step.id, &name)
        .ok_or_else(|| Problem::not_found(format!("This step has no picture {:?}.", cut(&name, 80))))?;
    let bytes = tokio::fs::read(path).await.map_err(|e| Problem::internal("Cannot read the picture", &e))?;
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    Ok(([(header::CONTENT_TYPE, kind.as_ref())], bytes).into_response())
}

/// The student turned to a step's text.
#[utoipa::path(post, path = "/api/steps/{id}/viewed", tag = "student", params(("id" = String, Path, description = "The step's id")),
    responses((status = 200, body = Accepted), (status = 409, description = "Not open yet", body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn viewed(
    State(service): State<Service>,
    Extension(role): Extension<Role>,
    Extension(turns): Extension<Arc<Turns>>,
    Path(id): Path<String>,
    _body: NoBody,
) -> Result<Json<Accepted>, Problem> {
    let step = open(&service, &id)?;
    let mut last = turns.viewed.lock().await;
    if last.as_ref() != Some(&step.id) {
        let event = StateEvent::StepViewed { step: step.id.clone().into() };
        service.workspace.append(event).await.map_err(not_stored)?;
        *last = Some(step.id.clone());
    }
    Ok(accepted(&service, role))
}

/// Makes a step the active one, in the running container.
#[utoipa::path(post, path = "/api/steps/{id}/start", tag = "student", params(("id" = String, Path, description = "The step's id")),
    responses((status = 200, body = Accepted), (status = 409, description = "Not open yet", body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn start(
    State(service): State<Service>,
    Extension(role): Extension<Role>,
    Path(id): Path<String>,
    _body: NoBody,
) -> Result<Json<Accepted>, Problem> {
    let step = open(&service, &id)?;
    if service.workspace.active_step() != step.id {
        let event = StateEvent::StepStart { step: step.id.clone().into(), cause: Cause::Navigate };
        service.workspace.append(event).await.map_err(not_stored)?;
    }
    Ok(accepted(&service, role))
}

/// Checks a step with goss.
#[utoipa::path(post, path = "/api/steps/{id}/validate", tag = "student", params(("id" = String, Path, description = "The step's id")),
    responses((status = 200, body = CheckReport),
        (status = 409, description = "Not open yet, or without a check", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The check itself could not run", body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn validate(
    State(service): State<Service>,
    Path(id): Path<String>,
    _body: NoBody,
) -> Result<Json<CheckReport>, Problem> {
    let step = open(&service, &id)?;
    check(&service, step, Trigger::Student).await.map(Json)
}

/// Runs a step's check and appends its result.
pub(crate) async fn check(
    service: &Service,
    step: &StepMeta,
    trigger: Trigger,
) -> Result<CheckReport, Problem> {
    let spec = service
        .workspace
        .artifact()
        .goss_spec(&step.id)
        .map_err(|e| Problem::internal("Cannot read the step's check", &e))?;
    let Some(spec) = spec else {
        return Err(Problem::conflict(
            "no-check",
            "This step has no check",
            "Mark it as done when you are done with it.",
        ));
    };
    let run_as = match step.check_user {
        CheckUser::Student => RunAs::Student,
        CheckUser::Root => RunAs::Root,
    };
    let report = service.checks.run(&spec, run_as, trigger).await.map_err(unable)?;
    let appended = service.workspace.append(result(step, &report, trigger)).await.map_err(not_stored)?;
    Ok(CheckReport {
        step: step.id.clone(),
        passed: report.passed,
        total: report.total,
        passed_count: report.passed_count,
        trigger,
        ts: appended.ts,
        tests: report
            .tests
            .into_iter()
            .map(|t| TestReport {
                passed: t.passed,
                test: FailedTest { title: t.title, found: t.found, expected: t.expected },
            })
            .collect(),
    })
}

fn result(step: &StepMeta, report: &Report, trigger: Trigger) -> StateEvent<'static> {
    let text = |text: &str| cut(text, MAX_TEXT).into();
    StateEvent::GossResult {
        step: step.id.clone().into(),
        passed: report.passed,
        checks: CheckCount { total: report.total, passed: report.passed_count },
        trigger,
        failed: report
            .tests
            .iter()
            .filter(|t| !t.passed)
            .take(MAX_FAILED)
            .map(|t| FailedTest { title: text(&t.title), found: text(&t.found), expected: text(&t.expected) })
            .collect(),
    }
}

/// A check that could not run is not a failed check.
fn unable(error: CheckError) -> Problem {
    tracing::warn!(%error, "a check could not run");
    let detail = format!("{error} Your work and your progress are as they were.");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.kind(), "The check could not run", detail)
}

/// Marks a step without a check as done.
#[utoipa::path(post, path = "/api/steps/{id}/done", tag = "student", params(("id" = String, Path, description = "The step's id")),
    responses((status = 200, body = Accepted),
        (status = 409, description = "Not open yet, or completed by its check", body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn done(
    State(service): State<Service>,
    Extension(role): Extension<Role>,
    Path(id): Path<String>,
    _body: NoBody,
) -> Result<Json<Accepted>, Problem> {
    let step = open(&service, &id)?;
    if step.has_goss {
        return Err(Problem::conflict(
            "has-check",
            "This step is completed by its check",
            "Use \"Check my work\".",
        ));
    }
    if !service.workspace.read(|state| state.is_completed(&step.id)) {
        let event = StateEvent::StepMarked { step: step.id.clone().into() };
        service.workspace.append(event).await.map_err(not_stored)?;
    }
    Ok(accepted(&service, role))
}
