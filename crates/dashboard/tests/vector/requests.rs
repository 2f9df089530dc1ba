//! Requests as a whole: who may post, in which form, and what is answered when it cannot be done now.

use std::io::Write;

use reqwest::Method;
use workshop_dashboard::ingest::body::{MAX_BODY, MAX_LINES};
use workshop_testing::dashboard::{Database, LOG, Served};

use crate::harness::Vector;
use crate::holes::start;
use crate::replay::{Event, body};

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_post() {
    let database = Database::new().await;
    let served = Served::on(&database).await;
    let (ada, bob) = (database.add("ada").await, database.add("bob").await);
    let post = [start(1, "one")];
    Vector::new(served.address, "ada", "not-a-token").post(&post).await.is(401, "unauthorized");
    Vector::new(served.address, "ada", &bob).post(&post).await.is(403, "other-workspace");
    Vector::new(served.address, "vector", &ada).post(&post).await.is(403, "other-workspace");
    let vector = Vector::new(served.address, "ada", &ada);
    let nobody = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://{}/ingest/vector/ada", served.address);
    let nobody = nobody.request(Method::POST, url).body(body(&post));
    vector.send(nobody).await.unwrap().is(401, "unauthorized");
    assert_eq!(database.number("select count(*) from logs").await, 0);
    assert_eq!(vector.post(&post).await.counts(), (1, 1, 0));
    database.run("update workspaces set revoked = now() where workspace = 'ada'").await;
    vector.post(&post).await.is(401, "unauthorized");
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_of_a_body() {
    let database = Database::new().await;
    let served = Served::on(&database).await;
    let vector = Vector::new(served.address, "ada", &database.add("ada").await);
    let send = async |body: Vec<u8>, encoding: Option<&str>| {
        let request = vector.posting(body);
        let request = match encoding {
            Some(encoding) => request.header("content-encoding", encoding),
            None => request,
        };
        vector.send(request).await.unwrap()
    };
    assert_eq!(send(Vec::new(), None).await.counts(), (0, 0, 0));
    assert_eq!(send(body(&[start(1, "one")]), Some("identity")).await.counts(), (1, 1, 0));
    let mut whole = body(&[start(1, "one"), start(2, "two")]);
    whole.push(b'\n');
    assert_eq!(send(gzip(&whole), Some("gzip")).await.counts(), (2, 1, 0));
    send(whole.clone(), Some("gzip")).await.is(400, "bad-request");
    send(whole, Some("zstd")).await.is(415, "encoded-body");
    send(vec![b'\n'; MAX_BODY + 1], None).await.is(413, "body-too-long");
    // Small as it comes, large as it is.
    send(gzip(&vec![b' '; MAX_BODY + 1]), Some("gzip")).await.is(413, "body-too-long");
    // As many lines as there may be, of which none is a record.
    let many = "x\n".repeat(MAX_LINES);
    let number = MAX_LINES as u64;
    assert_eq!(send(many.into_bytes(), None).await.counts(), (number, 0, number));
    assert_eq!(database.number("select count(*) from quarantine").await, 1);
    // A full batch, the last line again the first.
    let mut events: Vec<Event> = (3..=15_000).map(|seq| start(seq, "full")).collect();
    events.push(start(1, "one"));
    assert_eq!(send(body(&events), None).await.counts(), (14_999, 14_998, 0));
    assert_eq!(database.number("select count(*) from state_timeline").await, 15_000);
    assert_eq!(database.number(&format!("select seq from folds where log = '{LOG}'")).await, 15_000);
}

/// Whatever keeps the dashboard from storing a post is told so that Vector comes again.
#[tokio::test(flavor = "multi_thread")]
async fn busy() {
    let database = Database::new().await;
    let served = Served::on(&database).await;
    let vector = Vector::new(served.address, "ada", &database.add("ada").await);
    let mut holder = database.connect().await;
    sqlx::query("begin").execute(&mut holder).await.unwrap();
    sqlx::query("select 1 from workspaces for update").execute(&mut holder).await.unwrap();
    let waiting: Vec<_> = (1..=8)
        .map(|seq| {
            let vector = vector.clone();
            tokio::spawn(async move { vector.post(&[start(seq, "x")]).await })
        })
        .collect();
    database.until_waiting("workshop_ingest", 8).await;
    let answer = vector.post(&[start(9, "nine")]).await;
    answer.is(503, "unavailable");
    assert_eq!(answer.retry_after.as_deref(), Some("1"));
    drop(holder);
    for post in waiting {
        assert_eq!(post.await.unwrap().counts(), (1, 1, 0));
    }
    vector.deliver(&[start(9, "nine")]).await;
    assert_eq!(database.number("select seq from cursors").await, 9);
}
