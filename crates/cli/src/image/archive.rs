//! Tar archives that are the same byte for byte whenever what is in them is the same.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context as _, Result};
use sha2::{Digest, Sha256};
use tar::{EntryType, Header};
use workshop_definition::{Definition, Step, compile_artifact};

/// What a compile writes into the workshop's folder, and what is nobody's source: never part of a build's context.
const NOT_CONTEXT: [&str; 2] = [super::lock::FILE_NAME, ".git"];

/// A user's number and their group's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) user: u64,
    pub(super) group: u64,
}

/// The superuser.
pub(super) const ROOT: Owner = Owner { user: 0, group: 0 };

/// A tar archive without times, of owners and modes that are said.
pub(super) struct Archive(tar::Builder<Vec<u8>>);

impl Archive {
    pub(super) fn new() -> Self {
        Self(tar::Builder::new(Vec::new()))
    }

    /// Adds a file; `path` is relative to where the archive is unpacked.
    pub(super) fn file(&mut self, path: &str, content: &[u8], mode: u32, owner: Owner) -> io::Result<()> {
        let mut header = header(EntryType::Regular, mode, owner);
        header.set_size(content.len() as u64);
        self.0.append_data(&mut header, path, content)
    }

    /// Adds a folder.
    pub(super) fn folder(&mut self, path: &str, mode: u32, owner: Owner) -> io::Result<()> {
        let mut header = header(EntryType::Directory, mode, owner);
        header.set_size(0);
        self.0.append_data(&mut header, format!("{path}/"), io::empty())
    }

    fn link(&mut self, path: &str, target: &Path) -> io::Result<()> {
        let mut header = header(EntryType::Symlink, 0o777, ROOT);
        header.set_size(0);
        self.0.append_link(&mut header, path, target)
    }

    pub(super) fn finish(self) -> io::Result<Vec<u8>> {
        self.0.into_inner()
    }
}

fn header(kind: EntryType, mode: u32, owner: Owner) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(owner.user);
    header.set_gid(owner.group);
    header.set_mtime(0);
    header
}

/// The artifact of a workshop as it is unpacked over `/`: for root and group 0 alone.
pub(super) fn artifact(definition: &Definition) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    compile_artifact(definition, folder.path())?;
    let mut archive = Archive::new();
    archive.folder("workshop", 0o750, ROOT)?;
    let mut paths = walk(folder.path(), &[])?;
    paths.insert("runtime".to_owned());
    for path in paths {
        let (from, to) = (folder.path().join(&path), format!("workshop/{path}"));
        match path.as_str() {
            "runtime" => archive.folder(&to, 0o770, ROOT)?,
            _ if from.is_dir() => archive.folder(&to, 0o750, ROOT)?,
            _ => archive.file(&to, &fs::read(&from)?, 0o640, ROOT)?,
        }
    }
    Ok(archive.finish()?)
}

/// The files of a step, as they are unpacked over `/`. Folders on the way are made by whoever unpacks it, so that those
/// that are there keep their modes.
pub(super) fn step_files(step: &Step) -> Result<Vec<u8>> {
    let mut archive = Archive::new();
    for file in &step.files {
        archive
            .file(file.target.trim_start_matches('/'), &file.content, file.mode, ROOT)
            .with_context(|| format!("step {}: file {}", step.id, file.target))?;
    }
    Ok(archive.finish()?)
}

/// A folder as the context of a build: files, folders and links as they are, owned by root.
pub(super) fn context(folder: &Path) -> Result<Vec<u8>> {
    let mut archive = Archive::new();
    for path in walk(folder, &NOT_CONTEXT)? {
        let from = folder.join(&path);
        let metadata = from.symlink_metadata()?;
        let mode = metadata.mode() & 0o7777;
        if metadata.is_dir() {
            archive.folder(&path, mode, ROOT)?;
        } else if metadata.is_symlink() {
            archive.link(&path, &fs::read_link(&from)?)?;
        } else if metadata.is_file() {
            let content = fs::read(&from).with_context(|| from.display().to_string())?;
            archive.file(&path, &content, mode, ROOT)?;
        }
    }
    Ok(archive.finish()?)
}

/// All that is in a folder, sorted, relative to it. Links are not followed.
fn walk(folder: &Path, without: &[&str]) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut open = vec![String::new()];
    while let Some(inside) = open.pop() {
        let place = folder.join(&inside);
        for entry in fs::read_dir(&place).with_context(|| place.display().to_string())? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_str().with_context(|| format!("{}: not UTF-8", entry.path().display()))?;
            if inside.is_empty() && without.contains(&name) {
                continue;
            }
            let path = if inside.is_empty() { name.to_owned() } else { format!("{inside}/{name}") };
            if entry.file_type()?.is_dir() {
                open.push(path.clone());
            }
            found.insert(path);
        }
    }
    Ok(found)
}

/// The SHA-256 of parts, each told apart from the next by its length.
pub(super) fn hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    digest(&hasher.finalize())
}

/// The SHA-256 of bytes, as `sha256sum` prints it.
pub(super) fn plain_hash(bytes: &[u8]) -> String {
    digest(&Sha256::digest(bytes))
}

fn digest(hash: &[u8]) -> String {
    format!("sha256:{}", hex::encode(hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_artifact_is_the_same_each_time_and_for_group_0_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            folder.path().join("workshop.yaml"),
            "version: v1\nworkshop: {name: a, image: localhost/a}\nbase: {image: b}\n\
             steps: [{id: one, title: One, markdown: Hi, hints: Think}]\n",
        )
        .unwrap();
        let definition = workshop_definition::load(folder.path()).unwrap();
        let first = artifact(&definition).unwrap();
        assert_eq!(first, artifact(&definition).unwrap());
        let mut entries = Vec::new();
        for entry in tar::Archive::new(first.as_slice()).entries().unwrap() {
            let entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()), (0, 0, 0));
            entries.push(format!("{:o} {}", header.mode().unwrap(), entry.path().unwrap().display()));
        }
        expect_test::expect![[r#"
            750 workshop/
            770 workshop/runtime/
            750 workshop/steps/
            750 workshop/steps/one/
            640 workshop/steps/one/content.md
            640 workshop/steps/one/hints.md
            640 workshop/steps/one/meta.json
            640 workshop/workshop.json"#]]
        .assert_eq(&entries.join("\n"));
    }
}
