//! The workspace's token.

use std::{fmt, str::FromStr};

/// A workspace's token. Never shown.
#[derive(Clone)]
pub struct Token(pub(crate) String);

/// A text that cannot be sent as a token.
#[derive(Debug, thiserror::Error)]
#[error("a token is visible ASCII characters without spaces")]
pub struct InvalidToken;

impl FromStr for Token {
    type Err = InvalidToken;
    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        let text = text.trim();
        let good = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        good.then(|| Self(text.to_owned())).ok_or(InvalidToken)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
