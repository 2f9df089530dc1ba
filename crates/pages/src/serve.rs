//! The serving part: a page for a request, in the form that the client reads, unless it has it already.

use axum::{
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::{Page, Pages};

impl Pages {
    /// Answers a request for a path with the page of that name; `/` and all that ends so mean the `index.html` there.
    pub fn answer(&self, method: &Method, path: &str, headers: &HeaderMap) -> Response {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return (StatusCode::METHOD_NOT_ALLOWED, "Only GET is allowed here.\n").into_response();
        }
        let name = path.strip_prefix('/').unwrap_or(path);
        let index = if name.is_empty() || name.ends_with('/') { "index.html" } else { "" };
        if let Some(page) = self.get(&format!("{name}{index}")) {
            return page.answer(headers);
        }
        if self.get(&format!("{name}/index.html")).is_some() {
            return (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, format!("/{name}/"))])
                .into_response();
        }
        let text = if self.is_empty() {
            "The pages are not built into this binary. Build it with `cargo xtask demo`, or run `npm run build` in web/ first.\n"
        } else {
            "Not found.\n"
        };
        (StatusCode::NOT_FOUND, text).into_response()
    }
}

impl Page {
    /// The file, unless the browser has it; encoded, unless the client cannot read that.
    pub fn answer(&self, headers: &HeaderMap) -> Response {
        let encoded = self.gzip && accepts_gzip(headers);
        // Each form has a tag of its own.
        let tag = format!("\"{}{}\"", self.hash, if encoded { "-gzip" } else { "" });
        let fresh = headers.get(header::IF_NONE_MATCH).is_some_and(|seen| seen.as_bytes() == tag.as_bytes());
        let mut response = if fresh {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let Ok(content) = (if encoded { Ok(self.bytes.into()) } else { self.decoded() }) else {
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            };
            let kind = mime_guess::from_path(self.name).first_or_octet_stream();
            ([(header::CONTENT_TYPE, kind.as_ref())], content).into_response()
        };
        let answer = response.headers_mut();
        if encoded && !fresh {
            answer.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if self.gzip {
            answer.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        }
        // Parts carry a hash of their content in their name.
        let caching =
            if self.name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
        answer.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            answer.insert(header::ETAG, tag);
        }
        response
    }
}

/// Whether a client reads gzip: it says so, and not with a weight of nothing.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f32>);
        name.trim().eq_ignore_ascii_case("gzip") && weight.is_ok_and(|weight| weight > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use axum::body::to_bytes;
    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn headers(list: &[(header::HeaderName, &str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    fn pages() -> Pages {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(b"<h1>Page</h1>").unwrap();
        let page = Box::leak(encoder.finish().unwrap().into_boxed_slice());
        let file = |name, gzip, bytes| Page { name, hash: "abc", gzip, bytes };
        Pages::new(Box::leak(Box::new([
            file("assets/font.woff2", false, b"font"),
            file("index.html", true, page),
            file("other/index.html", true, page),
        ])))
    }

    async fn get(path: &str, list: &[(header::HeaderName, &str)]) -> (StatusCode, HeaderMap, Vec<u8>) {
        let response = pages().answer(&Method::GET, path, &headers(list));
        let (parts, body) = response.into_parts();
        (parts.status, parts.headers, to_bytes(body, usize::MAX).await.unwrap().to_vec())
    }

    #[test]
    fn gzip_is_for_those_who_ask_for_it() {
        for (said, reads) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip;q=nonsense", false),
            ("identity", false),
            ("", false),
        ] {
            assert_eq!(accepts_gzip(&headers(&[(header::ACCEPT_ENCODING, said)])), reads, "{said}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn a_folder_is_its_index_and_is_named_with_a_slash() {
        for path in ["/", "/other/", "/other/index.html"] {
            let (status, answer, body) = get(path, &[]).await;
            assert_eq!((status, body.as_slice()), (StatusCode::OK, b"<h1>Page</h1>".as_slice()), "{path}");
            assert_eq!(answer[header::CACHE_CONTROL], "no-cache");
        }
        let (status, answer, _) = get("/other", &[]).await;
        assert_eq!(
            (status, &answer[header::LOCATION]),
            (StatusCode::MOVED_PERMANENTLY, &"/other/".parse().unwrap())
        );
        for path in ["/absent", "/assets/", "//", "/other//", "/index.html.gz", "/../index.html"] {
            assert_eq!(get(path, &[]).await.0, StatusCode::NOT_FOUND, "{path}");
        }
        let posted = pages().answer(&Method::POST, "/", &HeaderMap::new());
        assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
    }

    #[tokio::test]
    async fn a_form_that_the_browser_has_is_not_sent_again() {
        let gzip = (header::ACCEPT_ENCODING, "gzip");
        let (_, first, body) = get("/", std::slice::from_ref(&gzip)).await;
        assert_eq!(
            (&first[header::CONTENT_ENCODING], &first[header::VARY]),
            (&"gzip".parse().unwrap(), &"accept-encoding".parse().unwrap())
        );
        assert_ne!(body, b"<h1>Page</h1>");
        let tag = first[header::ETAG].to_str().unwrap();
        let (status, again, body) = get("/", &[gzip, (header::IF_NONE_MATCH, tag)]).await;
        assert_eq!(
            (status, body.len(), &again[header::ETAG]),
            (StatusCode::NOT_MODIFIED, 0, &first[header::ETAG])
        );
        // It is another one for whoever does not read gzip.
        let (status, ..) = get("/", &[(header::IF_NONE_MATCH, tag)]).await;
        assert_eq!(status, StatusCode::OK);
        let (_, font, _) = get("/assets/font.woff2", &[(header::ACCEPT_ENCODING, "gzip")]).await;
        assert!(!font.contains_key(header::CONTENT_ENCODING) && !font.contains_key(header::VARY));
        assert!(font[header::CACHE_CONTROL].to_str().unwrap().ends_with("immutable"));
    }
}
