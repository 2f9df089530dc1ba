//! The example workshops have no problems, and compile to artifacts that load.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed expectation is the point"
)]

use std::path::Path;

use workshop_definition::artifact::{Artifact, HelpMode, Navigation};
use workshop_definition::{compile_artifact, load};

/// Loads and compiles an example; each step has a check, hints and a solution.
#[track_caller]
fn check(name: &str, navigation: Navigation) -> Artifact {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name);
    let definition = load(&dir).unwrap_or_else(|problems| panic!("{problems}"));
    let out = tempfile::tempdir().unwrap();
    compile_artifact(&definition, out.path()).unwrap();
    let artifact = Artifact::load(out.path()).unwrap();
    assert_eq!(artifact.workshop().navigation, navigation);
    for step in artifact.steps() {
        assert!(!artifact.content(&step.id).unwrap().trim().is_empty(), "{}", step.id);
        assert!(artifact.goss_spec(&step.id).unwrap().is_some(), "{}", step.id);
        for mode in [HelpMode::Hints, HelpMode::Solve] {
            assert!(artifact.help(&step.id, mode).unwrap().is_some(), "{}", step.id);
        }
    }
    artifact
}

#[test]
fn hello_linux() {
    assert!(check("hello-linux", Navigation::Linear).steps().len() >= 4);
}

#[test]
fn git_basics() {
    check("git-basics", Navigation::Free);
}

#[test]
fn web_server() {
    let artifact = check("web-server", Navigation::Guided);
    assert!(artifact.steps().any(|step| step.group.is_some()));
    assert!(artifact.steps().any(|step| !step.requires.is_empty()));
}
