//! Opens the files of a volume that others could write to before: a student with root's rights in one step, for example.
//! A link is not followed, and a FIFO or a device is not waited for; both are refused.

use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rustix::{fs::OFlags, io::Errno};

/// Opens a file for reading.
///
/// # Errors
/// When it is not there, cannot be opened, or is no regular file ([`ErrorKind::InvalidData`]).
pub(crate) fn open(path: &Path) -> io::Result<File> {
    open_as(File::options().read(true), path)
}

/// The same, with other options.
pub(crate) fn open_as(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened = options.custom_flags(flags.bits().cast_signed()).open(path);
    let file = opened.map_err(|error| match error.raw_os_error().map(Errno::from_raw_os_error) {
        // A link; a FIFO that nobody reads, or a device that is not there; a directory to be written to.
        Some(Errno::LOOP | Errno::NXIO | Errno::ISDIR) => not_regular(path),
        _ => error,
    })?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(not_regular(path)) }
}

pub(crate) fn not_regular(path: &Path) -> io::Error {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    io::Error::new(
        ErrorKind::InvalidData,
        format!("{name} is not a regular file; remove it from the log volume"),
    )
}
