//! Who may ask: Host and Origin of every request, and of the instructor API a token or a login.

mod oidc;
mod pages;
mod session;

use std::sync::Arc;
use workshop_wire::dashboard::Via;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use reqwest::Url;
use workshop_edge::{Hosts, Token, bearer, check_origin, check_own, protect};

use crate::Dashboard;
use crate::settings::Settings;
use oidc::Provider;
use session::Sessions;
use workshop_edge::Problem;

pub(crate) use pages::{__path_logout, logout};

/// Who asks, once it is known. Among the extensions of every request that needed a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instructor {
    /// E-mail address or name at the provider; `instructor` for who has the token.
    pub name: String,
    /// How it is known.
    pub via: Via,
}

/// Why nobody could be let in.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// It would be open to the network.
    #[error("{0} is not a loopback address: set WORKSHOP_INSTRUCTOR_TOKEN or WORKSHOP_OIDC_ISSUER")]
    Open(std::net::SocketAddr),
    /// An address is none.
    #[error("{name} is not an http or https address with a host: {text}")]
    Address {
        /// The setting.
        name: &'static str,
        /// What it says.
        text: String,
    },
    /// Logging in cannot be set up.
    #[error("logging in cannot be set up: {0}")]
    Login(String),
}

/// The rules.
pub struct Auth {
    hosts: Hosts,
    token: Option<Token>,
    provider: Option<Provider>,
    sessions: Sessions,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth")
            .field("hosts", &self.hosts)
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}

impl Auth {
    /// The rules that the settings make.
    ///
    /// # Errors
    /// They would leave it open, or contradict themselves.
    pub fn new(settings: &Settings) -> Result<Self, AuthError> {
        let token = settings.instructor_token.as_deref().filter(|token| !token.is_empty()).map(Token::from);
        let provider = Provider::new(settings)?;
        if !settings.listen.ip().is_loopback() && token.is_none() && provider.is_none() {
            return Err(AuthError::Open(settings.listen));
        }
        let public = match &settings.public_url {
            Some(text) => Some(
                address(text)
                    .ok_or_else(|| AuthError::Address { name: "WORKSHOP_PUBLIC_URL", text: text.clone() })?,
            ),
            None => None,
        };
        let mut hosts: Vec<String> = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned).into();
        hosts.extend(settings.allowed_hosts.iter().map(|host| host.trim().to_ascii_lowercase()));
        hosts.extend(public.as_ref().and_then(|url| url.host_str()).map(str::to_ascii_lowercase));
        let sessions = Sessions::new(settings, public.is_some_and(|url| url.scheme() == "https"))
            .map_err(|error| AuthError::Login(error.to_string()))?;
        Ok(Self { hosts: Hosts::new("dashboard", hosts), token, provider, sessions })
    }

    /// Whether one can log in at a provider.
    pub fn has_provider(&self) -> bool {
        self.provider.is_some()
    }

    /// Whether there is a token.
    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Who has this token.
    pub fn by_token(&self, token: &str) -> Option<Instructor> {
        self.token
            .as_ref()?
            .matches(token)
            .then(|| Instructor { name: "instructor".to_owned(), via: Via::Token })
    }

    /// Who logged in with this browser.
    fn by_cookie(&self, headers: &HeaderMap) -> Option<Instructor> {
        self.provider.as_ref()?;
        let name = self.sessions.name(headers)?;
        Some(Instructor { name, via: Via::Oidc })
    }

    fn login(&self, request: &Request) -> Result<Instructor, Problem> {
        if !self.has_token() && !self.has_provider() {
            return Err(Problem::unauthorized(
                "Nobody can log in: neither WORKSHOP_INSTRUCTOR_TOKEN nor WORKSHOP_OIDC_ISSUER is set for this \
                 dashboard.",
            ));
        }
        if let Some(token) = bearer(request.headers())? {
            return self
                .by_token(token)
                .ok_or_else(|| Problem::unauthorized("The token is not the instructors' one."));
        }
        let who = self.by_cookie(request.headers());
        let Some(who) = who else { return Err(Problem::unauthorized("Log in, or bring the token.")) };
        if !request.method().is_safe() {
            check_own(request.headers())?;
        }
        Ok(who)
    }

    fn admit(&self, request: &mut Request) -> Result<(), Problem> {
        let path = request.uri().path().to_owned();
        // Asked for by other programs, by whatever name reaches this one. Ingest knows workspaces by their tokens alone.
        if matches!(path.as_str(), "/healthz" | "/readyz" | "/metrics") || path.starts_with("/ingest/") {
            return Ok(());
        }
        self.hosts.check(request.headers())?;
        // A provider sends the browser back from another site.
        let (api, socket) = (path.starts_with("/api/"), path.starts_with("/ws/"));
        if api || socket || path == "/auth/logout" {
            check_origin(request.headers())?;
        }
        if path == "/auth/logout" {
            check_own(request.headers())?;
        }
        if socket {
            // A token comes with the first frame: a browser cannot set a header here.
            if let Some(who) = self.by_cookie(request.headers()) {
                request.extensions_mut().insert(who);
            }
        } else if api && path != "/api/settings" {
            let who = self.login(request)?;
            request.extensions_mut().insert(who);
        }
        Ok(())
    }
}

/// Checks every request, and leaves its [`Instructor`] among its extensions.
pub async fn guard(State(dashboard): State<Arc<Dashboard>>, mut request: Request, next: Next) -> Response {
    match dashboard.auth.admit(&mut request) {
        Ok(()) => protect(next.run(request).await),
        Err(problem) => protect(problem.into_response()),
    }
}

/// Logging in and out, besides what the API document tells.
pub fn routes() -> Router<Arc<Dashboard>> {
    Router::new().route("/auth/login", get(pages::login)).route("/auth/callback", get(pages::callback))
}

/// An http or https address with a host.
fn address(text: &str) -> Option<Url> {
    let url: Url = text.parse().ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}
