//! Looks for commands across all workspaces.
//!
//! A plain scan with ILIKE: an index of trigrams would have to be paid for with every command that is taken in, by
//! every installation, for a question that is asked now and then.

use crate::error::ApiError;
use std::sync::Arc;
use workshop_wire::ProblemBody;
use workshop_wire::dashboard::{Found, FoundList, SearchQuery};

use axum::Json;
use axum::extract::State;
use sqlx::FromRow;

use super::lists;
use super::params;
use crate::service::Dashboard;
use crate::values::moment;
use workshop_edge::Problem;
use workshop_edge::Query;

/// The most that a search gives.
const MOST: u32 = 500;
/// The longest text that is looked for, in characters.
const LONGEST: usize = 200;

#[derive(FromRow)]
struct Row {
    workspace: String,
    student: String,
    log: String,
    seq: i64,
    ts: i64,
    step: Option<String>,
    cmd: String,
    exit: Option<i32>,
    session: Option<String>,
    at: Option<f64>,
}

/// Looks for commands in all workspaces.
#[utoipa::path(get, path = "/api/search", tag = "instructor", params(SearchQuery), responses((status = 200, body = FoundList),
    (status = 400, body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn search(
    State(dashboard): State<Arc<Dashboard>>,
    Query(query): Query<SearchQuery>,
) -> Result<Json<FoundList>, ApiError> {
    let text = query.q.trim();
    if !(2..=LONGEST).contains(&text.chars().count()) {
        return Err(Problem::bad_request(format!("q has 2 to {LONGEST} characters.")).into());
    }
    params::text(Some(text))?;
    let limit = lists::limit(query.limit, MOST);
    let mut transaction = dashboard.store.views().begin().await?;
    // A question must not keep the database from its work.
    sqlx::query("set local statement_timeout = '10s'").execute(&mut *transaction).await?;
    let mut rows: Vec<Row> = sqlx::query_as(
        "select c.workspace, w.student, c.log, c.seq, (extract(epoch from c.ts) * 1000)::bigint as ts, c.step, c.cmd,
                c.exit, c.session, c.at
         from command_log c join workspaces w using (workspace) left join workspace_status s using (workspace)
         where c.cmd ilike $1 escape '\\'
           and ($2::text is null or coalesce(nullif(s.workshop, ''), w.workshop) = $2)
           and ($3::text is null or c.step = $3)
         order by c.ts desc, c.log, c.seq desc limit $4",
    )
    .bind(pattern(text))
    .bind(params::text(query.workshop.as_deref())?)
    .bind(params::text(query.step.as_deref())?)
    .bind(limit + 1)
    .fetch_all(&mut *transaction)
    .await
    .map_err(refused)?;
    transaction.commit().await?;
    let more = lists::cut(&mut rows, limit, |row| row.seq).is_some();
    let found = |row: Row| Found {
        workspace: row.workspace,
        student: row.student,
        log: row.log,
        seq: row.seq,
        ts: moment(row.ts),
        step: row.step,
        cmd: row.cmd,
        exit: row.exit,
        session: row.session,
        at: row.at,
    };
    Ok(Json(FoundList { commands: rows.into_iter().map(found).collect(), more }))
}

/// A question that took too long is not the database's trouble.
fn refused(error: sqlx::Error) -> ApiError {
    const CANCELED: &str = "57014";
    let code = error.as_database_error().and_then(|error| error.code());
    if code.is_none_or(|code| code != CANCELED) {
        return error.into();
    }
    let detail =
        "Nothing was found within 10 seconds. Name a workshop or a step, or look for something longer.";
    Problem::new(axum::http::StatusCode::SERVICE_UNAVAILABLE, "too-much", "Too much to look through", detail)
        .into()
}

/// Anything that contains the text: what the text has of wildcards stands for itself.
fn pattern(text: &str) -> String {
    let escaped = text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    format!("%{escaped}%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_themselves() {
        assert_eq!(pattern(r"100% a_b \n"), r"%100\% a\_b \\n%");
    }
}
