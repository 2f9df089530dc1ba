//! Recordings of terminals, kept as objects: S3, or a local directory.

pub mod chunks;
mod counts;
pub mod merge;
pub mod playback;
pub mod sweep;
mod upkeep;
mod watch;

use std::env;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{
    BackoffConfig, ClientConfigKey, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt,
    RetryConfig,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::client::ClientError;

pub use counts::{Counts, Figures};
pub use upkeep::{Patience, keep_up, once};
pub use watch::{Seen, Watch};

/// Below this everything lies. Nothing else is ever listed or deleted.
const ROOT: &str = "casts";
/// An object that is not stored by then was not stored. It may still come: then nothing names it.
const SLOW: Duration = Duration::from_secs(20);
/// A store that says nothing for so long does not answer.
const SILENT: &str = "15 seconds";
/// How long one request is tried again before whoever asked is told.
const RETRY: RetryConfig = RetryConfig {
    backoff: BackoffConfig {
        init_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(2),
        base: 2.0,
    },
    max_retries: 3,
    retry_timeout: Duration::from_secs(8),
};
/// Whether the store answers is known by then.
const CHECK: Duration = Duration::from_secs(5);
/// So many posts are taken in at once: what they hold of memory is bounded while the store is slow.
const UPLOADS: usize = 64;
/// Who finds no room for so long is told to come back.
const BUSY: Duration = Duration::from_secs(5);

/// Where recordings are kept.
#[derive(Clone, Debug)]
pub struct Casts {
    objects: Arc<dyn ObjectStore>,
    /// The directory, if it is one.
    folder: Option<PathBuf>,
    uploads: Arc<Semaphore>,
    counts: Arc<Counts>,
}

/// Why recordings cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum CastsError {
    /// The setting names no place.
    #[error("{0} is neither a directory nor s3://bucket/prefix")]
    Place(String),
    /// The directory cannot be made.
    #[error("recordings cannot be kept in {folder}: {source}")]
    Folder {
        /// The directory.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// No place was named, and there is no home to make one in.
    #[error("there is no place for recordings: set WORKSHOP_CASTS")]
    Nowhere,
    /// Over https nobody could tell the right store from another.
    #[error("the cast store: {0}")]
    Authorities(ClientError),
    /// The store does not do what it should.
    #[error("the cast store: {0}")]
    Store(#[from] object_store::Error),
    /// The store does not answer in time.
    #[error("the cast store does not answer")]
    Slow,
    /// An object is not what was stored.
    #[error("{0} is not what was stored")]
    Damaged(String),
    /// The database does not answer.
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
}

impl Casts {
    /// The place of the setting: `s3://bucket/prefix`, or a directory, which is made.
    ///
    /// # Errors
    /// It names no place, or the directory cannot be made.
    pub fn open(place: Option<&str>) -> Result<Self, CastsError> {
        let folder = match place.filter(|place| !place.is_empty()) {
            Some(place) if place.starts_with("s3://") => return Ok(Self::new(s3(place)?)),
            Some(place) if place.contains("://") => return Err(CastsError::Place(place.to_owned())),
            Some(folder) => PathBuf::from(folder),
            None => {
                let folder = state_folder()?;
                tracing::warn!(folder = %folder.display(), "WORKSHOP_CASTS is not set: recordings are kept on this machine");
                folder
            }
        };
        Ok(Self { folder: Some(folder.clone()), ..Self::new(local(folder)?) })
    }

    /// In any store.
    pub fn new(objects: Arc<dyn ObjectStore>) -> Self {
        let uploads = Arc::new(Semaphore::new(UPLOADS));
        Self { objects, folder: None, uploads, counts: Arc::default() }
    }

    /// What was done since this was opened.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Whether the store can be asked. Costs it next to nothing, and takes five seconds at most.
    ///
    /// # Errors
    /// It does not answer, or refuses: a directory or bucket that is not there, keys that are not good.
    pub async fn check(&self) -> Result<(), CastsError> {
        if let Some(folder) = &self.folder {
            let found = tokio::fs::read_dir(folder).await.map(drop);
            return found.map_err(|source| CastsError::Folder { folder: folder.clone(), source });
        }
        // No log is called that.
        let mut nothing = self.objects.list(Some(&Path::from_iter([ROOT, "none"])));
        timeout(CHECK, nothing.try_next()).await.map_err(|_| CastsError::Slow)??;
        Ok(())
    }

    /// Room for one post, until it is dropped; `None` when there is none in time.
    pub async fn room(&self) -> Option<OwnedSemaphorePermit> {
        timeout(BUSY, self.uploads.clone().acquire_owned()).await.ok()?.ok()
    }

    /// Stores an object. It is there once this returns; it may be there, or come later, when this fails.
    ///
    /// # Errors
    /// The store refuses or does not answer.
    pub async fn put(&self, key: &str, bytes: Bytes) -> Result<(), CastsError> {
        let path = Path::parse(key).map_err(object_store::Error::from)?;
        let (begun, len) = (Instant::now(), bytes.len());
        let put = timeout(SLOW, self.objects.put(&path, bytes.into())).await;
        let stored = put.map_err(|_| CastsError::Slow).and_then(|put| Ok(put.map(drop)?));
        self.counts.put(len, begun.elapsed(), stored.is_ok());
        stored
    }

    /// Reads part of an object, piece by piece. The store has answered once this returns.
    ///
    /// # Errors
    /// There is no such object, or the store does not answer.
    pub async fn read(
        &self,
        key: &str,
        first: u64,
        end: u64,
    ) -> Result<BoxStream<'static, Result<Bytes, CastsError>>, CastsError> {
        let path = Path::parse(key).map_err(object_store::Error::from)?;
        let options = GetOptions { range: Some(GetRange::Bounded(first..end)), ..GetOptions::default() };
        let found =
            timeout(SLOW, self.objects.get_opts(&path, options)).await.map_err(|_| CastsError::Slow)??;
        if found.range != (first..end) {
            return Err(CastsError::Damaged(key.to_owned()));
        }
        Ok(found.into_stream().map_err(CastsError::from).boxed())
    }

    /// Everything that is kept.
    pub fn list(&self) -> BoxStream<'static, Result<ObjectMeta, object_store::Error>> {
        self.objects.list(Some(&Path::from(ROOT)))
    }

    /// Deletes an object. One that is not there is deleted.
    ///
    /// # Errors
    /// The store refuses or does not answer.
    pub async fn delete(&self, key: &str) -> Result<(), CastsError> {
        let path = Path::parse(key).map_err(object_store::Error::from)?;
        match timeout(SLOW, self.objects.delete(&path)).await.map_err(|_| CastsError::Slow)? {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn objects(&self) -> &Arc<dyn ObjectStore> {
        &self.objects
    }
}

fn s3(place: &str) -> Result<Arc<dyn ObjectStore>, CastsError> {
    let (bucket, prefix) = place["s3://".len()..].split_once('/').unwrap_or((&place["s3://".len()..], ""));
    if bucket.is_empty() {
        return Err(CastsError::Place(place.to_owned()));
    }
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(RETRY);
    // A recording may be read for as long as its reader likes, as long as something comes.
    for (key, value) in [(ClientConfigKey::Timeout, "1 day"), (ClientConfigKey::ReadTimeout, SILENT)] {
        builder = builder.with_config(AmazonS3ConfigKey::Client(key), value);
    }
    let endpoints = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint];
    let endpoint = endpoints.iter().find_map(|key| builder.get_config_value(key));
    let plain = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
    if plain {
        builder = builder.with_allow_http(true);
    }
    let store = match builder.clone().build() {
        Ok(store) => store,
        // As for other servers: authorities are needed for https only.
        Err(error) => {
            let key = AmazonS3ConfigKey::Client(ClientConfigKey::NoSystemCertificates);
            match builder.with_config(key, "true").build() {
                Ok(store) if plain => store,
                Ok(_) => return Err(CastsError::Authorities(ClientError::NoAuthorities)),
                Err(_) => return Err(error.into()),
            }
        }
    };
    let prefix = Path::parse(prefix).map_err(|_| CastsError::Place(place.to_owned()))?;
    Ok(if prefix.is_root() { Arc::new(store) } else { Arc::new(PrefixStore::new(store, prefix)) })
}

fn local(folder: PathBuf) -> Result<Arc<dyn ObjectStore>, CastsError> {
    fs::create_dir_all(&folder).map_err(|source| CastsError::Folder { folder: folder.clone(), source })?;
    // What is named in the database has to be there after a power loss.
    Ok(Arc::new(LocalFileSystem::new_with_prefix(folder)?.with_fsync(true).with_automatic_cleanup(true)))
}

/// Where a program of this user keeps what it has.
fn state_folder() -> Result<PathBuf, CastsError> {
    let named = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // The first is systemd's, made for this service.
    let state = named("STATE_DIRECTORY")
        .or_else(|| Some(named("XDG_STATE_HOME")?.join("workshop-dashboard")))
        .or_else(|| Some(named("HOME")?.join(".local/state/workshop-dashboard")));
    Ok(state.ok_or(CastsError::Nowhere)?.join("casts"))
}
