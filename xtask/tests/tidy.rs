//! `cargo xtask tidy` in a small repository that does everything wrong: each finding is listed, all at once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Two crates: `events`, which is below all others, and `journal`, which may use it.
const FILES: &[(&str, &str)] = &[
    (
        "Cargo.toml",
        "[workspace]\nmembers = [\"crates/*\"]\nresolver = \"3\"\n\n[workspace.lints.rust]\nunsafe_code = \"forbid\"\n\n\
         [workspace.dependencies]\nworkshop-events = { path = \"crates/events\" }\nworkshop-pages = { path = \"crates/pages\" }\n",
    ),
    ("README.md", "# A workshop\n"),
    (
        "crates/events/Cargo.toml",
        "[package]\nname = \"workshop-events\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[lints]\nworkspace = true\n",
    ),
    ("crates/events/src/lib.rs", "//! Events.\n\npub mod line;\n"),
    ("crates/events/src/line.rs", "//! Lines.\n\npub const LONGEST: usize = 1;\n"),
    (
        "crates/journal/Cargo.toml",
        "[package]\nname = \"workshop-journal\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[lints]\nworkspace = true\n\
         [dependencies]\nworkshop-events.workspace = true\n",
    ),
    ("crates/journal/src/lib.rs", "//! The journal.\n\npub use workshop_events::line;\n"),
];

fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in FILES {
        write(folder.path(), path, text);
    }
    run(Command::new("git").args(["init", "--quiet"]).current_dir(&folder));
    folder
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Whether it passes, and what it says.
fn tidy(root: &Path) -> (bool, String) {
    run(Command::new("cargo").args(["generate-lockfile", "--offline", "--quiet"]).current_dir(root));
    let mut tidy = Command::new(env!("CARGO_BIN_EXE_xtask"));
    let output = tidy.arg("tidy").current_dir(root).env_remove("CARGO_TARGET_DIR").output().unwrap();
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_tidy_repository_passes() {
    let repository = repository();
    assert_eq!(tidy(repository.path()), (true, String::new()));
}

#[test]
fn every_finding_is_listed_at_once() {
    let repository = repository();
    let root = repository.path();
    let manifest = fs::read_to_string(root.join("crates/events/Cargo.toml")).unwrap();
    write(root, "crates/pages/Cargo.toml", &manifest.replace("events", "pages"));
    write(root, "crates/pages/src/lib.rs", "//! The pages.\n");
    let arrow = "[dependencies]\nworkshop-pages.workspace = true\n";
    write(root, "crates/events/Cargo.toml", &(manifest + arrow));
    write(
        root,
        "crates/events/src/line.rs",
        "//! Lines.\n\npub const LONGEST: usize = crate::cut::LENGTH;\n",
    );
    write(root, "crates/events/src/cut.rs", "//! Cuts.\n\npub const LENGTH: usize = crate::line::LONGEST;\n");
    let mut long = "//! Events.\n\npub mod cut;\npub mod line;\n\npub fn long() {\n".to_owned();
    (0..90).for_each(|n| writeln!(long, "    let _{n} = {n};").unwrap());
    long += "}\n";
    (0..400).for_each(|n| writeln!(long, "pub const C{n}: u32 = {n};").unwrap());
    write(root, "crates/events/src/lib.rs", &long);
    let shared = "//! Reads lines.\n\n#[path = \"../../../shared.rs\"]\nmod shared;\n";
    write(root, "crates/journal/tests/lines.rs", shared);
    write(root, "shared.rs", "//! Shared.\n");

    let (passes, output) = tidy(root);
    assert!(!passes);
    for finding in [
        "events -> pages: an arrow against ARCHITECTURE.md",
        "crates/events/src/lib.rs:1: 497 lines without tests; 400 is the most",
        "a circle of 2 files",
        "lines; 80 is the most",
        "crates/journal/tests/lines.rs:3: `#[path]`",
    ] {
        assert!(output.contains(finding), "{finding} is not in\n{output}");
    }
}
