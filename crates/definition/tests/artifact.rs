//! A malformed artifact is refused with one message that names the file and the field.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed expectation is the point"
)]

use std::fs;
use std::path::Path;

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use workshop_definition::artifact::{Artifact, CheckUser, HelpMode, Navigation};

/// Writes an artifact with every field.
fn write_artifact(dir: &Path) {
    let step = dir.join("steps/a");
    fs::create_dir_all(step.join("llm-docs")).unwrap();
    fs::create_dir_all(dir.join("steps/b")).unwrap();
    write_json(
        &dir.join("workshop.json"),
        &json!({
            "name": "w",
            "image": "org/w",
            "navigation": "guided",
            "llm": {"provider": "openai", "model": "m", "apiKeyEnv": "KEY", "maxTokens": 5, "defaultMode": "solve"},
            "infrastructure": {
                "cluster": {"enabled": true, "provider": "k3d"},
                "extraContainers": [{"name": "db", "image": "i", "ports": [{"port": 1}], "env": {"A": "b"}}],
            },
            "steps": [
                {"id": "a", "title": "A", "group": "g", "requires": ["b"], "position": 1},
                {"id": "b", "title": "B", "position": 2},
            ],
        }),
    );
    write_json(
        &step.join("meta.json"),
        &json!({
            "id": "a", "title": "A", "group": "g", "requires": ["b"], "position": 1,
            "hasGoss": true, "hasLlm": true, "hasHints": true, "hasExplain": true, "hasSolve": true,
            "checkUser": "root", "env": ["PORT"],
        }),
    );
    let llm = json!({"mode": "hints", "modes": ["hints"], "context": "c", "hasDocs": true});
    write_json(&step.join("llm.json"), &llm);
    for name in ["content.md", "goss.yaml", "hints.md", "explain.md", "solve.md", "llm-docs/d.md"] {
        fs::write(step.join(name), "text").unwrap();
    }
    write_json(&dir.join("steps/b/meta.json"), &json!({"id": "b", "title": "B", "position": 2}));
    fs::write(dir.join("steps/b/content.md"), "text").unwrap();
}

fn write_json(file: &Path, value: &Value) {
    fs::write(file, value.to_string()).unwrap();
}

/// Loads an artifact after `spoil` has changed it, and compares the message.
#[track_caller]
fn check(spoil: impl FnOnce(&Path), expected: Expect) {
    let dir = tempfile::tempdir().unwrap();
    write_artifact(dir.path());
    spoil(dir.path());
    let message = match Artifact::load(dir.path()) {
        Ok(artifact) => artifact.warnings().iter().map(|warning| format!("warning: {warning}\n")).collect(),
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&message.replace(dir.path().to_str().unwrap(), "/workshop"));
}

/// Sets the field at a JSON pointer of a file, or removes it.
#[track_caller]
fn check_field(file: &str, pointer: &str, value: Option<Value>, expected: Expect) {
    check(
        |dir| {
            let path = dir.join(file);
            let mut json: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            match value {
                Some(value) => *json.pointer_mut(pointer).unwrap() = value,
                None => {
                    let (around, key) = pointer.rsplit_once('/').unwrap();
                    let around = json.pointer_mut(around).unwrap().as_object_mut().unwrap();
                    around.remove(key).unwrap();
                }
            }
            write_json(&path, &json);
        },
        expected,
    );
}

#[test]
fn the_unspoilt_artifact_loads() {
    let dir = tempfile::tempdir().unwrap();
    write_artifact(dir.path());
    let artifact = Artifact::load(dir.path()).unwrap();
    assert_eq!(artifact.warnings(), [""; 0]);
    assert_eq!(artifact.workshop().navigation, Navigation::Guided);
    assert_eq!(artifact.step("a").unwrap().check_user, CheckUser::Root);
}

#[test]
fn what_is_missing_means_no() {
    let dir = tempfile::tempdir().unwrap();
    write_artifact(dir.path());
    let minimal = json!({
        "name": "w", "image": "w", "steps": [{"id": "b", "title": "B", "position": 1}],
        "fromTheFuture": {"a": 1},
    });
    write_json(&dir.path().join("workshop.json"), &minimal);
    let meta = json!({"id": "b", "title": "B", "position": 1, "fromTheFuture": true});
    write_json(&dir.path().join("steps/b/meta.json"), &meta);
    let artifact = Artifact::load(dir.path()).unwrap();
    let step = artifact.step("b").unwrap();
    assert!(!(step.has_goss || step.has_llm || step.has_hints || step.has_explain || step.has_solve));
    assert_eq!((step.check_user, step.env.len()), (CheckUser::Student, 0));
    assert_eq!(artifact.workshop().navigation, Navigation::Linear);
    assert_eq!(artifact.workshop().llm, None);
}

#[test]
fn missing_files() {
    for (file, expected) in [
        ("workshop.json", expect!["/workshop/workshop.json: file not found"]),
        ("steps/a/meta.json", expect!["/workshop/steps/a/meta.json: file not found"]),
        (
            "steps/a/llm.json",
            expect![[r#"
            warning: /workshop/steps/a/meta.json: hasLlm: is true, but llm.json is not there
        "#]],
        ),
        ("steps/a/content.md", expect!["/workshop/steps/a/content.md: file not found"]),
        (
            "steps/a/goss.yaml",
            expect![[r#"
                warning: /workshop/steps/a/meta.json: hasGoss: is true, but goss.yaml is not there
            "#]],
        ),
        (
            "steps/a/hints.md",
            expect![[r#"
                warning: /workshop/steps/a/meta.json: hasHints: is true, but hints.md is not there
            "#]],
        ),
        (
            "steps/a/explain.md",
            expect![[r#"
                warning: /workshop/steps/a/meta.json: hasExplain: is true, but explain.md is not there
            "#]],
        ),
        (
            "steps/a/solve.md",
            expect![[r#"
                warning: /workshop/steps/a/meta.json: hasSolve: is true, but solve.md is not there
            "#]],
        ),
        (
            "steps/a/llm-docs/d.md",
            expect![[r#"
                warning: /workshop/steps/a/llm.json: hasDocs: is true, but llm-docs/ is empty
            "#]],
        ),
    ] {
        check(|dir| fs::remove_file(dir.join(file)).unwrap(), expected);
    }
    check(
        |dir| fs::remove_dir_all(dir.join("steps")).unwrap(),
        expect!["/workshop/steps/a/meta.json: file not found"],
    );
}

#[test]
fn no_json() {
    let write = |text: &'static [u8]| move |dir: &Path| fs::write(dir.join("workshop.json"), text).unwrap();
    check(write(b""), expect!["/workshop/workshop.json: EOF while parsing a value at line 1 column 0"]);
    check(
        write(b"{\"name\": \"w\""),
        expect!["/workshop/workshop.json: EOF while parsing an object at line 1 column 12"],
    );
    check(
        write(b"[]"),
        expect!["/workshop/workshop.json: invalid length 0, expected an object at line 1 column 2"],
    );
    check(write(b"\xff"), expect!["/workshop/workshop.json: expected value at line 1 column 1"]);
    check(write(b"{} {}"), expect!["/workshop/workshop.json: missing field `name` at line 1 column 2"]);
    check(
        |dir| fs::write(dir.join("steps/a/meta.json"), "{").unwrap(),
        expect!["/workshop/steps/a/meta.json: EOF while parsing an object at line 1 column 1"],
    );
    check(
        |dir| fs::write(dir.join("steps/a/llm.json"), "nothing").unwrap(),
        expect!["/workshop/steps/a/llm.json: expected ident at line 1 column 2"],
    );
    let nested = "[".repeat(100_000);
    check(
        |dir| fs::write(dir.join("workshop.json"), nested).unwrap(),
        expect!["/workshop/workshop.json: [0]: invalid type: sequence, expected a string at line 1 column 1"],
    );
}

#[test]
fn fields_of_workshop_json() {
    let file = "workshop.json";
    check_field(
        file,
        "/name",
        None,
        expect!["/workshop/workshop.json: missing field `name` at line 1 column 390"],
    );
    check_field(
        file,
        "/name",
        Some(json!(5)),
        expect![
            "/workshop/workshop.json: name: invalid type: integer `5`, expected a string at line 1 column 265"
        ],
    );
    check_field(file, "/name", Some(json!(" ")), expect!["/workshop/workshop.json: name: must not be empty"]);
    check_field(
        file,
        "/image",
        None,
        expect!["/workshop/workshop.json: missing field `image` at line 1 column 385"],
    );
    check_field(
        file,
        "/image",
        Some(json!("")),
        expect!["/workshop/workshop.json: image: must not be empty"],
    );
    check_field(
        file,
        "/navigation",
        Some(json!("jump")),
        expect![
            "/workshop/workshop.json: navigation: unknown variant `jump`, expected one of `linear`, `free`, `guided` at line 1 column 287"
        ],
    );
    check_field(
        file,
        "/llm",
        Some(json!("on")),
        expect![[
            r#"/workshop/workshop.json: llm: invalid type: string "on", expected an object at line 1 column 173"#
        ]],
    );
    check_field(
        file,
        "/llm/provider",
        None,
        expect!["/workshop/workshop.json: llm: missing field `provider` at line 1 column 236"],
    );
    check_field(
        file,
        "/llm/provider",
        Some(json!("me")),
        expect![
            "/workshop/workshop.json: llm.provider: unknown variant `me`, expected `anthropic` or `openai` at line 1 column 251"
        ],
    );
    check_field(
        file,
        "/llm/model",
        None,
        expect!["/workshop/workshop.json: llm: missing field `model` at line 1 column 244"],
    );
    check_field(
        file,
        "/llm/apiKeyEnv",
        None,
        expect!["/workshop/workshop.json: llm: missing field `apiKeyEnv` at line 1 column 238"],
    );
    check_field(
        file,
        "/llm/apiKeyEnv",
        Some(json!("A=B")),
        expect!["/workshop/workshop.json: llm.apiKeyEnv: must be the name of an environment variable"],
    );
    check_field(
        file,
        "/llm/maxTokens",
        Some(json!(-1)),
        expect![
            "/workshop/workshop.json: llm.maxTokens: invalid value: integer `-1`, expected u32 at line 1 column 224"
        ],
    );
    check_field(
        file,
        "/llm/defaultMode",
        Some(json!("all")),
        expect![
            "/workshop/workshop.json: llm.defaultMode: unknown variant `all`, expected one of `hints`, `explain`, `solve` at line 1 column 207"
        ],
    );
    check_field(
        file,
        "/infrastructure",
        Some(json!([1])),
        expect![
            "/workshop/workshop.json: infrastructure[0]: invalid type: integer `1`, expected an object at line 1 column 36"
        ],
    );
    check_field(
        file,
        "/infrastructure/cluster/enabled",
        Some(json!("yes")),
        expect![[
            r#"/workshop/workshop.json: infrastructure.cluster.enabled: invalid type: string "yes", expected a boolean at line 1 column 61"#
        ]],
    );
    check_field(
        file,
        "/infrastructure/cluster/provider",
        Some(json!("kind")),
        expect![
            "/workshop/workshop.json: infrastructure.cluster.provider: unknown variant `kind`, expected `k3d` or `vcluster` at line 1 column 78"
        ],
    );
    check_field(
        file,
        "/infrastructure/extraContainers",
        Some(json!({})),
        expect![
            "/workshop/workshop.json: infrastructure.extraContainers: invalid type: map, expected a sequence at line 1 column 97"
        ],
    );
    check_field(
        file,
        "/infrastructure/extraContainers/0/name",
        None,
        expect![
            "/workshop/workshop.json: infrastructure.extraContainers[0]: missing field `name` at line 1 column 148"
        ],
    );
    check_field(
        file,
        "/infrastructure/extraContainers/0/image",
        Some(json!(null)),
        expect![
            "/workshop/workshop.json: infrastructure.extraContainers[0].image: invalid type: null, expected a string at line 1 column 127"
        ],
    );
    check_field(
        file,
        "/infrastructure/extraContainers/0/ports/0/port",
        Some(json!(70000)),
        expect![
            "/workshop/workshop.json: infrastructure.extraContainers[0].ports[0].port: invalid value: integer `70000`, expected u16 at line 1 column 161"
        ],
    );
    check_field(
        file,
        "/infrastructure/extraContainers/0/env/A",
        Some(json!(1)),
        expect![
            "/workshop/workshop.json: infrastructure.extraContainers[0].env.A: invalid type: integer `1`, expected a string at line 1 column 111"
        ],
    );
    check_field(
        file,
        "/steps",
        None,
        expect!["/workshop/workshop.json: missing field `steps` at line 1 column 290"],
    );
    check_field(
        file,
        "/steps",
        Some(json!([])),
        expect!["/workshop/workshop.json: steps: at least one step is required"],
    );
    check_field(
        file,
        "/steps/0",
        Some(json!("a")),
        expect![[
            r#"/workshop/workshop.json: steps[0]: invalid type: string "a", expected an object at line 1 column 302"#
        ]],
    );
    check_field(
        file,
        "/steps/0/id",
        None,
        expect!["/workshop/workshop.json: steps[0]: missing field `id` at line 1 column 354"],
    );
    check_field(
        file,
        "/steps/0/id",
        Some(json!("../../etc")),
        expect!["/workshop/workshop.json: steps[0].id: must be lowercase alphanumeric and hyphens only"],
    );
    check_field(
        file,
        "/steps/0/id",
        Some(json!("step-0")),
        expect![[r#"/workshop/workshop.json: steps[0].id: "step-0" is reserved"#]],
    );
    check_field(
        file,
        "/steps/0/id",
        Some(json!("c")),
        expect!["/workshop/steps/c/meta.json: file not found"],
    );
    check_field(
        file,
        "/steps/1/id",
        Some(json!("a")),
        expect![[r#"/workshop/workshop.json: steps[1].id: "a" is already used by steps[0]"#]],
    );
    check_field(
        file,
        "/steps/1/title",
        Some(json!("")),
        expect!["/workshop/workshop.json: steps[1].title: must not be empty"],
    );
    check_field(
        file,
        "/steps/0/group",
        Some(json!(1)),
        expect![
            "/workshop/workshop.json: steps[0].group: invalid type: integer `1`, expected a string at line 1 column 309"
        ],
    );
    check_field(
        file,
        "/steps/0/requires",
        Some(json!("b")),
        expect![[
            r#"/workshop/workshop.json: steps[0].requires: invalid type: string "b", expected a sequence at line 1 column 348"#
        ]],
    );
    check_field(
        file,
        "/steps/0/requires/0",
        Some(json!("c")),
        expect![[r#"/workshop/workshop.json: steps[0].requires: unknown step "c""#]],
    );
    check_field(
        file,
        "/steps/0/position",
        None,
        expect![[r#"
            warning: /workshop/workshop.json: steps[0].position: is 0, used as 1
        "#]],
    );
    check_field(
        file,
        "/steps/0/position",
        Some(json!(1.5)),
        expect![
            "/workshop/workshop.json: steps[0].position: invalid type: floating point `1.5`, expected u32 at line 1 column 335"
        ],
    );
    check_field(
        file,
        "/steps/1/position",
        Some(json!(0)),
        expect![[r#"
            warning: /workshop/workshop.json: steps[1].position: is 0, used as 2
        "#]],
    );
}

#[test]
fn fields_of_meta_json() {
    let file = "steps/a/meta.json";
    check_field(
        file,
        "/id",
        None,
        expect!["/workshop/steps/a/meta.json: missing field `id` at line 1 column 168"],
    );
    check_field(
        file,
        "/id",
        Some(json!("b")),
        expect![[r#"
            warning: /workshop/steps/a/meta.json: id: differs from workshop.json, which is used
        "#]],
    );
    check_field(
        file,
        "/title",
        Some(json!(["A"])),
        expect![
            "/workshop/steps/a/meta.json: title: invalid type: sequence, expected a string at line 1 column 173"
        ],
    );
    check_field(
        file,
        "/title",
        Some(json!("Z")),
        expect![[r#"
            warning: /workshop/steps/a/meta.json: title: differs from workshop.json, which is used
        "#]],
    );
    check_field(
        file,
        "/group",
        Some(json!("h")),
        expect![[r#"
            warning: /workshop/steps/a/meta.json: group: differs from workshop.json, which is used
        "#]],
    );
    check_field(
        file,
        "/requires",
        None,
        expect![[r#"
            warning: /workshop/steps/a/meta.json: requires: differs from workshop.json, which is used
        "#]],
    );
    check_field(
        file,
        "/position",
        Some(json!(2)),
        expect![[r#"
            warning: /workshop/steps/a/meta.json: position: differs from workshop.json, which is used
        "#]],
    );
    for flag in ["hasGoss", "hasLlm", "hasHints", "hasExplain", "hasSolve"] {
        let dir = tempfile::tempdir().unwrap();
        write_artifact(dir.path());
        let path = dir.path().join(file);
        let mut json: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        json[flag] = json!("true");
        write_json(&path, &json);
        let message = Artifact::load(dir.path()).unwrap_err().to_string();
        let start = format!("{}: {flag}: invalid type: string \"true\", expected a boolean", path.display());
        assert!(message.starts_with(&start), "{message}");
    }
    check_field(
        file,
        "/checkUser",
        Some(json!("admin")),
        expect![
            "/workshop/steps/a/meta.json: checkUser: unknown variant `admin`, expected `student` or `root` at line 1 column 20"
        ],
    );
    check_field(
        file,
        "/env",
        Some(json!({})),
        expect![
            "/workshop/steps/a/meta.json: env: invalid type: map, expected a sequence at line 1 column 26"
        ],
    );
    check_field(
        file,
        "/env/0",
        Some(json!("A B")),
        expect!["/workshop/steps/a/meta.json: env[0]: must be the name of an environment variable"],
    );
}

#[test]
fn fields_of_llm_json() {
    let file = "steps/a/llm.json";
    check_field(
        file,
        "/mode",
        Some(json!("all")),
        expect![
            "/workshop/steps/a/llm.json: mode: unknown variant `all`, expected one of `hints`, `explain`, `solve` at line 1 column 42"
        ],
    );
    check_field(
        file,
        "/modes",
        Some(json!("hints")),
        expect![[
            r#"/workshop/steps/a/llm.json: modes: invalid type: string "hints", expected a sequence at line 1 column 60"#
        ]],
    );
    check_field(
        file,
        "/modes/0",
        Some(json!("all")),
        expect![
            "/workshop/steps/a/llm.json: modes[0]: unknown variant `all`, expected one of `hints`, `explain`, `solve` at line 1 column 59"
        ],
    );
    check_field(
        file,
        "/context",
        Some(json!(1)),
        expect![
            "/workshop/steps/a/llm.json: context: invalid type: integer `1`, expected a string at line 1 column 12"
        ],
    );
    check_field(
        file,
        "/hasDocs",
        Some(json!(1)),
        expect![
            "/workshop/steps/a/llm.json: hasDocs: invalid type: integer `1`, expected a boolean at line 1 column 26"
        ],
    );
}

#[test]
fn an_artifact_that_may_not_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    write_artifact(dir.path());
    let file = dir.path().join("workshop.json");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    // The superuser reads it all the same.
    if let Err(error) = fs::read(&file) {
        assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
        let message = Artifact::load(dir.path()).unwrap_err().to_string();
        assert!(message.ends_with("run as root or with group 0"), "{message}");
    }
}

/// As another compiler may write it: nothing of it stops a class.
#[test]
fn what_is_said_twice_may_differ() {
    let dir = tempfile::tempdir().unwrap();
    write_artifact(dir.path());
    let edit = |file: &str, edit: fn(&mut Value)| {
        let path = dir.path().join(file);
        let mut json: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        edit(&mut json);
        write_json(&path, &json);
    };
    edit("workshop.json", |json| {
        json["steps"][0]["position"] = json!(0);
        json["steps"][1]["position"] = json!(1);
    });
    edit("steps/a/meta.json", |json| json["position"] = json!(0));
    fs::remove_file(dir.path().join("steps/a/hints.md")).unwrap();
    fs::remove_file(dir.path().join("steps/a/llm.json")).unwrap();
    let artifact = Artifact::load(dir.path()).unwrap();
    assert_eq!(artifact.warnings().len(), 5, "{:#?}", artifact.warnings());
    assert_eq!(artifact.workshop().steps.iter().map(|step| step.position).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(artifact.steps().map(|step| step.position).collect::<Vec<_>>(), [1, 2]);
    let step = artifact.step("a").unwrap();
    assert!(!step.has_hints && !step.has_llm && step.has_explain && artifact.llm("a").is_none());
    assert_eq!(artifact.help("a", HelpMode::Hints).unwrap(), None);
}
