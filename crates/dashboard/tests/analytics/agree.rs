//! One definition of who needs help, of the funnel and of failing tests: API, stream, exports, views and Grafana say the
//! same of one class, and what they say is right.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt;
use serde_json::{Value, json};
use sqlx::PgConnection;
use workshop_simulator::{WORKSHOP, step_ids};

use crate::class::Shipped;
use crate::known::{self, Student};
use crate::{Rows, ask, grafana_queries, number, text};

/// Students whose logs are written by hand, each with the mark that is right.
struct ByHand<'s> {
    shipped: &'s Shipped,
    /// `backend_started` of the class.
    started: Value,
    now: i64,
    marks: BTreeMap<String, Option<&'static str>>,
}

impl<'s> ByHand<'s> {
    fn new(shipped: &'s Shipped) -> Self {
        let started = shipped.started();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
        Self { shipped, started, now, marks: BTreeMap::new() }
    }

    /// A student who does this, each so many minutes ago.
    async fn student(&mut self, name: &str, acts: &[(f64, Value)], mark: Option<&'static str>) {
        self.shipped.add(name).await;
        let log = format!("{:016x}", self.marks.len() + 0xbad);
        let mut body = String::new();
        let begin = acts.first().map_or(60.0, |(minutes, _)| *minutes);
        for (seq, (minutes, event)) in [(begin, self.started.clone())].iter().chain(acts).enumerate() {
            let mut line = event.clone();
            let ts = self.now - (minutes * 60_000.0) as i64;
            line["log"] = json!(log);
            line["seq"] = json!(seq + 1);
            line["ts"] = json!(workshop_events::Timestamp::from_millis(ts).to_string());
            body += &format!("{line}\n");
        }
        self.shipped.post(name, &log, "state", body).await;
        self.marks.insert(name.to_owned(), mark);
    }
}

fn connected() -> Value {
    json!({"event": "connected", "session": "s1", "client": "c1"})
}

fn left() -> Value {
    json!({"event": "disconnected", "session": "s1", "client": "c1"})
}

fn start(step: &str) -> Value {
    json!({"event": "step_start", "step": step, "cause": "navigate"})
}

fn check(step: &str, passed: bool, trigger: &str) -> Value {
    let failed =
        if passed { json!([]) } else { json!([{"title": "a file", "found": "none", "expected": "one"}]) };
    let checks = json!({"passed": u32::from(passed), "total": 1});
    json!({"event": "goss_result", "step": step, "passed": passed, "checks": checks, "trigger": trigger, "failed": failed})
}

fn viewed(step: &str) -> Value {
    json!({"event": "step_viewed", "step": step})
}

/// The hard cases, beside what a class does by itself.
async fn by_hand(shipped: &Shipped) -> BTreeMap<String, Option<&'static str>> {
    let steps: Vec<&str> = step_ids().collect();
    let (one, two) = (steps[0], steps[1]);
    let mut class = ByHand::new(shipped);
    let failed = |minutes: f64, trigger| (minutes, check(one, false, trigger));
    let at = |minutes: f64| [(minutes + 0.1, connected()), (minutes, start(one))];
    let with = |begin: f64, rest: &[(f64, Value)]| [&at(begin)[..], rest].concat();
    class.student("hand-silent", &with(12.0, &[(11.0, viewed(one))]), Some("idle")).await;
    class.student("hand-slow", &with(16.0, &[(1.0, viewed(one))]), Some("slow")).await;
    class.student("hand-quiet", &with(12.0, &[(9.0, viewed(one))]), None).await;
    class.student("hand-new", &[(90.0, start(one))], Some("new")).await;
    class.student("hand-left", &with(200.0, &[(130.0, left())]), Some("left")).await;
    class.student("hand-away", &with(200.0, &[(100.0, left())]), Some("idle")).await;
    class.student("hand-stays", &with(200.0, &[(130.0, viewed(one))]), Some("idle")).await;
    let three = [failed(4.0, "student"), failed(3.0, "student"), failed(2.0, "student")];
    class.student("hand-fails", &with(5.0, &three), Some("fails")).await;
    // What the interval finds changes nothing: neither a pass after three failures nor a failure after a pass.
    let passes = [&three[..], &[(1.0, check(one, true, "periodic"))]].concat();
    class.student("hand-fails-still", &with(5.0, &passes), Some("fails")).await;
    let fails = [failed(4.0, "periodic"), failed(3.0, "periodic"), failed(2.0, "periodic")];
    class.student("hand-interval", &with(5.0, &fails), None).await;
    let then = [&three[..2], &[(2.0, check(one, true, "student")), failed(1.0, "periodic")]].concat();
    class.student("hand-passed", &with(40.0, &then), None).await;
    let next = [(30.0, check(one, true, "student")), (29.0, start(two)), (1.0, viewed(two))];
    class.student("hand-next", &with(40.0, &next), Some("slow")).await;
    let all: Vec<(f64, Value)> = steps.iter().map(|step| (30.0, check(step, true, "student"))).collect();
    class.student("hand-finished", &with(300.0, &all), None).await;
    class.student("hand-revoked", &with(5.0, &three), Some("fails")).await;
    shipped.revoke("hand-revoked").await;
    class.marks
}

/// `column` of each row by `key`.
fn by<'r>(rows: &'r Rows, key: &str, column: &str) -> BTreeMap<&'r str, Option<&'r str>> {
    rows.iter().map(|row| (text(row, key), row[column].as_str())).collect()
}

/// The mark of each workspace in a list of cards.
fn marks(cards: &Value) -> BTreeMap<&str, Option<&str>> {
    let cards = cards.as_array().unwrap().iter();
    cards.map(|card| (card["workspace"].as_str().unwrap(), card["mark"].as_str())).collect()
}

/// The first event of the live stream.
async fn snapshot(shipped: &Shipped) -> Value {
    let mut stream = shipped.ask("/api/stream").await.bytes_stream();
    let mut all = String::new();
    loop {
        let next = tokio::time::timeout(Duration::from_secs(30), stream.next()).await;
        all += std::str::from_utf8(&next.unwrap().unwrap().unwrap()).unwrap();
        let data = all.split_once("event: snapshot\ndata: ").and_then(|(_, rest)| rest.split_once("\n\n"));
        if let Some((data, _)) = data {
            return serde_json::from_str(data).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_asked_says_the_same() {
    let shipped = Shipped::class(30).await;
    let by_hand = by_hand(&shipped).await;
    let students = shipped.students();
    let mut database = shipped.analyst().await;
    who_needs_help(&shipped, &mut database, &by_hand, &students).await;
    funnel(&shipped, &mut database, &students).await;
    failures(&shipped, &mut database, &students).await;
}

async fn who_needs_help(
    shipped: &Shipped,
    database: &mut PgConnection,
    by_hand: &BTreeMap<String, Option<&'static str>>,
    students: &[Student],
) {
    let rows = ask(database, "select workspace, mark from workspace_now").await;
    let view = by(&rows, "workspace", "mark");
    for (name, mark) in by_hand {
        assert_eq!(view[name.as_str()], *mark, "{name}");
    }
    for student in students {
        let mark = view[student.simulated.workspace.as_str()];
        assert_eq!(
            mark == Some("fails"),
            student.fails_three_times(),
            "{} {mark:?}",
            student.simulated.workspace
        );
        assert_eq!(mark == Some("new"), !student.came, "{} {mark:?}", student.simulated.workspace);
    }

    let all = shipped.json("/api/workspaces?revoked=true").await;
    assert_eq!(marks(&all["workspaces"]), view, "the API, and the view");
    let now: BTreeMap<&str, Option<&str>> =
        view.iter().filter(|(name, _)| **name != "hand-revoked").map(|(name, mark)| (*name, *mark)).collect();
    let class = shipped.json("/api/workspaces").await;
    assert_eq!(marks(&class["workspaces"]), now, "without who was revoked");
    assert_eq!(marks(&snapshot(shipped).await["workspaces"]), now, "who watches");
    for card in class["workspaces"].as_array().unwrap() {
        let name = card["workspace"].as_str().unwrap();
        let one = shipped.json(&format!("/api/workspaces/{name}")).await;
        assert_eq!((&one["mark"], &one["need"]), (&card["mark"], &card["need"]), "{name}");
    }

    let needs: BTreeMap<&str, Option<&str>> = now
        .iter()
        .filter(|(_, mark)| matches!(mark, Some("fails" | "idle" | "slow")))
        .map(|(name, mark)| (*name, *mark))
        .collect();
    let stuck = ask(database, "select workspace, mark from stuck_now").await;
    assert_eq!(by(&stuck, "workspace", "mark"), needs, "stuck_now");
    let listed = grafana_queries("Who needs help now");
    let listed = ask(database, &listed[0]).await;
    let names: BTreeMap<&str, &str> = class["workspaces"]
        .as_array()
        .unwrap()
        .iter()
        .map(|card| (card["workspace"].as_str().unwrap(), card["student"].as_str().unwrap()))
        .collect();
    let expected: BTreeSet<_> = needs.iter().map(|(name, mark)| (names[name], *mark)).collect();
    let found: BTreeSet<_> = listed.iter().map(|row| (text(row, "student"), row["mark"].as_str())).collect();
    assert_eq!(found, expected, "Grafana");
    for (panel, number_of) in [
        ("Need help", needs.len()),
        ("Students", now.len()),
        (
            "Done with everything",
            class["workspaces"].as_array().unwrap().iter().filter(|c| !c["finished"].is_null()).count(),
        ),
    ] {
        let rows = ask(database, &grafana_queries(panel)[0]).await;
        assert_eq!(number(&rows[0], "students"), number_of as i64, "{panel}");
    }
}

async fn funnel(shipped: &Shipped, database: &mut PgConnection, students: &[Student]) {
    let view = ask(database, "select * from step_funnel order by position").await;
    let answer = shipped.json("/api/funnel").await;
    let [workshop] = &answer["workshops"].as_array().unwrap()[..] else { panic!("{answer}") };
    assert_eq!(workshop["workshop"], WORKSHOP);
    let steps = workshop["steps"].as_array().unwrap();
    assert_eq!(steps.len(), view.len());
    let grafana = ask(database, &grafana_queries("Where the class is")[0]).await;
    let exported = shipped.json("/api/export/steps.json").await;
    for (place, row) in view.iter().enumerate() {
        let (step, name) = (&steps[place], text(row, "step"));
        assert_eq!(step["id"], name);
        for (api, column) in [
            ("students", "students"),
            ("started", "started"),
            ("completed", "completed"),
            ("given", "given"),
            ("hereNow", "here_now"),
            ("medianMs", "median_ms"),
            ("p90Ms", "p90_ms"),
            ("firstTryRate", "first_try_rate"),
            ("helps", "helps"),
        ] {
            assert_eq!(step[api], row[column], "{name}: {api}");
            assert_eq!(exported[place][api], row[column], "{name}: {api} in the export");
        }
        let open = number(row, "started") - number(row, "completed");
        let drawn = &grafana[place];
        assert_eq!(
            (number(drawn, "completed"), number(drawn, "open")),
            (number(row, "completed"), open),
            "{name}"
        );
        assert_eq!(drawn["here_now"], row["here_now"], "{name}");
        // The hand-written ones who are not revoked: eleven came to the first step, three completed it.
        let of = |count: &dyn Fn(&Student) -> bool| {
            students.iter().filter(|student| count(student)).count() as i64
        };
        let (started, completed) = (of(&|s| s.came && s.started(name)), of(&|s| s.passed(name)));
        let (more_started, more_completed) = match place {
            0 => (12, 3),
            1 => (2, 1),
            _ => (1, 1),
        };
        assert_eq!(
            (number(row, "started"), number(row, "completed")),
            (started + more_started, completed + more_completed),
            "{name}"
        );
    }
}

async fn failures(shipped: &Shipped, database: &mut PgConnection, students: &[Student]) {
    let view =
        ask(database, "select * from common_failures order by students desc, times desc, step, title").await;
    let told = |row: &Value| {
        let part = |name: &str| row[name].as_str().unwrap().to_owned();
        let count = |name: &str| row[name].as_i64().unwrap();
        (part("step"), part("title"), part("found"), part("expected"), count("students"), count("times"))
    };
    let rows: Vec<Value> = view.iter().map(|row| json!(row)).collect();
    let stored: BTreeSet<_> = rows.iter().map(told).collect();
    let answer = shipped.json("/api/funnel").await;
    let failures = answer["workshops"][0]["failures"].as_array().unwrap();
    assert!(failures.len() > 3 && failures.len() <= 50, "{}", failures.len());
    assert_eq!(failures.iter().map(told).collect::<BTreeSet<_>>(), stored);
    let grafana: Vec<Value> =
        ask(database, &grafana_queries("Tests that fail")[0]).await.iter().map(|row| json!(row)).collect();
    assert!(rows.len() <= 20, "Grafana shows no more: {}", rows.len());
    assert_eq!(grafana.iter().map(told).collect::<BTreeSet<_>>(), stored);
    let known = known::failures(students);
    let ours = view.iter().find(|row| text(row, "title") == "a file").unwrap();
    // Of three students who failed it, none by the interval, none who was revoked.
    assert_eq!((number(ours, "students"), number(ours, "times")), (3, 8));
    for row in view.iter().filter(|row| text(row, "title") != "a file") {
        let (of, times) = &known[&(text(row, "step").to_owned(), text(row, "title").to_owned())];
        assert_eq!((number(row, "students"), number(row, "times")), (of.len() as i64, *times), "{row:?}");
    }
}
