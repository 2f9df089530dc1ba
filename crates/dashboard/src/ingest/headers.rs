//! The headers of a post.

use axum::http::HeaderMap;
use workshop_edge::Problem;
use workshop_wire::ingest::OFFSET;

/// Where the body's first byte lies in its file.
///
/// # Errors
/// It is missing, or not a number.
pub(super) fn offset(headers: &HeaderMap) -> Result<u64, Problem> {
    number(headers, OFFSET)?.ok_or_else(|| {
        Problem::bad_request("Workshop-Offset is missing: the offset of the body's first byte.")
    })
}

/// A header that is a number of bytes.
///
/// # Errors
/// It is there and not a number.
pub(super) fn number(headers: &HeaderMap, name: &str) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let number: Option<u64> = value.to_str().ok().and_then(|text| text.parse().ok());
    // Offsets are kept as bigint.
    let number = number.filter(|number| i64::try_from(*number).is_ok());
    number.map(Some).ok_or_else(|| Problem::bad_request(format!("{name} must be a byte count.")))
}
