//! A reader of server-sent events.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use reqwest::Response;
use serde_json::Value;

use crate::wait::PATIENCE;

/// The events of an answer.
pub struct Events {
    stream: Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>,
    text: String,
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its name.
    pub kind: String,
    /// Its id; empty if it has none.
    pub id: String,
    /// Its data, as JSON.
    pub data: Value,
}

impl Events {
    /// Of an answer, which must be a good one.
    #[track_caller]
    pub fn of(answer: Response) -> Self {
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self { stream: Box::pin(answer.bytes_stream()), text: String::new() }
    }

    /// The next event, without comments; `None` when the stream ends or nothing comes for `patience`.
    pub async fn next_within(&mut self, patience: Duration) -> Option<Event> {
        loop {
            if let Some((one, rest)) = self.text.split_once("\n\n") {
                let (one, rest) = (one.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| {
                    one.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default()
                };
                if field("event").is_empty() {
                    continue;
                }
                let data = serde_json::from_str(field("data")).unwrap();
                return Some(Event { kind: field("event").into(), id: field("id").into(), data });
            }
            let chunk = tokio::time::timeout(patience, self.stream.next()).await.ok()??;
            self.text += std::str::from_utf8(&chunk.ok()?).unwrap();
        }
    }

    /// The next event.
    pub async fn next(&mut self) -> Event {
        self.next_within(PATIENCE).await.expect("no event came")
    }

    /// Waits for the end of the stream.
    pub async fn end(&mut self) {
        let rest = async { while self.stream.next().await.is_some_and(|chunk| chunk.is_ok()) {} };
        crate::wait::in_time("the end of the events", rest).await;
    }
}
