//! Asking for an image swap.

use axum::{Json, extract::State, http::StatusCode};
use workshop_edge::{JsonBody, Problem};
use workshop_events::{StateEvent, SwitchKind};
use workshop_wire::ProblemBody;
use workshop_wire::backend::{SwitchAccepted, SwitchBody};

use super::{open_step::OpenStep, service::Service};

/// Asks for the swap to the image in which a step begins.
#[utoipa::path(post, path = "/api/steps/{id}/switch", tag = "student", params(("id" = String, Path, description = "The step's id")),
    request_body = SwitchBody,
    responses((status = 202, body = SwitchAccepted),
        (status = 409, description = "Not open yet, another swap is open, or nobody swaps: then with the host's command", body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn switch(
    State(service): State<Service>,
    step: OpenStep,
    JsonBody(body): JsonBody<SwitchBody>,
) -> Result<(StatusCode, Json<SwitchAccepted>), Problem> {
    let kind = body.kind;
    let request = new_request()?;
    if !service.access.has_supervisor() {
        return Err(unsupervised(&service, &step.id, kind, &request));
    }
    let _one_at_a_time = service.switching().lock().await;
    if let Some(open) = service.workspace.read(|state| state.open_switch().map(|open| open.step.clone())) {
        return Err(Problem::conflict(
            "switch-open",
            "Another swap is under way",
            format!("The workspace is already being restarted at {open:?}. Wait for that, then try again."),
        ));
    }
    let event =
        StateEvent::SwitchRequested { step: step.id.clone().into(), kind, request: request.clone().into() };
    service.append(event).await?;
    Ok((StatusCode::ACCEPTED, Json(SwitchAccepted { request })))
}

/// A request's id stands in container names and labels: 12 hex digits.
fn new_request() -> Result<String, Problem> {
    let bits = getrandom::u64().map_err(|e| Problem::internal("No random numbers to be had", &e))?;
    Ok(format!("{:012x}", bits >> 16))
}

/// Nobody swaps images for this container: the command with which the host does.
fn unsupervised(service: &Service, step: &str, kind: SwitchKind, request: &str) -> Problem {
    let workshop = service.workspace.artifact().workshop();
    let position = workshop.steps.iter().position(|s| s.id == step).unwrap_or_default();
    let before = match position {
        0 => "step-0",
        after => workshop.steps[after - 1].id.as_str(),
    };
    let command = format!(
        "docker run --rm -p 127.0.0.1:8080:8080 -v <volume>:/workshop/runtime -e WORKSHOP_SWITCH={request}:{}:{step} {}:{before}",
        kind.as_str(),
        workshop.image,
    );
    Problem::conflict(
        "unsupervised",
        "This workspace cannot restart itself",
        "Nothing on the host listens for this. Stop this container there and run the command below, with the volume \
         that holds this workspace's log in place of <volume>, and the port that you use before :8080. Your progress \
         and recordings are on the volume and stay.",
    )
    .with_command(command)
}
