//! A backend that is killed: a test program runs itself again as a child that appends and tells what was acknowledged.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    path::Path,
    process::Stdio,
    time::Duration,
};

use workshop_events::Stream;
use workshop_testing::{Process, this_test};

use super::{command, event, open, start, wait};

const DIR: &str = "JOURNAL_TEST_DIR";
const RUN: &str = "JOURNAL_TEST_RUN";
const COUNT: &str = "JOURNAL_TEST_COUNT";

/// In the child: appends from several tasks at once and writes each acknowledgement to standard output. Returns at
/// once in the parent, whose test of this name does nothing.
pub fn run() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let run: u64 = std::env::var(RUN).unwrap().parse().unwrap();
    let count: usize = std::env::var(COUNT).unwrap().parse().unwrap();
    let (journal, _) = start(open(Path::new(&dir)));
    wait(async {
        let producers = (0..4).map(|producer| {
            let journal = journal.clone();
            async move {
                for n in 0..count {
                    let name = format!("{run}-{producer}-{n}");
                    let command = command(&name);
                    let lazily = journal.append_lazily(Stream::Commands, command);
                    if let Ok(appended) = journal.append(Stream::State, event(&name)).await {
                        tell(&format!("ack {name} {}\n", appended.seq));
                    }
                    if n % 8 == 7
                        && let Ok(appended) = lazily.await
                    {
                        tell(&format!("command {name} {}\n", appended.seq));
                    }
                }
            }
        });
        futures_util::future::join_all(producers).await;
    });
    journal.close();
    tell("done\n");
}

/// One write call, so that a killed child leaves whole lines.
fn tell(line: &str) {
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
    std::io::stdout().lock().flush().unwrap();
}

/// What a child told before its end: each acknowledged record's name and `seq`.
#[derive(Debug, Default)]
pub struct Told {
    pub acknowledged: BTreeMap<String, u64>,
    pub commands: BTreeMap<String, u64>,
    pub done: bool,
}

/// Starts the ignored test `name` of this program as a child.
pub fn spawn(name: &str, dir: &Path, run: u64, count: usize, environment: &[(&str, String)]) -> Process {
    let mut child = this_test(name);
    child.env(DIR, dir).env(RUN, run.to_string()).env(COUNT, count.to_string());
    child.envs(environment.iter().map(|(name, value)| (name, value)));
    Process::start(child.stdout(Stdio::piped()).stderr(Stdio::null()))
}

/// Kills the child after a time, or lets it end, and gives what it told.
pub fn outcome(mut child: Process, kill_after: Option<Duration>) -> Told {
    let mut stdout = child.child().stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).unwrap();
        text
    });
    match kill_after {
        Some(after) => {
            std::thread::sleep(after);
            child.kill();
        }
        None => _ = child.child().wait().unwrap(),
    }
    let text = reader.join().unwrap();
    let mut told = Told::default();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["ack", name, seq] => _ = told.acknowledged.insert(name.into(), seq.parse().unwrap()),
            ["command", name, seq] => _ = told.commands.insert(name.into(), seq.parse().unwrap()),
            ["done"] => told.done = true,
            _ => {}
        }
    }
    told
}
