//! Programs started directly, as the backend in a container does: as whom, with what, and how they end.
#![allow(clippy::expect_used, clippy::panic, reason = "a failed expectation is a failed test")]

mod launched;

use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::time::Duration;

use launched::{PATIENCE, SIZE, Screen, bash, read_all, run};
use tokio::time::timeout;
use workshop_sandbox::{Direct, DirectError, Exit, Launcher, Program, RunAs, Signal};
use workshop_testing::until_async;

/// An account that every machine has beside root.
const USER: &str = "nobody";

fn launcher() -> Launcher {
    Launcher::Direct(Direct::new(USER).expect("there is such a user"))
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs a script and compares what it prints.
async fn check(script: &str, expected: &str) {
    assert_eq!(run(&launcher(), "/", script).await.1, expected, "{script}");
}

#[tokio::test]
async fn root_becomes_the_student_wholly() {
    let launcher = launcher();
    assert_eq!(launcher.isolated(), is_root());
    if is_root() {
        check(
            "id -un; grep -E '^(Uid|Gid)' /proc/self/status | cut -f 2- | xargs -n 4 | uniq | wc -l",
            "nobody\n1\n",
        )
        .await;
        check("grep -E '^Cap(Prm|Eff|Amb)' /proc/self/status | cut -f 2 | uniq", "0000000000000000\n").await;
        check("grep ^Groups /proc/self/status | xargs", "Groups: 65534\n").await;
        check("cat /proc/$PPID/environ 2>&1 | grep -o 'Permission denied'", "Permission denied\n").await;
    } else {
        check("id -u", &format!("{}\n", rustix::process::geteuid().as_raw())).await;
    }
}

#[tokio::test]
async fn root_runs_what_says_so() {
    let launcher = launcher();
    let program = Program { run_as: RunAs::Root, ..bash(&launcher, "/", "id -u") };
    let started = launcher.spawn_with_pipes(&program).await;
    if is_root() {
        assert_eq!(read_all(started.expect("it starts").0.stdout).await, "0\n");
    } else {
        assert_eq!(started.expect_err("not root").kind(), ErrorKind::PermissionDenied);
    }
}

#[tokio::test]
async fn a_program_has_its_environment_and_nothing_else() {
    check("env | cut -d= -f1 | sort | xargs", "HOME LANG LOGNAME PATH PWD SHLVL USER _\n").await;
    check("ls /proc/self/fd | xargs", "0 1 2 3\n").await;
    check("ps -o sid=,pgid= -p $$ | xargs -n 1 | uniq | diff - <(echo $$) && echo leads", "leads\n").await;
    check("pwd; trap; ulimit -c >/dev/null", "/\n").await;
}

#[tokio::test]
async fn a_terminal_controls_its_session() {
    let launcher = launcher();
    let script =
        "ps -o tty=,tpgid= -p $$ | xargs; echo $$; stty size; stty -a | grep -o '[-]*iutf8'; sleep 1000";
    let program = bash(&launcher, "/", script);
    let (master, mut shell) = launcher.spawn_on_terminal(&program, SIZE).await.expect("it starts");
    let mut screen = Screen::new(master);
    let shown = screen.shows("iutf8\r\n").await;
    let lines: Vec<&str> = shown.lines().collect();
    let [tty, pid, size, "iutf8"] = lines[..] else { panic!("{lines:?}") };
    assert!(tty.starts_with("pts/") && tty.ends_with(&format!(" {pid}")), "{lines:?}");
    assert_eq!(size, "30 101");
    // Until `sleep` runs, there is nobody to end: bash itself never heeds it.
    let ended = async {
        loop {
            screen.type_in("\u{1c}");
            if let Ok(exit) = timeout(Duration::from_millis(100), shell.wait()).await {
                return exit;
            }
        }
    };
    let exit = timeout(PATIENCE, ended).await.expect("Ctrl-\\ ends it").expect("its end");
    assert_eq!((exit.shell_code(), exit.code), (131, exit.code));
}

#[test]
fn signals_that_the_backend_ignores_are_heeded_by_programs() {
    let tests = ["a_program_has_its_environment_and_nothing_else", "a_terminal_controls_its_session"];
    let again = std::env::current_exe().expect("this test's program");
    let output = std::process::Command::new("sh")
        .args(["-c", "trap '' HUP INT QUIT TERM TSTP; exec \"$@\"", "sh"])
        .arg(again)
        .arg("--exact")
        .args(tests)
        .output()
        .expect("it runs");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && shown.contains("2 passed"), "{shown}");
}

#[tokio::test]
async fn the_student_may_open_its_terminal_by_name() {
    let launcher = launcher();
    let program = bash(&launcher, "/", "echo opened > $(tty); stat -c %U $(tty)");
    let (master, _shell) = launcher.spawn_on_terminal(&program, SIZE).await.expect("it starts");
    Screen::new(master).shows(&format!("opened\r\n{}\r\n", launcher.student().name)).await;
}

#[tokio::test]
async fn a_terminal_hangs_up_when_its_master_is_gone() {
    let launcher = launcher();
    let program = bash(&launcher, "/", "sleep 1000");
    let (master, mut shell) = launcher.spawn_on_terminal(&program, SIZE).await.expect("it starts");
    drop(master);
    let exit = timeout(PATIENCE, shell.wait()).await.expect("it ends").expect("its end");
    assert_eq!(exit, Exit { code: None, signal: Some(Signal::HUP.as_raw()) });
}

#[tokio::test]
async fn ends_are_told() {
    for (script, code, signal) in
        [("exit 0", Some(0), None), ("exit 7", Some(7), None), ("kill -TERM $$", None, Some(15))]
    {
        let (exit, _) = run(&launcher(), "/", script).await;
        assert_eq!(exit, Exit { code, signal }, "{script}");
    }
}

#[tokio::test]
async fn a_group_is_signalled_and_killed_with_its_leader() {
    let launcher = launcher();
    let count = async || run(&launcher, "/", "pgrep -fx 'sleep 98[123]' | wc -l").await.1.trim().to_owned();
    let program = bash(&launcher, "/", "sleep 981 & sleep 982");
    let (_pipes, mut running) = launcher.spawn_with_pipes(&program).await.expect("it starts");
    while count().await != "2" {}
    running.signal_group(Signal::TERM);
    assert_eq!(running.wait().await.expect("its end").signal, Some(15));
    running.signal_group(Signal::TERM);
    while count().await != "0" {}

    // What is left when the leader ends, and what runs when nobody wants it any more.
    run(&launcher, "/", "sleep 983 >/dev/null 2>&1 & true").await;
    let (_pipes, unwanted) = launcher.spawn_with_pipes(&program).await.expect("it starts");
    while count().await != "2" {}
    drop(unwanted);
    while count().await != "0" {}
}

#[tokio::test]
async fn waiting_may_be_cancelled_and_repeated() {
    let launcher = launcher();
    let (_pipes, mut running) =
        launcher.spawn_with_pipes(&bash(&launcher, "/", "sleep 0.3; exit 4")).await.expect("it starts");
    assert!(timeout(Duration::from_millis(50), running.wait()).await.is_err());
    for _ in 0..2 {
        assert_eq!(running.wait().await.expect("its end").code, Some(4));
    }
}

#[tokio::test]
async fn descriptors_and_zombies_do_not_pile_up() {
    let launcher = launcher();
    let probe = std::fs::File::open("/proc").expect("/proc").as_raw_fd();
    for _ in 0..200 {
        let started = launcher.spawn_with_pipes(&bash(&launcher, "/", "true")).await.expect("it starts");
        drop(started);
    }
    let zombies = || {
        let own = std::fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
        own.split_whitespace().count()
    };
    until_async("no zombie is left", async || zombies() == 0).await;
    let descriptor = || std::fs::File::open("/proc").expect("/proc").as_raw_fd();
    until_async("the descriptors are closed", async || descriptor() < probe + 20).await;
}

#[tokio::test]
async fn what_cannot_be_started_says_so() {
    let launcher = launcher();
    let missing = Program { argv: vec!["/no/such/program".into()], ..bash(&launcher, "/", "") };
    assert_eq!(launcher.spawn_with_pipes(&missing).await.expect_err("not there").kind(), ErrorKind::NotFound);
    let nowhere = bash(&launcher, "/no/such", "true");
    let error = launcher.spawn_with_pipes(&nowhere).await.expect_err("not there");
    assert_eq!(error.to_string(), "directory /no/such: No such file or directory (os error 2)");
    if is_root() {
        let error = Direct::new("no-such-user").expect_err("not there");
        assert!(matches!(error, DirectError::NoSuchUser { .. }), "{error}");
    }
}
