//! Runs stages side by side, each in a process of its own whose output is shown at once when it ends.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::signals::BlockingSignals;

const PAUSE: Duration = Duration::from_millis(50);

/// A stage waiting for its turn.
pub(super) struct Stage {
    pub(super) name: &'static str,
    /// What it uses that only one stage at a time may use.
    pub(super) holds: &'static [&'static str],
    pub(super) command: Command,
}

/// A stage that has ended.
pub(super) struct Ended {
    pub(super) name: &'static str,
    pub(super) time: Duration,
}

struct Running {
    name: &'static str,
    holds: &'static [&'static str],
    child: Child,
    log: Option<PathBuf>,
    began: Instant,
}

/// Runs the stages, at most `lanes` at a time, beginning with the first ones. The output of one stage alone is shown as it
/// arrives; that of several goes to files in `logs` first. `None` if a signal ended them.
///
/// Call it from the main thread: should this process be killed, the kernel ends the stages, and takes the end of the thread
/// that started a process for its parent's.
pub(super) fn run(stages: Vec<Stage>, lanes: usize, logs: &Path) -> Result<Option<Vec<Ended>>> {
    let interrupted = interrupted()?;
    let alone = stages.len() == 1;
    let (mut waiting, mut running, mut ended) = (stages, Vec::<Running>::new(), Vec::new());
    while !waiting.is_empty() || !running.is_empty() {
        let held = running.iter().map(|stage| stage.holds);
        if let Some(next) = next(waiting.iter().map(|stage| stage.holds), held, lanes) {
            let stage = waiting.remove(next);
            println!("── {}{}", stage.name, if alone { "" } else { " begins" });
            running.push(begin(stage, (!alone).then_some(logs))?);
            continue;
        }
        sleep(PAUSE);
        if interrupted.load(Ordering::Relaxed) {
            end(running)?;
            return Ok(None);
        }
        for index in (0..running.len()).rev() {
            if running[index].child.try_wait()?.is_some() {
                ended.push(show(running.remove(index))?);
            }
        }
    }
    Ok(Some(ended))
}

/// The first waiting stage that may begin beside the running ones.
fn next<'a>(
    mut waiting: impl Iterator<Item = &'a [&'a str]>,
    running: impl Iterator<Item = &'a [&'a str]>,
    lanes: usize,
) -> Option<usize> {
    let running: Vec<_> = running.collect();
    let held: Vec<_> = running.concat();
    waiting.position(|holds| running.len() < lanes && holds.iter().all(|hold| !held.contains(hold)))
}

/// Starts a stage in a process group of its own: Ctrl-C reaches the chore alone, which then ends the stages.
fn begin(mut stage: Stage, logs: Option<&Path>) -> Result<Running> {
    let log = logs.map(|logs| logs.join(format!("{}.log", stage.name)));
    if let Some(path) = &log {
        let file = File::create(path).with_context(|| path.display().to_string())?;
        stage.command.stdout(file.try_clone()?).stderr(file);
    }
    let child = stage.command.stdin(Stdio::null()).process_group(0).spawn();
    let child = child.with_context(|| format!("cannot start the stage {}", stage.name))?;
    Ok(Running { name: stage.name, holds: stage.holds, child, log, began: Instant::now() })
}

fn show(stage: Running) -> Result<Ended> {
    let time = stage.began.elapsed();
    if let Some(log) = stage.log {
        println!("\n── {}: {:.1} s", stage.name, time.as_secs_f64());
        io::copy(&mut File::open(log)?, &mut io::stdout())?;
        println!();
    }
    Ok(Ended { name: stage.name, time })
}

fn end(running: Vec<Running>) -> io::Result<()> {
    for stage in &running {
        Command::new("kill").args(["-TERM", "--", &format!("-{}", stage.child.id())]).status()?;
    }
    for mut stage in running {
        stage.child.wait()?;
    }
    Ok(())
}

/// True once a signal asks this chore to end.
fn interrupted() -> Result<Arc<AtomicBool>> {
    let signals = BlockingSignals::begin()?;
    let interrupted = Arc::new(AtomicBool::new(false));
    let seen = interrupted.clone();
    thread::spawn(move || {
        signals.wait();
        seen.store(true, Ordering::Relaxed);
    });
    Ok(interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_stage_is_the_first_whose_things_are_free() {
        let check = |waiting: &[&[&str]], running: &[&[&str]], expected: Option<usize>| {
            let found = next(waiting.iter().copied(), running.iter().copied(), 2);
            assert_eq!(found, expected, "{waiting:?} beside {running:?}");
        };
        check(&[&["cargo"], &[]], &[], Some(0));
        check(&[&["cargo"], &[]], &[&["cargo"]], Some(1));
        check(&[&["cargo"], &["a", "cargo"]], &[&["cargo"]], None);
        check(&[&[]], &[&[], &[]], None);
        check(&[], &[&[]], None);
    }

    #[test]
    fn the_output_of_each_stage_is_in_one_piece() {
        let logs = tempfile::tempdir().unwrap();
        let stage = |name, script: &str, holds| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            Stage { name, holds, command }
        };
        // Each of the first two waits for what the other does; the third for the end of the first.
        let folder = logs.path().display();
        let one = format!("cd {folder}; echo 1; touch a; until test -e b; do sleep 0.01; done; echo 1; rm a");
        let two = format!("cd {folder}; until test -e a; do sleep 0.01; done; echo 2; touch b; echo 2");
        let three = format!("cd {folder}; test -e a && echo too early; echo 3");
        let stages =
            vec![stage("one", &one, &["x"][..]), stage("two", &two, &[]), stage("three", &three, &["x"])];
        let ended = run(stages, 3, logs.path()).unwrap().unwrap();
        assert_eq!(ended.len(), 3);
        for (name, text) in [("one", "1\n1\n"), ("two", "2\n2\n"), ("three", "3\n")] {
            assert_eq!(std::fs::read_to_string(logs.path().join(format!("{name}.log"))).unwrap(), text);
        }
    }
}
