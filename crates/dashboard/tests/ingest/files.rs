//! Logs as backends, other tools and damage write them.

use std::fs;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;
use workshop_events::codec::Body;
use workshop_events::{
    Cause, CheckCount, FailedTest, LogId, StateEvent, StepInfo, Stream, SwitchDone, SwitchKind, Timestamp,
    Trigger,
};
use workshop_testing::Random;
use workshop_testing::dashboard::LOG;

/// 2026-11-20T09:00:00Z.
const MORNING: i64 = 1_795_165_200_000;

/// A volume with a log of so many records a stream. With `damage`, lines of every wrong kind stand among them.
pub fn volume(seed: u64, records: u64, damage: bool) -> TempDir {
    let folder = TempDir::new().unwrap();
    append(folder.path(), &mut Random::new(seed), 1, records, damage);
    folder
}

/// Appends records from `first` on to each stream.
pub fn append(folder: &Path, random: &mut Random, first: u64, records: u64, damage: bool) {
    for stream in Stream::ALL {
        let path = folder.join(stream.file_name());
        let mut bytes = fs::read(&path).unwrap_or_default();
        write(stream, random, first, records, damage, &mut bytes);
        fs::write(path, bytes).unwrap();
    }
}

fn write(stream: Stream, random: &mut Random, first: u64, records: u64, damage: bool, out: &mut Vec<u8>) {
    let log: LogId = LOG.parse().unwrap();
    let mut seq = first;
    let mut ts = MORNING + first as i64 * 1000;
    for n in 0..records {
        // Clocks go back, too.
        ts += if random.one_in(40) { -3_600_000 } else { random.below(5000) as i64 };
        let before = out.len();
        body(stream, random, n).write_line(log, seq, Timestamp::from_millis(ts), out);
        let line = out[before..].to_vec();
        if !damage {
            seq += 1;
            continue;
        }
        seq += 1;
        match random.below(16) {
            // Lost: a gap, filled later, or never.
            0 => out.truncate(before),
            1 => out.extend_from_slice(&line),
            // A flipped bit, then the line again as after a failed sync.
            2 => {
                let at = before + random.below(line.len() as u64 - 1) as usize;
                out[at] ^= 1;
                if random.one_in(2) {
                    out.extend_from_slice(&line);
                }
            }
            3 => out.extend_from_slice(random_damage(random)),
            4 => {
                out.truncate(before);
                out.extend_from_slice(&vec![0; 1 + random.below(300) as usize]);
                out.extend_from_slice(&line);
            }
            // Ahead of its turn; the one between comes after it.
            5 => {
                out.truncate(before);
                body(stream, random, n).write_line(log, seq, Timestamp::from_millis(ts), out);
                seq += 1;
                out.extend_from_slice(&line);
            }
            // Another record with the same number.
            6 => body(stream, random, n + 1).write_line(log, seq - 1, Timestamp::from_millis(ts + 1), out),
            // Another tool's, without number and log.
            7 => {
                out.truncate(before);
                out.extend_from_slice(foreign(stream, ts).as_bytes());
            }
            _ => {}
        }
    }
}

fn random_damage(random: &mut Random) -> &'static [u8] {
    const DAMAGE: [&[u8]; 10] = [
        b"\n",
        b"  \t\r\n",
        b"{\"half\n",
        b"\xff\xfe\x00\n",
        b"null\n",
        b"[]\n",
        b"{\"log\":\"ffffffffffffffff\",\"seq\":3,\"ts\":\"2026-01-01T00:00:00Z\",\"event\":\"step_viewed\",\"step\":\"x\",\"cmd\":\"x\",\"exit\":0,\"mode\":\"hints\"}\n",
        b"{\"seq\":0,\"ts\":\"2026-01-01T00:00:00Z\",\"event\":\"x\",\"cmd\":\"x\",\"exit\":0,\"step\":\"x\",\"mode\":\"hints\"}\n",
        b"\0\0\0\0\0\n",
        b"{\"ts\":\"2026-01-01T00:00:00Z\",\"event\":\"x\",\"cmd\":1e999,\"step\":\"\\ud800\"}\n",
    ];
    DAMAGE[random.below(DAMAGE.len() as u64) as usize]
}

/// A line as other tools write it.
fn foreign(stream: Stream, ts: i64) -> String {
    let ts = Timestamp::from_millis(ts);
    match stream {
        Stream::State => {
            format!("{{\"event\":\"goss_result\",\"ts\":\"{ts}\",\"step\":\"two\",\"passed\":false}}\r\n")
        }
        Stream::Commands => format!("{{\"ts\":\"{ts}\",\"cmd\":\"printf 'a\\u0000b'\",\"exit\":null}}\n"),
        Stream::Llm => format!(
            "{{\"ts\":\"{ts}\",\"step\":\"one\",\"mode\":\"hints\",\"tokens\":{{\"input\":18446744073709551615}}}}\n"
        ),
    }
}

fn body(stream: Stream, random: &mut Random, n: u64) -> Body {
    match stream {
        Stream::State => Body::new(&event(random, n)).unwrap(),
        Stream::Commands => {
            let cmd = ["ls -la \\\t'x'", "git commit -m \"é\\\\n\"", "echo $'\\0'\u{0}", "make"]
                [random.below(4) as usize];
            let mut record = json!({"cmd": cmd, "exit": random.below(3)});
            if random.one_in(2) {
                record = json!({"cmd": cmd, "exit": null, "session": "s1", "step": "two", "cwd": "/w", "ms": 12, "at": 1.5});
            }
            Body::new(&record).unwrap()
        }
        Stream::Llm => {
            let response = "an answer ".repeat(1 + random.below(40) as usize);
            Body::new(&json!({"step": "two", "mode": "explain", "question": "why\u{0}?", "response": response, "model": "m",
                "tokens": {"input": random.below(900), "output": 7}, "ms": 900, "outcome": "cancelled"}))
            .unwrap()
        }
    }
}

fn event(random: &mut Random, n: u64) -> StateEvent<'static> {
    let steps = ["one", "two", "three", "gone", "nul\u{0}"];
    let step = steps[random.below(5) as usize];
    let session = ["s1", "s2", "s3"][random.below(3) as usize];
    match random.below(14) {
        _ if n == 0 => started(None),
        0 if random.one_in(4) => {
            started(Some(SwitchDone { request: "r1".into(), kind: SwitchKind::Switch, step: step.into() }))
        }
        0 | 1 => StateEvent::Connected { session: Some(session.into()), client: Some("c".into()) },
        2 => StateEvent::Disconnected { session: Some(session.into()), client: Some("c".into()) },
        3 | 4 => StateEvent::StepStart { step: step.into(), cause: Cause::Navigate },
        5..=7 => StateEvent::GossResult {
            step: step.into(),
            passed: random.one_in(3),
            checks: CheckCount { total: 3, passed: 1 },
            trigger: if random.one_in(3) { Trigger::Periodic } else { Trigger::Student },
            failed: vec![FailedTest {
                title: "File: /w\u{0} \"exists\"".into(),
                found: "false".into(),
                expected: "true".into(),
            }],
        },
        8 => StateEvent::StepMarked { step: step.into() },
        9 => StateEvent::HelpOpened { step: step.into(), mode: "hints".into(), source: "file".into() },
        10 => {
            StateEvent::SwitchRequested { step: step.into(), kind: SwitchKind::Reset, request: "r2".into() }
        }
        11 => StateEvent::SwitchFailed { step: step.into(), request: "r2".into(), reason: "no image".into() },
        12 => StateEvent::SessionOpened {
            session: format!("s{}", n % 7).into(),
            name: "sh".into(),
            cast: Some(format!("session-{}.cast", n % 7).into()),
        },
        _ => StateEvent::SessionClosed { session: format!("s{}", n % 7).into(), exit: Some(0) },
    }
}

fn started(switch: Option<SwitchDone<'static>>) -> StateEvent<'static> {
    let step = |id: &'static str, title: &'static str| StepInfo {
        id: id.into(),
        title: title.into(),
        group: None,
        requires: vec![],
        has_check: true,
    };
    StateEvent::BackendStarted {
        version: "0.1.0".into(),
        image_step: Some("one".into()),
        workshop: "git-basics".into(),
        navigation: "linear".into(),
        steps: vec![step("one", "First"), step("two", "Second <b>"), step("three", "")],
        switch: switch.map(Box::new),
    }
}
