//! Who is an instructor: by the instructors' token, or by a login.

mod error;
pub(crate) mod layers;
pub(crate) mod oidc;
pub(crate) mod session;

use axum::http::HeaderMap;
use workshop_edge::{Hosts, Token};
use workshop_wire::dashboard::Via;

use crate::settings::Settings;
use error::address;
use oidc::Provider;
use session::Sessions;

pub(crate) use error::AuthError;

/// Who asks, once it is known. The layers leave it among the extensions of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instructor {
    /// E-mail address or name at the provider; `instructor` for who has the token.
    pub name: String,
    /// How it is known.
    pub via: Via,
}

/// The rules.
pub struct Auth {
    hosts: Hosts,
    token: Option<Token>,
    /// Where one can log in.
    pub(crate) provider: Option<Provider>,
    /// Who is logged in.
    pub(crate) sessions: Sessions,
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
        let token = settings.instructor_token.as_deref().filter(|token| !token.is_empty());
        if token.is_some_and(|token| !Token::is_well_formed(token)) {
            return Err(AuthError::BadToken);
        }
        let token = token.map(Token::from);
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

    /// The names that the dashboard answers to.
    pub fn hosts(&self) -> &Hosts {
        &self.hosts
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
    pub fn by_cookie(&self, headers: &HeaderMap) -> Option<Instructor> {
        self.provider.as_ref()?;
        let name = self.sessions.name(headers)?;
        Some(Instructor { name, via: Via::Oidc })
    }
}
