//! `workshop doctor`, completions and man pages.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed expectation is a failed test"
)]

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use workshop_testing::cli::{On, User, answer, said, workshop};
use workshop_testing::on_engines;

on_engines!(on both: a_live_engine_is_named,);

fn a_live_engine_is_named(on: On) {
    let user = User::new(on);
    let (product, other) = if on == On::Podman { ("Podman", "Docker") } else { ("Docker", "Podman") };
    let version = user.engine(&["version", "--format", "{{.Server.Version}}"]);
    let doctor = |more: &[(&str, &str)]| answer(user.workshop(&["doctor"]).envs(more.iter().copied()));
    let (code, report) = doctor(&[]);
    assert_eq!((code, report["able"].as_bool()), (0, Some(true)), "{report}");
    assert_eq!(report["verdict"], format!("Workshops are built and run on {product} {}.", version.trim()));
    let found = finding(&report, 0, product)["found"].as_str().unwrap();
    assert!(found.starts_with(version.trim()) && found.contains("with root's rights"), "{found}");
    assert_eq!(finding(&report, 0, "base image")["standing"], "ok", "{report}");
    assert!(!report.to_string().contains(&format!("\"what\":\"{other}\"")), "{report}");
    // What is chosen is what is said, whatever answers.
    let (_, report) = doctor(&[("WORKSHOP_ENGINE", "sandbox")]);
    assert!(report["verdict"].as_str().unwrap().contains("sandbox"), "{report}");
    let (code, report) = doctor(&[("DOCKER_HOST", "unix:///nowhere.sock"), ("WORKSHOP_ENGINE", "docker")]);
    assert_eq!(
        (code, report["verdict"].as_str()),
        (1, Some("The engine that the settings say does not answer."))
    );
    assert!(finding(&report, 0, "no answer")["found"].as_str().unwrap().contains("/nowhere.sock"));
}

fn finding<'a>(report: &'a Value, chapter: usize, what: &str) -> &'a Value {
    let findings = report["chapters"][chapter]["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["what"] == what).unwrap_or_else(|| panic!("{what}: {report}"))
}

#[test]
fn with_nothing_there_it_says_what_to_do() {
    let home = TempDir::new().unwrap();
    let doctor = || {
        let mut command = workshop(home.path());
        command.arg("doctor").env("DOCKER_HOST", "unix:///nowhere.sock").env("PATH", home.path());
        command.env("WORKSHOP_PARTS", home.path());
        command
    };
    let (code, report) = answer(&mut doctor());
    assert_eq!((code, report["able"].as_bool()), (1, Some(false)), "{report}");
    assert!(finding(&report, 0, "engine")["advice"].as_str().unwrap().contains("podman.socket"));
    assert!(finding(&report, 2, "folder")["advice"].as_str().unwrap().contains("WORKSHOP_PARTS"));
    let text = said(&mut doctor());
    assert!(text.contains("✗ Nothing here can run workspaces") && text.ends_with("exit 1\n"), "{text}");
    assert!(!text.contains('\u{1b}'), "no colour off a terminal: {text:?}");
}

#[test]
fn a_taken_port_and_an_open_key_are_noted() {
    let home = TempDir::new().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let config = home.path().join(".config/workshop/config.toml");
    fs::create_dir_all(config.parent().unwrap()).unwrap();
    fs::write(&config, format!("port = {port}\n[llm]\nkey = \"sk-secret\"\n")).unwrap();
    let (_, report) = answer(workshop(home.path()).arg("doctor"));
    assert_eq!(finding(&report, 3, &format!("port {port}"))["found"], "taken on 127.0.0.1");
    assert!(finding(&report, 4, "config file")["advice"].as_str().unwrap().starts_with("chmod 600 "));
    assert!(!report.to_string().contains("sk-secret"));
    drop(taken);
    let (_, report) = answer(workshop(home.path()).arg("doctor"));
    assert_eq!(finding(&report, 3, &format!("port {port}"))["standing"], "ok");
}

#[test]
fn completions_are_scripts_that_their_shells_take() {
    let home = TempDir::new().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let output = workshop(home.path()).args(["completions", shell]).output().unwrap();
        assert!(output.status.success() && output.stdout.len() > 1000, "{shell}");
        let script = home.path().join(shell);
        fs::write(&script, output.stdout).unwrap();
        match Command::new(shell).arg("-n").arg(&script).output() {
            Ok(checked) => {
                assert!(checked.status.success(), "{shell}: {}", String::from_utf8_lossy(&checked.stderr))
            }
            Err(error) => println!("{shell} is not here to check its script: {error}"),
        }
    }
    let bash = "source ./bash; COMP_WORDS=(workshop re); COMP_CWORD=1; _workshop workshop re workshop; echo ${COMPREPLY[@]}";
    let completed = Command::new("bash").args(["-c", bash]).current_dir(home.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&completed.stdout), "reset replay\n");
}

#[test]
fn every_command_has_its_page() {
    let home = TempDir::new().unwrap();
    let text = said(workshop(home.path()).args(["man", "pages"]));
    assert_eq!(text, "The pages are in pages. Read one: man -l pages/workshop.1\n--- exit 0\n");
    let pages = home.path().join("pages");
    for page in ["workshop", "workshop-run", "workshop-build-compile", "workshop-replay", "workshop-init"] {
        let text = fs::read_to_string(pages.join(format!("{page}.1"))).unwrap();
        assert!(text.contains(".TH") && text.contains(".SH NAME"), "{page}: {text}");
    }
    let read = Command::new("man").arg("--warnings").arg("-l").arg(pages.join("workshop-replay.1")).output();
    if let Ok(read) = read {
        assert!(read.status.success() && read.stderr.is_empty(), "{}", String::from_utf8_lossy(&read.stderr));
        assert!(String::from_utf8_lossy(&read.stdout).contains("--recording"));
    }
}
