//! Recordings of terminals: the list, and each cast as a resource with ranges.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;
use workshop_events::{
    cast::{CastEvent, Header},
    codec::cut,
};

use super::address::Path;
use super::{
    Problem, Service,
    types::{ProblemBody, RecordingView},
};

/// How far back from its end a cast is searched for its last whole line; ours are much shorter.
const TAIL: u64 = 256 * 1024;

/// The recordings, oldest first.
#[utoipa::path(get, path = "/api/recordings", tag = "student", responses((status = 200, body = Vec<RecordingView>)))]
pub(super) async fn list_recordings(
    State(service): State<Service>,
) -> Result<Json<Vec<RecordingView>>, Problem> {
    list(&service).map(Json)
}

/// The recordings, oldest first.
pub(super) fn list(service: &Service) -> Result<Vec<RecordingView>, Problem> {
    let files = service
        .workspace
        .journal()
        .recordings()
        .map_err(|e| Problem::internal("Cannot list the recordings", &e))?;
    Ok(service.workspace.read(|state| {
        files
            .into_iter()
            .map(|file| {
                let found = state.sessions().iter().find_map(|session| {
                    let at = session.casts.iter().position(|cast| cast.name == file.name)?;
                    Some((session, at))
                });
                let last = found.is_some_and(|(session, at)| at + 1 == session.casts.len());
                RecordingView {
                    session: found.map(|(session, _)| session.id.clone()),
                    terminal: found.map(|(session, _)| session.name.clone()),
                    opened: found.map(|(session, _)| session.opened),
                    at: found.map_or(0.0, |(session, at)| session.casts[at].at),
                    bytes: file.len,
                    live: last && found.is_some_and(|(session, _)| session.closed.is_none()),
                    name: file.name,
                }
            })
            .collect()
    }))
}

/// A recording: asciicast v2, up to its last whole line.
#[utoipa::path(get, path = "/api/recordings/{name}", tag = "student",
    params(("name" = String, Path, description = "As in the list"), ("Range" = Option<String>, Header, description = "One range of bytes")),
    responses((status = 200, description = "The cast", body = String, content_type = "application/x-asciicast"),
        (status = 206, description = "A part of it", body = String, content_type = "application/x-asciicast"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 416, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn get_recording(
    State(service): State<Service>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let failed = |e: io::Error| Problem::internal("Cannot read the recording", &e);
    let file = service.workspace.journal().recording(&name).map_err(failed)?;
    let Some(mut file) = file else {
        return Err(Problem::not_found(format!("There is no recording {:?}.", cut(&name, 80))));
    };
    let len = whole_len(&mut file).map_err(failed)?;
    let (status, first, end) =
        match headers.get(header::RANGE).and_then(|r| r.to_str().ok()).map(|r| range(r, len)) {
            None | Some(Range::Whole) => (StatusCode::OK, 0, len),
            Some(Range::Part(first, end)) => (StatusCode::PARTIAL_CONTENT, first, end),
            Some(Range::Outside) => {
                let problem = Problem::new(
                    StatusCode::RANGE_NOT_SATISFIABLE,
                    "range",
                    "Nothing in that range",
                    format!("The recording has {len} bytes so far."),
                );
                return Ok(([(header::CONTENT_RANGE, format!("bytes */{len}"))], problem).into_response());
            }
        };
    file.seek(SeekFrom::Start(first)).map_err(failed)?;
    let body = Body::from_stream(ReaderStream::new(tokio::fs::File::from_std(file).take(end - first)));
    let mut response = (status, body).into_response();
    let set = response.headers_mut();
    set.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/x-asciicast"));
    set.insert(header::ACCEPT_RANGES, header::HeaderValue::from_static("bytes"));
    set.insert(header::CONTENT_LENGTH, header::HeaderValue::from(end - first));
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(value) = header::HeaderValue::from_str(&format!("bytes {first}-{}/{len}", end - 1))
    {
        set.insert(header::CONTENT_RANGE, value);
    }
    Ok(response)
}

/// What a Range header asks for.
#[derive(Debug, PartialEq, Eq)]
enum Range {
    /// Everything: none, several, or one that cannot be understood.
    Whole,
    /// From the first to before the second byte.
    Part(u64, u64),
    /// Beyond the end.
    Outside,
}

fn range(text: &str, len: u64) -> Range {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|r| r.split_once('-')) else {
        return Range::Whole;
    };
    match (first.trim().parse::<u64>(), last.trim().parse::<u64>(), last.trim().is_empty()) {
        (Ok(first), _, true) if first < len => Range::Part(first, len),
        (Ok(first), Ok(last), _) if first <= last && first < len => {
            Range::Part(first, last.saturating_add(1).min(len))
        }
        (Ok(first), _, true) if first >= len => Range::Outside,
        (Ok(first), Ok(last), _) if first <= last => Range::Outside,
        (Err(_), Ok(0), _) if first.trim().is_empty() => Range::Outside,
        (Err(_), Ok(suffix), _) if first.trim().is_empty() && len > 0 => {
            Range::Part(len.saturating_sub(suffix), len)
        }
        (Err(_), Ok(_), _) if first.trim().is_empty() => Range::Outside,
        _ => Range::Whole,
    }
}

/// Length of a cast up to its last whole valid line. Only the end can be torn: after a short write a new file begins.
fn whole_len(file: &mut File) -> io::Result<u64> {
    let len = file.metadata()?.len();
    let start = len.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    Read::by_ref(file).take(TAIL).read_to_end(&mut tail)?;
    while let Some(newline) = memchr::memrchr(b'\n', &tail) {
        tail.truncate(newline);
        let begin = memchr::memrchr(b'\n', &tail).map_or(0, |before| before + 1);
        let valid = std::str::from_utf8(&tail[begin..]).is_ok_and(|line| {
            CastEvent::parse(line).is_ok() || (start == 0 && begin == 0 && Header::parse(line).is_ok())
        });
        if valid {
            return Ok(start + newline as u64 + 1);
        }
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn ranges() {
        let check = |text: &str, expected: Range| assert_eq!(range(text, 100), expected, "{text}");
        check("bytes=0-", Range::Part(0, 100));
        check("bytes=10-19", Range::Part(10, 20));
        check("bytes=90-500", Range::Part(90, 100));
        check("bytes=-30", Range::Part(70, 100));
        check("bytes=-500", Range::Part(0, 100));
        check("bytes=100-", Range::Outside);
        check("bytes=200-300", Range::Outside);
        check("bytes=-0", Range::Outside);
        check("bytes=5-2", Range::Whole);
        check("lines=1-2", Range::Whole);
        check("bytes=x-y", Range::Whole);
        check("bytes=18446744073709551615-", Range::Outside);
    }

    #[test]
    fn a_cast_is_served_up_to_its_last_whole_line() {
        let whole = "{\"version\":2,\"width\":80,\"height\":24}\n[0.5, \"o\", \"a\"]\n";
        let check = |rest: &[u8], expected: usize| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(whole.as_bytes()).unwrap();
            file.write_all(rest).unwrap();
            assert_eq!(whole_len(&mut file).unwrap(), expected as u64, "{rest:?}");
        };
        check(b"", whole.len());
        check(b"[1.0, \"o\", \"cut", whole.len());
        check(b"[1.0, \"o\", \"cut\n", whole.len());
        check(&[0; 70_000], whole.len());
        check(b"\xff\xfe\n", whole.len());
        let mut empty = tempfile::tempfile().unwrap();
        assert_eq!(whole_len(&mut empty).unwrap(), 0);
        empty.write_all(b"{\"version\":2,\"width\":80,\"height\":24}\n").unwrap();
        assert_eq!(whole_len(&mut empty).unwrap(), 37);
    }
}
