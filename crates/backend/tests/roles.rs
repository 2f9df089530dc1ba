//! Which roles every route and every socket of a real backend really lets in, compared with one table.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;

use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::{connect_async, tungstenite::Message};
use workshop_testing::backend::{ACCESS, Backend, Folder, INSTRUCTOR, SUPERVISOR, WORKSHOP};

const TOKENS: [(&str, &str); 4] =
    [("none", ""), ("access", ACCESS), ("instructor", INSTRUCTOR), ("supervisor", SUPERVISOR)];

/// Every route with those that it lets in. Whoever adds one says here whom it is for.
const TABLE: &str = "
GET / none access instructor supervisor
GET /api/commands access instructor supervisor
GET /api/events access instructor supervisor
GET /api/instructor/at instructor supervisor
GET /api/instructor/commands instructor supervisor
GET /api/instructor/events instructor supervisor
GET /api/instructor/goss instructor supervisor
GET /api/instructor/llm instructor supervisor
GET /api/instructor/recordings instructor supervisor
GET /api/instructor/status instructor supervisor
GET /api/instructor/timeline instructor supervisor
GET /api/recordings access instructor supervisor
GET /api/recordings/{name} access instructor supervisor
GET /api/state access instructor supervisor
GET /api/steps access instructor supervisor
GET /api/steps/{id}/assets/{name} access instructor supervisor
GET /api/steps/{id}/content access instructor supervisor
GET /api/steps/{id}/help/history access instructor supervisor
GET /api/steps/{id}/help/{mode} access instructor supervisor
GET /api/terminals access instructor supervisor
GET /api/unknown access instructor supervisor
GET /healthz none access instructor supervisor
GET /metrics none access instructor supervisor
GET /readyz none access instructor supervisor
POST /api/steps/{id}/done access
POST /api/steps/{id}/help/{mode} access
POST /api/steps/{id}/start access
POST /api/steps/{id}/switch access supervisor
POST /api/steps/{id}/validate access
POST /api/steps/{id}/viewed access
POST /api/supervisor/switch-failed supervisor
WS /ws/instructor/terminal instructor
WS /ws/terminal access
";

/// What a real backend does, as lines like those of the table.
async fn found(backend: &Backend, tokens: &[(&str, &str)]) -> String {
    let document: Value = serde_json::from_str(&workshop_backend::openapi().unwrap()).unwrap();
    let mut routes: Vec<(String, String)> = ["/", "/healthz", "/readyz", "/metrics", "/api/unknown"]
        .map(|path| ("GET".into(), path.into()))
        .into();
    for (path, item) in document["paths"].as_object().unwrap() {
        routes.extend(item.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())));
    }
    routes.extend(["/ws/terminal", "/ws/instructor/terminal"].map(|path| ("WS".into(), path.into())));
    let mut found = BTreeSet::new();
    for (method, path) in routes {
        let mut line = format!("{method} {path}");
        for (name, token) in tokens {
            let admitted = match method.as_str() {
                "WS" => socket_lets_in(backend, &path, token).await,
                _ => route_lets_in(backend, &method, &path, token).await,
            };
            if admitted {
                line = format!("{line} {name}");
            }
        }
        found.insert(line + "\n");
    }
    found.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_route_lets_in_whom_the_table_says() {
    let folder = Folder::new(WORKSHOP);
    let backend = folder.start(&[("WORKSHOP_SUPERVISOR_TOKEN", SUPERVISOR)]).ready().await;
    assert_eq!(found(&backend, &TOKENS).await, TABLE.trim_start());
}

/// Without an access token whoever brings none is the student, and no more than that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_access_token_none_is_as_good_as_one() {
    let folder = Folder::new(WORKSHOP);
    let set = [("WORKSHOP_ACCESS_TOKEN", ""), ("WORKSHOP_SUPERVISOR_TOKEN", SUPERVISOR)];
    let backend = folder.start(&set).ready().await;
    let tokens = [TOKENS[0], TOKENS[2], TOKENS[3]];
    let expected = TABLE.trim_start().replace("none access", "none").replace("access", "none");
    assert_eq!(found(&backend, &tokens).await, expected);
}

async fn route_lets_in(backend: &Backend, method: &str, path: &str, token: &str) -> bool {
    let address = path.replace("{id}", "one").replace("{mode}", "hints").replace("{name}", "none");
    let request = backend.request(method.parse::<Method>().unwrap(), &address, token);
    !matches!(request.send().await.unwrap().status().as_u16(), 401 | 403)
}

/// Whether a socket answers the hello with this token by anything but a refusal of it.
async fn socket_lets_in(backend: &Backend, path: &str, token: &str) -> bool {
    let (mut socket, _) = connect_async(format!("ws://127.0.0.1:{}{path}", backend.port)).await.unwrap();
    let token = (!token.is_empty()).then_some(token);
    let hello = json!({"type": "hello", "token": token, "terminal": "main", "cols": 80, "rows": 24});
    socket.send(Message::text(hello.to_string())).await.unwrap();
    while let Some(Ok(message)) = socket.next().await {
        match message {
            Message::Text(text) => {
                let message: Value = serde_json::from_str(&text).unwrap();
                if message["type"] != "error" {
                    return true;
                }
            }
            Message::Close(close) => {
                return close.unwrap().code != workshop_wire::terminal::CLOSE_TOKEN.into();
            }
            _ => {}
        }
    }
    panic!("{path}: no answer")
}
