//! Commands whose output nobody reads to its end, or that cannot be written: `workshop list | head -1`, `> /dev/full`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs::File;
use std::io::pipe;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;
use workshop_testing::cli::{examples, workshop};

/// A pipe whose reader has gone.
fn closed() -> Stdio {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    writer.into()
}

/// Every kind of result that needs no engine: tables, JSON, pages, texts that clap prints.
fn commands(home: &Path) -> Vec<Command> {
    let example = examples().join("hello-linux");
    let example = example.to_str().unwrap();
    let arguments: &[&[&str]] = &[
        &["list", "--engine", "sandbox"],
        &["list", "--engine", "sandbox", "--output", "json"],
        &["validate", example],
        &["validate", example, "--output", "json"],
        &["doctor"],
        &["doctor", "--output", "json"],
        &["init", "first"],
        &["completions", "bash"],
        &["man", "pages"],
        &["--help"],
        &["--version"],
        &["replay", "absent"],
        &["verify", "/absent"],
    ];
    let commands = arguments.iter().map(|arguments| {
        let mut command = workshop(home);
        command.args(*arguments).current_dir(home);
        command
    });
    commands.collect()
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let home = TempDir::new().unwrap();
    for mut command in commands(home.path()) {
        let read = command.output().unwrap();
        let _ = std::fs::remove_dir_all(home.path().join("first"));
        let unread = command.stdout(closed()).output().unwrap();
        let _ = std::fs::remove_dir_all(home.path().join("first"));
        let said = String::from_utf8(unread.stderr).unwrap();
        assert_eq!(unread.status.code(), read.status.code(), "{command:?}: {said}");
        assert!(!said.contains("panicked"), "{command:?}: {said}");
        let nobody = command.stdout(Stdio::null()).stderr(closed()).status().unwrap();
        let _ = std::fs::remove_dir_all(home.path().join("first"));
        assert_eq!(nobody.code(), read.status.code(), "{command:?}");
    }
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let home = TempDir::new().unwrap();
    // What clap prints by itself ends well whatever becomes of it.
    let own = |command: &Command| {
        command.get_args().next().is_some_and(|first| !first.to_string_lossy().starts_with("--"))
    };
    for mut command in commands(home.path()).into_iter().filter(own) {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = command.stdout(full).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!said.contains("panicked"), "{command:?}: {said}");
        assert_ne!(output.status.code(), Some(0), "{command:?}: {said}");
        assert!(!said.is_empty(), "{command:?} says nothing");
    }
}
