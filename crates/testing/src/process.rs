//! Programs as processes of their own, which a test may kill.

use std::env;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal};

use crate::wait::until;

/// A port on the loopback address that nobody listens on now.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// A program of the workspace, as cargo built it for these tests.
///
/// cargo builds those of the tests' own package. Those of others are there when the whole workspace is tested.
pub fn program(name: &str) -> PathBuf {
    if let Some(built) = env::var_os(format!("CARGO_BIN_EXE_{name}")) {
        return built.into();
    }
    // This program is `<profile>/deps/<test>`.
    let this = env::current_exe().unwrap();
    let program = this.ancestors().nth(2).unwrap().join(name);
    assert!(program.is_file(), "{}: `cargo build --workspace` builds it", program.display());
    program
}

/// A program in the `PATH`.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// The goss that set-up built.
pub fn goss() -> PathBuf {
    // This program is `<target>/<profile>/deps/<test>`.
    let built = env::current_exe().unwrap().ancestors().nth(3).unwrap().join("tools/bin/goss");
    if built.is_file() {
        built
    } else {
        on_path("goss").expect("goss, which `cargo xtask test` builds, in PATH")
    }
}

/// This test program, as a command that runs one of its ignored tests: a child of the test.
pub fn this_test(name: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--ignored", "--exact", name, "--nocapture", "--test-threads=1"]).stdin(Stdio::null());
    command
}

/// A running process. Dropped, it is killed.
pub struct Process(Child);

impl Process {
    /// Starts it.
    #[track_caller]
    pub fn start(command: &mut Command) -> Self {
        match command.spawn() {
            Ok(child) => Self(child),
            Err(error) => panic!("{:?}: {error}", command.get_program()),
        }
    }

    /// The process's number.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Its standard output, standard error and standard input, as far as they are pipes and nobody took them.
    pub fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// Whether it ended, and how.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().unwrap()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        // It may have ended by itself.
        let _ = rustix::process::kill_process(Pid::from_child(&self.0), signal);
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        until("a process ends", || self.ended().is_some());
        self.0.wait().unwrap()
    }

    /// Ends it with SIGKILL.
    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// Ends it and all that it started with SIGKILL. It must have been started as a process group.
    pub fn kill_group(&mut self) {
        let _ = rustix::process::kill_process_group(Pid::from_child(&self.0), Signal::KILL);
        self.kill();
    }

    /// A line of `/proc/<pid>/status` such as `VmRSS`, in KiB.
    pub fn memory(&self, line: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find(|l| l.starts_with(line)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
