//! Volumes that come late, are replaced, were set back, or cannot be written to.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use std::{
    fs::{self, File},
    io::Write,
    process::Command,
    time::Duration,
};

use common::{Folder, HEADER, LOG, Shipper, check_right, check_same, receiver::Receiver, until, until_same};

const OTHER: &str = "00000000000000bb";

#[test]
fn a_volume_is_shipped_as_soon_as_it_has_a_log() {
    let receiver = Receiver::start();
    let folder = Folder::empty();
    folder.append("state", "one\n");
    let mut shipper = Shipper::start(&receiver, folder.dir(), &[]);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(receiver.model().requests, 0);
    fs::write(folder.dir().join("log.json"), "{\"log\": \"").unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(receiver.model().requests, 0);
    assert!(shipper.ended().is_none());
    folder.take(LOG);
    until_same(&receiver, &folder, LOG, "a log");
    folder.append("cast/session-1.cast", HEADER);
    folder.append("llm", "two\n");
    until_same(&receiver, &folder, LOG, "more of it");
}

/// What is in the folder when the log changes is the other log's from then on.
#[test]
fn a_volume_that_is_replaced_is_another_log() {
    let receiver = Receiver::start();
    let folder = Folder::new();
    folder.append("state", "one\ntwo\n");
    folder.append("cast/session-1.cast", HEADER);
    let _shipper = Shipper::start(&receiver, folder.dir(), &[]);
    until_same(&receiver, &folder, LOG, "the first log");
    for order in [["state", "log"], ["log", "state"]] {
        let log = if order[0] == "log" { LOG.replace("aa", "cc") } else { OTHER.to_owned() };
        for entry in fs::read_dir(folder.dir()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        for what in order {
            match what {
                "log" => folder.take(&log),
                _ => folder.append("state", format!("{log} one\n{log} two\n{log} three\n")),
            }
            // As long as copying takes.
            std::thread::sleep(Duration::from_millis(200));
        }
        until_same(&receiver, &folder, &log, "the other log");
        folder.append("state", "four\n");
        folder.append("cast/session-1.cast", HEADER);
        until_same(&receiver, &folder, &log, "more of the other log");
    }
    assert_eq!(receiver.stream(LOG, "state"), b"one\ntwo\n");
    assert_eq!(receiver.log(LOG).diverged, None);
}

/// The dashboard has more than the volume: the log stops, and the next one goes on.
#[test]
fn a_volume_that_was_set_back() {
    type Change = fn(&Folder);
    let changes: [(&str, Change, &str); 5] = [
        ("shorter", |folder| fs::write(folder.path("commands"), "one\n").unwrap(), "shorter"),
        ("gone", |folder| fs::remove_file(folder.path("commands")).unwrap(), ""),
        ("others", |folder| fs::write(folder.path("commands"), "one\ntwx\n").unwrap(), "not the one stored"),
        (
            "others, longer",
            |folder| fs::write(folder.path("commands"), "one\ntwx\nmore\n").unwrap(),
            "not the one stored",
        ),
        (
            "another file",
            |folder| {
                fs::write(folder.dir().join("new"), "one\nand\nmore\n").unwrap();
                fs::rename(folder.dir().join("new"), folder.path("commands")).unwrap();
            },
            "not the one stored",
        ),
    ];
    let check = |name: &str, change: Change, reason: &str, running: bool| {
        let receiver = Receiver::start();
        let folder = Folder::new();
        folder.append("state", "fine\n");
        folder.append("commands", "one\ntwo\n");
        let shipper = Shipper::start(&receiver, folder.dir(), &[]);
        until_same(&receiver, &folder, LOG, name);
        let shipper = if running {
            change(&folder);
            // A file that was written over is only noticed when it grows.
            folder.append("commands", "later\n");
            shipper
        } else {
            shipper.kill();
            change(&folder);
            Shipper::start(&receiver, folder.dir(), &[])
        };
        until(name, || receiver.log(LOG).diverged.is_some());
        let (stream, next, said) = receiver.log(LOG).diverged.unwrap();
        assert_eq!((stream.as_str(), next), ("commands", 8), "{name}");
        assert!(running || said.contains(reason), "{name}: {said}");
        assert_eq!(receiver.stream(LOG, "commands"), b"one\ntwo\n", "{name}");
        // It stops, also after a restart, until there is another log.
        let said = shipper.kill();
        assert!(said.contains("not the volume that was shipped"), "{name}: {said}");
        let shipper = Shipper::start(&receiver, folder.dir(), &[]);
        folder.append("state", "more\n");
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(receiver.stream(LOG, "state"), b"fine\n", "{name}");
        folder.take(OTHER);
        until_same(&receiver, &folder, OTHER, name);
        drop(shipper);
        check_right(&receiver, name);
    };
    let running: [(&str, Change); 2] = [
        ("cut while running", |folder| fs::write(folder.path("commands"), "").unwrap()),
        ("written over while running", |folder| fs::write(folder.path("commands"), "one\ntwx\n").unwrap()),
    ];
    std::thread::scope(|scope| {
        for (name, change, reason) in changes {
            scope.spawn(move || check(name, change, reason, false));
        }
        for (name, change) in running {
            scope.spawn(move || check(name, change, "", true));
        }
    });
}

#[test]
fn a_recording_that_was_removed_holds_nothing_up() {
    let receiver = Receiver::start();
    let folder = Folder::new();
    folder.append("cast/a.cast", HEADER);
    folder.append("cast/b.cast", HEADER);
    let shipper = Shipper::start(&receiver, folder.dir(), &[]);
    until_same(&receiver, &folder, LOG, "both");
    fs::remove_file(folder.path("cast/a.cast")).unwrap();
    let more = |shipper: &Shipper, text: &str| {
        folder.append("cast/b.cast", text);
        until("the other", || receiver.stream(LOG, "cast/b.cast").ends_with(text.as_bytes()));
        assert!(receiver.log(LOG).diverged.is_none());
        assert!(shipper.memory("VmRSS") > 0);
    };
    more(&shipper, "[1.0, \"o\", \"x\"]\n");
    shipper.kill();
    let shipper = Shipper::start(&receiver, folder.dir(), &[]);
    more(&shipper, "[2.0, \"o\", \"x\"]\n");
    check_right(&receiver, "removed");
}

/// What follows a line that is no event is not of the recording.
#[test]
fn recordings_end_at_their_last_whole_line() {
    let receiver = Receiver::start();
    let folder = Folder::new();
    let event = "[1.0, \"o\", \"x\"]\n";
    let long = format!("[1.0, \"o\", \"{}\"]\n", "y".repeat(2 << 20));
    for (name, text, whole) in [
        ("cut", format!("{HEADER}{event}[2.0, \"o"), HEADER.len() + event.len()),
        ("spoilt", format!("{HEADER}{event}[2.0, \"o\n{event}"), HEADER.len() + event.len()),
        ("none", "no header\n".to_owned(), 0),
        ("headless", event.to_owned(), 0),
        ("long", format!("{HEADER}{event}{long}{event}"), HEADER.len() + event.len()),
    ] {
        folder.append(&format!("cast/{name}.cast"), &text);
        let stream = format!("cast/{name}.cast");
        let (code, said) = Shipper::start(&receiver, folder.dir(), &["--once"]).end();
        assert_eq!(code, Some(0), "{name}: {said}");
        assert_eq!(receiver.stream(LOG, &stream), &text.as_bytes()[..whole], "{name}");
    }
    // The rest of a line that was cut comes later.
    folder.append("cast/cut.cast", "\", \"z\"]\n");
    let (code, _) = Shipper::start(&receiver, folder.dir(), &["--once"]).end();
    assert_eq!(code, Some(0));
    assert!(receiver.stream(LOG, "cast/cut.cast").ends_with(b"[2.0, \"o\", \"z\"]\n"));
    check_right(&receiver, "casts");
}

/// Lines longer than a post are told by their length; all others are shipped, also around them.
#[test]
fn lines_that_are_too_long() {
    let receiver = Receiver::start();
    let folder = Folder::new();
    let _shipper = Shipper::start(&receiver, folder.dir(), &[]);
    let longest = vec![b'x'; 1 << 20];
    folder.append("state", [b"a\n", &longest[..], b"\nb\n"].concat());
    until_same(&receiver, &folder, LOG, "the longest line that is posted");
    assert_eq!(receiver.log(LOG).too_long, []);
    let before = receiver.stream(LOG, "state").len();
    // It comes bit by bit, and there is more than one.
    for _ in 0..40 {
        folder.append("state", &longest[..100_000]);
    }
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(receiver.stream(LOG, "state").len(), before);
    folder.append("state", "\nc\n");
    folder.append("state", [&longest[..], b"!\nd\n"].concat());
    until("d", || receiver.stream(LOG, "state").ends_with(b"d\n"));
    let expected = [("state", before, 4_000_001), ("state", before + 4_000_003, (1 << 20) + 2)];
    let expected = expected.map(|(stream, offset, len)| (stream.to_owned(), offset as u64, len as u64));
    assert_eq!(receiver.log(LOG).too_long, expected);
    let whole = fs::read(folder.path("state")).unwrap();
    let held = receiver.stream(LOG, "state");
    assert_eq!(held.len(), whole.len());
    assert_eq!(held[before + 4_000_001..][..2], *b"c\n");
    check_right(&receiver, "too long");
}

#[test]
fn a_read_only_mount_is_enough() {
    let folder = Folder::new();
    let mount = Folder::empty();
    let mounted = |arguments: &[&str]| {
        Command::new("mount")
            .args(arguments)
            .arg(folder.dir())
            .arg(mount.dir())
            .status()
            .is_ok_and(|s| s.success())
    };
    if !rustix::process::geteuid().is_root() || !mounted(&["--bind"]) {
        println!("skipped: this needs to mount");
        return;
    }
    let remounted = Command::new("mount").args(["-o", "remount,bind,ro"]).arg(mount.dir()).status().unwrap();
    assert!(remounted.success());
    assert!(File::create(mount.dir().join("x")).is_err());
    let receiver = Receiver::start();
    let shipper = Shipper::start(&receiver, mount.dir(), &[]);
    for n in 0..10 {
        folder.append("state", format!("{n}\n"));
        folder.append("cast/a.cast", if n == 0 { HEADER } else { "[1.0, \"o\", \"x\"]\n" });
        until_same(&receiver, &folder, LOG, "read-only");
    }
    shipper.terminate();
    let (code, said) = shipper.end();
    let unmounted = Command::new("umount").arg("-l").arg(mount.dir()).status().unwrap();
    assert!(unmounted.success());
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("ERROR"), "{said}");
}

/// As the image runs it: not root, in a folder that is root's.
#[test]
fn nobody_in_the_group_of_the_volume_may_ship_it() {
    use std::os::unix::{fs::PermissionsExt, process::CommandExt};
    if !rustix::process::geteuid().is_root() {
        println!("skipped: this needs another user");
        return;
    }
    let folder = Folder::new();
    let program = tempfile::tempdir().unwrap();
    fs::set_permissions(program.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let dir = program.path().join("runtime");
    fs::create_dir(&dir).unwrap();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o770)).unwrap();
    fs::copy(folder.dir().join("log.json"), dir.join("log.json")).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_workshop-shipper"), program.path().join("shipper")).unwrap();
    let mut state = File::create(dir.join("state-events.jsonl")).unwrap();
    state.write_all(b"one\n").unwrap();
    let receiver = Receiver::start();
    let template = common::command(&receiver, &dir, &["--once"]);
    let mut command = Command::new(program.path().join("shipper"));
    command.args(template.get_args()).stderr(std::process::Stdio::piped());
    for (name, value) in template.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    let (code, said) = Shipper::of(command.uid(65532).gid(0)).end();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(receiver.stream(LOG, "state"), b"one\n");
}

#[test]
fn once_ships_what_is_there() {
    let receiver = Receiver::start();
    let folder = Folder::empty();
    let (code, said) = Shipper::start(&receiver, folder.dir(), &["--once"]).end();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("no log in"), "{said}");
    folder.take(LOG);
    let (code, said) = Shipper::start(&receiver, folder.dir(), &["--once"]).end();
    assert_eq!(code, Some(0), "{said}");
    folder.append("state", "one\ntwo\nhalf");
    folder.append("cast/a.cast", HEADER);
    let (code, said) = Shipper::start(&receiver, folder.dir(), &["--once", "--only", "casts"]).end();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(receiver.log(LOG).streams.keys().collect::<Vec<_>>(), ["cast/a.cast"]);
    // A writer that does not end does not keep it.
    let writing = File::options().append(true).open(folder.path("state")).unwrap();
    let ended = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stop = ended.clone();
    let writer = std::thread::spawn(move || {
        while !stop.load(std::sync::atomic::Ordering::Relaxed) {
            (&writing).write_all(&b"line\n".repeat(1000)).unwrap();
        }
    });
    let (code, said) = Shipper::start(&receiver, folder.dir(), &["--once", "--only", "streams"]).end();
    ended.store(true, std::sync::atomic::Ordering::Relaxed);
    writer.join().unwrap();
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = Shipper::start(&receiver, folder.dir(), &["--once"]).end();
    assert_eq!(code, Some(0), "{said}");
    check_same(&receiver, &folder, LOG, "once");
}
