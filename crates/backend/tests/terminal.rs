//! Terminals with real programs: what pages see, what is restored, what is recorded, and who waits for whom.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "tests")]

mod terminal_harness;

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use terminal_harness::{PATIENCE, Page, Workshop, shell};
use workshop_backend::terminal::{AttachError, Role};
use workshop_events::cast::{self, CastEvent, Header};
use workshop_testing::Mount;
use workshop_wire::terminal::ServerMessage;

/// The events of a cast, all of which must be valid.
fn events(cast: &str) -> Vec<(f64, char, String)> {
    assert_eq!(cast::whole_lines(cast.as_bytes()), cast.len(), "a cast is whole valid lines");
    let mut lines = cast.lines();
    Header::parse(lines.next().unwrap()).unwrap();
    let events: Vec<_> = lines
        .map(|line| CastEvent::parse(line).unwrap())
        .map(|event| (event.time, event.code, event.data.to_string()))
        .collect();
    assert!(events.is_sorted_by(|a, b| a.0 <= b.0), "times do not go back");
    events
}

/// All data of one kind of events.
fn data(cast: &str, code: char) -> String {
    events(cast).into_iter().filter(|event| event.1 == code).map(|event| event.2).collect()
}

async fn bash() -> (Workshop, Page) {
    let workshop = Workshop::start("/bin/bash").await;
    let mut page = workshop.page("main", 80, 24).await;
    page.shows("$").await;
    (workshop, page)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_on_the_whole_screen_is_restored_and_live() {
    for (program, shown, quit) in [
        ("vim -u NONE --cmd 'set ttimeoutlen=5' ~/poem", "the end of the poem", "\x1b:q!\r"),
        ("vim -u NONE --cmd 'set mouse=a title' ~/poem", "the end of the poem", "\x1b:q!\r"),
        ("top -d 0.3", "PID", "q"),
        ("less ~/poem", "the end of the poem", "q"),
        ("tmux -L workshop-screen -f /dev/null new 'cat ~/poem; exec cat'", "the end of the poem", "\x04"),
    ] {
        let name = program.split(' ').next().unwrap();
        if !Path::new("/usr/bin").join(name).exists() && !Path::new("/bin").join(name).exists() {
            eprintln!("{name} is not installed: skipped");
            continue;
        }
        let (workshop, mut page) = bash().await;
        std::fs::write(workshop.root.path().join("home/poem"), "one\nтри 界\nthe end of the poem\n").unwrap();
        page.types(format!("echo before; {program}\r")).await;
        page.shows(shown).await;
        page.settle().await;
        // A second page sees what the first one sees, now and later.
        let mut second = workshop.page("main", 80, 24).await;
        second.shows(shown).await;
        let without_clock = |page: &Page| {
            page.text()
                .lines()
                .skip(usize::from(program.starts_with("top")))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        if !program.starts_with("top") {
            assert_eq!(without_clock(&page), without_clock(&second), "{program}");
        }
        second.types(quit).await;
        second.shows("$").await;
        second.types("echo af''ter\r").await;
        second.shows("after").await;
        page.shows("after").await;
        for page in [&mut page, &mut second] {
            page.settle().await;
        }
        assert!(
            second.text().contains("before") || program.starts_with("top"),
            "the screen behind comes back in {program}:\n{}",
            second.text()
        );
        assert_eq!(page.terminal.cursor(), second.terminal.cursor(), "{program}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_and_modes_are_restored() {
    let (workshop, mut page) = bash().await;
    page.types("for i in $(seq 1 1500); do echo line $i; done; printf '\\033[?2004h\\033[?1002h\\033[?1006h\\033[4 q\\033]2;my title\\007\\033[1;31mre''d'\r").await;
    page.shows("red").await;
    page.settle().await;
    let mut second = workshop.page("main", 80, 24).await;
    second.settle().await;
    let (own, restored) = (page.history(), second.history());
    assert!(
        restored.len() > 1000 && own.ends_with(&restored[1..]),
        "1,000 lines of history: {}",
        restored.len()
    );
    for mode in ["\x1b[?1002h", "\x1b[?1006h", "\x1b[4 q", "\x1b]2;my title"] {
        assert!(second.output.contains(mode), "{mode:?}");
    }
    assert_eq!(workshop.terminals.list()[0].title, "my title");
    assert_eq!(page.terminal.dump(), second.terminal.dump());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_comes_within_a_sequence_or_a_character_sees_it_whole() {
    let (workshop, mut page) = bash().await;
    for (first, rest, shown) in [
        ("\\033[3", "1mred", "red"),
        ("\\033]0;a ti", "tle\\007after", "after"),
        ("\\347\\225", "\\214 whole", "界 whole"),
        ("\\033", "[1mbold", "bold"),
        ("\\033Pq#0", "x\\033\\\\picture", "picture"),
    ] {
        page.types(format!("clear; printf 'x{first}'; read -rs; printf '{rest}'\r")).await;
        page.until("the beginning", |p| p.text().contains('x') && !p.text().contains("clear")).await;
        page.settle().await;
        let mut second = workshop.page("main", 80, 24).await;
        second.types("\r").await;
        for page in [&mut page, &mut second] {
            page.shows(shown).await;
            page.settle().await;
        }
        assert_eq!(page.terminal.dump(), second.terminal.dump(), "{first:?} {rest:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_size_follows_who_typed_last_and_a_storm_of_sizes_ends() {
    let (workshop, mut page) = bash().await;
    let mut second = workshop.page("main", 100, 30).await;
    assert!(
        matches!(second.messages[0], ServerMessage::Restored { cols: 80, rows: 24, running: true, .. }),
        "{:?}",
        second.messages
    );
    second.types("stty size\r").await;
    second.shows("30 100").await;
    page.until("the size", |page| page.messages.contains(&ServerMessage::Size { cols: 100, rows: 30 })).await;
    for n in 0..500 {
        second.seat.resize((40 + n % 100, 10 + n % 40)).await.unwrap();
        if n % 10 == 0 {
            second.types("x").await;
        }
    }
    second.seat.resize((90, 25)).await.unwrap();
    second.types("\u{15}").await;
    second.types("stty size\r").await;
    page.shows("25 90").await;
    assert_eq!(page.terminal.size(), (90, 25));
    // Its page knows its own size.
    second.terminal.resize(90, 25);
    page.settle().await;
    workshop.until("it is written", |w| w.casts()[0].1.contains("90x25")).await;
    let cast = workshop.casts().remove(0).1;
    assert!(data(&cast, 'r').ends_with("90x25"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_get_their_answers_once_with_two_pages_or_none() {
    let (workshop, mut page) = bash().await;
    let second = workshop.page("main", 80, 24).await;
    let ask = "stty -echo; printf '\\033[6n\\033[c\\033]11;?\\007'; IFS= read -rsd c a; IFS= read -rsd $'\\a' b; stty echo; printf '%q\\n' \"$a$b\"\r";
    page.types(ask).await;
    page.shows("rgb:1414/1717/1a1a").await;
    page.settle().await;
    assert_eq!(page.text().matches("rgb:").count(), 1, "{}", page.text());
    assert_eq!(page.text().matches("1;2").count(), 1, "{}", page.text());
    // With nobody there a program does not hang.
    let quiet =
        format!("sleep 0.5; {}", ask.replace("printf '%q\\n' \"$a$b\"", "echo answered > ~/answered"));
    page.types(quiet).await;
    for page in [page, second] {
        page.seat.leave().await;
    }
    let answered = workshop.root.path().join("home/answered");
    workshop.until("the answer comes with no page there", |_| answered.exists()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hidden_input_is_in_no_file() {
    let (workshop, mut page) = bash().await;
    page.types("read -rsp 'secret: ' s && echo got ${#s}\r").await;
    page.shows("secret:").await;
    // The shell prints the prompt before it hides what follows.
    page.settle().await;
    page.types("hunter2-").await;
    page.types("one\r").await;
    page.shows("got 11").await;
    page.types("su -c true root\r").await;
    page.shows("assword:").await;
    page.settle().await;
    page.types("hunter2-two\r").await;
    page.shows("su:").await;
    if let Some(python) = shell("../usr/bin/python3") {
        page.types(format!("{python} -c 'import getpass; print(len(getpass.getpass()))'\r")).await;
        page.until("a third prompt", |p| p.text().to_lowercase().matches("password").count() > 2).await;
        page.settle().await;
        page.types("hunter2-three\r").await;
        page.shows("13").await;
    }
    page.types("echo visible\r").await;
    page.settle().await;
    page.seat.leave().await;
    workshop.terminals.shut_down().await;
    let cast = workshop.casts().remove(0).1;
    let typed = data(&cast, 'i');
    assert!(typed.contains("read -rsp") && typed.contains("echo visible"), "{typed}");
    assert!((2..=3).contains(&typed.matches('•').count()), "one dot for each: {typed}");
    let found = Command::new("grep").args(["-rl", "hunter2"]).arg(workshop.runtime()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "", "the password is in a file");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hidden_input_of_zsh_is_in_no_file() {
    let Some(zsh) = shell("zsh") else { return };
    let workshop = Workshop::start(&zsh).await;
    let mut page = workshop.page("main", 80, 24).await;
    page.shows("$").await;
    page.types("read -rs 's?secret: ' && echo got ${#s}\r").await;
    page.shows("secret:").await;
    // The shell prints the prompt before it hides what follows.
    page.settle().await;
    page.types("hunter2-one\r").await;
    page.shows("got 11").await;
    page.settle().await;
    workshop.until("it is written", |w| w.casts()[0].1.contains("got 11")).await;
    assert!(!workshop.casts()[0].1.contains("hunter2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_shown_is_recorded_whole_characters_and_all() {
    let (workshop, mut page) = bash().await;
    // Characters cut by reads: one byte at a time, and a large block of 3-byte characters.
    page.types("for b in 347 225 214 360 237 232 200; do printf \"\\\\$b\"; sleep 0.02; done; echo; printf '\\347\\225\\214%.0s' $(seq 20000); echo; printf '\\377\\376 end\\n'\r").await;
    page.shows("end").await;
    page.settle().await;
    workshop.until("it is written", |w| w.casts()[0].1.contains("end\\r\\n")).await;
    let cast = workshop.casts().remove(0).1;
    let recorded = data(&cast, 'o');
    assert!(page.output.ends_with(&recorded), "the page began with the session");
    assert_eq!(recorded.matches('界').count(), 20_001);
    assert!(recorded.contains("界🚀") && recorded.contains("\u{fffd}\u{fffd} end"));
    assert_eq!(recorded.matches('\u{fffd}').count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shell_that_ends_is_started_by_a_key() {
    let (workshop, mut page) = bash().await;
    let first = workshop.terminals.list().remove(0);
    page.types("exit 4\r").await;
    page.until("the end", |page| page.messages.contains(&ServerMessage::Exit { code: Some(4) })).await;
    assert!(!workshop.terminals.list()[0].running);
    // Who comes now sees what is left.
    let mut second = workshop.page("main", 80, 24).await;
    second.until("the end", |page| page.messages.contains(&ServerMessage::Exit { code: Some(4) })).await;
    assert!(
        matches!(second.messages[0], ServerMessage::Restored { running: false, .. })
            && second.text().contains("exit 4")
    );
    second.types("x").await;
    for page in [&mut page, &mut second] {
        page.messages.clear();
        page.until("a new shell", |page| {
            matches!(page.messages.first(), Some(ServerMessage::Restored { running: true, .. }))
        })
        .await;
        page.shows("$").await;
        assert!(!page.text().contains('x') && !page.text().contains("exit"), "{}", page.text());
    }
    let now = workshop.terminals.list().remove(0);
    assert!(now.running && now.session != first.session);
    workshop.until("both sessions are in the log", |w| w.records("state-events.jsonl").len() >= 8).await;
    let events: Vec<String> = workshop
        .records("state-events.jsonl")
        .iter()
        .map(|e| format!("{} {}", e["event"].as_str().unwrap(), e["exit"]))
        .filter(|e| e.starts_with("session"))
        .collect();
    assert_eq!(events, ["session_opened null", "session_closed 4", "session_opened null"]);
    assert_eq!(workshop.casts().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shell_that_cannot_be_started_is_said_and_tried_again() {
    let workshop = Workshop::start("/no/such/shell").await;
    let mut page = workshop.page("main", 80, 24).await;
    page.shows("The shell cannot be started").await;
    page.until("the end", |page| page.messages.contains(&ServerMessage::Exit { code: None })).await;
    page.messages.clear();
    page.types("x").await;
    page.until("another try", |page| page.messages.contains(&ServerMessage::Exit { code: None })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_and_goes_is_in_the_log() {
    let (workshop, page) = bash().await;
    let watching = Page::open(&workshop.terminals, "main", Role::Instructor, 200, 50).await;
    assert!(
        matches!(watching.messages[0], ServerMessage::Restored { cols: 80, rows: 24, .. }),
        "an instructor changes no size"
    );
    watching.types("echo from the instructor\r").await;
    let none = workshop.terminals.attach("other", Role::Instructor, (80, 24)).await;
    assert_eq!(none.err(), Some(AttachError::NotFound));
    for name in ["", "../x", "A", "a b", &"x".repeat(33)] {
        let refused = workshop.terminals.attach(name, Role::Student, (80, 24)).await;
        assert_eq!(refused.err(), Some(AttachError::Name), "{name:?}");
    }
    let other = workshop.page("other-1", 80, 24).await;
    assert_eq!(
        workshop.terminals.list().iter().map(|t| t.name.clone()).collect::<Vec<_>>(),
        ["main", "other-1"]
    );
    for page in [page, watching, other] {
        page.seat.leave().await;
    }
    let count = |w: &Workshop, name: &str| {
        w.records("state-events.jsonl").iter().filter(|e| e["event"] == name).count()
    };
    workshop.until("both students left", |w| count(w, "disconnected") == 2).await;
    assert_eq!((count(&workshop, "connected"), count(&workshop, "session_opened")), (2, 2));
    workshop.terminals.shut_down().await;
    assert_eq!(count(&workshop, "session_closed"), 2);
    let refused = workshop.terminals.attach("main", Role::Student, (80, 24)).await;
    assert_eq!(refused.err(), Some(AttachError::Unavailable));
    assert!(!workshop.casts()[0].1.contains("instructor"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_stalls_stops_nobody_and_catches_up() {
    let (workshop, mut page) = bash().await;
    let mut stalled = workshop.page("main", 80, 24).await;
    stalled.acknowledges = false;
    page.types("seq 1 300000; echo do''ne\r").await;
    page.shows("done").await;
    assert!(
        !page.messages.iter().skip(1).any(|message| matches!(message, ServerMessage::Restored { .. })),
        "{:?}",
        page.messages
    );
    // What was sent to the stalled one is bounded; it is not shown what came after.
    stalled.settle().await;
    assert!(
        stalled.output.len() < 512 * 1024 && !stalled.text().contains("done"),
        "{}",
        stalled.output.len()
    );
    stalled.seat.acknowledge(u64::MAX).await.unwrap();
    stalled.shows("done").await;
    assert_eq!(stalled.messages.len(), 2, "it began anew: {:?}", stalled.messages);
    page.settle().await;
    assert_eq!(page.terminal.dump(), stalled.terminal.dump());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_only_page_stalls_and_the_program_goes_on() {
    let (workshop, mut page) = bash().await;
    page.acknowledges = false;
    page.types("seq 1 300000; echo finished > ~/finished\r").await;
    let (begin, finished) = (Instant::now(), workshop.root.path().join("home/finished"));
    workshop.until("the program ends", |_| finished.exists()).await;
    assert!(begin.elapsed() > Duration::from_millis(900), "it waited for the page first");
    workshop.until("all is recorded", |w| w.casts()[0].1.contains("300000")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_ends_with_control_c() {
    for acknowledges in [true, false] {
        let (_workshop, mut page) = bash().await;
        page.acknowledges = acknowledges;
        page.types("yes\r").await;
        page.until("the flood", |page| page.output.len() > 100_000).await;
        if !acknowledges {
            tokio::time::sleep(Duration::from_millis(1500)).await;
            page.acknowledges = true;
            page.seat.acknowledge(u64::MAX).await.unwrap();
        }
        page.types("\u{3}").await;
        page.until("the prompt", |page| page.text().trim_end().ends_with("\n$")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cast_ends_at_its_limit_and_the_terminal_lives() {
    let workshop = Workshop::with("/bin/bash", 50_000, &[]).await;
    let mut page = workshop.page("main", 80, 24).await;
    page.shows("$").await;
    page.types("seq 1 20000; echo al''ive\r").await;
    page.shows("alive").await;
    workshop
        .until("the end of the recording is in the log", |w| {
            w.records("state-events.jsonl").iter().any(|e| e["event"] == "recording_stopped")
        })
        .await;
    assert!(!workshop.workspace.health().borrow().recording);
    let cast = workshop.casts().remove(0).1;
    assert!((30_000..=50_000).contains(&cast.len()), "{}", cast.len());
    events(&cast);
    workshop.terminals.shut_down().await;
    assert!(workshop.workspace.health().borrow().recording, "no session is not recorded now");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_paste_arrives_whole() {
    let (workshop, mut page) = bash().await;
    page.types("cat > ~/text\r").await;
    page.settle().await;
    let text: String = (0..40_000).map(|n| format!("line {n} of a long paste\n")).collect();
    let (seat, sent) = (&page.seat, text.clone());
    assert!(tokio::time::timeout(PATIENCE, seat.type_bytes(sent.into())).await.is_ok(), "the paste hangs");
    page.types("\u{4}echo pas''ted\r").await;
    page.shows("pasted").await;
    let pasted = std::fs::read_to_string(workshop.root.path().join("home/text")).unwrap();
    assert!(pasted == text, "{} of {} bytes", pasted.len(), text.len());
}

/// Leaves so many MiB of the 100 free, or none.
fn leave(mount: &Mount, free: u64) {
    let filler = mount.path().join("filler");
    let _ = std::fs::remove_file(&filler);
    if free == 0 {
        mount.fill();
    } else {
        std::fs::write(filler, vec![0; (100 - free as usize) << 20]).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_the_recording_and_not_the_terminal() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("runtime")).unwrap();
    let test = "a_full_disk_stops_the_recording_and_not_the_terminal";
    let Some(small) = Mount::tmpfs_at(test, &root.path().join("runtime"), "size=100m") else { return };
    let workshop = Workshop::at(root, "/bin/bash", 0, &[]).await;
    let mut page = workshop.page("main", 80, 24).await;
    page.shows("$").await;
    let count = |w: &Workshop, name: &str| {
        w.records("state-events.jsonl").iter().filter(|e| e["event"] == name).count()
    };
    // Little space: recording stops.
    leave(&small, 40);
    page.types("echo little''-space\r").await;
    page.shows("little-space").await;
    // Nothing more is typed: it learns by itself.
    workshop.until("the recording stops", |w| !w.workspace.health().borrow().recording).await;
    // Space again: it goes on in a new file, which begins with the screen.
    leave(&small, 90);
    workshop.until("a new recording begins", |w| count(w, "recording_started") == 1).await;
    page.types("echo space''-again\r").await;
    page.shows("space-again").await;
    workshop.until("it is written", |w| w.casts().len() == 2 && w.casts()[1].1.contains("space-again")).await;
    let second = workshop.casts().remove(1).1;
    let first_event = events(&second).remove(0);
    assert!(first_event.0 > 0.1 && first_event.2.contains("little-space"), "{first_event:?}");
    // No space at all: keys, output and a new page, and what happened is told when there is space.
    leave(&small, 0);
    page.types("echo no''-space; seq 1 2000\r").await;
    page.shows("2000").await;
    let mut other = workshop.page("main", 80, 24).await;
    other.shows("2000").await;
    other.types("echo still''-here\r").await;
    page.shows("still-here").await;
    leave(&small, 90);
    workshop.until("the second page is in the log", |w| count(w, "connected") == 2).await;
    page.types("true last\r").await;
    workshop
        .until("commands are in the log", |w| w.commands().last().is_some_and(|c| c["cmd"] == "true last"))
        .await;
    let commands = workshop.commands();
    assert!(commands.iter().any(|c| c["cmd"] == "echo still''-here"), "{commands:#?}");
}
