//! The instructors' pages, embedded.

use axum::extract::Request;
use axum::response::Response;
use workshop_pages::Pages;

static PAGES: Pages = workshop_pages::embedded!();

/// Which view an address means is decided in the browser: each is the same page.
pub(crate) async fn page(request: Request) -> Response {
    PAGES.answer(request.method(), "/", request.headers())
}

/// A part of the page.
pub(crate) async fn part(request: Request) -> Response {
    PAGES.answer(request.method(), request.uri().path(), request.headers())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Method, Request, StatusCode, header};

    use super::*;

    fn asked(method: Method, path: &str) -> Request<Body> {
        Request::builder().method(method).uri(path).body(Body::empty()).unwrap()
    }

    /// There are none in a checkout that never built any; then that is said.
    #[tokio::test]
    async fn every_view_is_the_one_page() {
        let answer = page(asked(Method::GET, "/students/ada")).await;
        let built =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/dist-dashboard/index.html");
        if built.exists() {
            assert_eq!(answer.status(), StatusCode::OK);
            assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/html");
        } else {
            assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        }
        assert_eq!(part(asked(Method::GET, "/assets/absent.js")).await.status(), StatusCode::NOT_FOUND);
    }
}
