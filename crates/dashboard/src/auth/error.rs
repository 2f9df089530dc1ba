//! Why the dashboard cannot decide who may ask.

use reqwest::Url;
use workshop_edge::Token;

/// Why nobody could be let in.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// It would be open to the network.
    #[error("{0} is not a loopback address: set WORKSHOP_INSTRUCTOR_TOKEN or WORKSHOP_OIDC_ISSUER")]
    Open(std::net::SocketAddr),
    /// The instructors' token could be guessed.
    #[error("WORKSHOP_INSTRUCTOR_TOKEN {}", Token::FORM)]
    BadToken,
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

/// An http or https address with a host.
pub(super) fn address(text: &str) -> Option<Url> {
    let url: Url = text.parse().ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}
