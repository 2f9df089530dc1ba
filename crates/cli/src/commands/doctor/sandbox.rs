//! The sandbox: whether bubblewrap is there, and whether the kernel lets it make what a sandbox is made of.

use std::process::{Command, Stdio};

use rustix::process::geteuid;
use workshop_sandbox::find_program;

use super::finding::Finding;

/// What every sandbox is made with.
const NAMESPACES: &[&str] = &["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-net"];

/// Looks at bubblewrap.
pub(super) fn look() -> Vec<Finding> {
    let Some(program) = find_program("bwrap") else {
        return vec![
            Finding::missing("bubblewrap", "there is no bwrap in /usr/bin or the like")
                .advise("install it to run workshops without a container engine: apt-get install bubblewrap"),
        ];
    };
    let said = |command: &mut Command| command.stdin(Stdio::null()).output();
    let version = match said(Command::new(&program).arg("--version")) {
        Ok(output) => String::from_utf8_lossy(&output.stdout).trim().replace("bubblewrap ", ""),
        Err(error) => error.to_string(),
    };
    let mut trial = Command::new(&program);
    trial.args(NAMESPACES).args(["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"]);
    if !geteuid().is_root() {
        trial.arg("--unshare-user");
    }
    let made = match said(trial.args(["--", "true"])) {
        Ok(output) if output.status.success() => {
            Finding::ok("namespaces", "the kernel gives what a sandbox needs")
        }
        Ok(output) => {
            let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Finding::missing("namespaces", reason).advise(
                "allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, or \
                 kernel.apparmor_restrict_unprivileged_userns=0); in a container it needs --privileged",
            )
        }
        Err(error) => Finding::missing("namespaces", error.to_string()),
    };
    vec![Finding::ok("bubblewrap", format!("{version} at {}", program.display())), made]
}
