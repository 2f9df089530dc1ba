//! The instructors' pages, embedded.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::get;
use workshop_pages::Pages;

use crate::Dashboard;

static PAGES: Pages = workshop_pages::embedded!();

/// The pages, and their parts under `/assets/`. Which view an address means is decided in the browser: each is the same page.
pub fn routes() -> Router<Arc<Dashboard>> {
    let mut router = Router::new().route("/assets/{*name}", get(part));
    for view in ["/", "/matrix", "/steps", "/commands", "/trouble", "/students/{workspace}"] {
        router = router.route(view, get(page));
    }
    router
}

async fn page(request: Request) -> Response {
    PAGES.answer(request.method(), "/", request.headers())
}

async fn part(request: Request) -> Response {
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
