//! Requests that schemathesis makes up from the OpenAPI document: whatever they say, the answer has the form that the
//! document gives for it, and what the document does not name is a problem, never a fault of the server.

use workshop_testing::ask_everything;
use workshop_testing::dashboard::{INSTRUCTOR, Served};

use super::harness::{Database, LOG};

/// What stands in paths: made up, and what is there.
const ADDRESSES: [&str; 2] =
    ["", "[parameters]\n'path.id' = 'ada'\n'path.log' = '00000000000000aa'\n'path.table' = 'events'\n"];

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_in_the_document() {
    let database = Database::new().await;
    database.working("ada", "Ada", LOG).await;
    let running = Served::on(&database).await;
    let base = running.url("");
    let ingest = database.add("ben").await;
    let (origin, token) = (format!("Origin: {base}"), format!("Authorization: Bearer {INSTRUCTOR}"));
    for addresses in ADDRESSES {
        let arguments = [
            "--header",
            &origin,
            "--header",
            &token,
            // It never ends.
            "--exclude-path",
            "/api/stream",
            "--exclude-path-regex",
            "^/ingest/",
            // A list that is asked for more than there may be in one gives as many as may be.
            "--exclude-checks",
            "negative_data_rejection",
        ];
        ask_everything("dashboard.openapi.json", &base, addresses, &arguments);
    }
    // What shippers ask for with JSON; schemathesis makes up no lines of a log.
    let token = format!("Authorization: Bearer {ingest}");
    let arguments = [
        "--header",
        &token,
        "--include-path",
        "/ingest/{workspace}/{log}",
        "--include-path",
        "/ingest/{workspace}/{log}/diverged",
        // JSON Schema has 1.0 for an integer, and we do not.
        "--exclude-checks",
        "positive_data_acceptance",
    ];
    let address = "[parameters]\n'path.workspace' = 'ben'\n'path.log' = '00000000000000bb'\n";
    ask_everything("dashboard.openapi.json", &base, address, &arguments);
}
