//! Single lines: what is written, what is refused, and which names and positions are read.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::json;
use workshop_events::{
    Commands, Cursor, Kind, Llm, LogId, State, StateEvent, StateRecord, Stream, Timestamp,
    cast::{self, CastEvent, Header},
    codec::{self, Body, Checksum, EncodeError, MAX_LINE},
};
use workshop_testing::rounds;

fn line(body: &Body, seq: u64, ms: i64) -> String {
    let mut out = Vec::new();
    body.write_line(LogId::from_bits(0xab), seq, Timestamp::from_millis(ms), &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_line_as_it_is_written() {
    let body = Body::new(&StateEvent::StepViewed { step: "step-\"1\"\n\u{0}é".into() }).unwrap();
    let expected: Expect = expect![[r#"
        {"log":"00000000000000ab","seq":7,"ts":"2026-01-01T00:00:00.001Z","event":"step_viewed","step":"step-\"1\"\n\u0000é","crc":"cef2f450"}
    "#]];
    expected.assert_eq(&line(&body, 7, 1_767_225_600_001));
}

#[test]
fn what_cannot_be_a_line() {
    let check = |value: serde_json::Value, expected: &str| {
        let error = Body::new(&value).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(json!({}), "must be a JSON object");
    check(json!([1]), "must be a JSON object");
    check(json!("text"), "must be a JSON object");
    check(json!({"a": "x".repeat(MAX_LINE)}), "is longer than");
    let infinite = std::collections::BTreeMap::from([((1, 2), 3)]);
    assert!(matches!(Body::new(&infinite), Err(EncodeError::NotAnObject(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(rounds(64, 8_192)))]
    #[test]
    fn a_line_fits_its_bound_and_reads_back(
        text in ".*",
        seq in 1u64..1 << 53,
        ms in -62_167_219_200_000i64..=253_402_300_799_999,
    ) {
        let body = Body::new(&StateEvent::StepViewed { step: text.as_str().into() }).unwrap();
        let line = line(&body, seq, ms);
        prop_assert!(line.len() <= body.line_bound());
        let line = line.strip_suffix('\n').unwrap();
        prop_assert!(!line.contains('\n'));
        prop_assert_eq!(codec::checksum(line.as_bytes()).0, Checksum::Right);
        let record = StateRecord::from_line(line).unwrap();
        prop_assert_eq!(record.log.as_deref(), Some("00000000000000ab"));
        prop_assert_eq!((record.seq, record.ts), (Some(seq), Timestamp::from_millis(ms)));
        prop_assert_eq!(record.event, StateEvent::StepViewed { step: text.into() });
    }
}

/// Every line that is just short enough is written, every longer one refused.
#[test]
fn the_longest_line() {
    let around = line(&Body::new(&json!({"a": ""})).unwrap(), 1 << 52, 0).len();
    for over in 0..40 {
        let body = Body::new(&json!({"a": "x".repeat(MAX_LINE - around - 20 + over)}));
        assert_eq!(body.is_ok(), over <= 20, "{over}");
        if let Ok(body) = body {
            assert!(line(&body, 1 << 52, 0).len() <= MAX_LINE, "{over}");
        }
    }
}

#[test]
fn checksums() {
    let body = Body::new(&StateEvent::StepViewed { step: "x".into() }).unwrap();
    let own = line(&body, 1, 0);
    let own = own.trim_end();
    let check = |line: &str, expected: Checksum| {
        assert_eq!(codec::checksum(line.as_bytes()).0, expected, "{line}");
    };
    check(own, Checksum::Right);
    check(&own.replace("\"x\"", "\"y\""), Checksum::Wrong);
    check(&own.replace("crc", "src"), Checksum::Wrong);
    check(&own.to_uppercase(), Checksum::Absent);
    check(r#"{"ts":"2026-01-01T00:00:00Z","event":"connected","crc":"0123456z"}"#, Checksum::Wrong);
    check(r#"{"ts":"2026-01-01T00:00:00Z","event":"connected","src":"01234567"}"#, Checksum::Absent);
    check(r#"{"crc":1}"#, Checksum::Absent);
    check("", Checksum::Absent);
}

#[test]
fn texts_are_cut_with_a_visible_mark() {
    for (text, max, expected) in
        [("short", 5, "short"), ("longer", 5, "long…"), ("🦀🦀🦀", 2, "🦀…"), ("", 0, ""), ("x", 1, "x")]
    {
        assert_eq!(codec::cut(text, max), expected);
    }
}

#[test]
fn log_ids_and_cursors() {
    let id = |text: &str| text.parse::<LogId>().ok().map(|id| id.to_string());
    assert_eq!(id("0123456789abcdef").as_deref(), Some("0123456789abcdef"));
    for text in [
        "",
        "0123456789ABCDEF",
        "0123456789abcde",
        "0123456789abcdeff",
        "+123456789abcdef",
        "../../../etc/pass",
    ] {
        assert_eq!(id(text), None, "{text}");
    }
    let cursor = |text: &str| text.parse::<Cursor>().ok().map(|cursor| cursor.to_string());
    for text in ["0123456789abcdef.0", "0123456789abcdef.7", "0123456789abcdef.7.8.9"] {
        assert_eq!(cursor(text).as_deref(), Some(text));
    }
    for text in [
        "",
        "0123456789abcdef",
        "0123456789abcdef.",
        "0123456789abcdef.1.2",
        "0123456789abcdef.1.2.3.4",
        "0123456789abcdef.-1",
        "x.1",
        "0123456789abcdef.18446744073709551616",
    ] {
        assert_eq!(cursor(text), None, "{text}");
    }
    assert_eq!(Stream::ALL.map(|stream| stream as usize), [0, 1, 2]);
}

#[test]
fn cast_headers() {
    let check = |line: &str, expected: Option<&str>| {
        let error = Header::parse(line).err().map(|error| error.to_string());
        match (error, expected) {
            (None, None) => {}
            (Some(error), Some(expected)) => assert!(error.contains(expected), "{line}: {error}"),
            (error, _) => panic!("{line}: {error:?}"),
        }
    };
    check(r#"{"version":2,"width":80,"height":24}"#, None);
    check(r#"{"version":2,"width":80,"height":24,"theme":{"fg":"\#000"},"idle_time_limit":1.5}"#.replace('\\', "").as_str(), None);
    check(r#"{"version":1,"width":80,"height":24}"#, Some("version is 1"));
    check(r#"{"version":2,"width":0,"height":24}"#, Some("width is 0"));
    check(r#"{"version":2,"width":80,"height":10001}"#, Some("height is 10001"));
    check(r#"{"version":2,"width":1000000000,"height":24}"#, Some("1000000000"));
    check(r#"{"version":2,"width":80}"#, Some("height"));
    check("[0.1,\"o\",\"x\"]", Some("not a line"));
    check("", Some("not a line"));
}

#[test]
fn cast_events() {
    let check = |line: &str, expected: Option<(f64, char, &str)>| {
        let event = CastEvent::parse(line).ok();
        let event = event.as_ref().map(|event| (event.time, event.code, event.data.as_str()));
        assert_eq!(event, expected, "{line}");
    };
    check(r#"[1.5, "o", "\u001b[1m\ud83e\udd80"]"#, Some((1.5, 'o', "\u{1b}[1m🦀")));
    check(r#"[0,"x",""]"#, Some((0.0, 'x', "")));
    for line in [
        r#"[-1,"o","x"]"#,
        r#"[1e999,"o","x"]"#,
        r#"["1","o","x"]"#,
        r#"[1,"oo","x"]"#,
        r#"[1,"","x"]"#,
        r#"[1,"o"]"#,
        r#"[1,"o","x","y"]"#,
        r#"[1,"o","\ud83e"]"#,
        r#"{"version":2}"#,
        "",
        "null",
    ] {
        check(line, None);
    }
}

#[test]
fn a_cast_ends_at_its_last_whole_line_wherever_it_is_cut() {
    let mut bytes = br#"{"version":2,"width":80,"height":24}"#.to_vec();
    bytes.push(b'\n');
    for (n, data) in ["plain", "ü🦀\u{0}\r\n", "", "\u{1b}]0;title\u{7}"].into_iter().enumerate() {
        CastEvent { time: n as f64, code: 'o', data: data.into() }.write_line(&mut bytes);
    }
    let ends: Vec<usize> =
        bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at + 1).collect();
    assert_eq!(ends.len(), 5);
    for cut in 0..=bytes.len() {
        let expected = ends.iter().rfind(|&&end| end <= cut).copied().unwrap_or(0);
        assert_eq!(cast::whole_lines(&bytes[..cut]), expected, "cut at {cut}");
    }
    let mut damaged = bytes.clone();
    damaged[ends[1] + 1] = 0xff;
    assert_eq!(cast::whole_lines(&damaged), ends[1]);
}

#[test]
fn fields_are_read_in_any_order() {
    let expected = StateEvent::SessionOpened {
        session: "s".into(),
        name: "Terminal 1".into(),
        cast: Some("a.cast".into()),
    };
    let (head, name) = (
        r#""log":"00000000000000ab","seq":1,"ts":"2026-01-01T00:00:00.000Z""#,
        r#""event":"session_opened""#,
    );
    let (cast, rest) = (r#""cast":"a.cast""#, r#""session":"s","name":"Terminal 1""#);
    for fields in [
        [head, name, cast, rest],
        [head, cast, name, rest],
        [cast, rest, name, head],
        [name, head, rest, cast],
    ] {
        let line = format!("{{{}}}", fields.join(","));
        assert_eq!(StateRecord::from_line(&line).unwrap().event, expected, "{line}");
    }
}

/// What serde derives for a struct would read its fields from an array, too.
#[test]
fn an_array_is_no_record() {
    const TS: &str = "2026-01-01T00:00:00Z";
    assert!(State::parse(&format!(r#"["0123456789abcdef",null,"{TS}","backend_started"]"#)).is_err());
    assert!(Commands::parse(&format!(r#" [null,1,"{TS}","ls",0,null,null,null,null,null]"#)).is_err());
    assert!(Llm::parse(&format!(r#"[null,1,"{TS}","x","hints","","","",{{}},0,"done"]"#)).is_err());
    assert!(Header::parse("[2,80,24,null,null,null]").is_err());
}

#[test]
fn state_events_need_their_fields() {
    let check = |fields: &str, expected: Result<&str, &str>| {
        let line = format!(r#"{{"ts":"2026-01-01T00:00:00Z",{fields}}}"#);
        match (StateRecord::from_line(&line), expected) {
            (Ok(record), Ok(name)) => assert_eq!(record.event.name(), name, "{line}"),
            (Err(error), Err(text)) => assert!(error.to_string().contains(text), "{line}: {error}"),
            (found, _) => panic!("{line}: {found:?}"),
        }
    };
    check(r#""event":"backend_started""#, Ok("backend_started"));
    check(r#""event":"step_start","step":"x""#, Ok("step_start"));
    check(r#""event":"step_start","step":"x","cause":"of a later version""#, Ok("step_start"));
    check(r#""event":"step_start""#, Err("missing field `step`"));
    check(r#""event":"goss_result","step":"x""#, Err("missing field `passed`"));
    check(r#""event":"goss_result","step":"x","passed":"yes""#, Err("invalid type"));
    check(r#""event":"switch_requested","step":"x","request":"r""#, Err("missing field `kind`"));
    check(r#""event":"switch_requested","step":"x","request":"r","kind":"other""#, Err("unknown variant"));
    check(r#""event":"clock_stepped","from":"2026-01-01T00:00:00Z""#, Err("missing field `to`"));
    check(r#""event":"recording_started","session":"s""#, Err("missing field `cast`"));
    check(r#""event":"new","kind":"other","passed":3"#, Ok("new"));
    check(r#""event":7"#, Err("invalid type"));
    check(r#""events":"connected""#, Err("event"));
}
