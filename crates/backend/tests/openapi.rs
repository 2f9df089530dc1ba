//! Requests that schemathesis makes up from the OpenAPI document: whatever they say, the answer has the form that the
//! document gives for it, and what the document does not name is a problem, never a fault of the server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use workshop_testing::ask_everything;
use workshop_testing::backend::{ACCESS, Folder, INSTRUCTOR, SUPERVISOR, WORKSHOP};

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
            let token = format!("Authorization: Bearer {token}");
            let arguments = [
                "--header",
                &token,
                "--include-path-regex",
                paths,
                // Streams never end.
                "--exclude-path-regex",
                "/events$",
                // A list that is asked for more than there may be in one gives as many as may be; and who may not ask is
                // told so before anything else.
                "--exclude-checks",
                "negative_data_rejection,unsupported_method",
            ];
            ask_everything("openapi.json", &backend.base, addresses, &arguments);
        }
    }
}
