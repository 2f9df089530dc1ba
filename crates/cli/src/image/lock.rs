//! `workshop.lock`: what each tag was built from, so that built, stale and missing can be told apart.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// The file beside `workshop.yaml`.
pub(super) const FILE_NAME: &str = "workshop.lock";
/// The format's version.
const VERSION: u32 = 1;

/// The lock file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Lock {
    version: u32,
    /// The tags in their order.
    pub(super) tags: Vec<Entry>,
}

/// What a tag was built from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    /// The tag, without the repository.
    pub(super) tag: String,
    /// The image's id.
    pub(super) image: String,
    /// Its digest in the registry, once it was pushed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) digest: Option<String>,
    #[serde(flatten)]
    pub(super) sources: Sources,
}

/// What an image is made from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sources {
    /// The id of the base; none if it is not known now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) base: Option<String>,
    /// The hash of what the base was built from, when it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) container_file: Option<String>,
    /// The hash of the parts that were copied into the base, when they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) parts: Option<String>,
    /// The hash of the recipe up to this image.
    pub(super) recipe: String,
    /// The hash of the artifact.
    pub(super) artifact: String,
}

/// How a tag stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "state", content = "differs")]
pub(super) enum Freshness {
    /// The engine has what a build would give.
    Built,
    /// It has something else; what differs.
    Stale(Vec<&'static str>),
    /// It has no such tag.
    Missing,
}

impl Default for Lock {
    fn default() -> Self {
        Self { version: VERSION, tags: Vec::new() }
    }
}

/// The lock's path, for a workshop's folder or its `workshop.yaml`.
pub(super) fn path(workshop: &Path) -> PathBuf {
    if workshop.is_dir() { workshop.join(FILE_NAME) } else { workshop.with_file_name(FILE_NAME) }
}

impl Lock {
    /// Reads the lock. One that is not there, or is of another format, knows nothing.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        let lock: Option<Self> = serde_json::from_slice(&text).ok();
        Ok(lock.filter(|lock| lock.version == VERSION).unwrap_or_default())
    }

    /// Writes the lock, whole or not at all.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        let mut file = tempfile::Builder::new()
            .prefix(".workshop.lock-")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .tempfile_in(folder)?;
        file.write_all(&text)?;
        file.persist(path)?;
        Ok(())
    }

    /// What is known of a tag.
    pub(super) fn entry(&self, tag: &str) -> Option<&Entry> {
        self.tags.iter().find(|entry| entry.tag == tag)
    }

    /// Notes a tag; a digest is kept only with the image it is of.
    pub(super) fn note(&mut self, tag: &str, image: &str, sources: &Sources) {
        let digest =
            self.entry(tag).filter(|entry| entry.image == image).and_then(|entry| entry.digest.clone());
        let entry = Entry { tag: tag.to_owned(), image: image.to_owned(), digest, sources: sources.clone() };
        match self.tags.iter_mut().find(|entry| entry.tag == tag) {
            Some(known) => *known = entry,
            None => self.tags.push(entry),
        }
    }

    /// Notes the digest of a tag that was pushed.
    pub(super) fn pushed(&mut self, tag: &str, digest: &str) {
        if let Some(entry) = self.tags.iter_mut().find(|entry| entry.tag == tag) {
            entry.digest = Some(digest.to_owned());
        }
    }

    /// Keeps the tags that the workshop has, in its order.
    pub(super) fn keep(&mut self, tags: &[&str]) {
        let place = |entry: &Entry| tags.iter().position(|tag| *tag == entry.tag);
        self.tags.retain(|entry| place(entry).is_some());
        self.tags.sort_by_key(place);
    }

    /// How a tag stands, whose image in the engine is `image` and would be made from `sources`. What is not known now
    /// does not differ.
    pub(super) fn freshness(&self, tag: &str, image: Option<&str>, sources: &Sources) -> Freshness {
        let Some(image) = image else { return Freshness::Missing };
        let Some(entry) = self.entry(tag) else {
            return Freshness::Stale(vec!["not built by this workshop"]);
        };
        let (was, is) = (&entry.sources, sources);
        let known = |was: &Option<String>, is: &Option<String>| is.is_some() && was != is;
        let differs: Vec<&str> = [
            ("image", entry.image != image),
            ("base", known(&was.base, &is.base)),
            ("containerFile", was.container_file != is.container_file),
            ("parts", was.parts.is_some() && known(&was.parts, &is.parts)),
            ("recipe", was.recipe != is.recipe),
            ("artifact", was.artifact != is.artifact),
        ]
        .into_iter()
        .filter_map(|(what, differs)| differs.then_some(what))
        .collect();
        if differs.is_empty() { Freshness::Built } else { Freshness::Stale(differs) }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn sources() -> Sources {
        Sources {
            base: Some("sha256:b".into()),
            recipe: "sha256:r".into(),
            artifact: "sha256:a".into(),
            ..Sources::default()
        }
    }

    #[test]
    fn the_file_reads_like_this() {
        let folder = tempfile::tempdir().unwrap();
        let path = path(folder.path());
        let mut lock = Lock::default();
        lock.note("one", "sha256:1", &sources());
        lock.note("step-0", "sha256:0", &sources());
        lock.note("gone", "sha256:2", &sources());
        lock.pushed("step-0", "sha256:d");
        lock.keep(&["step-0", "one"]);
        lock.write(&path).unwrap();
        expect![[r#"
            {
              "version": 1,
              "tags": [
                {
                  "tag": "step-0",
                  "image": "sha256:0",
                  "digest": "sha256:d",
                  "base": "sha256:b",
                  "recipe": "sha256:r",
                  "artifact": "sha256:a"
                },
                {
                  "tag": "one",
                  "image": "sha256:1",
                  "base": "sha256:b",
                  "recipe": "sha256:r",
                  "artifact": "sha256:a"
                }
              ]
            }
        "#]]
        .assert_eq(&fs::read_to_string(&path).unwrap());
        assert_eq!(Lock::read(&path).unwrap(), lock);
        fs::write(&path, "{\"version\": 2, \"tags\": []}").unwrap();
        assert_eq!(Lock::read(&path).unwrap(), Lock::default());
    }

    #[test]
    fn a_digest_is_of_one_image() {
        let mut lock = Lock::default();
        lock.note("one", "sha256:1", &sources());
        lock.pushed("one", "sha256:d");
        lock.note("one", "sha256:1", &sources());
        assert_eq!(lock.entry("one").unwrap().digest.as_deref(), Some("sha256:d"));
        lock.note("one", "sha256:2", &sources());
        assert_eq!(lock.entry("one").unwrap().digest, None);
    }

    #[test]
    fn a_tag_stands_as_what_it_is_made_from() {
        let mut lock = Lock::default();
        lock.note("one", "sha256:1", &sources());
        let check = |image, change: fn(&mut Sources), expected: Freshness| {
            let mut now = sources();
            change(&mut now);
            assert_eq!(lock.freshness("one", image, &now), expected);
        };
        let image = Some("sha256:1");
        check(image, |_| {}, Freshness::Built);
        check(image, |now| now.base = None, Freshness::Built);
        check(None, |_| {}, Freshness::Missing);
        check(Some("sha256:2"), |_| {}, Freshness::Stale(vec!["image"]));
        check(image, |now| now.base = Some("other".into()), Freshness::Stale(vec!["base"]));
        check(image, |now| now.container_file = Some("c".into()), Freshness::Stale(vec!["containerFile"]));
        check(image, |now| now.recipe.clear(), Freshness::Stale(vec!["recipe"]));
        check(image, |now| now.artifact.clear(), Freshness::Stale(vec!["artifact"]));
        let unknown = Freshness::Stale(vec!["not built by this workshop"]);
        assert_eq!(lock.freshness("two", image, &sources()), unknown);
    }
}
