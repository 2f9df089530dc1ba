//! Who posts, and whose the log is.

use crate::error::ApiError;
use axum::http::{HeaderMap, StatusCode};
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, PgPool, Row};
use workshop_events::LogId;

use crate::projections::Place;
use crate::store::types::Date;
use workshop_edge::{Problem, bearer};
use workshop_wire::ingest::{LogState, kind};

/// What is known of a log before anything of a request is read.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Its state; `None` for a log that was never named.
    pub state: Option<LogState>,
    /// The offset up to which the stream was taken in.
    pub next: u64,
    /// The stream's highest `seq`; null for a recording's.
    pub seq: Option<i64>,
}

/// Refuses a log of which nothing more is stored.
///
/// # Errors
/// The problem says why.
pub fn check_open(state: LogState) -> Result<(), Problem> {
    match state {
        LogState::Open => Ok(()),
        LogState::Diverged => Err(Problem::new(
            StatusCode::CONFLICT,
            kind::DIVERGED,
            "Log diverged",
            "This log's volume was set back to an earlier state; nothing more is taken of it.",
        )),
        LogState::Expired => Err(Problem::new(
            StatusCode::GONE,
            kind::EXPIRED,
            "Log expired",
            "This log was dropped after the time for which logs are kept.",
        )),
    }
}

/// The path by which a log's JSON lines come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// The project's own shipper.
    Shipper,
    /// Vector.
    Vector,
}

impl Via {
    /// The word of the column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shipper => "shipper",
            Self::Vector => "vector",
        }
    }
}

/// A log whose workspace is locked until the transaction ends.
#[derive(Clone, Debug)]
pub struct Entered {
    /// Where its rows go.
    pub place: Place,
    /// Its state.
    pub state: LogState,
    /// By which path its JSON lines come; `None` until one came.
    pub via: Option<Via>,
    /// Whether it is the workspace's newest.
    pub newest: bool,
}

/// Checks the token of a request against the workspace and the log that it names, before its body is read.
///
/// # Errors
/// The token is unknown or revoked; it is another workspace's; the log is.
pub async fn check(
    pool: &PgPool,
    token_hash: [u8; 32],
    workspace: &str,
    log: LogId,
    stream: &str,
) -> Result<Known, ApiError> {
    let query = "select w.workspace, l.workspace, l.state, c.next, c.seq from workspaces w \
                 left join logs l on l.log = $2 left join cursors c on c.log = $2 and c.stream = $3 \
                 where w.token_hash = $1 and w.revoked is null";
    let row =
        sqlx::query(query).bind(token_hash).bind(log.to_string()).bind(stream).fetch_optional(pool).await?;
    let row = row.ok_or_else(unknown_token)?;
    if row.try_get::<&str, _>(0)? != workspace {
        return Err(other_workspace().into());
    }
    if row.try_get::<Option<&str>, _>(1)?.is_some_and(|owner| owner != workspace) {
        return Err(other_log().into());
    }
    Ok(Known {
        state: row.try_get::<Option<&str>, _>(2)?.map(LogState::of),
        next: row.try_get::<Option<i64>, _>(3)?.unwrap_or(0).unsigned_abs(),
        seq: row.try_get(4)?,
    })
}

/// As [`check`], for a request that names no log.
///
/// # Errors
/// There is no token, or an unknown or revoked one, or it is another workspace's.
pub async fn check_workspace(pool: &PgPool, headers: &HeaderMap, workspace: &str) -> Result<(), ApiError> {
    let query = "select workspace from workspaces where token_hash = $1 and revoked is null";
    let row = sqlx::query(query).bind(token_hash(headers)?).fetch_optional(pool).await?;
    let row = row.ok_or_else(unknown_token)?;
    if row.try_get::<&str, _>(0)? == workspace { Ok(()) } else { Err(other_workspace().into()) }
}

/// Locks the workspace until the transaction ends, and finds its log, or makes it.
///
/// # Errors
/// The token was revoked meanwhile, or the log is another workspace's.
pub async fn enter(connection: &mut PgConnection, workspace: &str, log: LogId) -> Result<Entered, ApiError> {
    lock(connection, workspace).await?;
    Ok(find_or_make(connection, workspace, log).await?.ok_or_else(other_log)?)
}

/// Locks the workspace until the transaction ends.
///
/// # Errors
/// The token was revoked meanwhile.
pub async fn lock(connection: &mut PgConnection, workspace: &str) -> Result<(), ApiError> {
    let query = "select 1 from workspaces where workspace = $1 and revoked is null for update";
    let locked = sqlx::query(query).bind(workspace).fetch_optional(connection).await?;
    Ok(locked.map(drop).ok_or_else(unknown_token)?)
}

/// Finds a log of the workspace, which is locked, or makes it; `None` if the log is another workspace's.
///
/// # Errors
/// The database does not answer.
pub async fn find_or_make(
    connection: &mut PgConnection,
    workspace: &str,
    log: LogId,
) -> Result<Option<Entered>, sqlx::Error> {
    let mut found = find(connection, workspace, log).await?;
    if found.is_none() {
        // The newest log counts, whatever the database's clock was set to since the one before.
        let query = "insert into logs (log, workspace, opened, first_seen, last_seen) \
                     values ($1, $2, (clock_timestamp() at time zone 'UTC')::date, \
                     greatest(clock_timestamp(), (select max(first_seen) + interval '1 microsecond' from logs where workspace = $2)), \
                     clock_timestamp()) on conflict do nothing";
        sqlx::query(query).bind(log.to_string()).bind(workspace).execute(&mut *connection).await?;
        found = find(connection, workspace, log).await?;
    }
    Ok(found.filter(|entered| entered.place.workspace == workspace))
}

/// The log, whoever's it is.
async fn find(
    connection: &mut PgConnection,
    workspace: &str,
    log: LogId,
) -> Result<Option<Entered>, sqlx::Error> {
    let query = "select workspace, opened, state, via, \
                 coalesce(log = (select log from logs where workspace = $1 order by first_seen desc, log desc limit 1), false) \
                 from logs where log = $2";
    let row = sqlx::query(query).bind(workspace).bind(log.to_string()).fetch_optional(connection).await?;
    let Some(row) = row else { return Ok(None) };
    let place =
        Place { workspace: row.try_get(0)?, log: log.to_string(), opened: row.try_get::<Date, _>(1)? };
    let via = row.try_get::<Option<&str>, _>(3)?;
    Ok(Some(Entered {
        place,
        state: LogState::of(row.try_get(2)?),
        via: via.map(|word| if word == "vector" { Via::Vector } else { Via::Shipper }),
        newest: row.try_get(4)?,
    }))
}

/// What is stored of a token.
pub fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// What is stored of the token that comes with a request.
///
/// # Errors
/// There is none.
pub fn token_hash(headers: &HeaderMap) -> Result<[u8; 32], Problem> {
    let missing = || Problem::unauthorized("Send the workspace's token as Authorization: Bearer <token>.");
    bearer(headers)?.map(hash).ok_or_else(missing)
}

fn unknown_token() -> Problem {
    Problem::unauthorized("This token is unknown, or it was revoked.")
}

fn other_workspace() -> Problem {
    Problem::forbidden("other-workspace", "This token is another workspace's.")
}

fn other_log() -> Problem {
    Problem::forbidden("other-workspace", "This log is another workspace's.")
}
