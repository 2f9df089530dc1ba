//! What browsers say of where a request comes from, and what they are told to allow.

use axum::http::{HeaderMap, HeaderName, header};
use reqwest::Url;
pub(super) use workshop_pages::protect as with_headers;

use crate::problem::Problem;

/// An http or https address with a host.
pub(super) fn address(text: &str) -> Option<Url> {
    let url: Url = text.parse().ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

/// Refuses names that are not this dashboard's: a page of another site whose name points here now.
pub(super) fn check_host(headers: &HeaderMap, hosts: &[String]) -> Result<(), Problem> {
    let host = text(headers, header::HOST).unwrap_or_default();
    let name = host_name(host).to_ascii_lowercase();
    if hosts.contains(&name) {
        return Ok(());
    }
    Err(Problem::forbidden(
        "host",
        format!(
            "This dashboard does not answer to the host {name:?}. Open it by 127.0.0.1 or localhost, or add the name to \
             WORKSHOP_ALLOWED_HOSTS."
        ),
    ))
}

/// Refuses what another site's page asks for.
pub(super) fn check_origin(headers: &HeaderMap) -> Result<(), Problem> {
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

/// Refuses what does not say that it comes from this dashboard's own pages: what a cookie alone would allow.
pub(super) fn check_own(headers: &HeaderMap) -> Result<(), Problem> {
    if is_own(headers) || headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin") {
        return Ok(());
    }
    Err(Problem::forbidden("origin", "A change needs an Origin header that names this dashboard."))
}

fn is_own(headers: &HeaderMap) -> bool {
    let own = text(headers, header::HOST).unwrap_or_default();
    let origin = text(headers, header::ORIGIN).unwrap_or_default();
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    authority.is_some_and(|authority| authority.eq_ignore_ascii_case(own))
}

pub(super) fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// A Host without its port.
fn host_name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') && port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}
