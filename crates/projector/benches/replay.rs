//! Replay and fold of a log, against a loop that only parses the same lines.

use std::{hint::black_box, time::Instant};

use serde::Deserialize;
use workshop_events::{LogId, State, StreamReader, Timestamp, codec::Body};
use workshop_projector::Projection;

const EVENTS: u64 = 1_000_000;

/// What a reader of these lines has to look at, borrowed: the fields that the fold needs, and nothing done with them.
#[derive(Deserialize)]
#[allow(dead_code, reason = "parsed, not used")]
struct Bound<'a> {
    #[serde(borrow)]
    log: &'a str,
    seq: u64,
    #[serde(borrow)]
    ts: &'a str,
    #[serde(borrow)]
    event: &'a str,
    #[serde(borrow)]
    step: Option<&'a str>,
    #[serde(borrow)]
    session: Option<&'a str>,
    #[serde(borrow)]
    client: Option<&'a str>,
    passed: Option<bool>,
    checks: Option<workshop_events::CheckCount>,
    #[serde(borrow, default)]
    failed: Vec<BoundFailed<'a>>,
    #[serde(borrow)]
    crc: &'a str,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "parsed, not used")]
struct BoundFailed<'a> {
    title: &'a str,
    found: &'a str,
    expected: &'a str,
}

fn log() -> Vec<u8> {
    let id = LogId::from_bits(0x0123_4567_89ab_cdef);
    let steps = r#"[{"id":"step-1-look","title":"Look around","hasCheck":true},{"id":"step-2-files","title":"Files and folders","hasCheck":true}]"#;
    let bodies: Vec<String> = vec![
        format!(r#"{{"event":"backend_started","version":"0.1.0","image_step":"step-0","workshop":"hello-linux","navigation":"linear","steps":{steps}}}"#),
        r#"{"event":"step_start","step":"step-1-look","cause":"navigate"}"#.into(),
        r#"{"event":"step_viewed","step":"step-2-files"}"#.into(),
        r#"{"event":"goss_result","step":"step-1-look","passed":false,"checks":{"total":3,"passed":2},"trigger":"student","failed":[{"title":"report.txt is closed to others","found":"mode is 0644","expected":"0640"}]}"#.into(),
        r#"{"event":"goss_result","step":"step-1-look","passed":true,"checks":{"total":3,"passed":3},"trigger":"student"}"#.into(),
        r#"{"event":"connected","session":"20261120T092144Z-1","client":"f3a9c1d2"}"#.into(),
        r#"{"event":"disconnected","session":"20261120T092144Z-1","client":"f3a9c1d2"}"#.into(),
        r#"{"event":"help_opened","step":"step-2-files","mode":"hints","source":"file"}"#.into(),
    ];
    let bodies: Vec<Body> = bodies
        .iter()
        .filter_map(|b| serde_json::value::RawValue::from_string(b.clone()).ok())
        .filter_map(|value| Body::new(&value).ok())
        .collect();
    let mut out = Vec::new();
    for seq in 1..=EVENTS {
        // One start in a hundred thousand, the rest in turn.
        let at = if seq % 100_000 == 1 { 0 } else { 1 + (seq as usize % (bodies.len() - 1)) };
        let ts = Timestamp::from_millis(1_790_000_000_000 + seq as i64 * 900);
        bodies[at].write_line(id, seq, ts, &mut out);
    }
    out
}

fn bound(bytes: &[u8]) -> f64 {
    let start = Instant::now();
    let mut sum = 0;
    for line in std::str::from_utf8(bytes).unwrap_or_default().lines() {
        if let Ok(record) = serde_json::from_str::<Bound<'_>>(line) {
            sum += record.seq;
            black_box(&record);
        }
    }
    black_box(sum);
    EVENTS as f64 / start.elapsed().as_secs_f64()
}

fn replay(bytes: &[u8]) -> f64 {
    let start = Instant::now();
    let mut projection = Projection::default();
    let mut reader = StreamReader::<State>::new(Some(LogId::from_bits(0x0123_4567_89ab_cdef)));
    for chunk in bytes.chunks(256 * 1024) {
        reader.feed(chunk, |item| projection.apply(item.seq, &item.record));
    }
    assert_eq!(projection.seq(), EVENTS);
    assert_eq!(reader.take_findings(), []);
    black_box(&projection);
    EVENTS as f64 / start.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[allow(clippy::print_stdout, reason = "a benchmark's result is what it prints")]
fn main() {
    let bytes = log();
    let pairs: Vec<(f64, f64)> = (0..7).map(|_| (bound(&bytes), replay(&bytes))).collect();
    let row = serde_json::json!({
        "row": "replay + fold of 1,000,000 events",
        "value": median(pairs.iter().map(|p| p.1).collect()).round(),
        "unit": "events/s",
        "bound": median(pairs.iter().map(|p| p.0).collect()).round(),
        "ratio": median(pairs.iter().map(|p| p.1 / p.0).collect()),
        "goal": ">= 0.9",
        "command": "cargo bench -p workshop-projector --bench replay",
    });
    println!("{row}");
}
