//! Settings: flag, then environment, then file; and what is wrong with them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed expectation is a failed test"
)]

use std::collections::BTreeMap;
use std::fs;

use expect_test::{Expect, expect};
use tempfile::TempDir;
use workshop_testing::cli::{answer, said, workshop};

fn home(config: &str) -> TempDir {
    let home = TempDir::new().unwrap();
    fs::create_dir_all(home.path().join(".config/workshop")).unwrap();
    fs::write(home.path().join(".config/workshop/config.toml"), config).unwrap();
    home
}

/// What `doctor` says of the settings.
fn settings(home: &TempDir, arguments: &[&str], environment: &[(&str, &str)]) -> BTreeMap<String, String> {
    let mut command = workshop(home.path());
    command.arg("doctor").args(arguments).envs(environment.iter().copied());
    let (_, report) = answer(&mut command);
    let chapters = report["chapters"].as_array().unwrap();
    let findings = chapters.last().unwrap()["findings"].as_array().unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    findings.iter().map(|finding| (text(&finding["what"]), text(&finding["found"]))).collect()
}

#[test]
fn flag_then_environment_then_file() {
    let home =
        home("engine = \"podman\"\nport = 9001\ndata = \"~/kept\"\n[llm]\nkey-command = \"pass llm\"\n");
    let said = settings(&home, &[], &[]);
    assert_eq!((&*said["engine"], &*said["port"]), ("podman (config file)", "9001 (config file)"));
    assert_eq!(said["data"], format!("{} (config file)", home.path().join("kept").display()));
    assert_eq!(said["llm key"], "from llm.key-command (config file)");
    let environment =
        [("WORKSHOP_ENGINE", "docker"), ("WORKSHOP_PORT", "9002"), ("WORKSHOP_DATA", "/var/kept")];
    let said = settings(&home, &[], &environment);
    assert_eq!(said["engine"], "docker (WORKSHOP_ENGINE)");
    assert_eq!((&*said["port"], &*said["data"]), ("9002 (WORKSHOP_PORT)", "/var/kept (WORKSHOP_DATA)"));
    let said = settings(&home, &["--engine", "sandbox"], &environment);
    assert_eq!(said["engine"], "sandbox (flag)");
    let said = settings(&home, &["--port=9003", "--data-root", "/srv"], &environment);
    assert_eq!((&*said["port"], &*said["data"]), ("9003 (flag)", "/srv (flag)"));
    // Set to nothing is not set.
    assert_eq!(settings(&home, &[], &[("WORKSHOP_PORT", "")])["port"], "9001 (config file)");
}

#[test]
fn without_a_file_everything_has_a_default() {
    let home = TempDir::new().unwrap();
    let said = settings(&home, &[], &[]);
    assert_eq!((&*said["engine"], &*said["port"]), ("auto (default)", "8080 (default)"));
    let elsewhere = TempDir::new().unwrap();
    fs::create_dir(elsewhere.path().join("workshop")).unwrap();
    fs::write(elsewhere.path().join("workshop/config.toml"), "port = 7000").unwrap();
    let said = settings(&home, &[], &[("XDG_CONFIG_HOME", elsewhere.path().to_str().unwrap())]);
    assert_eq!(said["port"], "7000 (config file)");
}

fn refused(config: &str, environment: &[(&str, &str)], expected: Expect) {
    let home = home(config);
    let text = said(workshop(home.path()).arg("doctor").envs(environment.iter().copied()));
    expected.assert_eq(&text.replace(home.path().to_str().unwrap(), "HOME"));
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    refused(
        "engine = \"lxc\"\n",
        &[],
        expect![[r#"
        --- stderr
        error: HOME/.config/workshop/config.toml: line 1: unknown variant `lxc`, expected one of `auto`, `docker`, `podman`, `sandbox`
        --- exit 2
    "#]],
    );
    refused(
        "port = 1\nprot = 2\n",
        &[],
        expect![[r#"
        --- stderr
        error: HOME/.config/workshop/config.toml: line 2: unknown field `prot`, expected one of `engine`, `port`, `data`, `llm`
        --- exit 2
    "#]],
    );
    refused(
        "port = \"http\"\n",
        &[],
        expect![[r#"
        --- stderr
        error: HOME/.config/workshop/config.toml: line 1: invalid type: string "http", expected u16
        --- exit 2
    "#]],
    );
    refused(
        "data = \"here\"\n",
        &[],
        expect![[r#"
        --- stderr
        error: HOME/.config/workshop/config.toml: data: "here" must be an absolute path, or begin with ~/
        --- exit 2
    "#]],
    );
    refused(
        "[llm]\nkey = \"sk-secret\" oops\n",
        &[],
        expect![[r#"
        --- stderr
        error: HOME/.config/workshop/config.toml: line 2: unexpected key or value, expected newline, `#`
        --- exit 2
    "#]],
    );
    refused(
        "[llm]\nkey = \"a\"\nkey-command = \"b\"\n",
        &[],
        expect![[r#"
        --- stderr
        error: HOME/.config/workshop/config.toml: llm: key and key-command are mutually exclusive; keep one of them
        --- exit 2
    "#]],
    );
    refused(
        "",
        &[("WORKSHOP_PORT", "http")],
        expect![[r#"
        --- stderr
        error: invalid value 'http' for '--port <PORT>': invalid digit found in string

        For more information, try '--help'.
        --- exit 2
    "#]],
    );
    refused(
        "",
        &[("WORKSHOP_ENGINE", "lxc")],
        expect![[r#"
        --- stderr
        error: invalid value 'lxc' for '--engine <ENGINE>'
          [possible values: auto, docker, podman, sandbox]

        For more information, try '--help'.
        --- exit 2
    "#]],
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let home = TempDir::new().unwrap();
    fs::create_dir_all(home.path().join(".config/workshop/config.toml")).unwrap();
    let text = said(workshop(home.path()).arg("doctor"));
    expect![[r#"
        --- stderr
        error: HOME/.config/workshop/config.toml: Is a directory (os error 21)
        --- exit 2
    "#]]
    .assert_eq(&text.replace(home.path().to_str().unwrap(), "HOME"));
}
