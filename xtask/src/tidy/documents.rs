//! What the documents and lock files say: every named file exists, every package comes from its public registry.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// What may stand in a lock file as the origin of a package.
const REGISTRIES: &[&str] =
    &["registry+https://github.com/rust-lang/crates.io-index", "https://registry.npmjs.org/"];

pub(super) fn check(root: &Path, files: &[PathBuf]) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let read = |path: &Path| fs::read_to_string(root.join(path)).with_context(|| path.display().to_string());
    for path in files.iter().filter(|path| document(path)) {
        for (line, name) in named_files(&read(path)?) {
            let folder = path.parent().unwrap_or(Path::new(""));
            if !root.join(folder).join(&name).exists() && !root.join(&name).exists() {
                findings.push(format!("{}:{line}: {name} does not exist", path.display()));
            }
        }
    }
    for path in
        files.iter().filter(|path| path.ends_with("Cargo.lock") || path.ends_with("package-lock.json"))
    {
        findings.extend(foreign(&read(path)?).map(|line| format!("{}: {line}", path.display())));
    }
    Ok(findings)
}

/// The documents about the repository; a workshop's own texts speak of the student's files.
fn document(path: &Path) -> bool {
    let top = path.components().count() == 1;
    path.extension().is_some_and(|extension| extension == "md") && (top || path.starts_with("docs"))
}

/// Links to files, and names in backticks that begin with a folder of the repository, with their lines.
fn named_files(text: &str) -> Vec<(usize, String)> {
    let folders = ["crates/", "xtask/", "web/", "docs/", "schemas/", "examples/", "deploy/", "fuzz/", ".ci/"];
    let mut names = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let links = line.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(link, _)| link));
        let links = links.filter(|link| !link.contains("://") && !link.starts_with('#'));
        let links = links.map(|link| link.split('#').next().unwrap_or(link));
        let quoted = line.split('`').skip(1).step_by(2);
        let quoted = quoted.filter(|name| folders.iter().any(|folder| name.starts_with(folder)));
        let plain = quoted.filter(|name| !name.contains([' ', '*', '<', '{', '…', ':']));
        names.extend(links.chain(plain).map(|name| (index + 1, name.to_owned())));
    }
    names
}

/// Lines of a lock file that name another origin than a public registry.
fn foreign(lock: &str) -> impl Iterator<Item = &str> {
    lock.lines()
        .map(str::trim)
        .filter(|line| line.starts_with("source = ") || line.starts_with("\"resolved\":"))
        .filter(|line| !REGISTRIES.iter().any(|registry| line.contains(registry)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_files_that_a_document_names() {
        let check = |text: &str, expected: &[&str]| {
            let names: Vec<String> = named_files(text).into_iter().map(|(_, name)| name).collect();
            assert_eq!(names, expected, "{text}");
        };
        check(
            "see [the map](ARCHITECTURE.md#map) and `crates/events`",
            &["ARCHITECTURE.md", "crates/events"],
        );
        check("![student](docs/images/student.png)", &["docs/images/student.png"]);
        check("[web](https://example.org) `cargo test` `docs/*.md` [here](#below)", &[]);
    }

    #[test]
    fn a_mirror_in_a_lock_file_is_foreign() {
        let crates = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
        let mirror = "source = \"registry+https://mirror.example/index\"";
        let npm = "  \"resolved\": \"https://registry.npmjs.org/vite/-/vite-7.0.0.tgz\",";
        let lock = format!("{crates}\n{mirror}\n{npm}\n");
        assert_eq!(foreign(&lock).collect::<Vec<_>>(), [mirror]);
    }
}
