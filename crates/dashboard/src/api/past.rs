//! A workspace at any moment: its stored lines, folded by the same projector as in the workspace itself.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use sqlx::PgPool;
use workshop_events::{Cause, StateRecord, Timestamp};
use workshop_projector::{
    Band, Check, FoldUntil, OpenSwitch as FoldedSwitch, Projection, StepRecord, Timeline,
};

use super::asked::{self, Log};
use super::lists;
use super::types::{
    AtQuery, CastRef, CheckReport, CheckTrigger, LogQuery, Moment, OpenSwitch, SessionBand, StateAt,
    StepBand, StepProgress, StepStatus, TestReport, TimelineView,
};
use crate::Dashboard;
use crate::address::{Path, Query};
use crate::problem::{Problem, ProblemBody};

/// How much of each kind stands on the timeline.
const KEEP: usize = 5000;
/// Lines that are folded at once.
const BATCH: i64 = 5000;

/// The state at a moment.
#[utoipa::path(get, path = "/api/workspaces/{id}/state", tag = "instructor",
    params(("id" = String, Path, description = "Name of the workspace"), AtQuery),
    responses((status = 200, body = StateAt), (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 410, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn state(
    State(dashboard): State<Arc<Dashboard>>,
    Path(id): Path<String>,
    Query(AtQuery { at, log }): Query<AtQuery>,
) -> Result<Json<StateAt>, Problem> {
    let pool = dashboard.store.views();
    let log = asked::some_log(pool, &id, log.as_deref()).await?;
    let mut fold = FoldUntil::new(at);
    each_record(pool, &log, |seq, record| fold.apply(seq, record)).await?;
    let state = fold.into_projection();
    Ok(Json(StateAt {
        log: log.log,
        ts: at,
        seq: state.seq(),
        active: state.active().map(ToOwned::to_owned),
        steps: progress(&state, at),
        clients: u32::try_from(state.clients()).unwrap_or(u32::MAX),
        switch: state.open_switch().map(open_switch),
    }))
}

/// All that moves under the slider.
#[utoipa::path(get, path = "/api/workspaces/{id}/timeline", tag = "instructor",
    params(("id" = String, Path, description = "Name of the workspace"), LogQuery),
    responses((status = 200, body = TimelineView), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 410, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn timeline(
    State(dashboard): State<Arc<Dashboard>>,
    Path(id): Path<String>,
    Query(query): Query<LogQuery>,
) -> Result<Json<TimelineView>, Problem> {
    let pool = dashboard.store.views();
    let log = asked::some_log(pool, &id, query.log.as_deref()).await?;
    let mut timeline = Timeline::new(KEEP);
    each_record(pool, &log, |seq, record| timeline.apply(seq, record)).await?;
    let mut commands = lists::newest_commands(pool, &log, i64::try_from(KEEP).unwrap_or(i64::MAX)).await?;
    for command in &mut commands {
        // The seed's lines do not say their step.
        if command.step.is_none() {
            command.step = timeline.step_at(command.ts).map(ToOwned::to_owned);
        }
    }
    let state = timeline.projection();
    let session = |session: &workshop_projector::Session| SessionBand {
        session: session.id.clone(),
        name: session.name.clone(),
        opened: session.opened,
        closed: session.closed,
        casts: session.casts.iter().map(|c| CastRef { name: c.name.clone(), at: c.at }).collect(),
    };
    let moment = |m: &workshop_projector::Moment| Moment {
        ts: m.ts,
        kind: m.kind.clone(),
        step: m.step.clone(),
        text: m.text.clone(),
    };
    Ok(Json(TimelineView {
        log: log.log,
        from: timeline.first(),
        to: state.last().max(commands.last().map(|c| c.ts)),
        steps: timeline.bands().map(band).collect(),
        checks: timeline.checks().map(|(step, check)| report(step, check)).collect(),
        moments: timeline.moments().map(moment).collect(),
        sessions: state.sessions().iter().map(session).collect(),
        commands,
    }))
}

/// Every state record of a log in the order of `seq`, up to where it is projected.
async fn each_record(
    pool: &PgPool,
    log: &Log,
    mut take: impl FnMut(u64, &StateRecord<'_>),
) -> Result<(), Problem> {
    let mut after = -1i64;
    loop {
        let lines: Vec<(i64, String)> = sqlx::query_as(
            "select seq, line from events where opened = $1::date and log = $2 and stream = 'state' and seq > $3
             and seq <= coalesce((select seq from cursors where log = $2 and stream = 'state'), 9223372036854775807)
             order by seq limit $4",
        )
        .bind(&log.opened)
        .bind(&log.log)
        .bind(after)
        .bind(BATCH)
        .fetch_all(pool)
        .await?;
        let Some((last, _)) = lines.last() else { return Ok(()) };
        after = *last;
        for (seq, line) in &lines {
            // Only what could be read was stored.
            if let (Ok(seq), Ok(record)) = (u64::try_from(*seq), StateRecord::from_line(line)) {
                take(seq, &record);
            }
        }
        tokio::task::yield_now().await;
    }
}

fn open_switch(open: &FoldedSwitch) -> OpenSwitch {
    OpenSwitch { request: open.request.clone(), kind: open.kind.into(), step: open.step.clone(), ts: open.ts }
}

fn band(band: &Band) -> StepBand {
    let cause = match band.cause {
        Cause::Initial => "initial",
        Cause::Navigate => "navigate",
        Cause::Switch => "switch",
        Cause::Reset => "reset",
        Cause::Other => "other",
    };
    StepBand { step: band.step.clone(), from: band.from, to: band.to, cause: cause.to_owned() }
}

fn report(step: &str, check: &Check) -> CheckReport {
    let test = |failed: &workshop_events::FailedTest| TestReport {
        title: failed.title.clone(),
        passed: false,
        found: failed.found.clone(),
        expected: failed.expected.clone(),
    };
    CheckReport {
        step: step.to_owned(),
        passed: check.passed,
        total: check.count.total,
        passed_count: check.count.passed,
        trigger: match check.trigger {
            workshop_events::Trigger::Student => CheckTrigger::Student,
            workshop_events::Trigger::Periodic | workshop_events::Trigger::Other => CheckTrigger::Periodic,
        },
        ts: check.ts,
        tests: check.failed.iter().map(test).collect(),
    }
}

/// Each step of the workshop, then former ones, as they stood at `now`.
fn progress(state: &Projection, now: Timestamp) -> Vec<StepProgress> {
    let current = state.steps().iter().map(|s| (s.id.as_str(), s.title.as_str(), s.group.clone()));
    // A log that never lists its steps still names them.
    let others: Vec<&str> = match state.steps() {
        [] => state.step_records().map(|(id, _)| id).collect(),
        _ => state.former(),
    };
    let others = others.into_iter().map(|id| (id, id, None));
    current.chain(others).map(|(id, title, group)| step_progress(state, now, id, title, group)).collect()
}

fn step_progress(
    state: &Projection,
    now: Timestamp,
    id: &str,
    title: &str,
    group: Option<String>,
) -> StepProgress {
    let record = state.step_record(id);
    let last_check = record.and_then(StepRecord::last_check);
    let active = state.active() == Some(id);
    let status = if state.is_completed(id) {
        StepStatus::Completed
    } else if active && last_check.is_some_and(|check| !check.passed) {
        StepStatus::Failing
    } else if active {
        StepStatus::Active
    } else if state.is_given(id) {
        StepStatus::Given
    } else if !state.steps().is_empty() && state.position(id).is_none() {
        StepStatus::Former
    } else {
        StepStatus::Ahead
    };
    StepProgress {
        id: id.to_owned(),
        title: title.to_owned(),
        group,
        status,
        active,
        tries: record.map_or(0, |r| r.tries),
        seconds: state.active_ms(id, now) as f64 / 1000.0,
        last_check: last_check.map(|check| report(id, check)),
    }
}
