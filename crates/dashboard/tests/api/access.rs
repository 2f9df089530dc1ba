//! Who may ask.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use workshop_dashboard::Dashboard;
use workshop_testing::dashboard::{INSTRUCTOR, Served, settings};
use workshop_testing::until_async;

use super::harness::Database;

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
    let running = Served::on(&database).await;
    for path in PATHS.into_iter().chain(["/api/stream"]) {
        let without = running.ask(Method::GET, path).send().await.unwrap();
        assert_eq!(without.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(without.headers()["content-type"], "application/problem+json", "{path}");
        for wrong in ["", "x", &INSTRUCTOR[1..], &format!("{INSTRUCTOR}x")] {
            let answer = running.ask(Method::GET, path).bearer_auth(wrong).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path} {wrong}");
        }
        let basic = running.ask(Method::GET, path).header("authorization", format!("Basic {INSTRUCTOR}"));
        assert_eq!(basic.send().await.unwrap().status(), StatusCode::UNAUTHORIZED, "{path}");
        // A cookie of whatever kind is no login where there is no provider.
        let cookie = running.ask(Method::GET, path).header("cookie", "workshop-session=7b7d.00");
        assert_eq!(cookie.send().await.unwrap().status(), StatusCode::UNAUTHORIZED, "{path}");
        // Nor is a token in a path.
        let query = format!("{path}{}token={INSTRUCTOR}", if path.contains('?') { '&' } else { '?' });
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

/// Every route of the API's document, whatever will be added to it.
#[tokio::test]
async fn every_route_needs_a_login() {
    let database = Database::new().await;
    database.working("ada", "Ada", super::harness::LOG).await;
    let running = Served::on(&database).await;
    let document: Value = serde_json::from_str(&workshop_dashboard::openapi().unwrap()).unwrap();
    let mut asked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        let filled = path
            .replace("{id}", "ada")
            .replace("{log}", super::harness::LOG)
            .replace("{name}", "a.cast")
            .replace("{table}", "commands.csv");
        // One that is told apart below, and the one that ends a login; what shippers ask for is no instructor's.
        if path.starts_with("/ingest/") || matches!(path.as_str(), "/api/settings" | "/auth/logout") {
            continue;
        }
        for method in methods.as_object().unwrap().keys().filter(|key| *key != "parameters") {
            let method: Method = method.to_uppercase().parse().unwrap();
            let plain = running.ask(method.clone(), &filled).send().await.unwrap();
            assert_eq!(plain.status(), StatusCode::UNAUTHORIZED, "{method} {path}");
            let body: Value = plain.json().await.unwrap();
            assert_eq!(body["type"], "unauthorized", "{method} {path}");
            let wrong = running.ask(method.clone(), &filled).bearer_auth("wrong").send().await.unwrap();
            assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED, "{method} {path}");
            let right = running.ask(method.clone(), &filled).bearer_auth(INSTRUCTOR).send().await.unwrap();
            assert_ne!(right.status(), StatusCode::UNAUTHORIZED, "{method} {path}");
            asked += 1;
        }
        // Written in another way it is not let through, either.
        for other in [filled.replacen("/api", "/%61pi", 1), format!("/{filled}"), filled.to_uppercase()] {
            let answer = running.ask(Method::GET, &other).send().await.unwrap();
            let kind = answer.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
            let page = kind.is_some_and(|kind| kind.starts_with("text/html"));
            assert!(answer.status().is_client_error() || page, "{other}: {}", answer.status());
        }
        for method in [Method::HEAD, Method::OPTIONS, Method::PUT, Method::DELETE, Method::POST] {
            let status = running.ask(method.clone(), &filled).send().await.unwrap().status();
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
        }
    }
    assert!(asked >= 16, "{asked} routes");
    // What is not in the document, and what is not there at all.
    for path in ["/api", "/api/", "/api/nothing", "/api/workspaces/ada/nothing"] {
        let status = running.ask(Method::GET, path).send().await.unwrap().status();
        assert!(matches!(status, StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND), "{path}: {status}");
    }
}

/// A question that can never be answered is the dashboard's own fault: nobody is told to come back.
#[tokio::test]
async fn a_wrong_query_is_no_busy_database() {
    let database = Database::new().await;
    database.working("ada", "Ada", super::harness::LOG).await;
    let running = Served::on(&database).await;
    let path = "/api/workspaces/ada/commands";
    assert_eq!(running.status(path).await, StatusCode::OK);
    for change in ["alter table command_log rename cmd to other", "alter table command_log rename to other"] {
        database.run(change).await;
        let answer = running.get(path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR, "{change}");
        assert!(!answer.headers().contains_key("retry-after"));
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let text = answer.text().await.unwrap();
        assert!(text.contains("\"internal\"") && !text.contains("command_log"), "{text}");
    }
    // One that an administrator ends may be asked again.
    database
        .run("alter table other rename to command_log; alter table command_log rename other to cmd")
        .await;
    assert_eq!(running.status(path).await, StatusCode::OK);
    let mut holding = database.pool.begin().await.unwrap();
    sqlx::query("lock table command_log").execute(&mut *holding).await.unwrap();
    let waiting = tokio::spawn(running.get(path).send());
    database.until_waiting("workshop_dashboard", 1).await;
    database
        .run("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'workshop_dashboard' and wait_event_type = 'Lock' and datname = current_database()")
        .await;
    let answer = waiting.await.unwrap().unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()["retry-after"], "1");
    holding.rollback().await.unwrap();
    assert_eq!(running.status(path).await, StatusCode::OK);
}

#[tokio::test]
async fn without_any_login_nobody_is_let_in() {
    let database = Database::new().await;
    let running = Served::with(&database.url, &[]).await;
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
    let empty = Served::with(&database.url, &["--instructor-token", ""]).await;
    let answer = empty.ask(Method::GET, "/api/workspaces").bearer_auth("").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn it_is_never_open_to_the_network() {
    let database = Database::new().await;
    let mut open = settings(&database.url, "casts", &[]);
    open.listen = "0.0.0.0:0".parse().unwrap();
    let Err(error) = Dashboard::open(open.clone()).await else { panic!("it opened") };
    assert!(error.to_string().contains("WORKSHOP_INSTRUCTOR_TOKEN"), "{error}");
    open.instructor_token = Some(INSTRUCTOR.to_owned());
    Dashboard::open(open).await.unwrap();
}

/// Whoever has it sees every student, and nobody counts who tries.
#[tokio::test]
async fn the_instructors_token_cannot_be_guessed() {
    let database = Database::new().await;
    for weak in ["fifteen-letters", "instructor", "sixteen letters!", "sechzehn-Zeichen-ü"] {
        let Err(error) =
            Dashboard::open(settings(&database.url, "casts", &["--instructor-token", weak])).await
        else {
            panic!("{weak} is taken")
        };
        let expected = "WORKSHOP_INSTRUCTOR_TOKEN must have at least 16 letters, digits or any of -._~+/=";
        assert_eq!(error.to_string(), expected, "and the token is not shown");
    }
}

#[tokio::test]
async fn other_sites_and_other_names_are_refused() {
    let database = Database::new().await;
    let running =
        Served::with(&database.url, &["--instructor-token", INSTRUCTOR, "--allowed-hosts", "Class.example"])
            .await;
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
    let running = Served::on(&database).await;
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
    let running = Served::on(&database).await;
    let ready = running.ask(Method::GET, "/readyz").send().await.unwrap();
    assert_eq!(ready.text().await.unwrap(), "ready");
    let metrics = running.metrics().await;
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

/// Whoever asks for them often makes the database count no more often.
#[tokio::test]
async fn figures_are_counted_every_few_seconds() {
    let database = Database::new().await;
    let running = Served::on(&database).await;
    let begun = Instant::now();
    assert!(running.metrics().await.contains("workshop_workspaces 0\n"));
    database.add("ada").await;
    let again = running.metrics().await;
    assert!(begun.elapsed() > Duration::from_secs(4) || again.contains("workshop_workspaces 0\n"));
    let counted = async || running.metrics().await.contains("workshop_workspaces 1\n");
    until_async("the workspace is counted", counted).await;
}
