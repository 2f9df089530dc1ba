//! Which names a service answers to, and which pages may ask it: guards against DNS rebinding and cross-site requests.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, header};

use crate::Problem;

/// The host names by which a service may be reached.
#[derive(Clone, Debug)]
pub struct Hosts {
    service: &'static str,
    names: Arc<[String]>,
}

impl Hosts {
    /// `service` names it in messages: "workspace". The names are in lower case, without a port.
    pub fn new(service: &'static str, names: Vec<String>) -> Self {
        Self { service, names: names.into() }
    }

    /// Refuses a `Host` that is not one of the names, such as another site's whose name points here now.
    ///
    /// # Errors
    /// 403, with what to do.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let host = text(headers, header::HOST).unwrap_or_default();
        let name = without_port(host).to_ascii_lowercase();
        if self.names.contains(&name) {
            return Ok(());
        }
        let detail = format!(
            "This {} does not answer to the host {name:?}. Open it by 127.0.0.1 or localhost, or add the name to \
             WORKSHOP_ALLOWED_HOSTS.",
            self.service
        );
        Err(Problem::forbidden("host", detail))
    }
}

/// Refuses requests of other sites' pages.
///
/// # Errors
/// 403.
pub fn check_origin(headers: &HeaderMap) -> Result<(), Problem> {
    if let Some(site) = headers.get("sec-fetch-site")
        && !matches!(site.as_bytes(), b"same-origin" | b"none")
    {
        return Err(Problem::forbidden("origin", "Requests from other sites are refused."));
    }
    match (headers.contains_key(header::ORIGIN), is_own(headers)) {
        (true, false) => Err(Problem::forbidden("origin", "Requests from other origins are refused.")),
        _ => Ok(()),
    }
}

/// Refuses a request that does not say that it comes from the service's own pages, where a cookie alone would permit it.
///
/// # Errors
/// 403.
pub fn check_own(headers: &HeaderMap) -> Result<(), Problem> {
    if is_own(headers) || headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin") {
        return Ok(());
    }
    Err(Problem::forbidden("origin", "A change needs an Origin header that names this service."))
}

fn is_own(headers: &HeaderMap) -> bool {
    let own = text(headers, header::HOST).unwrap_or_default();
    let origin = text(headers, header::ORIGIN).unwrap_or_default();
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    authority.is_some_and(|authority| authority.eq_ignore_ascii_case(own))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') && port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}
