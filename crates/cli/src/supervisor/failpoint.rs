//! Points at which a test kills the supervisor.

/// A point at which a test kills the supervisor (`FAILPOINTS=new-created=return`), in builds with debug assertions.
pub(super) fn point(name: &str) {
    #[cfg(debug_assertions)]
    let _: Option<()> = fail::eval(name, |_| {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    });
    let _ = name;
}
