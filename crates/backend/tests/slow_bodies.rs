//! Who has no token is answered before a body, or a first frame, is read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use workshop_testing::backend::{Backend, Folder, SUPERVISOR, WORKSHOP};

const PATIENCE: Duration = Duration::from_secs(9);

/// Sends a head, and one byte of the body that it announces; gives the first line of the answer.
async fn begin(backend: &Backend, path: &str, authorization: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", backend.port)).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}Content-Type: application/json\r\n\
         Content-Length: 60000\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    let answered = timeout(PATIENCE, stream.read_exact(&mut answer)).await;
    answered.unwrap_or_else(|_| panic!("{path}: no answer")).unwrap();
    String::from_utf8(answer.into()).unwrap()
}

/// Every route of the document that takes a body, whatever will be added to it.
#[tokio::test(flavor = "multi_thread")]
async fn no_body_is_waited_for() {
    let folder = Folder::new(WORKSHOP);
    let backend = folder.start(&[("WORKSHOP_SUPERVISOR_TOKEN", SUPERVISOR)]).ready().await;
    let document: Value = serde_json::from_str(&workshop_backend::openapi().unwrap()).unwrap();
    let mut routes = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        if item.get("post").is_some() {
            let path = path.replace("{id}", "one").replace("{mode}", "hints");
            for authorization in ["", "Authorization: Bearer nobodys\r\n"] {
                assert_eq!(begin(&backend, &path, authorization).await, "HTTP/1.1 401", "{path}");
            }
            routes += 1;
        }
    }
    assert!(routes >= 7, "{routes}");
}

/// The first frame of a socket comes from anybody: it is short.
#[tokio::test(flavor = "multi_thread")]
async fn no_long_first_frame_is_kept() {
    let folder = Folder::new(WORKSHOP);
    let backend = folder.start(&[]).ready().await;
    for path in ["/ws/terminal", "/ws/instructor/terminal"] {
        let mut stream = TcpStream::connect(("127.0.0.1", backend.port)).await.unwrap();
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // A masked text frame of 1 MB, of which little comes.
        let mut frame = vec![0x81, 0xff];
        frame.extend(1_000_000_u64.to_be_bytes());
        frame.extend([0; 4]);
        frame.extend(vec![b'['; 1000]);
        stream.write_all(&frame).await.unwrap();
        let mut all = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut all)).await.expect("the socket lives on").unwrap();
        let text = String::from_utf8_lossy(&all);
        assert!(text.contains("101") && text.contains("Not a hello"), "{path}: {text}");
    }
}
