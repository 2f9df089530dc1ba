//! The recording as one resource over its chunks.

use crate::harness::{Dashboard, cast};
use workshop_testing::dashboard::{CastStore, LOG};

const NAME: &str = "session-20261120T090000Z-1.cast";

#[tokio::test(flavor = "multi_thread")]
async fn ranges_over_chunks() {
    for place in CastStore::all() {
        let dashboard = Dashboard::start(place).await;
        let bytes = cast(50_000);
        let len = bytes.len();
        dashboard.ship(NAME, &bytes, 9).await;
        assert!(dashboard.database.number("select count(*) from recording_chunks").await > 5);
        let ask = async |range: String| {
            let response = dashboard.playing(NAME).header("range", &range).send().await.unwrap();
            let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            let (kind, range, length) =
                (header("content-type"), header("content-range"), header("content-length"));
            let status = response.status().as_u16();
            assert!(status == 416 || kind.as_deref() == Some("application/x-asciicast"), "{kind:?}");
            let body = response.bytes().await.unwrap();
            assert_eq!(length, Some(body.len().to_string()));
            (status, range, body)
        };
        let part = async |range: String, first: usize, end: usize| {
            let (status, told, body) = ask(range.clone()).await;
            let expected = Some(format!("bytes {first}-{}/{len}", end - 1));
            assert_eq!((status, told, &body[..]), (206, expected, &bytes[first..end]), "{range}");
        };
        part("bytes=0-".to_owned(), 0, len).await;
        part("bytes=0-0".to_owned(), 0, 1).await;
        part(format!("bytes={}-", len - 1), len - 1, len).await;
        part(format!("bytes=100-{}", len * 2), 100, len).await;
        part("bytes=-500".to_owned(), len - 500, len).await;
        part(format!("bytes=-{}", len + 1), 0, len).await;
        for first in (0..len).step_by(7_001) {
            let end = (first + 9_973).min(len);
            part(format!("bytes={first}-{}", end - 1), first, end).await;
        }
        for outside in [format!("bytes={len}-"), format!("bytes={len}-{}", len + 5), "bytes=-0".to_owned()] {
            let (status, told, _) = ask(outside).await;
            assert_eq!((status, told), (416, Some(format!("bytes */{len}"))));
        }
        for whole in ["bytes=0-1,5-9", "lines=0-1", "bytes=9-3", "bytes"] {
            let (status, told, body) = ask(whole.to_owned()).await;
            assert_eq!((status, told, &body[..]), (200, None, &bytes[..]), "{whole}");
        }
        let head = dashboard.playing(NAME).build().unwrap();
        let mut head = reqwest::RequestBuilder::from_parts(reqwest::Client::new(), head).build().unwrap();
        *head.method_mut() = reqwest::Method::HEAD;
        let answer = reqwest::Client::new().execute(head).await.unwrap();
        assert_eq!(answer.headers()["content-length"], len.to_string().as_str());
        assert_eq!(dashboard.playing("other.cast").send().await.unwrap().status(), 404);
        assert_eq!(dashboard.playing("a%2F..%00").send().await.unwrap().status(), 404);
        let path = format!("/api/recordings/{}/{NAME}", LOG);
        let wrong = dashboard.ask(reqwest::Method::GET, &path, "wrong").send().await.unwrap();
        assert_eq!(wrong.status(), 401);
    }
}
