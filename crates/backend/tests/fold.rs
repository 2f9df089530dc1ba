//! The fold is fed by the events that were appended, and is what a replay of their lines gives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use workshop_backend::workspace::{self, Identity};
use workshop_definition::artifact::Artifact;
use workshop_events::{Cause, CheckCount, FailedTest, State, StateEvent, SwitchKind, Trigger};
use workshop_journal::replay_dir;
use workshop_projector::Projection;
use workshop_testing::backend::{Folder, WORKSHOP};

/// One of each event that a backend appends, with texts that JSON writes otherwise than they are.
fn events() -> Vec<StateEvent<'static>> {
    let odd = "\"quoted\"\\ \u{1}\n\té界🚀\u{2028}";
    let (step, session, client) = ("one", "0123456789abcdef", Some("00000000000000ff".into()));
    let failed = FailedTest { title: odd.into(), found: odd.into(), expected: String::new().into() };
    vec![
        StateEvent::SessionOpened {
            session: session.into(),
            name: "main".into(),
            cast: Some("a.cast".into()),
        },
        StateEvent::Connected { session: Some(session.into()), client },
        StateEvent::StepViewed { step: step.into() },
        StateEvent::StepStart { step: "two".into(), cause: Cause::Navigate },
        StateEvent::GossResult {
            step: step.into(),
            passed: false,
            checks: CheckCount { total: 3, passed: 1 },
            trigger: Trigger::Student,
            failed: vec![failed],
        },
        StateEvent::StepMarked { step: "three".into() },
        StateEvent::HelpOpened { step: step.into(), mode: "hints".into(), source: "file".into() },
        StateEvent::SwitchRequested { step: step.into(), kind: SwitchKind::Reset, request: "0a1b".into() },
        StateEvent::SwitchFailed { step: step.into(), request: "0a1b".into(), reason: odd.into() },
        StateEvent::RecordingStopped { session: session.into(), reason: odd.into() },
        StateEvent::RecordingStarted { session: session.into(), cast: "b.cast".into(), at: 12.345_678 },
        StateEvent::SessionClosed { session: session.into(), exit: Some(-1) },
    ]
}

#[tokio::test]
async fn what_is_shown_is_what_a_restart_would_show() {
    let folder = Folder::new(WORKSHOP);
    let artifact = Artifact::load(&folder.path("artifact")).unwrap();
    let identity = Identity { image_step: Some("one".into()), ..Identity::default() };
    let workspace = workspace::open(&folder.path("runtime"), artifact, identity, || {}).unwrap().workspace;
    workspace.begin().await;
    let replay = || {
        let mut replayed = Projection::default();
        replay_dir::<State>(&folder.path("runtime"), None, |item| replayed.apply(item.seq, &item.record))
            .unwrap();
        replayed
    };
    assert_eq!(workspace.read(Projection::clone), replay(), "after the start");
    for event in events() {
        let name = event.name().to_owned();
        let before = workspace.read(Projection::clone);
        workspace.append(event).await.unwrap();
        let folded = workspace.read(Projection::clone);
        assert_ne!(folded, before, "{name} is in the fold");
        assert_eq!(folded, replay(), "{name}");
    }
    workspace.journal().close();
}
