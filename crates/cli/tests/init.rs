//! `workshop init`: what it writes is valid, and every step's check passes when the step is done and not before.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed expectation is a failed test"
)]

use std::fs;

use expect_test::expect;
use tempfile::TempDir;
use workshop_backend::check::{Checks, Report};
use workshop_definition::{Definition, Step};
use workshop_events::Trigger;
use workshop_sandbox::{GOSS, Launcher, Programs, RunAs, Sandbox, lay_out};
use workshop_testing::cli::{On, Terminal, User, answer, said, workshop};
use workshop_testing::{goss, on_engines, program, until};

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

on_engines!(in a sandbox: what_it_writes_is_done_as_its_texts_say;
    on Podman: what_it_writes_is_done_as_its_texts_say; on Docker: what_it_writes_is_done_as_its_texts_say);

/// As its author would try it: run, type what each step's text and solution say, check, go on.
fn what_it_writes_is_done_as_its_texts_say(on: On) {
    let user = User::new(on);
    let folder = user.home.path().join(&user.name);
    let folder = folder.to_str().unwrap();
    user.ok(&["init", folder]);
    user.ok(&["validate", folder]);
    if on != On::Sandbox {
        user.ok(&["build", "compile", folder]);
        let rows = user.ok(&["build", "status", folder]);
        assert!(!rows.contains("missing") && !rows.contains("stale"), "{rows}");
    }
    user.run(folder, &[]);
    let token = user.row().unwrap()["student"].rsplit_once('=').unwrap().1.to_owned();
    let mut terminal = Terminal::open(user.port, &token);
    for step in ["say-hello", "make-a-program", "keep-a-record"] {
        // The step before it is done, so it is open.
        let (status, answer) = user.ask("POST", &format!("/api/steps/{step}/start"), None);
        assert!((200..300).contains(&status), "{status}: {answer}");
        let check = || user.ask("POST", &format!("/api/steps/{step}/validate"), None);
        let (status, before) = check();
        assert_eq!((status, &before["passed"]), (200, &false.into()), "{step}: {before}");
        for page in ["content", "solve"] {
            let text = fs::read_to_string(format!("{folder}/steps/{step}/{page}.md")).unwrap();
            for block in text.split("```bash\n").skip(1) {
                block.split("```").next().unwrap().lines().for_each(|line| terminal.enter(line));
            }
        }
        // The terminal takes its time; the check is what tells.
        until(&format!("{step} is done"), || check().1["passed"] == true);
    }
    assert_eq!(user.state()["completed"].as_array().unwrap().len(), 3);
    if on != On::Sandbox {
        user.ok(&["rm", "--data", &user.name]);
        for tag in ["latest", "keep-a-record", "make-a-program", "say-hello", "step-0"] {
            let _ = user.engine_command(&["rmi", "-f", &format!("localhost/{}:{tag}", user.name)]).output();
        }
    }
}

fn check_step(definition: &Definition, done: usize, step: &Step) -> Report {
    let folder = TempDir::new().unwrap();
    let programs = Programs { backend: program("workshop-backend"), goss: goss() };
    lay_out(definition, done, folder.path(), &programs).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let sandbox = Sandbox::start(folder.path(), &programs).await.unwrap();
        let checks = Checks::new(Launcher::Sandbox(sandbox), GOSS);
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
