//! Recordings of terminals: the list, and each cast as a resource with ranges.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use axum::{
    Json,
    body::Body,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;
use workshop_edge::{Part, Path, Problem};
use workshop_events::{
    cast::{CastEvent, Header},
    codec::cut,
};
use workshop_wire::ProblemBody;
use workshop_wire::backend::RecordingView;

use super::service::Service;

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
    let part = match Part::of(&headers, len) {
        Ok(part) => part,
        Err(outside) => return Ok(outside.into_response()),
    };
    file.seek(SeekFrom::Start(part.first)).map_err(failed)?;
    let bytes = ReaderStream::new(tokio::fs::File::from_std(file).take(part.end - part.first));
    Ok(part.answer("application/x-asciicast", Body::from_stream(bytes)))
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
