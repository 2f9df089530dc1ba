//! The sandbox from the inside: what a student sees and can do there, and what stays when it dies.
#![allow(clippy::expect_used, clippy::panic, reason = "a failed expectation is a failed test")]

mod launched;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use launched::{PATIENCE, SIZE, Screen, bash, run};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};
use workshop_sandbox::{Exit, Launcher, Programs, RunAs, Sandbox};

fn programs() -> Programs {
    Programs { backend: launched::backend(), goss: PathBuf::new() }
}

/// A sandbox in a folder of its own, with something beside it that a student must not see.
struct Workspace {
    home: TempDir,
    launcher: Launcher,
}

impl Workspace {
    async fn new() -> Self {
        let home = TempDir::new().expect("a folder");
        fs::create_dir(home.path().join("runtime")).expect("a log volume");
        fs::write(home.path().join("runtime/state-events.jsonl"), "the log\n").expect("a log");
        let launcher = start(home.path()).await;
        Self { home, launcher }
    }

    async fn run(&self, script: &str) -> String {
        run(&self.launcher, "/workspace", script).await.1
    }
}

async fn start(home: &Path) -> Launcher {
    Launcher::Sandbox(Sandbox::start(&home.join("sandbox"), &programs()).await.expect("a sandbox"))
}

/// Runs a script in a sandbox and compares what it prints.
async fn check(workspace: &Workspace, script: &str, expected: &str) {
    assert_eq!(workspace.run(script).await, expected, "{script}");
}

/// Its own `etc` is made anew at every start; another's is not.
#[tokio::test]
async fn a_folder_of_another_is_left_alone() {
    let home = TempDir::new().expect("a folder");
    fs::create_dir(home.path().join("etc")).expect("a folder");
    for name in ["etc/passwd", "thesis.txt"] {
        fs::write(home.path().join(name), "mine").expect("a file");
    }
    let error = Sandbox::start(home.path(), &programs()).await.expect_err("it is not a sandbox's");
    assert!(error.to_string().contains("thesis.txt is in it"), "{error}");
    assert_eq!(fs::read_to_string(home.path().join("etc/passwd")).expect("it is there"), "mine");
    assert!(!home.path().join("workspace").exists());
}

#[tokio::test]
async fn the_student_is_at_home() {
    let workspace = Workspace::new().await;
    check(
        &workspace,
        "id -un; id -u; id -gn; id -G; hostname; pwd; echo ~",
        "student\n1000\nstudent\n1000\nworkshop\n/workspace\n/home/student\n",
    )
    .await;
    check(
        &workspace,
        "touch mine ~/mine /tmp/mine /var/tmp/mine /dev/shm/mine && stat -c %U mine ~/mine",
        "student\nstudent\n",
    )
    .await;
    check(
        &workspace,
        "cat /proc/sys/net/ipv4/ip_local_port_range > /dev/null && getent hosts localhost | wc -l",
        "1\n",
    )
    .await;
    check(&workspace, "awk 'BEGIN { print 1 + 1 }'; vi --version >/dev/null && echo vi", "2\nvi\n").await;
    check(&workspace, "(exec 3<>/dev/tcp/127.0.0.1/9) 2>&1 | grep -m 1 -o refused", "refused\n").await;
}

#[tokio::test]
async fn shells_find_their_settings() {
    let workspace = Workspace::new().await;
    check(&workspace, "bash -ic 'alias ll; umask' 2>/dev/null", "alias ll='ls -l'\n0022\n").await;
    check(
        &workspace,
        "test -r /etc/workshop-platform.bashrc && test -r /etc/workshop-platform.zsh/.zshrc && echo both",
        "both\n",
    )
    .await;
}

#[tokio::test]
async fn the_workspace_may_be_closed_to_others() {
    let workspace = Workspace::new().await;
    check(&workspace, "chmod 700 /workspace ~; mkdir -m 700 closed", "").await;
    check(&workspace, "stat -c %a /workspace", "700\n").await;
    let program = bash(&workspace.launcher, "/workspace/closed", "pwd");
    let (master, _shell) = workspace.launcher.spawn_on_terminal(&program, SIZE).await.expect("a shell");
    Screen::new(master).shows("/workspace/closed").await;
}

#[tokio::test]
async fn nothing_of_the_host_is_seen() {
    let workspace = Workspace::new().await;
    check(
        &workspace,
        "ls -A / | grep -vE '^(bin|sbin|lib|lib32|lib64|libx32)$' | xargs",
        "dev etc home opt proc run tmp usr var workspace\n",
    )
    .await;
    check(
        &workspace,
        "ls -A /home /run /tmp /workspace /opt /var | xargs",
        "/home: student /opt: workshop /run: /tmp: /var: run tmp /workspace:\n",
    )
    .await;
    check(
        &workspace,
        "cut -d: -f1 /etc/passwd | xargs; cat /etc/resolv.conf /etc/hostname",
        "root student nobody\nworkshop\n",
    )
    .await;
    check(
        &workspace,
        "find / -xdev \\( -name 'state-events.jsonl' -o -name '*.sock' -o -type s \\) 2>/dev/null",
        "",
    )
    .await;
    check(&workspace, "env | cut -d= -f1 | sort | xargs", "HOME LANG LOGNAME PATH PWD SHLVL USER _\n").await;
    check(&workspace, "ls /proc/self/fd | wc -l; ls -l /proc/$$/fd | grep -c socket", "4\n0\n").await;
    check(
        &workspace,
        "ps -eo pid,comm --no-headers | head -n 1 | xargs; cat /proc/1/cmdline | tr '\\0' ' '",
        "1 workshop-backen\n/opt/workshop/bin/workshop-backend sandbox-init ",
    )
    .await;
    check(&workspace, "ip -o link 2>/dev/null | grep -vc ' lo:'; cat /proc/net/dev | grep -c :", "0\n1\n")
        .await;
}

#[tokio::test]
async fn nothing_of_the_host_can_be_changed() {
    let workspace = Workspace::new().await;
    for place in
        ["/x", "/usr/x", "/etc/x", "/bin/x", "/opt/workshop/bin/x", "/proc/sys/kernel/hostname", "/etc/hosts"]
    {
        check(&workspace, &format!("(echo x > {place}) 2>/dev/null && echo written"), "").await;
    }
}

#[tokio::test]
async fn the_student_has_no_capabilities() {
    let workspace = Workspace::new().await;
    check(
        &workspace,
        "grep -E '^(CapPrm|CapEff|CapAmb|NoNewPrivs)' /proc/self/status | awk '{ print $2 }' | xargs",
        "0000000000000000 0000000000000000 0000000000000000 1\n",
    )
    .await;
}

#[tokio::test]
async fn the_first_process_is_out_of_reach() {
    let workspace = Workspace::new().await;
    check(&workspace, "kill -9 1 2>/dev/null; kill -0 $$ && echo alive", "alive\n").await;
    for secret in ["environ", "mem", "fd/0", "maps"] {
        check(
            &workspace,
            &format!("head -c 1 /proc/1/{secret} 2>&1 >/dev/null | grep -o 'Permission denied'"),
            "Permission denied\n",
        )
        .await;
    }
}

#[tokio::test]
async fn programs_see_each_other_and_leave_no_zombies() {
    let workspace = Workspace::new().await;
    check(&workspace, "setsid sleep 1000 >/dev/null 2>&1 & sleep 0.2", "").await;
    check(&workspace, "pgrep -x sleep | wc -l", "1\n").await;
    check(&workspace, "for i in 1 2 3 4 5 6 7 8 9; do (setsid sleep 0.05 >/dev/null 2>&1 &); done; sleep 0.5; ps -eo stat --no-headers | grep -c Z", "0\n").await;
}

#[tokio::test]
async fn what_is_done_stays_when_the_sandbox_is_killed() {
    let workspace = Workspace::new().await;
    check(&workspace, "echo done > done; echo 'ls' > ~/.bash_history", "").await;
    let program = bash(&workspace.launcher, "/workspace", "sleep 1000");
    let (master, mut shell) = workspace.launcher.spawn_on_terminal(&program, SIZE).await.expect("a shell");
    for bwrap in bubblewraps_of(workspace.home.path()) {
        kill_process(bwrap, Signal::KILL).expect("it runs");
    }
    let exit = timeout(PATIENCE, shell.wait()).await.expect("its end is seen in time").expect("its end");
    assert_eq!(exit, Exit { code: None, signal: Some(9) });
    drop(master);
    check(&workspace, "cat done ~/.bash_history; pgrep -x sleep | wc -l", "done\nls\n0\n").await;
}

#[tokio::test]
async fn the_sandbox_ends_with_its_last_handle() {
    let workspace = Workspace::new().await;
    let marker = workspace.home.path().join("sandbox/workspace/alive");
    check(
        &workspace,
        "(setsid bash -c 'while touch alive; do sleep 0.05; done' >/dev/null 2>&1 &); sleep 0.2",
        "",
    )
    .await;
    let touched = async || {
        fs::remove_file(&marker).expect("it was touched");
        sleep(Duration::from_millis(500)).await;
        marker.exists()
    };
    let clone = workspace.launcher.clone();
    drop(workspace.launcher);
    sleep(Duration::from_millis(300)).await;
    assert!(touched().await, "a clone keeps the sandbox");
    drop(clone);
    // It ends soon, not at once.
    for _ in 0..20 {
        sleep(Duration::from_millis(200)).await;
        if !touched().await {
            return;
        }
    }
    panic!("it runs on");
}

#[tokio::test]
async fn what_cannot_be_started_says_so() {
    let workspace = Workspace::new().await;
    let launcher = &workspace.launcher;
    let good = bash(launcher, "/workspace", "true");
    let start = async |change: &dyn Fn(&mut workshop_sandbox::Program)| {
        let mut program = good.clone();
        change(&mut program);
        launcher.spawn_with_pipes(&program).await.map(drop)
    };
    let error = start(&|program| program.argv = vec!["no-such-program".into()]).await.expect_err("not there");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = start(&|program| program.run_as = RunAs::Root).await.expect_err("no root");
    assert_eq!(
        error.to_string(),
        "there is no root in a sandbox: a step with `checkUser: root` needs a container"
    );
    let error = start(&|program| program.cwd = "/no/such".into()).await.expect_err("not there");
    assert_eq!(error.to_string(), "directory /no/such: No such file or directory (os error 2)");
    let error = start(&|program| program.argv = Vec::new()).await.expect_err("nothing");
    assert_eq!(error.to_string(), "there is no program to start");
    let error =
        start(&|program| program.env = vec![("X".into(), "x".repeat(200_000))]).await.expect_err("too long");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    start(&|_| ()).await.expect("after all that the sandbox still works");
}

#[tokio::test]
async fn terminals_have_names_inside() {
    let workspace = Workspace::new().await;
    let script =
        "tty; test -w $(tty) && stty size; ps -o tty= -p $$; read -r line; echo \"<$line>\"; sleep 1000";
    let program = bash(&workspace.launcher, "/workspace", script);
    let (master, mut shell) = workspace.launcher.spawn_on_terminal(&program, SIZE).await.expect("a shell");
    let mut screen = Screen::new(master);
    assert_eq!(screen.shows("pts/0\r\n30 101\r\npts/0").await.trim(), "/dev/pts/0\r\n30 101\r\npts/0");
    screen.type_in("h\u{e9}\u{7f}i\n");
    screen.shows("<hi>").await;
    screen.type_in("\u{3}");
    let exit = timeout(PATIENCE, shell.wait()).await.expect("Ctrl-C ends it").expect("its end");
    assert_eq!(exit.shell_code(), 130);
}

#[test]
fn as_an_ordinary_user_too() {
    launched::again_as_ordinary_user("as_an_ordinary_user_too", "nothing_of_the_host_is_seen");
}

/// The bubblewraps of this process whose sandbox has `folder` mounted: other tests have theirs.
fn bubblewraps_of(folder: &Path) -> Vec<Pid> {
    let folder = folder.to_string_lossy();
    let shows_folder = |pid: &str| {
        fs::read_to_string(format!("/proc/{pid}/mountinfo")).is_ok_and(|mounts| mounts.contains(&*folder))
    };
    children(&std::process::id().to_string())
        .iter()
        .filter(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "bwrap\n"))
        .filter(|pid| children(pid).iter().any(|inside| shows_folder(inside)))
        .filter_map(|pid| Pid::from_raw(pid.parse().ok()?))
        .collect()
}

/// The children of all threads of a process.
fn children(pid: &str) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().filter_map(Result::ok);
    threads
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|pids| pids.split_whitespace().map(ToOwned::to_owned).collect::<Vec<_>>())
        .collect()
}

#[tokio::test]
async fn programs_that_make_terminals_and_ask_for_passwords_work() {
    let workspace = Workspace::new().await;
    let script = "script -qc tty /dev/null; su; echo over";
    let program = bash(&workspace.launcher, "/workspace", script);
    let (master, _shell) = workspace.launcher.spawn_on_terminal(&program, SIZE).await.expect("a shell");
    let mut screen = Screen::new(master);
    screen.shows("/dev/pts/1\r\nPassword: ").await;
    screen.type_in("guess\n");
    screen.shows("su: Authentication failure\r\nover").await;
}

#[tokio::test]
async fn a_sandbox_that_cannot_be_made_says_why() {
    let home = TempDir::new().expect("a folder");
    let missing = Programs { backend: "/no/such/backend".into(), ..programs() };
    let error = Sandbox::start(home.path(), &missing).await.expect_err("not there");
    let expected =
        "bubblewrap could not make the sandbox: bwrap: Can't find source path /no/such/backend: No such file";
    assert!(error.to_string().starts_with(expected), "{error}");
    let broken = Programs { backend: "/bin/false".into(), ..programs() };
    let error = Sandbox::start(home.path(), &broken).await.expect_err("not ours");
    assert_eq!(error.to_string(), "bubblewrap could not make the sandbox: exit status: 1");
    fs::write(home.path().join("file"), "").expect("written");
    let error = Sandbox::start(&home.path().join("file"), &programs()).await.expect_err("no folder");
    assert!(error.to_string().starts_with("cannot prepare the sandbox: "), "{error}");
}
