//! Takes in what Vector posts: lines of any file and log of a workspace, again or out of order. Each is stored once. What
//! cannot be stored is kept in quarantine, and the post succeeds: Vector would drop all of one that is refused.

mod advance;
mod read;
mod store;

use crate::error::ApiError;
use std::io::Read;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use sqlx::PgConnection;
use workshop_events::{Commands, Llm, State as StateKind};

use super::access::{self, Entered, Via};
use super::body::{self, MAX_BODY};
use super::layers::PostingWorkspace;
use crate::service::Dashboard;
use advance::{Came, advance, changed};
use read::{Batch, LogLines, Malformed};
use store::store;
use workshop_edge::Problem;
use workshop_wire::ProblemBody;
use workshop_wire::ingest::{LogState, VectorStored};

pub use advance::{keep_up, pass_over};

/// How many lines go to quarantine with one statement.
const AT_ONCE: usize = 1024;

/// Stores what Vector read: lines of any file and log of a workspace, each with its path.
#[utoipa::path(post, path = "/ingest/vector/{workspace}", tag = "ingest",
    params(("workspace" = String, Path, description = "Name of the workspace")),
    request_body(content = String, content_type = "application/x-ndjson"),
    responses((status = 200, body = VectorStored), (status = 401, body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn post_vector(
    State(dashboard): State<Arc<Dashboard>>,
    PostingWorkspace(workspace): PostingWorkspace,
    request: Request,
) -> Result<Json<VectorStored>, ApiError> {
    let (head, body) = request.into_parts();
    let gzip = is_gzip(&head.headers)?;
    let announced = body::announced(&head.headers)?;
    let (bytes, held) = dashboard.bodies.read(body, announced).await.map_err(come_again)?;
    let len = bytes.len() as u64;
    let mut room = dashboard.bodies.parsing().await?;
    let parsing = tokio::task::spawn_blocking(move || {
        let _held = held;
        let bytes = if gzip { unpack(&bytes)? } else { bytes };
        room.count_lines(&bytes)?;
        Ok::<_, Problem>((read::read(&bytes), room))
    });
    let (batch, room) =
        parsing.await.map_err(|error| Problem::unavailable("the lines could not be read", &error))??;
    // A client that goes away does not stop what is being stored, nor give back what that takes.
    let storing = dashboard.clone();
    let storing = tokio::spawn(async move {
        let _room = room;
        take(storing, workspace, batch).await
    });
    let answer =
        storing.await.map_err(|error| Problem::unavailable("the lines could not be stored", &error))??;
    dashboard.taken.count(len, answer.stored > 0);
    Ok(Json(answer))
}

/// Whether the body is compressed, as Vector does it if it is told to.
fn is_gzip(headers: &HeaderMap) -> Result<bool, Problem> {
    match headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes()) {
        None | Some(b"identity") => Ok(false),
        Some(b"gzip") => Ok(true),
        Some(_) => {
            let detail = "Bodies are taken as they are, or with gzip.";
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "encoded-body", "Encoded body", detail))
        }
    }
}

/// Unpacks a compressed body, which is bounded as any is.
fn unpack(bytes: &[u8]) -> Result<Bytes, Problem> {
    let mut plain = Vec::new();
    let unpacked = flate2::read::MultiGzDecoder::new(bytes).take(MAX_BODY as u64 + 1).read_to_end(&mut plain);
    unpacked.map_err(|error| Problem::bad_request(format!("The body is not gzip: {error}")))?;
    if plain.len() > MAX_BODY { Err(body::too_long(MAX_BODY)) } else { Ok(plain.into()) }
}

/// A body that broke off or came too slowly may come whole the next time, if Vector is not told that it is wrong.
fn come_again(problem: Problem) -> Problem {
    match problem.status() {
        StatusCode::PAYLOAD_TOO_LARGE => problem,
        _ => Problem::unavailable("the body did not come", &problem.status()),
    }
}

/// Stores what a body holds, all of it or nothing.
async fn take(dashboard: Arc<Dashboard>, workspace: String, batch: Batch) -> Result<VectorStored, ApiError> {
    let Batch { lines, logs, mut malformed } = batch;
    if lines == 0 {
        return Ok(VectorStored { lines, stored: 0, malformed: 0 });
    }
    let mut transaction = dashboard.store.ingest().begin().await?;
    access::lock(&mut transaction, &workspace).await?;
    let mut stored = 0;
    for lines in logs {
        stored += take_log(&mut transaction, &workspace, lines, &mut malformed).await?;
    }
    let refused = malformed.len() as u64;
    let kept = quarantine(&mut transaction, &workspace, malformed).await?;
    if stored + kept > 0 {
        changed(&mut transaction, &workspace).await?;
    }
    transaction.commit().await?;
    if stored + kept > 0 {
        dashboard.touched();
    }
    Ok(VectorStored { lines, stored, malformed: refused })
}

/// Stores lines of one log. Gives how many are new.
async fn take_log(
    connection: &mut PgConnection,
    workspace: &str,
    lines: LogLines,
    malformed: &mut Vec<Malformed>,
) -> Result<u64, ApiError> {
    let log = lines.log;
    let Some(entered) = access::find_or_make(connection, workspace, log).await? else {
        refuse(lines, None, &format!("line of another workspace's log, {log}"), malformed);
        return Ok(0);
    };
    if entered.via == Some(Via::Shipper) {
        refuse(lines, Some(&entered), "line of a log that workshop-shipper delivers", malformed);
        return Ok(0);
    }
    if entered.state == LogState::Expired {
        // What was stored of it is gone, so nobody can tell what of this would be new.
        tracing::warn!(workspace, %log, "lines of a log that was dropped are not taken");
        return Ok(0);
    }
    let LogLines { state, commands, llm, .. } = lines;
    let came = Came {
        state: store::<StateKind>(connection, &entered, state, malformed).await?,
        commands: store::<Commands>(connection, &entered, commands, malformed).await?,
        llm: store::<Llm>(connection, &entered, llm, malformed).await?,
    };
    if came.records() > 0 {
        let query = "update logs set last_seen = clock_timestamp(), via = 'vector' where log = $1";
        sqlx::query(query).bind(&entered.place.log).execute(&mut *connection).await?;
        advance(connection, &entered, came).await?;
    }
    Ok(came.records())
}

fn refuse(lines: LogLines, entered: Option<&Entered>, reason: &str, malformed: &mut Vec<Malformed>) {
    let log = entered.map(|_| lines.log);
    let refused = lines
        .into_lines()
        .map(|(stream, line)| Malformed::new(stream.name(), log, line.text.as_bytes(), reason));
    malformed.extend(refused);
}

/// Keeps lines that are no records; one that is kept already stays as it is. Gives how many are new.
async fn quarantine(
    connection: &mut PgConnection,
    workspace: &str,
    lines: Vec<Malformed>,
) -> Result<u64, sqlx::Error> {
    let query = "insert into quarantine (workspace, log, stream, sha256, reason, line) \
                 select $1, * from unnest($2::text[], $3::text[], $4::bytea[], $5::text[], $6::bytea[]) \
                 on conflict (workspace, stream, sha256) where \"offset\" is null do nothing";
    let mut new = 0;
    for lines in lines.chunks(AT_ONCE) {
        let done = sqlx::query(query)
            .bind(workspace)
            .bind(lines.iter().map(|line| line.log.map(|log| log.to_string())).collect::<Vec<_>>())
            .bind(lines.iter().map(|line| line.stream).collect::<Vec<_>>())
            .bind(lines.iter().map(|line| line.line.sha256.as_slice()).collect::<Vec<_>>())
            .bind(lines.iter().map(|line| line.line.reason.as_str()).collect::<Vec<_>>())
            .bind(lines.iter().map(|line| line.line.line.as_slice()).collect::<Vec<_>>())
            .execute(&mut *connection)
            .await?;
        new += done.rows_affected();
    }
    Ok(new)
}
