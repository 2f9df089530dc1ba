//! The addresses a browser goes to, to log in and out.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::oidc::LoginError;
use crate::Dashboard;
use crate::problem::{Problem, ProblemBody};

/// Where to go after the login.
#[derive(Deserialize)]
pub(super) struct LoginQuery {
    #[serde(rename = "return")]
    back: Option<String>,
}

/// Sends the browser to the provider.
pub(super) async fn login(
    State(dashboard): State<Arc<Dashboard>>,
    Query(query): Query<LoginQuery>,
) -> Result<Response, Problem> {
    let Some(provider) = &dashboard.auth.provider else {
        return Err(Problem::not_found("There is no login: WORKSHOP_OIDC_ISSUER is not set."));
    };
    let back = query.back.filter(|back| is_own_path(back)).unwrap_or_else(|| "/".to_owned());
    match provider.begin(back).await {
        Ok((url, pending)) => {
            Ok(([(header::SET_COOKIE, dashboard.auth.sessions.remember(&pending))], Redirect::to(&url))
                .into_response())
        }
        Err(error) => Ok(told(&error)),
    }
}

/// What a provider sends the browser back with.
#[derive(Deserialize)]
pub(super) struct CallbackQuery {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// Ends the way to the provider and back.
pub(super) async fn callback(
    State(dashboard): State<Arc<Dashboard>>,
    Query(query): Query<CallbackQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let auth = &dashboard.auth;
    let Some(provider) = &auth.provider else {
        return Err(Problem::not_found("There is no login: WORKSHOP_OIDC_ISSUER is not set."));
    };
    let unproven = |text: &str| told(&LoginError::Unproven(text.to_owned()));
    let Some(pending) = auth.sessions.recall(&headers) else {
        return Ok(unproven("this browser began no login here, or began it more than ten minutes ago"));
    };
    let state = query.state.unwrap_or_default();
    if !bool::from(state.as_bytes().ct_eq(pending.state.as_bytes())) {
        return Ok(unproven("it is the answer to another login"));
    }
    if let Some(error) = query.error {
        let more = query.error_description.map(|text| format!(": {text}")).unwrap_or_default();
        return Ok(unproven(&format!("it says {error}{more}")));
    }
    let name = match provider.finish(query.code.unwrap_or_default(), &pending).await {
        Ok(name) => name,
        Err(error) => return Ok(told(&error)),
    };
    let session = auth
        .sessions
        .begin(&name)
        .map_err(|error| Problem::unavailable("a login cannot be drawn", &error))?;
    tracing::info!(name, "logged in");
    let mut response = Redirect::to(&pending.back).into_response();
    response.headers_mut().append(header::SET_COOKIE, session);
    response.headers_mut().append(header::SET_COOKIE, auth.sessions.forget());
    Ok(response)
}

/// Ends the login.
#[utoipa::path(post, path = "/auth/logout", tag = "instructor", responses((status = 204, description = "Logged out"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn logout(State(dashboard): State<Arc<Dashboard>>, headers: HeaderMap) -> Response {
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, dashboard.auth.sessions.end(&headers))]).into_response()
}

/// A path of this dashboard: no other host, whatever a browser makes of slashes.
fn is_own_path(path: &str) -> bool {
    let mut bytes = path.bytes();
    bytes.next() == Some(b'/')
        && !matches!(bytes.next(), Some(b'/' | b'\\'))
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

/// A page for whom the login failed. It is read by people, so it is no problem document.
fn told(error: &LoginError) -> Response {
    let (status, title) = match error {
        LoginError::Provider(_) => (StatusCode::BAD_GATEWAY, "Logging in is not possible now"),
        LoginError::Unproven(_) => (StatusCode::BAD_REQUEST, "Not logged in"),
        LoginError::Refused(_) => (StatusCode::FORBIDDEN, "Not an instructor here"),
    };
    tracing::warn!(%error, "a login failed");
    let text = escaped(&error.to_string());
    let page = format!(
        "<!doctype html><meta charset=utf-8><title>{title}</title><h1>{title}</h1><p>{text}.</p>\
         <p><a href=\"/auth/login\">Try again</a>, or go <a href=\"/\">back</a>.</p>"
    );
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    (status, [(header::CONTENT_TYPE, html)], page).into_response()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_goes_back_to_this_dashboard_only() {
        let check = |path: &str, expected| assert_eq!(is_own_path(path), expected, "{path:?}");
        check("/", true);
        check("/students/ada?at=1#x", true);
        check("//evil.example/", false);
        check("/\\evil.example", false);
        check("/x\\y", false);
        check("https://evil.example", false);
        check("", false);
        check("/a\r\nSet-Cookie: x", false);
    }
}
