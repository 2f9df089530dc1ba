//! Volumes that cannot be written to: full, read-only, or full from the start. Each test mounts a small tmpfs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{collections::BTreeMap, fs};

use common::{append, check_held, event, long_event, open, read, start, wait};
use workshop_events::Stream;
use workshop_journal::{AppendError, Journal};
use workshop_testing::Mount;

const SIZE: &str = "size=4m";

fn expect_no_space(journal: &Journal, name: &str) {
    let refused = append(journal, name);
    assert!(matches!(refused, Err(AppendError::NoSpace { .. })), "{name}: {refused:?}");
}

#[test]
fn full_in_the_middle_of_a_line_and_free_again() {
    let test = "full_in_the_middle_of_a_line_and_free_again";
    let Some(mount) = Mount::tmpfs(test, SIZE) else { return };
    let (journal, _) = start(open(&mount.at));
    let mut acknowledged = BTreeMap::new();
    acknowledged.insert("first".to_owned(), append(&journal, "first").unwrap().seq);
    for round in 0..3 {
        let filler = mount.fill();
        // The last block of the log has room for some bytes still; these take it, ending within a line.
        let mut refused = 0;
        for n in 0..20 {
            let name = format!("full-{round}-{n}");
            match wait(journal.append(Stream::State, long_event(&name, 1000))) {
                Ok(appended) => {
                    acknowledged.insert(name, appended.seq);
                }
                Err(AppendError::NoSpace { .. }) => refused += 1,
                Err(error) => panic!("{error}"),
            }
        }
        assert!(refused >= 15, "{refused}");
        // The other streams say so too.
        let command = event("command");
        let refused = wait(journal.append_lazily(Stream::Commands, command));
        assert!(matches!(refused, Err(AppendError::NoSpace { .. })), "{refused:?}");
        fs::remove_file(&filler).unwrap();
        for n in 0..3 {
            let name = format!("free-{round}-{n}");
            let appended = append(&journal, &name).unwrap();
            acknowledged.insert(name, appended.seq);
        }
    }
    let counters = journal.counters(Stream::State);
    assert_eq!(counters.appended, acknowledged.len() as u64);
    assert!(counters.refused >= 45, "{counters:?}");
    journal.close();
    let held = read(&mount.at);
    check_held(&held, &acknowledged, test);
    assert_eq!(held.seqs, (1..=held.highest).collect::<Vec<_>>());
}

#[test]
fn many_producers_on_a_disk_that_fills_up() {
    let test = "many_producers_on_a_disk_that_fills_up";
    let Some(mount) = Mount::tmpfs(test, SIZE) else { return };
    let (journal, _) = start(open(&mount.at));
    let (acknowledged, refused) = wait(async {
        let producers = (0..16).map(|producer| {
            let journal = journal.clone();
            async move {
                let (mut acknowledged, mut refused) = (Vec::new(), 0);
                for n in 0..400 {
                    let name = format!("{producer}-{n}");
                    match journal.append(Stream::State, long_event(&name, 800)).await {
                        Ok(appended) => acknowledged.push((name, appended.seq)),
                        Err(_) => refused += 1,
                    }
                }
                (acknowledged, refused)
            }
        });
        let each = futures_util::future::join_all(producers).await;
        let refused: usize = each.iter().map(|(_, refused)| refused).sum();
        (each.into_iter().flat_map(|(acknowledged, _)| acknowledged).collect::<BTreeMap<_, _>>(), refused)
    });
    assert!(refused > 0 && !acknowledged.is_empty());
    journal.close();
    check_held(&read(&mount.at), &acknowledged, test);
}

#[test]
fn full_at_the_start() {
    let test = "full_at_the_start";
    let Some(mount) = Mount::tmpfs(test, SIZE) else { return };
    // A new volume, without room even for log.json.
    let filler = mount.fill();
    let (journal, held) = start(open(&mount.at));
    assert_eq!(held.highest, 0);
    expect_no_space(&journal, "none");
    fs::remove_file(&filler).unwrap();
    assert_eq!(append(&journal, "first").unwrap().seq, 1);
    let log = journal.log();
    journal.close();
    assert_eq!(workshop_journal::read_info(&mount.at).unwrap().unwrap().log, log);

    // One with something in it: what it holds is served.
    let filler = mount.fill();
    let (journal, held) = start(open(&mount.at));
    assert_eq!(held.marked, [(1, "first".to_owned())]);
    expect_long_no_space(&journal);
    fs::remove_file(&filler).unwrap();
    assert_eq!(append(&journal, "second").unwrap().seq, 2);
    journal.close();
    let held = read(&mount.at);
    assert_eq!(held.marked, [(1, "first".to_owned()), (2, "second".to_owned())]);
}

/// A short line may still fit the last block.
fn expect_long_no_space(journal: &Journal) {
    let refused = wait(journal.append(Stream::State, long_event("long", 20_000)));
    assert!(matches!(refused, Err(AppendError::NoSpace { .. })), "{refused:?}");
}

#[test]
fn without_an_inode_left() {
    let test = "without_an_inode_left";
    let Some(mount) = Mount::tmpfs(test, "size=4m,nr_inodes=3") else { return };
    for n in 0..2 {
        fs::write(mount.at.join(format!("taken-{n}")), "").unwrap();
    }
    let (journal, _) = start(open(&mount.at));
    expect_no_space(&journal, "none");
    mount.remount("nr_inodes=100");
    assert_eq!(append(&journal, "first").unwrap().seq, 1);
    journal.close();
}

#[test]
fn read_only_volume() {
    let test = "read_only_volume";
    let Some(mount) = Mount::tmpfs(test, SIZE) else { return };
    mount.remount("ro");
    // New and empty.
    let (journal, held) = start(open(&mount.at));
    assert_eq!(held.highest, 0);
    assert!(matches!(append(&journal, "none"), Err(AppendError::Io(_))));
    mount.remount("rw");
    assert_eq!(append(&journal, "first").unwrap().seq, 1);
    journal.close();
    // With a log in it.
    mount.remount("ro");
    let (journal, held) = start(open(&mount.at));
    assert_eq!(held.marked, [(1, "first".to_owned())]);
    assert!(matches!(append(&journal, "none"), Err(AppendError::Io(_))));
    mount.remount("rw");
    assert_eq!(append(&journal, "second").unwrap().seq, 2);
    journal.close();
    assert_eq!(read(&mount.at).seqs, [1, 2]);
}

#[test]
fn two_backends_wait_for_the_same_full_volume() {
    let test = "two_backends_wait_for_the_same_full_volume";
    let Some(mount) = Mount::tmpfs(test, "size=4m,nr_inodes=2") else { return };
    fs::write(mount.at.join("taken"), "").unwrap();
    // Neither can make the lock.
    let (first, _) = start(open(&mount.at));
    let (second, _) = start(open(&mount.at));
    mount.remount("nr_inodes=100");
    assert_eq!(append(&first, "of the first").unwrap().seq, 1);
    let refused = append(&second, "of the second").unwrap_err();
    assert_eq!(refused.to_string(), "cannot record this: another backend writes to this volume");
    first.close();
    let refused = append(&second, "of the second").unwrap_err().to_string();
    assert!(refused.contains("another backend"), "{refused}");
    second.close();
    assert_eq!(read(&mount.at).marked, [(1, "of the first".to_owned())]);
}
