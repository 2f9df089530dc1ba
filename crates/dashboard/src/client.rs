//! Clients of other servers. Authorities' certificates are needed only where an address is https: an image may have none.

use reqwest::{Client, ClientBuilder};

/// Why other servers cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody could tell the right server from another.
    #[error(
        "an https address needs the certificates of authorities, and none are found here: install ca-certificates, or name \
         a file of them in SSL_CERT_FILE"
    )]
    NoAuthorities,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] reqwest::Error),
}

/// Makes a client; for an https address only one that knows authorities.
pub(crate) fn client(make: impl Fn() -> ClientBuilder, https: bool) -> Result<Client, ClientError> {
    if let Ok(client) = make().build() {
        return Ok(client);
    }
    // With authorities that it would not find, it is not made at all.
    let without = make().tls_certs_only([]).build()?;
    if https { Err(ClientError::NoAuthorities) } else { Ok(without) }
}
