//! The state events of a student's workspace that take more than a line to write.

use workshop_events::{CheckCount, FailedTest, StateEvent, SwitchDone, Trigger};

use crate::workshop::{self, Failure, Task, WORKSHOP};

/// A backend takes the volume, for a swap or at the beginning.
pub(crate) fn started(swap: Option<(&'static str, SwitchDone<'static>)>) -> StateEvent<'static> {
    let (image, switch) = swap.map_or(("step-0", None), |(image, done)| (image, Some(done)));
    StateEvent::BackendStarted {
        version: env!("CARGO_PKG_VERSION").into(),
        image_step: Some(image.into()),
        workshop: WORKSHOP.into(),
        navigation: "linear".into(),
        steps: workshop::steps(),
        switch: switch.map(Box::new),
    }
}

pub(crate) fn connected(session: &str, client: &str) -> StateEvent<'static> {
    let [session, client] = [session, client].map(|id| Some(id.to_owned().into()));
    StateEvent::Connected { session, client }
}

pub(crate) fn disconnected(session: &str, client: &str) -> StateEvent<'static> {
    let [session, client] = [session, client].map(|id| Some(id.to_owned().into()));
    StateEvent::Disconnected { session, client }
}

/// A check of the step with these failures.
pub(crate) fn result(
    task: &'static Task,
    failures: &'static [Failure],
    trigger: Trigger,
) -> StateEvent<'static> {
    let failed = failures.iter().map(|failure| FailedTest {
        title: failure.title.into(),
        found: failure.found.into(),
        expected: failure.expected.into(),
    });
    let passed = task.tests - failures.len() as u32;
    StateEvent::GossResult {
        step: task.id.into(),
        passed: failures.is_empty(),
        checks: CheckCount { total: task.tests, passed },
        trigger,
        failed: failed.collect(),
    }
}
