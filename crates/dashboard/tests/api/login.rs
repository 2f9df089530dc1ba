//! Logging in at a real OpenID Connect provider: web/e2e/provider.mjs, started by each test.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};

use reqwest::{Client, Method, Response, StatusCode, header};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use workshop_testing::dashboard::{INSTRUCTOR, Served};
use workshop_testing::{Process, free_port};

use super::harness::Database;

pub(super) const CLIENT: &str = "dashboard";
pub(super) const SECRET: &str = "the-secret-of-the-client-at-the-provider";

pub(super) struct Provider {
    _process: Process,
    /// Kept open: it goes on writing.
    _said: BufReader<ChildStdout>,
    pub(super) issuer: String,
}

impl Provider {
    pub(super) fn start(redirect: &str, secret: bool, id_token: bool) -> Self {
        let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web");
        assert!(web.join("node_modules/oidc-provider").exists(), "run `npm ci` in web/ first");
        let port = free_port();
        let told = json!({
            "port": port,
            "client": CLIENT,
            "secret": secret.then_some(SECRET),
            "redirect": redirect,
            "idToken": id_token,
            "people": {
                "ada": {"email": "Ada@Example.org", "email_verified": true, "groups": ["staff", "teachers"]},
                "eve": {"email": "ada@example.org", "email_verified": false, "groups": []},
                "tom": {"email": "tom@example.org", "email_verified": true, "groups": ["teachers"]},
                "bob": {"email": "<b>bob</b>@example.org", "email_verified": true, "groups": ["students"]},
            },
        });
        let mut node = Command::new("node");
        node.arg(web.join("e2e/provider.mjs")).arg(told.to_string());
        node.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = Process::start(&mut node);
        let mut line = String::new();
        let mut said = BufReader::new(process.child().stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self { _process: process, _said: said, issuer: format!("http://127.0.0.1:{port}") }
    }
}

/// A browser: keeps cookies of each host, follows nothing by itself.
pub(super) struct Browser {
    http: Client,
    pub(super) cookies: HashMap<String, HashMap<String, String>>,
}

impl Browser {
    pub(super) fn new() -> Self {
        let http = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { http, cookies: HashMap::new() }
    }

    async fn ask(
        &mut self,
        method: Method,
        url: &str,
        form: Option<&str>,
        headers: &[(&str, &str)],
    ) -> Response {
        let host = reqwest::Url::parse(url).unwrap().authority().to_owned();
        let jar = self.cookies.entry(host).or_default();
        let cookie = jar.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let mut request = self.http.request(method, url);
        if !cookie.is_empty() {
            request = request.header("cookie", cookie);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(form) = form {
            request =
                request.header("content-type", "application/x-www-form-urlencoded").body(form.to_owned());
        }
        let response = request.send().await.unwrap();
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if value.is_empty() {
                jar.remove(name);
            } else {
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
        response
    }

    pub(super) async fn get(&mut self, url: &str) -> Response {
        self.ask(Method::GET, url, None, &[]).await
    }

    /// Where an answer sends the browser.
    fn target(from: &str, response: &Response) -> String {
        let location = response.headers()[header::LOCATION].to_str().unwrap();
        reqwest::Url::parse(from).unwrap().join(location).unwrap().to_string()
    }

    /// From `/auth/login` through the provider's forms to the address that it sends the browser back to.
    async fn log_in_at_provider(&mut self, running: &Served, login: &str, person: &str) -> String {
        self.log_in_from(running.address, login, person).await
    }

    pub(super) async fn log_in_from(&mut self, address: SocketAddr, login: &str, person: &str) -> String {
        let mut url = format!("http://{address}{login}");
        loop {
            let response = self.get(&url).await;
            if response.status().is_redirection() {
                url = Self::target(&url, &response);
                if url.contains("/auth/callback") {
                    return url;
                }
                continue;
            }
            let page = response.text().await.unwrap();
            let prompt = if page.contains("name=\"login\"") { "login" } else { "consent" };
            let form = format!("prompt={prompt}&login={person}&password=x");
            let answer = self.ask(Method::POST, &url, Some(&form), &[]).await;
            assert!(answer.status().is_redirection(), "{} {page}", answer.status());
            url = Self::target(&url, &answer);
        }
    }

    async fn me(&mut self, running: &Served) -> (StatusCode, Value) {
        let response = self.get(&format!("http://{}/api/me", running.address)).await;
        (response.status(), response.json().await.unwrap())
    }
}

async fn set_up(database: &Database, allow: &str, secret: bool, id_token: bool) -> (Served, Provider) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let public = format!("http://{}", listener.local_addr().unwrap());
    let provider = Provider::start(&format!("{public}/auth/callback"), secret, id_token);
    let mut arguments = vec![
        "--instructor-token",
        INSTRUCTOR,
        "--oidc-issuer",
        &provider.issuer,
        "--oidc-client-id",
        CLIENT,
        "--public-url",
        &public,
        "--oidc-allow",
        allow,
    ];
    if secret {
        arguments.extend(["--oidc-client-secret", SECRET]);
    }
    (Served::listening(listener, &database.url, &arguments).await, provider)
}

#[tokio::test]
async fn an_instructor_logs_in_and_out() {
    let database = Database::new().await;
    let (running, _provider) = set_up(&database, "ada@example.org,group:none", true, false).await;
    let mut browser = Browser::new();
    assert_eq!(browser.me(&running).await.0, StatusCode::UNAUTHORIZED);
    let callback = browser.log_in_at_provider(&running, "/auth/login?return=/students/ada", "ada").await;
    let response = browser.get(&callback).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER, "{}", response.text().await.unwrap());
    assert_eq!(response.headers()[header::LOCATION], "/students/ada");
    let cookies: Vec<&str> = response
        .headers()
        .get_all(header::SET_COOKIE)
        .iter()
        .map(|cookie| cookie.to_str().unwrap())
        .collect();
    assert!(cookies[0].contains("HttpOnly; SameSite=Lax"), "{cookies:?}");
    assert_eq!(
        browser.me(&running).await,
        (StatusCode::OK, json!({"name": "Ada@Example.org", "via": "oidc"}))
    );
    let url = format!("http://{}/api/workspaces", running.address);
    assert_eq!(browser.get(&url).await.status(), StatusCode::OK);
    // A token that is sent along decides, also when it is wrong.
    let both = browser.ask(Method::GET, &url, None, &[("authorization", "Bearer wrong")]).await;
    assert_eq!(both.status(), StatusCode::UNAUTHORIZED);
    // Another site's page has the cookie sent along at most, never an answer.
    let other = browser.ask(Method::GET, &url, None, &[("origin", "http://evil.example")]).await;
    assert_eq!(other.status(), StatusCode::FORBIDDEN);

    // The same answer of the provider again: the login was forgotten.
    assert_eq!(browser.get(&callback).await.status(), StatusCode::BAD_REQUEST);

    let copied = browser.cookies.clone();
    let logout = format!("http://{}/auth/logout", running.address);
    for headers in [
        &[][..],
        &[("origin", "http://evil.example")],
        &[("sec-fetch-site", "cross-site")],
        &[("origin", "null")],
    ] {
        assert_eq!(
            browser.ask(Method::POST, &logout, None, headers).await.status(),
            StatusCode::FORBIDDEN,
            "{headers:?}"
        );
    }
    assert_eq!(browser.get(&logout).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(browser.me(&running).await.0, StatusCode::OK);
    let own = format!("http://{}", running.address);
    let answer = browser.ask(Method::POST, &logout, None, &[("origin", &own)]).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(browser.me(&running).await.0, StatusCode::UNAUTHORIZED);
    browser.cookies = copied;
    assert_eq!(browser.me(&running).await.0, StatusCode::UNAUTHORIZED, "a copied cookie outlives the login");
}

#[tokio::test]
async fn a_login_is_good_at_every_replica_until_the_list_changes() {
    let database = Database::new().await;
    let (running, provider) = set_up(&database, "ada@example.org", true, true).await;
    let mut browser = Browser::new();
    let callback = browser.log_in_at_provider(&running, "/auth/login", "ada").await;
    assert_eq!(browser.get(&callback).await.status(), StatusCode::SEE_OTHER);
    let cookies = browser.cookies[&running.address.to_string()].clone();
    let replica = async |allow: &str| {
        let public = format!("http://{}", running.address);
        let more = [
            "--oidc-issuer",
            &provider.issuer,
            "--oidc-client-id",
            CLIENT,
            "--oidc-client-secret",
            SECRET,
            "--public-url",
            &public,
            "--oidc-allow",
            allow,
        ];
        Served::with(&database.url, &more).await
    };
    for (allow, expected) in
        [("ada@example.org", StatusCode::OK), ("tom@example.org", StatusCode::UNAUTHORIZED)]
    {
        let other = replica(allow).await;
        let mut elsewhere = Browser::new();
        elsewhere.cookies.insert(other.address.to_string(), cookies.clone());
        assert_eq!(elsewhere.me(&other).await.0, expected, "{allow}");
    }
}

#[tokio::test]
async fn who_is_not_on_the_list_is_refused() {
    let database = Database::new().await;
    for (allow, id_token, person, expected) in [
        ("ada@example.org", false, "bob", StatusCode::FORBIDDEN),
        // Says that it is Ada, and has not proved it.
        ("ada@example.org", false, "eve", StatusCode::FORBIDDEN),
        ("ada@example.org", true, "eve", StatusCode::FORBIDDEN),
        ("ADA@example.org", true, "ada", StatusCode::SEE_OTHER),
        ("group:teachers", false, "tom", StatusCode::SEE_OTHER),
        ("group:teachers", true, "tom", StatusCode::SEE_OTHER),
        ("group:teachers", true, "bob", StatusCode::FORBIDDEN),
        ("teachers", true, "tom", StatusCode::FORBIDDEN),
    ] {
        let (running, _provider) = set_up(&database, allow, true, id_token).await;
        let mut browser = Browser::new();
        let callback = browser.log_in_at_provider(&running, "/auth/login", person).await;
        let answer = browser.get(&callback).await;
        assert_eq!(answer.status(), expected, "{allow} {id_token} {person}");
        let text = answer.text().await.unwrap();
        assert!(!text.contains("<b>"), "{text}");
        let known = browser.me(&running).await.0 == StatusCode::OK;
        assert_eq!(known, expected == StatusCode::SEE_OTHER, "{allow} {id_token} {person}");
    }
}

#[tokio::test]
async fn a_client_without_a_secret_logs_in_by_its_proof() {
    let database = Database::new().await;
    let (running, _provider) = set_up(&database, "ada@example.org", false, false).await;
    let mut browser = Browser::new();
    let callback = browser.log_in_at_provider(&running, "/auth/login?return=//evil.example", "ada").await;
    let answer = browser.get(&callback).await;
    assert_eq!(
        (answer.status(), answer.headers()[header::LOCATION].to_str().unwrap()),
        (StatusCode::SEE_OTHER, "/")
    );
    assert_eq!(browser.me(&running).await.0, StatusCode::OK);
}

#[tokio::test]
async fn only_the_browser_that_began_a_login_ends_it() {
    let database = Database::new().await;
    let (running, _provider) = set_up(&database, "ada@example.org", true, false).await;
    let mut ada = Browser::new();
    let callback = ada.log_in_at_provider(&running, "/auth/login", "ada").await;
    // Sent to another browser, to log it in as somebody else.
    let mut victim = Browser::new();
    assert_eq!(victim.get(&callback).await.status(), StatusCode::BAD_REQUEST);
    victim.get(&format!("http://{}/auth/login", running.address)).await;
    assert_eq!(victim.get(&callback).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(victim.me(&running).await.0, StatusCode::UNAUTHORIZED);
    // A code that was changed, none, and a refusal.
    let base = format!("http://{}/auth/callback", running.address);
    let state = callback.split("state=").nth(1).unwrap().split('&').next().unwrap();
    for (query, status) in [
        (format!("state={state}&code=forged"), StatusCode::BAD_GATEWAY),
        (format!("state={state}"), StatusCode::BAD_GATEWAY),
        (
            format!("state={state}&error=access_denied&error_description=%3Cscript%3E"),
            StatusCode::BAD_REQUEST,
        ),
        (format!("state={state}x&code=x"), StatusCode::BAD_REQUEST),
        (String::new(), StatusCode::BAD_REQUEST),
    ] {
        let answer = ada.get(&format!("{base}?{query}")).await;
        assert_eq!(answer.status(), status, "{query}");
        assert!(!answer.text().await.unwrap().contains("<script>"));
    }
    // None of that used up the login.
    assert_eq!(ada.get(&callback).await.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_provider_that_is_away_stops_nothing_but_logins() {
    let database = Database::new().await;
    let (running, provider) = set_up(&database, "ada@example.org", true, false).await;
    drop(provider);
    let answer = Browser::new().get(&format!("http://{}/auth/login", running.address)).await;
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(running.status("/api/workspaces").await, StatusCode::OK);
    let told = running.ask(Method::GET, "/api/settings").send().await.unwrap();
    assert_eq!(told.json::<Value>().await.unwrap(), json!({"oidc": true, "token": true}));
}
