//! `workshop validate`: all problems at once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed expectation is a failed test"
)]

use std::fs;
use std::path::Path;

use expect_test::expect;
use serde_json::json;
use tempfile::TempDir;
use workshop_testing::cli::{answer, said, workshop};

const WRONG: &str = "version: v2
workshop:
  name: demo
  image: localhost/demo:latest
  navigaton: linear
base: {image: workshop-base:debian}
steps:
  - id: Step_1
    title: One
    markdown: Do it.
  - step-2
";

fn folder(yaml: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("demo")).unwrap();
    fs::write(folder.path().join("demo/workshop.yaml"), yaml).unwrap();
    folder
}

#[test]
fn every_problem_has_its_place_and_what_to_write_instead() {
    let folder = folder(WRONG);
    expect![[r#"
        demo/workshop.yaml:1:10: version: must be "v1"
             1 │ version: v2
               │          ^ write version: v1
        demo/workshop.yaml:4:10: workshop.image: must be a repository without a tag
             4 │   image: localhost/demo:latest
               │          ^ write "localhost/demo"
        demo/workshop.yaml:5:3: workshop.navigaton: unknown key
             5 │   navigaton: linear
               │   ^ did you mean "navigation"?
        demo/workshop.yaml:8:9: steps[0].id: must be lowercase alphanumeric and hyphens only
             8 │   - id: Step_1
               │         ^ write "step-1"
        demo/workshop.yaml:11:5: steps[1]: directory not found: steps/step-2/
            11 │   - step-2
               │     ^ make steps/step-2/ with step.yaml and content.md, or write the step here
        5 problems in demo
        --- exit 2
    "#]]
    .assert_eq(&said(workshop(folder.path()).args(["validate", "demo"])));
    // From within, the places are those that an editor opens.
    let within = said(workshop(folder.path()).arg("validate").current_dir(folder.path().join("demo")));
    assert!(within.starts_with("workshop.yaml:1:"), "{within}");
}

#[test]
fn problems_for_machines() {
    let folder = folder(WRONG);
    let (code, report) = answer(workshop(folder.path()).args(["validate", "demo"]));
    assert_eq!((code, &report["valid"]), (2, &json!(false)));
    assert_eq!(
        report["problems"][0],
        json!({"file": "workshop.yaml", "line": 1, "column": 10, "path": "version", "message": "must be \"v1\"",
            "instead": report["problems"][0]["instead"]})
    );
    assert_eq!(report["problems"].as_array().unwrap().len(), 5);
}

#[test]
fn the_examples_are_valid() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let home = TempDir::new().unwrap();
    for (name, steps) in [("hello-linux", 5), ("git-basics", 5), ("web-server", 5)] {
        let (code, report) = answer(workshop(home.path()).arg("validate").arg(examples.join(name)));
        assert_eq!((code, &report["name"]), (0, &json!(name)), "{report}");
        assert!(report["steps"].as_array().unwrap().len() >= steps - 1, "{report}");
    }
    let text = said(workshop(&examples).args(["validate", "hello-linux"]));
    expect![[r#"
        ✓ hello-linux is valid: 5 steps, 5 with a check, on workshop-base:debian
        --- exit 0
    "#]]
    .assert_eq(&text);
}

#[test]
fn what_is_not_there() {
    let home = TempDir::new().unwrap();
    expect![[r#"
        --- stderr
        error: nowhere: no such folder. Name the one with the workshop.yaml, or begin one: workshop init NAME
        --- exit 2
    "#]]
    .assert_eq(&said(workshop(home.path()).args(["validate", "nowhere"])));
    expect![[r#"
        workshop.yaml:1:1: file not found
        1 problem in .
        --- exit 2
    "#]]
    .assert_eq(&said(workshop(home.path()).arg("validate")));
    let odd = folder("{]");
    expect![[r#"
        demo/workshop.yaml:1:1: not valid YAML: mismatched bracket '{' closed by ']'
             1 │ {]
               │ ^
        1 problem in demo
        --- exit 2
    "#]]
    .assert_eq(&said(workshop(odd.path()).args(["validate", "demo"])));
}

#[test]
fn hostile_lines_do_not_reach_the_terminal() {
    let folder = folder("version: \"\u{1b}[2J\"\nworkshop: [\u{1b}]0;x\u{7}]\n");
    let text = said(workshop(folder.path()).args(["validate", "demo"]));
    assert!(!text.contains('\u{1b}') && !text.contains('\u{7}'), "{text:?}");
}
