//! The pages: the built web UI, embedded.

use axum::{
    http::{HeaderMap, Method, Uri},
    response::Response,
};
use workshop_pages::Pages;

static PAGES: Pages = workshop_pages::embedded!();

/// Serves a page or one of its parts; everything else is not there.
pub(crate) async fn page(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    PAGES.answer(&method, uri.path(), &headers)
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Read, path::Path};

    use axum::{
        body::to_bytes,
        http::{StatusCode, header},
    };
    use flate2::read::GzDecoder;

    use super::*;

    fn headers(list: &[(header::HeaderName, &str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    async fn get(path: &str, list: &[(header::HeaderName, &str)]) -> (StatusCode, HeaderMap, Vec<u8>) {
        let response = page(Method::GET, path.parse().unwrap(), headers(list)).await;
        let (parts, body) = response.into_parts();
        (parts.status, parts.headers, to_bytes(body, usize::MAX).await.unwrap().to_vec())
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
}
