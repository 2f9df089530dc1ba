//! How a workshop's images stand: built, stale or missing. Builds and pulls nothing.

use std::path::Path;

use serde::Serialize;
use workshop_definition::{Base, Definition};

use super::compile::{LATEST, image_id};
use super::containerfile::Recipe;
use super::lock::{self, Freshness, Lock, Sources};
use super::{Parts, base, inject};
use crate::engine::Containers;
use crate::failure::Failure;

/// How all images of a workshop stand.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status {
    /// The repository of the images.
    pub(crate) image: String,
    /// The tags in order.
    pub(crate) tags: Vec<TagStatus>,
}

/// How an image stands.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TagStatus {
    /// The tag, without the repository.
    pub(crate) tag: String,
    #[serde(flatten)]
    freshness: Freshness,
    /// The image's id, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    /// Its digest in the registry, if it was pushed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) digest: Option<String>,
}

impl TagStatus {
    /// `built`, `stale` or `missing`, and what differs.
    pub(crate) fn words(&self) -> (&'static str, String) {
        match &self.freshness {
            Freshness::Built => ("built", String::new()),
            Freshness::Stale(differs) => ("stale", differs.join(", ")),
            Freshness::Missing => ("missing", String::new()),
        }
    }

    /// Whether a compile has nothing to do for it.
    pub(crate) fn is_built(&self) -> bool {
        self.freshness == Freshness::Built
    }
}

/// Compares the lock with what a build would give and with what the engine has.
pub(crate) async fn status(
    path: &Path,
    definition: &Definition,
    containers: &Containers,
) -> Result<Status, Failure> {
    let recipe = Recipe::of(definition)?;
    let lock = Lock::read(&lock::path(path))?;
    let base = match &definition.base {
        // One that is not here cannot be compared; nothing is pulled for that.
        Base::Image(image) => image_id(containers, image).await?,
        Base::ContainerFile(_) => None,
    };
    let container_file = base::hash(&definition.base)?;
    let parts = Parts::find().ok().and_then(|parts| inject::parts_hash(&parts).ok());
    let mut tags = Vec::new();
    let numbered = recipe.tags().enumerate().map(|(number, tag)| (number, tag.to_owned()));
    for (number, tag) in numbered.chain([(0, LATEST.to_owned())]) {
        let id = image_id(containers, &format!("{}:{tag}", definition.image)).await?;
        let sources = Sources {
            base: base.clone(),
            container_file: container_file.clone(),
            parts: parts.clone(),
            recipe: recipe.hash(number),
            artifact: recipe.artifact_hash(),
        };
        let freshness = lock.freshness(&tag, id.as_deref(), &sources);
        let digest = lock.entry(&tag).and_then(|entry| entry.digest.clone());
        tags.push(TagStatus { tag, freshness, id, digest });
    }
    Ok(Status { image: definition.image.clone(), tags })
}
