//! Workspaces at a glance, out of the database: one query for any number of them.

use sqlx::{FromRow, PgPool};
use workshop_events::Timestamp;

use super::moments::{count, maybe};
use super::need::{Known, need};
use super::types::{Card, LogState};

/// Most workspaces that are shown at once.
const MOST: i64 = 10_000;

/// What is stored of a workspace; the card is what it means now.
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
    step_completed: bool,
    clients: i32,
    last_ts: Option<i64>,
    active_since: Option<i64>,
    tries: i32,
    helps: i32,
    last_passed: Option<bool>,
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

/// What is stored of workspaces, by name.
pub(crate) async fn rows(pool: &PgPool, which: Which<'_>) -> Result<Vec<CardRow>, sqlx::Error> {
    sqlx::query_as(
        "select w.workspace, w.student, coalesce(nullif(s.workshop, ''), w.workshop) as workshop,
                w.url is not null as has_url, w.version, (extract(epoch from w.revoked) * 1000)::bigint as revoked,
                s.step, s.step_title, s.step_position, coalesce(s.steps, 0) as steps,
                coalesce(done.completed, 0) as completed, coalesce(done.given, 0) as given,
                coalesce(s.step = any (s.completed), false) as step_completed, coalesce(s.clients, 0) as clients,
                (extract(epoch from s.last_ts) * 1000)::bigint as last_ts,
                (extract(epoch from s.active_since) * 1000)::bigint as active_since,
                coalesce(s.tries, 0) as tries, coalesce(s.helps, 0) as helps, s.last_passed, s.switch_step,
                s.switch_failed, newest.state as log_state,
                (select count(*) from gaps join logs using (log) where logs.workspace = w.workspace) as gaps,
                (select count(*) from quarantine q where q.workspace = w.workspace) as quarantined
         from workspaces w
         left join workspace_status s using (workspace)
         left join lateral (
             select count(*) filter (where step.completed is not null) as completed,
                    count(*) filter (where step.given and step.completed is null) as given
             from step_status step where step.log = s.log and step.position is not null
         ) done on true
         left join lateral (
             select state from logs where logs.workspace = w.workspace order by first_seen desc, log desc limit 1
         ) newest on true
         where ($1::text[] is null or w.workspace = any ($1))
           and ($2::text is null or coalesce(nullif(s.workshop, ''), w.workshop) = $2)
           and ($3 or w.revoked is null)
         order by w.workspace limit $4",
    )
    .bind(which.names)
    .bind(which.workshop)
    .bind(which.revoked)
    .bind(MOST)
    .fetch_all(pool)
    .await
}

impl CardRow {
    /// The card, as things stand now. `relays`: whether terminals of workspaces can be watched at all.
    pub(crate) fn card(&self, now: Timestamp, relays: bool) -> Card {
        let done = self.completed + self.given;
        let known = Known {
            last_activity: maybe(self.last_ts),
            connected: self.clients > 0,
            finished: self.steps > 0 && done >= i64::from(self.steps),
            step_completed: self.step_completed,
            active_since: maybe(self.active_since),
            tries: count(self.tries),
            last_passed: self.last_passed,
        };
        let (mark, need) = need(&known, now);
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
            clients: count(self.clients),
            connected: known.connected,
            last_activity: known.last_activity,
            active_since: known.active_since,
            tries: known.tries,
            helps: count(self.helps),
            last_passed: self.last_passed,
            mark,
            need,
            switch_step: self.switch_step.clone(),
            switch_failed: self.switch_failed.clone(),
            live: self.has_url && relays && self.revoked.is_none(),
            log_state: self.log_state.as_deref().map(log_state),
            gaps: count(self.gaps),
            quarantined: count(self.quarantined),
            revoked: maybe(self.revoked),
            version: self.version,
        }
    }
}

/// The cards of these rows: who needs help most first, among equals who is longest in the step.
pub(crate) fn sorted<'a>(
    rows: impl IntoIterator<Item = &'a CardRow>,
    now: Timestamp,
    relays: bool,
) -> Vec<Card> {
    let mut cards: Vec<Card> = rows.into_iter().map(|row| row.card(now, relays)).collect();
    cards.sort_by(|a, b| {
        let since = |card: &Card| card.active_since.map_or(i64::MAX, Timestamp::as_millis);
        b.need.cmp(&a.need).then_with(|| since(a).cmp(&since(b))).then_with(|| a.workspace.cmp(&b.workspace))
    });
    cards
}

/// A log's state as the database has it.
pub(crate) fn log_state(text: &str) -> LogState {
    match text {
        "diverged" => LogState::Diverged,
        "expired" => LogState::Expired,
        _ => LogState::Open,
    }
}
