//! Requests that schemathesis makes up from an OpenAPI document.

use std::path::Path;
use std::process::Command;

/// Asks a service everything that its document in `schemas/` has, in requests that are the same each time. `settings` are
/// schemathesis's own, as TOML; `arguments` say with which credentials it asks, and what it leaves out.
pub fn ask_everything(document: &str, base: &str, settings: &str, arguments: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("settings.toml"), settings).unwrap();
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas").join(document);
    let mut schemathesis = Command::new("schemathesis");
    schemathesis.current_dir(&folder).args(["--config-file", "settings.toml", "run"]).arg(document);
    schemathesis.args(["--url", base, "--checks", "all"]);
    schemathesis.args(["--seed", "1", "--generation-database", "none", "--max-examples", "10"]);
    let output = schemathesis.args(arguments).output();
    let output = output.expect("schemathesis, which `cargo xtask test` installs, in PATH");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
}
