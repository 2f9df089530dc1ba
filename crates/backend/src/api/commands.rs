//! The commands that were run.

use std::collections::VecDeque;

use axum::{Json, extract::State};
use workshop_edge::{Problem, Query};
use workshop_events::Commands;
use workshop_wire::backend::{CommandPage, PageQuery};
use workshop_wire::history::CommandView;

use super::{service::Service, views};

/// The commands that were run, newest first.
#[utoipa::path(get, path = "/api/commands", tag = "student", params(PageQuery), responses((status = 200, body = CommandPage)))]
pub(super) async fn list_commands(
    State(service): State<Service>,
    Query(query): Query<PageQuery>,
) -> Result<Json<CommandPage>, Problem> {
    page(&service, query).await.map(Json)
}

/// A page of commands.
pub(super) async fn page(service: &Service, query: PageQuery) -> Result<CommandPage, Problem> {
    let limit = query.limit.unwrap_or(100).clamp(1, 1000) as usize;
    let mut commands = newest(service, limit + 1, query.before).await?;
    let more = commands.len() > limit;
    if more {
        commands.pop_front();
    }
    let next = if more { commands.front().map(|c| c.seq) } else { None };
    Ok(CommandPage { commands: commands.into_iter().rev().collect(), next })
}

/// The newest commands before `before`, in order. Reads the file: a list that someone opens is rare, a list kept in
/// memory would be paid for always.
pub(super) async fn newest(
    service: &Service,
    count: usize,
    before: Option<u64>,
) -> Result<VecDeque<CommandView>, Problem> {
    let workspace = service.workspace.clone();
    let read = move || {
        let mut newest = VecDeque::with_capacity(count.min(1024));
        let before = before.unwrap_or(u64::MAX);
        let step_at = |ts| workspace.read_timeline(|timeline| timeline.step_at(ts).map(ToOwned::to_owned));
        workshop_journal::replay_dir::<Commands>(workspace.journal().dir(), Some(workspace.log()), |item| {
            if item.seq < before {
                if newest.len() == count {
                    newest.pop_front();
                }
                newest.push_back(views::command(item.seq, &item.record, step_at));
            }
        })?;
        Ok::<_, std::io::Error>(newest)
    };
    tokio::task::spawn_blocking(read)
        .await
        .map_err(|e| Problem::internal("Reading the commands was cut off", &e))?
        .map_err(|e| Problem::internal("Cannot read the commands", &e))
}
