//! What every source file keeps to: a first line that says what it is, a size, a name, no marks left behind.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Lines without tests. A longer file is a design to look at again.
const LONGEST: usize = 400;

/// Names that say nothing about the domain.
const EMPTY_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "manager", "common", "misc"];

/// Marks of work left for later. Written apart, so that this file does not find itself.
const MARKS: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:")];

pub(super) fn check(root: &Path, files: &[PathBuf]) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for path in files {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if !matches!(extension, "rs" | "ts" | "svelte" | "css" | "sh") || generated(path) {
            continue;
        }
        let text = fs::read_to_string(root.join(path)).with_context(|| path.display().to_string())?;
        findings.extend(findings_in(path, extension, &text));
    }
    findings.extend(manifests(root, files)?);
    Ok(findings)
}

fn findings_in(path: &Path, extension: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let mut find =
        |line: usize, finding: &str| findings.push(format!("{}:{line}: {finding}", path.display()));
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    if extension == "rs" && !text.starts_with("//! ") {
        find(1, "does not begin with a `//!` line that says what lives there");
    }
    if EMPTY_NAMES.contains(&stem) && !test(path) {
        find(1, &format!("`{stem}` names nothing of the domain"));
    }
    let lines = shipped_lines(text);
    if lines > LONGEST && !test(path) {
        find(1, &format!("{lines} lines without tests; {LONGEST} is the most"));
    }
    for (index, line) in text.lines().enumerate() {
        if let Some(mark) = MARKS.iter().find(|mark| line.contains(*mark)) {
            find(index + 1, &format!("`{mark}` left behind"));
        }
        if extension == "rs" && line.trim_start().starts_with("#[path") {
            find(
                index + 1,
                "`#[path]`: a module stands where its name says; what tests share is in the crate `testing`",
            );
        }
    }
    findings
}

/// The lines before the module of tests at the end.
fn shipped_lines(text: &str) -> usize {
    let mut previous = "";
    for (index, line) in text.lines().enumerate() {
        if previous == "#[cfg(test)]" && line.starts_with("mod tests {") {
            return index - 1;
        }
        previous = line;
    }
    text.lines().count()
}

/// Files of tests and benchmarks may be long lists of cases.
pub(super) fn test(path: &Path) -> bool {
    let folders = ["tests", "benches", "e2e", "fixtures"];
    path.components().any(|part| folders.iter().any(|folder| part.as_os_str() == *folder))
        || path.file_stem().is_some_and(|stem| stem == "tests" || stem.to_string_lossy().ends_with(".test"))
}

/// Files that `cargo xtask codegen` writes.
fn generated(path: &Path) -> bool {
    ["schema", "dashboard", "log"].iter().any(|name| path == Path::new(&format!("web/src/api/{name}.d.ts")))
}

/// Every manifest takes the lints and the versions of the workspace.
fn manifests(root: &Path, files: &[PathBuf]) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for path in files.iter().filter(|path| path.ends_with("Cargo.toml") && path.components().count() > 1) {
        let text = fs::read_to_string(root.join(path))?;
        let name = path.display();
        if !text.contains("[lints]\nworkspace = true") {
            findings.push(format!("{name}: takes no `[lints] workspace = true`"));
        }
        let mut section = "";
        for line in text.lines() {
            if line.starts_with('[') {
                section = line;
            } else if section.ends_with("dependencies]")
                && line.contains('=')
                && !line.contains("workspace = true")
            {
                findings.push(format!("{name}: `{line}` has a version of its own"));
            }
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(path: &str, text: &str, expected: Expect) {
        let path = Path::new(path);
        let extension = path.extension().unwrap().to_str().unwrap();
        expected.assert_eq(&findings_in(path, extension, text).join("\n"));
    }

    #[test]
    fn a_file_says_what_it_is() {
        check("crates/a/src/lib.rs", "//! What it is.\n", expect![""]);
        check(
            "crates/a/src/lib.rs",
            "use std::fs;\n",
            expect!["crates/a/src/lib.rs:1: does not begin with a `//!` line that says what lives there"],
        );
    }

    #[test]
    fn a_file_has_a_name_of_the_domain() {
        check(
            "crates/a/src/utils.rs",
            "//! Things.\n",
            expect!["crates/a/src/utils.rs:1: `utils` names nothing of the domain"],
        );
        check("crates/a/tests/common.rs", "//! A server for tests.\n", expect![""]);
    }

    #[test]
    fn a_file_is_short_without_its_tests() {
        let long = "//! Long.\n".repeat(401);
        check("web/src/a.ts", &long, expect!["web/src/a.ts:1: 401 lines without tests; 400 is the most"]);
        check("crates/a/tests/a.rs", &long, expect![""]);
        let tests = format!("//! Short.\n#[cfg(test)]\nmod tests {{\n{}}}\n", "\n".repeat(401));
        check("crates/a/src/a.rs", &tests, expect![""]);
    }

    #[test]
    fn no_mark_is_left_behind() {
        let text = format!("//! A.\n// {} later\n", MARKS[0]);
        let expected = format!("a.rs:2: `{}` left behind", MARKS[0]);
        assert_eq!(findings_in(Path::new("a.rs"), "rs", &text), [expected]);
    }

    #[test]
    fn a_module_stands_where_its_name_says() {
        check(
            "crates/a/tests/a.rs",
            "//! A.\n#[path = \"../b/server.rs\"]\nmod server;\n",
            expect![
                "crates/a/tests/a.rs:2: `#[path]`: a module stands where its name says; what tests share is in the crate `testing`"
            ],
        );
    }
}
