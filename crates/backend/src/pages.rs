//! The pages: the built web UI, embedded.

use std::{
    borrow::Cow,
    io::{self, Read},
};

use axum::{
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use flate2::read::GzDecoder;

use crate::api::Problem;

/// One file of the pages, as it is embedded.
struct Page {
    name: &'static str,
    /// Names the content.
    hash: &'static str,
    /// Whether `bytes` are gzip's.
    gzip: bool,
    bytes: &'static [u8],
}

// `PAGES`, by name.
include!(concat!(env!("OUT_DIR"), "/pages.rs"));

impl Page {
    fn get(name: &str) -> Option<&'static Self> {
        PAGES.binary_search_by_key(&name, |page| page.name).ok().and_then(|place| PAGES.get(place))
    }

    /// The content as it was before it was embedded.
    fn decoded(&self) -> io::Result<Cow<'static, [u8]>> {
        if !self.gzip {
            return Ok(self.bytes.into());
        }
        let mut plain = Vec::new();
        GzDecoder::new(self.bytes).read_to_end(&mut plain)?;
        Ok(plain.into())
    }
}

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
    let Some(found) = Page::get(name) else {
        let text = if PAGES.is_empty() {
            "The pages are not built into this binary. Build it with `cargo xtask demo`, or run `npm run build` in web/ first.\n"
        } else {
            "Not found.\n"
        };
        return (StatusCode::NOT_FOUND, text).into_response();
    };
    serve(found, &headers)
}

/// The file, unless the browser has it; encoded, unless the client cannot read that.
fn serve(page: &Page, headers: &HeaderMap) -> Response {
    let varies = page.gzip;
    let encoded = varies && accepts_gzip(headers);
    // Each form has a tag of its own.
    let tag = format!("\"{}{}\"", page.hash, if encoded { "-gzip" } else { "" });
    let fresh = headers.get(header::IF_NONE_MATCH).is_some_and(|seen| seen.as_bytes() == tag.as_bytes());
    let mut response = if fresh {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let Ok(content) = (if encoded { Ok(page.bytes.into()) } else { page.decoded() }) else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        let kind = mime_guess::from_path(page.name).first_or_octet_stream();
        ([(header::CONTENT_TYPE, kind.as_ref())], content).into_response()
    };
    let answer = response.headers_mut();
    if encoded && !fresh {
        answer.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if varies {
        answer.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    // Parts carry a hash of their content in their name.
    let caching =
        if page.name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        answer.insert(header::ETAG, tag);
    }
    response
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
    use std::{fs, path::Path};

    use axum::body::to_bytes;

    use super::*;

    fn headers(list: &[(header::HeaderName, &str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    async fn get(path: &str, list: &[(header::HeaderName, &str)]) -> (StatusCode, HeaderMap, Vec<u8>) {
        let response = page(Method::GET, path.parse().unwrap(), headers(list)).await;
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

    /// Every page that was built, encoded and not, is what was built. There are none in a checkout that never built any.
    #[tokio::test]
    async fn both_forms_of_a_page_are_the_page() {
        let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/dist");
        let mut folders = vec![dist.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let file = entry.unwrap().path();
                if file.is_dir() {
                    folders.push(file);
                    continue;
                }
                let built = fs::read(&file).unwrap();
                let path = format!("/{}", file.strip_prefix(&dist).unwrap().display());
                let (status, plain, body) = get(&path, &[]).await;
                assert_eq!((status, body.as_slice() == built), (StatusCode::OK, true), "{path}");
                assert!(!plain.contains_key(header::CONTENT_ENCODING));

                let (_, encoded, body) = get(&path, &[(header::ACCEPT_ENCODING, "gzip, deflate, br")]).await;
                assert_eq!(encoded[header::CONTENT_TYPE], plain[header::CONTENT_TYPE]);
                if encoded.contains_key(header::CONTENT_ENCODING) {
                    let mut decoded = Vec::new();
                    GzDecoder::new(body.as_slice()).read_to_end(&mut decoded).unwrap();
                    assert!(decoded == built && body.len() < built.len(), "{path}");
                    for form in [&plain, &encoded] {
                        assert_eq!(form[header::VARY], "accept-encoding");
                    }
                    assert_ne!(plain[header::ETAG], encoded[header::ETAG]);
                } else {
                    assert!(body == built, "{path}");
                    assert_eq!(plain[header::ETAG], encoded[header::ETAG]);
                }
            }
        }
    }

    #[tokio::test]
    async fn a_form_that_the_browser_has_is_not_sent_again() {
        let gzip = (header::ACCEPT_ENCODING, "gzip");
        let (status, first, _) = get("/", std::slice::from_ref(&gzip)).await;
        if status == StatusCode::NOT_FOUND {
            return;
        }
        let tag = first[header::ETAG].to_str().unwrap();
        let (status, again, body) = get("/", &[gzip, (header::IF_NONE_MATCH, tag)]).await;
        assert_eq!(
            (status, body.len(), &again[header::ETAG]),
            (StatusCode::NOT_MODIFIED, 0, &first[header::ETAG])
        );
        // It is another one for whoever does not read gzip.
        let (status, ..) = get("/", &[(header::IF_NONE_MATCH, tag)]).await;
        assert_eq!(status, StatusCode::OK);
        let (status, ..) = get("/index.html.gz", &[]).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
}
