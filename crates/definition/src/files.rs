//! The files of a workshop's directory: found only inside it, never through links, read within limits.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use crate::problem::shown;

/// The largest file that is read as text, in bytes.
pub(crate) const MAX_TEXT_BYTES: u64 = 4 << 20;

/// The largest file that is copied into an image or artifact, in bytes.
const MAX_COPIED_BYTES: u64 = 64 << 20;

/// The directory with `workshop.yaml`; all paths are relative to it.
#[derive(Debug)]
pub(crate) struct Root {
    dir: PathBuf,
}

/// Why a file is not used.
#[derive(Debug)]
pub(crate) enum Refusal {
    NotFound,
    Outside,
    Link,
    NotAFile,
    TooLarge(u64),
    NotText,
    Io(io::Error),
}

impl Refusal {
    /// The refusal as a message about the path that the author wrote, and what to do about it.
    pub(crate) fn explain(&self, path: &str) -> (String, &'static str) {
        let path = shown(path);
        match self {
            Self::NotFound => (format!("file not found: {path}"), "add the file, or correct the path"),
            Self::Outside => (
                format!("must be a path inside the workshop's directory: {path}"),
                "copy the file into it and write its path without a leading / and without ..",
            ),
            Self::Link => (format!("links are not followed: {path}"), "put the file itself there"),
            Self::NotAFile => (format!("not a file: {path}"), "name each file"),
            Self::TooLarge(limit) => (format!("larger than {} MiB: {path}", limit >> 20), ""),
            Self::NotText => (format!("not UTF-8 text: {path}"), "save the file as UTF-8"),
            Self::Io(error) => (format!("cannot be read: {path}: {error}"), ""),
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::NotFound,
            _ => Self::Io(error),
        }
    }
}

impl Root {
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_path_buf() }
    }

    /// The regular file at `path`.
    pub(crate) fn file(&self, path: &str) -> Result<PathBuf, Refusal> {
        let (found, metadata) = self.find(path)?;
        if metadata.is_file() { Ok(found) } else { Err(Refusal::NotAFile) }
    }

    /// The text of the file at `path`.
    pub(crate) fn text(&self, path: &str) -> Result<String, Refusal> {
        let bytes = read_limited(&self.file(path)?, MAX_TEXT_BYTES)?;
        match String::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => Ok(text),
            _ => Err(Refusal::NotText),
        }
    }

    /// The bytes of the file at `path`.
    pub(crate) fn bytes(&self, path: &str) -> Result<Vec<u8>, Refusal> {
        read_limited(&self.file(path)?, MAX_COPIED_BYTES)
    }

    /// The names in the directory at `path`, sorted, without hidden ones; names that are no text are refused.
    pub(crate) fn list(&self, path: &str) -> Result<Vec<String>, Refusal> {
        let (dir, metadata) = self.find(path)?;
        if !metadata.is_dir() {
            return Err(Refusal::NotFound);
        }
        let mut names = Vec::new();
        for entry in fs::read_dir(dir)? {
            let name = entry?.file_name().into_string().map_err(|_| Refusal::NotText)?;
            if !name.starts_with('.') {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Walks down to `path`, component by component, so that no link on the way is followed.
    fn find(&self, path: &str) -> Result<(PathBuf, Metadata), Refusal> {
        let inside = |part: &Component| matches!(part, Component::Normal(_) | Component::CurDir);
        if path.contains('\0') || !Path::new(path).components().all(|part| inside(&part)) {
            return Err(Refusal::Outside);
        }
        let mut found = self.dir.clone();
        let mut metadata = fs::metadata(&found)?;
        for component in Path::new(path).components() {
            found.push(component);
            metadata = fs::symlink_metadata(&found)?;
            if metadata.is_symlink() {
                return Err(Refusal::Link);
            }
        }
        Ok((found, metadata))
    }
}

/// All bytes of a file of at most `limit` bytes.
pub(crate) fn read_limited(file: &Path, limit: u64) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    File::open(file)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(Refusal::TooLarge(limit)) } else { Ok(bytes) }
}
