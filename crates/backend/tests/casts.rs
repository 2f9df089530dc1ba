//! Recordings of a real session, played and converted by asciinema itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod terminal_harness;

use std::{fs, path::Path, process::Command};

use terminal_harness::Workshop;

/// What asciinema prints when it is run like this.
fn asciinema(arguments: &[&str], cast: &Path) -> String {
    let tools =
        Path::new(env!("CARGO_BIN_EXE_workshop-backend")).ancestors().nth(2).unwrap().join("tools/bin");
    let program = [tools.join("asciinema"), "asciinema".into()]
        .into_iter()
        .find(|program| Command::new(program).arg("--version").output().is_ok_and(|o| o.status.success()))
        .expect("asciinema 3, which `cargo xtask test` installs");
    // It plays to a terminal.
    let line = [&[program.to_str().unwrap()], arguments, &[cast.to_str().unwrap()]].concat().join(" ");
    let output = Command::new("script").args(["-qec", &line, "/dev/null"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{line}: {said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn asciinema_plays_and_converts_what_was_recorded() {
    let workshop = Workshop::start("bash").await;
    let mut page = workshop.page("main", 80, 24).await;
    page.types("printf '\\e[31mred\\e[0m \u{1f427} \u{5d0}\u{5d1} %s\\n' it-is\n").await;
    page.shows("it-is").await;
    page.seat.resize((100, 30)).await.unwrap();
    page.types("stty size; echo do'ne'\n").await;
    page.shows("done").await;
    workshop.terminals.shut_down().await;
    let journal = workshop.workspace.journal().clone();
    tokio::task::spawn_blocking(move || journal.close()).await.unwrap();

    let (name, _) = workshop.casts().into_iter().next().expect("a recording");
    let cast = workshop.runtime().join(name);
    let played = asciinema(&["play", "--speed", "1000", "--idle-time-limit", "0.1"], &cast);
    for part in ["\u{1b}[31mred\u{1b}[0m \u{1f427} \u{5d0}\u{5d1} it-is", "30 100", "done"] {
        assert!(played.contains(part), "{part:?} is not in {played:?}");
    }
    let out = workshop.root.path().join("converted");
    let convert = |format: &str| {
        let _ = fs::remove_file(&out);
        let out = out.to_str().unwrap();
        asciinema(
            &["convert", "--output-format", format, "--overwrite"],
            Path::new(&format!("{} {out}", cast.display())),
        );
        fs::read_to_string(out).unwrap()
    };
    let text = convert("txt");
    assert!(text.contains("red \u{1f427} \u{5d0}\u{5d1} it-is") && text.contains("30 100"), "{text}");
    assert!(convert("asciicast-v3").starts_with("{\"version\":3"));
}
