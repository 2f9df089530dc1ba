//! How each entry of a list is read from the database, and written as CSV.

use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use workshop_events::FailedTest;
use workshop_wire::dashboard::{EventView, LlmView, QuarantineView, RecordingView};
use workshop_wire::history::{CommandView, TestReport};

use super::download::{Cell, Row};
use crate::values::{maybe, moment};

/// A row of a table that is numbered within its log.
pub(crate) trait Numbered: Row + Sized + Send + Unpin {
    /// The table.
    const TABLE: &'static str;
    /// What is read of it.
    const COLUMNS: &'static str;
    /// Reads a row of these columns.
    fn read(row: &PgRow) -> Result<Self, sqlx::Error>;
    /// Its number.
    fn seq(&self) -> i64;
}

/// Reads a row of the query that lists CommandViews.
pub(super) fn command(row: &PgRow) -> Result<CommandView, sqlx::Error> {
    Ok(CommandView {
        seq: row.try_get::<i64, _>("seq")?.unsigned_abs(),
        ts: moment(row.try_get("ts_ms")?),
        cmd: row.try_get("cmd")?,
        exit: row.try_get("exit")?,
        session: row.try_get("session")?,
        step: row.try_get("step")?,
        cwd: row.try_get("cwd")?,
        ms: row.try_get::<Option<i64>, _>("ms")?.map(i64::unsigned_abs),
        at: row.try_get("at")?,
    })
}

impl Numbered for CommandView {
    const TABLE: &'static str = "command_log";
    const COLUMNS: &'static str =
        "seq, (extract(epoch from ts) * 1000)::bigint as ts_ms, cmd, exit, session, step, cwd, ms, at";
    fn read(row: &PgRow) -> Result<Self, sqlx::Error> {
        command(row)
    }
    fn seq(&self) -> i64 {
        i64::try_from(self.seq).unwrap_or(i64::MAX)
    }
}

impl Row for CommandView {
    const NAMES: &'static [&'static str] =
        &["seq", "ts", "step", "cmd", "exit", "session", "cwd", "ms", "at"];
    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::plain(self.seq),
            Cell::plain(self.ts),
            Cell::text(self.step.as_ref()),
            Cell::Text(self.cmd.clone()),
            Cell::maybe(self.exit),
            Cell::text(self.session.as_ref()),
            Cell::text(self.cwd.as_ref()),
            Cell::maybe(self.ms),
            Cell::maybe(self.at),
        ]
    }
}

/// Reads a row of the query that lists EventViews.
pub(super) fn event(row: &PgRow) -> Result<EventView, sqlx::Error> {
    let failed: Option<Json<Vec<FailedTest>>> = row.try_get("failed")?;
    let tests = failed.map(|failed| failed.0).unwrap_or_default().into_iter();
    Ok(EventView {
        seq: row.try_get("seq")?,
        ts: moment(row.try_get("ts_ms")?),
        event: row.try_get("event")?,
        step: row.try_get("step")?,
        session: row.try_get("session")?,
        passed: row.try_get("passed")?,
        checks_passed: row.try_get("checks_passed")?,
        checks_total: row.try_get("checks_total")?,
        trigger: row.try_get("trigger")?,
        kind: row.try_get("kind")?,
        request: row.try_get("request")?,
        reason: row.try_get("reason")?,
        failed: tests.map(|test| TestReport { passed: false, test }).collect(),
    })
}

impl Numbered for EventView {
    const TABLE: &'static str = "state_timeline";
    const COLUMNS: &'static str = "seq, (extract(epoch from ts) * 1000)::bigint as ts_ms, event, step, session, passed, \
         checks_passed, checks_total, trigger, kind, request, reason, failed";
    fn read(row: &PgRow) -> Result<Self, sqlx::Error> {
        event(row)
    }
    fn seq(&self) -> i64 {
        self.seq
    }
}

impl Row for EventView {
    const NAMES: &'static [&'static str] = &[
        "seq",
        "ts",
        "event",
        "step",
        "session",
        "passed",
        "checksPassed",
        "checksTotal",
        "trigger",
        "kind",
        "request",
        "reason",
        "failed",
    ];
    fn cells(&self) -> Vec<Cell> {
        let failed: Vec<String> = self
            .failed
            .iter()
            .map(|TestReport { test, .. }| {
                format!("{}: {} instead of {}", test.title, test.found, test.expected)
            })
            .collect();
        vec![
            Cell::plain(self.seq),
            Cell::plain(self.ts),
            Cell::Text(self.event.clone()),
            Cell::text(self.step.as_ref()),
            Cell::text(self.session.as_ref()),
            Cell::maybe(self.passed),
            Cell::maybe(self.checks_passed),
            Cell::maybe(self.checks_total),
            Cell::text(self.trigger.as_ref()),
            Cell::text(self.kind.as_ref()),
            Cell::text(self.request.as_ref()),
            Cell::text(self.reason.as_ref()),
            Cell::Text(failed.join("; ")),
        ]
    }
}

/// Reads a row of the query that lists LlmViews.
pub(super) fn llm(row: &PgRow) -> Result<LlmView, sqlx::Error> {
    Ok(LlmView {
        seq: row.try_get("seq")?,
        ts: moment(row.try_get("ts_ms")?),
        step: row.try_get("step")?,
        mode: row.try_get("mode")?,
        question: row.try_get("question")?,
        response: row.try_get("response")?,
        model: row.try_get("model")?,
        input_tokens: row.try_get("input_tokens")?,
        output_tokens: row.try_get("output_tokens")?,
        ms: row.try_get("ms")?,
        outcome: row.try_get("outcome")?,
    })
}

impl Numbered for LlmView {
    const TABLE: &'static str = "llm_interactions";
    const COLUMNS: &'static str = "seq, (extract(epoch from ts) * 1000)::bigint as ts_ms, step, mode, question, response, \
         model, input_tokens, output_tokens, ms, outcome";
    fn read(row: &PgRow) -> Result<Self, sqlx::Error> {
        llm(row)
    }
    fn seq(&self) -> i64 {
        self.seq
    }
}

impl Row for LlmView {
    const NAMES: &'static [&'static str] = &[
        "seq",
        "ts",
        "step",
        "mode",
        "question",
        "response",
        "model",
        "inputTokens",
        "outputTokens",
        "ms",
        "outcome",
    ];
    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::plain(self.seq),
            Cell::plain(self.ts),
            Cell::Text(self.step.clone()),
            Cell::Text(self.mode.clone()),
            Cell::Text(self.question.clone()),
            Cell::Text(self.response.clone()),
            Cell::Text(self.model.clone()),
            Cell::plain(self.input_tokens),
            Cell::plain(self.output_tokens),
            Cell::plain(self.ms),
            Cell::Text(self.outcome.clone()),
        ]
    }
}

/// Reads a row of the query that lists RecordingViews.
pub(super) fn recording(row: &PgRow) -> Result<RecordingView, sqlx::Error> {
    Ok(RecordingView {
        log: row.try_get("log")?,
        name: row.try_get("name")?,
        session: row.try_get("session")?,
        terminal: row.try_get("session_name")?,
        opened: maybe(row.try_get("opened")?),
        at: row.try_get("at")?,
        bytes: row.try_get("bytes")?,
        live: row.try_get("live")?,
    })
}

impl Row for RecordingView {
    const NAMES: &'static [&'static str] =
        &["log", "name", "session", "terminal", "opened", "at", "bytes", "live"];
    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::Text(self.log.clone()),
            Cell::Text(self.name.clone()),
            Cell::text(self.session.as_ref()),
            Cell::text(self.terminal.as_ref()),
            Cell::maybe(self.opened),
            Cell::plain(self.at),
            Cell::plain(self.bytes),
            Cell::plain(self.live),
        ]
    }
}

/// Reads a row of the query that lists QuarantineViews.
pub(super) fn quarantine(row: &PgRow) -> Result<QuarantineView, sqlx::Error> {
    let line: Vec<u8> = row.try_get("line")?;
    Ok(QuarantineView {
        id: row.try_get("id")?,
        log: row.try_get("log")?,
        stream: row.try_get("stream")?,
        offset: row.try_get("offset")?,
        reason: row.try_get("reason")?,
        line: String::from_utf8_lossy(&line).into_owned(),
        received_at: moment(row.try_get("received_at")?),
    })
}

impl Row for QuarantineView {
    const NAMES: &'static [&'static str] = &["id", "log", "stream", "offset", "reason", "line", "receivedAt"];
    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::plain(self.id),
            Cell::text(self.log.as_ref()),
            Cell::Text(self.stream.clone()),
            Cell::maybe(self.offset),
            Cell::Text(self.reason.clone()),
            Cell::Text(self.line.clone()),
            Cell::plain(self.received_at),
        ]
    }
}
