//! The addresses a browser goes to, to log in and out.

use crate::error::ApiError;
use std::sync::Arc;
use workshop_wire::ProblemBody;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use subtle::ConstantTimeEq;

use crate::auth::oidc::LoginError;
use crate::service::Dashboard;
use workshop_edge::Problem;
use workshop_edge::Query;

/// Where to go after the login.
#[derive(Deserialize)]
pub(crate) struct LoginQuery {
    #[serde(rename = "return")]
    back: Option<String>,
}

/// Sends the browser to the provider.
pub(crate) async fn login(
    State(dashboard): State<Arc<Dashboard>>,
    Query(query): Query<LoginQuery>,
) -> Result<Response, ApiError> {
    let Some(provider) = &dashboard.auth.provider else {
        return Err(Problem::not_found("There is no login: WORKSHOP_OIDC_ISSUER is not set.").into());
    };
    let back = query.back.filter(|back| is_own_path(back)).unwrap_or_else(|| "/".to_owned());
    match provider.begin(back).await {
        Ok((url, pending)) => {
            Ok(([(header::SET_COOKIE, dashboard.auth.sessions.remember(&pending))], Redirect::to(&url))
                .into_response())
        }
        Err(error) => Ok(failure_page(&error)),
    }
}

/// What a provider sends the browser back with.
#[derive(Deserialize)]
pub(crate) struct CallbackQuery {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// Ends the way to the provider and back.
pub(crate) async fn callback(
    State(dashboard): State<Arc<Dashboard>>,
    Query(query): Query<CallbackQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let auth = &dashboard.auth;
    let Some(provider) = &auth.provider else {
        return Err(Problem::not_found("There is no login: WORKSHOP_OIDC_ISSUER is not set.").into());
    };
    let unproven = |text: &str| failure_page(&LoginError::Unproven(text.to_owned()));
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
        Err(error) => return Ok(failure_page(&error)),
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

/// As the pages look, without asking for anything more.
const STYLE: &str = ":root{color-scheme:light dark}body{margin:0;min-height:100vh;display:grid;place-items:center;\
    background:light-dark(#f6f5f2,#0e1012);color:light-dark(#1d1f22,#e7e9ea);font:15px/1.6 system-ui,sans-serif}\
    main{box-sizing:border-box;width:min(460px,100%);padding:32px;background:light-dark(#fff,#15181b);\
    border:1px solid light-dark(#e3e0d9,#2a2f33);border-radius:12px;overflow-wrap:anywhere}h1{margin:0;font-size:18px}\
    a{color:light-dark(#0b6e63,#3fb8a5);margin-right:16px}";

/// A page for whom the login failed. It is read by people, so it is no problem document.
fn failure_page(error: &LoginError) -> Response {
    let (status, title, advice) = match error {
        LoginError::Provider(_) => (
            StatusCode::BAD_GATEWAY,
            "Logging in is not possible now",
            "Try again in a minute. If it stays, tell whoever runs this dashboard.",
        ),
        LoginError::Unproven(_) => {
            (StatusCode::BAD_REQUEST, "Not logged in", "Nothing was changed. Log in again.")
        }
        LoginError::Unverified(_) => (
            StatusCode::FORBIDDEN,
            "Address not verified",
            "Whoever runs this dashboard can have the provider verify it, or set WORKSHOP_OIDC_TRUST_EMAIL if all of the \
             provider's addresses are to be trusted.",
        ),
        LoginError::Refused(_) => (
            StatusCode::FORBIDDEN,
            "Not an instructor here",
            "Ask whoever runs this dashboard to add you, or log out at the provider and come back as somebody else.",
        ),
    };
    tracing::warn!(%error, "a login failed");
    let text = escaped(&error.to_string());
    let page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style><main><h1>{title}</h1><p>{text}.</p><p>{advice}</p>\
         <p><a href=\"/auth/login\">Log in again</a> <a href=\"/\">Go back</a></p></main></html>"
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
