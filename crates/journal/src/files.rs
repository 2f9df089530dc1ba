//! The files of a log in its folder, by name. A folder that its user chose may hold other things, which are not ours to
//! read, to write over or to remove.

use std::{
    ffi::{OsStr, OsString},
    fs,
    io::{self, ErrorKind},
    path::Path,
};

use workshop_events::Stream;

use crate::{
    claim::LOCK_NAME,
    info::{INFO_DRAFT, INFO_NAME, read_info},
};

/// What a folder holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The names of a log's files.
    pub log: Vec<OsString>,
    /// The names of everything else, sorted.
    pub foreign: Vec<OsString>,
}

/// What is in the folder `dir`; nothing when there is no such folder. A link or a folder is never a file of a log, and a
/// `log.json` that says something else is another program's.
///
/// # Errors
/// When the folder cannot be read, or is none.
pub fn contents_of(dir: &Path) -> io::Result<Contents> {
    let mut contents = Contents::default();
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(contents),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let of_log = entry.file_type()?.is_file() && is_file_of_log(&name) && {
            name != INFO_NAME
                || !matches!(read_info(dir), Err(error) if error.kind() == ErrorKind::InvalidData)
        };
        if of_log { &mut contents.log } else { &mut contents.foreign }.push(name);
    }
    contents.foreign.sort();
    Ok(contents)
}

/// Removes the log in the folder `dir`: its own files, and the folder if nothing else is in it. Returns what else there
/// is, which stays.
///
/// # Errors
/// When a file cannot be removed.
pub fn remove_log(dir: &Path) -> io::Result<Vec<OsString>> {
    let contents = contents_of(dir)?;
    for name in &contents.log {
        fs::remove_file(dir.join(name))?;
    }
    match fs::remove_dir(dir).map_err(|error| (error.kind(), error)) {
        // A link to a folder is its user's, and so is what somebody has put there since.
        Err((ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::DirectoryNotEmpty, _)) | Ok(()) => {
            Ok(contents.foreign)
        }
        Err((_, error)) => Err(error),
    }
}

fn is_file_of_log(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    let recording = name == "session.cast" || (name.starts_with("session-") && name.ends_with(".cast"));
    recording
        || [INFO_NAME, INFO_DRAFT, LOCK_NAME].contains(&name)
        || Stream::ALL.iter().any(|stream| stream.file_name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: &str = r#"{"log":"0123456789abcdef","workshop":"w","created":"2026-01-01T00:00:00.000Z"}"#;
    const OURS: [&str; 7] = [
        "state-events.jsonl",
        "command-log.jsonl",
        "llm-history.jsonl",
        "session-20260101T000000Z-1.cast",
        "session.cast",
        "writer.lock",
        "log.json.tmp",
    ];

    fn names(found: &[OsString]) -> Vec<&str> {
        found.iter().map(|name| name.to_str().unwrap()).collect()
    }

    #[test]
    fn what_is_not_a_logs_stays() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("log");
        assert_eq!(contents_of(&dir).unwrap(), Contents::default());
        fs::create_dir(&dir).unwrap();
        for name in OURS {
            fs::write(dir.join(name), "x").unwrap();
        }
        fs::write(dir.join("log.json"), INFO).unwrap();
        assert_eq!(contents_of(&dir).unwrap().log.len(), OURS.len() + 1);

        let foreign = ["demo.cast", "session-a.txt", "session-b.cast", "session-c.cast", "thesis.txt"];
        for name in ["demo.cast", "session-a.txt", "thesis.txt"] {
            fs::write(dir.join(name), "mine").unwrap();
        }
        fs::create_dir(dir.join("session-b.cast")).unwrap();
        std::os::unix::fs::symlink(dir.join("thesis.txt"), dir.join("session-c.cast")).unwrap();
        assert_eq!(names(&contents_of(&dir).unwrap().foreign), foreign);
        assert_eq!(names(&remove_log(&dir).unwrap()), foreign);
        let left = contents_of(&dir).unwrap();
        assert_eq!((left.log.len(), names(&left.foreign)), (0, foreign.to_vec()));
        assert_eq!(fs::read_to_string(dir.join("thesis.txt")).unwrap(), "mine");
    }

    #[test]
    fn a_folder_goes_with_its_log_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (dir, link) = (folder.path().join("log"), folder.path().join("link"));
        fs::create_dir(&dir).unwrap();
        std::os::unix::fs::symlink(&dir, &link).unwrap();
        fs::write(dir.join("state-events.jsonl"), "").unwrap();
        assert!(remove_log(&link).unwrap().is_empty());
        assert!(dir.is_dir() && link.is_symlink() && !dir.join("state-events.jsonl").exists());
        assert!(remove_log(&dir).unwrap().is_empty());
        assert!(!dir.exists());
        assert!(remove_log(&dir).unwrap().is_empty());
    }

    #[test]
    fn another_programs_info_is_foreign() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("log.json"), r#"{"level":"debug"}"#).unwrap();
        assert_eq!(names(&contents_of(folder.path()).unwrap().foreign), ["log.json"]);
    }
}
