//! From what the fold holds to what the API says.

use workshop_definition::artifact;
use workshop_events::{CommandRecord, Text, Timestamp, Trigger};
use workshop_projector::{Check, Projection, StepRecord};

use super::types::{
    Capabilities, CheckReport, CheckTrigger, ClusterView, CommandView, FailedSwitch, HelpMode, Navigation,
    OpenSwitch, RecordingState, StateView, StepProgress, StepStatus, Storage, TestReport,
};
use super::{Service, access::Role};

impl From<artifact::Navigation> for Navigation {
    fn from(navigation: artifact::Navigation) -> Self {
        match navigation {
            artifact::Navigation::Linear => Self::Linear,
            artifact::Navigation::Free => Self::Free,
            artifact::Navigation::Guided => Self::Guided,
        }
    }
}

impl From<artifact::HelpMode> for HelpMode {
    fn from(mode: artifact::HelpMode) -> Self {
        match mode {
            artifact::HelpMode::Hints => Self::Hints,
            artifact::HelpMode::Explain => Self::Explain,
            artifact::HelpMode::Solve => Self::Solve,
        }
    }
}

/// The state as `/api/state` tells it.
pub(super) fn state(service: &Service, role: Role) -> StateView {
    let workspace = &service.workspace;
    // The cursor first: what happens meanwhile is then told twice rather than never.
    let position = workspace.position_now(role == Role::Instructor);
    let health = *workspace.health().borrow();
    let workshop = workspace.artifact().workshop();
    let own = |ids: Vec<&str>| ids.into_iter().map(ToOwned::to_owned).collect::<Vec<_>>();
    workspace.read(|state| StateView {
        workshop: workshop.name.clone(),
        navigation: workshop.navigation.into(),
        active: state.active().unwrap_or_default().to_owned(),
        completed: own(state.completed()),
        given: state.steps().iter().filter(|s| state.is_given(&s.id)).map(|s| s.id.clone()).collect(),
        former: own(state.former()),
        switch: open_switch(state),
        switch_failed: state.failed_switch().map(|f| FailedSwitch {
            request: f.request.clone(),
            step: f.step.clone(),
            reason: f.reason.clone(),
            ts: f.ts,
        }),
        capabilities: Capabilities {
            llm: false,
            switch: service.access.has_supervisor(),
            instructor: service.access.has_instructor(),
            isolated: service.isolated,
        },
        image_step: state.image_step().unwrap_or("step-0").to_owned(),
        recording: if health.recording { RecordingState::On } else { RecordingState::Paused },
        storage: if health.storing { Storage::Ok } else { Storage::Full },
        checks: state
            .steps()
            .iter()
            .filter_map(|s| state.step_record(&s.id)?.last_try.as_ref().map(|check| report(&s.id, check)))
            .collect(),
        cluster: workshop.infrastructure.as_ref().and_then(|i| i.cluster.as_ref()).filter(|c| c.enabled).map(
            |cluster| ClusterView {
                provider: match cluster.provider {
                    artifact::ClusterProvider::K3d => "k3d",
                    artifact::ClusterProvider::Vcluster => "vcluster",
                }
                .to_owned(),
                phase: "unavailable".to_owned(),
                version: None,
            },
        ),
        version: workspace.identity().version.clone(),
        started: state.started().unwrap_or_default(),
        cursor: workspace.cursor(&position).to_string(),
    })
}

/// The swap being waited for.
pub(super) fn open_switch(state: &Projection) -> Option<OpenSwitch> {
    state.open_switch().map(|open| OpenSwitch {
        request: open.request.clone(),
        kind: open.kind.into(),
        step: open.step.clone(),
        ts: open.ts,
    })
}

/// A check of the log: only its failed tests are there.
pub(super) fn report(step: &str, check: &Check) -> CheckReport {
    CheckReport {
        step: step.to_owned(),
        passed: check.passed,
        total: check.count.total,
        passed_count: check.count.passed,
        trigger: trigger(check.trigger),
        ts: check.ts,
        tests: check
            .failed
            .iter()
            .map(|f| TestReport {
                title: f.title.clone(),
                passed: false,
                found: f.found.clone(),
                expected: f.expected.clone(),
            })
            .collect(),
    }
}

pub(super) fn trigger(trigger: Trigger) -> CheckTrigger {
    match trigger {
        Trigger::Student => CheckTrigger::Student,
        Trigger::Periodic | Trigger::Other => CheckTrigger::Periodic,
    }
}

/// Each step of the workshop, then former ones, as they stood at `now`.
pub(super) fn progress(state: &Projection, now: Timestamp) -> Vec<StepProgress> {
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
    let active = state.active() == Some(id);
    let failing = record.and_then(StepRecord::last_check).is_some_and(|check| !check.passed);
    let status = if state.is_completed(id) {
        StepStatus::Completed
    } else if active && failing {
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
        last_check: record.and_then(StepRecord::last_check).map(|check| report(id, check)),
    }
}

/// A command; `step_at` tells where one belongs whose line does not say.
pub(super) fn command(
    seq: u64,
    record: &CommandRecord<'_>,
    step_at: impl Fn(Timestamp) -> Option<String>,
) -> CommandView {
    let own = |text: &Option<Text<'_>>| text.as_ref().map(|t| t.as_str().to_owned());
    CommandView {
        seq,
        ts: record.ts,
        cmd: record.cmd.as_str().to_owned(),
        exit: record.exit,
        session: own(&record.session),
        step: own(&record.step).or_else(|| step_at(record.ts)),
        cwd: own(&record.cwd),
        ms: record.ms,
        at: record.at,
    }
}
