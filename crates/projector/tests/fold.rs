//! The fold against logs written as lines, and against itself: any split gives the state of the whole.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use expect_test::{Expect, expect};
use proptest::prelude::*;
use workshop_events::{State, StateRecord, StreamReader, Timestamp};
use workshop_projector::{Access, FoldUntil, Projection, Timeline};
use workshop_testing::rounds;

const STEPS: &str = r#""steps":[{"id":"a","title":"A","hasCheck":true},{"id":"b","title":"B","hasCheck":true},{"id":"c","title":"C","hasCheck":false}]"#;

/// Lines from a short script: `T` is the second, `{STEPS}` three steps.
fn lines(script: &str) -> String {
    let mut out = String::new();
    for line in script.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let (second, fields) = line.split_once(' ').unwrap();
        let ts = Timestamp::from_millis(second.parse::<i64>().unwrap() * 1000);
        out += &format!("{{\"ts\":\"{ts}\",{}}}\n", fields.replace("{STEPS}", STEPS));
    }
    out
}

fn fold(text: &str) -> Projection {
    let mut projection = Projection::default();
    let mut reader = StreamReader::<State>::new(None);
    reader.feed(text.as_bytes(), |item| projection.apply(item.seq, &item.record));
    reader.catch_up(|item| projection.apply(item.seq, &item.record));
    assert_eq!(reader.take_findings(), []);
    projection
}

fn describe(p: &Projection) -> String {
    let access = p.steps().iter().map(|s| match p.access(&s.id) {
        Access::Open => format!("{}: open", s.id),
        Access::Locked(why) => format!("{}: {why}", s.id),
        Access::Unknown => unreachable!(),
    });
    format!(
        "active {:?}\ncompleted {:?}\ngiven {:?}\nformer {:?}\nopen {:?}\nfailed {:?}\nmissing {:?}\nclients {}\nsessions {:?}\n{}\n",
        p.active(),
        p.completed(),
        p.steps().iter().filter(|s| p.is_given(&s.id)).map(|s| s.id.as_str()).collect::<Vec<_>>(),
        p.former(),
        p.open_switch().map(|o| &o.request),
        p.failed_switch().map(|f| &f.reason),
        p.missing_start().map(|m| (&m.step, m.cause)),
        p.clients(),
        p.sessions().iter().map(|s| (&s.name, s.closed.is_some(), s.casts.len())).collect::<Vec<_>>(),
        access.collect::<Vec<_>>().join("\n"),
    )
}

fn check(script: &str, expected: Expect) {
    expected.assert_eq(&describe(&fold(&lines(script))));
}

#[test]
fn the_seeds_log_folds_without_seq_ids_or_steps() {
    check(
        r#"
        1 "event":"connected"
        2 "event":"step_start","step":"a"
        3 "event":"goss_result","step":"a","passed":false,"checks":{"total":2,"passed":1}
        4 "event":"goss_result","step":"a","passed":true,"checks":{"total":2,"passed":2}
        5 "event":"step_start","step":"b"
        6 "event":"disconnected"
        7 "event":"connected"
        "#,
        expect![[r#"
            active Some("b")
            completed ["a"]
            given []
            former []
            open None
            failed None
            missing None
            clients 1
            sessions []

        "#]],
    );
}

#[test]
fn a_linear_workshop() {
    check(
        r#"
        1 "event":"backend_started","version":"1","workshop":"w","navigation":"linear",{STEPS}
        2 "event":"step_start","step":"a","cause":"initial"
        3 "event":"session_opened","session":"s1","name":"main","cast":"x.cast"
        3 "event":"connected","session":"s1","client":"c1"
        4 "event":"goss_result","step":"a","passed":true,"checks":{"total":1,"passed":1},"trigger":"student"
        5 "event":"goss_result","step":"b","passed":true,"checks":{"total":1,"passed":1},"trigger":"periodic"
        6 "event":"from_the_future","step":7,"ts2":[]
        "#,
        expect![[r#"
            active Some("a")
            completed ["a"]
            given []
            former []
            open None
            failed None
            missing None
            clients 1
            sessions [("main", false, 1)]
            a: open
            b: open
            c: Complete "B" first.
        "#]],
    );
}

#[test]
fn a_restart_ends_sessions_and_clients_and_keeps_progress() {
    check(
        r#"
        1 "event":"backend_started","version":"1","workshop":"w","navigation":"linear",{STEPS}
        3 "event":"session_opened","session":"s1","name":"main","cast":"x.cast"
        3 "event":"connected","session":"s1","client":"c1"
        4 "event":"step_marked","step":"gone"
        5 "event":"goss_result","step":"a","passed":true,"checks":{"total":1,"passed":1}
        9 "event":"backend_started","version":"1","workshop":"w","navigation":"linear",{STEPS}
        "#,
        expect![[r#"
            active Some("a")
            completed ["a", "gone"]
            given []
            former ["gone"]
            open None
            failed None
            missing Some(("a", Initial))
            clients 0
            sessions [("main", true, 1)]
            a: open
            b: open
            c: Complete "B" first.
        "#]],
    );
}

#[test]
fn a_swap_gives_what_the_image_brings_and_a_restart_of_it_swaps_nothing() {
    let asked = r#"
        1 "event":"backend_started","version":"1","workshop":"w","navigation":"linear",{STEPS}
        2 "event":"step_start","step":"a","cause":"initial"
        3 "event":"switch_requested","step":"c","kind":"switch","request":"r1""#;
    check(
        asked,
        expect![[r#"
            active Some("a")
            completed []
            given []
            former []
            open Some("r1")
            failed None
            missing None
            clients 0
            sessions []
            a: open
            b: Complete "A" first.
            c: Complete "A" first.
        "#]],
    );
    let swapped = format!(
        r#"{asked}
        4 "event":"backend_started","version":"1","workshop":"w","navigation":"linear","image_step":"b",{{STEPS}},"switch":{{"request":"r1","kind":"switch","step":"c"}}"#
    );
    check(
        &swapped,
        expect![[r#"
            active Some("c")
            completed []
            given ["a", "b"]
            former []
            open None
            failed None
            missing Some(("c", Switch))
            clients 0
            sessions []
            a: open
            b: open
            c: open
        "#]],
    );
    // The student goes back; the same container starts again with the same WORKSHOP_SWITCH.
    check(
        &format!(
            r#"{swapped}
        5 "event":"step_start","step":"c","cause":"switch"
        6 "event":"step_start","step":"a","cause":"navigate"
        7 "event":"backend_started","version":"1","workshop":"w","navigation":"linear","image_step":"b",{{STEPS}},"switch":{{"request":"r1","kind":"switch","step":"c"}}"#
        ),
        expect![[r#"
            active Some("a")
            completed []
            given ["a", "b"]
            former []
            open None
            failed None
            missing None
            clients 0
            sessions []
            a: open
            b: open
            c: open
        "#]],
    );
    // The supervisor gave up on it after its backend had said that it was there.
    check(
        &format!(
            r#"{swapped}
        9 "event":"switch_failed","step":"c","request":"r1","reason":"not ready in 30 s""#
        ),
        expect![[r#"
            active Some("a")
            completed []
            given ["a", "b"]
            former []
            open None
            failed Some("not ready in 30 s")
            missing None
            clients 0
            sessions []
            a: open
            b: open
            c: open
        "#]],
    );
}

#[test]
fn a_request_that_the_log_does_not_know_counts_as_asked_and_fulfilled() {
    check(
        r#"
        1 "event":"backend_started","version":"1","workshop":"w","navigation":"linear","image_step":"a",{STEPS},"switch":{"request":"host","kind":"reset","step":"b"}
        "#,
        expect![[r#"
            active Some("b")
            completed []
            given ["a"]
            former []
            open None
            failed None
            missing Some(("b", Reset))
            clients 0
            sessions []
            a: open
            b: open
            c: Complete "B" first.
        "#]],
    );
}

#[test]
fn guided_groups_unlock_one_after_the_other() {
    let steps = r#""steps":[{"id":"a","group":"one"},{"id":"b","group":"one","requires":["a"]},{"id":"c","group":"two"},{"id":"d"}]"#;
    let start =
        format!(r#"1 "event":"backend_started","version":"1","workshop":"w","navigation":"guided",{steps}"#);
    let access = |script: &str| {
        let p = fold(&lines(script));
        ["a", "b", "c", "d", "nowhere"].map(|s| p.access(s))
    };
    let locked = |why: &str| Access::Locked(why.to_owned());
    use Access::{Open, Unknown};
    assert_eq!(
        access(&start),
        [Open, locked("Complete \"a\" first."), locked("Complete the group \"one\" first."), Open, Unknown]
    );
    let marked = |ids: &[&str]| {
        ids.iter().fold(start.clone(), |s, id| format!("{s}\n2 \"event\":\"step_marked\",\"step\":\"{id}\""))
    };
    assert_eq!(access(&marked(&["a"]))[1..3], [Open, locked("Complete the group \"one\" first.")]);
    assert_eq!(access(&marked(&["a", "b"]))[2], Open);
}

#[test]
fn a_moment_counts_up_to_the_last_record_that_is_not_after_it() {
    let log = lines(
        r#"
        10 "event":"step_start","step":"a"
        20 "event":"step_start","step":"b"
        12 "event":"clock_stepped","from":"1970-01-01T00:00:20Z","to":"1970-01-01T00:00:12Z"
        30 "event":"step_start","step":"c"
        "#,
    );
    let at = |second: i64| {
        let mut fold = FoldUntil::new(Timestamp::from_millis(second * 1000));
        StreamReader::<State>::new(None).feed(log.as_bytes(), |item| fold.apply(item.seq, &item.record));
        let p = fold.into_projection();
        (p.seq(), p.active().map(ToOwned::to_owned))
    };
    assert_eq!(at(9), (0, None));
    assert_eq!(at(11), (1, Some("a".into())));
    // The record of second 12 stands after that of second 20, so both count.
    assert_eq!(at(12), (3, Some("b".into())));
    assert_eq!(at(29), (3, Some("b".into())));
    assert_eq!(at(30), (4, Some("c".into())));
}

#[test]
fn the_timeline_tells_where_a_command_belongs() {
    let log = lines(
        r#"
        1 "event":"backend_started","version":"1","workshop":"w","navigation":"linear",{STEPS}
        2 "event":"step_start","step":"a","cause":"initial"
        8 "event":"goss_result","step":"a","passed":true,"checks":{"total":1,"passed":1}
        9 "event":"step_start","step":"b","cause":"navigate"
        15 "event":"step_start","step":"a","cause":"navigate"
        "#,
    );
    let mut timeline = Timeline::new(100);
    StreamReader::<State>::new(None).feed(log.as_bytes(), |item| timeline.apply(item.seq, &item.record));
    let at = |second: i64| timeline.step_at(Timestamp::from_millis(second * 1000));
    assert_eq!(
        [at(1), at(2), at(8), at(9), at(14), at(15), at(99)].map(Option::unwrap_or_default),
        ["", "a", "a", "b", "b", "a", "a"]
    );
    assert_eq!(timeline.checks().count(), 1);
    assert_eq!(timeline.projection().active_ms("a", Timestamp::from_millis(20_000)), 12_000);
}

/// Any event about few steps, sessions and requests, so that they meet.
fn any_event() -> impl Strategy<Value = String> {
    let step = prop_oneof!["a", "b", "c", "gone"].prop_map(String::from);
    (0u8..16, step, 0u8..3, any::<bool>()).prop_map(|(kind, step, n, flag)| match kind {
        0 | 1 => format!(r#""event":"step_start","step":"{step}","cause":"navigate""#),
        2..=4 => format!(
            r#""event":"goss_result","step":"{step}","passed":{flag},"checks":{{"total":2,"passed":1}},"trigger":"{}","failed":[{{"title":"t","found":"f","expected":"e"}}]"#,
            ["student", "periodic", "other"][n as usize]
        ),
        5 => format!(r#""event":"step_marked","step":"{step}""#),
        6 => format!(r#""event":"connected","session":"s{n}","client":"c{flag}""#),
        7 => format!(r#""event":"disconnected","session":"s{n}","client":"c{flag}""#),
        8 => format!(r#""event":"switch_requested","step":"{step}","kind":"switch","request":"r{n}""#),
        9 => format!(r#""event":"switch_failed","step":"{step}","request":"r{n}","reason":"no""#),
        10 => format!(r#""event":"session_opened","session":"s{n}","name":"main","cast":"{n}.cast""#),
        11 => format!(r#""event":"session_closed","session":"s{n}","exit":0"#),
        12 => format!(r#""event":"recording_started","session":"s{n}","cast":"{n}b.cast","at":3.5"#),
        13 => format!(r#""event":"help_opened","step":"{step}","mode":"hints","source":"file""#),
        14 => format!(
            r#""event":"backend_started","version":"1","workshop":"w","navigation":"linear","image_step":"{step}",{STEPS},"switch":{{"request":"r{n}","kind":"reset","step":"{step}"}}"#
        ),
        _ => format!(r#""event":"backend_started","version":"1","workshop":"w","navigation":"linear",{STEPS}"#),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(rounds(64, 8_192)))]
    #[test]
    fn any_split_into_stored_batches_gives_the_state_of_the_whole(
        events in prop::collection::vec((0i64..100, any_event()), 0..60),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let log: Vec<String> =
            events.iter().map(|(second, event)| lines(&format!("{second} {event}"))).collect();
        let records: Vec<StateRecord<'_>> =
            log.iter().map(|line| StateRecord::from_line(line.trim_end()).unwrap()).collect();
        let mut cuts: Vec<usize> = cuts.iter().map(|i| i.index(records.len() + 1)).collect();
        cuts.sort_unstable();
        let mut batched = Projection::default();
        for (at, record) in records.iter().enumerate() {
            if cuts.contains(&at) {
                let stored = serde_json::to_string(&batched).unwrap();
                batched = serde_json::from_str(&stored).unwrap();
            }
            batched.apply(at as u64 + 1, record);
        }
        let whole = fold(&log.concat());
        prop_assert_eq!(&batched, &whole);
        // The state at the end of time is the state.
        let mut moment = FoldUntil::new(Timestamp::from_millis(i64::MAX));
        let mut timeline = Timeline::new(10_000);
        for (at, record) in records.iter().enumerate() {
            moment.apply(at as u64 + 1, record);
            timeline.apply(at as u64 + 1, record);
        }
        prop_assert_eq!(&moment.into_projection(), &whole);
        prop_assert_eq!(timeline.projection(), &whole);
        let last = timeline.bands().last().map(|b| b.step.clone());
        prop_assert!(last.is_none() || last.as_deref() == whole.active());
    }
}
