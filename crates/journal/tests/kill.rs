//! kill -9 at random points of many runs: nothing acknowledged is lost, nothing is there twice.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{collections::BTreeMap, time::Duration};

use common::{append, check_held, child, open, read, read_commands, start, temp_dir};
use workshop_events::FindingKind;
use workshop_testing::{Random, rounds};

/// One volume sees so many kills before the next begins empty.
const RUNS_A_VOLUME: u64 = 25;

#[test]
#[ignore = "the child of the test below"]
fn killed() {
    child::run();
}

#[test]
fn at_random_points() {
    let runs = rounds(50, 1_000);
    let mut random = Random::seeded();
    let (mut acknowledged_in_all, mut runs_with_acknowledged) = (0, 0);
    for volume in 0..runs / RUNS_A_VOLUME {
        let dir = temp_dir();
        let mut acknowledged = BTreeMap::new();
        let mut commands = BTreeMap::new();
        for run in 0..RUNS_A_VOLUME {
            let pause = Duration::from_micros(random.below(30_000));
            let child = child::spawn("killed", dir.path(), run, 10_000, &[]);
            let told = child::outcome(child, Some(pause));
            let when = format!("volume {volume}, run {run}, killed after {pause:?}");
            acknowledged_in_all += told.acknowledged.len();
            runs_with_acknowledged += usize::from(!told.acknowledged.is_empty());
            acknowledged.extend(told.acknowledged);
            commands.extend(told.commands);
            for (held, acknowledged) in
                [(read(dir.path()), &acknowledged), (read_commands(dir.path()), &commands)]
            {
                check_held(&held, acknowledged, &when);
                assert_eq!(held.seqs, (1..=held.highest).collect::<Vec<_>>(), "{when}");
                // A kill may cut a line, which stays; nothing else is wrong.
                let cut = |kind: &FindingKind| matches!(kind, FindingKind::Torn | FindingKind::Malformed(_));
                assert!(held.findings.iter().all(|f| cut(&f.kind)), "{when}: {:?}", held.findings);
            }
        }
        let (journal, _) = start(open(dir.path()));
        acknowledged.insert("last".into(), append(&journal, "last").unwrap().seq);
        journal.close();
        check_held(&read(dir.path()), &acknowledged, &format!("volume {volume}, at the end"));
    }
    println!("{acknowledged_in_all} acknowledged in {runs_with_acknowledged} of {runs} runs");
    // Of few runs, many may by chance be killed before their first acknowledgement.
    assert!(runs_with_acknowledged > runs as usize / 8, "killed too early to show anything");
}
