//! Checks by the real goss, in a real sandbox: what a student reads, and what happens when there is no result.
#![allow(clippy::expect_used, clippy::panic, reason = "a failed expectation is a failed test")]

mod launched;

use std::time::{Duration, Instant};

use launched::{goss, run};
use tempfile::TempDir;
use workshop_backend::check::{CheckError, Checks, Report};
use workshop_events::Trigger;
use workshop_sandbox::{GOSS, Launcher, Programs, RunAs, Sandbox};

/// A sandbox with goss.
struct Workspace {
    _home: TempDir,
    launcher: Launcher,
}

impl Workspace {
    async fn new() -> Self {
        let home = TempDir::new().expect("a folder");
        let programs = Programs { backend: launched::backend(), goss: goss() };
        let sandbox = Sandbox::start(home.path(), &programs).await.expect("a sandbox");
        Self { _home: home, launcher: Launcher::Sandbox(sandbox) }
    }

    fn checks(&self) -> Checks {
        Checks::new(self.launcher.clone(), GOSS)
    }

    async fn check(&self, spec: &str) -> Result<Report, CheckError> {
        self.checks().run(spec, RunAs::Student, Trigger::Student).await
    }
}

/// A report as a student reads it.
fn shown(report: &Report) -> String {
    let lines = report.tests.iter().map(|test| {
        let mark = if test.passed { "pass" } else { "FAIL" };
        let reason = if test.passed {
            String::new()
        } else {
            format!(" | {} | {}", test.test.found, test.test.expected)
        };
        format!("{mark} {}{reason}\n", test.test.title)
    });
    let count = format!("{} of {}\n", report.passed_count, report.total);
    [count].into_iter().chain(lines).collect()
}

/// Prepares a workspace with a script, checks it and compares what the student reads.
async fn check(script: &str, spec: &str, expected: &str) {
    let workspace = Workspace::new().await;
    let (exit, said) = run(&workspace.launcher, "/workspace", script).await;
    assert_eq!(exit.code, Some(0), "{said}");
    let report = workspace.check(spec).await.expect("a result");
    let shown = shown(&report);
    assert_eq!(shown, expected, "{shown}");
    assert_eq!(report.passed, report.tests.iter().all(|test| test.passed));
}

/// Runs a spec that has no result and compares the error.
async fn fails(spec: &str, kind: &str, expected: &str) {
    let error = Workspace::new().await.check(spec).await.expect_err("no result");
    assert_eq!((error.kind(), error.to_string().as_str()), (kind, expected));
}

#[tokio::test]
async fn files() {
    check(
        "printf 'hello\\nworld\\n' > a.txt && chmod 644 a.txt && mkdir d && ln -s a.txt link",
        r#"
file:
  /workspace/a.txt:
    exists: true
    mode: "0640"
    owner: root
    group: student
    filetype: directory
    size: 5
    contents: ["/^helxo$/", "!world", hello, 'say "x"', "!/nothing/"]
  /workspace/missing.txt:
    exists: true
    mode: "0640"
  /workspace/d: {exists: false}
  named:
    path: /workspace/link
    exists: true
    linked-to: b.txt
    filetype: file
  /workspace/choice:
    path: /workspace/a.txt
    exists: true
    mode: {or: ["0640", "0600"]}
    size: {gt: 100}
    contents: "hello\nworld"
"#,
        r#"4 of 17
pass file /workspace/a.txt exists
FAIL file /workspace/a.txt mode | mode is 0644 | 0640
FAIL file /workspace/a.txt owner | owner is student | root
pass file /workspace/a.txt group
FAIL file /workspace/a.txt file type | it is a file | a directory
FAIL file /workspace/a.txt contents | the lines are others | a line that matches /^helxo$/, no line with "world", a line with "say "x""
FAIL file /workspace/a.txt size | size is 12 bytes | 5 bytes
FAIL file /workspace/missing.txt exists | it does not exist | it to exist
FAIL file /workspace/missing.txt mode | not looked at yet | 
FAIL file /workspace/d exists | it exists | it not to exist
pass file /workspace/link exists
FAIL file /workspace/link link target | link target is a.txt | b.txt
FAIL file /workspace/link file type | it is a symbolic link | a file
pass file /workspace/a.txt exists
FAIL file /workspace/a.txt mode | mode is 0644 | 0640 or 0600
FAIL file /workspace/a.txt contents | contents is "hello\nworld\n" | "hello\nworld"
FAIL file /workspace/a.txt size | size is 12 bytes | more than 100 bytes
"#,
    )
    .await;
}

#[tokio::test]
async fn commands() {
    check(
        "true",
        r#"
command:
  echo hi; echo err >&2; exit 3:
    exit-status: 0
    stdout: "ho\n"
    stderr: [nothing]
  number: {exec: echo 5, exit-status: 0, stdout: {gt: 7}}
  matching: {exec: echo hello, exit-status: {lt: 0}, stdout: {match-regexp: ^x$}}
  newline: {exec: printf hello, exit-status: 0, stdout: "hello\n"}
  empty: {exec: "true", exit-status: 0, stdout: "x"}
  slow: {exec: sleep 5, exit-status: 0, timeout: 300}
  json: {exec: "echo '{\"a\": 1}'", exit-status: 0, stdout: {gjson: {a: 2}}}
"#,
        r#"4 of 14
FAIL command echo hi; echo err >&2; exit 3 exit code | exit code is 3 | 0
FAIL command echo hi; echo err >&2; exit 3 output | output is "hi" | "ho"
FAIL command echo hi; echo err >&2; exit 3 error output | there is no such line | a line with "nothing"
pass command number exit code
FAIL command number output | output is 5 | more than 7
FAIL command matching exit code | exit code is 0 | less than 0
FAIL command matching output | output is "hello" | a match of /^x$/
pass command newline exit code
FAIL command newline output | output is "hello" | "hello\n"
pass command empty exit code
FAIL command empty output | output is empty | "x"
FAIL command slow exit code | it did not finish within 300ms | it finishes in time
pass command json exit code
FAIL command json output | output is 1 | 2
"#,
    )
    .await;
}

#[tokio::test]
async fn the_rest() {
    check(
        "setsid sleep 1000 >/dev/null 2>&1 & sleep 0.2",
        r#"
process:
  nonsuch: {running: true}
  sleep: {running: false}
port: {"tcp:4321": {listening: true, ip: [127.0.0.1]}}
service: {nginx: {enabled: true, running: true}}
user:
  student: {exists: true, uid: 7, groups: [wheel], home: /home/x, shell: /bin/x}
  nobody-else: {exists: true, uid: 1000}
group: {students: {exists: true}}
addr: {"tcp://127.0.0.1:9": {reachable: true, timeout: 500}}
dns:
  localhost: {resolvable: true, addrs: [10.0.0.1], timeout: 500}
  nonsuch.invalid: {resolvable: true, timeout: 500}
http: {"http://127.0.0.1:9/x": {status: 200, timeout: 500, body: [hi]}}
interface: {lo: {exists: true, addrs: [10.1.2.3/8], mtu: 1}}
mount: {/nonsuch: {exists: true}, /workspace: {exists: true}}
kernel-param: {kernel.ostype: {value: Plan9}}
matching: {number: {content: 5, matches: {gt: 10}}}
"#,
        r#"4 of 27
FAIL process nonsuch running | it is not running | it to be running
FAIL process sleep running | it is running | it not to be running
FAIL port tcp:4321 listening | nothing listens there | something to listen there
FAIL port tcp:4321 ip | not looked at yet | 
FAIL service nginx enabled | it is not enabled | it to be enabled
FAIL service nginx running | it is not running | it to be running
pass user student exists
FAIL user student uid | uid is 1000 | 7
FAIL user student home | home is /home/student | /home/x
FAIL user student groups | groups are student | wheel among them
FAIL user student shell | shell is /bin/bash | /bin/x
FAIL user nobody-else exists | it does not exist | it to exist
FAIL user nobody-else uid | not looked at yet | 
FAIL group students exists | it does not exist | it to exist
FAIL address tcp://127.0.0.1:9 reachable | it cannot be reached | it to be reachable
pass name localhost resolvable
FAIL name localhost addresses | addresses are 127.0.0.1, ::1 | 10.0.0.1 among them
FAIL name nonsuch.invalid resolvable | it cannot be resolved | it to be resolvable
FAIL page http://127.0.0.1:9/x status | no answer: connection refused | an answer
FAIL page http://127.0.0.1:9/x body | not looked at yet | 
pass interface lo exists
FAIL interface lo addresses | addresses are 127.0.0.1/8, ::1/128 | 10.1.2.3/8 among them
FAIL interface lo mtu | mtu is 65536 | 1
FAIL mount /nonsuch exists | nothing is mounted there | something is mounted there
pass mount /workspace exists
FAIL kernel parameter kernel.ostype value | value is Linux | Plan9
FAIL value number content | content is 5 | more than 10
"#,
    )
    .await;
}

#[tokio::test]
async fn a_server_is_looked_at() {
    check(
        "setsid python3 -m http.server 8399 --bind 127.0.0.1 >/dev/null 2>&1 & sleep 1.5",
        r#"
http:
  http://127.0.0.1:8399/nope: {status: 200, timeout: 900}
  http://127.0.0.1:8399/: {status: 200, timeout: 900, body: ["<p>Welcome"], headers: ["Server: nginx"]}
port:
  tcp:8399: {listening: true, ip: [0.0.0.0]}
process:
  python3: {running: true}
"#,
        r#"3 of 7
FAIL page http://127.0.0.1:8399/nope status | status is 404 | 200
pass page http://127.0.0.1:8399/ status
FAIL page http://127.0.0.1:8399/ headers | there is no such header | a header with "Server: nginx"
FAIL page http://127.0.0.1:8399/ body | there is no such line | a line with "<p>Welcome"
pass port tcp:8399 listening
FAIL port tcp:8399 ip | ip is 127.0.0.1 | 0.0.0.0 among them
pass process python3 running
"#,
    )
    .await;
}

#[tokio::test]
async fn a_title_makes_one_test_of_a_resource() {
    check(
        "echo x > there && chmod 600 there",
        r#"
file:
  second: {title: The second is there, path: /workspace/second, exists: true, mode: "0600", contents: [x]}
  first: {title: The first is right, path: /workspace/there, exists: true, mode: "0600", contents: [x]}
  third: {title: The third is right, path: /workspace/there, exists: true, mode: "0640", contents: ["y"]}
  gone: {title: The fourth is gone, path: /workspace/gone, exists: false, mode: "0600"}
  /workspace/left-out: {exists: true, skip: true}
"#,
        r#"2 of 4
FAIL The second is there | it does not exist | it to exist
pass The first is right
FAIL The third is right | mode is 0600; there is no such line | 0640; a line with "y"
pass The fourth is gone
"#,
    )
    .await;
}

#[tokio::test]
async fn a_spec_that_goss_cannot_use_is_no_failed_check() {
    let broken = async |spec: &str, reason: &str| {
        fails(spec, "broken-check", &format!("The check of this step is broken: {reason}.")).await;
    };
    broken("file: [1,2", "unable to determine format from content").await;
    broken("nonsense: {a: b}", "found 0 tests, source: STDIN").await;
    broken("", "found 0 tests, source: STDIN").await;
    broken("file: {/x: {exist: true}}", "invalid Attribute for File:/x: exist").await;
    broken("file: {/x: {}}", "file /x exists: Syntax Error: Missing required attribute").await;
    broken("file: {/x: {exists: true, skip: true}}", "it has no test that is not skipped").await;
    let spec = "command: {x: {exec: \"true\", exit-status: 0, stdout: {bogus: 1}}}";
    broken(spec, "command x output: Syntax Error: Unknown matcher: bogus").await;
    let spec = "file: {/etc/passwd: {exists: true, contents: [\"/(/\"]}}";
    broken(spec, "file /etc/passwd contents: error parsing regexp: missing closing ): `(`").await;
    let spec = "command: {x: {exec: \"true\", exit-status: [0, 1]}}";
    broken(spec, "command x exit code: ContainElements matcher expects an array/slice/map.  Got:").await;
    broken("http: {x: {status: 200}}", "page x status: Get \"x\": unsupported protocol scheme \"\"").await;
    broken("gossfile: {/no/such.yaml: {}}", "no matched files were found: \"/no/such.yaml\"").await;
}

#[tokio::test]
async fn a_goss_that_dies_is_no_failed_check() {
    let spec = "command: {x: {exec: 'kill -9 $PPID', exit-status: 0}}";
    fails(spec, "goss-crashed", "goss ended without a result (signal 9).").await;
}

#[tokio::test]
async fn too_much_output_is_no_failed_check() {
    let spec = "command: {x: {exec: 'head -c 400000 /dev/zero | tr \\0 a', exit-status: 0, stdout: x}}";
    fails(spec, "check-output-too-long", "The check said more than 1048576 bytes and was stopped.").await;
}

#[tokio::test]
async fn a_missing_goss_is_no_failed_check() {
    let workspace = Workspace::new().await;
    let checks = Checks::new(workspace.launcher.clone(), "/no/such/goss");
    let error = checks
        .run("file: {/x: {exists: true}}", RunAs::Student, Trigger::Student)
        .await
        .expect_err("no goss");
    assert_eq!(error.to_string(), "goss, which runs the checks, is not at /no/such/goss.");
    let error = workspace.checks().run("file: {/x: {exists: true}}", RunAs::Root, Trigger::Student).await;
    let error = error.expect_err("no root");
    assert_eq!(
        error.to_string(),
        "goss could not be started: there is no root in a sandbox: a step with `checkUser: root` needs a container."
    );
}

const SLOW: &str = "command: {x: {exec: 'sleep 987', exit-status: 0, timeout: 1000000}}";

/// Waits until so many `sleep 987` run.
async fn sleepers(workspace: &Workspace, wanted: &str) {
    let count = "pgrep -fx 'sleep 987' | wc -l";
    let start = Instant::now();
    while run(&workspace.launcher, "/", count).await.1.trim() != wanted {
        assert!(start.elapsed() < launched::PATIENCE, "there are not {wanted} sleepers");
    }
}

#[tokio::test]
async fn a_check_that_hangs_is_killed_with_all_it_started() {
    let workspace = Workspace::new().await;
    let checks = workspace.checks().with_time_limit(Duration::from_millis(1500));
    let error = checks.run(SLOW, RunAs::Student, Trigger::Student).await.expect_err("it hangs");
    assert_eq!(error.to_string(), "The check did not finish within 1.5 s and was stopped.");
    sleepers(&workspace, "0").await;
    let spec = "file: {/workspace: {exists: true}}";
    assert!(checks.run(spec, RunAs::Student, Trigger::Student).await.expect("the next one runs").passed);
}

#[tokio::test]
async fn a_periodic_check_makes_way_for_the_student() {
    let workspace = Workspace::new().await;
    let checks = workspace.checks();
    let periodic = checks.run(SLOW, RunAs::Student, Trigger::Periodic);
    let student = async {
        sleepers(&workspace, "1").await;
        let again = checks.run(SLOW, RunAs::Student, Trigger::Periodic).await;
        assert!(matches!(again, Err(CheckError::Yielded)), "one at a time: {again:?}");
        checks.run("file: {/workspace: {exists: true}}", RunAs::Student, Trigger::Student).await
    };
    let (periodic, student) = tokio::join!(periodic, student);
    assert!(matches!(periodic, Err(CheckError::Yielded)), "{periodic:?}");
    assert!(student.expect("a result").passed);
    sleepers(&workspace, "0").await;
}

#[tokio::test]
async fn students_checks_wait_for_each_other() {
    let workspace = Workspace::new().await;
    let checks = workspace.checks();
    let spec = "command: {x: {exec: 'mkdir alone && sleep 0.3 && rmdir alone', exit-status: 0}}";
    let check = || checks.run(spec, RunAs::Student, Trigger::Student);
    let (first, second, third) = tokio::join!(check(), check(), check());
    assert!([first, second, third].into_iter().all(|report| report.expect("a result").passed));
}

#[tokio::test]
async fn the_author_sets_the_environment_and_nothing_else_is_in_it() {
    let workspace = Workspace::new().await;
    let checks = workspace.checks().with_environment(vec![("MODE".into(), "production".into())]);
    let spec = "command: {env: {exec: 'env | cut -d= -f1 | sort | xargs; echo $MODE; pwd', exit-status: 0, \
        stdout: \"HOME LANG LOGNAME MODE PATH PWD USER\\nproduction\\n/workspace\\n\"}}";
    let report = checks.run(spec, RunAs::Student, Trigger::Student).await.expect("a result");
    assert_eq!(shown(&report), "2 of 2\npass command env exit code\npass command env output\n");
}

#[tokio::test]
async fn a_student_cannot_look_into_a_running_check() {
    let workspace = Workspace::new().await;
    let checks = workspace.checks();
    let looking = async {
        sleepers(&workspace, "1").await;
        let script = "goss=$(pgrep -x goss); test -n \"$goss\" && for secret in fd/0 environ mem maps; do \
            head -c 1 /proc/$goss/$secret 2>&1 >/dev/null | grep -o 'Permission denied'; done; \
            cat /opt/workshop/bin/goss 2>&1 >/dev/null | grep -o 'Permission denied'; ls -A /tmp ~ /workspace | grep -c yaml";
        run(&workspace.launcher, "/workspace", script).await.1
    };
    tokio::select! {
        seen = looking => assert_eq!(seen, "Permission denied\n".repeat(5) + "0\n"),
        report = checks.run(SLOW, RunAs::Student, Trigger::Student) => panic!("it should still run: {report:?}"),
    }
    sleepers(&workspace, "0").await;
}

#[test]
fn as_an_ordinary_user_too() {
    launched::again_as_ordinary_user("as_an_ordinary_user_too", "a_student_cannot_look_into_a_running_check");
}
