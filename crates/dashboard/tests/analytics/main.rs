//! Every query of docs/analytics.md, and of the Grafana dashboard, on a simulated class: run as an analyst, and compared
//! with what the class's own files say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod agree;
mod class;
mod known;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use workshop_simulator::StudentKind;

use class::Shipped;
use known::Student;

type Rows = Vec<BTreeMap<String, Value>>;

/// The questions of the page, in order, with their queries.
fn questions() -> Vec<(String, String)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/analytics.md");
    let page = std::fs::read_to_string(page).unwrap();
    let sections = page.split("\n## ").skip(1);
    let questions = sections.map(|section| {
        let (question, text) = section.split_once('\n').unwrap();
        let (_, query) = text.split_once("```sql\n").unwrap_or_else(|| panic!("no query: {question}"));
        let (query, rest) = query.split_once("```").unwrap();
        assert!(!rest.contains("```sql"), "two queries: {question}");
        (question.to_owned(), query.trim().trim_end_matches(';').to_owned())
    });
    questions.collect()
}

/// Runs a query as an analyst does.
async fn ask(database: &mut PgConnection, query: &str) -> Rows {
    let query = format!("select coalesce(json_agg(row_to_json(answer)), '[]')::text from ({query}) answer");
    let rows: String = sqlx::query_scalar(AssertSqlSafe(query.clone()))
        .fetch_one(database)
        .await
        .unwrap_or_else(|error| panic!("{error}\n{query}"));
    serde_json::from_str(&rows).unwrap()
}

fn text<'r>(row: &'r BTreeMap<String, Value>, column: &str) -> &'r str {
    row[column].as_str().unwrap_or_else(|| panic!("{column} in {row:?}"))
}

fn number(row: &BTreeMap<String, Value>, column: &str) -> i64 {
    row[column].as_i64().unwrap_or_else(|| panic!("{column} in {row:?}"))
}

/// A column of all rows.
fn column<'r>(rows: &'r Rows, name: &str) -> Vec<&'r str> {
    rows.iter().map(|row| text(row, name)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_questions_and_the_grafana_dashboard_have_true_answers() {
    let shipped = Shipped::class(60).await;
    let students = shipped.students();
    let mut database = shipped.analyst().await;
    let questions = questions();
    assert!(questions.len() >= 10, "{} questions", questions.len());
    for (question, query) in &questions {
        let rows = ask(&mut database, query).await;
        println!("{question}\n{}", serde_json::to_string(&rows).unwrap());
        check(question, &rows, &students);
    }
    grafana(&mut database).await;
    for table in ["events", "quarantine", "cursors"] {
        let refused =
            sqlx::query(AssertSqlSafe(format!("select * from {table}"))).execute(&mut database).await;
        assert!(refused.unwrap_err().to_string().contains("permission denied"), "{table}");
    }
    let refused = sqlx::query("delete from command_log").execute(&mut database).await;
    assert!(refused.unwrap_err().to_string().contains("permission denied"));
    database.close().await.unwrap();
}

fn check(question: &str, rows: &Rows, students: &[Student]) {
    match question {
        "Who needs help now?" => needs_help(rows, students),
        "Where do students get stuck?" => stuck_where(rows, students),
        "How long does a step take?" => how_long(rows, students),
        "Which tests fail most?" => failing_tests(rows, students),
        "How many pass at the first try?" => first_try(rows, students),
        "Which help leads to a pass?" => which_help(rows, students),
        "Does help by the language model lead to a pass?" => by_the_model(rows, students),
        "What do students type before they give up?" => before_giving_up(rows, students),
        "When is the class at work?" => at_work(rows, students),
        "Who has not begun?" => not_begun(rows, students),
        "Who left, and where?" => who_left(rows, students),
        "Which commands go wrong?" => commands_gone_wrong(rows, students),
        unknown => panic!("nothing is known about: {unknown}"),
    }
}

fn needs_help(rows: &Rows, students: &[Student]) {
    let marked = |mark: &str| -> BTreeSet<&str> {
        rows.iter().filter(|row| text(row, "mark") == mark).map(|row| text(row, "student")).collect()
    };
    let failing: BTreeSet<&str> =
        students.iter().filter(|student| student.fails_three_times()).map(|student| student.name()).collect();
    assert!(failing.len() >= 4, "the stuck ones of sixty: {failing:?}");
    assert_eq!(marked("fails"), failing);
    let idle: BTreeSet<&str> = marked("idle");
    for student in students {
        match student.simulated.kind {
            StudentKind::Idle => assert!(idle.contains(student.name()), "{} does nothing", student.name()),
            StudentKind::Quick | StudentKind::Absent => {
                assert!(!column(rows, "student").contains(&student.name()), "{}", student.name());
            }
            _ => {}
        }
    }
}

fn stuck_where(rows: &Rows, students: &[Student]) {
    assert_eq!(text(&rows[0], "step"), "permissions", "the hardest step comes first");
    for row in rows {
        let step = text(row, "step");
        let count =
            |of: &dyn Fn(&Student) -> bool| students.iter().filter(|student| of(student)).count() as i64;
        let (started, completed) = (count(&|s| s.came && s.started(step)), count(&|s| s.passed(step)));
        assert_eq!((number(row, "started"), number(row, "completed")), (started, completed), "{step}");
        let here = |s: &Student| s.came && s.active() == Some(step) && !s.passed(step);
        assert_eq!(number(row, "here"), count(&here), "{step}");
        let median = share_of(&times_in(step, students), 0.5);
        let stuck = |after: i64| {
            count(&|s| here(s) && (s.seconds_in(step) > 2.0 * median || s.silent_for(after) > 600.0))
        };
        // The class stands still since it was shipped, and time does not.
        assert!((stuck(0)..=stuck(60)).contains(&number(row, "stuck")), "{step}: {row:?}, {}", stuck(0));
    }
}

/// How long those who completed a step were in it, sorted.
fn times_in(step: &str, students: &[Student]) -> Vec<f64> {
    let mut times: Vec<f64> =
        students.iter().filter(|s| s.passed(step)).map(|s| s.seconds_in(step)).collect();
    times.sort_by(f64::total_cmp);
    times
}

/// The time that so large a share of them needed at most.
fn share_of(times: &[f64], share: f64) -> f64 {
    let place = share * (times.len() - 1) as f64;
    let (low, high) = (times[place.floor() as usize], times[place.ceil() as usize]);
    low + (high - low) * place.fract()
}

fn how_long(rows: &Rows, students: &[Student]) {
    assert_eq!(rows.len(), 5, "one row a step");
    for row in rows {
        let step = text(row, "step");
        let took = times_in(step, students);
        assert_eq!(number(row, "students"), took.len() as i64, "{step}");
        for (name, share) in [("median", 0.5), ("p90", 0.9)] {
            let known = share_of(&took, share);
            let answer = seconds(text(row, name));
            assert!((answer - known).abs() <= 1.0, "{step}: {name} is {answer}, not {known}");
        }
        let median = seconds(text(row, "median"));
        assert!((60.0..1200.0).contains(&median), "{step}: {median} s");
    }
}

fn failing_tests(rows: &Rows, students: &[Student]) {
    let failures = known::failures(students);
    let first = &rows[0];
    assert_eq!(text(first, "title"), "Only you may list, change and enter notes/private");
    assert_eq!((text(first, "found"), text(first, "expected")), ("0755", "0700"));
    for row in rows {
        let (of, times) = &failures[&(text(row, "step").to_owned(), text(row, "title").to_owned())];
        assert_eq!((number(row, "students"), number(row, "times")), (of.len() as i64, *times), "{row:?}");
    }
}

fn first_try(rows: &Rows, students: &[Student]) {
    for row in rows {
        let step = text(row, "step");
        let firsts: Vec<bool> = students.iter().filter_map(|student| student.first_check(step)).collect();
        let passed = firsts.iter().filter(|passed| **passed).count();
        assert_eq!(number(row, "students"), firsts.len() as i64, "{step}");
        assert_eq!(number(row, "passed_at_first_try"), passed as i64, "{step}");
    }
    let percent = |step: usize| rows[step]["percent"].as_f64().unwrap();
    assert!(percent(0) > percent(2), "looking around is easier than permissions");
}

fn which_help(rows: &Rows, students: &[Student]) {
    let mut known: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for (help, passed) in students.iter().flat_map(Student::retries) {
        let counts = known.entry(help).or_default();
        counts.0 += 1;
        counts.1 += i64::from(passed);
    }
    let answered: BTreeMap<&str, (i64, i64)> =
        rows.iter().map(|row| (text(row, "help"), (number(row, "tries"), number(row, "passed")))).collect();
    assert_eq!(answered, known);
    let share = |help: &str| known[help].1 as f64 / known[help].0 as f64;
    assert!(share("hints") > share("none"), "the class is made so that it helps");
}

fn by_the_model(rows: &Rows, students: &[Student]) {
    let mut known: BTreeMap<&str, (i64, i64, i64)> = BTreeMap::new();
    for (mode, next) in students.iter().flat_map(Student::answers) {
        let (passed, failed, open) = known.entry(mode).or_default();
        *match next {
            Some(true) => passed,
            Some(false) => failed,
            None => open,
        } += 1;
    }
    let answered = rows.iter().map(|row| {
        let counts = (number(row, "passed"), number(row, "failed"), number(row, "not_checked"));
        assert_eq!(counts.0 + counts.1 + counts.2, number(row, "answers"));
        (text(row, "mode"), counts)
    });
    assert_eq!(answered.collect::<BTreeMap<_, _>>(), known);
    assert!(known.values().map(|(passed, ..)| passed).sum::<i64>() > 5);
}

fn before_giving_up(rows: &Rows, students: &[Student]) {
    for student in
        students.iter().filter(|s| matches!(s.simulated.kind, StudentKind::Leaves | StudentKind::Idle))
    {
        let typed: Vec<&str> = rows
            .iter()
            .filter(|row| text(row, "student") == student.name())
            .map(|row| text(row, "cmd"))
            .collect();
        assert_eq!(typed, student.last_commands(5), "{}", student.name());
    }
    let quick = students.iter().filter(|student| student.simulated.kind == StudentKind::Quick);
    assert!(quick.into_iter().all(|student| !column(rows, "student").contains(&student.name())));
}

fn at_work(rows: &Rows, students: &[Student]) {
    let sum = |name: &str| rows.iter().map(|row| number(row, name)).sum::<i64>();
    assert_eq!(sum("commands"), students.iter().map(|s| s.commands.len() as i64).sum::<i64>());
    assert_eq!(sum("checks"), students.iter().map(|s| s.checks.len() as i64).sum::<i64>());
    assert_eq!(sum("help"), students.iter().map(|s| s.helps.len() as i64).sum::<i64>());
    assert!((40..=class::MINUTES as usize + 1).contains(&rows.len()), "{} minutes", rows.len());
    let busiest = rows.iter().map(|row| number(row, "students")).max().unwrap();
    assert!((30..60).contains(&busiest), "{busiest} students in one minute");
}

fn not_begun(rows: &Rows, students: &[Student]) {
    let absent = students.iter().filter(|student| student.simulated.kind == StudentKind::Absent);
    let mut known: Vec<(&str, &str)> = absent.map(|s| (s.name(), "page never opened")).collect();
    known.push((class::LATECOMER, "workspace never started"));
    let answered: Vec<_> = rows.iter().map(|row| (text(row, "student"), text(row, "state"))).collect();
    assert_eq!(answered, known);
}

fn who_left(rows: &Rows, students: &[Student]) {
    let left = students.iter().filter(|s| s.came && s.clients == 0 && s.completed().len() < 5);
    let known: BTreeMap<&str, i64> = left.map(|s| (s.name(), s.completed().len() as i64)).collect();
    let answered: BTreeMap<&str, i64> =
        rows.iter().map(|row| (text(row, "student"), number(row, "completed"))).collect();
    assert_eq!(answered, known);
    let leaves = students.iter().filter(|student| student.simulated.kind == StudentKind::Leaves);
    assert!(leaves.into_iter().all(|student| known.contains_key(student.name())));
}

fn commands_gone_wrong(rows: &Rows, students: &[Student]) {
    let mut known: BTreeMap<(&str, &str), (BTreeSet<&str>, i64)> = BTreeMap::new();
    for student in students {
        for command in student.commands.iter().filter(|command| command.exit != 0) {
            let (of, times) = known.entry((&command.step, &command.cmd)).or_default();
            of.insert(student.name());
            *times += 1;
        }
    }
    assert!(rows.len() > 5);
    for row in rows {
        let (of, times) = &known[&(text(row, "step"), text(row, "cmd"))];
        assert_eq!((number(row, "students"), number(row, "times")), (of.len() as i64, *times), "{row:?}");
    }
    let most = known.values().map(|(of, _)| of.len() as i64).max().unwrap();
    assert_eq!(number(&rows[0], "students"), most);
}

/// `[-][H…:]MM:SS[.fff]`, as Postgres writes an interval below a day.
fn seconds(interval: &str) -> f64 {
    interval.split(':').fold(0.0, |sum, part| sum * 60.0 + part.parse::<f64>().unwrap())
}

/// The queries of a panel of the Grafana dashboard, with its macros written out as Grafana does.
fn grafana_queries(panel: &str) -> Vec<String> {
    let panels = grafana_panels();
    let found = panels.into_iter().find(|(title, _)| title == panel);
    found.unwrap_or_else(|| panic!("no panel {panel}")).1
}

/// All panels, each with its queries.
fn grafana_panels() -> Vec<(String, Vec<String>)> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/grafana/workshop.json");
    let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let written_out = |target: &Value| {
        let query = target["rawSql"]
            .as_str()
            .unwrap()
            .replace("$workshop", workshop_simulator::WORKSHOP)
            .replace("$__timeFilter(ts)", "ts between now() - interval '2 hours' and now()")
            .replace("$__timeGroupAlias(ts, '1m')", "date_trunc('minute', ts) as \"time\"");
        assert!(!query.contains("$_"), "a macro that this test does not know: {query}");
        query
    };
    let panels = dashboard["panels"].as_array().unwrap().iter().map(|panel| {
        let targets = panel["targets"].as_array().unwrap();
        (panel["title"].as_str().unwrap().to_owned(), targets.iter().map(written_out).collect())
    });
    panels.collect()
}

async fn grafana(database: &mut PgConnection) {
    let panels = grafana_panels();
    assert_eq!(panels.len(), 11);
    for (title, queries) in panels {
        for query in queries {
            let rows = ask(database, &query).await;
            println!("{title}: {} rows, {:?}", rows.len(), rows.first());
            assert!(!rows.is_empty(), "{title}");
            match title.as_str() {
                "Students" => assert_eq!(number(&rows[0], "students"), 61),
                "Missing records" => assert_eq!(number(&rows[0], "records"), 0),
                "Need help" | "At work now" | "Done with everything" => {
                    assert!((3..60).contains(&number(&rows[0], "students")), "{title}: {rows:?}");
                }
                _ => {}
            }
        }
    }
}
