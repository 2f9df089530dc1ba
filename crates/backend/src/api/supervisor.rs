//! What the supervisor reports.

use axum::{Json, extract::State};
use workshop_edge::{JsonBody, Problem};
use workshop_events::{StateEvent, codec::cut};
use workshop_wire::ProblemBody;
use workshop_wire::backend::{Accepted, SwitchFailedBody};

use super::{access::Role, service::Service};

/// The supervisor could not swap.
#[utoipa::path(post, path = "/api/supervisor/switch-failed", tag = "supervisor", request_body = SwitchFailedBody,
    responses((status = 200, body = Accepted), (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "The log knows no such request", body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn switch_failed(
    State(service): State<Service>,
    role: Role,
    JsonBody(body): JsonBody<SwitchFailedBody>,
) -> Result<Json<Accepted>, Problem> {
    // Two supervisors that report the same failure at once report it once.
    let _one_at_a_time = service.switching().lock().await;
    let known = service.workspace.read(|state| {
        (
            state.switch_step(&body.request).map(ToOwned::to_owned),
            state.failed_switch().is_some_and(|f| f.request == body.request),
        )
    });
    match known {
        // Reported twice, because the answer was lost: once is enough.
        (_, true) => Ok(Json(service.accepted(role))),
        (Some(step), false) => {
            let event = StateEvent::SwitchFailed {
                step: step.into(),
                request: body.request.into(),
                reason: cut(&body.reason, 2000).into(),
            };
            service.append(event).await?;
            Ok(Json(service.accepted(role)))
        }
        (None, false) => {
            let request = cut(&body.request, 64);
            Err(Problem::not_found(format!("This log has no request {request:?}.")))
        }
    }
}
