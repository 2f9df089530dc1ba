//! A log's lines come by one path; recordings are the shipper's beside either.

use reqwest::Client;
use workshop_events::Stream;
use workshop_journal::recordings_in;
use workshop_simulator::SimulatedStudent;
use workshop_testing::Random;
use workshop_testing::dashboard::{Database, INSTRUCTOR, Served, assert_equal, ship_once};

use crate::harness::{Vector, class};
use crate::replay::{Event, Plan};

fn lines(student: &SimulatedStudent, stream: Stream) -> Vec<Event> {
    let text = std::fs::read_to_string(student.dir.join(stream.file_name())).unwrap_or_default();
    text.lines().map(|line| Event::new(stream, line)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn recordings_are_shipped_beside_vector() {
    let database = Database::new().await;
    let served = Served::on(&database).await;
    let folder = tempfile::tempdir().unwrap();
    let students = class(folder.path(), 2, 9);
    for (n, student) in students.iter().enumerate() {
        let token = database.add(&student.workspace).await;
        let vector = Vector::new(served.address, &student.workspace, &token);
        let posts = Plan::new(&student.dir, &mut Random::new(77)).posts;
        let (before, after) = posts.split_at(posts.len() / 2);
        // Recordings may come first, or between: they do not decide by which path the lines come.
        if n == 0 {
            assert!(ship_once(&served, student, &token, &["--only", "casts", "--grace", "3"]).await);
        }
        for post in before {
            vector.deliver(post).await;
        }
        assert!(ship_once(&served, student, &token, &["--only", "casts", "--grace", "3"]).await);
        for post in after {
            vector.deliver(post).await;
        }
        let http = Client::builder().no_proxy().build().unwrap();
        for recording in recordings_in(&student.dir).unwrap() {
            let url = format!("http://{}/api/recordings/{}/{}", served.address, student.log, recording.name);
            let played = http.get(url).bearer_auth(INSTRUCTOR).send().await.unwrap().bytes().await.unwrap();
            assert!(
                played == std::fs::read(student.dir.join(&recording.name)).unwrap(),
                "{}",
                recording.name
            );
        }
    }
    assert!(database.number("select count(*) from recording_refs where bytes > 0").await > 1);
    // The bytes are the recordings' own; the rest is the files'.
    database.run("update recording_refs set bytes = 0").await;
    assert_equal(&database, &students).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_to_deliver_decides() {
    let database = Database::new().await;
    let served = Served::on(&database).await;
    let folder = tempfile::tempdir().unwrap();
    let students = class(folder.path(), 2, 10);
    let (by_shipper, by_vector) = (&students[0], &students[1]);
    let events = "select * from events";

    let token = database.add(&by_shipper.workspace).await;
    assert!(ship_once(&served, by_shipper, &token, &["--grace", "3"]).await);
    let before = database.rows(events).await;
    let vector = Vector::new(served.address, &by_shipper.workspace, &token);
    let posted = lines(by_shipper, Stream::State);
    let count = posted.len() as u64;
    assert_eq!(vector.post(&posted).await.counts(), (count, 0, count));
    assert_eq!(vector.post(&posted).await.counts(), (count, 0, count));
    assert_eq!(database.rows(events).await, before);
    let kept = format!(
        "select count(*) from quarantine where log = '{}' and reason = 'line of a log that workshop-shipper delivers'",
        by_shipper.log
    );
    assert_eq!(database.number(&kept).await, count as i64);

    let token = database.add(&by_vector.workspace).await;
    let vector = Vector::new(served.address, &by_vector.workspace, &token);
    vector.deliver(&lines(by_vector, Stream::Commands)).await;
    let before = database.rows(events).await;
    // The recordings arrive, the records are refused.
    assert!(!ship_once(&served, by_vector, &token, &["--grace", "3"]).await);
    assert_eq!(database.rows(events).await, before);
    let casts =
        format!("select count(*) from cursors where log = '{}' and stream like 'cast/%'", by_vector.log);
    assert_eq!(database.number(&casts).await, recordings_in(&by_vector.dir).unwrap().len() as i64);
    vector.deliver(&lines(by_vector, Stream::State)).await;
    vector.deliver(&lines(by_vector, Stream::Llm)).await;
    let states = format!("select count(*) from state_timeline where log = '{}'", by_vector.log);
    assert_eq!(database.number(&states).await, lines(by_vector, Stream::State).len() as i64);
}
