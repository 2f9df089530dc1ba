//! The pages: the built web UI, embedded.

use axum::{
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use rust_embed::RustEmbed;

use crate::api::Problem;

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
struct Pages;

/// Serves a page or one of its parts; everything else is not there.
pub(crate) async fn page(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path();
    if path.starts_with("/api/") || path.starts_with("/ws/") {
        return Problem::not_found("The API has no such path; see the OpenAPI document.").into_response();
    }
    if !matches!(method, Method::GET | Method::HEAD) {
        return (StatusCode::METHOD_NOT_ALLOWED, "Only GET is allowed here.\n").into_response();
    }
    let name = match path {
        "/" => "index.html",
        "/instructor/" => "instructor/index.html",
        "/instructor" => {
            return (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, "/instructor/")]).into_response();
        }
        other => other.trim_start_matches('/'),
    };
    let Some(file) = Pages::get(name) else {
        let text = if Pages::get("index.html").is_none() {
            "The pages are not built into this binary. Build it with `cargo xtask demo`, or run `npm run build` in web/ first.\n"
        } else {
            "Not found.\n"
        };
        return (StatusCode::NOT_FOUND, text).into_response();
    };
    let tag: String = file.metadata.sha256_hash()[..16].iter().map(|b| format!("{b:02x}")).collect();
    let tag = format!("\"{tag}\"");
    let fresh = headers.get(header::IF_NONE_MATCH).is_some_and(|seen| seen.as_bytes() == tag.as_bytes());
    let mut response = if fresh {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let kind = mime_guess::from_path(name).first_or_octet_stream();
        ([(header::CONTENT_TYPE, kind.as_ref())], file.data).into_response()
    };
    // Parts carry a hash of their content in their name.
    let caching =
        if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
