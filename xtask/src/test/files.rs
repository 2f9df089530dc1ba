//! The files of tests: built at once, then run as the programs that they are, the longest first.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use cargo_metadata::{Message, MetadataCommand};
use serde::{Deserialize, Serialize};

use crate::checkout::Checkout;
use crate::count::Count;

/// A program of tests.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct TestFile {
    pub(super) package: String,
    /// As `--test` takes it.
    pub(super) name: String,
    /// The first file of its source, in the repository.
    source: PathBuf,
    /// The package's folder, where it runs.
    folder: PathBuf,
    program: PathBuf,
}

/// Where a run keeps its lists and logs.
pub(super) fn folder(checkout: &Checkout) -> Result<PathBuf> {
    let folder = checkout.target.join("test-run");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Ok(folder)
}

/// Builds every test and program of the workspace, and notes the tests for [`built`].
pub(super) fn build(checkout: &Checkout) -> Result<()> {
    let mut cargo = checkout.cargo();
    cargo.args(["test", "--workspace", "--no-run", "--message-format", "json-render-diagnostics"]);
    let output = cargo.stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    ensure!(output.status.success(), "the tests do not build");
    let packages = MetadataCommand::new().current_dir(&checkout.root).no_deps().exec()?.packages;
    let mut files = Vec::new();
    for message in Message::parse_stream(output.stdout.as_slice()) {
        let Message::CompilerArtifact(artifact) = message? else { continue };
        let (true, Some(program)) = (artifact.profile.test, artifact.executable) else { continue };
        let package = packages.iter().find(|package| package.id == artifact.package_id);
        let package = package.context("a test of no package")?;
        let folder = package.manifest_path.parent().context("a manifest has a folder")?;
        files.push(TestFile {
            package: package.name.to_string(),
            name: artifact.target.name,
            source: checkout.relative(artifact.target.src_path.as_std_path()).to_owned(),
            folder: folder.into(),
            program: program.into(),
        });
    }
    write(&folder(checkout)?.join("files.json"), &files)
}

/// What [`build`] has built: all, or the files with these names.
pub(super) fn built(checkout: &Checkout, names: &[String]) -> Result<Vec<TestFile>> {
    let path = folder(checkout)?.join("files.json");
    let text = fs::read(&path).with_context(|| path.display().to_string())?;
    let all: Vec<TestFile> = serde_json::from_slice(&text)?;
    Ok(all.into_iter().filter(|file| names.is_empty() || names.contains(&file.name)).collect())
}

/// How to run files of tests.
pub(super) struct Running<'a> {
    /// What this is called in the list of how long each took.
    pub(super) stage: &'a str,
    pub(super) arguments: &'a [&'a str],
    pub(super) environment: &'a [(&'static str, String)],
    /// So many at a time.
    pub(super) workers: usize,
    /// Runs one; true if it succeeded.
    pub(super) start: &'a (dyn Fn(&mut Command) -> Result<bool> + Sync),
}

/// Runs the files, first those that took longest the last time. What each prints is shown in one piece when it ends.
pub(super) fn run(checkout: &Checkout, mut files: Vec<TestFile>, running: &Running<'_>) -> Result<Count> {
    let logs = folder(checkout)?.join(running.stage);
    fs::create_dir_all(&logs)?;
    let notes = folder(checkout)?.join(format!("{}-seconds.json", running.stage));
    let before: BTreeMap<PathBuf, f64> =
        fs::read(&notes).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
    let seconds = |file: &TestFile| before.get(&file.source).copied().unwrap_or(f64::MAX);
    files.sort_by(|one, other| seconds(other).total_cmp(&seconds(one)));

    let queue = Mutex::new(VecDeque::from(files));
    let ended = Mutex::new((Count::default(), before.clone()));
    let work = || {
        loop {
            let Some(file) = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front() else {
                return Ok(());
            };
            let began = Instant::now();
            let log = logs.join(format!("{}-{}.log", file.package, file.name));
            let (text, count) = one(checkout, &file, running, &log)?;
            let seconds = began.elapsed().as_secs_f64();
            let mut ended = ended.lock().unwrap_or_else(PoisonError::into_inner);
            println!("\n── {} ({seconds:.1} s)\n{}", file.source.display(), text.trim());
            ended.0 = ended.0 + count;
            ended.1.insert(file.source, seconds);
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..running.workers).map(|_| scope.spawn(work)).collect();
        let mut joined = workers.into_iter().map(thread::ScopedJoinHandle::join);
        joined.try_for_each(|worker| worker.unwrap_or_else(|_| bail!("a worker broke off")))
    })?;
    let (count, seconds) = ended.into_inner().unwrap_or_else(PoisonError::into_inner);
    write(&notes, &seconds)?;
    Ok(count)
}

/// Runs one file: what it printed, and what became of its tests.
fn one(checkout: &Checkout, file: &TestFile, running: &Running<'_>, log: &Path) -> Result<(String, Count)> {
    let output = File::create(log).with_context(|| log.display().to_string())?;
    let mut command = checkout.command(&file.program.to_string_lossy());
    command.current_dir(&file.folder).env("CARGO_MANIFEST_DIR", &file.folder).args(running.arguments);
    command.envs(running.environment.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    let succeeded = (running.start)(&mut command)?;
    let text = String::from_utf8_lossy(&fs::read(log)?).into_owned();
    let count = text.lines().filter_map(result).fold(Count::default(), |sum, count| sum + count);
    Ok((text, Count::of(count.passed, count.failed, succeeded)))
}

/// Reads `test result: ok. 3 passed; 0 failed; …`.
pub(super) fn result(line: &str) -> Option<Count> {
    let (_, numbers) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let number =
        |word: &str| numbers.split("; ").find_map(|part| part.strip_suffix(word)?.trim().parse::<u32>().ok());
    Some(Count { passed: number("passed")?, failed: number("failed")? })
}

fn write(path: &Path, value: &impl Serialize) -> Result<()> {
    fs::write(path, serde_json::to_vec_pretty(value)?).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_result_lines_of_tests() {
        let check = |line: &str, expected: Option<(u32, u32)>| {
            let expected = expected.map(|(passed, failed)| Count { passed, failed });
            assert_eq!(result(line), expected, "{line}");
        };
        check("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out", Some((12, 0)));
        check("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured", Some((3, 2)));
        check("test fold::splits ... ok", None);
        check("", None);
    }
}
