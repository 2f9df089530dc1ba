//! The command, and what it prints.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::process::program;

/// The command, in a home of its own where nothing is set.
pub fn workshop(home: &Path) -> Command {
    let mut command = Command::new(program("workshop"));
    command.env_clear().env("HOME", home).env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.current_dir(home);
    command
}

/// What the command says: exit code, output, complaints.
pub fn said(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let code = status.code().map_or_else(|| status.to_string(), |code| code.to_string());
    let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8(text).unwrap());
    let stderr = if stderr.is_empty() { stderr } else { format!("--- stderr\n{stderr}") };
    format!("{stdout}{stderr}--- exit {code}\n")
}

/// The JSON that the command prints, and its exit code.
pub fn answer(command: &mut Command) -> (i32, Value) {
    let output = command.args(["--output", "json"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text:?}"));
    (output.status.code().unwrap(), value)
}
