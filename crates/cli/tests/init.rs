//! `workshop init`: what it writes is valid, and every step's check passes when the step is done and not before.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed expectation is a failed test"
)]

mod recorded;

use std::fs;
use std::path::{Path, PathBuf};

use expect_test::expect;
use recorded::{answer, said, workshop};
use tempfile::TempDir;
use workshop_backend::check::{Checks, Report};
use workshop_backend::process::{Launcher, RunAs, find_program};
use workshop_backend::sandbox::{self, Programs, Sandbox, lay_out};
use workshop_definition::{Definition, Step};
use workshop_events::Trigger;

#[test]
fn it_says_what_to_do_next() {
    let home = TempDir::new().unwrap();
    expect![[r#"
        ✓ first-steps is a workshop of three steps.

        Edit      first-steps/workshop.yaml, and the texts in first-steps/steps/
        Check     workshop validate first-steps
        Run       workshop run first-steps
        --- exit 0
    "#]]
    .assert_eq(&said(workshop(home.path()).args(["init", "first-steps"])));
    expect![[r#"
        ✓ first-steps is valid: 3 steps, 3 with a check, on workshop-base:debian
        --- exit 0
    "#]]
    .assert_eq(&said(workshop(home.path()).args(["validate", "first-steps"])));
    let (code, answer) = answer(workshop(home.path()).args(["init", "deep/er/second"]));
    assert_eq!(
        (code, answer["name"].as_str(), answer["path"].as_str()),
        (0, Some("second"), Some("deep/er/second"))
    );
    assert_eq!(answer["files"].as_array().unwrap().len(), 19);
    // An empty folder may be there already.
    fs::create_dir(home.path().join("third")).unwrap();
    assert!(said(workshop(home.path()).args(["init", "third/"])).ends_with("exit 0\n"));
}

#[test]
fn what_is_there_is_never_written_over() {
    let home = TempDir::new().unwrap();
    fs::create_dir(home.path().join("full")).unwrap();
    fs::write(home.path().join("full/.hidden"), "mine").unwrap();
    fs::write(home.path().join("file"), "mine").unwrap();
    expect![[r#"
        --- stderr
        error: full is there already and not empty; choose another name, or empty it
        --- exit 2
    "#]]
    .assert_eq(&said(workshop(home.path()).args(["init", "full"])));
    expect![[r#"
        --- stderr
        error: file: Not a directory (os error 20)
        --- exit 2
    "#]]
    .assert_eq(&said(workshop(home.path()).args(["init", "file"])));
    assert_eq!(fs::read_dir(home.path().join("full")).unwrap().count(), 1);
}

#[test]
fn hostile_names_are_refused() {
    let home = TempDir::new().unwrap();
    let long = "a".repeat(64);
    let names = [
        "..", "/", ".", "a b", "$(id)", "a;b", "-a", "a-", "A", "ä", "a\nb", "{{name}}", "a'b", "a/..", &long,
    ];
    for name in names {
        let text = said(workshop(home.path()).args(["init", "--", name]));
        assert!(text.contains("such as git-basics") && text.ends_with("exit 2\n"), "{name:?}: {text}");
    }
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    expect![[r#"
        --- stderr
        error: "My Workshop" cannot be the name of a workshop: 'M' is not allowed. A name has lowercase letters, digits and hyphens between them, such as git-basics
        --- exit 2
    "#]].assert_eq(&said(workshop(home.path()).args(["init", "My Workshop"])));
}

/// The programs that a sandbox gets: built beside this test, and by set-up.
fn programs() -> Option<Programs> {
    let debug = Path::new(env!("CARGO_BIN_EXE_workshop")).parent()?.to_owned();
    let parts: Vec<PathBuf> = vec![debug.join("workshop-parts"), debug.clone(), debug.join("../tools/bin")];
    let find = |name: &str| parts.iter().map(|folder| folder.join(name)).find(|path| path.is_file());
    Some(Programs {
        backend: find("workshop-backend")?,
        goss: find("goss").or_else(|| find_program("goss"))?,
    })
}

fn check_step(definition: &Definition, done: usize, step: &Step) -> Report {
    let folder = TempDir::new().unwrap();
    let programs = programs().expect("workshop-backend and goss, which `cargo xtask test` builds");
    lay_out(definition, done, folder.path(), &programs).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let sandbox = Sandbox::start(folder.path(), &programs).await.unwrap();
        let checks = Checks::new(Launcher::Sandbox(sandbox), sandbox::GOSS);
        checks.run(step.goss.as_deref().expect("a check"), RunAs::Student, Trigger::Student).await.unwrap()
    })
}

#[test]
fn every_check_passes_when_its_step_is_done_and_not_before() {
    let home = TempDir::new().unwrap();
    said(workshop(home.path()).args(["init", "first-steps"]));
    let definition = workshop_definition::load(&home.path().join("first-steps")).unwrap();
    assert_eq!((definition.steps.len(), definition.steps[0].assets.len()), (3, 1));
    for (index, step) in definition.steps.iter().enumerate() {
        assert!(step.help.len() == 2, "{} has hints and a solution", step.id);
        let before = check_step(&definition, index, step);
        assert!(!before.passed, "{} passes before it is done: {before:#?}", step.id);
        let after = check_step(&definition, index + 1, step);
        assert!(after.passed, "{} fails when it is done: {after:#?}", step.id);
    }
    workshop_definition::compile_artifact(&definition, &home.path().join("artifact")).unwrap();
}
