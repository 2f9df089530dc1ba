//! Commands as the log has them: typed in real shells, byte for byte what was entered, with exit code and directory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "tests")]

mod terminal_harness;

use std::time::Duration;

use terminal_harness::{Page, Workshop, shell};

/// Types `keys`, piece by piece, and compares the commands that the log then has.
struct Typing {
    workshop: Workshop,
    page: Page,
    seen: usize,
}

impl Typing {
    async fn in_shell(name: &str, home: &[(&str, &str)]) -> Option<Self> {
        let mut typing = Self::at(Workshop::with(&shell(name)?, 0, home).await).await;
        typing.page.shows("$").await;
        Some(typing)
    }

    async fn at(workshop: Workshop) -> Self {
        let page = workshop.page("main", 80, 24).await;
        Self { workshop, page, seen: 0 }
    }

    /// The commands, with exit codes, that came of typing these pieces.
    async fn check(&mut self, keys: &[&str], expected: &[(&str, i64)]) {
        for piece in keys {
            self.page.types(piece).await;
            self.page.settle().await;
        }
        // When this one is in the log, all before it are.
        let last = format!(": {}", self.seen);
        self.page.types(format!("{last}\r")).await;
        self.workshop
            .until(&format!("{keys:?} is followed by {last:?}"), |w| {
                w.commands().last().is_some_and(|c| c["cmd"] == last.as_str())
            })
            .await;
        self.page.settle().await;
        let commands = self.workshop.commands();
        let found: Vec<(&str, Option<i64>)> = commands[self.seen..commands.len() - 1]
            .iter()
            .map(|c| (c["cmd"].as_str().unwrap(), c["exit"].as_i64()))
            .collect();
        let expected: Vec<_> = expected.iter().map(|(cmd, exit)| (*cmd, Some(*exit))).collect();
        assert_eq!(found, expected, "{keys:?}; screen:\n{}", self.page.text());
        self.seen = commands.len();
    }
}

/// What both shells record alike.
async fn both(typing: &mut Typing) {
    for (keys, expected) in [
        (vec!["true\r"], vec![("true", 0)]),
        (vec!["false\r"], vec![("false", 1)]),
        (vec!["\r", "   \r"], vec![]),
        (vec![" true leading space\r"], vec![(" true leading space", 0)]),
        (vec!["true\r", "true\r"], vec![("true", 0), ("true", 0)]),
        (
            vec!["echo 'single' \"double\" \\\\ \\; `echo x` $(echo y); (exit 3)\r"],
            vec![("echo 'single' \"double\" \\\\ \\; `echo x` $(echo y); (exit 3)", 3)],
        ),
        (
            vec!["printf '%s' '\\u0000 \\x41 \\n' $'\\0' >/dev/null\r"],
            vec![("printf '%s' '\\u0000 \\x41 \\n' $'\\0' >/dev/null", 0)],
        ),
        (vec!["echo 'a\r", "b'\r"], vec![("echo 'a\nb'", 0)]),
        (
            vec!["cat <<E >/dev/null\r", "one;\r", "  two\r", "\r", "E\r"],
            vec![("cat <<E >/dev/null\none;\n  two\n\nE", 0)],
        ),
        (
            vec!["if false\r", "then :\r", "else (exit 7)\r", "fi\r"],
            vec![("if false\nthen :\nelse (exit 7)\nfi", 7)],
        ),
        (vec!["echo one \\\r", "two\r"], vec![("echo one \\\ntwo", 0)]),
        (vec!["echo a\u{16}\tb\r"], vec![("echo a\tb", 0)]),
        (vec!["echo 界 👩‍🚀 é ñ\r"], vec![("echo 界 👩‍🚀 é ñ", 0)]),
        (vec!["echo שלום עולם مرحبا\r"], vec![("echo שלום עולם مرحبا", 0)]),
        (vec!["echo '\u{16}\u{1b}]0;x\u{16}\u{7}'\r"], vec![("echo '\u{1b}]0;x\u{7}'", 0)]),
        (vec!["never run\u{3}"], vec![]),
        (vec!["sleep 30\r", "\u{3}"], vec![("sleep 30", 130)]),
        (vec!["no-such-program-anywhere\r"], vec![("no-such-program-anywhere", 127)]),
        (vec!["cd /usr && pwd\r", "cd -\r"], vec![("cd /usr && pwd", 0), ("cd -", 0)]),
        (vec!["true > /dev/null &\r"], vec![("true > /dev/null &", 0)]),
        // Outside of what a nested shell does, the line that started it is what is known.
        (vec!["bash --norc\r", "echo nested\r", "exit 5\r"], vec![("bash --norc", 5)]),
        (vec!["zsh -f\r", "echo nested\r", "exit 6\r"], vec![("zsh -f", 6)]),
        (
            vec!["tmux -L workshop-test -f /dev/null new sh\r", "echo nested\r", "exit\r"],
            vec![("tmux -L workshop-test -f /dev/null new sh", 0)],
        ),
        (vec!["su -c true root\r", "wrong\r", ""], vec![("su -c true root", 1)]),
        (vec!["sh -c 'exit 9'\r"], vec![("sh -c 'exit 9'", 9)]),
    ] {
        typing.check(&keys, &expected).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bash() {
    let home = [(".bashrc", "PS1='$ '\nHISTCONTROL=ignoreboth\nPROMPT_COMMAND='history -a'\n")];
    let Some(mut typing) = Typing::in_shell("bash", &home).await else { return };
    both(&mut typing).await;
    for (keys, expected) in [
        // Pasted lines are commands of their own.
        (
            vec!["\u{1b}[200~true 1\ntrue '2\n3'\nif true; then\n  false\nfi\u{1b}[201~", "\r"],
            vec![("true 1", 0), ("true '2\n3'", 0), ("if true; then\n  false\nfi", 1)],
        ),
        (vec!["true one\r", "!!\r"], vec![("true one", 0), ("!!", 0)]),
        (vec!["PROMPT_COMMAND='true 9'\r", "false\r"], vec![("PROMPT_COMMAND='true 9'", 0), ("false", 1)]),
        // Typed ahead.
        (vec!["sleep 0.3\recho ahead\r"], vec![("sleep 0.3", 0), ("echo ahead", 0)]),
        (vec!["if then\r"], vec![("if then", 2)]),
        (vec!["\r", "# a comment\r"], vec![]),
        (vec!["if true\r", "\u{3}"], vec![]),
        (vec!["!nothing-like-this\r", "true\r"], vec![("true", 0)]),
        (vec!["echo searched\r", "\u{12}searched\r"], vec![("echo searched", 0), ("echo searched", 0)]),
        (vec!["f() { return 4; }\r", "f\r"], vec![("f() { return 4; }", 0), ("f", 4)]),
        (vec!["set -u\r", "true\r", "set +u\r"], vec![("set -u", 0), ("true", 0), ("set +u", 0)]),
        (
            vec!["IFS=,\r", "for i in a; do\r", "true; done\r"],
            vec![("IFS=,", 0), ("for i in a; do\ntrue; done", 0)],
        ),
        (
            vec!["set -o vi\r", "true vi\r", "\u{1b}kk\r", "set -o emacs\r"],
            vec![("set -o vi", 0), ("true vi", 0), ("set -o vi", 0), ("set -o emacs", 0)],
        ),
    ] {
        typing.check(&keys, &expected).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn zsh() {
    let home = [(
        ".zshrc",
        "PROMPT='$ '\nunsetopt prompt_sp\nsetopt hist_ignore_space hist_ignore_all_dups\nHISTSIZE=100\n",
    )];
    let Some(mut typing) = Typing::in_shell("zsh", &home).await else { return };
    both(&mut typing).await;
    for (keys, expected) in [
        (vec!["sleep 0.3\recho ahead\r"], vec![("sleep 0.3", 0), ("echo ahead", 0)]),
        (
            vec!["HISTSIZE=0\r", "true without history\r"],
            vec![("HISTSIZE=0", 0), ("true without history", 0)],
        ),
    ] {
        typing.check(&keys, &expected).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_of_a_megabyte_is_cut_and_nothing_hangs() {
    for name in ["bash", "zsh"] {
        let Some(mut typing) = Typing::in_shell(name, &[]).await else { continue };
        // Typed by a program rather than by hand: editing a line of a megabyte is the shell's matter.
        let line = format!("x={}\n", "é".repeat(500_000));
        std::fs::write(typing.workshop.root.path().join("home/long"), &line).unwrap();
        let kept = format!("x={}…", "é".repeat(1021));
        let (command, expected) = match name {
            "bash" => ("bind -x '\"\\C-t\": READLINE_LINE=$(<~/long)'\r", kept),
            _ => ("long() { BUFFER=$(<~/long) }; zle -N long; bindkey '^T' long\r", kept),
        };
        typing.check(&[command], &[(command.trim_end(), 0)]).await;
        typing.check(&["\u{14}", "\r"], &[(&expected, 0)]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_has_session_step_directory_and_times() {
    let Some(mut typing) = Typing::in_shell("bash", &[]).await else { return };
    let home = typing.workshop.root.path().join("home").canonicalize().unwrap();
    typing.check(&["cd /tmp\r", "sleep 0.4\r"], &[("cd /tmp", 0), ("sleep 0.4", 0)]).await;
    let commands = typing.workshop.commands();
    let session = typing.workshop.terminals.list().remove(0).session;
    for command in &commands {
        assert_eq!(
            (command["session"].as_str(), command["step"].as_str()),
            (Some(session.as_str()), Some("one"))
        );
    }
    assert_eq!((commands[0]["cwd"].as_str(), commands[1]["cwd"].as_str()), (home.to_str(), Some("/tmp")));
    let ms = commands[1]["ms"].as_u64().unwrap();
    assert!((380..2000).contains(&ms), "{ms}");
    // A replay that seeks to `at` is where the marker of the command stands.
    let (_, cast) = typing.workshop.casts().remove(0);
    let markers: Vec<(f64, String, String)> = cast
        .lines()
        .skip(1)
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|(_, code, _)| code == "m")
        .collect();
    assert_eq!(markers.len(), commands.len());
    for ((at, _, label), command) in markers.iter().zip(&commands) {
        assert!((at - command["at"].as_f64().unwrap()).abs() < 1e-5 && command["cmd"] == label.as_str());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_when_the_shell_ends_ends_with_it() {
    for (keys, expected) in
        [("exit 3\r", ("exit 3", 3)), ("exec sh -c 'exit 6'\r", ("exec sh -c 'exit 6'", 6))]
    {
        let Some(typing) = Typing::in_shell("bash", &[]).await else { return };
        typing.page.types(keys).await;
        typing.workshop.until("the command is in the log", |w| !w.commands().is_empty()).await;
        let command = typing.workshop.commands().remove(0);
        assert_eq!((command["cmd"].as_str(), command["exit"].as_i64()), (Some(expected.0), Some(expected.1)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_marks_count_for_nothing_and_pass() {
    for name in ["bash", "zsh"] {
        let Some(mut typing) = Typing::in_shell(name, &[]).await else { continue };
        let forged = "printf '\\033]633;E;rm -rf /;x\\007\\033]133;C;aid=x\\007\\033]133;D;0\\007\\033]133;A\\007seen'\r";
        typing.page.types(forged).await;
        typing.page.until("the forged marks pass", |p| p.output.contains("\x1b]133;D;0\x07")).await;
        typing.check(&[], &[(forged.trim_end(), 0)]).await;
        let cast = typing.workshop.casts().remove(0).1;
        assert!(cast.contains("]633;E;rm -rf /;x"), "what others print is recorded");
        // Ours are neither shown nor recorded. A piece of output may end anywhere, so the pieces are put together.
        let pieces = cast.lines().filter_map(|line| serde_json::from_str::<(f64, String, String)>(line).ok());
        let recorded: String = pieces.filter(|(_, kind, _)| kind == "o").map(|(.., data)| data).collect();
        for text in [&typing.page.output, &recorded] {
            assert!(!text.contains("aid=") || !text.replace("aid=x", "").contains("aid="), "{text}");
            assert!(!text.contains("Cwd="));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_see_neither_nonce_nor_secrets() {
    for name in ["bash", "zsh"] {
        let Some(mut typing) = Typing::in_shell(name, &[]).await else { continue };
        typing.page.types("env | sort > ~/env; set | grep -c 'WORKSHOP_' > ~/count; true\r").await;
        typing.check(&[], &[("env | sort > ~/env; set | grep -c 'WORKSHOP_' > ~/count; true", 0)]).await;
        let env = std::fs::read_to_string(typing.workshop.root.path().join("home/env")).unwrap();
        for expected in
            ["TERM=xterm-256color", "LANG=C.UTF-8", "COLORTERM=truecolor", "SHELL=/bin/", "PATH=/", "HOME=/"]
        {
            assert!(env.lines().any(|line| line.starts_with(expected)), "{expected} in {env}");
        }
        for absent in ["WORKSHOP", "nonce", "ZDOTDIR"] {
            assert!(!env.contains(absent), "{absent} in {env}");
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_screen_is_as_without_integration() {
    let home = [(".bashrc", "PS1='\\[\\e[32m\\]first line\\[\\e[0m\\]\\n\\w second$ '\n")];
    let long = format!("echo {}\r", "word ".repeat(40));
    let keys = [
        "echo hi\r",
        &long,
        "echo 'a\r",
        "b'\r",
        "\r",
        "echo 界 עולם\r",
        "gone\u{3}",
        "if then\r",
        "\u{12}hi",
        "\r",
        "false\r",
    ];
    let mut screens = Vec::new();
    // bash by another name is left alone.
    for name in ["bash", "plain"] {
        let workshop = Workshop::with("/bin/bash", 0, &home).await;
        let plain = workshop.root.path().join("plain");
        std::os::unix::fs::symlink("/bin/bash", &plain).unwrap();
        let mut page = workshop.page("main", 60, 50).await;
        if name == "plain" {
            page.types(format!("exec {} -i\r", plain.display())).await;
        }
        page.settle().await;
        page.types("cd /usr; clear\r").await;
        page.settle().await;
        for piece in keys {
            page.types(piece).await;
            page.settle().await;
        }
        screens.push(page.text().replace("plain:", "bash:"));
    }
    assert_eq!(screens[0], screens[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_sandbox() {
    for name in ["bash", "zsh"] {
        let Some(path) = shell(name) else { continue };
        let Some(workshop) = Workshop::in_sandbox(&path).await else { return };
        let mut typing = Typing::at(workshop).await;
        typing.page.settle().await;
        typing
            .check(
                &[
                    "cat <<E >note\r",
                    "a; 'b'\r",
                    "E\r",
                    "cd /tmp\r",
                    "sleep 30\r",
                    "\u{3}",
                    "env | grep -c WORKSHOP\r",
                ],
                &[
                    ("cat <<E >note\na; 'b'\nE", 0),
                    ("cd /tmp", 0),
                    ("sleep 30", 130),
                    ("env | grep -c WORKSHOP", 1),
                ],
            )
            .await;
        let directories: Vec<_> = typing.workshop.commands().iter().map(|c| c["cwd"].clone()).collect();
        assert_eq!(directories[..3], ["/workspace", "/workspace", "/tmp"]);
        typing.page.types("read -rs s\r").await;
        typing.page.settle().await;
        typing.page.types("hunter2\r").await;
        typing.check(&[], &[("read -rs s", 0)]).await;
        typing.workshop.terminals.shut_down().await;
        assert!(!typing.workshop.casts()[0].1.contains("hunter2"), "hidden input is hidden here, too");
    }
}
