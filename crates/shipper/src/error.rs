//! Why nothing can be shipped.

/// Why nothing can be shipped at all.
#[derive(Debug, thiserror::Error)]
pub enum ShipError {
    /// The HTTP client cannot be made.
    #[error("cannot make the HTTP client: {0}")]
    Client(#[from] reqwest::Error),
    /// Over https nobody could tell the dashboard from another.
    #[error(
        "an https address needs the certificates of authorities, and none are found here: install ca-certificates, or name \
         a file of them in SSL_CERT_FILE"
    )]
    NoAuthorities,
}
