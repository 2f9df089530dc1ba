//! Which connections have no request under way, so that one of them can make room for a new one. A client that sends half a
//! request, or none, keeps nobody out.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use tokio::sync::Notify;

/// Connections without a request under way, by when that began: the longest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Idle(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    leave: BTreeMap<u64, Arc<Notify>>,
}

impl Idle {
    /// A new connection, which has no request yet.
    pub(crate) fn enter(&self) -> Arc<Seat> {
        let seat = Seat {
            idle: self.clone(),
            key: Mutex::default(),
            leave: Arc::default(),
            served: AtomicBool::new(false),
        };
        seat.rest();
        Arc::new(seat)
    }

    /// Asks the connection that has been idle for longest to end.
    pub(crate) fn evict(&self) {
        if let Some((_, leave)) = self.waiting().leave.pop_first() {
            leave.notify_one();
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's place. Dropped, it is forgotten.
#[derive(Debug)]
pub(crate) struct Seat {
    idle: Idle,
    /// Its place among the idle ones.
    key: Mutex<Option<u64>>,
    leave: Arc<Notify>,
    /// Whether a request has begun.
    served: AtomicBool,
}

/// How long an answer may take to leave for a client that reads it.
const GRACE: Duration = Duration::from_millis(200);

impl Seat {
    /// How long the connection has to end once it must leave.
    pub(crate) fn grace(&self) -> Duration {
        if self.served.load(Relaxed) { GRACE } else { Duration::ZERO }
    }

    /// Whether no request is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.key.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Returns when the connection has to make room.
    pub(crate) async fn must_leave(&self) {
        self.leave.notified().await;
    }

    /// A request has begun; it lasts until what is returned is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> UnderWay {
        self.served.store(true, Relaxed);
        self.forget();
        UnderWay(self.clone())
    }

    fn rest(&self) {
        let mut waiting = self.idle.waiting();
        let key = waiting.next;
        waiting.next += 1;
        waiting.leave.insert(key, self.leave.clone());
        *self.key.lock().unwrap_or_else(PoisonError::into_inner) = Some(key);
    }

    fn forget(&self) {
        let mut waiting = self.idle.waiting();
        if let Some(key) = self.key.lock().unwrap_or_else(PoisonError::into_inner).take() {
            waiting.leave.remove(&key);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.forget();
    }
}

/// A request, until its answer's last byte was handed over.
#[derive(Debug)]
pub(crate) struct UnderWay(Arc<Seat>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.rest();
    }
}

/// The body of an answer, whose request is under way until the body is dropped.
pub(crate) struct Answer {
    pub(crate) body: Body,
    pub(crate) _request: UnderWay,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_longest_idle_leaves_first() {
        let idle = Idle::default();
        let [first, second] = [idle.enter(), idle.enter()];
        drop(first.begin());
        idle.evict();
        second.must_leave().await;
        idle.evict();
        first.must_leave().await;
        assert_eq!((first.grace(), second.grace()), (GRACE, Duration::ZERO));
    }

    /// Told to leave at the moment at which a request comes, it answers the request first.
    #[tokio::test]
    async fn a_request_keeps_its_connection() {
        let idle = Idle::default();
        let seat = idle.enter();
        idle.evict();
        let request = seat.begin();
        seat.must_leave().await;
        assert!(!seat.is_idle());
        drop(request);
        assert!(seat.is_idle());
        idle.evict();
        seat.must_leave().await;
        drop(seat);
        assert!(idle.waiting().leave.is_empty());
    }
}
