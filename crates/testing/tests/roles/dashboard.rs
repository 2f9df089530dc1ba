//! A dashboard on a database of its own, and whom it lets in.

use reqwest::Method;
use tokio::net::TcpListener;
use workshop_dashboard::{openapi, router};
use workshop_testing::backend;
use workshop_testing::dashboard::{Browser, Database, INSTRUCTOR, LOG, Provider, Served, WORKSPACE};

use crate::backend::Backend;
use crate::{routes, socket};

/// What comes with a request.
struct Credential {
    name: &'static str,
    token: Option<String>,
    cookie: String,
}

/// A line of the table for each route. The backend is the workspace whose terminal is shown.
pub(crate) async fn lines(workspace: &Backend) -> Vec<String> {
    let database = Database::new().await;
    let ingest = database.add(WORKSPACE).await;
    database.run(&format!("update workspaces set url = 'http://{}'", workspace.address)).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let public = format!("http://{}", listener.local_addr().unwrap());
    let provider = Provider::start(&public, true, false);
    let login = provider.arguments(&public);
    let mut arguments = vec!["--instructor-token", INSTRUCTOR, "--oidc-allow", "ada@example.org"];
    arguments.extend(["--workspace-token", backend::INSTRUCTOR]);
    arguments.extend(login.iter().map(String::as_str));
    let served = Served::listening(listener, &database.url, &arguments).await;

    let mut browser = Browser::default();
    let callback = browser.log_in(served.address, "/auth/login", "ada").await;
    browser.get(&callback).await;
    let token = |name, token: &str| Credential { name, token: Some(token.to_owned()), cookie: String::new() };
    let credentials = [
        Credential { name: "none", token: None, cookie: String::new() },
        token("instructor", INSTRUCTOR),
        Credential { name: "login", token: None, cookie: browser.cookie(&served.address.to_string()) },
        token("ingest", &ingest),
    ];

    let routes = routes::all(&router(&served.dashboard), &openapi().unwrap());
    // Logging out ends the login that the others are asked with.
    let (last, first): (Vec<_>, Vec<_>) = routes.into_iter().partition(|(_, path)| path == "/auth/logout");
    let mut lines = Vec::new();
    for (method, path) in first.into_iter().chain(last) {
        let mut line = format!("dashboard {method} {path}");
        for credential in &credentials {
            if lets_in(&served, &method, &path, credential).await {
                line += &format!(" {}", credential.name);
            }
        }
        lines.push(line);
    }
    lines
}

async fn lets_in(served: &Served, method: &str, path: &str, credential: &Credential) -> bool {
    let filled = routes::other(path)
        .replace("{id}", WORKSPACE)
        .replace("{workspace}", WORKSPACE)
        .replace("{log}", LOG)
        .replace("{stream}", "state")
        .replace("{table}", "events")
        .replace("{name}", "none.cast")
        .replace("{*name}", "none")
        .replace("{*path}", "none");
    assert!(!filled.contains('{'), "{path}: say in this test what stands for its parameters");
    if method == "WS" {
        let token = credential.token.as_deref();
        return socket::lets_in(&served.address.to_string(), &filled, token, &credential.cookie).await;
    }
    let method: Method = if method == "ANY" { Method::GET } else { method.parse().unwrap() };
    // A browser says where a request that changes something comes from.
    let mut request = served.ask(method, &filled).header("origin", served.url(""));
    if let Some(token) = &credential.token {
        request = request.bearer_auth(token);
    }
    if !credential.cookie.is_empty() {
        request = request.header("cookie", &credential.cookie);
    }
    !matches!(request.send().await.unwrap().status().as_u16(), 401 | 403)
}
