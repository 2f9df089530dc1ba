//! Kills, and a cast store that refuses, stays silent, or answers too late.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use workshop_testing::dashboard::{CastStore, S3, line_end};
use workshop_testing::{Mount, until_async};

use crate::harness::{Dashboard, NOW, cast};

const NAME: &str = "session-20261120T090000Z-1.cast";
const STREAM: &str = "cast/session-20261120T090000Z-1.cast";

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_put_and_commit() {
    for place in CastStore::all() {
        let mut dashboard = Dashboard::start(place).await;
        let bytes = cast(30_000);
        let middle = line_end(&bytes, 10_000);
        assert_eq!(dashboard.post(STREAM, 0, &bytes[..middle]).await.0, 200);
        let mut holding = dashboard.database.pool.begin().await.unwrap();
        sqlx::query("select 1 from workspaces for update").execute(&mut *holding).await.unwrap();
        let posting = dashboard.posting(STREAM, middle, &bytes[middle..]).send();
        let posting = tokio::spawn(posting);
        until_async("something is put", async || dashboard.place.keys().await.len() == 2).await;
        dashboard.process.kill();
        assert!(posting.await.unwrap().is_err());
        holding.rollback().await.unwrap();
        dashboard.process.start().await;
        assert_eq!(dashboard.played(NAME).await, &bytes[..middle], "what was not committed is not there");
        // It comes again, in other pieces.
        let end = line_end(&bytes, 20_000);
        assert_eq!(dashboard.post(STREAM, middle, &bytes[middle..end]).await.2, end);
        assert_eq!(dashboard.post(STREAM, end, &bytes[end..]).await.2, bytes.len());
        assert_eq!(dashboard.played(NAME).await, bytes);
        assert_eq!(dashboard.place.keys().await.len(), 4);
        tokio::time::sleep(Duration::from_millis(1100)).await;
        dashboard.upkeep(&NOW).await;
        assert_eq!(dashboard.place.keys().await.len(), 3, "what nothing names is swept");
        assert_eq!(dashboard.played(NAME).await, bytes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_written_is_told_as_busy() {
    let dashboard = Dashboard::start(CastStore::folder()).await;
    let CastStore::Folder(folder) = &dashboard.place else { panic!() };
    // A file where the folder would be: nobody is let through, not even root.
    std::fs::write(folder.path().join("casts"), "").unwrap();
    let bytes = cast(1000);
    let response = dashboard.posting(STREAM, 0, &bytes).send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(dashboard.database.number("select count(*) from cursors").await, 0);
    std::fs::remove_file(folder.path().join("casts")).unwrap();
    assert_eq!(dashboard.post(STREAM, 0, &bytes).await.0, 200);
    assert_eq!(dashboard.played(NAME).await, bytes);
    assert!(crate::harness::files(folder.path()).len() == 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_is_full() {
    let Some(mount) = Mount::tmpfs("the_disk_is_full", "size=2m") else { return };
    let dashboard = Dashboard::start(CastStore::Folder(tempfile::tempdir_in(mount.path()).unwrap())).await;
    let bytes = cast(300_000);
    let middle = line_end(&bytes, 150_000);
    assert_eq!(dashboard.post(STREAM, 0, &bytes[..middle]).await.0, 200);
    let filler = mount.fill();
    for _ in 0..3 {
        let response = dashboard.posting(STREAM, middle, &bytes[middle..]).send().await.unwrap();
        assert_eq!(response.status(), 503);
        assert!(response.headers().contains_key("retry-after"));
    }
    // The records go on, what is there is played, and nothing half is left.
    let line = crate::harness::state(1, "\"event\":\"step_start\",\"step\":\"x\"");
    assert_eq!(dashboard.post("state", 0, line.as_bytes()).await.0, 200);
    assert_eq!(dashboard.played(NAME).await, &bytes[..middle]);
    let CastStore::Folder(folder) = &dashboard.place else { panic!() };
    let held: u64 =
        crate::harness::files(folder.path()).iter().map(|file| file.metadata().unwrap().len()).sum();
    assert_eq!(held, middle as u64);
    std::fs::remove_file(filler).unwrap();
    assert_eq!(dashboard.post(STREAM, middle, &bytes[middle..]).await.2, bytes.len());
    assert_eq!(dashboard.played(NAME).await, bytes);
    assert_eq!(dashboard.place.keys().await.len(), 2);
    let metrics = dashboard.metrics().await;
    assert!(metrics.contains("\nworkshop_cast_puts_total{outcome=\"stored\"} 2\n"), "{metrics}");
    assert!(metrics.contains("\nworkshop_cast_puts_total{outcome=\"failed\"} 3\n"), "{metrics}");
    assert!(metrics.contains(&format!("\nworkshop_cast_bytes_total {}\n", bytes.len())), "{metrics}");
    assert!(metrics.contains("\nworkshop_cast_put_seconds_count 5\n"), "{metrics}");
    assert!(metrics.contains("\nworkshop_ingest_posts_total{outcome=\"new\"} 3\n"), "{metrics}");
    let taken = bytes.len() + line.len();
    assert!(
        metrics.contains(&format!("\nworkshop_ingest_bytes_total{{outcome=\"new\"}} {taken}\n")),
        "{metrics}"
    );
    drop(dashboard);
}

const PASS: u8 = 0;
const REFUSE: u8 = 1;
/// The store does it, and its answer is lost.
const LOSE: u8 = 2;

struct Way {
    to: String,
    mode: AtomicU8,
    puts: AtomicUsize,
    http: reqwest::Client,
}

async fn pass_on(State(way): State<Arc<Way>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let mode = if head.method == Method::PUT { way.mode.load(Ordering::SeqCst) } else { PASS };
    if head.method == Method::PUT {
        way.puts.fetch_add(1, Ordering::SeqCst);
    }
    let body = to_bytes(body, 1 << 30).await.unwrap();
    if mode == REFUSE {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let url = format!("{}{}", way.to, head.uri);
    let answer = way.http.request(head.method, url).headers(head.headers).body(body).send().await.unwrap();
    if mode == LOSE {
        std::future::pending::<()>().await;
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    *response.body_mut() = Body::from(answer.bytes().await.unwrap());
    response
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_refuses_and_loses_answers() {
    let Some(server) = S3::given() else { return };
    let way = Arc::new(Way {
        to: server.endpoint.clone(),
        mode: AtomicU8::new(PASS),
        puts: AtomicUsize::new(0),
        http: reqwest::Client::new(),
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(pass_on).with_state(way.clone());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });

    let dashboard = Dashboard::start(CastStore::s3(S3 { endpoint, ..server })).await;
    let bytes = cast(30_000);
    let (one, two) = (line_end(&bytes, 10_000), line_end(&bytes, 20_000));
    assert_eq!(dashboard.post(STREAM, 0, &bytes[..one]).await.0, 200);

    way.mode.store(REFUSE, Ordering::SeqCst);
    assert_eq!(dashboard.post(STREAM, one, &bytes[one..two]).await.0, 503);
    assert!(way.puts.load(Ordering::SeqCst) > 2, "it was tried again");
    assert_eq!(dashboard.played(NAME).await, &bytes[..one]);

    way.mode.store(LOSE, Ordering::SeqCst);
    let begin = Instant::now();
    assert_eq!(dashboard.post(STREAM, one, &bytes[one..two]).await.0, 503);
    assert!(begin.elapsed() < Duration::from_secs(25));
    assert_eq!(dashboard.played(NAME).await, &bytes[..one], "it is in the store, and not named");
    assert_eq!(dashboard.place.keys().await.len(), 2);

    way.mode.store(PASS, Ordering::SeqCst);
    assert_eq!(dashboard.post(STREAM, one, &bytes[one..]).await.0, 200);
    assert_eq!(dashboard.played(NAME).await, bytes);
    // The one that was stored and not named.
    assert_eq!(dashboard.place.keys().await.len(), 3);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    dashboard.upkeep(&NOW).await;
    assert_eq!(dashboard.place.keys().await.len(), 2);
    assert_eq!(dashboard.played(NAME).await, bytes);
}
