//! A class writes what backends would: logs that fold, recordings that play, the same for the same seed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use workshop_events::{Commands, Llm, State, StateEvent, cast};
use workshop_journal::{recordings_in, replay_dir};
use workshop_simulator::{Options, SimulatedClass, StudentKind, step_ids};

const NOW: i64 = 1_800_000_000_000;

/// A whole class, written at once.
fn whole(folder: &Path, workspaces: usize, seed: u64) -> SimulatedClass {
    let past = Duration::from_secs(90 * 60);
    let options = Options { workspaces, seed, past, ..Options::default() };
    let mut class = SimulatedClass::new(&options, folder, NOW).unwrap();
    class.advance(NOW).unwrap();
    class
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for workspace in fs::read_dir(folder).unwrap() {
        for file in fs::read_dir(workspace.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            found.insert(path.strip_prefix(folder).unwrap().display().to_string(), fs::read(path).unwrap());
        }
    }
    found
}

#[test]
fn every_log_is_whole_and_every_recording_plays() {
    let folder = tempfile::tempdir().unwrap();
    let class = whole(folder.path(), 30, 7);
    let (mut records, mut casts) = (0, 0);
    for student in class.students() {
        let state = replay_dir::<State>(&student.dir, Some(student.log), |_| ()).unwrap();
        let commands = replay_dir::<Commands>(&student.dir, Some(student.log), |_| ()).unwrap();
        let llm = replay_dir::<Llm>(&student.dir, Some(student.log), |_| ()).unwrap();
        for stream in [&state, &commands, &llm] {
            assert!(stream.findings.is_empty(), "{}: {:?}", student.workspace, stream.findings);
            records += stream.highest;
        }
        for recording in recordings_in(&student.dir).unwrap() {
            let bytes = fs::read(student.dir.join(&recording.name)).unwrap();
            assert_eq!(cast::whole_lines(&bytes), bytes.len(), "{}", recording.name);
            casts += 1;
        }
    }
    assert_eq!(records, class.written().records());
    assert!(records > 30 * 60 && casts >= 28, "{records} records, {casts} recordings");
}

#[test]
fn students_are_what_their_kind_says() {
    let folder = tempfile::tempdir().unwrap();
    let class = whole(folder.path(), 30, 7);
    let steps: Vec<&str> = step_ids().collect();
    for student in class.students() {
        let (mut passed, mut failed, mut page_open) = (0, 0, false);
        replay_dir::<State>(&student.dir, Some(student.log), |item| match &item.record.event {
            StateEvent::GossResult { passed: true, .. } => passed += 1,
            StateEvent::GossResult { step, passed: false, .. } if step.as_str() == "permissions" => {
                failed += 1
            }
            StateEvent::Connected { .. } => page_open = true,
            StateEvent::Disconnected { .. } => page_open = false,
            _ => {}
        })
        .unwrap();
        match student.kind {
            StudentKind::Quick => assert_eq!(passed, steps.len(), "{}", student.name),
            StudentKind::Stuck => assert!(passed == 2 && failed > 3, "{}: {passed}, {failed}", student.name),
            StudentKind::Idle => assert!(passed < 3 && page_open, "{}", student.name),
            StudentKind::Leaves => assert!(passed < steps.len() && !page_open, "{}", student.name),
            StudentKind::Absent => assert!(passed == 0 && !page_open, "{}", student.name),
            StudentKind::Steady => assert!(passed > 0, "{}", student.name),
        }
    }
}

#[test]
fn a_seed_writes_the_same_bytes_however_often_it_is_asked() {
    let [once, often, other] = [(), (), ()].map(|()| tempfile::tempdir().unwrap());
    let at_once = whole(once.path(), 6, 3);
    let options = Options { workspaces: 6, seed: 3, speed: 1.0, ..Options::default() };
    let begun = NOW - 90 * 60 * 1000;
    let mut class = SimulatedClass::new(&options, often.path(), begun).unwrap();
    for minute in 0..=90 {
        class.advance(begun + minute * 60_000).unwrap();
    }
    assert_eq!(at_once.written(), class.written());
    assert!(files(once.path()) == files(often.path()));
    whole(other.path(), 6, 4);
    assert!(files(once.path()) != files(other.path()));
}

#[test]
fn the_steps_are_those_of_the_example() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/hello-linux");
    let definition = workshop_definition::load(&example).unwrap();
    let ids: Vec<&str> = definition.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(step_ids().collect::<Vec<_>>(), ids);
    assert_eq!(definition.name, workshop_simulator::WORKSHOP);
}
