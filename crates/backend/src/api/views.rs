//! From what the fold holds to what the API says.

use workshop_definition::artifact;
use workshop_events::{CommandRecord, Text, Timestamp};
use workshop_wire::backend::{Capabilities, ClusterView, FailedSwitch, RecordingState, StateView, Storage};
use workshop_wire::history::{CheckReport, CommandView, OpenSwitch};

use super::{access::Role, service::Service};

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
        navigation: workshop.navigation,
        active: state.active().unwrap_or_default().to_owned(),
        completed: own(state.completed()),
        given: state.steps().iter().filter(|s| state.is_given(&s.id)).map(|s| s.id.clone()).collect(),
        former: own(state.former()),
        switch: state.open_switch().map(OpenSwitch::from),
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
            .filter_map(|s| {
                state.step_record(&s.id)?.last_try.as_ref().map(|check| CheckReport::of(&s.id, check))
            })
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
