//! Where dashboards keep recordings: a folder, or an S3 server.

use std::sync::Arc;

use futures_util::TryStreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt};

/// An S3 server.
#[derive(Clone)]
pub struct S3 {
    /// Its address.
    pub endpoint: String,
    /// A bucket in it.
    pub bucket: String,
    /// The name of a key.
    pub access: String,
    /// The key.
    pub secret: String,
}

impl S3 {
    /// The one that the environment names, if it names one.
    pub fn given() -> Option<Self> {
        let text = std::env::var("WORKSHOP_TEST_S3").ok()?;
        let parts: Vec<&str> = text.split(',').collect();
        let [endpoint, bucket, access, secret] = parts[..] else { panic!("WORKSHOP_TEST_S3: {text}") };
        let own = str::to_owned;
        Some(Self { endpoint: own(endpoint), bucket: own(bucket), access: own(access), secret: own(secret) })
    }
}

/// Where a test's recordings are kept.
pub enum CastStore {
    /// In a folder. Dropped, it is gone.
    Folder(tempfile::TempDir),
    /// On a server, below a prefix.
    S3 {
        /// The server.
        server: S3,
        /// The prefix.
        prefix: String,
    },
}

impl CastStore {
    /// An empty folder.
    pub fn folder() -> Self {
        Self::Folder(tempfile::tempdir().unwrap())
    }

    /// A prefix of a server that nobody else has.
    pub fn s3(server: S3) -> Self {
        Self::S3 { server, prefix: format!("test-{:016x}", getrandom::u64().unwrap()) }
    }

    /// A folder and, if the environment names a server, a prefix there.
    pub fn all() -> Vec<Self> {
        std::iter::once(Self::folder()).chain(S3::given().map(Self::s3)).collect()
    }

    /// The variables that tell a dashboard of it.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Folder(folder) => vec![("WORKSHOP_CASTS", folder.path().display().to_string())],
            Self::S3 { server, prefix } => vec![
                ("WORKSHOP_CASTS", format!("s3://{}/{prefix}", server.bucket)),
                ("AWS_ENDPOINT_URL", server.endpoint.clone()),
                ("AWS_ACCESS_KEY_ID", server.access.clone()),
                ("AWS_SECRET_ACCESS_KEY", server.secret.clone()),
            ],
        }
    }

    /// Its objects.
    pub fn objects(&self) -> Arc<dyn ObjectStore> {
        match self {
            Self::Folder(folder) => Arc::new(LocalFileSystem::new_with_prefix(folder.path()).unwrap()),
            Self::S3 { server, prefix } => {
                let store = AmazonS3Builder::new()
                    .with_bucket_name(&server.bucket)
                    .with_endpoint(&server.endpoint)
                    .with_access_key_id(&server.access)
                    .with_secret_access_key(&server.secret)
                    .with_allow_http(true)
                    .build()
                    .unwrap();
                Arc::new(PrefixStore::new(store, prefix.as_str()))
            }
        }
    }

    /// The names of all objects, in order.
    pub async fn keys(&self) -> Vec<String> {
        let found: Vec<_> = self.objects().list(None).try_collect().await.unwrap();
        let mut keys: Vec<String> = found.into_iter().map(|object| object.location.to_string()).collect();
        keys.sort();
        keys
    }

    /// Puts an object.
    pub async fn put(&self, key: &str, bytes: &[u8]) {
        self.objects().put(&Path::parse(key).unwrap(), bytes.to_vec().into()).await.unwrap();
    }
}
