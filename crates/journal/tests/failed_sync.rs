//! A sync that fails, after which the kernel has dropped the pages and still shows them: ext4 on a sparse file that the
//! file system below has no room for. What counts is what is there after a remount.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod common;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use common::{append, check_held, long_event, open, read, start, temp_dir, wait};
use workshop_events::Stream;
use workshop_journal::Journal;
use workshop_testing::{Mount, run_or_skip};

const BLOCK: usize = 4096;

/// An ext4 on a loop device over a sparse file on a tmpfs that is smaller than it.
struct ThinDisk {
    device: String,
    volume: PathBuf,
    mounted: Option<Mount>,
    /// Holds the sparse file; must go last.
    below: Mount,
}

impl ThinDisk {
    fn new(test: &str, dir: &Path) -> Option<Self> {
        let below = Mount::tmpfs(test, "size=24m")?;
        let image = below.at.join("image");
        fs::File::create(&image).unwrap().set_len(64 << 20).unwrap();
        let output = Command::new("losetup").args(["--find", "--show"]).arg(&image).output().ok()?;
        if !output.status.success() {
            eprintln!("skipped {test}: no loop device: {}", String::from_utf8_lossy(&output.stderr).trim());
            return None;
        }
        let device = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        let mut disk = Self { device, volume: dir.join("volume"), mounted: None, below };
        // Journal and tables are laid out at once, so that only data can find no room.
        let mut mkfs = Command::new("mkfs.ext4");
        mkfs.args(["-q", "-b", "4096", "-J", "size=4", "-E", "lazy_itable_init=0,lazy_journal_init=0"])
            .arg(&disk.device);
        if !run_or_skip(test, &mut mkfs) {
            return None;
        }
        disk.mount(test).then_some(disk)
    }

    fn mount(&mut self, test: &str) -> bool {
        self.mounted = Mount::new(test, &self.volume, &["-o", "errors=continue", &self.device]);
        self.mounted.is_some()
    }

    /// Forgets every page of the file system: what is seen afterwards is what is on the disk.
    fn remount(&mut self, test: &str) {
        std::mem::forget(self.mounted.take());
        let status = Command::new("umount").arg(&self.volume).status().unwrap();
        assert!(status.success());
        assert!(self.mount(test));
    }
}

impl Drop for ThinDisk {
    fn drop(&mut self) {
        self.mounted = None;
        let _ = Command::new("losetup").args(["--detach", &self.device]).status();
    }
}

/// Appends a record whose line ends where a block of the file system does. A loop device reports a write that its file
/// has room for in part as a whole one; so the next write must not begin in a block that is there already.
fn fill_last_block(journal: &Journal, round: usize, acknowledged: &mut BTreeMap<String, u64>) {
    let len =
        || usize::try_from(fs::metadata(journal.dir().join("state-events.jsonl")).unwrap().len()).unwrap();
    let before = len();
    let name = format!("{round}-block");
    acknowledged.insert(name.clone(), append(journal, &name).unwrap().seq);
    // The two lines differ in the padding only, as long as their numbers have as many digits.
    let unpadded = len() - before + ",'padding':''".len();
    let name = format!("{round}-align");
    let padding = BLOCK - (len() + unpadded) % BLOCK;
    let aligned = wait(journal.append(Stream::State, long_event(&name, padding))).unwrap();
    acknowledged.insert(name, aligned.seq);
    assert_eq!(len() % BLOCK, 0);
}

#[test]
fn nothing_acknowledged_is_lost_with_the_pages() {
    let test = "nothing_acknowledged_is_lost_with_the_pages";
    let dir = temp_dir();
    let Some(mut disk) = ThinDisk::new(test, dir.path()) else { return };
    let mut acknowledged = BTreeMap::new();
    let mut refused = 0;
    for round in 0..3 {
        let (journal, held) = start(open(&disk.volume));
        check_held(&held, &acknowledged, "at the start of a round");
        let append_many = |when: &str, count: usize, acknowledged: &mut BTreeMap<String, u64>| {
            let mut refused = 0;
            for n in 0..count {
                let name = format!("{round}-{when}-{n}");
                match wait(journal.append(Stream::State, long_event(&name, 9_000))) {
                    Ok(appended) => _ = acknowledged.insert(name, appended.seq),
                    Err(_) => refused += 1,
                }
            }
            refused
        };
        append_many("before", 20, &mut acknowledged);
        fill_last_block(&journal, round, &mut acknowledged);
        let filler = disk.below.fill();
        refused += append_many("full", 60, &mut acknowledged);
        fs::remove_file(filler).unwrap();
        // By itself: nobody appends, and what was in doubt is written again.
        let mut appends = journal.follow_appends(Stream::State);
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline && appends.try_recv().is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(append_many("after", 20, &mut acknowledged), 0);
        let last = append(&journal, &format!("{round}-last")).unwrap();
        acknowledged.insert(format!("{round}-last"), last.seq);
        journal.close();
        disk.remount(test);
        check_held(&read(&disk.volume), &acknowledged, &format!("round {round}, after the remount"));
    }
    assert!(refused > 0, "no sync failed: the test shows nothing");
}
