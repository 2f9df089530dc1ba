//! Descriptors: those that the runtime waits for, and those that no program may inherit.
#![allow(
    unsafe_code,
    reason = "tokio and rustix ask for promises about descriptors that hold here, see each"
)]

use std::fs;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};

use rustix::io::{FdFlags, fcntl_setfd, ioctl_fionbio};
use tokio::io::unix::AsyncFd;

/// Makes a descriptor non-blocking and has the runtime wait for it.
///
/// # Errors
/// The kernel cannot poll it, or there are no resources.
pub fn polled(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    ioctl_fionbio(&descriptor, true)?;
    // SAFETY: an OwnedFd is open, is closed only when it is dropped, and `AsyncFd` gives no way to replace it but by
    // a mutable reference, which nobody who calls this takes.
    Ok(unsafe { AsyncFd::register(descriptor) }?)
}

/// Has no program inherit what this process inherited beyond its standard three. Everything that is opened later is
/// close-on-exec from its first moment.
///
/// # Errors
/// `/proc` is not there.
pub(crate) fn seal_inherited() -> io::Result<()> {
    for entry in fs::read_dir("/proc/self/fd")? {
        let name = entry?.file_name();
        let Some(number) = name.to_str().and_then(|name| name.parse::<RawFd>().ok()) else { continue };
        if number > 2 {
            // SAFETY: the number is used for one system call, which says so if nothing is open there (as for the
            // descriptor of this very directory), and marking another's descriptor close-on-exec breaks no use of it.
            let _ = fcntl_setfd(unsafe { BorrowedFd::borrow_raw(number) }, FdFlags::CLOEXEC);
        }
    }
    Ok(())
}
