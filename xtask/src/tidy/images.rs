//! The base images' recipes: one recipe, but for the distribution's first lines.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Images of programs, not of workspaces.
const PROGRAMS: &[&str] = &["dashboard", "shipper"];

/// From this line on, the recipes are the same.
const MARK: &str = "# The same in every base image from here on.";

pub(super) fn check(root: &Path, files: &[PathBuf]) -> Result<Vec<String>> {
    let mut recipes = Vec::new();
    for path in files.iter().filter(|path| path.starts_with("deploy/images")) {
        let program = path.file_stem().is_some_and(|stem| PROGRAMS.iter().any(|program| stem == *program));
        if !program && path.extension().is_some_and(|extension| extension == "Containerfile") {
            let text = fs::read_to_string(root.join(path)).with_context(|| path.display().to_string())?;
            recipes.push((path.display().to_string(), text));
        }
    }
    Ok(findings_in(&recipes))
}

fn findings_in(recipes: &[(String, String)]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut first: Option<(&str, &str)> = None;
    for (name, text) in recipes {
        match (text.split_once(MARK), first) {
            (None, _) => findings.push(format!("{name}: lacks the line `{MARK}`")),
            (Some((_, rest)), None) => first = Some((name, rest)),
            (Some((_, rest)), Some((other, same))) if rest != same => {
                findings.push(format!("{name}: differs from {other} below `{MARK}`"));
            }
            _ => {}
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipes_differ_only_above_the_mark() {
        let check = |texts: &[&str], expected: &[&str]| {
            let recipes: Vec<(String, String)> = texts
                .iter()
                .zip("abc".chars())
                .map(|(text, name)| (name.to_string(), text.to_string()))
                .collect();
            assert_eq!(findings_in(&recipes), expected);
        };
        let recipe = |head: &str, rest: &str| format!("FROM {head}\n{MARK}\n{rest}");
        let (a, b, other) = (recipe("a", "RUN x"), recipe("b", "RUN x"), recipe("c", "RUN y"));
        check(&[&a, &b], &[]);
        check(&[&a, &b, &other], &[&format!("c: differs from a below `{MARK}`")]);
        check(&["FROM a", &b], &[&format!("a: lacks the line `{MARK}`")]);
    }
}
