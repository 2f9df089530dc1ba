//! The program itself, told to log everything, with every secret in its hands, and used in every way: none of them stands
//! in what it writes, in an answer that refuses, or in the database.

use std::fs::File;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;

use axum::Router;
use axum::extract::ws::{Message as Frame, WebSocketUpgrade};
use axum::routing::{any, get};
use futures_util::{SinkExt, StreamExt};
use reqwest::{Client, Method, RequestBuilder};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::Message;
use workshop_testing::dashboard::{
    Browser, CastStore, OIDC_CLIENT, OIDC_SECRET, Provider, S3, Server, give_to_postgres,
};
use workshop_testing::{Process, free_port, until, until_async};

use super::harness::LOG;

const DATABASE: &str = "secret-password-of-the-database";
const INSTRUCTOR: &str = "secret-token-of-the-instructors";
const WORKSPACES: &str = "secret-token-of-the-workspaces";
const HOOK: &str = "secret-that-signs-for-the-hook";
const HOOK_KEY: &str = "secret-key-in-the-address-of-the-hook";
const STORE: &str = "secret-of-a-store-that-is-not-there";
const WRONG: &str = "secret-of-somebody-elses-service";

/// Where dashboards run, and what they wrote.
struct Place {
    folder: TempDir,
    address: SocketAddr,
    database: String,
    settings: Vec<(&'static str, String)>,
    _casts: CastStore,
}

impl Place {
    fn command(&self, arguments: &[&str]) -> Command {
        let said = File::options().create(true).append(true).open(self.folder.path().join("said")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_workshop-dashboard"));
        command.args(arguments).env("RUST_LOG", "trace").env("WORKSHOP_DATABASE_URL", &self.database);
        command.env("NO_COLOR", "1").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(said);
        command
    }

    fn run(&self, arguments: &[&str]) -> String {
        String::from_utf8(self.command(arguments).output().unwrap().stdout).unwrap().trim().to_owned()
    }

    async fn serve(&self) -> Process {
        let mut command = self.command(&["serve"]);
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        let process = Process::start(command.stdout(Stdio::null()));
        until_async("the dashboard answers", async || {
            Client::new().get(self.url("/healthz")).send().await.is_ok()
        })
        .await;
        process
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.folder.path().join("said")).unwrap()).into_owned()
    }
}

/// A server that asks for a password, but for the administrator's.
async fn postgres() -> (Server, String) {
    let server = Server::with(&std::env::temp_dir(), |folder| {
        let rules = folder.join("rules");
        std::fs::write(
            &rules,
            "host all workshop 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n",
        )
        .unwrap();
        give_to_postgres(&rules);
        vec![format!("hba_file={}", rules.display())]
    })
    .await;
    let mut admin = PgConnection::connect(&server.url()).await.unwrap();
    for statement in [
        format!("create role owner login superuser password '{DATABASE}'"),
        "create database class owner owner".to_owned(),
    ] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut admin).await.unwrap();
    }
    let url = server.url().replace("workshop@", &format!("owner:{DATABASE}@")).replace("/postgres", "/class");
    (server, url)
}

/// A workspace's terminal, and a receiver of a webhook's posts that refuses every other.
async fn others() -> String {
    let terminal = get(async |upgrade: WebSocketUpgrade| {
        upgrade.on_upgrade(async |mut socket| {
            let Some(Ok(Frame::Text(hello))) = socket.recv().await else { return };
            assert!(hello.contains(WORKSPACES));
            let _ = socket.send(Frame::Text("{\"type\":\"restored\"}".into())).await;
        })
    });
    let app = Router::new()
        .route("/ws/instructor/terminal", terminal)
        .route(&format!("/{HOOK_KEY}"), any(async || "ok"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    format!("http://{address}")
}

async fn place(database: String, provider: &Provider, address: SocketAddr, others: &str) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let hooks = folder.path().join("hooks.toml");
    let entry = |url: &str| {
        format!("[[webhook]]\nurl = \"{url}/{HOOK_KEY}\"\nsecret = \"{HOOK}\"\nevents = [\"*\"]\n")
    };
    std::fs::write(&hooks, entry(others) + &entry("http://127.0.0.1:1")).unwrap();
    let casts = S3::given().map_or_else(CastStore::folder, CastStore::s3);
    let mut settings = vec![
        ("WORKSHOP_LISTEN", address.to_string()),
        ("WORKSHOP_INSTRUCTOR_TOKEN", INSTRUCTOR.to_owned()),
        ("WORKSHOP_WORKSPACE_TOKEN", WORKSPACES.to_owned()),
        ("WORKSHOP_PUBLIC_URL", format!("http://{address}")),
        ("WORKSHOP_OIDC_ISSUER", provider.issuer.clone()),
        ("WORKSHOP_OIDC_CLIENT_ID", OIDC_CLIENT.to_owned()),
        ("WORKSHOP_OIDC_CLIENT_SECRET", OIDC_SECRET.to_owned()),
        ("WORKSHOP_OIDC_ALLOW", "ada@example.org".to_owned()),
        ("WORKSHOP_WEBHOOKS", hooks.display().to_string()),
    ];
    settings.extend(casts.environment());
    Place { folder, address, database, settings, _casts: casts }
}

/// Everything that comes with a token, right and wrong. What was refused, in words.
async fn use_it(place: &Place, token: &str) -> Vec<String> {
    let http = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let line = "{\"ts\":\"2026-11-20T09:00:00Z\",\"event\":\"step_start\",\"step\":\"x\"}\n";
    let cast = "{\"version\":2,\"width\":80,\"height\":24}\n[0.5, \"o\", \"a\"]\n";
    let mut asked: Vec<RequestBuilder> = Vec::new();
    for token in [token, WRONG, INSTRUCTOR] {
        for (stream, body) in [("state", line), ("cast/a.cast", cast), ("commands", "no line")] {
            let post = http.post(place.url(&format!("/ingest/ada/{LOG}/{stream}"))).bearer_auth(token);
            asked.push(post.header("workshop-offset", 0).body(body));
        }
        asked.push(http.get(place.url(&format!("/ingest/ada/{LOG}"))).bearer_auth(token));
        asked.push(http.post(place.url("/ingest/vector/ada")).bearer_auth(token).body("x"));
        asked.push(
            http.post(place.url(&format!("/ingest/ada/{LOG}/diverged")))
                .bearer_auth(token)
                .body(token.to_owned()),
        );
        for path in ["me", "workspaces", "matrix", "search?q=%00", "workspaces/ada", "nothing"] {
            asked.push(http.get(place.url(&format!("/api/{path}"))).bearer_auth(token));
            asked.push(
                http.get(place.url(&format!("/api/{path}")))
                    .header("authorization", format!("Basic {token}")),
            );
        }
        asked.push(http.get(place.url(&format!("/api/recordings/{LOG}/a.cast"))).bearer_auth(token));
        asked.push(http.get(place.url(&format!("/auth/callback?code={token}&state={token}"))));
        asked.push(http.request(Method::POST, place.url("/auth/logout")).bearer_auth(token));
    }
    let mut refused = Vec::new();
    for request in asked {
        let answer = request.send().await.unwrap();
        let (status, url) = (answer.status(), answer.url().path().to_owned());
        let headers = format!("{:?}", answer.headers());
        let text = format!("{headers} {}", answer.text().await.unwrap());
        if !status.is_success() {
            refused.push(format!("{status} {url} {text}"));
        }
    }
    refused
}

async fn watch_terminal(place: &Place, token: &str) {
    let url = place.url("/ws/workspaces/ada/terminal").replace("http://", "ws://");
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let hello = format!(r#"{{"type":"hello","token":"{token}","terminal":"main","cols":80,"rows":24}}"#);
    socket.send(Message::text(hello)).await.unwrap();
    while let Some(Ok(frame)) = socket.next().await {
        if frame.is_text() && frame.to_text().unwrap().contains("restored") {
            return;
        }
    }
    assert_eq!(token, WRONG);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_leaves_the_program() {
    let (_server, database) = postgres().await;
    let address: SocketAddr = format!("127.0.0.1:{}", free_port()).parse().unwrap();
    let provider = Provider::start(&format!("http://{address}"), true, false);
    let others = others().await;
    let place = Arc::new(place(database, &provider, address, &others).await);
    let token = place.run(&["workspace", "add", "ada", "--student", "Ada", "--url", &others]);
    let second = place.run(&["workspace", "renew", "ada"]);
    assert!(token.len() > 40 && second.len() > 40);

    let process = place.serve().await;
    let refused = use_it(&place, &second).await;
    assert!(refused.len() > 20, "{refused:?}");
    watch_terminal(&place, INSTRUCTOR).await;
    watch_terminal(&place, WRONG).await;
    let mut browser = Browser::default();
    let callback = browser.log_in(address, "/auth/login", "ada").await;
    assert!(browser.get(&callback).await.status().is_redirection());
    assert!(browser.get(&place.url("/api/me")).await.status().is_success());
    let cookies: Vec<String> = browser.cookies[&address.to_string()].values().cloned().collect();
    let code = callback.split("code=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    until("the hook that is not there is tried", || place.said().contains("a webhook did not take an event"));
    drop(process);

    // What cannot start says why, and no more.
    for database in [
        place.database.replace(DATABASE, WRONG),
        format!("postgres://owner:{WRONG}@127.0.0.1:port/class"),
        format!("postgres://owner:{WRONG}@127.0.0.1:1/class"),
        format!("owner:{WRONG}"),
    ] {
        let ended = place.command(&["serve"]).env("WORKSHOP_DATABASE_URL", database).output().unwrap();
        assert!(!ended.status.success());
        let ended = place.command(&["serve", "--database"]).output().unwrap();
        assert!(!ended.status.success());
    }
    let store = [
        ("AWS_ACCESS_KEY_ID", "nobody"),
        ("AWS_SECRET_ACCESS_KEY", STORE),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("WORKSHOP_CASTS", "s3://bucket"),
        ("WORKSHOP_WEBHOOKS", "/nowhere"),
    ];
    assert!(!place.command(&["serve"]).envs(store).output().unwrap().status.success());

    let said = place.said();
    // It did log everything.
    assert!(said.contains("TRACE") && said.contains("DEBUG"));
    let own =
        [DATABASE, INSTRUCTOR, WORKSPACES, OIDC_SECRET, HOOK, HOOK_KEY, STORE, WRONG, &token, &second, &code];
    let store = S3::given().map(|s3| s3.secret);
    let secrets = own.into_iter().chain(cookies.iter().map(String::as_str)).chain(store.as_deref());
    let dumped = Command::new("pg_dump").arg(&place.database).output().unwrap();
    assert!(dumped.status.success(), "{dumped:?}");
    let dumped = String::from_utf8(dumped.stdout).unwrap();
    assert!(dumped.contains("Ada"));
    for secret in secrets {
        if let Some(line) = said.lines().find(|line| line.contains(secret)) {
            panic!("{secret} is logged: {line}");
        }
        for answer in &refused {
            assert!(!answer.contains(secret), "{secret} is in an answer: {answer}");
        }
        assert!(!dumped.contains(secret), "{secret} is in the database");
    }
}
