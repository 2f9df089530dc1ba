//! What this container is, and how a backend tells the log.

use workshop_definition::artifact::Artifact;
use workshop_events::{StateEvent, StepInfo, SwitchDone, SwitchKind};

/// What this container is: told to the log when the backend starts.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// Version of the backend.
    pub version: String,
    /// The step whose image this is.
    pub image_step: Option<String>,
    /// The request that the container was made for.
    pub switch: Option<Switch>,
}

/// The swap that a container was made for: `WORKSHOP_SWITCH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switch {
    /// The request's id.
    pub request: String,
    /// Switch or reset.
    pub kind: SwitchKind,
    /// The step that it begins at.
    pub step: String,
}

impl Switch {
    fn done(&self) -> SwitchDone<'static> {
        SwitchDone { request: self.request.clone().into(), kind: self.kind, step: self.step.clone().into() }
    }
}

/// What a backend tells the log first.
pub(super) fn backend_started(artifact: &Artifact, identity: &Identity) -> StateEvent<'static> {
    let workshop = artifact.workshop();
    let steps = artifact
        .steps()
        .map(|step| StepInfo {
            id: step.id.clone().into(),
            title: step.title.clone().into(),
            group: step.group.clone().map(Into::into),
            requires: step.requires.iter().cloned().map(Into::into).collect(),
            has_check: step.has_goss,
        })
        .collect();
    StateEvent::BackendStarted {
        version: identity.version.clone().into(),
        image_step: identity.image_step.clone().map(Into::into),
        workshop: workshop.name.clone().into(),
        navigation: workshop.navigation.as_str().into(),
        steps,
        switch: identity.switch.as_ref().map(|switch| Box::new(switch.done())),
    }
}
