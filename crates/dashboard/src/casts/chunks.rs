//! Which objects a recording is made of: names of objects, and the rows that name them.

use sha2::{Digest, Sha256};
use sqlx::{PgConnection, PgPool, Row};

use super::ROOT;
use crate::projections::columns::bigint;

/// Names that are used as they are; others are replaced by their hash.
const MAX_PLAIN: usize = 128;

/// A piece of a recording: a row of `recording_chunks`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Offset of its first byte in the recording.
    pub offset: u64,
    /// Its length.
    pub len: u64,
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// Name of its object.
    pub key: String,
}

impl Chunk {
    /// The piece of a recording that begins at `offset`.
    pub fn new(log: &str, name: &str, offset: u64, len: u64, sha256: [u8; 32]) -> Self {
        let key = format!("{ROOT}/{log}/{}/{offset}-{len}-{}", folder(name), hex::encode(sha256));
        Self { offset, len, sha256, key }
    }

    /// Of these bytes.
    pub fn of(log: &str, name: &str, offset: u64, bytes: &[u8]) -> Self {
        Self::new(log, name, offset, bytes.len() as u64, Sha256::digest(bytes).into())
    }

    /// Offset after its last byte.
    pub fn end(&self) -> u64 {
        self.offset + self.len
    }
}

/// The log that an object's name says it is of.
pub fn log_of(key: &str) -> Option<&str> {
    let mut parts = key.strip_prefix(ROOT)?.strip_prefix('/')?.split('/');
    let log = parts.next()?;
    (log.len() == 16 && parts.count() == 2).then_some(log)
}

fn folder(name: &str) -> String {
    let plain =
        |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.' | b'T' | b'Z');
    if name.len() <= MAX_PLAIN
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(plain)
    {
        return name.to_owned();
    }
    // Letters of both cases would fall together on some file systems.
    format!("={}", hex::encode(Sha256::digest(name.as_bytes())))
}

/// The chunks of a recording, in order.
///
/// # Errors
/// The database does not answer.
pub async fn of_recording(
    connection: &mut PgConnection,
    log: &str,
    name: &str,
) -> Result<Vec<Chunk>, sqlx::Error> {
    let query = "select \"offset\", len, sha256, key from recording_chunks where log = $1 and name = $2 \
                 order by \"offset\"";
    let rows = sqlx::query(query).bind(log).bind(name).fetch_all(connection).await?;
    let chunks = rows.iter().map(|row| {
        Ok(Chunk {
            offset: row.try_get::<i64, _>(0)?.unsigned_abs(),
            len: row.try_get::<i64, _>(1)?.unsigned_abs(),
            sha256: row.try_get(2)?,
            key: row.try_get(3)?,
        })
    });
    chunks.collect()
}

/// Names a chunk's object. It is there.
///
/// # Errors
/// The database refuses or does not answer.
pub async fn name(
    connection: &mut PgConnection,
    log: &str,
    name: &str,
    chunk: &Chunk,
) -> Result<(), sqlx::Error> {
    let query = "insert into recording_chunks (log, name, \"offset\", len, sha256, key) values ($1, $2, $3, $4, $5, $6)";
    sqlx::query(query)
        .bind(log)
        .bind(name)
        .bind(bigint(chunk.offset))
        .bind(bigint(chunk.len))
        .bind(chunk.sha256)
        .bind(&chunk.key)
        .execute(connection)
        .await?;
    Ok(())
}

/// Before an object is put that is to be named: whoever sweeps is done with that name, and leaves it alone for a day.
///
/// # Errors
/// The database refuses or does not answer.
pub async fn claim(pool: &PgPool, key: &str) -> Result<(), sqlx::Error> {
    sqlx::query("delete from recording_leftovers where key = $1").bind(key).execute(pool).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_objects() {
        let chunk = Chunk::of("0123456789abcdef", "session-20261120T090000Z-1.cast", 7, b"abc");
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let expected = format!("casts/0123456789abcdef/session-20261120T090000Z-1.cast/7-3-{sha256}");
        assert_eq!((chunk.key.as_str(), chunk.end()), (expected.as_str(), 10));
        assert_eq!(log_of(&chunk.key), Some("0123456789abcdef"));
        for other in ["casts", "casts/0123456789abcdef", "casts/x/y/z", "other/0123456789abcdef/a/b"] {
            assert_eq!(log_of(other), None, "{other}");
        }
        for odd in ["..cast", "a b.cast", "é.cast", "a%2Fb.cast", &"x".repeat(200)] {
            let key = Chunk::of("0123456789abcdef", odd, 0, b"x").key;
            assert!(key.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-=".contains(&b)), "{key}");
            assert_eq!(log_of(&key), Some("0123456789abcdef"));
        }
    }
}
