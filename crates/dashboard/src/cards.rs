//! Workspaces at a glance, out of the database: one query for any number of them.

use sqlx::{FromRow, PgPool};
use workshop_events::Timestamp;
use workshop_wire::dashboard::{Card, CellState, LastCommand, Mark};
use workshop_wire::ingest::LogState;

use crate::values::{count, maybe, moment};

/// Most workspaces that are shown at once.
const MOST: i64 = 10_000;
/// Half minutes of activity that are told.
const HALF_MINUTES: usize = 30;

/// A workspace as the database shows it.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(crate) struct CardRow {
    pub(crate) workspace: String,
    student: String,
    workshop: String,
    has_url: bool,
    pub(crate) version: i64,
    revoked: Option<i64>,
    step: Option<String>,
    step_title: Option<String>,
    step_position: Option<i32>,
    steps: i32,
    completed: i64,
    given: i64,
    path: Vec<String>,
    begun: Option<i64>,
    finished: Option<i64>,
    clients: i32,
    last_activity: Option<i64>,
    last_cmd: Option<String>,
    last_exit: Option<i32>,
    last_cmd_ts: Option<i64>,
    /// Half minutes in which something was done, counted back from that of `last_activity`, and how much.
    busy_back: Vec<i64>,
    busy_count: Vec<i64>,
    active_since: Option<i64>,
    tries: i32,
    helps: i32,
    last_passed: Option<bool>,
    pub(crate) mark: Option<String>,
    need: i32,
    switch_step: Option<String>,
    switch_failed: Option<String>,
    log_state: Option<String>,
    gaps: i64,
    quarantined: i64,
}

/// Which workspaces.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Which<'a> {
    /// Only these.
    pub(crate) names: Option<&'a [String]>,
    /// Only those of this workshop.
    pub(crate) workshop: Option<&'a str>,
    /// Also those whose token was revoked.
    pub(crate) revoked: bool,
}

/// What is stored of workspaces, by name. Every part of a row is found by an index, and in one partition.
pub(crate) async fn rows(pool: &PgPool, which: Which<'_>) -> Result<Vec<CardRow>, sqlx::Error> {
    sqlx::query_as(
        "select s.workspace, s.student, s.workshop, w.url is not null as has_url, s.version,
                (extract(epoch from s.revoked) * 1000)::bigint as revoked, s.step, s.step_title, s.step_position, s.steps,
                s.completed, s.given, coalesce(path.states, '{}') as path,
                (extract(epoch from s.begun) * 1000)::bigint as begun,
                (extract(epoch from s.finished) * 1000)::bigint as finished, s.clients,
                (extract(epoch from s.last_activity) * 1000)::bigint as last_activity,
                command.cmd as last_cmd, command.exit as last_exit,
                (extract(epoch from command.ts) * 1000)::bigint as last_cmd_ts,
                coalesce(busy.back, '{}') as busy_back, coalesce(busy.count, '{}') as busy_count,
                (extract(epoch from s.active_since) * 1000)::bigint as active_since,
                s.tries, s.helps, s.last_passed, s.mark, s.need, s.switch_step, s.switch_failed, newest.state as log_state,
                (select count(*) from gaps join logs using (log) where logs.workspace = s.workspace) as gaps,
                (select count(*) from quarantine q where q.workspace = s.workspace) as quarantined
         from workspace_now s
         join workspaces w using (workspace)
         left join logs own on own.log = s.log
         left join lateral (
             select array_agg(step.state order by step.position, step.step) as states
             from step_status step where step.log = s.log and step.position is not null
         ) path on true
         left join lateral (
             select left(c.cmd, 200) as cmd, c.exit, c.ts from command_log c
             where c.opened = own.opened and c.log = own.log order by c.seq desc limit 1
         ) command on true
         left join lateral (
             select array_agg(halves.back) as back, array_agg(halves.count) as count
             from (
                 select floor(date_part('epoch', s.last_activity) / 30)::bigint - floor(date_part('epoch', ts) / 30)::bigint
                            as back, count(*) as count
                 from (
                     select c.ts from command_log c
                     where c.opened = own.opened and c.log = own.log and c.workspace = s.workspace
                       and c.ts > s.last_activity - interval '15 minutes' and c.ts < s.last_activity + interval '30 seconds'
                     union all
                     select t.ts from state_timeline t
                     where t.opened = own.opened and t.log = own.log and t.workspace = s.workspace
                       and t.ts > s.last_activity - interval '15 minutes' and t.ts < s.last_activity + interval '30 seconds'
                       and (t.event in ('step_viewed', 'step_marked', 'help_opened', 'switch_requested')
                            or t.event = 'goss_result' and t.trigger = 'student')
                 ) acts group by back
             ) halves
         ) busy on true
         left join lateral (
             select state from logs where logs.workspace = s.workspace order by first_seen desc, log desc limit 1
         ) newest on true
         where ($1::text[] is null or s.workspace = any ($1)) and ($2::text is null or s.workshop = $2)
           and ($3 or s.revoked is null)
         order by s.workspace limit $4",
    )
    .bind(which.names)
    .bind(which.workshop)
    .bind(which.revoked)
    .bind(MOST)
    .fetch_all(pool)
    .await
}

impl CardRow {
    /// The card. `relays`: whether terminals of workspaces can be watched at all.
    pub(crate) fn card(&self, relays: bool) -> Card {
        Card {
            workspace: self.workspace.clone(),
            student: self.student.clone(),
            workshop: self.workshop.clone(),
            step: self.step.clone(),
            step_title: self.step_title.clone(),
            step_position: self.step_position.map(count),
            steps: count(self.steps),
            completed: count(self.completed),
            given: count(self.given),
            path: self.path.iter().map(|state| CellState::named(state)).collect(),
            begun: maybe(self.begun),
            finished: maybe(self.finished),
            clients: count(self.clients),
            connected: self.clients > 0,
            last_activity: maybe(self.last_activity),
            last_command: self.last_command(),
            activity: self.activity(),
            active_since: maybe(self.active_since),
            tries: count(self.tries),
            helps: count(self.helps),
            last_passed: self.last_passed,
            mark: self.mark.as_deref().and_then(Mark::named),
            need: count(self.need),
            switch_step: self.switch_step.clone(),
            switch_failed: self.switch_failed.clone(),
            live: self.has_url && relays && self.revoked.is_none(),
            log_state: self.log_state.as_deref().map(LogState::of),
            gaps: count(self.gaps),
            quarantined: count(self.quarantined),
            revoked: maybe(self.revoked),
            version: self.version,
        }
    }

    fn last_command(&self) -> Option<LastCommand> {
        Some(LastCommand { cmd: self.last_cmd.clone()?, exit: self.last_exit, ts: moment(self.last_cmd_ts?) })
    }

    fn activity(&self) -> Vec<u32> {
        let mut halves = [0; HALF_MINUTES];
        let mut first = HALF_MINUTES;
        for (back, number) in self.busy_back.iter().zip(&self.busy_count) {
            let place = usize::try_from(*back).ok().and_then(|back| (HALF_MINUTES - 1).checked_sub(back));
            if let Some(place) = place {
                halves[place] = count(*number);
                first = first.min(place);
            }
        }
        halves[first..].to_vec()
    }
}

/// The cards of these rows: who needs help most first, among equals who is longest in the step.
pub(crate) fn sorted<'a>(rows: impl IntoIterator<Item = &'a CardRow>, relays: bool) -> Vec<Card> {
    let mut cards: Vec<Card> = rows.into_iter().map(|row| row.card(relays)).collect();
    cards.sort_by(|a, b| {
        let since = |card: &Card| card.active_since.map_or(i64::MAX, Timestamp::as_millis);
        b.need.cmp(&a.need).then_with(|| since(a).cmp(&since(b))).then_with(|| a.workspace.cmp(&b.workspace))
    });
    cards
}
