//! Checking a step, on the student's request or at an interval.

use axum::{Json, http::StatusCode};
use workshop_definition::artifact::{CheckUser, StepMeta};
use workshop_edge::{NoBody, Problem};
use workshop_events::{CheckCount, FailedTest, StateEvent, Trigger, codec::cut};
use workshop_sandbox::RunAs;
use workshop_wire::ProblemBody;
use workshop_wire::history::{CheckReport, TestReport};

use super::open_step::OpenStep;
use crate::check::{CheckError, Report};

/// At most so many failed tests stand in the log, each text cut at so many characters.
const MAX_FAILED: usize = 20;
const MAX_TEXT: usize = 300;

/// Checks a step with goss.
#[utoipa::path(post, path = "/api/steps/{id}/validate", tag = "student", params(("id" = String, Path, description = "The step's id")),
    responses((status = 200, body = CheckReport),
        (status = 409, description = "Not open yet, or without a check", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The check itself could not run", body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn validate(step: OpenStep, _body: NoBody) -> Result<Json<CheckReport>, Problem> {
    check(&step, Trigger::Student).await.map(Json)
}

/// Runs a step's check and appends its result.
pub(crate) async fn check(step: &OpenStep, trigger: Trigger) -> Result<CheckReport, Problem> {
    let Some(spec) = step.spec()? else {
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
    let service = step.service();
    let report = service.checks.run(&spec, run_as, trigger).await.map_err(unable)?;
    let appended = service.append(result(step, &report, trigger)).await?;
    Ok(CheckReport {
        step: step.id.clone(),
        passed: report.passed,
        total: report.total,
        passed_count: report.passed_count,
        trigger,
        ts: appended.ts,
        tests: report.tests,
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
            .filter(|test| !test.passed)
            .take(MAX_FAILED)
            .map(|TestReport { test, .. }| FailedTest {
                title: text(&test.title),
                found: text(&test.found),
                expected: text(&test.expected),
            })
            .collect(),
    }
}

/// A check that could not run is not a failed check.
fn unable(error: CheckError) -> Problem {
    tracing::warn!(%error, "a check could not run");
    let detail = format!("{error} Your work and your progress are as they were.");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.kind(), "The check could not run", detail)
}
