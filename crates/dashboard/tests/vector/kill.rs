//! The dashboard is killed while Vector posts, and Vector posts again.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use crate::harness::{Database, INSTRUCTOR, Vector, class};
use crate::holes::start;
use crate::oracle::assert_equal;
use crate::replay::{Plan, Random};

const ROUNDS: usize = 30;

/// A dashboard of its own process. Dropped, it is killed.
pub struct Running(pub Child);

impl Running {
    /// Starts it, and waits until it answers.
    pub async fn start(database: &Database, address: SocketAddr, casts: &Path) -> Self {
        let command = Command::new(env!("CARGO_BIN_EXE_workshop-dashboard"))
            .args(["serve", "--listen", &address.to_string(), "--database", &database.url, "--casts"])
            .arg(casts)
            .args(["--instructor-token", INSTRUCTOR])
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut running = Self(command.unwrap());
        while TcpStream::connect(address).await.is_err() {
            assert!(running.0.try_wait().unwrap().is_none(), "it ended by itself");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        running
    }
}

impl Drop for Running {
    /// kill -9.
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled() {
    let database = Database::new().await;
    let folder = tempfile::tempdir().unwrap();
    let students = class(&folder.path().join("volumes"), 4, 21);
    let casts = folder.path().join("casts");
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let end = Arc::new(AtomicBool::new(false));
    let mut deliveries = Vec::new();
    for (n, student) in students.iter().enumerate() {
        let vector = Vector::new(address, &student.workspace, &database.add(&student.workspace).await);
        let (dir, end) = (student.dir.clone(), end.clone());
        deliveries.push(tokio::spawn(async move {
            let mut random = Random::new(n as u64 + 500);
            let mut times = 0;
            // The first time all of it is new; from then on Vector has lost what it wrote down.
            while !end.load(Ordering::Relaxed) || times == 0 {
                for post in &Plan::new(&dir, &mut random).posts {
                    vector.deliver(post).await;
                }
                times += 1;
            }
        }));
    }
    let mut random = Random::new(99);
    let mut partly = 0;
    for _ in 0..ROUNDS {
        let dashboard = Running::start(&database, address, &casts).await;
        tokio::time::sleep(Duration::from_micros(random.below(150_000) as u64)).await;
        drop(dashboard);
        partly = database.number("select count(*) from events").await.max(partly);
    }
    let _dashboard = Running::start(&database, address, &casts).await;
    end.store(true, Ordering::Relaxed);
    for delivery in deliveries {
        delivery.await.unwrap();
    }
    let records = assert_equal(&database, &students).await;
    println!("{ROUNDS} kills, {partly} of {records} records were there before the last");
    assert!(partly > 0);

    // What stays missing is passed over by the running program, without a further post.
    let vector = Vector::new(address, "late", &database.add("late").await);
    vector.deliver(&[start(2, "two")]).await;
    database.wait_long().await;
    let begin = Instant::now();
    while database.number("select count(*) from workspace_status where step = 'two'").await == 0 {
        assert!(begin.elapsed() < Duration::from_secs(90), "not passed over");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
