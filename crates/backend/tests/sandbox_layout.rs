//! Laying out sandboxes: the examples, step by step, each checked by its own goss; and what cannot be laid out.
#![allow(clippy::expect_used, clippy::panic, reason = "a failed expectation is a failed test")]

mod launched;

use std::fs;

use launched::{goss, run};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use workshop_backend::check::{Checks, Report};
use workshop_definition::{Definition, Step};
use workshop_events::Trigger;
use workshop_sandbox::{GOSS, Launcher, Programs, RunAs, Sandbox, lay_out};

fn programs() -> Programs {
    Programs { backend: launched::backend(), goss: goss() }
}

/// Runs the check of a step in the workspace that the first `done` steps leave.
fn check_step(definition: &Definition, done: usize, step: &Step) -> Report {
    let folder = TempDir::new().expect("a folder");
    if let Err(error) = lay_out(definition, done, folder.path(), &programs()) {
        panic!("{} after {done} steps: {error}", definition.name);
    }
    Runtime::new().expect("a runtime").block_on(async {
        let sandbox = Sandbox::start(folder.path(), &programs()).await.expect("a sandbox");
        let checks = Checks::new(Launcher::Sandbox(sandbox), GOSS);
        let spec = step.goss.as_deref().expect("a check");
        match checks.run(spec, RunAs::Student, Trigger::Student).await {
            Ok(report) => report,
            Err(error) => panic!("{}, step {}: {error}", definition.name, step.id),
        }
    })
}

/// Every step's check passes when the step is done, and not before.
fn check_example(name: &str) {
    let folder = launched::examples().join(name);
    let definition = workshop_definition::load(&folder).expect("a definition without problems");
    let checked = definition.steps.iter().enumerate().filter(|(_, step)| step.goss.is_some());
    let mut seen = 0;
    for (before, step) in checked {
        let report = check_step(&definition, before, step);
        assert!(
            !report.passed,
            "{name}: the check of {} passes before the step is done: {report:#?}",
            step.id
        );
        let report = check_step(&definition, before + 1, step);
        assert!(report.passed, "{name}: the check of {} fails when the step is done: {report:#?}", step.id);
        seen += 1;
    }
    assert!(seen >= 4, "{name} has only {seen} checks");
}

#[test]
fn hello_linux() {
    check_example("hello-linux");
}

#[test]
fn git_basics() {
    check_example("git-basics");
}

#[test]
fn web_server() {
    check_example("web-server");
}

/// A workshop of one step with these lines in it.
fn workshop(step: &str) -> Definition {
    let folder = TempDir::new().expect("a folder");
    let head =
        "version: v1\nworkshop: {name: test, image: localhost/test}\nbase: {image: workshop-base:debian}\n";
    let text = format!("{head}steps:\n  - id: only\n    title: Only\n    markdown: Do it.\n{step}");
    fs::write(folder.path().join("workshop.yaml"), text).expect("written");
    workshop_definition::load(folder.path())
        .unwrap_or_else(|problems| panic!("{:?}", problems.iter().collect::<Vec<_>>()))
}

/// Lays out a step and compares what a script finds then.
fn check(step: &str, script: &str, expected: &str) {
    let folder = TempDir::new().expect("a folder");
    lay_out(&workshop(step), 1, folder.path(), &programs()).unwrap_or_else(|error| panic!("{error}"));
    let said = Runtime::new().expect("a runtime").block_on(async {
        let sandbox = Sandbox::start(folder.path(), &programs()).await.expect("a sandbox");
        run(&Launcher::Sandbox(sandbox), "/workspace", script).await.1
    });
    assert_eq!(said, expected, "{step}");
}

/// Compares why a step cannot be laid out.
fn fails(step: &str, expected: &str) {
    let folder = TempDir::new().expect("a folder");
    let error = lay_out(&workshop(step), 1, folder.path(), &programs()).expect_err("it cannot be laid out");
    assert_eq!(error.to_string(), expected, "{step}");
}

#[test]
fn files_have_content_mode_and_owner() {
    let step = r#"
    files:
      - {path: /workspace/deep/er/run.sh, content: "echo ran\n", mode: "0755"}
      - {path: /home/student/.vimrc, content: "set nu\n"}
    env: {MODE: "of the author"}
    commands:
      - deep/er/run.sh > made
      - echo "$MODE in $PWD as $(id -un)" >> made
"#;
    let script = "cat made ~/.vimrc; stat -c '%a %U %n' deep deep/er/run.sh ~/.vimrc made";
    let expected = "ran\nof the author in /workspace as student\nset nu\n755 student deep\n755 student deep/er/run.sh\n\
                    644 student /home/student/.vimrc\n644 student made\n";
    check(step, script, expected);
}

#[test]
fn a_command_that_fails_is_shown_with_its_output() {
    let step = "    commands: ['echo fine', 'echo one; echo two >&2; exit 3']\n";
    fails(step, "step only: command failed (exit code 3): echo one; echo two >&2; exit 3\none\ntwo");
    fails("    commands: ['kill -9 $$']\n", "step only: command failed (signal 9): kill -9 $$\n");
}

#[test]
fn what_a_sandbox_has_not_is_refused() {
    fails(
        "    files: [{path: /etc/motd, content: hi}]\n",
        "step only: file /etc/motd: a sandbox has only /workspace and /home/student to put files into; this workshop \
         needs a container",
    );
    fails(
        "    sudo: true\n",
        "step only: sudo: there is no root in a sandbox; this workshop needs a container",
    );
}

#[test]
fn a_link_leads_nowhere_on_the_host() {
    let outside = TempDir::new().expect("a folder");
    let target = outside.path().display().to_string();
    let folder = TempDir::new().expect("a folder");
    let definition = workshop(&format!("    commands: ['ln -s {target} /workspace/out']\n"));
    lay_out(&definition, 1, folder.path(), &programs()).unwrap_or_else(|error| panic!("{error}"));
    let definition = workshop("    files: [{path: /workspace/out/x, content: hi}]\n");
    let error =
        lay_out(&definition, 1, folder.path(), &programs()).expect_err("there is nothing behind the link");
    assert!(error.to_string().starts_with("step only: file /workspace/out/x cannot be written: "), "{error}");
    assert_eq!(fs::read_dir(outside.path()).expect("it is there").count(), 0);
}

#[test]
fn as_an_ordinary_user_too() {
    launched::again_as_ordinary_user("as_an_ordinary_user_too", "hello_linux");
}
