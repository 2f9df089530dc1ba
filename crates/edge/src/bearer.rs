//! Bearer tokens: read from a request, compared in constant time, never shown.

use std::fmt;
use std::sync::Arc;

use axum::http::{HeaderMap, header};
use subtle::ConstantTimeEq;

use crate::Problem;

/// A secret that gives a role.
#[derive(Clone)]
pub struct Token(Arc<str>);

impl Token {
    /// What a setting with a token must be.
    pub const FORM: &str = "must have at least 16 letters, digits or any of -._~+/=";

    /// Whether `text` may be a token. It goes into a header and a URL fragment, so it must be plain ASCII; 16 random
    /// characters cannot be guessed.
    pub fn is_well_formed(text: &str) -> bool {
        text.len() >= 16 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b))
    }

    /// Whether `presented` is this token. The time taken depends on its length alone.
    pub fn matches(&self, presented: &str) -> bool {
        self.0.as_bytes().ct_eq(presented.as_bytes()).into()
    }
}

impl From<&str> for Token {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The token of `Authorization: Bearer <token>`; `None` without that header.
///
/// # Errors
/// The header has another form.
pub fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let token = value.to_str().ok().and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let malformed = || Problem::unauthorized("The Authorization header must be \"Bearer <token>\".");
    token.ok_or_else(malformed).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_bearer_token() {
        let check = |value: &str, expected: Option<&str>| {
            let headers: HeaderMap = [(header::AUTHORIZATION, value.parse().unwrap())].into_iter().collect();
            assert_eq!(bearer(&headers).ok().flatten(), expected, "{value}");
        };
        check("Bearer abc", Some("abc"));
        check("bearer  abc ", Some("abc"));
        check("Basic abc", None);
        check("abc", None);
        assert_eq!(bearer(&HeaderMap::new()).unwrap(), None);
    }

    #[test]
    fn a_token_matches_itself_alone_and_is_not_shown() {
        let token = Token::from("secret");
        assert!(token.matches("secret"));
        assert!(!token.matches("secret2") && !token.matches("Secret") && !token.matches(""));
        assert_eq!(format!("{token:?}"), "Token(…)");
    }
}
