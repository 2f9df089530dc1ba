//! Requests that schemathesis makes up from the OpenAPI document: whatever they say, the answer has the form that the
//! document gives for it, and what the document does not name is a problem, never a fault of the server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use std::path::Path;
use std::process::Command;

use common::{ACCESS, Backend, Folder, INSTRUCTOR, SUPERVISOR, WORKSHOP};

/// What stands in paths: made up, and what is there.
const ADDRESSES: [&str; 2] = ["", "[parameters]\n'path.id' = 'one'\n'path.mode' = 'hints'\n"];

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_in_the_document() {
    let folder = Folder::new(WORKSHOP);
    let backend = folder.start(&[("WORKSHOP_SUPERVISOR_TOKEN", SUPERVISOR)]).ready().await;
    backend.post("/api/steps/one/viewed").await;
    let student = "^/api/(?!instructor/|supervisor/)";
    for addresses in ADDRESSES {
        for (paths, token) in
            [(student, ACCESS), ("^/api/instructor/", INSTRUCTOR), ("^/api/supervisor/", SUPERVISOR)]
        {
            ask(&backend, &folder, addresses, paths, token);
        }
    }
}

fn ask(backend: &Backend, folder: &Folder, addresses: &str, paths: &str, token: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let settings = folder.path("schemathesis.toml");
    std::fs::write(&settings, addresses).unwrap();
    let mut schemathesis = Command::new("schemathesis");
    schemathesis.current_dir(&folder.root);
    schemathesis.arg("--config-file").arg(settings).arg("run").arg(root.join("schemas/openapi.json"));
    schemathesis.args(["--url", &backend.base, "--header", &format!("Authorization: Bearer {token}")]);
    // Streams never end.
    schemathesis.args(["--include-path-regex", paths, "--exclude-path-regex", "/events$"]);
    // A list that is asked for more than there may be in one gives as many as may be; and who may not ask is told so before
    // anything else.
    schemathesis.args(["--checks", "all", "--exclude-checks", "negative_data_rejection,unsupported_method"]);
    // The same requests each time.
    schemathesis.args(["--seed", "1", "--generation-database", "none", "--max-examples", "10"]);
    let output = schemathesis.output().expect("schemathesis, which `cargo xtask test` installs, in PATH");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}
