//! `workshop replay`: the state at a moment, recordings as text, and playing on a terminal.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed expectation is a failed test"
)]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use expect_test::{Expect, expect};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use serde_json::json;
use workshop_testing::cli::{Recorded, answer, said, workshop};

fn check(log: &Recorded, arguments: &[&str], expected: Expect) {
    expected.assert_eq(&said(workshop(log.folder.path()).args(["replay", "log"]).args(arguments)));
}

#[test]
fn the_state_after_a_check_failed() {
    check(
        &Recorded::example(),
        &["--at", "2026-11-20T09:01:00Z"],
        expect![[r#"
        hello-linux, log 00000000000000aa at 2026-11-20T09:01:00.000Z
        record 5 of 2026-11-20T09:00:41.000Z; the log goes on until 2026-11-20T09:02:19.000Z

        ▶ one    active, 1 min 00 s, 1 check
          two
          three

        Last check failed: 1 of 3 tests of one at 2026-11-20T09:00:41.000Z
        ✗ hello.txt is there
          found false, expected true
        ✗ hello.txt says hello

        Last commands
        09:00:11  ls -l
        09:00:21  cat nothing at⏎all �[31m  exit 1

        Open terminals, with 1 browser
        Terminal 1 since 2026-11-20T09:00:01.000Z, recorded in session-20261120T090001Z-1.cast
        --- exit 0
    "#]],
    );
}

#[test]
fn the_state_at_the_end_in_another_zone() {
    check(
        &Recorded::example(),
        &["--at", "2026-11-20T11:00:00+01:00"],
        expect![[r#"
        hello-linux, log 00000000000000aa at 2026-11-20T10:00:00.000Z
        record 8 of 2026-11-20T09:02:19.000Z, the last of the log

        ✓ one    completed 2026-11-20T09:01:46.000Z, 1 min 49 s, 2 checks
        ▶ two    active, 58 min 11 s, 1 help
          three

        Last check passed: 3 of 3 tests of one at 2026-11-20T09:01:46.000Z

        Last commands
        09:00:11  ls -l
        09:00:21  cat nothing at⏎all �[31m  exit 1
        09:01:41  echo hello > hello.txt

        Open terminals, with 1 browser
        Terminal 1 since 2026-11-20T09:00:01.000Z, recorded in session-20261120T090001Z-1.cast
        --- exit 0
    "#]],
    );
}

#[test]
fn the_state_before_anything_happened() {
    check(
        &Recorded::example(),
        &["--at", "2026-11-20T08:59:59.999Z"],
        expect![[r#"
        hello-linux, log 00000000000000aa at 2026-11-20T08:59:59.999Z
        Nothing had happened yet; the log begins at 2026-11-20T09:00:00.000Z.
        --- exit 0
    "#]],
    );
}

#[test]
fn the_state_while_a_switch_is_open() {
    let mut log = Recorded::empty();
    log.backend()
        .event(json!({"event": "switch_requested", "step": "three", "kind": "switch", "request": "r1"}));
    log.close();
    check(
        &log,
        &["--at", "2027-01-01T00:00:00Z"],
        expect![[r#"
        hello-linux, log 00000000000000aa at 2027-01-01T00:00:00.000Z
        record 2 of 2026-11-20T09:00:00.000Z, the last of the log

        ▶ one    active
          two
          three

        Waiting for a switch to three since 2026-11-20T09:00:00.000Z

        Open terminals, with no browser
        none
        --- exit 0
    "#]],
    );
}

#[test]
fn the_state_for_machines() {
    let log = Recorded::example();
    let (code, state) =
        answer(workshop(log.folder.path()).args(["replay", "log", "--at", "2026-11-20T09:01:00Z"]));
    assert_eq!(code, 0);
    assert_eq!(state["at"], "2026-11-20T09:01:00.000Z");
    assert_eq!((&state["active"], &state["seq"]), (&json!("one"), &json!(5)));
    assert_eq!(state["lastCheck"]["failed"][0]["title"], "hello.txt is there");
    assert_eq!(state["commands"].as_array().unwrap().len(), 2);
    assert_eq!(state["steps"][0]["tries"], 1);
    assert_eq!(state["sessions"][0]["recordings"][0], CAST);
}

#[test]
fn what_cannot_be_used_is_refused_with_an_example() {
    let log = Recorded::example();
    check(
        &log,
        &["--at", "yesterday"],
        expect![[r#"
        --- stderr
        error: --at "yesterday" is no moment; write an RFC 3339 time with its zone, such as 2026-11-20T09:21:44Z
        --- exit 2
    "#]],
    );
    check(
        &log,
        &["--speed", "0"],
        expect![[r#"
        --- stderr
        error: --speed 0: write a number above 0, such as 2 or 0.5
        --- exit 2
    "#]],
    );
    check(
        &log,
        &["--idle=-1"],
        expect![[r#"
        --- stderr
        error: --idle -1: write a number above 0, such as 2 or 0.5
        --- exit 2
    "#]],
    );
    check(
        &log,
        &["--recording", "../log.json"],
        expect![[r#"
        --- stderr
        error: the log has no recording "../log.json". It has:
          session-20261120T090001Z-1.cast
        --- exit 2
    "#]],
    );
    let mut empty = Recorded::empty();
    empty.backend();
    empty.close();
    check(
        &empty,
        &[],
        expect![[r#"
        --- stderr
        error: the log has no recordings; --at TIME shows its state at a moment
        --- exit 2
    "#]],
    );
}

#[test]
fn off_a_terminal_it_is_plain_text_without_waiting() {
    let begun = Instant::now();
    check(
        &Recorded::example(),
        &["--idle", "1000"],
        expect![[r#"
        $ ls
        hello.txt
        $ exit

        --- exit 0
    "#]],
    );
    assert!(begun.elapsed() < Duration::from_secs(60), "it waited");
}

#[test]
fn the_recordings_for_machines() {
    let log = Recorded::example();
    let (_, list) = answer(workshop(log.folder.path()).args(["replay", "log"]));
    let expected = json!([{"name": CAST, "terminal": "Terminal 1", "columns": 80, "rows": 24, "events": 7,
        "seconds": 600.0, "plays": true}]);
    assert_eq!(list, expected);
}

#[test]
fn the_last_session_plays_with_all_its_recordings() {
    let mut log = Recorded::empty();
    log.backend().session("s1", &[(0.0, 'o', "first\r\n")]);
    log.after(5).session("s2", &[(0.0, 'o', "second\r\n")]);
    log.after(5);
    let more = log.cast(&[(5.0, 'o', "and on\r\n")]);
    log.event(json!({"event": "recording_started", "session": "s2", "cast": more, "at": 5.0}));
    log.close();
    check(
        &log,
        &[],
        expect![[r#"
        second
        and on

        --- exit 0
    "#]],
    );
    check(
        &log,
        &["--recording", "session-20261120T090000Z-1.cast"],
        expect![[r#"
        first

        --- exit 0
    "#]],
    );
}

#[test]
fn a_recording_ends_at_its_last_whole_line() {
    let log = Recorded::example();
    log.damage(CAST, |bytes| bytes.extend(b"[601.0, \"o\", \"more\"]\n[602.0, \"o\", \"cut"));
    let text = said(workshop(log.folder.path()).args(["replay", "log"]));
    assert!(text.contains("more") && !text.contains("cut"), "{text}");
    fs::write(log.path().join(CAST), "{}\n").unwrap();
    check(
        &log,
        &[],
        expect![[r#"
        --- stderr
        error: session-20261120T090001Z-1.cast cannot be played: not a line of an asciicast: missing field `version` at line 1 column 2
        --- exit 1
    "#]],
    );
}

const CAST: &str = "session-20261120T090001Z-1.cast";

/// The command on a terminal of its own.
struct OnTerminal {
    master: OwnedFd,
    line: File,
    child: Child,
    shown: String,
}

impl OnTerminal {
    fn play(log: &Recorded, arguments: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let line = File::options().read(true).write(true).open(name).unwrap();
        let end = || Stdio::from(line.try_clone().unwrap());
        let child = Command::new("setsid")
            .args(["--ctty", "--wait", env!("CARGO_BIN_EXE_workshop"), "replay", "log"])
            .args(arguments)
            .current_dir(log.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", log.folder.path())
            .env("NO_COLOR", "1")
            .env("TERM", "xterm-256color")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        Self { master, line, child, shown: String::new() }
    }

    fn press(&self, keys: &str) {
        rustix::io::write(&self.master, keys.as_bytes()).unwrap();
    }

    /// Reads until something was shown, and gives all that was since the last call.
    fn shows(&mut self, wanted: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.shown.contains(wanted) {
            assert!(Instant::now() < deadline, "{wanted:?} is not shown: {:?}", self.shown);
            self.read(Duration::from_millis(100));
        }
        std::mem::take(&mut self.shown)
    }

    fn read(&mut self, wait: Duration) {
        let wait = rustix::event::Timespec::try_from(wait).unwrap();
        let fd = self.master.as_fd();
        if poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&wait)).unwrap() > 0 {
            let mut bytes = [0; 4096];
            let length = rustix::io::read(&self.master, &mut bytes).unwrap();
            self.shown.push_str(&String::from_utf8_lossy(&bytes[..length]));
        }
    }

    /// Waits for the end: the exit code, with the terminal as it was before.
    fn ends(mut self) -> i32 {
        let deadline = Instant::now() + Duration::from_secs(60);
        let status = loop {
            self.read(Duration::from_millis(20));
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end: {:?}", self.shown);
        };
        let modes = tcgetattr(&self.line).unwrap().local_modes;
        assert!(modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG), "{modes:?}");
        status.code().unwrap()
    }
}

#[test]
fn a_terminal_plays_it_and_cuts_pauses_short() {
    let log = Recorded::example();
    let mut terminal = OnTerminal::play(&log, &["--idle", "0.05"]);
    let shown = terminal.shows("── end ──");
    expect![[r#"
        ── session-20261120T090001Z-1.cast · Terminal 1 · 10 min 00 s · 80×24 ──
           space pauses, ← and → go 5 s, q quits
        $ ␛[1mls␛[0m
        hello.txt
        $ exit
        ␛[?2026l␛7␛[r␛8␛[0m␛(B␛[4l␛[?5l␛[?25h␛[?7h␛[?1l␛>
        ── end ──
    "#]]
    .assert_eq(&shown.replace('\u{1b}', "␛").replace('\r', ""));
    assert_eq!(terminal.ends(), 0);
}

#[test]
fn keys_pause_go_on_go_back_and_quit() {
    let log = Recorded::example();
    let mut terminal = OnTerminal::play(&log, &["--idle", "500"]);
    terminal.shows("hello.txt");
    terminal.press(" ");
    terminal.press("\u{1b}[D");
    // From the beginning, and held there.
    terminal.shows("\u{1b}[2J");
    terminal.press(" ");
    terminal.shows("hello.txt");
    terminal.press("q");
    assert_eq!(terminal.ends(), 0);
}

#[test]
fn an_arrow_skips_ahead() {
    let log = Recorded::example();
    let mut terminal = OnTerminal::play(&log, &["--idle", "9"]);
    terminal.shows("hello.txt");
    terminal.press("\u{1b}[C\u{1b}[C");
    terminal.shows("── end ──");
    assert_eq!(terminal.ends(), 0);
}

#[test]
fn ctrl_c_interrupts_and_the_terminal_is_as_before() {
    let log = Recorded::example();
    let mut terminal = OnTerminal::play(&log, &["--idle", "500"]);
    terminal.shows("hello.txt");
    terminal.press("\u{3}");
    assert_eq!(terminal.ends(), 130);
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let log = Recorded::example();
    log.damage(CAST, |bytes| bytes.extend("[601.0, \"o\", \"more\\r\\n\"]\n".repeat(50_000).into_bytes()));
    let mut child = workshop(log.folder.path())
        .args(["replay", "log"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    std::io::stdout().flush().unwrap();
}
