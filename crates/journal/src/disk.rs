//! The system calls that make something durable, each with a fail point before and after it in builds with debug assertions.

use std::{fs::File, io, os::fd::AsFd, path::Path};

use crate::regular;

/// The fail points of this crate, for a test that goes through all of them.
#[cfg(debug_assertions)]
pub const POINTS: [&str; 12] = [
    "create-before",
    "create-after",
    "write-before",
    "write-after",
    "sync-before",
    "sync-after",
    "rename-before",
    "rename-after",
    "sync-dir-before",
    "sync-dir-after",
    "cast-before",
    "cast-after",
];

/// What a fail point's `return(…)` asks for: an error by its name, or `short` for a write of half the bytes.
#[cfg(debug_assertions)]
fn injected(argument: Option<String>) -> io::Error {
    let errno = match argument.as_deref() {
        Some("ENOSPC") => rustix::io::Errno::NOSPC,
        Some("EMFILE") => rustix::io::Errno::MFILE,
        Some("EROFS") => rustix::io::Errno::ROFS,
        _ => rustix::io::Errno::IO,
    };
    errno.into()
}

macro_rules! point {
    ($name:literal) => {
        point!($name, |argument| Err(injected(argument)))
    };
    ($name:literal, $return:expr) => {
        #[cfg(debug_assertions)]
        fail::fail_point!($name, $return);
    };
}

/// Opens a file for appending; also for reading, to see how it ends.
pub(crate) fn open_append(path: &Path) -> io::Result<File> {
    point!("create-before");
    let file = regular::open_as(File::options().read(true).append(true).create(true), path)?;
    point!("create-after");
    Ok(file)
}

/// Opens a file that must not exist yet.
pub(crate) fn create_new(path: &Path) -> io::Result<File> {
    point!("create-before");
    let file = File::options().append(true).create_new(true).open(path)?;
    point!("create-after");
    Ok(file)
}

/// Writes all of `bytes`. An error comes with how many were written before it.
pub(crate) fn write_all(file: &File, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
    let mut written = 0;
    while written < bytes.len() {
        match write(file, &bytes[written..]) {
            Ok(0) => return Err((written, io::ErrorKind::WriteZero.into())),
            Ok(n) => written += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err((written, error)),
        }
    }
    Ok(())
}

fn write(file: &File, bytes: &[u8]) -> io::Result<usize> {
    point!("write-before");
    point!("write-short", |_| Ok(rustix::io::write(file, &bytes[..bytes.len().div_ceil(2)])?));
    let written = rustix::io::write(file, bytes)?;
    point!("write-after");
    Ok(written)
}

/// Makes what was written durable.
pub(crate) fn sync(file: &File) -> io::Result<()> {
    point!("sync-before");
    rustix::fs::fdatasync(file)?;
    point!("sync-after");
    Ok(())
}

/// Makes the names in a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    point!("sync-dir-before");
    File::open(dir)?.sync_all()?;
    point!("sync-dir-after");
    Ok(())
}

/// Gives a file its name.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    point!("rename-before");
    std::fs::rename(from, to)?;
    point!("rename-after");
    Ok(())
}

/// Writes to a cast.
pub(crate) fn write_cast(file: &File, bytes: &[u8]) -> io::Result<()> {
    point!("cast-before");
    write_all(file, bytes).map_err(|(_, error)| error)?;
    point!("cast-after");
    Ok(())
}

/// Bytes that an ordinary process may still write to the file system.
pub(crate) fn free_space(fd: impl AsFd) -> io::Result<u64> {
    let stat = rustix::fs::fstatvfs(fd)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Whether an error says that there is no room.
pub(crate) fn is_no_space(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}
