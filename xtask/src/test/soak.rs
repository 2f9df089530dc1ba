//! Runs the tests with every repetition and lists what was repeated.

use std::collections::BTreeSet;
use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};

/// The environment variable that asks; the tests read it through `workshop_testing::rounds`.
pub(super) const SOAK: &str = "WORKSHOP_TEST_SOAK";

/// The environment variable that names the file in which `rounds` notes what is repeated.
pub(super) const ROUNDS_FILE: &str = "WORKSHOP_TEST_ROUNDS_FILE";

/// How often each test in the browser is repeated.
const BROWSER: u32 = 20;

/// How often to repeat each test in the browser, if at all. Noted as the other tests note it.
pub(super) fn times_in_browser() -> Result<Option<u32>> {
    if env::var_os(SOAK).is_none_or(|value| value.is_empty()) {
        return Ok(None);
    }
    if let Some(path) = env::var_os(ROUNDS_FILE) {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        writeln!(file, "{BROWSER}\tweb/e2e\teach test")?;
    }
    Ok(Some(BROWSER))
}

/// What was repeated, a line each. Repeated calls from one place are listed once.
pub(super) fn summary(rounds_file: &Path) -> Result<String> {
    let notes = if rounds_file.exists() {
        fs::read_to_string(rounds_file).with_context(|| rounds_file.display().to_string())?
    } else {
        String::new()
    };
    Ok(table(&notes))
}

fn table(notes: &str) -> String {
    let rows: BTreeSet<(&str, &str, &str)> = notes
        .lines()
        .filter_map(|line| {
            let mut fields = line.splitn(3, '\t');
            let (count, place, test) = (fields.next()?, fields.next()?, fields.next()?);
            Some((place, test, count))
        })
        .collect();
    let mut text = String::from("times   repeated\n");
    for (place, test, count) in rows {
        text += &format!("{count:<8}{place}: {test}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn lists_each_repetition_once() {
        let notes = "500\tcrates/a/tests/kill.rs:9\tkilled\n20\tweb/e2e\teach test\n\
                     500\tcrates/a/tests/kill.rs:9\tkilled\n40\tcrates/a/tests/kill.rs:12\tkilled\ncut";
        expect![[r"
            times   repeated
            40      crates/a/tests/kill.rs:12: killed
            500     crates/a/tests/kill.rs:9: killed
            20      web/e2e: each test
        "]]
        .assert_eq(&table(notes));
    }
}
