//! Requests that schemathesis makes up from the OpenAPI document: whatever they say, the answer has the form that the
//! document gives for it, and what the document does not name is a problem, never a fault of the server.

use std::path::Path;
use std::process::Command;

use super::harness::{Database, LOG, Running, TOKEN};

/// What stands in paths: made up, and what is there.
const ADDRESSES: [&str; 2] =
    ["", "[parameters]\n'path.id' = 'ada'\n'path.log' = '00000000000000aa'\n'path.table' = 'events'\n"];

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_in_the_document() {
    let database = Database::new().await;
    database.working("ada", "Ada", LOG).await;
    let running = Running::start(&database).await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("schemathesis.toml");
    let base = format!("http://{}", running.address);
    for addresses in ADDRESSES {
        std::fs::write(&settings, addresses).unwrap();
        let mut schemathesis = Command::new("schemathesis");
        schemathesis.current_dir(&folder);
        schemathesis
            .arg("--config-file")
            .arg(&settings)
            .arg("run")
            .arg(root.join("schemas/dashboard.openapi.json"));
        schemathesis.args(["--url", &base, "--header", &format!("Origin: {base}")]);
        schemathesis.args(["--header", &format!("Authorization: Bearer {TOKEN}")]);
        // It never ends.
        schemathesis.args(["--exclude-path", "/api/stream"]);
        // A list that is asked for more than there may be in one gives as many as may be.
        schemathesis.args(["--checks", "all", "--exclude-checks", "negative_data_rejection"]);
        // The same requests each time.
        schemathesis.args(["--seed", "1", "--generation-database", "none", "--max-examples", "10"]);
        let output = schemathesis.output().expect("schemathesis, which `cargo xtask test` installs, in PATH");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    }
}
