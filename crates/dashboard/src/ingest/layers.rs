//! The layers of the ingest routes: whose token it is, before anything of the body is read.

use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sqlx::PgPool;
use workshop_edge::{Problem, RawPath};
use workshop_events::LogId;
use workshop_wire::ingest::LogState;

use super::access::{self, Known};
use crate::error::ApiError;

/// The workspace whose token came with the request. Inserted by [`require_workspace`].
#[derive(Clone, Debug)]
pub(crate) struct PostingWorkspace(pub(crate) String);

/// What a request posts to, and what is known of it. Inserted by [`require_log`].
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The workspace, whose token came.
    pub(crate) workspace: String,
    /// The log, which is no other workspace's.
    pub(crate) log: LogId,
    /// The stream's name, or the recording's; empty when the request is about the log as a whole.
    pub(crate) name: String,
    known: Known,
}

impl Target {
    /// The stream's position, if the log still accepts data.
    ///
    /// # Errors
    /// The log diverged or expired.
    pub(crate) fn open(&self) -> Result<&Known, Problem> {
        access::check_open(self.state())?;
        Ok(&self.known)
    }

    /// The log's state; a log that was never named is open.
    pub(crate) fn state(&self) -> LogState {
        self.known.state.unwrap_or_default()
    }

    /// Whether anything named the log before.
    pub(crate) fn exists(&self) -> bool {
        self.known.state.is_some()
    }
}

/// Lets in who has the token of the path's workspace.
pub(crate) async fn require_workspace(
    State(pool): State<PgPool>,
    RawPath(params): RawPath,
    mut request: Request,
    next: Next,
) -> Response {
    let workspace = param(&params, "workspace").unwrap_or_default();
    match access::check_workspace(&pool, request.headers(), workspace).await {
        Ok(()) => request.extensions_mut().insert(PostingWorkspace(workspace.to_owned())),
        Err(error) => return error.into_response(),
    };
    next.run(request).await
}

/// Lets in who has the token of the path's workspace, to a log that is no other's.
pub(crate) async fn require_log(
    State(pool): State<PgPool>,
    RawPath(params): RawPath,
    mut request: Request,
    next: Next,
) -> Response {
    match target(&pool, &params, request.headers()).await {
        Ok(target) => request.extensions_mut().insert(target),
        Err(error) => return error.into_response(),
    };
    next.run(request).await
}

async fn target(pool: &PgPool, params: &RawPathParams, headers: &HeaderMap) -> Result<Target, ApiError> {
    let hash = access::token_hash(headers)?;
    let workspace = param(params, "workspace").unwrap_or_default();
    let log = param(params, "log").and_then(|log| log.parse().ok());
    let log = log.ok_or_else(|| Problem::bad_request("A log is named by 16 hex digits."))?;
    let (name, stream) = match (param(params, "stream"), param(params, "name")) {
        (Some(stream), _) => (stream, stream.to_owned()),
        (None, Some(name)) => (name, format!("cast/{name}")),
        (None, None) => ("", String::new()),
    };
    // No cursor has a NUL in its name, and Postgres would refuse one.
    let known = access::check(pool, hash, workspace, log, &stream.replace('\0', "")).await?;
    Ok(Target { workspace: workspace.to_owned(), log, name: name.to_owned(), known })
}

fn param<'p>(params: &'p RawPathParams, name: &str) -> Option<&'p str> {
    params.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
}

impl<S: Send + Sync> FromRequestParts<S> for PostingWorkspace {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get().cloned().ok_or_else(no_layer)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Target {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get().cloned().ok_or_else(no_layer)
    }
}

fn no_layer() -> Problem {
    Problem::internal("The route has no ingest layer", &"it is in no group of router.rs")
}
