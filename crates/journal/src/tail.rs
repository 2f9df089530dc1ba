//! Reads a file that only grows, in whole lines, from any offset on. Holds no bytes between two calls, so that many
//! files cost no more memory than one. Takes no lock, and needs no right to write.

use std::{
    fs::File,
    io::{self, ErrorKind},
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
};

use workshop_events::codec::MAX_FOREIGN_LINE;

use crate::{disk, regular};

/// How much is looked at at once for the end of a line.
const BLOCK: usize = 64 * 1024;

/// The next bytes of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Byte offset of the first.
    pub offset: u64,
    /// Whole lines, each with its newline. A line that is longer than [`MAX_FOREIGN_LINE`] comes in pieces: then the
    /// last byte is not a newline until the last of them.
    pub bytes: Vec<u8>,
}

impl Chunk {
    /// Offset of the byte after the last.
    pub fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }
}

/// What is read of a file next. The file need not be there yet.
pub struct Tail {
    path: PathBuf,
    offset: u64,
    /// No newline stands between `offset` and this.
    scanned: u64,
    file: Option<File>,
    /// Device and inode of the file, once it was seen.
    identity: Option<(u64, u64)>,
    /// Whether the file's name is on disk.
    named: bool,
}

impl Tail {
    /// Reads the file at `path` from `offset`, which must be the beginning of a line.
    pub fn new(path: PathBuf, offset: u64) -> Self {
        Self { path, offset, scanned: offset, file: None, identity: None, named: false }
    }

    /// Where the next chunk begins.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Goes on at another offset, forward or back.
    pub fn go_to(&mut self, offset: u64) {
        self.offset = offset;
        self.scanned = offset;
    }

    /// Gives the descriptor back; the next call opens the file again.
    pub fn close(&mut self) {
        self.file = None;
    }

    /// How many bytes stand after the offset; 0 while there is no file.
    ///
    /// # Errors
    /// As [`Tail::read`].
    pub fn waiting(&mut self) -> io::Result<u64> {
        Ok(self.look()?.map_or(0, |len| len - self.offset))
    }

    /// The lines that stand after the offset: at most `limit` bytes of them, or more if the first is longer. `None`
    /// while there is no whole line. Stays at its offset; [`Tail::go_to`] the chunk's end to get what follows.
    ///
    /// # Errors
    /// When the file cannot be read, is gone (`NotFound`), or is no longer the file that it was (`InvalidData`): it was
    /// replaced, or is shorter than what was read of it.
    pub fn read(&mut self, limit: usize) -> io::Result<Option<Chunk>> {
        let Some(len) = self.look()? else { return Ok(None) };
        if len == self.scanned || (self.scanned > self.offset && !self.ends_now(len)?) {
            return Ok(None);
        }
        let Some(file) = &self.file else { return Ok(None) };
        let there = usize::try_from(len - self.offset).unwrap_or(usize::MAX);
        let chunk = |bytes| Ok(Some(Chunk { offset: self.offset, bytes }));
        let mut bytes = Vec::new();
        for most in [limit, MAX_FOREIGN_LINE + 1] {
            let before = bytes.len();
            extend(file, self.offset, &mut bytes, there.min(most))?;
            if let Some(newline) = memchr::memrchr(b'\n', &bytes[before..]) {
                bytes.truncate(before + newline + 1);
                return chunk(bytes);
            }
        }
        if bytes.len() > MAX_FOREIGN_LINE {
            return chunk(bytes);
        }
        self.scanned = self.offset + bytes.len() as u64;
        Ok(None)
    }

    /// The offset after the first newline at or after `from`, looking no further than `most` bytes. Otherwise how far
    /// there is none.
    ///
    /// # Errors
    /// As [`Tail::read`].
    pub fn line_end(&mut self, from: u64, most: u64) -> io::Result<Result<u64, u64>> {
        let to = self.look()?.unwrap_or(0).min(from.saturating_add(most));
        let Some(file) = &self.file else { return Ok(Err(from)) };
        find_newline(file, from, to)
    }

    /// The `len` bytes before the offset.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn before(&mut self, len: usize) -> io::Result<Vec<u8>> {
        self.look()?;
        let (Some(file), Some(start)) = (&self.file, self.offset.checked_sub(len as u64)) else {
            return Err(ErrorKind::UnexpectedEof.into());
        };
        let mut bytes = vec![0; len];
        file.read_exact_at(&mut bytes, start)?;
        Ok(bytes)
    }

    /// Makes what was read durable, in case its writer has not yet: it will be there after a power loss.
    ///
    /// # Errors
    /// When the system cannot promise it.
    pub fn sync(&mut self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        if let Err(error) = disk::sync(file) {
            // The system tells each descriptor once. A new one is not told that all is well.
            self.file = None;
            return Err(error);
        }
        if !self.named {
            disk::sync_dir(self.path.parent().unwrap_or(Path::new(".")))?;
            self.named = true;
        }
        Ok(())
    }

    /// Whether a line that had no end now has one, or is too long to wait for.
    fn ends_now(&mut self, len: u64) -> io::Result<bool> {
        let longest = self.offset + MAX_FOREIGN_LINE as u64 + 1;
        let Some(file) = &self.file else { return Ok(false) };
        match find_newline(file, self.scanned, len.min(longest))? {
            Ok(_) => Ok(true),
            Err(scanned) => {
                self.scanned = scanned;
                Ok(scanned >= longest)
            }
        }
    }

    /// Opens the file if need be and gives its length; `None` while it is not there.
    fn look(&mut self) -> io::Result<Option<u64>> {
        let metadata = match std::fs::symlink_metadata(&self.path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == ErrorKind::NotFound && self.identity.is_none() => return Ok(None),
            Err(error) => return Err(error),
        };
        if !metadata.is_file() {
            return Err(regular::not_regular(&self.path));
        }
        let identity = (metadata.dev(), metadata.ino());
        if self.identity.is_some_and(|known| known != identity) {
            return Err(io::Error::new(ErrorKind::InvalidData, "the file was replaced by another"));
        }
        if metadata.len() < self.scanned {
            let message =
                format!("the file is shorter than it was: {} of {} bytes", metadata.len(), self.scanned);
            return Err(io::Error::new(ErrorKind::InvalidData, message));
        }
        if self.file.is_none() {
            let file = regular::open(&self.path)?;
            let opened = file.metadata()?;
            if (opened.dev(), opened.ino()) != identity {
                return Err(io::Error::new(ErrorKind::InvalidData, "the file was replaced by another"));
            }
            self.identity = Some(identity);
            self.file = Some(file);
        }
        Ok(Some(metadata.len()))
    }
}

/// Reads on until `bytes`, which begin at `offset`, are `len`; fewer where the file ends.
fn extend(file: &File, offset: u64, bytes: &mut Vec<u8>, len: usize) -> io::Result<()> {
    let mut filled = bytes.len();
    bytes.resize(len.max(filled), 0);
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(())
}

/// The offset after the first newline between `from` and `to`, else how far there is none.
fn find_newline(file: &File, mut from: u64, to: u64) -> io::Result<Result<u64, u64>> {
    let mut block = Vec::new();
    while from < to {
        block.clear();
        extend(file, from, &mut block, BLOCK.min(usize::try_from(to - from).unwrap_or(BLOCK)))?;
        if let Some(newline) = memchr::memchr(b'\n', &block) {
            return Ok(Ok(from + newline as u64 + 1));
        }
        if block.is_empty() {
            break;
        }
        from += block.len() as u64;
    }
    Ok(Err(from))
}

/// How many lines of the file at `path` end after `offset`. Only the first `most` bytes are counted; for the others
/// it is as many as they have in proportion.
///
/// # Errors
/// When the file cannot be read.
pub fn count_lines(path: &Path, offset: u64, most: u64) -> io::Result<u64> {
    let file = match regular::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let there = file.metadata()?.len().saturating_sub(offset);
    let (mut lines, mut counted) = (0, 0);
    let mut block = Vec::new();
    while counted < there.min(most) {
        block.clear();
        extend(&file, offset + counted, &mut block, BLOCK)?;
        if block.is_empty() {
            break;
        }
        counted += block.len() as u64;
        lines += memchr::memchr_iter(b'\n', &block).count() as u64;
    }
    if counted == 0 || counted >= there {
        return Ok(lines);
    }
    Ok(u64::try_from(u128::from(lines) * u128::from(there) / u128::from(counted)).unwrap_or(u64::MAX))
}
