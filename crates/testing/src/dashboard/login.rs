//! Logging in: a real OpenID Connect provider, web/e2e/provider.mjs, and a browser.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};

use reqwest::{Client, Method, Response, Url, header, redirect};
use serde_json::{Value, json};

use crate::process::{Process, free_port};

/// The dashboard's name at the provider.
pub const OIDC_CLIENT: &str = "dashboard";
/// The dashboard's secret there.
pub const OIDC_SECRET: &str = "the-secret-of-the-client-at-the-provider";

/// A provider that knows ada, eve, tom and bob. Dropped, it ends.
pub struct Provider {
    _process: Process,
    /// Kept open: it goes on writing.
    _printed: BufReader<ChildStdout>,
    secret: bool,
    /// Its address.
    pub issuer: String,
}

impl Provider {
    /// One that sends browsers back to the dashboard at `public`. `secret`: whether the dashboard has one; `id_token`:
    /// whether that says who somebody is.
    pub fn start(public: &str, secret: bool, id_token: bool) -> Self {
        let shape = json!({
            "people": {
                "ada": {"email": "Ada@Example.org", "email_verified": true, "groups": ["staff", "teachers"]},
                "eve": {"email": "ada@example.org", "email_verified": false, "groups": []},
                "tom": {"email": "tom@example.org", "email_verified": true, "groups": ["teachers"]},
                "bob": {"email": "<b>bob</b>@example.org", "email_verified": true, "groups": ["students"]},
            },
        });
        Self::shaped(public, secret, id_token, shape)
    }

    /// The same with scopes, claims and people of its own.
    pub fn shaped(public: &str, secret: bool, id_token: bool, mut settings: Value) -> Self {
        let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web");
        assert!(web.join("node_modules/oidc-provider").exists(), "run `npm ci` in web/ first");
        let port = free_port();
        settings["port"] = port.into();
        settings["client"] = OIDC_CLIENT.into();
        settings["secret"] = secret.then_some(OIDC_SECRET).into();
        settings["redirect"] = format!("{public}/auth/callback").into();
        settings["idToken"] = id_token.into();
        let mut node = Command::new("node");
        node.arg(web.join("e2e/provider.mjs")).arg(settings.to_string());
        node.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = Process::start(&mut node);
        let mut line = String::new();
        let mut printed = BufReader::new(process.child().stdout.take().unwrap());
        printed.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self { _process: process, _printed: printed, secret, issuer: format!("http://127.0.0.1:{port}") }
    }

    /// What a dashboard at `public` is started with to log in here.
    pub fn arguments(&self, public: &str) -> Vec<String> {
        let mut arguments =
            vec!["--oidc-issuer", &self.issuer, "--oidc-client-id", OIDC_CLIENT, "--public-url", public];
        if self.secret {
            arguments.extend(["--oidc-client-secret", OIDC_SECRET]);
        }
        arguments.into_iter().map(str::to_owned).collect()
    }
}

/// A browser: keeps the cookies of each host, and follows no redirect by itself.
pub struct Browser {
    http: Client,
    /// The cookies, by host and name.
    pub cookies: HashMap<String, HashMap<String, String>>,
}

impl Default for Browser {
    fn default() -> Self {
        let http = Client::builder().no_proxy().redirect(redirect::Policy::none()).build().unwrap();
        Self { http, cookies: HashMap::new() }
    }
}

impl Browser {
    /// The header with the cookies of a host; empty if there are none.
    pub fn cookie(&self, host: &str) -> String {
        let cookies = self.cookies.get(host).into_iter().flatten();
        cookies.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// Sends a request with the cookies of its host, and keeps those that come back.
    pub async fn ask(
        &mut self,
        method: Method,
        url: &str,
        form: Option<&str>,
        headers: &[(&str, &str)],
    ) -> Response {
        let host = Url::parse(url).unwrap().authority().to_owned();
        let cookie = self.cookie(&host);
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
        let jar = self.cookies.entry(host).or_default();
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

    /// Sends a GET request.
    pub async fn get(&mut self, url: &str) -> Response {
        self.ask(Method::GET, url, None, &[]).await
    }

    /// Goes from `login`, a path of the dashboard, through the provider's forms; returns the address that it is sent back
    /// to.
    pub async fn log_in(&mut self, dashboard: SocketAddr, login: &str, person: &str) -> String {
        let mut url = format!("http://{dashboard}{login}");
        loop {
            let response = self.get(&url).await;
            if response.status().is_redirection() {
                url = target(&url, &response);
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
            url = target(&url, &answer);
        }
    }
}

/// Where an answer sends the browser.
fn target(from: &str, response: &Response) -> String {
    let location = response.headers()[header::LOCATION].to_str().unwrap();
    Url::parse(from).unwrap().join(location).unwrap().to_string()
}
