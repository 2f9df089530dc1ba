//! What is posted: the lines of two streams of a log.

use serde_json::json;
use workshop_events::codec::Body;
use workshop_events::{Cause, CheckCount, LogId, StateEvent, Stream, Timestamp, Trigger};

/// What is posted of one log.
pub(crate) struct Log {
    pub(crate) id: LogId,
    /// Stream, offset and body of each post.
    pub(crate) posts: Vec<(Stream, u64, Vec<u8>)>,
}

impl Log {
    /// So many records of each stream, in bodies of at most so many bytes.
    pub(crate) fn new(id: LogId, records: u64, body: usize) -> Self {
        let mut posts = Vec::new();
        for stream in [Stream::State, Stream::Commands] {
            let bytes = lines(stream, id, records);
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let end = rest[..rest.len().min(body)].iter().rposition(|b| *b == b'\n').unwrap() + 1;
                posts.push((stream, (bytes.len() - rest.len()) as u64, rest[..end].to_vec()));
                rest = &rest[end..];
            }
        }
        Self { id, posts }
    }

    pub(crate) fn bytes(&self) -> f64 {
        self.posts.iter().map(|(.., body)| body.len() as f64).sum()
    }
}

fn lines(stream: Stream, log: LogId, records: u64) -> Vec<u8> {
    let bodies: Vec<Body> = match stream {
        Stream::State => events().iter().map(|event| Body::new(event).unwrap()).collect(),
        _ => ["git status", "git commit -m \"a message\"", "kubectl get pods -n workshop -o wide | grep 'web'"]
            .iter()
            .map(|cmd| json!({"cmd": cmd, "exit": 0, "session": "0123456789abcdef", "step": "step-2-deploy", "cwd": "/workspace", "ms": 120, "at": 12.5}))
            .map(|record| Body::new(&record).unwrap())
            .collect(),
    };
    let mut out = Vec::new();
    for seq in 1..=records {
        let ts = Timestamp::from_millis(1_790_000_000_000 + seq as i64 * 500);
        bodies[seq as usize % bodies.len()].write_line(log, seq, ts, &mut out);
    }
    out
}

fn events() -> [StateEvent<'static>; 5] {
    let checks = CheckCount { total: 3, passed: 3 };
    let (session, client) = (|| Some("0123456789abcdef".into()), || Some("00000000000000ff".into()));
    [
        StateEvent::StepStart { step: "step-1-intro".into(), cause: Cause::Navigate },
        StateEvent::StepViewed { step: "step-2-deploy".into() },
        StateEvent::GossResult {
            step: "step-1-intro".into(),
            passed: true,
            checks,
            trigger: Trigger::Periodic,
            failed: vec![],
        },
        StateEvent::Connected { session: session(), client: client() },
        StateEvent::Disconnected { session: session(), client: client() },
    ]
}
