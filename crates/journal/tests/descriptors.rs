//! Out of descriptors. A program of its own, since it takes them all.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{fs::File, io};

use common::{append, open, read, start, temp_dir, try_open};
use workshop_events::cast::Header;

#[test]
fn out_of_descriptors() {
    let dir = temp_dir();
    let (journal, _) = start(open(dir.path()));
    append(&journal, "first").unwrap();
    let mut taken = Vec::new();
    let error = loop {
        match File::open("/dev/null") {
            Ok(file) => taken.push(file),
            Err(error) => break error,
        }
    };
    assert_eq!(error.raw_os_error(), Some(rustix::io::Errno::MFILE.raw_os_error()));
    // What is open goes on; what needs a new one says so.
    assert_eq!(append(&journal, "second").unwrap().seq, 2);
    let header = Header { version: 2, width: 80, height: 24, timestamp: None, title: None, env: None };
    let many = |result: io::Error| assert_eq!(result.raw_os_error(), error.raw_os_error());
    many(journal.new_cast(&header, 0).err().unwrap());
    many(journal.recordings().unwrap_err());
    let other = tempfile_in_reserve(&mut taken);
    assert!(try_open(other.path(), None).is_err());
    drop(taken);
    journal.new_cast(&header, 0).unwrap();
    assert_eq!(append(&journal, "third").unwrap().seq, 3);
    journal.close();
    assert_eq!(read(dir.path()).seqs, [1, 2, 3]);
}

/// Another volume, made while one descriptor is free for a moment.
fn tempfile_in_reserve(taken: &mut Vec<File>) -> tempfile::TempDir {
    taken.truncate(taken.len() - 2);
    let dir = temp_dir();
    while let Ok(file) = File::open("/dev/null") {
        taken.push(file);
    }
    dir
}
