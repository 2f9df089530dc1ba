//! Who may ask.

use reqwest::{Method, StatusCode};
use serde_json::json;
use workshop_dashboard::Dashboard;

use super::harness::{Database, Running, TOKEN, settings};

const PATHS: [&str; 14] = [
    "/api/me",
    "/api/workspaces",
    "/api/workspaces/ada",
    "/api/workspaces/ada/commands",
    "/api/workspaces/ada/events",
    "/api/workspaces/ada/llm",
    "/api/workspaces/ada/recordings",
    "/api/workspaces/ada/quarantine",
    "/api/workspaces/ada/state?at=2026-11-20T09:00:00Z",
    "/api/workspaces/ada/timeline",
    "/api/matrix",
    "/api/funnel",
    "/api/search?q=ls",
    "/api/export/commands.csv",
];

#[tokio::test]
async fn the_api_is_for_who_has_the_token() {
    let database = Database::new().await;
    database.working("ada", "Ada", super::harness::LOG).await;
    let running = Running::start(&database).await;
    for path in PATHS.into_iter().chain(["/api/stream"]) {
        let without = running.ask(Method::GET, path).send().await.unwrap();
        assert_eq!(without.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(without.headers()["content-type"], "application/problem+json", "{path}");
        for wrong in ["", "x", &TOKEN[1..], &format!("{TOKEN}x")] {
            let answer = running.ask(Method::GET, path).bearer_auth(wrong).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path} {wrong}");
        }
        let basic = running.ask(Method::GET, path).header("authorization", format!("Basic {TOKEN}"));
        assert_eq!(basic.send().await.unwrap().status(), StatusCode::UNAUTHORIZED, "{path}");
        // A cookie of whatever kind is no login where there is no provider.
        let cookie = running.ask(Method::GET, path).header("cookie", "workshop-session=7b7d.00");
        assert_eq!(cookie.send().await.unwrap().status(), StatusCode::UNAUTHORIZED, "{path}");
        // Nor is a token in a path.
        let query = format!("{path}{}token={TOKEN}", if path.contains('?') { '&' } else { '?' });
        assert_eq!(running.ask(Method::GET, &query).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
        assert_eq!(running.status(path).await, StatusCode::OK, "{path}");
    }
    assert_eq!(running.json("/api/me").await, json!({"name": "instructor", "via": "token"}));
    let public = running.ask(Method::GET, "/api/settings").send().await.unwrap();
    assert_eq!(public.json::<serde_json::Value>().await.unwrap(), json!({"oidc": false, "token": true}));
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(running.ask(Method::GET, path).send().await.unwrap().status(), StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn without_any_login_nobody_is_let_in() {
    let database = Database::new().await;
    let running = Running::with(&database, &[]).await;
    for path in PATHS {
        for request in [
            running.ask(Method::GET, path),
            running.get(path),
            running.ask(Method::GET, path).bearer_auth(""),
        ] {
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
            let text = answer.text().await.unwrap();
            assert!(text.contains("WORKSHOP_INSTRUCTOR_TOKEN"), "{text}");
        }
    }
    // An empty token is none.
    let empty = Running::with(&database, &["--instructor-token", ""]).await;
    let answer = empty.ask(Method::GET, "/api/workspaces").bearer_auth("").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn it_is_never_open_to_the_network() {
    let database = Database::new().await;
    let mut open = settings(&database.url, &[]);
    open.listen = "0.0.0.0:0".parse().unwrap();
    let Err(error) = Dashboard::open(open.clone()).await else { panic!("it opened") };
    assert!(error.to_string().contains("WORKSHOP_INSTRUCTOR_TOKEN"), "{error}");
    open.instructor_token = Some(TOKEN.to_owned());
    Dashboard::open(open).await.unwrap();
}

#[tokio::test]
async fn other_sites_and_other_names_are_refused() {
    let database = Database::new().await;
    let running =
        Running::with(&database, &["--instructor-token", TOKEN, "--allowed-hosts", "Class.example"]).await;
    let own = format!("http://{}", running.address);
    let check = async |name: &str, value: &str, path: &str, expected: StatusCode| {
        let answer = running.get(path).header(name, value).send().await.unwrap();
        assert_eq!(answer.status(), expected, "{name}: {value} {path}");
    };
    for path in ["/api/workspaces", "/api/settings"] {
        check("host", "evil.example", path, StatusCode::FORBIDDEN).await;
        check("host", "class.example", path, StatusCode::OK).await;
        check("host", "localhost:1", path, StatusCode::OK).await;
        check("origin", &own, path, StatusCode::OK).await;
        check("origin", "http://evil.example", path, StatusCode::FORBIDDEN).await;
        check("origin", "null", path, StatusCode::FORBIDDEN).await;
        check("sec-fetch-site", "cross-site", path, StatusCode::FORBIDDEN).await;
        check("sec-fetch-site", "same-site", path, StatusCode::FORBIDDEN).await;
        check("sec-fetch-site", "same-origin", path, StatusCode::OK).await;
    }
    check("host", "evil.example", "/", StatusCode::FORBIDDEN).await;
    let page = running.ask(Method::GET, "/api/settings").send().await.unwrap();
    for (name, part) in [
        ("content-security-policy", "default-src 'none'"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    ] {
        assert!(page.headers()[name].to_str().unwrap().contains(part), "{name}");
    }
}

#[tokio::test]
async fn names_that_are_none_end_before_the_database() {
    let database = Database::new().await;
    database.working("ada", "Ada", super::harness::LOG).await;
    let running = Running::start(&database).await;
    for name in
        ["nobody", "%00", "ada%00", "..%2f..%2fetc", "ADA", "-", "a%27%20or%201=1", "%ff", &"x".repeat(5000)]
    {
        for rest in ["", "/commands", "/events", "/llm", "/recordings", "/quarantine", "/timeline"] {
            let status = running.status(&format!("/api/workspaces/{name}{rest}")).await;
            assert!(
                matches!(status, StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST),
                "{name}{rest}: {status}"
            );
        }
    }
    for query in ["log=%00", "step=%00", "log=00000000000000ff", "limit=x", "before=x", "format=xml"] {
        let status = running.status(&format!("/api/workspaces/ada/commands?{query}")).await;
        assert!(matches!(status, StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST), "{query}: {status}");
    }
    for path in [
        "/api/matrix?workshop=%00",
        "/api/funnel?workshop=%00",
        "/api/workspaces?workshop=%00",
        "/api/search?q=a%00b",
        "/api/search?q=a",
        "/api/search",
    ] {
        assert_eq!(running.status(path).await, StatusCode::BAD_REQUEST, "{path}");
    }
    assert_eq!(running.status("/api/export/passwords.csv").await, StatusCode::NOT_FOUND);
    assert_eq!(running.status("/api/nothing").await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn readiness_is_the_databases() {
    let database = Database::new().await;
    let running = Running::start(&database).await;
    let ready = running.ask(Method::GET, "/readyz").send().await.unwrap();
    assert_eq!(ready.text().await.unwrap(), "ready");
    let metrics = running.ask(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    for family in
        ["workshop_workspaces 0", "workshop_watchers 0", "workshop_webhooks_total{outcome=\"delivered\"} 0"]
    {
        assert!(metrics.contains(family), "{family}\n{metrics}");
    }
    running.dashboard.store.views().close().await;
    let unready = running.ask(Method::GET, "/readyz").send().await.unwrap();
    assert_eq!(unready.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(running.ask(Method::GET, "/healthz").send().await.unwrap().status(), StatusCode::OK);
}
