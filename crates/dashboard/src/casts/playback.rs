//! A recording's bytes: one run over all its chunks.

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};

use super::chunks::Chunk;
use super::{Casts, CastsError};

/// So many objects are asked for ahead of the one that is sent; their bytes come when it is their turn.
const AHEAD: usize = 4;

/// The bytes from `first` to before `end` of the recording that these chunks make, one object after the other.
pub(crate) fn bytes(
    casts: Casts,
    chunks: Vec<Chunk>,
    first: u64,
    end: u64,
) -> impl Stream<Item = Result<Bytes, CastsError>> + Send + 'static {
    let parts = chunks.into_iter().filter(move |chunk| chunk.end() > first && chunk.offset < end);
    let opened = stream::iter(parts).map(move |chunk| {
        let casts = casts.clone();
        let from = first.saturating_sub(chunk.offset);
        let to = chunk.len.min(end - chunk.offset);
        async move { casts.read(&chunk.key, from, to).await }
    });
    opened.buffered(AHEAD).try_flatten()
}
