//! Bodies that are small on the way, or made of very many lines: what a dashboard of its own process holds for them.

use workshop_dashboard::ingest::body::{MAX_BODY, MAX_LINES};
use workshop_testing::dashboard::{DashboardProcess, Database, LOG};

use crate::harness::{Answer, Vector};
use crate::holes::start;
use crate::requests::gzip;

/// What one post, or several at once, may add to the memory of the process.
const GOAL: u64 = 32 << 20;

/// A dashboard, and the memory that it had before something was posted.
struct Measured {
    database: Database,
    dashboard: DashboardProcess,
    vector: Vector,
    before: u64,
}

impl Measured {
    async fn new() -> Self {
        let database = Database::new().await;
        let mut dashboard = DashboardProcess::new(&database.url, []);
        dashboard.start().await;
        let vector = Vector::new(dashboard.address, "ada", &database.add("ada").await);
        // Connections, threads and tables are there.
        vector.deliver(&[start(1, "one")]).await;
        let mut measured = Self { database, dashboard, vector, before: 0 };
        let process = measured.dashboard.process().id();
        std::fs::write(format!("/proc/{process}/clear_refs"), "5").unwrap();
        measured.before = measured.memory("VmRSS:");
        measured
    }

    /// A line of the process's status, in bytes.
    fn memory(&self, line: &str) -> u64 {
        self.dashboard.process().memory(line) << 10
    }

    async fn post_gzip(&self, plain: &[u8]) -> Answer {
        let request = self.vector.posting(gzip(plain)).header("content-encoding", "gzip");
        self.vector.send(request).await.unwrap()
    }

    /// The most memory that was held at once since the beginning stays below the goal.
    fn is_small(&self, what: &str) {
        let added = self.memory("VmHWM:").saturating_sub(self.before);
        println!("{what}: + {} MB", added >> 20);
        assert!(added <= GOAL, "{what}: + {} MB", added >> 20);
    }
}

/// So many different lines, each of so many bytes with its newline.
fn lines(from: usize, number: usize, len: usize) -> Vec<u8> {
    let line = |n: usize| {
        let mut line = vec![b'x'; len];
        let digits = format!("{n}\n");
        line[len - digits.len()..].copy_from_slice(digits.as_bytes());
        line
    };
    (from..from + number).flat_map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_lines_are_refused() {
    for (what, line) in [("short lines", "x\n"), ("blank lines", "\n"), ("lines of white space", " \r\n")] {
        let measured = Measured::new().await;
        let plain = line.repeat(400_000);
        let sent = gzip(plain.as_bytes()).len();
        measured.post_gzip(plain.as_bytes()).await.is(413, "too-many-lines");
        measured
            .vector
            .send(measured.vector.posting(plain.into_bytes()))
            .await
            .unwrap()
            .is(413, "too-many-lines");
        measured.is_small(&format!("400,000 {what} in {sent} bytes"));
        assert_eq!(measured.database.number("select count(*) from quarantine").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_lines_as_may_be() {
    let measured = Measured::new().await;
    let plain = lines(0, MAX_LINES, MAX_BODY / MAX_LINES);
    let number = MAX_LINES as u64;
    assert_eq!(measured.post_gzip(&plain).await.counts(), (number, 0, number));
    measured.is_small("32,768 lines that are no records");
    assert_eq!(measured.database.number("select count(*) from quarantine").await, number as i64);
}

#[tokio::test(flavor = "multi_thread")]
async fn long_lines() {
    for (what, number, len) in [("64 lines of 64 KB", 64, 65_536), ("one line of 4 MB", 1, MAX_BODY)] {
        let measured = Measured::new().await;
        let answer = measured.post_gzip(&lines(0, number, len)).await;
        assert_eq!(answer.counts(), (number as u64, 0, number as u64));
        measured.is_small(what);
    }
}

/// Some are told to come back; what is held of all of them together is bounded.
#[tokio::test(flavor = "multi_thread")]
async fn many_bodies_at_once() {
    let measured = Measured::new().await;
    let posts = (0..24).map(|n| {
        let plain = lines(n * MAX_LINES, MAX_LINES, MAX_BODY / MAX_LINES);
        let request = measured.vector.posting(gzip(&plain)).header("content-encoding", "gzip");
        measured.vector.send(request)
    });
    let answers = futures_util::future::join_all(posts).await;
    let stored = answers.iter().filter(|answer| answer.as_ref().unwrap().status == 200).count();
    assert!(stored > 0);
    for answer in answers {
        let answer = answer.unwrap();
        assert!(matches!(answer.status.as_u16(), 200 | 503), "{answer:?}");
    }
    measured.is_small(&format!("24 posts of 32,768 lines at once, {stored} of them stored"));
}

/// What shippers post is looked at piece by piece.
#[tokio::test(flavor = "multi_thread")]
async fn lines_of_a_shipper() {
    for (what, plain, refused) in [
        ("4,194,304 blank lines", vec![b'\n'; MAX_BODY], 0),
        ("262,144 lines that are no records", lines(0, MAX_BODY / 16, 16), 262_144),
    ] {
        let measured = Measured::new().await;
        let log = LOG.replace('0', "f");
        let url = measured.vector.url.replace("/vector/ada", &format!("/ada/{log}/state"));
        let request = reqwest::Client::new().post(url).bearer_auth(&measured.vector.token);
        let answer = request.header("workshop-offset", "0").body(plain).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{what}");
        measured.is_small(what);
        assert_eq!(measured.database.number("select count(*) from quarantine").await, refused);
    }
}
