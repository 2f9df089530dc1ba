//! What there is to do in the example workshop `hello-linux`: the commands of each step, what goes wrong in it, and what
//! help says.

use workshop_events::StepInfo;

/// The workshop's name.
pub const WORKSHOP: &str = "hello-linux";

/// A command, and what the terminal answers.
pub(crate) struct Line {
    pub(crate) cmd: &'static str,
    pub(crate) output: &'static str,
    pub(crate) exit: i32,
    /// How long it runs, in seconds.
    pub(crate) runs: f64,
}

/// A test of a step's check as it fails.
pub(crate) struct Failure {
    pub(crate) title: &'static str,
    pub(crate) found: &'static str,
    pub(crate) expected: &'static str,
    /// What makes it pass.
    pub(crate) fix: Line,
}

/// One step, as students go through it.
pub(crate) struct Task {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    /// How many tests its check has.
    pub(crate) tests: u32,
    /// From 0 to 1: how hard its check is at the first try.
    pub(crate) hard: f64,
    pub(crate) lines: &'static [Line],
    /// What students type by mistake.
    pub(crate) slips: &'static [Line],
    pub(crate) failures: &'static [Failure],
    /// A question to the language model, and its answer.
    pub(crate) question: &'static str,
    pub(crate) answer: &'static str,
}

const fn line(cmd: &'static str, output: &'static str) -> Line {
    Line { cmd, output, exit: 0, runs: 0.02 }
}

const fn slow(cmd: &'static str, output: &'static str, runs: f64) -> Line {
    Line { cmd, output, exit: 0, runs }
}

const fn fails(cmd: &'static str, output: &'static str, exit: i32) -> Line {
    Line { cmd, output, exit, runs: 0.02 }
}

const fn failure(title: &'static str, found: &'static str, expected: &'static str, fix: Line) -> Failure {
    Failure { title, found, expected, fix }
}

/// The steps in order. The third is the hardest, so that a class has somewhere to be stuck.
pub(crate) const TASKS: &[Task] = &[LOOK_AROUND, FILES_AND_FOLDERS, PERMISSIONS, PROCESSES, SMALL_SERVICE];

/// Where [`crate::StudentKind::Stuck`] students are stuck.
pub(crate) const HARDEST: usize = 2;

const LOOK_AROUND: Task = Task {
    id: "look-around",
    title: "Look around",
    tests: 4,
    hard: 0.15,
    lines: &[
        line("whoami", "student\n"),
        line("pwd", "/workspace\n"),
        line(
            "ls /",
            "bin  boot  dev  etc  home  lib  media  proc  root  run  sbin  srv  sys  tmp  usr  var  workspace\n",
        ),
        line(
            "ls -la /workspace",
            "total 8\ndrwxr-xr-x  2 student student 4096 Nov 21 09:00 .\ndrwxr-xr-x 20 root    root    4096 Nov 21 09:00 ..\n",
        ),
        line("pwd > where.txt", ""),
        line("uname -s >> where.txt", ""),
        line("nproc >> where.txt", ""),
        line("cat where.txt", "/workspace\nLinux\n2\n"),
    ],
    slips: &[
        fails("sl /", "bash: sl: command not found\n", 127),
        fails("whomai", "bash: whomai: command not found\n", 127),
        fails("cat were.txt", "cat: were.txt: No such file or directory\n", 1),
        fails("cd /workplace", "bash: cd: /workplace: No such file or directory\n", 1),
    ],
    failures: &[
        failure(
            "where.txt keeps the answer of nproc",
            "/workspace\nLinux",
            "a line that is a number",
            line("nproc >> where.txt", ""),
        ),
        failure(
            "where.txt keeps the answer of pwd",
            "Linux\n2",
            "a line that is /workspace",
            line("pwd > where.txt; uname -s >> where.txt; nproc >> where.txt", ""),
        ),
    ],
    question: "What is the difference between > and >>?",
    answer: "One arrow makes the file new and loses what was in it. Two arrows add to its end. Which of them did you use \
             for the first line, and which for the others?",
};

const FILES_AND_FOLDERS: Task = Task {
    id: "files-and-folders",
    title: "Files and folders",
    tests: 9,
    hard: 0.4,
    lines: &[
        line(
            "cat > report.txt <<'END'\n# Quarterly report\n\nVisitors: 1184\nQuestions: 27\nOpen: 3\nEND",
            "",
        ),
        line("head -n 1 report.txt", "# Quarterly report\n"),
        line("wc -l report.txt", "5 report.txt\n"),
        line("grep Open report.txt", "\x1b[01;31m\x1b[KOpen\x1b[m\x1b[K: 3\n"),
        line("mkdir -p notes/archive", ""),
        line("echo \"Ask about the three open questions\" > notes/monday.txt", ""),
        line("touch notes/tuesday.txt", ""),
        line("ls -R notes", "notes:\narchive  monday.txt  tuesday.txt\n\nnotes/archive:\n"),
        line("cp report.txt notes/report-draft.txt", ""),
        line("mv notes/report-draft.txt notes/archive/", ""),
        line("rm notes/tuesday.txt", ""),
        line("ls -R notes", "notes:\narchive  monday.txt\n\nnotes/archive:\nreport-draft.txt\n"),
    ],
    slips: &[
        fails(
            "mkdir notes/archive",
            "mkdir: cannot create directory ‘notes/archive’: No such file or directory\n",
            1,
        ),
        fails(
            "mv notes/report-draft.txt notes/archiv/",
            "mv: cannot move 'notes/report-draft.txt' to 'notes/archiv/': Not a directory\n",
            1,
        ),
        fails("grpe Open report.txt", "bash: grpe: command not found\n", 127),
        fails("cat report", "cat: report: No such file or directory\n", 1),
        fails("rm notes", "rm: cannot remove 'notes': Is a directory\n", 1),
    ],
    failures: &[
        failure(
            "notes has a copy of where.txt",
            "the file does not exist",
            "notes/where.txt",
            line("cp where.txt notes/", ""),
        ),
        failure(
            "where.txt itself is still in /workspace",
            "the file does not exist",
            "where.txt",
            line("cp notes/where.txt .", ""),
        ),
        failure(
            "notes/tuesday.txt is gone",
            "the file exists",
            "no such file",
            line("rm notes/tuesday.txt", ""),
        ),
    ],
    question: "It says notes has no copy of where.txt but I moved it there?",
    answer: "Moving takes the original away, and the last task wants both. Which of the commands that you used in this \
             step leaves the original where it is?",
};

const PERMISSIONS: Task = Task {
    id: "permissions",
    title: "Who may read it?",
    tests: 5,
    hard: 0.6,
    lines: &[
        line("ls -l report.txt", "-rw-r--r-- 1 student student 63 Nov 21 09:14 report.txt\n"),
        line("chmod 640 report.txt", ""),
        line("ls -l report.txt", "-rw-r----- 1 student student 63 Nov 21 09:14 report.txt\n"),
        line("chmod 000 report.txt", ""),
        fails("cat report.txt", "cat: report.txt: Permission denied\n", 1),
        line("chmod 640 report.txt", ""),
        line("cat > hello.sh <<'END'\n#!/bin/sh\necho \"Hello, Linux\"\nEND", ""),
        fails("./hello.sh", "bash: ./hello.sh: Permission denied\n", 126),
        line("chmod +x hello.sh", ""),
        line("./hello.sh", "Hello, Linux\n"),
        line("mkdir notes/private", ""),
        line(
            "ls -ld notes/private",
            "drwxr-xr-x 2 student student 4096 Nov 21 09:21 \x1b[01;34mnotes/private\x1b[0m\n",
        ),
    ],
    slips: &[
        fails(
            "chmod 640",
            "chmod: missing operand after ‘640’\nTry 'chmod --help' for more information.\n",
            1,
        ),
        fails(
            "chmod 690 report.txt",
            "chmod: invalid mode: ‘690’\nTry 'chmod --help' for more information.\n",
            1,
        ),
        fails("hello.sh", "bash: hello.sh: command not found\n", 127),
        line("chmod 777 notes/private", ""),
        line("chmod 600 notes/private", ""),
        fails("cd notes/private", "bash: cd: notes/private: Permission denied\n", 1),
        fails(
            "chmod u=rwx,go= note/private",
            "chmod: cannot access 'note/private': No such file or directory\n",
            1,
        ),
    ],
    failures: &[
        failure(
            "Only you may list, change and enter notes/private",
            "0755",
            "0700",
            line("chmod 700 notes/private", ""),
        ),
        failure("report.txt is closed to others", "0644", "0640", line("chmod 640 report.txt", "")),
        failure(
            "hello.sh runs and says hello",
            "/bin/sh: 1: /workspace/hello.sh: Permission denied",
            "Hello, Linux",
            line("chmod +x hello.sh", ""),
        ),
    ],
    question: "My folder is private but the check wants 0700, what is that?",
    answer: "Each digit adds up what one of three parties may do: reading counts 4, writing 2, entering 1. The first digit \
             is yours. Which sum gives you all three, and which gives the others nothing?",
};

const PROCESSES: Task = Task {
    id: "processes",
    title: "Running programs",
    tests: 6,
    hard: 0.45,
    lines: &[
        line(
            "cat > ticker.sh <<'END'\n#!/bin/sh\ncd /workspace || exit 1\ncount=0\ntrap 'echo \"stopped after $count\" >> ticker.log; exit 0' TERM INT\necho \"started\" > ticker.log\nwhile true; do\n  count=$((count + 1))\n  echo \"tick $count\" >> ticker.log\n  sleep 1\ndone\nEND",
            "",
        ),
        line("chmod +x ticker.sh", ""),
        Line { cmd: "./ticker.sh", output: "^C", exit: 130, runs: 6.4 },
        line("cat ticker.log", "started\ntick 1\ntick 2\ntick 3\ntick 4\ntick 5\ntick 6\nstopped after 6\n"),
        line("./ticker.sh &", "[1] 412\n"),
        line("jobs", "[1]+  Running                 ./ticker.sh &\n"),
        line("echo $! > ticker.pid", ""),
        slow("sleep 3", "", 3.0),
        line(
            "ps aux | grep ticker",
            "student      412  0.0  0.0   2576   920 pts/0    S    09:32   0:00 /bin/sh ./\x1b[01;31m\x1b[Kticker\x1b[m\x1b[K.sh\nstudent      431  0.0  0.0   3324  1436 pts/0    S+   09:32   0:00 grep --color=auto \x1b[01;31m\x1b[Kticker\x1b[m\x1b[K\n",
        ),
        line("kill $(cat ticker.pid)", ""),
        line("tail -n 1 ticker.log", "stopped after 21\n[1]+  Done                    ./ticker.sh\n"),
    ],
    slips: &[
        fails("kill ticker", "bash: kill: ticker: arguments must be process or job IDs\n", 1),
        fails("kill 413", "bash: kill: (413) - No such process\n", 1),
        fails("./tiker.sh", "bash: ./tiker.sh: No such file or directory\n", 127),
        fails("killall ticker.sh", "bash: killall: command not found\n", 127),
        line("kill -9 $(cat ticker.pid)", ""),
    ],
    failures: &[
        failure(
            "ticker.log ends with a goodbye",
            "tick 21",
            "stopped after a number",
            line("./ticker.sh & echo $! > ticker.pid; sleep 3; kill $(cat ticker.pid)", "[1] 508\n"),
        ),
        failure(
            "The ticker is not running any more",
            "running",
            "not running",
            line("pkill -f ticker.sh", "[1]+  Done                    ./ticker.sh\n"),
        ),
        failure(
            "ticker.pid holds the number of a process",
            "the file does not exist",
            "a number",
            line("./ticker.sh & echo $! > ticker.pid", "[1] 533\n"),
        ),
    ],
    question: "I killed it with -9 and now there is no goodbye in the log. Why?",
    answer: "A process cannot answer that signal: the kernel ends it at once. Look at the line of the script that begins \
             with trap: which requests does it answer, and which of them does kill send when you name none?",
};

const SMALL_SERVICE: Task = Task {
    id: "small-service",
    title: "A small service",
    tests: 8,
    hard: 0.5,
    lines: &[
        line("cd /workspace/service", ""),
        line(
            "ls -l",
            "total 12\n-rwxr-xr-x 1 student student 512 Nov 21 09:38 \x1b[01;32mctl\x1b[0m\n-rw-r--r-- 1 student student  31 Nov 21 09:38 heartbeat.conf\n-rwxr-xr-x 1 student student 388 Nov 21 09:38 \x1b[01;32mheartbeat.sh\x1b[0m\n",
        ),
        line("./ctl start", "started as 611\n"),
        line("./ctl status", "running as 611\n"),
        slow("tail -n 3 heartbeat.log", "started\nEVERY=2 SAY=beat\nbeat\n", 0.1),
        line("cat > heartbeat.conf <<'END'\nEVERY=1\nSAY=\"All is well\"\nEND", ""),
        line("kill -HUP \"$(cat heartbeat.pid)\"", ""),
        slow("sleep 3", "", 3.0),
        line("./ctl stop", "stopped\n"),
        line(
            "cat heartbeat.log",
            "started\nEVERY=2 SAY=beat\nbeat\nbeat\nEVERY=1 SAY=All is well\nAll is well\nAll is well\nstopped\n",
        ),
    ],
    slips: &[
        fails("ctl start", "bash: ctl: command not found\n", 127),
        fails("systemctl start heartbeat", "bash: systemctl: command not found\n", 127),
        fails("./ctl restart", "usage: ctl start | stop | status\n", 2),
        fails("kill -HUP heartbeat", "bash: kill: heartbeat: arguments must be process or job IDs\n", 1),
    ],
    failures: &[
        failure(
            "The log shows new settings while the service ran",
            "started, settings, stopped",
            "started, settings, settings, stopped",
            line(
                "./ctl start; kill -HUP \"$(cat heartbeat.pid)\"; sleep 2; ./ctl stop",
                "started as 702\nstopped\n",
            ),
        ),
        failure(
            "heartbeat.conf has words of your own",
            "SAY=beat",
            "other words",
            line("sed -i 's/^SAY=.*/SAY=\"Still here\"/' heartbeat.conf", ""),
        ),
        failure(
            "ctl says that the service is stopped",
            "running as 611",
            "stopped",
            line("./ctl stop", "stopped\n"),
        ),
    ],
    question: "How can it read the new settings without a restart?",
    answer: "It can be asked to: there is a signal that services take as a request to read their settings again. Look at \
             the line with trap in heartbeat.sh. Which name do you find there, and how would you send it?",
};

/// The ids of the steps, in order.
pub fn step_ids() -> impl Iterator<Item = &'static str> {
    TASKS.iter().map(|task| task.id)
}

/// The steps as `backend_started` lists them.
pub(crate) fn steps() -> Vec<StepInfo<'static>> {
    let step = |task: &Task| StepInfo {
        id: task.id.into(),
        title: task.title.into(),
        group: None,
        requires: Vec::new(),
        has_check: true,
    };
    TASKS.iter().map(step).collect()
}
