//! From goss's outcomes to a report: which tests there are, in the author's order, and which of them passed.

use workshop_events::FailedTest;
use workshop_wire::history::TestReport;

use super::error::CheckError;
use super::outcome::Outcome;
use super::words;

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Whether every test passed.
    pub passed: bool,
    /// How many tests there are; at least one.
    pub total: u32,
    /// How many of them passed.
    pub passed_count: u32,
    /// The tests, in the order of the spec: a resource that the author gave a title, or one property of one without.
    pub tests: Vec<TestReport>,
}

/// Makes a report of the outcomes of a spec.
pub(super) fn report(spec: &str, mut outcomes: Vec<Outcome>) -> Result<Report, CheckError> {
    if let Some((outcome, fault)) =
        outcomes.iter().find_map(|outcome| Some((outcome, outcome.fault_of_spec()?)))
    {
        return Err(CheckError::Spec(format!("{}: {}", words::title(outcome), words::first_line(fault))));
    }
    // The sort is stable: the properties of a resource stay in goss's order.
    outcomes.sort_by_cached_key(|outcome| {
        (place_in(spec, outcome), outcome.resource_type.clone(), outcome.resource_id.clone())
    });
    let tests: Vec<TestReport> = outcomes
        .chunk_by(|a, b| a.resource_type == b.resource_type && a.resource_id == b.resource_id)
        .flat_map(tests_of)
        .collect();
    if tests.is_empty() {
        return Err(CheckError::Spec("it has no test that is not skipped".into()));
    }
    let count = |tests: usize| u32::try_from(tests).unwrap_or(u32::MAX);
    let (total, passed_count) = (count(tests.len()), count(tests.iter().filter(|test| test.passed).count()));
    Ok(Report { passed: total == passed_count, total, passed_count, tests })
}

/// The tests of one resource. What was skipped counts as not passed when something of the same resource failed, as it
/// is then still to come; else the author meant it to be left out.
fn tests_of(resource: &[Outcome]) -> Vec<TestReport> {
    let failed = resource.iter().any(|outcome| !outcome.successful);
    let looked_at: Vec<&Outcome> = resource.iter().filter(|outcome| failed || !outcome.skipped).collect();
    match looked_at.first() {
        Some(first) if !first.title.is_empty() => vec![titled(&first.title, &looked_at)],
        _ => looked_at.into_iter().map(untitled).collect(),
    }
}

/// A resource with a title is one test: the author's sentence says all that is asked for.
fn titled(title: &str, outcomes: &[&Outcome]) -> TestReport {
    let failed: Vec<&&Outcome> = outcomes.iter().filter(|outcome| !outcome.successful).collect();
    let join = |say: fn(&Outcome) -> String| {
        let sentences: Vec<String> = failed.iter().map(|outcome| say(outcome)).collect();
        words::shortened(&sentences.join("; "))
    };
    let (found, expected) = (join(words::found), join(words::expected));
    TestReport { passed: failed.is_empty(), test: FailedTest { title: title.to_owned(), found, expected } }
}

fn untitled(outcome: &Outcome) -> TestReport {
    let title = words::title(outcome);
    let (passed, found, expected) = if outcome.skipped {
        (false, "not looked at yet".to_owned(), String::new())
    } else if outcome.successful {
        (true, String::new(), String::new())
    } else {
        (false, words::shortened(&words::found(outcome)), words::shortened(&words::expected(outcome)))
    };
    TestReport { passed, test: FailedTest { title, found, expected } }
}

/// Where in the spec the resource is; goss does not keep the order.
fn place_in(spec: &str, outcome: &Outcome) -> usize {
    let id = outcome.resource_id.as_str();
    // A resource with another name is told as `key: name`, and either may have a colon in it.
    let keys: Vec<&str> = [id].into_iter().chain(id.match_indices(": ").map(|(end, _)| &id[..end])).collect();
    let begins = |line: &str| {
        let line = line.trim_start().trim_start_matches(['"', '\'']);
        keys.iter().any(|key| line.strip_prefix(key).is_some_and(|rest| rest.starts_with([':', '"', '\''])))
    };
    let mut offset = 0;
    for line in spec.split_inclusive('\n') {
        if begins(line) {
            return offset;
        }
        offset += line.len();
    }
    // Written inside braces.
    let inside = |key: &&str| {
        let mut places = spec.match_indices(*key);
        places
            .find(|(place, _)| spec[place + key.len()..].starts_with([':', '"', '\'']))
            .map(|(place, _)| place)
    };
    keys.iter().find_map(inside).unwrap_or(usize::MAX)
}
